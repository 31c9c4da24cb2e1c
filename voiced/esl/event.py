"""One event, read lazily.

Most events are only looked at for their name and channel, so nothing is parsed before it is asked for.
The rules are the server's (switch_event.c): header names are case-insensitive (ASCII), of a repeated header
the first counts, values are percent-encoded UTF-8 that may be broken, an empty value prints as `_undef_`.
Lines are split before anything is decoded: an encoded newline inside a caller's name stays inside it.
"""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import unquote_to_bytes

KNOWN_LINES: Final = 4096  # header lines in the cache below
LONGEST_KNOWN_LINE: Final = 1024  # bytes; so that the cache is bounded in bytes too


def decode(raw: bytes) -> str:
    """One header value as text: percent-decoded, broken UTF-8 kept as surrogate escapes, `_undef_` → ''."""
    if b"%" in raw:
        raw = unquote_to_bytes(raw)
    elif raw == b"_undef_":
        return ""
    return raw.decode("utf-8", "surrogateescape")


class Event:
    """A FreeSWITCH event: its headers by name, and a `body`.

    >>> event["Unique-ID"], event.get("variable_voiced_attempt"), event.body

    Names are matched without regard to case. `raw` is the payload as it came, after one newline, so that
    every header line in it begins with a newline; it is empty for events that came as JSON.
    """

    __slots__ = ("_body", "_end", "_headers", "_lower", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._end: int | None = None
        self._lower: bytes | None = None
        self._headers: dict[str, str] | None = None
        self._body: str | None = None

    @classmethod
    def from_json(cls, payload: bytes) -> Event:
        """The same event from a `text/event-json` payload. Raises ValueError if it is no JSON object."""
        try:
            fields = json.loads(
                payload.decode("utf-8", "surrogateescape"),
                object_pairs_hook=_first_of_each,
                parse_int=str,
                parse_float=str,
            )
        except RecursionError:
            raise ValueError("a JSON event is not nested that deep") from None
        if not isinstance(fields, dict):
            raise ValueError("a JSON event is an object")
        event = cls(b"")
        event._body = _text_of(fields.pop("_body", ""))
        event._headers = {}
        for name, value in fields.items():
            event._headers.setdefault(_folded(_text_of(name)), _text_of(value))
        return event

    # -- the headers ------------------------------------------------------------------------------------

    def get(self, name: str, default: str | None = None) -> str | None:
        """The first header of that name, decoded; `default` where there is none."""
        if self._headers is not None:
            return self._headers.get(_folded(name), default)
        lower = self._lower
        if lower is None:
            lower = self._lower = self.raw[: self._header_end()].lower()
        needle = b"\n%b: " % name.encode("utf-8", "surrogateescape").lower()
        at = lower.find(needle)
        if at < 0 or not name:
            return default
        at += len(needle)
        end = lower.find(b"\n", at)
        return decode(self.raw[at : end if end >= 0 else len(lower)])

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def headers(self) -> dict[str, str]:
        """Every header, names in lower case, values decoded; the first of a repeated name."""
        if self._headers is None:
            headers = _parsed(self.raw[1:-2]) if self.raw.endswith(b"\n\n") else None
            if headers is None or "" in headers:  # there is a body, or a line that is no header
                headers = _parsed(self.raw[1 : self._header_end()])
                headers.pop("", None)
            self._headers = headers  # (to look for the blank line costs a fifth of it all)
        return self._headers

    # -- what everybody asks for ------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """`Event-Name`, for CUSTOM events `CUSTOM` (see `subclass`)."""
        return self.get("Event-Name") or ""

    @property
    def subclass(self) -> str:
        """`Event-Subclass` of a CUSTOM event, else ''."""
        return self.get("Event-Subclass") or ""

    @property
    def unique_id(self) -> str:
        """The channel's uuid, '' for events that belong to no channel."""
        return self.get("Unique-ID") or ""

    def variable(self, name: str) -> str | None:
        """A channel variable that the event carries, else None."""
        return self.get("variable_" + name)

    @property
    def body(self) -> str:
        """What follows the headers: a job's result, a message. Raw text, never percent-decoded."""
        if self._body is None:
            self._body = self.raw[self._header_end() + 2 :].decode("utf-8", "surrogateescape")
        return self._body

    def _header_end(self) -> int:
        """Where the headers end in `raw`: the payload is split once, at its first blank line."""
        if self._end is None:
            end = self.raw.find(b"\n\n")
            self._end = end if end >= 0 else len(self.raw)
        return self._end

    def __repr__(self) -> str:
        return f"<Event {f'{self.name} {self.subclass}'.rstrip()} {self.unique_id}>"


class _Lines(dict[bytes, tuple[str, str]]):
    """Header line → (lower-case name, value): a channel repeats most of its lines in each of its events.

    A line without `: ` is no header; it gets the name ''.
    """

    def __missing__(self, line: bytes) -> tuple[str, str]:
        name, colon, value = line.partition(b": ")
        pair = (name.lower().decode("utf-8", "surrogateescape"), decode(value)) if colon else ("", "")
        if len(line) <= LONGEST_KNOWN_LINE:
            if len(self) >= KNOWN_LINES:
                self.clear()
            self[line] = pair
        return pair


_LINES: Final = _Lines()


def _parsed(lines: bytes) -> dict[str, str]:
    backwards = lines.split(b"\n")
    backwards.reverse()  # a dict keeps the last of a repeated name
    return dict(map(_LINES.__getitem__, backwards))


def _folded(name: str) -> str:
    """A header's name as a key: lower case, of ASCII letters only, as the server compares them."""
    if name.isascii():
        return name.lower()
    return name.encode("utf-8", "surrogateescape").lower().decode("utf-8", "surrogateescape")


def _first_of_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in pairs:
        fields.setdefault(name, value)
    return fields


def _text_of(value: Any) -> str:
    """A value of a JSON event as a plain event would have it."""
    if isinstance(value, list):
        value = "ARRAY::" + "|:".join(map(_text_of, value))
    elif not isinstance(value, str):
        value = json.dumps(value)
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half of a `\ud83d\ude00`: no text that could go over a wire again
        value = value.encode("utf-8", "replace").decode()
    return str(value)
