"""What is over is kept for a while, and then removed: a few rows at a time, so that nothing waits for it.

What is open, or has a result that the ticketing backend has not taken yet, stays however old it is. Every
daemon does it; rows that another one removes at this moment are passed over.
"""

from __future__ import annotations

import asyncio
from typing import Final

import asyncpg
import structlog

from voiced.database import ERRORS, query
from voiced.logs import brief

log = structlog.get_logger(__name__)

BATCH: Final = 200  # rows in one transaction
BREATH_SECONDS: Final = 0.2  # between two of them
LOOK_SECONDS: Final = 600.0  # between two looks for what is over
REQUEST_SECONDS: Final = 3600.0  # that requests between daemons are kept, to be looked at after a fault
_DAY: Final = 86_400.0


class Retention:
    """Removes what is older than `days` (0: nothing). `run()` until cancelled.

    Without a ticketing backend (`tells_nobody`) nothing waits to be told.
    """

    def __init__(self, pool: asyncpg.Pool, days: float, *, tells_nobody: bool = False) -> None:
        self._pool = pool
        self._kept = {"retention/requests": REQUEST_SECONDS}
        if days:
            untold = ["untold"] if tells_nobody else []
            for name in (*untold, "transfers", "callbacks", "attempts", "outbox"):
                self._kept[f"retention/{name}"] = days * _DAY

    async def run(self) -> None:
        """Look again and again."""
        while True:
            try:
                await self.sweep()
            except ERRORS as error:
                log.warning("what is over cannot be removed now", error=brief(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def sweep(self) -> None:
        """Remove everything that is over for too long. Raises what the database raises."""
        for name, seconds in self._kept.items():
            removed = 0
            while count := await self._remove(name, seconds):
                removed += count
                await asyncio.sleep(BREATH_SECONDS)
            if removed:
                log.info("removed what was over", what=name.partition("/")[2], rows=removed)

    async def _remove(self, name: str, seconds: float) -> int:
        done: str = await self._pool.execute(query(name), seconds, BATCH)
        return int(done.rpartition(" ")[2])
