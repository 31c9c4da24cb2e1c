"""Events for a consumer that takes its time: bounded, counted, never silent."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from voiced.esl.errors import EslError, EventsLost
from voiced.esl.event import Event
from voiced.esl.stats import Stats


class EventQueue:
    """`async for event in queue`. Where events are missing, EventsLost is raised in their place, once.

    That is after an overflow, which empties the queue, and where the connection was lost. The socket is
    drained in any case: a slow consumer costs itself events, never the PBX its memory. After EventsLost the
    consumer asks the PBX what is so, and goes on.
    """

    def __init__(self, size: int, stats: Stats, on_close: Callable[[EventQueue], object]) -> None:
        self._size, self._stats, self._on_close = size, stats, on_close
        self._items: deque[Event | EventsLost] = deque()
        self._dropped = 0  # events, before the first of the items
        self._wake = asyncio.Event()
        self._is_closed = False

    def put(self, event: Event) -> None:
        """Called by the reader."""
        if len(self._items) >= self._size:
            self._dropped += len(self._items)
            self._stats.events_overflowed += len(self._items)
            self._items.clear()
        self._items.append(event)
        self._wake.set()

    def lose(self, reason: EslError) -> None:
        """Called when the connection has ended: events are missing from here on."""
        if not self._items or isinstance(self._items[-1], Event):
            self._items.append(EventsLost(f"the connection ended: {reason}"))
        self._wake.set()

    async def get(self) -> Event:
        """The next event, in the order of the wire. Raises EventsLost where some are missing, or when closed.

        Several consumers may share a queue; each event, and each EventsLost, goes to one of them.
        """
        item = await self._next()
        if item is None:
            raise EventsLost("the queue is closed")
        return item

    def __aiter__(self) -> EventQueue:
        return self

    async def __anext__(self) -> Event:
        item = await self._next()
        if item is None:
            raise StopAsyncIteration
        return item

    async def _next(self) -> Event | None:
        while not self._items:
            if self._is_closed:
                return None
            self._wake.clear()
            await self._wake.wait()
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            raise EventsLost(f"{dropped} events were dropped: the consumer was too slow")
        item = self._items.popleft()
        if isinstance(item, EventsLost):
            raise item
        return item

    def __len__(self) -> int:
        return len(self._items)

    def close(self) -> None:
        """Take no more events; what is there can still be read."""
        self._is_closed = True
        self._on_close(self)
        self._wake.set()

    def __enter__(self) -> EventQueue:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()
