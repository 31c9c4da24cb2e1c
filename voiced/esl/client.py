"""The inbound client: one logical connection to a PBX that outlives its sockets.

It logs in, subscribes, and after a loss connects again with growing, jittered pauses (tenacity) and
subscribes again. Its owner is told "lost" and "back"; what happened in between nobody tells, so the owner
asks the PBX what is so. Every waiter learns of a loss at once. No command is ever sent twice by itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress

import structlog
import tenacity

from voiced.esl import commands
from voiced.esl.commands import Command
from voiced.esl.connection import Connection
from voiced.esl.errors import (
    Accepted,
    CannotConnect,
    CommandRefused,
    EslError,
    EventsLost,
    NotSent,
    Unconfirmed,
)
from voiced.esl.event import Event
from voiced.esl.protocol import Frame, LogLine, Reply
from voiced.esl.queue import EventQueue
from voiced.esl.router import Handle, Listener, Router
from voiced.esl.stats import Stats

log = structlog.get_logger(__name__)


class Client:
    """A PBX's event socket. `run()` keeps it connected; everything else may be called at any time.

    `events` are subscribed on each connection (BACKGROUND_JOB always is). `on_lost(reason)` and `on_back()`
    are called in the event loop: back means logged in and subscribed. Times are seconds.
    """

    def __init__(
        self,
        host: str,
        port: int,
        password: str,
        *,
        events: Iterable[str] = (),
        on_lost: Callable[[EslError], object] = lambda reason: None,
        on_back: Callable[[], object] = lambda: None,
        on_log: Callable[[LogLine], object] = lambda line: None,
        connect_timeout: float = 5.0,
        reply_timeout: float = 10.0,
        quiet_limit: float = 15.0,
        longest_pause: float = 5.0,
    ) -> None:
        self._host, self._port, self._password = host, port, password
        self._names = {"BACKGROUND_JOB": None, **dict.fromkeys(events)}
        self._on_lost, self._on_back, self._on_log = on_lost, on_back, on_log
        self._connect_timeout, self._reply_timeout = connect_timeout, reply_timeout
        self._quiet_limit, self._longest_pause = quiet_limit, longest_pause
        self._connection: Connection | None = None
        self._router = Router(self._listener_failed)
        self._waiting_for_events: set[asyncio.Future[Event]] = set()
        self._jobs: set[Job] = set()
        self._closing = False
        self.stats = Stats()

    # -- connecting -------------------------------------------------------------------------------------

    @property
    def is_connected(self) -> bool:
        """Logged in and subscribed."""
        return self._connection is not None

    async def run(self, *, first: asyncio.Future[None] | None = None) -> None:
        """Stay connected until cancelled or closed. With `first`, a failure to connect at first ends it."""
        pause = tenacity.wait_random_exponential(multiplier=0.25, max=self._longest_pause)
        while not self._closing:
            tries = tenacity.AsyncRetrying(
                wait=pause, retry=tenacity.retry_if_exception_type(EslError), before_sleep=self._warn
            )
            if first is not None and not first.done():
                try:
                    connection = await self._connect()
                except EslError as error:
                    first.set_exception(error)
                    return
                self._connection = connection
                first.set_result(None)
            else:
                self._connection = connection = await tries(self._connect)
            try:
                self._on_back()
                reason = await self._stay(connection)
            finally:
                self._connection = None
                connection.abort(Unconfirmed("the client was stopped"))
            if self._closing:
                return
            self.stats.reconnects += 1
            log.warning("the event socket was lost", pbx=self._address, reason=str(reason))
            self._lose(reason)

    async def close(self) -> None:
        """Say goodbye and end `run`."""
        self._closing = True
        if self._connection is not None:
            with suppress(EslError):
                await self._connection.ask(Command("exit"), 1.0)
        if self._connection is not None:
            self._connection.close()

    # -- commands -----------------------------------------------------------------------------------------

    def send(self, command: Command) -> asyncio.Future[Reply]:
        """Write a command now, whole; the future is its reply, or NotSent, or Unconfirmed."""
        if self._connection is None:
            reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
            reply.set_exception(NotSent(f"the event socket of {self._address} is not connected"))
            self.stats.command("not-sent")
            return reply
        return self._connection.send(command)

    async def ask(self, command: Command, *, timeout: float | None = None) -> Reply:
        """Send a command and wait for its reply. Raises NotSent, Unconfirmed."""
        if self._connection is None:
            return await self.send(command)
        return await self._connection.ask(command, self._reply_timeout if timeout is None else timeout)

    async def api(self, text: str, *, timeout: float | None = None) -> Reply:
        """Run an api command in the listener: `await pbx.api("status")`. For quick ones only.

        A refusal is a reply (`reply.ok` is false). Raises InvalidValue, NotSent, Unconfirmed.
        """
        return await self.ask(commands.api(text), timeout=timeout)

    def start_job(self, text: str, job_uuid: str = "") -> Job:
        """Begin a background api command. The job's id is known, and waited for, before it is written."""
        return Job(self, commands.bgapi(text, job_uuid))

    async def bgapi(self, text: str, *, timeout: float = 60.0) -> Reply:
        """Run an api command in the background and wait for its result, at most `timeout` seconds.

        Raises InvalidValue, NotSent, Unconfirmed, CommandRefused, and Accepted where the PBX took the job and
        its result was lost or is late.
        """
        job = self.start_job(text)
        try:
            async with asyncio.timeout(timeout):
                return await job.result
        except TimeoutError:
            stage = Accepted if job.accepted else Unconfirmed
            raise stage(f"no result within {timeout:g} s of {text[:80]!r}") from None
        finally:
            job.forget()

    # -- events -----------------------------------------------------------------------------------------

    async def subscribe(self, *names: str) -> None:
        """Ask the PBX for more events, now and after every reconnect. `CUSTOM NAME` asks for a subclass."""
        command = commands.events(names)
        self._names.update(dict.fromkeys(names))
        if self._connection is not None:
            _accepted(await self.ask(command))

    def on(
        self,
        listener: Listener,
        *,
        name: str | Iterable[str] | None = None,
        unique_id: str | None = None,
        job_uuid: str | None = None,
        variable: tuple[str, str] | None = None,
    ) -> Handle:
        """Call `listener(event)` for events of a channel, a job, a variable or a name; see `Router.on`."""
        return self._router.on(listener, name=name, unique_id=unique_id, job_uuid=job_uuid, variable=variable)

    async def wait_for(
        self, names: str | Iterable[str], unique_id: str | None = None, timeout: float | None = None
    ) -> Event:
        """The next event of these names (of that channel). Raises TimeoutError, or EventsLost on a loss."""
        found: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        self._waiting_for_events.add(found)

        def take(event: Event) -> None:
            if not found.done():
                found.set_result(event)

        with self.on(take, name=names, unique_id=unique_id):
            try:
                async with asyncio.timeout(timeout):
                    return await found
            finally:
                self._waiting_for_events.discard(found)

    def queue(
        self, *, name: str | Iterable[str] | None = None, unique_id: str | None = None, size: int = 1000
    ) -> EventQueue:
        """Events for a consumer that awaits between them: bounded, and it says when it overflowed."""
        queue = EventQueue(size, self.stats)
        queue.handle = self.on(queue.put, name=name, unique_id=unique_id)
        return queue

    @property
    def events_seen(self) -> dict[bytes, int]:
        """Events received so far, by name."""
        return self._router.seen

    # -- inside -----------------------------------------------------------------------------------------

    @property
    def _address(self) -> str:
        return f"{self._host}:{self._port}"

    async def _connect(self) -> Connection:
        """A new connection, logged in and subscribed. Raises CannotConnect."""
        loop = asyncio.get_running_loop()
        connection = Connection(self._on_event, self._on_frame, self.stats)
        try:
            async with asyncio.timeout(self._connect_timeout):
                await loop.create_connection(lambda: connection, self._host, self._port)
                await connection.authenticate(self._password, self._connect_timeout)
                _accepted(await connection.ask(commands.events(self._names), self._connect_timeout))
        except CannotConnect:
            raise
        except TimeoutError:
            error = CannotConnect(f"{self._address} did not answer within {self._connect_timeout:g} s")
            connection.abort(error)
            raise error from None
        except (OSError, EslError) as error:
            connection.abort(Unconfirmed("not connected"))
            raise CannotConnect(f"{self._address}: {error}") from error
        return connection

    async def _stay(self, connection: Connection) -> EslError:
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

    def _lose(self, reason: EslError) -> None:
        self._router.forget_channels()
        for job in list(self._jobs):
            job.lose(reason)
        for found in list(self._waiting_for_events):
            if not found.done():
                found.set_exception(EventsLost(f"while waiting for an event: {reason}"))
        self._on_lost(reason)

    def _on_event(self, event: Event) -> None:
        self._router.route(event)

    def _on_frame(self, frame: Frame) -> None:
        if isinstance(frame, LogLine):
            self._on_log(frame)

    def _listener_failed(self, event: Event, error: Exception) -> None:
        self.stats.listener_errors += 1
        log.error("a listener failed", event=repr(event), exc_info=error)

    def _warn(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        log.warning(
            "cannot connect to the PBX, trying again",
            pbx=self._address, error=str(error), attempt=state.attempt_number,
            pause=round(state.next_action.sleep, 2) if state.next_action else 0,
        )  # fmt: skip


class Job:
    """A background api command. `result` is a future: the job's output, or why there will be none."""

    def __init__(self, client: Client, command: Command) -> None:
        self.uuid = command.job_uuid
        self.accepted = False
        self.result: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._client = client
        self._handle = client.on(self._done, job_uuid=self.uuid)
        client._jobs.add(self)
        client.send(command).add_done_callback(self._replied)

    def forget(self) -> None:
        """Nobody waits any more."""
        self._handle.off()
        self._client._jobs.discard(self)
        self.result.cancel()

    def lose(self, reason: EslError) -> None:
        """The connection ended."""
        stage = Accepted if self.accepted else Unconfirmed
        self._fail(stage(f"the job's result was lost: {reason}"))

    def _replied(self, reply: asyncio.Future[Reply]) -> None:
        if reply.cancelled():
            return
        error = reply.exception()
        if error is not None:
            self._fail(error)
        elif reply.result().ok:
            self.accepted = True
        else:
            self._fail(CommandRefused(reply.result().text))

    def _done(self, event: Event) -> None:
        self._handle.off()
        self._client._jobs.discard(self)
        if not self.result.done():
            self.result.set_result(Reply(event.body.rstrip("\n"), job_uuid=self.uuid))

    def _fail(self, error: BaseException) -> None:
        self._handle.off()
        self._client._jobs.discard(self)
        if not self.result.done():
            self.result.set_exception(error)
            self.result.exception()  # whoever awaits it is told; whoever does not, need not be


def _accepted(reply: Reply) -> None:
    if not reply.ok:
        raise CommandRefused(reply.text)


@asynccontextmanager
async def connect(
    host: str = "127.0.0.1", port: int = 8021, password: str = "ClueCon", *, events: Iterable[str] = ()
) -> AsyncIterator[Client]:
    """A connected client for the time of the block; it reconnects by itself meanwhile.

    Raises CannotConnect, AuthenticationFailed or Rejected if the first connection fails.
    """
    client = Client(host, port, password, events=events)
    first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(client.run(first=first), name=f"event socket {host}:{port}")
    try:
        await first
        yield client
    finally:
        await client.close()
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
