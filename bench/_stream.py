"""The recorded events of the names that a daemon subscribes to, as one stream that can go on for ever."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from functools import partial

from tests import recordings

UNWANTED = frozenset(
    b"CHANNEL_STATE CODEC API PRIVATE_COMMAND PRESENCE_IN RE_SCHEDULE CALL_UPDATE CHANNEL_OUTGOING "
    b"CHANNEL_ORIGINATE".split()
)
_word_character = re.compile(rb"\w")
_frame = re.compile(rb"Content-Length: (\d+)\nContent-Type: (\S+)\n\n")
_event_name = re.compile(rb"\nEvent-Name: (\S+)")
# What differs from call to call: ids, times, ports and tags; and what differs from event to event.
_varying = re.compile(
    rb"(\n(?:Event-Sequence: ))(\d+)"
    rb"|(%20)(\d\d%3A\d\d%3A\d\d)"
    rb"|()([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    rb"|\b1795\d{12}\b|\b1795\d{6}\b"
    rb"|(?<=_port: )\d+|(?<=port%3D)\d+|(?<=127\.0\.0\.1%3A)\d{5}"
    rb"|(?<=_tag: )\w+|(?<=tag%3D)\w+|(?<=_call_id: )\w+)"
)


def recorded() -> list[bytes]:
    """The frames of the plain events, in the order in which they were recorded."""
    found = []
    for name in recordings.names():
        stream = b"".join(frame.data for frame in recordings.load(name)[1] if frame.direction == "<")
        at = 0
        while head := _frame.search(stream, at):
            at = head.end() + int(head[1])
            event_name = _event_name.search(b"\n" + stream[head.end() : at])
            if head[2] == b"text/event-plain" and event_name and event_name[1] not in UNWANTED:
                found.append(stream[head.start() : at])
    return found


def forms(stream: bytes, count: int) -> Iterator[bytes]:
    """The same calls at other times: new uuids, times, sequence numbers, ports, tags; the same lengths.

    Without that every line, and every event, would come back word for word, which a cache would like and no
    PBX does.
    """
    pieces: list[bytes] = []  # what stays, and what varies, in turn
    at = 0
    for match in _varying.finditer(stream):
        first = next(group for group in range(1, 7, 2) if match[group] is not None)
        pieces += stream[at : match.end(first)], match[first + 1]
        at = match.end()
    pieces.append(stream[at:])
    sequence = 0
    for seed in range(count):
        draw = random.Random(seed)
        known: dict[bytes, bytes] = {}
        new = pieces.copy()
        for i in range(1, len(new), 2):
            old = new[i]
            if new[i - 1].endswith(b"Event-Sequence: "):
                sequence += 1
                new[i] = (b"1%012d" % sequence)[-len(old) :]
                continue
            if old not in known:
                if b"%3A" in old:
                    known[old] = b"%02d%%3A%02d%%3A%02d" % tuple(draw.randrange(24) for _ in range(3))
                else:
                    known[old] = _word_character.sub(partial(_digit, draw), old)
            new[i] = known[old]
        yield b"".join(new)


def _digit(draw: random.Random, _old: re.Match[bytes]) -> bytes:
    return b"%d" % draw.randrange(10)


def endless(events: list[bytes], variants: int) -> Iterator[tuple[bytes, int]]:
    """The stream over and over, in pieces with the number of their events, in `variants` different forms."""
    whole = b"".join(events)
    different = list(forms(whole, variants)) or [whole]
    assert all(len(form) == len(whole) for form in different)
    while True:
        for form in different:
            yield form, len(events)
