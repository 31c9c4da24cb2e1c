"""One alarm for each agent: when it rings, their next moment has come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from voiced.pbx.presence import Extension


class Alarms:
    """Calls `ring(agent)` once the time has passed that was set last."""

    def __init__(self, ring: Callable[[Extension], object]) -> None:
        self._ring, self._loop = ring, asyncio.get_running_loop()
        self._set: dict[Extension, asyncio.TimerHandle] = {}

    def __contains__(self, agent: Extension) -> bool:
        """Whether an alarm is set for this agent."""
        return agent in self._set

    def set(self, agent: Extension, seconds: float) -> None:
        """Ring in so many seconds, and not when it was to ring before."""
        if earlier := self._set.pop(agent, None):
            earlier.cancel()
        self._set[agent] = self._loop.call_later(seconds, self._rings, agent)

    def _rings(self, agent: Extension) -> None:
        del self._set[agent]
        self._ring(agent)
