"""The inbound client: one logical connection to a PBX that outlives its sockets.

It logs in, subscribes, and after a loss connects again with growing, jittered pauses (tenacity) and
subscribes again. Its owner is told "lost" and "back"; what happened in between nobody tells, so the owner
asks the PBX what is so. Every waiter learns of a loss at once. No command is ever sent twice by itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog
import tenacity

from voiced.esl import commands
from voiced.esl.commands import Command
from voiced.esl.connection import Connection, fail
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

GOODBYE_TIMEOUT: Final = 1.0  # seconds for the PBX to answer `exit`


class Client:
    """A PBX's event socket. `run()` keeps it connected; everything else may be called at any time.

    `events` are subscribed on each connection (BACKGROUND_JOB always is). `on_lost(reason)` and `on_back()`
    are called in the event loop: back means logged in and subscribed, and the first events may have come a
    moment before. Whoever closes or cancels it is not told of a loss. Times are seconds.

    A connection on which nothing was heard for `quiet_limit` is asked for a sign of life, and given up when
    none comes within `reply_timeout`; an api command that takes longer than the two together looks the same
    from here.

    Raises InvalidValue for a password or an event's name that cannot stand in a command.
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
        self._host, self._port, self._login = host, port, commands.auth(password)
        self._events = {"BACKGROUND_JOB": None, **dict.fromkeys(events)}
        commands.events(self._events)  # raises now what would raise at each attempt to connect
        self._on_lost, self._on_back, self._on_log = on_lost, on_back, on_log
        self._connect_timeout, self._reply_timeout = connect_timeout, reply_timeout
        self._quiet_limit, self._longest_pause = quiet_limit, longest_pause
        self._connection: Connection | None = None
        self._router = Router(self._listener_failed)
        self._waiters: set[Callable[[EslError], None]] = set()  # told when the connection has ended
        self._queues: set[EventQueue] = set()
        self._keeping: asyncio.Task[None] | None = None
        self._closing = False
        self.stats = Stats()

    # -- connecting -------------------------------------------------------------------------------------

    @property
    def is_connected(self) -> bool:
        """Logged in and subscribed."""
        return self._connection is not None and not self._connection.ended.done()

    async def run(self) -> None:
        """Stay connected until cancelled, or until `close()`. Raises only what `on_lost` and `on_back` raise.

        Whoever waits for something when it ends is told then, and queues end.
        """
        keeping = self._keep()
        try:
            await asyncio.wait([keeping])
        finally:
            keeping.cancel()
            await asyncio.wait([keeping])
        if not keeping.cancelled():
            keeping.result()

    async def close(self) -> None:
        """Say goodbye, and end `run`. For good."""
        self._closing = True
        if self._connection is not None:
            with suppress(EslError):
                await self._connection.ask(Command("exit"), GOODBYE_TIMEOUT)
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])

    # -- commands -----------------------------------------------------------------------------------------

    def send(self, command: Command) -> asyncio.Future[Reply]:
        """Write a command now, whole; the future is its reply, or NotSent, or Unconfirmed."""
        if self._connection is not None:
            return self._connection.send(command)
        self.stats.command("not-sent")
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        fail(reply, NotSent(f"the event socket of {self._address} is not connected"))
        return reply

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
        """Begin a background api command. The job's id is known, and waited for, before it is written.

        The PBX may take a job and never run it: whoever waits for `job.result` sets a deadline, and calls
        `job.forget()` after it.
        """
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
        """Ask the PBX for more events, now and after every reconnect. `CUSTOM NAME` asks for a subclass.

        Raises InvalidValue, CommandRefused, NotSent, Unconfirmed; after the last two the names are asked for
        when the connection is back.
        """
        command = commands.events(names)
        self._events.update(dict.fromkeys(names))
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

    def wait_for(
        self, names: str | Iterable[str], unique_id: str | None = None, timeout: float | None = None
    ) -> asyncio.Future[Event]:
        """A future: the next event of these names (of that channel).

        It listens from the call on, not from the `await` on: call it, send the command, then await it.
        Fails with TimeoutError, and with EventsLost where the connection is or gets lost.
        """
        names = [names] if isinstance(names, str) else list(names)
        loop = asyncio.get_running_loop()
        found: asyncio.Future[Event] = loop.create_future()
        if not self.is_connected:
            fail(found, EventsLost(f"the event socket of {self._address} is not connected"))
            return found

        def take(event: Event) -> None:
            if not found.done():
                found.set_result(event)

        def lose(reason: EslError) -> None:
            if not found.done():
                fail(found, EventsLost(f"while waiting for {' or '.join(names)}: {reason}"))

        def give_up() -> None:
            if not found.done():
                fail(found, TimeoutError(f"no {' or '.join(names)} within {timeout} s"))

        def clear_away(_: object) -> None:
            handle.off()
            self._waiters.discard(lose)
            if timer is not None:
                timer.cancel()

        handle = self.on(take, name=names, unique_id=unique_id)
        timer = loop.call_later(timeout, give_up) if timeout is not None else None
        self._waiters.add(lose)
        found.add_done_callback(clear_away)
        return found

    def queue(
        self, *, name: str | Iterable[str] | None = None, unique_id: str | None = None, size: int = 1000
    ) -> EventQueue:
        """Events for a consumer that awaits between them: bounded, and it says where some are missing."""

        def clear_away(queue: EventQueue) -> None:
            handle.off()
            self._waiters.discard(queue.lose)
            self._queues.discard(queue)

        queue = EventQueue(size, self.stats, clear_away)
        handle = self.on(queue.put, name=name, unique_id=unique_id)
        self._waiters.add(queue.lose)
        self._queues.add(queue)
        return queue

    @property
    def events_seen(self) -> Mapping[bytes, int]:
        """Events received so far, by name."""
        return self._router.seen

    # -- inside -----------------------------------------------------------------------------------------

    @property
    def _address(self) -> str:
        return f"{self._host}:{self._port}"

    def _keep(self) -> asyncio.Task[None]:
        """Stay connected in a task of our own, which `close` can end without ending its caller."""
        if self._keeping is not None and not self._keeping.done():
            raise RuntimeError("this client is running already")
        name = f"event socket {self._address}"
        self._keeping = asyncio.create_task(self._stay_connected(), name=name)
        return self._keeping

    async def _stay_connected(self) -> None:
        """`connect()` begins it with a connection, `run()` without."""
        connection = self._connection
        try:
            while not self._closing:
                connection = connection or await self._connect_again()
                self._on_back()
                reason = await self._watch(connection)
                self._connection = connection = None
                if not self._closing:
                    self.stats.reconnects += 1
                    log.warning("the event socket was lost", pbx=self._address, reason=str(reason))
                    self._lose(reason)
                    self._on_lost(reason)
        finally:
            self._connection = None
            stopped = Unconfirmed("the client was stopped")
            if connection is not None:
                connection.abort(stopped)
            self._lose(stopped)
            for queue in list(self._queues):
                queue.close()

    async def _connect_again(self) -> Connection:
        return await tenacity.AsyncRetrying(
            wait=tenacity.wait_random_exponential(multiplier=0.25, max=self._longest_pause),
            retry=tenacity.retry_if_exception_type(EslError),
            before_sleep=self._warn,
        )(self._connect)

    async def _connect(self) -> Connection:
        """A new connection, logged in and subscribed. Raises CannotConnect."""
        loop = asyncio.get_running_loop()
        connection = Connection(self._router.route, self._on_frame, self.stats)
        limit = self._connect_timeout
        try:
            async with asyncio.timeout(limit):
                await loop.create_connection(lambda: connection, self._host, self._port)
                await connection.authenticate(self._login, limit)
                subscribed: list[str] = []
                while subscribed != list(self._events):  # `subscribe` may be called in the meantime
                    subscribed = list(self._events)
                    _accepted(await connection.ask(commands.events(subscribed), limit))
            self._connection = connection
        except CannotConnect:
            raise
        except TimeoutError:
            raise CannotConnect(f"{self._address} did not answer within {limit:g} s") from None
        except (OSError, EslError) as error:
            raise CannotConnect(f"{self._address}: {error}") from error
        finally:
            if self._connection is not connection:
                connection.abort(Unconfirmed("it was given up before it was ready"))
        return connection

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

    def _lose(self, reason: EslError) -> None:
        self._router.forget_channels()
        for lose in list(self._waiters):
            lose(reason)

    def _on_frame(self, frame: Frame) -> None:
        if isinstance(frame, LogLine):
            try:
                self._on_log(frame)
            except Exception:
                self.stats.listener_errors += 1
                log.exception("the listener to log lines failed")

    def _listener_failed(self, event: Event, error: BaseException) -> None:
        self.stats.listener_errors += 1
        log.error("a listener failed", of=repr(event), exc_info=error)

    def _warn(self, state: tenacity.RetryCallState) -> None:
        """Ever more rarely, since a PBX may be away for a day: the first, second, fourth, eighth … time."""
        attempt = state.attempt_number
        if attempt & (attempt - 1) == 0:
            error = str(state.outcome.exception()) if state.outcome else ""
            log.warning("cannot connect to the PBX", pbx=self._address, error=error, attempt=attempt)


class Job:
    """A background api command. `result` is a future: the job's output, or why there will be none."""

    def __init__(self, client: Client, command: Command) -> None:
        self.uuid = command.job_uuid
        self.accepted = False
        self.result: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.result.add_done_callback(lambda _: self.forget())
        self._waiters = client._waiters
        self._waiters.add(self._lose)
        self._handle = client.on(self._done, job_uuid=self.uuid)
        client.send(command).add_done_callback(self._replied)

    def forget(self) -> None:
        """Nobody waits any more."""
        self._handle.off()
        self._waiters.discard(self._lose)
        self.result.cancel()

    def _replied(self, reply: asyncio.Future[Reply]) -> None:
        error = reply.exception()
        if error is not None:
            self._fail(error)
        elif reply.result().ok:
            self.accepted = True
        else:
            self._fail(CommandRefused(reply.result().text))

    def _done(self, event: Event) -> None:
        if not self.result.done():
            self.result.set_result(Reply(event.body.rstrip("\n"), job_uuid=self.uuid))

    def _lose(self, reason: EslError) -> None:
        stage = Accepted if self.accepted else Unconfirmed
        self._fail(stage(f"the job's result was lost: {reason}"))

    def _fail(self, error: BaseException) -> None:
        if not self.result.done():
            fail(self.result, error)


def _accepted(reply: Reply) -> None:
    if not reply.ok:
        raise CommandRefused(reply.text)


@asynccontextmanager
async def connect(
    host: str = "127.0.0.1", port: int = 8021, password: str = "ClueCon", *, events: Iterable[str] = ()
) -> AsyncIterator[Client]:
    """A connected client for the length of a block; it reconnects by itself, and is closed at the end.

    Raises CannotConnect, AuthenticationFailed or Rejected if the first connection fails.
    """
    client = Client(host, port, password, events=events)
    await client._connect()
    client._keep()
    try:
        yield client
    finally:
        await client.close()
