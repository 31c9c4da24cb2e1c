"""PostgreSQL's NOTIFY, heard on one connection that is made again when it is lost.

A notice may be missed while there is no connection: whoever listens also looks now and then. A connection
on which nothing is heard may be dead without having ended, so it is asked now and then whether it lives.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import asyncpg
import structlog

from voiced.database import ERRORS
from voiced.logs import brief

log = structlog.get_logger(__name__)

LIVES_SECONDS: Final = 10.0  # between two questions whether the connection lives
PAUSE: Final = 1.0  # seconds before a lost connection is made again


class Notices:
    """Calls listeners with the payload of each notice. `run()` until cancelled."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._listeners: dict[str, list[Callable[[str], Any]]] = defaultdict(list)
        self._doubters: list[Callable[[], object]] = []

    def on(self, channel: str, listener: Callable[[str], Any]) -> None:
        """Call this with each notice of the channel (before `run`)."""
        self._listeners[channel].append(listener)

    def on_doubt(self, doubter: Callable[[], object]) -> None:
        """Call this when notices are heard from now on: before that some may have been missed."""
        self._doubters.append(doubter)

    async def run(self) -> None:
        """Listen for ever."""
        while True:
            try:
                await self._listen()
            except ERRORS as error:
                log.warning("notices from the database are not heard", error=brief(error))
            await asyncio.sleep(PAUSE)

    async def _listen(self) -> None:
        async with self._pool.acquire() as connection:
            gone = asyncio.Event()
            connection.add_termination_listener(lambda _: gone.set())
            for channel in self._listeners:
                await connection.add_listener(channel, self._heard)
            for doubter in self._doubters:
                doubter()
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LIVES_SECONDS):
                        await gone.wait()
                await connection.fetchval("select 1")  # raises where it has gone

    def _heard(self, _connection: Any, _pid: int, channel: str, payload: Any) -> None:
        for listener in self._listeners[channel]:
            listener(str(payload))
