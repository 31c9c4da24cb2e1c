"""Playing: `switch_ivr_play_file` and the application `playback`.

While a file plays the leg takes private commands, so a `sendmsg` without event-lock plays *inside* what
plays: the outer file stands still meanwhile, and goes on afterwards unless somebody broke it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from typing import TYPE_CHECKING

from .messages import Digit
from .private_events import parse_all_events
from .sounds import Sound
from .wire import Pairs

if TYPE_CHECKING:
    from .channel import Channel


class Status(Enum):
    """How something ended (`switch_status_t`)."""

    SUCCESS = auto()
    FALSE = auto()
    BREAK = auto()
    NOTFOUND = auto()
    TIMEOUT = auto()
    TOO_SMALL = auto()


OnDigit = Callable[["Channel", Digit], Status]


async def play_file(channel: Channel, path: str, on_digit: OnDigit | None = None) -> Status:
    """Play a file to its end. A missing one fires no PLAYBACK_START."""
    if not channel.pre_answer() or not path or not channel.media_ready:
        return Status.FALSE
    sound = channel.switch.sounds.open(path)
    if sound is None:
        return Status.NOTFOUND
    channel.file = sound
    channel.sounds.append(sound)
    about = _about(sound)
    channel.fire("PLAYBACK_START", after=[*about, *sound.parameters.items()])
    channel.endpoint.hears(channel, sound)
    status = await _play(channel, sound, on_digit)
    samples = str(int(sound.played * 8000))
    channel.variables.set("playback_last_offset_pos", samples)
    channel.variables.set("playback_seconds", str(int(sound.played)))
    channel.variables.set("playback_ms", str(int(sound.played * 1000)))
    channel.variables.set("playback_samples", samples)
    ending: Pairs = [("Playback-Status", "break" if status is Status.BREAK else "done")]
    channel.fire("PLAYBACK_STOP", after=[*about, *ending, *sound.parameters.items()])
    channel.sounds.remove(sound)
    channel.file = None
    return status


async def _play(channel: Channel, sound: Sound, on_digit: OnDigit | None) -> Status:
    clock, flags = channel.clock, channel.flags
    limits, left = deque(sound.limits), None
    while True:
        if limits and sound.played >= limits[0][0] - 0.005:
            _, left = limits.popleft()
        if not channel.ready:
            return Status.FALSE
        if flags.break_:
            flags.break_ = 0
            return Status.BREAK
        await parse_all_events(channel)
        if on_digit is not None:
            digit = channel.next_digit()
            if digit is not None:
                status = on_digit(channel, digit)
                if status is not Status.SUCCESS:
                    return status
                continue
        end = sound.end
        is_cut = left is not None and left <= 0
        if (end is not None and sound.played >= end - 0.005) or (is_cut and not limits):
            return Status.SUCCESS
        if is_cut:
            sound.played = limits[0][0]
            continue
        begun = clock.now()
        waits = [left] if left is not None else []
        for position in (end, limits[0][0] if limits else None):
            if position is not None:
                waits.append((position - sound.played) * clock.pace - clock.tick / 2)
        if channel.down:
            return Status.SUCCESS
        until = begun + max(min(waits), 0) if waits else None
        await channel.read_frame(until=until, breakable=True)
        elapsed = clock.now() - begun
        sound.played += elapsed / clock.pace
        if left is not None:
            left -= elapsed
        if channel.down:
            return Status.FALSE


def _about(sound: Sound) -> Pairs:
    pairs: Pairs = []
    for scheme in ("local_stream", "tone_stream"):
        if sound.path.startswith(f"{scheme}:"):
            pairs.append(("Playback-File-Type", scheme))
    pairs.append(("Playback-File-Path", sound.path))
    return pairs


def terminators(channel: Channel) -> str:
    """The keys that end a playback: ``*`` unless ``playback_terminators`` says otherwise."""
    keys = channel.variables.get("playback_terminators") or "*"
    return {"any": "1234567890*#", "none": ""}.get(keys.lower(), keys)


def end_on_terminator(channel: Channel, digit: Digit) -> Status:
    if digit.digit in terminators(channel):
        channel.variables.set("playback_terminator_used", digit.digit)
        return Status.BREAK
    return Status.SUCCESS


RESPONSES = {
    Status.SUCCESS: "FILE PLAYED",
    Status.BREAK: "FILE PLAYED",
    Status.NOTFOUND: "FILE NOT FOUND",
}


async def playback(channel: Channel, data: str) -> None:
    """The application `playback`; its response is in ``current_application_response``."""
    channel.variables.set("playback_terminator_used", None)
    path, _, _ = data.partition("@@")
    status = await play_file(channel, path, end_on_terminator)
    channel.variables.set("current_application_response", RESPONSES.get(status, "PLAYBACK ERROR"))


async def endless_playback(channel: Channel, data: str) -> None:
    """The application `endless_playback`: again and again until it is broken or the leg goes."""
    status = Status.FALSE
    while channel.ready:
        status = await play_file(channel, data)
        if status not in (Status.SUCCESS, Status.BREAK):
            break
    channel.variables.set("current_application_response", RESPONSES.get(status, "PLAYBACK ERROR"))


async def say(channel: Channel, text: str) -> None:
    """`speak` and `say`: a prompt as long as the text needs."""
    await play_file(channel, f"say:{text}", end_on_terminator)
