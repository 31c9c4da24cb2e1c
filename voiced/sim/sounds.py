"""What can be played: streams, tones, prompts; how long each lasts, and how late it notices a stop."""

from __future__ import annotations

import math
import wave
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from .variables import whole

SILENCE_BLOCK = 2.048
"""Seconds that `silence_stream` reads ahead (16,384 samples): a stop is heard at the block's end
(recording `hold_stop_without_music`: 1.8 s later)."""

MUSIC_LAG = (0.06, 0.22)
"""Seconds between `uuid_fileman stop` and the music's end (the recordings `hold_*` and `transfer_*`)."""

TIMEOUT_LAG = 0.1
"""Seconds that `{timeout=2000}` is late (recording `hold_switch_side_limit`: 2.107 s)."""


@dataclass
class Sound:
    """An open file. `length` is in seconds of media, None for endless."""

    path: str
    kind: str
    """music, silence, tone or prompt."""
    length: float | None
    limits: tuple[tuple[float, float | None], ...] = ((0.0, None),)
    """From each position on: the real seconds after which `{timeout=…}` ends what plays there. One for each
    of several files: the one in front is forgotten when the first is over (tests/live/test_holding.py)."""
    parameters: dict[str, str] = field(default_factory=dict)
    """What stands in braces before the name; its events say it too."""
    played: float = 0.0
    stop_at: float | None = None
    """The position, in seconds of media, at which a stop takes effect."""

    @property
    def endless_silence(self) -> bool:
        return self.kind == "silence" and self.length is None

    def stop(self, random: Random) -> None:
        """`uuid_fileman … stop`: what has been read ahead is played to its end."""
        if self.stop_at is not None:
            return
        if self.kind == "silence":
            self.stop_at = (math.floor(self.played / SILENCE_BLOCK) + 1) * SILENCE_BLOCK
        elif self.kind == "music":
            self.stop_at = self.played + random.uniform(*MUSIC_LAG)
        else:
            self.stop_at = self.played

    @property
    def end(self) -> float | None:
        """The position at which it ends by itself or by a stop, in seconds of media."""
        ends = [end for end in (self.length, self.stop_at) if end is not None]
        return min(ends) if ends else None


class Sounds:
    """The files the switch knows: `music` are names behind local_stream://, `prompts` paths and seconds."""

    def __init__(self) -> None:
        self.music: set[str] = {"moh"}
        self.prompts: dict[str, float] = {}
        self.stuck: set[str] = set()
        """A fault: prompts (their files' names without ending) that never come to an end."""

    def open(self, path: str) -> Sound | None:
        """Open what a playback names, or None if there is no such file."""
        parameters: dict[str, str] = {}
        name = path
        while name.startswith("{"):
            block, _, name = name[1:].partition("}")
            for part in block.split(","):
                key, _, value = part.partition("=")
                parameters[key.strip()] = value
        sound = self._open(name)
        if sound is not None:
            sound.path, sound.parameters = path, parameters
            if "timeout" in parameters:
                limit = whole(parameters["timeout"]) / 1000 + TIMEOUT_LAG
                sound.limits = ((0.0, limit), *sound.limits[1:])
        return sound

    def _open(self, name: str) -> Sound | None:
        scheme, separator, rest = name.partition("://")
        if separator:
            if scheme == "local_stream":
                return Sound(name, "music", None) if rest.partition("/")[0] in self.music else None
            if scheme == "silence_stream":
                milliseconds = whole(rest)
                return Sound(name, "silence", None if milliseconds < 0 else milliseconds / 1000)
            if scheme == "tone_stream":
                return Sound(name, "tone", tone_length(rest))
            if scheme == "file_string":
                return self._sequence(name, rest)
            return Sound(name, "prompt", self.prompts[name]) if name in self.prompts else None
        if name.lower().startswith(("say:", "phrase:")):
            return Sound(name, "prompt", spoken_length(name.partition(":")[2]))
        if Path(name).stem in self.stuck:
            return Sound(name, "prompt", None)
        if name in self.prompts:
            return Sound(name, "prompt", self.prompts[name])
        length = wave_length(name)
        return None if length is None else Sound(name, "prompt", length)

    def _sequence(self, name: str, rest: str) -> Sound | None:
        """Files one after another; those that do not exist are left out."""
        parts = [sound for part in rest.split("!") if (sound := self.open(part))]
        if not parts:
            return None
        limits, length = [], 0.0
        for part in parts:
            limits.append((length, part.limits[0][1]))
            if part.length is None:
                return Sound(name, "prompt", None, tuple(limits))
            length += part.length
        return Sound(name, "prompt", length, tuple(limits))


def tone_length(spec: str) -> float | None:
    """Seconds of a TGML string: ``%(on,off,frequency)`` once for each of its ``loops=``; None for endless."""
    total, loops = 0.0, 1
    for part in spec.split(";"):
        for piece in part.split("%(")[1:]:
            on, off, *_ = [*piece.split(")")[0].split(","), "0", "0"]
            total += (whole(on) + whole(off)) / 1000
        key, _, value = part.partition("=")
        if key.strip() in ("loops", "l", "L"):
            loops = whole(value, 1)
    return None if loops < 0 else total * max(loops, 1)


def spoken_length(text: str) -> float:
    """Seconds a synthesiser needs for a text: some 15 characters a second, at least half a second."""
    return max(0.5, len(text) / 15)


def wave_length(path: str) -> float | None:
    """Seconds of a file that is really there; other formats than wav count as one second."""
    file = Path(path)
    if not file.is_absolute() or not file.is_file():
        return None
    try:
        with wave.open(path, "rb") as sound:
            return sound.getnframes() / (sound.getframerate() or 8000)
    except (wave.Error, EOFError):
        return 1.0
