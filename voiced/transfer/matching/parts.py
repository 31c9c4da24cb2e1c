"""The parts of a phrase: words that belong together, and the role that they play."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, TypeAlias

from voiced.transfer.matching.spoken import Word

Words: TypeAlias = list[Word]
OR: Final = Word("ou", "ou", False)


class Role(IntEnum):
    """What a part of a phrase is. In this order they are believed, when it comes to whom the caller wants."""

    CONTACT = 0  # `quero falar com …`, `me passa pra …`
    WISH = 1  # `quero …`, `preciso de …`
    PLAIN = 2  # only said: `o financeiro por favor`
    TALKED = 3  # `eu falei ontem com …`, `a Ana me ligou`: wanted, where nobody else is
    OPENING = 4  # `é a Maria …`: the caller's own name, or whom they want where nobody else is
    REASON = 5  # `porque …`, `sobre …`: what it is about may be a department
    MENTIONED = 6  # `comprei com …`, `o João me mandou …`: never found, perhaps suggested
    CALLER = 7  # `aqui é …`: who calls
    DENIED = 8  # `não quero …`, `menos …`, `nem …`


@dataclass(slots=True)
class Part:
    """Words that belong together. An `OR` among them parts alternatives."""

    role: Role
    words: Words = field(default_factory=list)


def says(words: Iterable[Word]) -> bool:
    """Whether there is anything but fillers."""
    return any(word.says for word in words)


def alternatives(words: Words) -> list[Words]:
    """The sides of every `ou` that say something, each once; all of it where none does."""
    sides: list[Words] = [[]]
    for word in words:
        if word is OR:
            sides.append([])
        else:
            sides[-1].append(word)
    if len(sides) == 1:
        return sides
    told = {tuple(word.text for word in side): side for side in sides if says(side)}
    return list(told.values()) or [[word for word in words if word is not OR]]
