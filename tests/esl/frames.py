"""Frames as plain values, so that lists of them can be compared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple
from typing import Any

from tests import recordings
from voiced.esl.event import Event
from voiced.esl.protocol import Frame, Parser, Reply


def plain(frame: Frame) -> tuple[Any, ...]:
    if isinstance(frame, Event):
        return "Event", frame.raw, frame.body, tuple(sorted(frame.headers().items()))
    if isinstance(frame, Reply):
        return "Reply", frame.text, frame.job_uuid, frame.event and plain(frame.event)
    return type(frame).__name__, *astuple(frame)


def plains(frames: Iterable[Frame]) -> list[tuple[Any, ...]]:
    return [plain(frame) for frame in frames]


def parsed(*pieces: bytes) -> list[Frame]:
    """What a fresh parser makes of the bytes, given piece by piece."""
    parser = Parser()
    frames = [frame for piece in pieces for frame in parser.feed(piece)]
    assert not parser.mid_frame
    return frames


def one(data: bytes) -> Frame:
    """The only frame in the bytes."""
    [frame] = parsed(data)
    return frame


def streams(name: str) -> list[bytes]:
    """What the PBX said in a recording; a new stream begins with each greeting."""
    said: list[bytes] = []
    for frame in recordings.load(name)[1]:
        if frame.direction == "<":
            if not said or frame.data.startswith(b"Content-Type: auth/request"):
                said.append(b"")
            said[-1] += frame.data
    return said
