"""An extension of a domain: how presence, do-not-disturb and callbacks name a person's phones."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Extension:
    """The key. `domain` is the domain's name as dial strings have it, in lower case whoever wrote it."""

    number: str
    domain: str

    def __post_init__(self) -> None:
        if not self.domain.islower():
            object.__setattr__(self, "domain", self.domain.lower())

    def __str__(self) -> str:
        return f"{self.number}@{self.domain}"


def parse(address: str) -> Extension | None:
    """`1001@pbx.example.com`, as `Channel-Presence-ID` has it; None for what names nobody."""
    number, at, domain = address.partition("@")
    return Extension(number, domain) if number and at and domain else None
