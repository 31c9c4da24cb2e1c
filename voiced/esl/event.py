"""One event, read lazily.

Most events are only looked at for their name and channel, so nothing is parsed before it is asked for.
The rules are the server's (switch_event.c): header names are case-insensitive, of a repeated header the
first counts, values are percent-encoded UTF-8 that may be broken, an empty value prints as `_undef_`.
Lines are split before anything is decoded: an encoded newline inside a caller's name stays inside it.
"""

from __future__ import annotations

import json
from urllib.parse import unquote_to_bytes

_KNOWN_LINES = 8192  # header lines remembered; a channel repeats the same lines in each of its events


def decode(raw: bytes) -> str:
    """One header value as text: percent-decoded, broken UTF-8 kept as surrogate escapes, `_undef_` → ''."""
    if b"%" in raw:
        raw = unquote_to_bytes(raw)
    elif raw == b"_undef_":
        return ""
    return raw.decode("utf-8", "surrogateescape")


class _Lines(dict[bytes, tuple[str, str]]):
    """Header line → (lower-case name, value). Bounded: emptied when full."""

    def __missing__(self, line: bytes) -> tuple[str, str]:
        name, _, value = line.partition(b": ")
        pair = (name.decode("utf-8", "surrogateescape").lower(), decode(value))
        if len(self) >= _KNOWN_LINES:
            self.clear()
        self[line] = pair
        return pair


class Event:
    """A FreeSWITCH event: its headers by name, and a `body`.

    >>> event["Unique-ID"], event.get("variable_voiced_attempt"), event.body

    Names are matched without regard to case. `raw` is the payload as it came, after one newline, so that
    every header line in it begins with a newline.
    """

    __slots__ = ("_end", "_headers", "_lower", "_text_body", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._lower: bytes | None = None
        self._headers: dict[str, str] | None = None
        self._end: int | None = None
        self._text_body: str | None = None

    @classmethod
    def from_json(cls, payload: bytes) -> Event:
        """The same event from a `text/event-json` payload. Raises ValueError if it is no JSON object."""
        fields = json.loads(payload.decode("utf-8", "surrogateescape"))
        if not isinstance(fields, dict):
            raise ValueError("a JSON event is an object")
        event = cls(b"")
        body = fields.pop("_body", "")
        event._text_body = body if isinstance(body, str) else json.dumps(body)
        event._headers = {}
        for name, value in fields.items():
            if isinstance(value, list):
                value = "ARRAY::" + "|:".join(map(str, value))
            event._headers.setdefault(name.lower(), str(value))
        return event

    # -- the headers ------------------------------------------------------------------------------------

    def get(self, name: str, default: str | None = None) -> str | None:
        """The first header of that name, decoded; `default` where there is none."""
        if self._headers is not None:
            return self._headers.get(name.lower(), default)
        lower = self._lower
        if lower is None:
            lower = self._lower = self.raw[: self._header_end()].lower()
        needle = b"\n" + name.lower().encode("utf-8", "surrogateescape") + b": "
        at = lower.find(needle)
        if at < 0:
            return default
        at += len(needle)
        end = lower.find(b"\n", at)
        return decode(self.raw[at : end if end >= 0 else self._header_end()])

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
            lines = self.raw[1 : self._header_end()].split(b"\n")
            lines.reverse()
            self._headers = dict(map(_LINES.__getitem__, lines))
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
        if self._text_body is None:
            end = self._header_end()
            self._text_body = self.raw[end + 2 :].decode("utf-8", "surrogateescape")
        return self._text_body

    def _header_end(self) -> int:
        """Where the headers end in `raw`: the payload is split once, at its first blank line."""
        if self._end is None:
            end = self.raw.find(b"\n\n")
            self._end = end if end >= 0 else len(self.raw)
        return self._end

    def __repr__(self) -> str:
        what = f"{self.name} {self.subclass}".rstrip()
        return f"<Event {what} {self.unique_id}>"


_LINES = _Lines()
