"""A daemon's connections to its databases.

What calls depend on has connections of its own, which nothing else can take from it: the lease, what is
written behind the calls, notices, results. And lists and reports, which may be slow and many, have theirs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

import structlog

from voiced import database
from voiced.pool import Pool
from voiced.settings import Settings
from voiced.tickets.outbox import WORKERS, longest_post

log = structlog.get_logger(__name__)

WRITING_SECONDS: Final = 10.0  # for a batch behind the calls: nobody waits for it
FUSIONPBX_SIZE: Final = 4


@dataclass(frozen=True, slots=True)
class Databases:
    """Pools, by who uses them. `fusionpbx` is `pool` where FusionPBX's tables are in our database."""

    pool: Pool
    reports: Pool
    lease: Pool
    scribe: Pool
    notices: Pool
    outbox: Pool
    fusionpbx: Pool


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Databases]:
    """The databases, migrated, for the time of the block. Raises DatabaseError."""
    async with AsyncExitStack() as stack:
        url = settings.database.url.get_secret_value()
        if not url:
            log.info("starting the embedded PostgreSQL", data_dir=str(settings.database.data_dir))
            url = await stack.enter_async_context(database.embedded(settings.database.data_dir))

        async def opened(url: str, size: int, **more: float) -> Pool:
            pool = await database.open_pool(url, size=size, **more)
            stack.push_async_callback(pool.close)
            return pool

        pool = await opened(url, 8)
        await database.migrate(url)
        sending = database.IDLE_SECONDS + longest_post(settings.tickets.timeout_seconds)
        reports, lease, scribe, notices, outbox = await asyncio.gather(
            opened(url, 4), opened(url, 1), opened(url, 1, patience=WRITING_SECONDS), opened(url, 1),
            opened(url, WORKERS + 1, idle=sending),
        )  # fmt: skip
        fusionpbx = pool
        if url := settings.fusionpbx.url.get_secret_value():
            fusionpbx = await opened(url, FUSIONPBX_SIZE)
        if not await fusionpbx.fetchval("select to_regclass('v_voice_transfer_destinations')"):
            advice = f"run {database.SQL}/fusionpbx/transfer_destinations.sql there"
            raise database.DatabaseError(f"a table of [fusionpbx] is missing; {advice}")
        yield Databases(pool, reports, lease, scribe, notices, outbox, fusionpbx)
