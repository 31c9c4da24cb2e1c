"""How the event socket writes things down: percent-encoding, plain, JSON and XML events.

Written from what the server does (`switch_event_serialize`, `switch_url_encode`) and checked against the
recording `unicode_and_awkward_values`; independent of the parser in voiced.esl on purpose.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from xml.sax.saxutils import escape

Value = str | tuple[str, ...]
"""A header's value; a tuple is an array, printed as ``ARRAY::a|:b``."""

Pairs = list[tuple[str, Value]]

# Everything outside printable ASCII, and the server's list of unsafe characters. A percent sign that already
# stands before two upper-case hex digits is left alone: decoding is lossy there.
_UNSAFE = re.compile(rb"%(?![0-9A-F]{2})|[^ -~]|[ \"#&+:;<=>?@\[\\\]^`{|}]")
_SAFE_TEXT = re.compile(r"[!$'()*,\-./0-9A-Z_a-z~]*\Z")


def percent_encode(value: str) -> str:
    """Encode one event value as the server does; a space is ``%20`` and a comma or a slash stays."""
    if _SAFE_TEXT.match(value):
        return value
    raw = value.encode("utf-8", "surrogateescape")
    return _UNSAFE.sub(lambda m: b"%%%02X" % m[0][0], raw).decode("ascii")


def flat(value: Value) -> str:
    """The text of a value, an array as ``ARRAY::a|:b``."""
    return value if isinstance(value, str) else "ARRAY::" + "|:".join(value)


def line(name: str, value: Value) -> str:
    """One header line of a plain event; an empty value is ``_undef_``."""
    return f"{name}: {percent_encode(flat(value)) or '_undef_'}\n"


class Block:
    """A run of headers, written to text at most once: events of one channel share their blocks."""

    __slots__ = ("_index", "_text", "pairs")

    def __init__(self, pairs: Pairs, text: str | None = None) -> None:
        self.pairs = pairs
        self._text = text
        self._index: dict[str, Value] | None = None

    def get(self, lower_name: str) -> Value | None:
        """The first value of a header, by its lower-case name."""
        if self._index is None:
            self._index = {name.lower(): value for name, value in reversed(self.pairs)}
        return self._index.get(lower_name)

    @property
    def text(self) -> str:
        if self._text is None:
            self._text = "".join([line(name, value) for name, value in self.pairs])
        return self._text


class Event:
    """One event: its headers in order (names may repeat; the first counts) and perhaps a body."""

    __slots__ = ("_json", "_plain", "blocks", "body", "name", "subclass")

    def __init__(
        self, name: str, blocks: Iterable[Block], body: str | None = None, subclass: str | None = None
    ) -> None:
        self.name = name
        self.subclass = subclass
        self.blocks = tuple(blocks)
        self.body = body
        self._plain: bytes | None = None
        self._json: bytes | None = None

    def pairs(self) -> Iterable[tuple[str, Value]]:
        for block in self.blocks:
            yield from block.pairs

    def get(self, name: str) -> str | None:
        """The first header of that name (in any case), or None."""
        wanted = name.lower()
        for block in self.blocks:
            value = block.get(wanted)
            if value is not None:
                return flat(value)
        return None

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def __repr__(self) -> str:
        return f"<Event {self.name} {self.get('Unique-ID') or self.subclass or ''}>"

    def serialized(self, *, encode: bool = True) -> str:
        """The event as the server prints it: header lines, then a blank line or a body with its length."""
        if encode:
            head = "".join([block.text for block in self.blocks])
        else:
            head = "".join(f"{name}: [{flat(value)}]\n" for name, value in self.pairs())
        if not self.body:
            return head + "\n"
        return f"{head}Content-Length: {len(to_bytes(self.body))}\n\n{self.body}"

    def plain(self) -> bytes:
        """The frame of an ``event plain`` listener."""
        if self._plain is None:
            self._plain = _frame("plain", to_bytes(self.serialized()))
        return self._plain

    def json_text(self) -> str:
        """The event as one JSON object; names may repeat, as they do from the server."""
        pairs: list[tuple[str, object]] = [(k, v if isinstance(v, str) else list(v)) for k, v in self.pairs()]
        if self.body is not None:
            pairs += [("Content-Length", str(len(to_bytes(self.body)))), ("_body", self.body)]
        members = (f"{json.dumps(k)}:{json.dumps(v, ensure_ascii=False)}" for k, v in pairs)
        return "{" + ",".join(members) + "}"

    def json(self) -> bytes:
        """The frame of an ``event json`` listener."""
        if self._json is None:
            self._json = _frame("json", to_bytes(self.json_text()))
        return self._json

    def xml(self) -> bytes:
        """The frame of an ``event xml`` listener."""
        rows = "".join(
            f"    <{_tag(k)}>{escape(percent_encode(flat(v)))}</{_tag(k)}>\n" for k, v in self.pairs()
        )
        body = f"  <body>{escape(self.body)}</body>\n" if self.body else ""
        return _frame("xml", to_bytes(f"<event>\n  <headers>\n{rows}  </headers>\n{body}</event>\n"))


def to_bytes(text: str) -> bytes:
    """UTF-8, with bytes that were not UTF-8 on the way in put back as they were."""
    return text.encode("utf-8", "surrogateescape")


def to_text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _frame(kind: str, payload: bytes) -> bytes:
    return b"Content-Length: %d\nContent-Type: text/event-%s\n\n%s" % (len(payload), kind.encode(), payload)


def _tag(name: str) -> str:
    return re.sub(r"[^\w.-]", "_", name)
