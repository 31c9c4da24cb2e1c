"""What can come of a phrase: one destination, several to ask about, the default, a number, or nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from voiced.transfer.destination import Destination


@dataclass(frozen=True, slots=True)
class Found:
    """One destination. `by` is what it was found by: alias, name, department, number, role, or likeness."""

    destination: Destination
    by: str


@dataclass(frozen=True, slots=True)
class Question:
    """Several that fit as well: ask."""

    options: tuple[Destination, ...]


@dataclass(frozen=True, slots=True)
class Default:
    """The phrase names nobody."""

    destination: Destination


@dataclass(frozen=True, slots=True)
class Number:
    """An extension's number that no destination has."""

    number: str


@dataclass(frozen=True, slots=True)
class Nobody:
    """The phrase names somebody who is not there, or nobody where there is no default."""

    suggestions: tuple[Destination, ...] = ()


Match: TypeAlias = Found | Question | Default | Number | Nobody
