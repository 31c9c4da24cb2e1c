"""Dial strings as `switch_ivr_originate` reads them.

``<ultra>{global,vars}[leg,vars]user/1@d,[…]user/2@d|user/3@d``: ``,`` rings at once, ``|`` one after the
other. A block may begin with ``^^:`` to cut at another character, and values may be in single quotes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .separate import separate


class DialStringError(ValueError):
    """A block of variables that is not closed, or nothing to dial."""


@dataclass
class Target:
    """One channel to make: its own variables, the endpoint's name, and what the endpoint is given."""

    variables: dict[str, str]
    endpoint: str
    data: str


@dataclass
class DialString:
    variables: dict[str, str] = field(default_factory=dict)
    groups: list[list[Target]] = field(default_factory=list)
    """Tried one after the other; the targets of one ring at once."""


def parse(text: str) -> DialString:
    """Read a dial string; raises DialStringError."""
    result = DialString()
    rest = text.lstrip(" ")
    for opening, closing in (("<", ">"), ("{", "}")):
        while rest.startswith(opening):
            rest = _block(rest, opening, closing, result.variables).lstrip(" ")
    if not rest:
        raise DialStringError("no origination URL")
    for group in separate_outside_brackets(rest, "|"):
        targets = []
        for leg in separate_outside_brackets(group, ","):
            variables: dict[str, str] = {}
            leg = leg.lstrip(" ")
            while leg.startswith("["):
                leg = _block(leg, "[", "]", variables).lstrip(" ")
            endpoint, _, data = leg.partition("/")
            targets.append(Target(variables, endpoint, data.rstrip(" ")))
        result.groups.append(targets)
    return result


def _block(text: str, opening: str, closing: str, into: dict[str, str]) -> str:
    """Read one block of variables and return what follows it."""
    end = closing_at(text, opening, closing)
    if end < 0:
        raise DialStringError(f"{opening} is not closed")
    inner = text[1:end]
    delimiter = ","
    if inner.startswith("^^") and len(inner) > 2:
        delimiter, inner = inner[2], inner[3:]
    for part in separate(inner, delimiter):
        pair = separate(part, "=", 2)
        if len(pair) == 2:
            into[pair[0]] = pair[1]
    return text[end + 1 :]


def closing_at(text: str, opening: str, closing: str) -> int:
    """Where the bracket that `text` begins with is closed, or -1."""
    depth = 0
    for position, char in enumerate(text):
        if char == opening:
            depth += 1
        elif char == closing:
            depth -= 1
            if depth == 0:
                return position
    return -1


def separate_outside_brackets(text: str, delimiter: str) -> list[str]:
    """Cut at a delimiter that is in no ``[…]`` block."""
    pieces, begin, depth = [], 0, 0
    for position, char in enumerate(text):
        if char == "[":
            depth += 1
        elif char == "]":
            depth -= 1
        elif char == delimiter and depth <= 0:
            pieces.append(text[begin:position])
            begin = position + 1
    pieces.append(text[begin:])
    return pieces
