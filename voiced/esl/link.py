"""One connection to a PBX that outlives its sockets: it logs in, subscribes, and comes back after a loss.

Pauses between attempts grow and are jittered (tenacity), since many daemons may have lost the same PBX. A
connection that does not outlive the longest pause counts as one more failed attempt: a PBX that takes
connections and drops them is not hammered either.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog
import tenacity

from voiced.esl import commands
from voiced.esl.commands import Command
from voiced.esl.connection import Connection
from voiced.esl.errors import CannotConnect, CommandRefused, EslError, NotSent, Unconfirmed
from voiced.esl.protocol import Reply
from voiced.esl.replies import fail
from voiced.esl.stats import Stats

log = structlog.get_logger(__name__)

FIRST_PAUSE: Final = 0.25  # seconds at most before the second attempt; doubled with each one that fails
GOODBYE_TIMEOUT: Final = 1.0  # seconds for the PBX to answer `exit`


class Link:
    """`stay()` keeps it connected; `make` makes a connection, `events` grows by what is subscribed later.

    `on_back()` and `on_lost(reason)` are told in turn. Times are seconds.
    """

    def __init__(
        self,
        host: str,
        port: int,
        password: str,
        events: dict[str, None],
        *,
        make: Callable[[], Connection],
        on_back: Callable[[], object],
        on_lost: Callable[[EslError], object],
        stats: Stats,
        connect_timeout: float,
        reply_timeout: float,
        quiet_limit: float,
        longest_pause: float,
    ) -> None:
        self.address = f"{host if host.isprintable() else ascii(host)}:{port}"
        self.connection: Connection | None = None
        self._host, self._port, self._login = host, port, commands.auth(password)
        self._events = events
        commands.events(events)  # raises now what would raise at each attempt to connect
        self._make, self._on_back, self._on_lost, self._stats = make, on_back, on_lost, stats
        self._connect_timeout, self._reply_timeout = connect_timeout, reply_timeout
        self._quiet_limit, self._longest_pause = quiet_limit, longest_pause
        self._closing = False

    @property
    def is_connected(self) -> bool:
        """Logged in and subscribed."""
        return self.connection is not None and not self.connection.ended.done()

    def send(self, command: Command) -> asyncio.Future[Reply]:
        """Write a command now, whole; the future is its reply, or NotSent, or Unconfirmed."""
        if self.connection is not None:
            return self.connection.send(command)
        self._stats.command("not-sent")
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        fail(reply, NotSent(f"the event socket of {self.address} is not connected"))
        return reply

    async def ask(self, command: Command, timeout: float | None = None) -> Reply:
        """Send a command and wait for its reply. Raises NotSent, Unconfirmed."""
        if self.connection is None:
            return await self.send(command)
        return await self.connection.ask(command, self._reply_timeout if timeout is None else timeout)

    async def connect(self) -> Connection:
        """A new connection, logged in and subscribed. Raises CannotConnect."""
        loop = asyncio.get_running_loop()
        connection = self._make()
        limit = self._connect_timeout
        try:
            async with asyncio.timeout(limit):
                await loop.create_connection(lambda: connection, self._host, self._port)
                await connection.authenticate(self._login, limit)
                subscribed: list[str] = []
                while subscribed != list(self._events):  # `subscribe` may be called in the meantime
                    subscribed = list(self._events)
                    accepted(await connection.ask(commands.events(subscribed), limit))
            self.connection = connection
        except CannotConnect:
            raise
        except TimeoutError:
            other = "; what it said is no event socket's" if connection.is_mid_frame else ""
            raise CannotConnect(f"{self.address} did not answer within {limit:g} s{other}") from None
        except (OSError, EslError) as error:
            raise CannotConnect(f"{self.address}: {error}") from error
        except (ValueError, OverflowError) as error:  # of the resolver, for what is no host or no port
            raise CannotConnect(f"{self.address} cannot be connected to: {error}") from error
        finally:
            if self.connection is not connection:
                connection.abort(Unconfirmed("it was given up before it was ready"))
        return connection

    async def stay(self) -> None:
        """Be connected until cancelled, or until `say_goodbye`; from the connection on that there may be."""
        retrying = tenacity.AsyncRetrying(
            wait=tenacity.wait_random_exponential(multiplier=FIRST_PAUSE, max=self._longest_pause),
            retry=tenacity.retry_if_result(lambda failure: failure is not None),
            before_sleep=self._warn,
        )
        try:
            while not self._closing:
                await retrying(self._live)
        finally:
            if self.connection is not None:
                self.connection.abort(Unconfirmed("the client was stopped"))
            self.connection = None

    async def say_goodbye(self) -> None:
        """Have the PBX end the connection, for good: that is no loss."""
        self._closing = True
        if self.connection is not None:
            with suppress(EslError):
                await self.connection.ask(Command("exit"), GOODBYE_TIMEOUT)

    # -- inside -----------------------------------------------------------------------------------------

    async def _live(self) -> EslError | None:
        """One connection, from its making to its end: why it counts as a failed attempt, if it does."""
        try:
            connection = self.connection or await self.connect()
        except CannotConnect as error:
            return error
        since = time.monotonic()
        self._on_back()
        reason = await self._watch(connection)
        self.connection = None
        if self._closing:
            return None
        self._stats.reconnects += 1
        log.warning("the event socket was lost", pbx=self.address, reason=str(reason))
        self._on_lost(reason)
        return reason if time.monotonic() - since < self._longest_pause else None

    async def _watch(self, connection: Connection) -> EslError:
        """Until the connection ends, or is found dead: why."""
        while not connection.ended.done():
            quiet = time.monotonic() - connection.heard_at
            if quiet >= self._quiet_limit:
                try:
                    await connection.ask(commands.api("strepoch"), self._reply_timeout)
                except EslError as error:
                    connection.abort(error)
                quiet = 0.0
            await asyncio.wait([connection.ended], timeout=self._quiet_limit - quiet)
        return connection.ended.result()

    def _warn(self, state: tenacity.RetryCallState) -> None:
        """Ever more rarely, since a PBX may be away for a day: the first, second, fourth, eighth … time."""
        attempt = state.attempt_number
        error = state.outcome.result() if state.outcome else None
        if isinstance(error, CannotConnect) and attempt & (attempt - 1) == 0:
            log.warning("cannot connect to the PBX", pbx=self.address, error=str(error), attempt=attempt)


def accepted(reply: Reply) -> None:
    """Raises CommandRefused where the reply is a refusal."""
    if not reply.ok:
        raise CommandRefused(reply.text)
