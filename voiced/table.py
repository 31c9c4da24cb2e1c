"""A state machine written as a table: rows are facts, columns are phases, an entry is a rule or a reason.

An entry that begins with a dot names the reason why the fact changes nothing there. The table is read when
the program starts, and whatever is missing or unknown in it is an error then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from inspect import isfunction
from types import ModuleType
from typing import Any, TypeVar

Column = TypeVar("Column", bound=StrEnum)


def fact_name(kind: type) -> str:
    """`HoldStarted` → `hold_started`, as a table writes it."""
    name = kind.__name__
    return "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))


def rules_of(module: ModuleType) -> dict[str, Any]:
    """The functions that a module defines itself, by name."""
    return {
        name: value
        for name, value in vars(module).items()
        if isfunction(value) and value.__module__ == module.__name__
    }


def read(
    text: str, columns: type[Column], facts: Iterable[type], rules: Mapping[str, Any], reasons: Iterable[str]
) -> dict[str, dict[Column, str]]:
    """The table as a mapping: fact, phase → rule. Raises ValueError for one that is incomplete."""
    known = {*rules, *reasons}
    header, *lines = (line.split() for line in text.strip().splitlines())
    phases = [columns(name) for name in header[1:]]
    if phases != list(columns):
        raise ValueError(f"the table's columns are not the members of {columns.__name__}")
    table = {}
    for name, *cells in lines:
        if len(cells) != len(phases) or not known.issuperset(cells):
            raise ValueError(f"the table's row {name} is incomplete or has a rule that does not exist")
        table[name] = dict(zip(phases, cells, strict=True))
    if set(table) != {fact_name(kind) for kind in facts}:
        raise ValueError("the table's rows are not the facts")
    return table
