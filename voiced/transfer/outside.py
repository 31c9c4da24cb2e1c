"""How many numbers outside a domain dials within a minute: what costs money is counted, where it is dialled.

Counted in PostgreSQL, at the moment of dialling and once for each attempt: restarts do not forget it, and
daemons that serve the same domain count together. What cannot be counted is not dialled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import asyncpg
import structlog

from voiced.database import is_away, query
from voiced.logs import brief
from voiced.pbx.causes import TOO_MANY_OUTSIDE

log = structlog.get_logger(__name__)

UNCOUNTED: Final = "DATABASE_UNAVAILABLE"  # cause of an attempt that is not dialled
COUNT_SECONDS: Final = 2.0  # the intention to dial was committed a moment ago: the database is there


class Outside:
    """Counts for every domain; `per_minute` numbers of each may be dialled."""

    def __init__(self, pool: asyncpg.Pool, per_minute: int) -> None:
        self._pool, self._per_minute = pool, per_minute

    async def why_not(self, attempt: str, domain: UUID, numbers: Sequence[str]) -> str:
        """Count an attempt that is about to be dialled. Why it may not be, as a cause; '' if it may."""
        try:
            async with asyncio.timeout(COUNT_SECONDS):
                may_dial = await self._count(attempt, domain, numbers)
        except Exception as error:
            log.error("a number outside cannot be counted", attempt=attempt, error=brief(error))
            return UNCOUNTED
        if not may_dial:
            log.warning("too many numbers outside within a minute", domain=str(domain), attempt=attempt)
        return "" if may_dial else TOO_MANY_OUTSIDE

    async def is_full(self, domain: UUID) -> bool:
        """Whether nothing more may be dialled now; not, as far as is known, while the database is away."""
        try:
            async with asyncio.timeout(COUNT_SECONDS):
                so_far: int = await self._pool.fetchval(query("outside/so_far"), domain)
        except Exception as error:
            if not is_away(error):
                raise
            return False
        return so_far >= self._per_minute

    async def _count(self, attempt: str, domain: UUID, numbers: Sequence[str]) -> bool:
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(query("outside/lock"), domain)
            await connection.execute(query("outside/forget"), domain)
            arguments = (attempt, domain, list(numbers), self._per_minute)
            is_counted: bool = await connection.fetchval(query("outside/count"), *arguments)
            return is_counted
