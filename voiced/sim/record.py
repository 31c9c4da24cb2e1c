"""Recording: `record` (the leg waits), `record_session` and `uuid_record` (beside a talk)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .playback import terminators
from .private_events import parse_all_events
from .separate import separate
from .variables import whole
from .wire import Pairs

if TYPE_CHECKING:
    from .channel import Channel


async def record(channel: Channel, data: str) -> None:
    """``path [limit seconds [silence threshold [silence hits]]]``; a terminator key ends it.

    With a silence threshold it ends after the limit here too: the simulated callers never fall silent. The
    recording `outbound_socket_session` (limit 2) lasts 2.5 s: the limit is counted in whole seconds.
    """
    args = [*separate(data, " ", 4), "", "", ""]
    path, limit = args[0], whole(args[1])
    end = channel.clock.now() + limit + 0.5 if limit else None
    about: Pairs = [("Record-File-Path", path)]
    begun = channel.clock.now()
    channel.fire("RECORD_START", after=about)
    while channel.ready:
        if channel.flags.break_:
            channel.flags.break_ = 0
            break
        await parse_all_events(channel)
        digit = channel.next_digit()
        if digit is not None and digit.digit in terminators(channel):
            channel.variables.set("playback_terminator_used", digit.digit)
            break
        if end is not None and channel.clock.now() >= end:
            break
        if not await channel.read_frame(until=end, breakable=True):
            break
    length = channel.clock.now() - begun
    channel.variables.set("record_seconds", str(int(length)))
    channel.variables.set("record_ms", str(int(length * 1000)))
    channel.variables.set("record_samples", str(int(length * 8000)))
    channel.fire("RECORD_STOP", after=about)


def start(channel: Channel, path: str) -> bool:
    """Record a leg beside what it does; False if that file is being written already."""
    if path in channel.switch.recordings.setdefault(channel.uuid, set()):
        return False
    channel.switch.recordings[channel.uuid].add(path)
    channel.fire("RECORD_START", after=[("Record-File-Path", path)])
    channel.fire("MEDIA_BUG_START", after=_bug(path))
    return True


def stop(channel: Channel, path: str) -> bool:
    """Stop one recording of a leg, or all of them."""
    paths = channel.switch.recordings.get(channel.uuid, set())
    stopping = set(paths) if path == "all" else paths & {path}
    for one in sorted(stopping):
        paths.discard(one)
        channel.fire("RECORD_STOP", after=[("Record-File-Path", one)])
        channel.fire("MEDIA_BUG_STOP", after=_bug(one))
    return bool(stopping)


def _bug(path: str) -> Pairs:
    return [("Media-Bug-Function", "session_record"), ("Media-Bug-Target", path)]


async def record_session(channel: Channel, data: str) -> None:
    start(channel, data.split(" ")[0])


async def stop_record_session(channel: Channel, data: str) -> None:
    stop(channel, data.split(" ")[0])
