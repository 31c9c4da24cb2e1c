"""Steps of other daemons on the same PostgreSQL: who watches here sees them too, and the other way round.

Every step is passed on by NOTIFY, what has gathered at once, and nobody waits for it. Steps are numbered:
where some did not come (the database was away, too many had gathered), whoever watches is told how many.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import Any, Final
from uuid import UUID

import asyncpg
import structlog

from voiced.database import ERRORS, query
from voiced.logs import brief
from voiced.notices import Notices
from voiced.web.live import KEPT, Hub

log = structlog.get_logger(__name__)

CHANNEL: Final = "voiced_steps"
BATCH: Final = 100  # steps in one transaction
LARGEST: Final = 7900  # bytes: NOTIFY takes a little less than 8000
RETRY_SECONDS: Final = 1.0
MOST_DAEMONS: Final = 100  # whose numbers are known; each start of a daemon is another one


class Others:
    """Passes on what is published to `hub` here, and gives to it what others pass on. `run()` for ever.

    `daemon` is this daemon's id, by which it knows what comes back to it.
    """

    def __init__(self, pool: asyncpg.Pool, notices: Notices, hub: Hub, daemon: str) -> None:
        self._pool, self._hub, self._daemon = pool, hub, daemon
        self._waiting: deque[str] = deque()
        self._wake = asyncio.Event()
        self._given = 0
        self._heard_of: dict[str, int] = {}  # the last number of each other daemon
        hub.pass_on = self._gather
        notices.on(CHANNEL, self._heard)

    def __len__(self) -> int:
        """Steps that are still to be passed on."""
        return len(self._waiting)

    async def run(self) -> None:
        """Pass on, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
                try:
                    await self._pool.execute(query("notify"), CHANNEL, batch)
                except ERRORS as error:
                    log.warning("steps are not passed on to other daemons", error=brief(error))
                    await asyncio.sleep(RETRY_SECONDS)

    def _gather(self, domain: UUID, step: dict[str, Any]) -> None:
        self._given += 1
        told = json.dumps([self._daemon, self._given, str(domain), step], default=str)
        if len(told) <= LARGEST and len(self._waiting) < KEPT:  # it is ASCII: as many bytes
            self._waiting.append(told)
            self._wake.set()

    def _heard(self, payload: str) -> None:
        daemon, number, domain, step = json.loads(payload)
        if daemon == self._daemon:
            return
        if missed := number - self._heard_of.pop(daemon, number - 1) - 1:
            self._hub.miss(missed)
        self._heard_of[daemon] = number
        if len(self._heard_of) > MOST_DAEMONS:
            del self._heard_of[next(iter(self._heard_of))]
        self._hub.give(UUID(domain), step)
