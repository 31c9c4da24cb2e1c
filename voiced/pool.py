"""Connections to PostgreSQL that nobody waits for longer than was said, also where it says nothing at all.

A server that is stopped, or behind a network that drops its packets, ends no connection. asyncpg gives up a
statement in time, but then it is polite: it asks the server to cancel the statement, waits for the answer,
rolls back, resets the session, says good-bye; each of these can wait for ever. Here a connection of which
somebody has given up an answer is thrown away: the server rolls back when it notices.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Final

import asyncpg
from asyncpg.pool import PoolAcquireContext
from asyncpg.transaction import Transaction

PATIENCE: Final = 5.0  # seconds for a statement, and for a connection to become free or be made
CONNECT_SECONDS: Final = 10.0  # for the first connection, at the start
GOODBYE_SECONDS: Final = 1.0  # for all connections of a pool to be closed
_GIVEN_UP: Final = (TimeoutError, asyncio.CancelledError, GeneratorExit)
_SESSION: Final = {
    "application_name": "voiced",
    # what a daemon has locked is free again when its machine is gone, in 45 s and not in two hours
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "statement_timeout": "30s",  # of a statement whose connection was thrown away
}


class Pool(asyncpg.Pool):
    """asyncpg's, whose every wait ends: TimeoutError after `patience` seconds."""

    __slots__ = ("_patience",)

    def __init__(self, url: str, *, size: int, patience: float, idle: float, init: Any) -> None:
        """`idle`: seconds for which a transaction may do nothing, before the server ends it."""
        settings = {**_SESSION, "idle_in_transaction_session_timeout": f"{idle:.0f}s"}
        super().__init__(
            url, min_size=0, max_size=size, init=init, timeout=CONNECT_SECONDS, command_timeout=patience,
            server_settings=settings, max_queries=50_000, max_inactive_connection_lifetime=300.0, loop=None,
            connection_class=_Connection, record_class=asyncpg.Record,
        )  # fmt: skip
        self._patience = patience

    def acquire(self, *, timeout: float | None = None) -> PoolAcquireContext:
        """A connection for the time of the block. Raises TimeoutError where none is free in time."""
        return _Borrowed(self, timeout or self._patience)

    async def close(self) -> None:
        """Close every connection: politely for a second, then at once."""
        try:
            async with asyncio.timeout(GOODBYE_SECONDS):
                await super().close()
        except TimeoutError:
            pass  # what was left is terminated


class _Borrowed(PoolAcquireContext):
    __slots__ = ()

    async def __aexit__(self, *exc: object) -> None:
        if self.connection is not None and _is_given_up(exc):
            with suppress(asyncpg.InterfaceError):  # its transaction has done it
                self.connection.terminate()
        await super().__aexit__(*exc)


class _Connection(asyncpg.Connection):
    __slots__ = ()

    def transaction(
        self, *, isolation: Any = None, readonly: bool = False, deferrable: bool = False
    ) -> Transaction:
        return _Transaction(self, isolation, readonly, deferrable)


class _Transaction(Transaction):
    __slots__ = ("_of",)

    def __init__(self, of: _Connection, isolation: Any, readonly: bool, deferrable: bool) -> None:
        super().__init__(of, isolation, readonly, deferrable)
        self._of = of

    async def __aexit__(self, *exc: Any) -> None:
        if _is_given_up(exc):
            self._of.terminate()
        else:
            await super().__aexit__(*exc)


def _is_given_up(exc: tuple[object, ...]) -> bool:
    return any(isinstance(one, _GIVEN_UP) for one in exc)
