"""The tables of phrases beside this file, and a matcher of each of their directories."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from voiced.transfer.destination import Destination
from voiced.transfer.matching import Default, Found, Match, Matcher, Nobody, Number, Question
from voiced.transfer.request import DestinationType


def one(id: int, name: str, kind: str = "extension", **columns: Any) -> Destination:
    """A destination."""
    number = columns.pop("number", str(1000 + id))
    columns["aliases"] = tuple(columns.get("aliases", ()))
    return Destination(UUID(int=id), UUID(int=0), name, DestinationType(kind), number, **columns)


def told(match: Match) -> dict[str, Any]:
    """A match as a table writes it."""
    match match:
        case Found(destination):
            return {"found": destination.name}
        case Question(options):
            return {"question": sorted(option.name for option in options)}
        case Default():
            return {"default": True}
        case Number(number):
            return {"number": number}
        case Nobody():
            return {"nobody": True}


def _of_table(at: int, row: dict[str, Any]) -> Destination:
    columns = {key: value for key, value in row.items() if key not in ("name", "type")}
    return one(at, row["name"], row["type"], **columns)


TABLES: Final = {
    name: tomllib.loads((Path(__file__).parent / f"{name}.toml").read_text())
    for name in ("phrases", "clinic", "namesakes", "lawyers")
}
HOUSES: Final = {
    name: [_of_table(at, row) for at, row in enumerate(table["destination"])]
    for name, table in TABLES.items()
}
MATCHERS: Final = {name: Matcher(house) for name, house in HOUSES.items()}
ROWS: Final = [  # house, what is said, what must come of it
    (name, say, {key: value for key, value in row.items() if key != "say"})
    for name, table in TABLES.items()
    for row in table["phrase"]
    for say in row["say"]
]
