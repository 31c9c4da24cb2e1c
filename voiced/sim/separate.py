"""Cutting text as FreeSWITCH does (`switch_separate_string`): quotes, escapes, the rest in the last piece."""

from __future__ import annotations

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "s": " "}


def words(text: str) -> tuple[str, ...]:
    """A list of names, written as one text."""
    return tuple(text.split())


def separate(text: str, delimiter: str, most: int = 0) -> list[str]:
    """Cut at a delimiter outside of single quotes; at most `most` pieces (0: no limit), cleaned.

    With a space as the delimiter several of them count as one.
    """
    pieces: list[str] = []
    begin = position = 0
    quoted = False
    if delimiter == " ":
        begin = position = len(text) - len(text.lstrip(" "))
    if begin >= len(text):
        return []
    while position < len(text):
        if most and len(pieces) == most - 1:
            break
        char = text[position]
        if char == "\\":
            position += 2
            continue
        if char == "'" and (quoted or delimiter == " " or "'" in text[position + 1 :]):
            quoted = not quoted
        elif char == delimiter and not quoted:
            pieces.append(text[begin:position])
            position += 1
            if delimiter == " ":
                while position < len(text) and text[position] == " ":
                    position += 1
            begin = position
            continue
        position += 1
    if begin < len(text):
        pieces.append(text[begin:])
    return [clean(piece, delimiter) for piece in pieces]


def clean(piece: str, delimiter: str = "") -> str:
    """Strip spaces and single quotes, and resolve escapes (``\\'``, ``\\,`` …); spaces inside quotes stay."""
    out: list[str] = []
    end = 0
    quoted = False
    position = len(piece) - len(piece.lstrip(" "))
    while position < len(piece):
        char = piece[position]
        following = piece[position + 1] if position + 1 < len(piece) else ""
        special = following and (following in "'\"\\" or following == delimiter or following in _ESCAPES)
        if char == "\\" and special:
            escape_first = following in "'\"\\" or following == delimiter
            out.append(following if escape_first else _ESCAPES[following])
            end = len(out)
            position += 2
            continue
        if char == "'" and (quoted or "'" in piece[position + 1 :]):
            quoted = not quoted
            if quoted:
                end = len(out)
        else:
            out.append(char)
            if char != " " or quoted:
                end = len(out)
        position += 1
    return "".join(out[:end]) if end or not out else "".join(out)
