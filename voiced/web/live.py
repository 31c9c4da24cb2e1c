"""Every step, live: who watches gets it over SSE, and a slow watcher never slows a call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID

KEPT: Final = 1000  # steps waiting for one watcher; the oldest go first, and the watcher is told


class Hub:
    """Fans steps out to watchers, each with a bounded queue of its own."""

    def __init__(self) -> None:
        self._watchers: dict[asyncio.Queue[dict[str, Any]], UUID | None] = {}
        self.dropped = 0

    def publish(self, domain: UUID, step: dict[str, Any]) -> None:
        """Give a step to everyone who may see this domain."""
        for queue, only in self._watchers.items():
            if only is not None and only != domain:
                continue
            if queue.full():
                queue.get_nowait()
                self.dropped += 1
            queue.put_nowait(step)

    async def watch(self, domain: UUID | None) -> AsyncIterator[dict[str, Any]]:
        """Steps from now on; of one domain, or of all."""
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(KEPT)
        self._watchers[queue] = domain
        try:
            while True:
                yield await queue.get()
        finally:
            del self._watchers[queue]

    def __len__(self) -> int:
        return len(self._watchers)
