"""Events for a consumer that takes its time: bounded, counted, never silent."""

from __future__ import annotations

import asyncio
from collections import deque

from voiced.esl.errors import EventsLost
from voiced.esl.event import Event
from voiced.esl.router import Handle
from voiced.esl.stats import Stats


class EventQueue:
    """`async for event in queue`. When it has overflowed it is emptied and `get` raises EventsLost once.

    The socket is drained in any case: a slow consumer costs itself events, never the PBX its memory. After
    EventsLost the consumer asks the PBX what is so, and goes on.
    """

    def __init__(self, size: int, stats: Stats) -> None:
        self._size, self._stats = size, stats
        self._events: deque[Event] = deque()
        self._lost = 0
        self._wake = asyncio.Event()
        self.handle: Handle | None = None

    def put(self, event: Event) -> None:
        """Called by the reader."""
        if len(self._events) >= self._size:
            self._lost += len(self._events)
            self._stats.events_overflowed += len(self._events)
            self._events.clear()
        self._events.append(event)
        self._wake.set()

    async def get(self) -> Event:
        """The next event, in the order of the wire. Raises EventsLost after an overflow."""
        while not self._events:
            self._wake.clear()
            await self._wake.wait()
        if self._lost:
            lost, self._lost = self._lost, 0
            raise EventsLost(f"{lost} events were dropped: the consumer was too slow")
        return self._events.popleft()

    def __aiter__(self) -> EventQueue:
        return self

    async def __anext__(self) -> Event:
        return await self.get()

    def __len__(self) -> int:
        return len(self._events)

    def close(self) -> None:
        """Take no more events."""
        if self.handle is not None:
            self.handle.off()
