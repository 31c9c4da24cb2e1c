"""Every step, live: who watches gets it over SSE, and a slow watcher never slows a call."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Final
from uuid import UUID

MOST_WATCHERS: Final = 500  # at once: each step is written to every one of them
KEPT: Final = 1000  # steps waiting for one watcher; the oldest go first, and the watcher is told


class Step(dict[str, Any]):
    """What happened. `event` is it as a server-sent event, made once for all who watch."""

    @cached_property
    def event(self) -> str:
        return f"event: {self['type']}\ndata: {json.dumps(self, default=str, ensure_ascii=False)}\n\n"


class Watcher:
    """Who watches one domain, or all (None)."""

    def __init__(self, domain: UUID | None) -> None:
        self.domain = domain
        self._waiting: deque[Step] = deque()
        self._wake = asyncio.Event()
        self._missed = 0

    def give(self, step: Step) -> None:
        """Keep a step until it is read."""
        if len(self._waiting) == KEPT:
            self._waiting.popleft()
            self._missed += 1
        self._waiting.append(step)
        self._wake.set()

    def miss(self, count: int) -> None:
        """So many steps never came here."""
        self._missed += count
        self._wake.set()

    async def next(self, patience: float) -> Step | None:
        """The next step, or how many were missed before it; None if there is none for `patience` seconds."""
        while not self._waiting and not self._missed:
            self._wake.clear()
            try:
                async with asyncio.timeout(patience):
                    await self._wake.wait()
            except TimeoutError:
                return None
        if self._missed:
            missed, self._missed = self._missed, 0
            return Step(type="missed", count=missed)
        return self._waiting.popleft()


class Hub:
    """Gives each step to everyone who may see it. `pass_on` takes those that were made here."""

    def __init__(self) -> None:
        self._watchers: set[Watcher] = set()
        self.pass_on: Callable[[UUID, dict[str, Any]], object] = lambda domain, step: None

    def publish(self, domain: UUID, step: dict[str, Any]) -> None:
        """A step was made here."""
        self.pass_on(domain, step)
        self.give(domain, step)

    def give(self, domain: UUID, step: dict[str, Any]) -> None:
        """Give a step to everyone who may see this domain."""
        step = Step(step)
        for watcher in self._watchers:
            if watcher.domain in (None, domain):
                watcher.give(step)

    def miss(self, count: int) -> None:
        """So many steps of another daemon did not come; of which domains is not known."""
        for watcher in self._watchers:
            watcher.miss(count)

    @contextmanager
    def watching(self, domain: UUID | None) -> Iterator[Watcher]:
        """Steps of one domain, or of all, for the time of the block."""
        watcher = Watcher(domain)
        self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)

    def __len__(self) -> int:
        return len(self._watchers)
