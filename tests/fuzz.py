"""Mutated recordings through parser, events and router: no exception but ProtocolError, no hang, no growth.

    python -m tests.fuzz [--frames N] [--seed S]        `make fuzz` sends a million

Every frame that a real PBX sent may be damaged: bytes flipped, cut out, doubled or put in, lengths made to
lie, headers renamed, reordered or repeated, another frame put inside. They go to a parser in pieces of any
size, a few to a connection; what comes out is read in every way and given to a router.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import random
import re
import secrets
import time
from pathlib import Path

from tests.esl.frames import streams
from tests.recordings import names
from voiced.esl.errors import ProtocolError
from voiced.esl.event import Event
from voiced.esl.protocol import Frame, Parser, Reply
from voiced.esl.router import Router

HANG = 60  # seconds without progress after which every thread's stack is printed and the process ends
GROWTH = 32 * 1024 * 1024  # bytes of memory that may be won while it runs; caches fill in the first tenth
INSERTED = [
    b"\n", b"\n\n", b": ", b"%", b"%0A", b"%zz", b"\0", b"\r", b"\xff\xfe", b"_undef_",
    b"Content-Length: 5\n", b"Content-Type: text/event-json\n", b'{"a":1}', b"\\ud800", b"[" * 2000,
    b"Event-Name: X\n", b"Unique-ID: u-1\n", b"text/disconnect-notice", b"-ERR ", b"\n" * 300,
]  # fmt: skip
_length = re.compile(rb"(?i)content-length: *(\d+)")


def recorded() -> list[bytes]:
    """Every frame of every recording, as bytes."""
    found = []
    for name in names():
        for stream in streams(name):
            at = 0
            while at < len(stream):
                end = stream.index(b"\n\n", at) + 2
                length = _length.search(stream, at, end)
                if length and not stream.startswith(b"Event-Name: CHANNEL_DATA", at):
                    end += int(length[1])
                found.append(stream[at:end])
                at = end
    return found


class Mutator:
    """Damages frames. All chance comes from one seed."""

    def __init__(self, frames: list[bytes], draw: random.Random) -> None:
        self._frames, self._draw = frames, draw
        self._ways = [
            self._flip, self._cut, self._double, self._insert, self._lie, self._rename, self._reorder,
            self._nest, self._stop, self._to_json,
        ]  # fmt: skip

    def frame(self) -> bytes:
        """A frame, damaged in up to three ways; one in eight is left as it is."""
        frame = self._draw.choice(self._frames)
        for _ in range(self._draw.choice((0, 1, 1, 1, 1, 2, 2, 3))):
            frame = self._draw.choice(self._ways)(frame)
        return frame

    def _span(self, frame: bytes, longest: int) -> tuple[int, int]:
        start = self._draw.randrange(len(frame) + 1)
        return start, start + self._draw.randrange(longest + 1)

    def _flip(self, frame: bytes) -> bytes:
        damaged = bytearray(frame)
        for _ in range(self._draw.randrange(1, 8)):
            if damaged:
                damaged[self._draw.randrange(len(damaged))] ^= 1 << self._draw.randrange(8)
        return bytes(damaged)

    def _cut(self, frame: bytes) -> bytes:
        start, end = self._span(frame, 200)
        return frame[:start] + frame[end:]

    def _double(self, frame: bytes) -> bytes:
        start, end = self._span(frame, 500)
        return frame[:end] + frame[start:]

    def _insert(self, frame: bytes) -> bytes:
        start, _ = self._span(frame, 0)
        return frame[:start] + self._draw.choice(INSERTED) + frame[start:]

    def _lie(self, frame: bytes) -> bytes:
        """Another length, of the frame or of the body inside."""
        lengths = list(_length.finditer(frame))
        if not lengths:
            return frame
        match, draw = self._draw.choice(lengths), self._draw
        true = int(match[1])
        said: object = draw.choice(
            [
                0,
                1,
                true - 1,
                true + 1,
                true * 2,
                draw.randrange(10_000),
                draw.randrange(10**9),
                10**14,
                -1,
                "x",
                "",
            ]
        )
        return frame[: match.start(1)] + str(said).encode() + frame[match.end(1) :]

    def _rename(self, frame: bytes) -> bytes:
        """Names in another case."""
        head, blank, rest = frame.partition(b"\n\n")
        turn = self._draw.choice((bytes.lower, bytes.upper, bytes.swapcase))
        lines = [line.partition(b":") for line in head.split(b"\n")]
        return b"\n".join(turn(name) + colon + value for name, colon, value in lines) + blank + rest

    def _reorder(self, frame: bytes) -> bytes:
        """The lines of the head, or of the event, in another order, one of them perhaps repeated."""
        parts = frame.split(b"\n\n", 2)
        at = self._draw.randrange(len(parts))
        lines = parts[at].split(b"\n")
        lines.append(self._draw.choice(lines))
        self._draw.shuffle(lines)
        parts[at] = b"\n".join(lines)
        return b"\n\n".join(parts)

    def _nest(self, frame: bytes) -> bytes:
        """Another frame in the place of the body."""
        head, blank, _ = frame.partition(b"\n\n")
        return head + blank + self._draw.choice(self._frames)

    def _stop(self, frame: bytes) -> bytes:
        return frame[: self._draw.randrange(len(frame) + 1)]

    def _to_json(self, frame: bytes) -> bytes:
        return frame.replace(b"text/event-plain", b"text/event-json")


class Reader:
    """Reads whatever comes out of a parser in every way that there is."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self.heard = self.events = self.replies = self.others = self.faults = 0
        self.router = Router(self._failed)
        for name in ("CHANNEL_ANSWER", "CUSTOM sofia::register", "ALL", "BACKGROUND_JOB"):
            self.router.on(self._hear, name=name)
        self.router.on(self._hear, unique_id="u-1", name=["CHANNEL_ANSWER", "CUSTOM a::b"])
        self.router.on(self._hear, job_uuid="j-1")
        self.router.on(self._hear, variable=("voiced_transfer", "7"))

    def connection(self, pieces: list[bytes]) -> None:
        """The bytes of one connection: until its end, or until they cannot be read any more."""
        parser = Parser(self._draw.choice((64, 4096, 65536)))
        try:
            for piece in pieces:
                for frame in parser.feed(piece):
                    self.read(frame)
        except ProtocolError:
            self.faults += 1

    def read(self, frame: Frame) -> None:
        if isinstance(frame, Reply):
            self.replies += 1
            assert isinstance(frame.ok, bool)
            assert isinstance(frame.value, str)
            if frame.event is not None:
                self._read_event(frame.event)
        elif isinstance(frame, Event):
            self.events += 1
            self._read_event(frame)
        else:
            self.others += 1
            repr(frame)

    def _read_event(self, event: Event) -> None:
        self.router.route(event)
        headers = event.headers()
        assert isinstance(event.body, str)
        repr(event)
        for name in ("Event-Name", "unique-id", "variable_voiced_transfer", "", "x: y"):
            assert headers.get(name.lower()) == event.get(name) or not name
        if self._draw.random() < 0.02 and event.raw:  # the two ways to read a header agree
            fresh = Event(event.raw)
            assert {name: fresh.get(name) for name in headers} == headers
            assert all("\n" not in name for name in headers)

    def _hear(self, event: Event) -> None:
        self.heard += 1

    def _failed(self, event: Event, error: BaseException) -> None:
        raise error


def run(frames: int, seed: int, *, progress: bool = False) -> Reader:
    """That many frames. Raises what goes wrong."""
    draw = random.Random(seed)
    mutator, reader = Mutator(recorded(), draw), Reader(draw)
    began, early, done = time.monotonic(), 0, 0
    tenth = max(1, frames // 10)
    while done < frames:
        count = min(draw.randrange(1, 9), frames - done)
        data = b"".join(mutator.frame() for _ in range(count))
        cuts = sorted(draw.randrange(len(data) + 1) for _ in range(draw.choice((0, 1, 5, 40))))
        reader.connection([data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)])
        if done // tenth != (done + count) // tenth:
            faulthandler.cancel_dump_traceback_later()
            faulthandler.dump_traceback_later(HANG, exit=True)
            early = early or _resident()
            if progress:
                seconds = time.monotonic() - began
                print(
                    f"{done + count:>9,} frames in {seconds:.0f} s: {reader.events:,} events, "
                    f"{reader.replies:,} replies, {reader.others:,} others, {reader.faults:,} connections "
                    f"broken off; {_resident() / 1e6:.0f} MB",
                    flush=True,
                )
        done += count
    faulthandler.cancel_dump_traceback_later()
    grown = _resident() - early
    assert grown < GROWTH, f"memory has grown by {grown / 1e6:.1f} MB"
    return reader


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    options = parser.parse_args()
    print(f"seed {options.seed} (again: python -m tests.fuzz --seed {options.seed})", flush=True)
    run(options.frames, options.seed, progress=True)
    print("no fault found")


if __name__ == "__main__":
    main()
