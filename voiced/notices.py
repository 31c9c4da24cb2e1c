"""PostgreSQL's NOTIFY, heard on one connection that is made again when it is lost.

A notice may be missed while there is no connection: whoever keeps something hears when listening begins
(again), and whoever waits for something also looks now and then. A connection that is broken and does not
say so is found out by asking it something.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final

import asyncpg
import structlog

log = structlog.get_logger(__name__)

PAUSE: Final = 1.0  # seconds before a lost connection is made again
LOOK_SECONDS: Final = 15.0  # between two looks at whether it is still there
ANSWER_SECONDS: Final = 5.0  # for the database to say so


class Notices:
    """Calls listeners with the payload of each notice. `run()` until cancelled."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._listeners: dict[str, list[Callable[[str], Any]]] = defaultdict(list)
        self._on_listening: list[Callable[[], Any]] = []

    def on(self, channel: str, listener: Callable[[str], Any]) -> None:
        """Call this with each notice of the channel (before `run`)."""
        self._listeners[channel].append(listener)

    def on_listening(self, listener: Callable[[], Any]) -> None:
        """Call this whenever listening has begun: what was noticed before may have been missed."""
        self._on_listening.append(listener)

    async def run(self) -> None:
        """Listen for ever."""
        while True:
            try:
                await self._listen()
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning(
                    "notices from the database are not heard", error=str(error) or type(error).__name__
                )
            await asyncio.sleep(PAUSE)

    async def _listen(self) -> None:
        async with self._pool.acquire() as connection:
            gone = asyncio.Event()
            connection.add_termination_listener(lambda _: gone.set())
            for channel in self._listeners:
                await connection.add_listener(channel, self._heard)
            for listener in self._on_listening:
                listener()
            try:
                await self._watch(connection, gone)
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                connection.terminate()
                raise
            finally:
                for channel in self._listeners:
                    if not connection.is_closed():
                        await connection.remove_listener(channel, self._heard)

    async def _watch(self, connection: Any, gone: asyncio.Event) -> None:
        """Until the connection is gone. Raises where it does not answer any more."""
        while not gone.is_set():
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await gone.wait()
            except TimeoutError:
                await connection.execute("select 1", timeout=ANSWER_SECONDS)

    def _heard(self, _connection: Any, _pid: int, channel: str, payload: Any) -> None:
        for listener in self._listeners[channel]:
            listener(str(payload))
