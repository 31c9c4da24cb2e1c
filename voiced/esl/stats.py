"""Figures of the event socket, for metrics: plain counters, cheap enough for every event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Stats:
    """What one client has seen. Counts only grow; `observe` is told each reply's delay in seconds."""

    commands: Counter[str] = field(default_factory=Counter)  # ok, refused, timeout, lost, not-sent
    reconnects: int = 0
    listener_errors: int = 0
    events_overflowed: int = 0
    unknown_frames: int = 0
    protocol_errors: int = 0
    observe: Callable[[float], object] | None = None

    def command(self, result: str, seconds: float | None = None) -> None:
        self.commands[result] += 1
        if seconds is not None and self.observe is not None:
            self.observe(seconds)
