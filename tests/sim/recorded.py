"""What a recording says, read with a parser of its own: commands, replies and events in their order."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from tests.recordings import Frame

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass
class Said:
    """One thing on the wire. `kind` is command, reply, event or notice; `headers` are decoded."""

    kind: str
    time: float
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    text: str = ""
    connection: int = 0

    @property
    def name(self) -> str:
        return self.headers.get("Event-Name", "")

    @property
    def uuid(self) -> str:
        return self.headers.get("Unique-ID", "")

    def get(self, header: str) -> str:
        return self.headers.get(header, "")


class FrameReader:
    """Bytes of one connection in, things said out."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes, time: float) -> Iterator[Said]:
        self._buffer += data
        while True:
            end = self._buffer.find(b"\n\n")
            if end < 0:
                return
            head = _headers(_text(self._buffer[:end]), decode=False)
            length = int(head.get("Content-Length", 0))
            if len(self._buffer) < end + 2 + length:
                return
            body = _text(self._buffer[end + 2 : end + 2 + length])
            self._buffer = self._buffer[end + 2 + length :]
            yield _said(head, body, time)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _headers(text: str, *, decode: bool = True) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in text.split("\n"):
        name, _, value = line.partition(": ")
        if name:
            decoded = unquote(value, errors="surrogateescape") if decode else value
            headers.setdefault(name, "" if decoded == "_undef_" and decode else decoded)
    return headers


def _said(head: dict[str, str], body: str, time: float) -> Said:
    kind = head.get("Content-Type", "")
    if kind == "text/event-plain":
        top, _, rest = body.partition("\n\n")
        return Said("event", time, _headers(top), rest)
    if kind == "text/event-json":
        pairs = json.loads(body, object_pairs_hook=list)
        headers: dict[str, str] = {}
        for name, value in pairs:
            headers.setdefault(name, value if isinstance(value, str) else "ARRAY::" + "|:".join(value))
        return Said("event", time, headers, headers.pop("_body", ""))
    if not kind or "Event-Name" in head:
        decoded = {name: unquote(value, errors="surrogateescape") for name, value in head.items()}
        return Said("reply", time, decoded, body)
    if kind in ("command/reply", "api/response"):
        return Said("reply", time, head, body)
    return Said("notice", time, head, body)


def timeline(frames: Iterable[Frame]) -> list[Said]:
    """Everything in a recording. A second auth/request begins another connection."""
    reader, connection = FrameReader(), -1
    out: list[Said] = []
    for frame in frames:
        if frame.direction == ">":
            out.append(Said("command", frame.seconds, text=frame.text, connection=max(connection, 0)))
            continue
        if frame.text.startswith("Content-Type: auth/request"):
            reader, connection = FrameReader(), connection + 1
        for said in reader.feed(frame.data, frame.seconds):
            said.connection = max(connection, 0)
            out.append(said)
    return out
