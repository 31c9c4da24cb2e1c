"""The event socket without I/O: bytes in, frames out.

    frame    = header lines, a blank line, and Content-Length bytes of payload if that header is there
    payload  = of an event: header lines, a blank line, a body

Lengths are bytes. The order of a frame's headers is no contract, their names have no case. What a caller
does with a frame is in each frame's docstring. Only two things are errors: a length that is no length, and
a frame that would exceed the bounds; everything else the server may say is a frame.

`Parser` reads into one buffer that the transport fills (`get_buffer`, `buffer_updated`: the calls of
asyncio's BufferedProtocol), since a busy PBX sends thousands of events a second and copying is the cost.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from voiced.esl.errors import ProtocolError
from voiced.esl.event import Event, decode

BUFFER: Final = 1024 * 1024  # bytes at rest: a busy PBX is read in large pieces; one frame may need more
MAX_HEADERS: Final = 128 * 1024  # bytes before the blank line; the reply to `connect` is all header
MAX_PAYLOAD: Final = 64 * 1024 * 1024  # bytes; `show channels as json` of a large PBX has several MB


@dataclass(slots=True)
class Reply:
    """The answer to a command, `command/reply` or `api/response`: give it to the oldest waiting command.

    `text` is the Reply-Text or the api's output, without trailing newlines. An answer that begins with
    `-ERR` or `-USAGE` is a refusal, and no fault of the connection. `event` is the channel's data in the
    reply to `connect`; `job_uuid` the job's id in the reply to `bgapi`; `is_output` says that it is an
    api's output.
    """

    text: str
    job_uuid: str = ""
    event: Event | None = None
    is_output: bool = False

    @property
    def ok(self) -> bool:
        """False where the PBX refused (`-ERR …`, `-USAGE …`)."""
        return not self.text.startswith(("-ERR", "-USAGE"))

    @property
    def value(self) -> str:
        """The text behind `+OK`, or all of it where the command prints no `+OK`."""
        return self.text[3:].strip() if self.text.startswith("+OK") else self.text


@dataclass(frozen=True, slots=True)
class AuthRequest:
    """The PBX asks for the password: send `auth PASSWORD`."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """`text/rude-rejection`: the access list refuses us. A disconnect follows; stop."""

    text: str


@dataclass(frozen=True, slots=True)
class Disconnect:
    """`text/disconnect-notice`. With `lingering` the channel has ended and events still come: read on."""

    text: str
    lingering: bool


@dataclass(frozen=True, slots=True)
class LogLine:
    """`log/data`: one console line. `level` 0 (console) … 7 (debug); `text` is raw."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A frame of a type that we do not know (`text/event-xml`, and what the future brings): count it."""

    content_type: str
    payload: bytes


Frame: TypeAlias = Event | Reply | AuthRequest | Rejection | Disconnect | LogLine | Unknown

_plain_event = re.compile(rb"Content-Length: (\d{1,6})\nContent-Type: text/event-plain\n\n").match
_newlines = re.compile(rb"\n+").match

_HEAD: Final = len(b"Content-Length: 123456\nContent-Type: text/event-plain\n\n")
_MAX_HEADS: Final = 8192  # heads remembered


class _PlainHeads(dict[bytes, tuple[int, int]]):
    """The first bytes of a frame → where its payload begins and ends; (0, 0) if it is no plain event.

    A busy PBX sends plain events all day, and their heads differ in the length only: looking the bytes up
    costs half of matching them and making a number of the length.
    """

    def __missing__(self, head: bytes) -> tuple[int, int]:
        match = _plain_event(head)
        if match is None:
            return 0, 0
        if len(self) >= _MAX_HEADS:
            self.clear()
        self[head] = found = (match.end(), match.end() + int(match[1]))
        return found


_HEADS: Final = _PlainHeads()


class Parser:
    """Cuts a byte stream into frames, however the bytes arrive.

    After bytes that cannot be frames it returns what came before them, and `fault` says what is wrong;
    nothing can be read after that, and the connection has to be closed. `size` is the buffer's, in bytes.
    """

    def __init__(self, size: int = BUFFER) -> None:
        self.fault: ProtocolError | None = None
        self._size = size
        self._allocate(size)
        self._start = 0  # of the first unread byte
        self._end = 0  # behind the last
        self._needed = 1  # bytes from _start before looking again is worth it

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes, return the frames that they complete. Raises `fault` where there is one already."""
        frames: list[Frame] = []
        left = memoryview(data)
        while left and self.fault is None:
            room = self.get_buffer()
            n = min(len(room), len(left))
            room[:n] = left[:n]
            left = left[n:]
            frames += self.buffer_updated(n)
        if not frames and self.fault is not None:
            raise self.fault
        return frames

    def get_buffer(self, _hint: int = -1) -> memoryview:
        """Where the transport puts the next bytes; never empty."""
        unread = self._end - self._start
        if unread == 0:
            self._start = self._end = 0
        room = len(self._buffer) - self._end
        if room < self._size // 4 or (len(self._buffer) > self._size and unread < self._size // 2):
            self._make_room()
        return self._view[self._end :]

    def buffer_updated(self, nbytes: int) -> list[Frame]:
        """`nbytes` have been put there: return the frames that they complete, in order. See `fault`."""
        self._end += nbytes
        frames: list[Frame] = []
        start, end = self._start, self._end
        if end - start < self._needed or self.fault is not None:
            return frames
        view, heads = self._view, _HEADS
        needed = 1
        try:
            while start < end:
                head_end = start + _HEAD
                payload, after = heads[view[start : head_end if head_end < end else end].tobytes()]
                if payload == 0:
                    start, needed, frame = self._other(start, end)
                    if frame is not None:
                        frames.append(frame)
                    if needed:
                        break
                elif start + after <= end:
                    frames.append(Event(view[start + payload - 1 : start + after].tobytes()))
                    start += after
                else:
                    needed = payload + self._bounded(after - payload)
                    break
        except ProtocolError as fault:
            self.fault = fault
        self._start = start
        self._needed = needed or 1
        return frames

    @property
    def mid_frame(self) -> bool:
        """Whether the stream, if it ends now, ends inside a frame."""
        return self._start != self._end

    # -- inside -----------------------------------------------------------------------------------------

    def _allocate(self, size: int) -> None:
        self._buffer = bytearray(size)
        self._view = memoryview(self._buffer)

    def _make_room(self) -> None:
        """Move the unread bytes to the front of a buffer that is as large as they need, and no larger."""
        unread = self._view[self._start : self._end].tobytes()
        size = self._size
        while size - len(unread) < self._size // 4:
            size *= 2
        if size != len(self._buffer):
            self._allocate(size)
        self._view[: len(unread)] = unread
        self._start, self._end = 0, len(unread)

    def _bounded(self, length: int) -> int:
        if length > MAX_PAYLOAD:
            raise ProtocolError(f"a frame of {length} bytes; at most {MAX_PAYLOAD} are accepted")
        return length

    def _other(self, start: int, end: int) -> tuple[int, int, Frame | None]:
        """Any frame at `start`. Returns (next start, bytes needed or 0, frame or None)."""
        buffer = self._buffer
        if stray := _newlines(buffer, start, end):  # between frames
            return stray.end(), 0, None
        head_end = buffer.find(b"\n\n", start, end)
        if head_end < 0:
            if end - start > MAX_HEADERS:
                raise ProtocolError(f"no blank line within {MAX_HEADERS} bytes: this is no event socket")
            return start, end - start + 1, None
        headers = self._view[start:head_end].tobytes()
        fields = _frame_headers(headers)
        body_start = head_end + 2
        length = self._length(fields.get(b"content-length"))
        after = body_start + length
        if after > end:
            return start, after - start, None
        return after, 0, _frame(fields, headers, self._view[body_start:after].tobytes())

    def _length(self, raw: bytes | None) -> int:
        if raw is None:
            return 0
        if not raw.isdigit() or len(raw) > 12:
            raise ProtocolError(f"Content-Length: {raw[:40]!r} is no length")
        return self._bounded(int(raw))


def _frame_headers(headers: bytes) -> dict[bytes, bytes]:
    """Header lines of the frame itself: names in lower case, values raw, the first of a name."""
    fields: dict[bytes, bytes] = {}
    for line in headers.split(b"\n"):
        name, _, value = line.partition(b":")
        fields.setdefault(name.strip().lower(), value.strip())
    return fields


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _frame(fields: dict[bytes, bytes], headers: bytes, payload: bytes) -> Frame:
    kind = fields.get(b"content-type", b"").lower()
    if kind == b"command/reply":
        reply = fields.get(b"reply-text", b"")
        if b"event-name" in fields:  # the reply to `connect` is an event, its values encoded
            return Reply(decode(reply).rstrip("\n"), event=Event(b"\n" + headers))
        return Reply(_text(reply).rstrip("\n"), job_uuid=_text(fields.get(b"job-uuid", b"")))
    if kind == b"api/response":
        return Reply(_text(payload).rstrip("\n"), is_output=True)
    if kind == b"text/event-plain":
        return Event(b"\n" + payload)
    if kind == b"text/event-json":
        try:
            return Event.from_json(payload)
        except ValueError:
            return Unknown("text/event-json", payload)
    if kind == b"auth/request":
        return AuthRequest()
    if kind == b"text/disconnect-notice":
        return Disconnect(_text(payload), fields.get(b"content-disposition", b"").lower() == b"linger")
    if kind == b"text/rude-rejection":
        return Rejection(_text(payload).strip())
    if kind == b"log/data":
        level = fields.get(b"log-level", b"")
        return LogLine(int(level) if level.isdigit() and len(level) < 3 else 7, _text(payload))
    return Unknown(_text(kind), payload)
