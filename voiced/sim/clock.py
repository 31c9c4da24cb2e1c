"""Time inside the simulated switch: 20 ms media ticks, scaled by `pace`, and waits that end by an event.

Nothing here polls. A leg that waits for audio sleeps until something concerns it, and only then waits for the
next tick; that is what puts up to 20 ms between cause and effect in the recordings. All legs share one grid,
as they share FreeSWITCH's timer thread.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable

TICK = 0.02
"""Seconds of audio in one packet (PCMU, ptime 20)."""


class Clock:
    """The switch's time. `pace` scales media delays only; limits given in seconds by a client are real."""

    def __init__(self, pace: float = 1.0) -> None:
        self.pace = max(pace, 0.001)
        self._at_tick: list[asyncio.Future[None]] = []

    @property
    def tick(self) -> float:
        return TICK * self.pace

    @staticmethod
    def now() -> float:
        """Seconds of the event loop's clock."""
        return asyncio.get_running_loop().time()

    @staticmethod
    def micros() -> int:
        """Microseconds since the epoch, for event headers."""
        return time.time_ns() // 1000

    async def to_tick(self) -> None:
        """Wait for the next tick; who came first goes on first."""
        loop = asyncio.get_running_loop()
        if not self._at_tick:
            tick = self.tick
            boundary = (math.floor(loop.time() / tick + 1e-3) + 1) * tick
            loop.call_at(boundary, self._tick)
        future: asyncio.Future[None] = loop.create_future()
        self._at_tick.append(future)
        await future

    def _tick(self) -> None:
        waiting, self._at_tick = self._at_tick, []
        for future in waiting:
            _finish(future)

    async def media(self, seconds: float) -> None:
        """Let this much audio pass."""
        await asyncio.sleep(seconds * self.pace)


class Waiter:
    """Something that sleeps until it is kicked: a leg's task, or an originate that has no leg of its own.

    One task sleeps on one waiter; whoever else wants to know has a waiter of its own and watches this one.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.watchers: set[Waiter] = set()
        self._kicked = False
        self._future: asyncio.Future[None] | None = None

    def kick(self) -> None:
        """Something about me has changed: wake me, and whoever watches me."""
        self._wake()
        self.tell()

    def tell(self) -> None:
        """Something about me has changed that concerns only those who watch me."""
        for watcher in tuple(self.watchers):
            watcher._wake()

    def _wake(self) -> None:
        self._kicked = True
        if self._future is not None and not self._future.done():
            self._future.set_result(None)

    async def idle(self, until: float | None = None) -> None:
        """Sleep until the next kick (also one since the last look), or until the loop's time `until`."""
        if not self._kicked:
            assert self._future is None, "two tasks sleep on one waiter"
            loop = asyncio.get_running_loop()
            future: asyncio.Future[None] = loop.create_future()
            self._future = future
            timer = None if until is None else loop.call_at(until, _finish, future)
            try:
                await future
            finally:
                self._future = None
                if timer is not None:
                    timer.cancel()
        self._kicked = False

    async def until(
        self, condition: Callable[[], bool], *watched: Waiter, timeout: float | None = None
    ) -> bool:
        """Wait until the condition holds, looking again whenever I or one of `watched` is kicked."""
        deadline = None if timeout is None else self.clock.now() + timeout
        with Watching(self, *watched):
            while not condition():
                if deadline is not None and self.clock.now() >= deadline:
                    return False
                await self.idle(deadline)
        return True


class Watching:
    """``with Watching(me, other, …)``: kicks of the others wake me too."""

    def __init__(self, watcher: Waiter, *watched: Waiter) -> None:
        self._watcher = watcher
        self._added = [one for one in watched if one is not watcher and watcher not in one.watchers]

    def __enter__(self) -> None:
        for one in self._added:
            one.watchers.add(self._watcher)

    def __exit__(self, *exc: object) -> None:
        for one in self._added:
            one.watchers.discard(self._watcher)


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
