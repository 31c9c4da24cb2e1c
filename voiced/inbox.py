"""What has happened and was not looked at yet: the inbox of a driver."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

MOST_FACTS: Final = 1000  # waiting in one inbox: more means that something runs in circles

F = TypeVar("F")


class Inbox(Generic[F]):
    """Facts in the order in which they came. `overflowed` is called when they were too many and are gone."""

    def __init__(self, clock: Callable[[], float], overflowed: Callable[[], object]) -> None:
        self._clock, self._overflowed = clock, overflowed
        self._facts: deque[F] = deque()
        self._put_off: list[F] = []
        self._wake = asyncio.Event()

    def put(self, fact: F) -> None:
        """Something happened."""
        if len(self._facts) >= MOST_FACTS:
            self._facts.clear()
            self._overflowed()
        self._facts.append(fact)
        self._wake.set()

    async def next(self, until: float) -> F | None:
        """The next fact; None when the clock says `until` (0: never) before there is one."""
        while not self._facts:
            self._wake.clear()
            wait = until - self._clock() if until else None
            if wait is not None and wait <= 0:
                return None
            try:
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            except TimeoutError:
                continue
        return self._facts.popleft()

    def put_off(self, fact: F) -> None:
        """Not now: it is to be looked at after what `resume` finds in the inbox."""
        self._put_off.append(fact)

    def resume(self) -> None:
        """What was put off comes behind everything else."""
        facts, self._put_off = self._put_off, []
        for fact in facts:
            self.put(fact)
