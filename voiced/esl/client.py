"""The inbound client: what programs use. `link.py` keeps it connected, `router.py` gives its events out.

Its owner is told "lost" and "back"; what happened in between nobody tells, so the owner asks the PBX what is
so. Every waiter learns of a loss at once. No command is ever sent twice by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager

import structlog

from voiced.esl import commands
from voiced.esl.commands import Command
from voiced.esl.connection import Connection
from voiced.esl.errors import EslError, EventsLost, Unconfirmed
from voiced.esl.event import Event
from voiced.esl.job import Job
from voiced.esl.link import Link, accepted
from voiced.esl.places import Handle, Listener
from voiced.esl.protocol import Frame, LogLine, Reply
from voiced.esl.queue import EventQueue
from voiced.esl.replies import fail
from voiced.esl.router import Router
from voiced.esl.stats import Stats
from voiced.esl.waiting import Waiters, next_event

log = structlog.get_logger(__name__)


class Client:
    """A PBX's event socket. `run()` keeps it connected; everything else may be called at any time.

    `events` are subscribed on each connection (BACKGROUND_JOB always is). `on_lost(reason)` and `on_back()`
    are called in the event loop: back means logged in and subscribed, and the first events may have come a
    moment before. Whoever closes or cancels it is not told of a loss. Times are seconds.

    A connection on which nothing was heard for `quiet_limit` is asked for a sign of life, and given up when
    none comes within `reply_timeout`; an api command that takes longer than the two together looks the same
    from here. Between attempts to connect it pauses, `longest_pause` at most; a connection that ends sooner
    than that counts as an attempt that failed.

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
        self.stats = Stats()
        self._events = {"BACKGROUND_JOB": None, **dict.fromkeys(events)}
        self._on_lost, self._on_back, self._on_log = on_lost, on_back, on_log
        self._router = Router(self._listener_failed)
        self._waiters: Waiters = set()
        self._queues: set[EventQueue] = set()
        self._keeping: asyncio.Task[None] | None = None
        self._link = Link(
            host,
            port,
            password,
            self._events,
            make=lambda: Connection(self._router.route, self._on_frame, self.stats),
            on_back=lambda: self._on_back(),
            on_lost=self._lost,
            stats=self.stats,
            connect_timeout=connect_timeout,
            reply_timeout=reply_timeout,
            quiet_limit=quiet_limit,
            longest_pause=longest_pause,
        )

    # -- connecting -------------------------------------------------------------------------------------

    @property
    def is_connected(self) -> bool:
        """Logged in and subscribed."""
        return self._link.is_connected

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
        await self._link.say_goodbye()
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])

    # -- commands -----------------------------------------------------------------------------------------

    def send(self, command: Command) -> asyncio.Future[Reply]:
        """Write a command now, whole; the future is its reply, or NotSent, or Unconfirmed."""
        return self._link.send(command)

    async def ask(self, command: Command, *, timeout: float | None = None) -> Reply:
        """Send a command and wait for its reply. Raises NotSent, Unconfirmed."""
        return await self._link.ask(command, timeout)

    async def api(self, text: str, *, timeout: float | None = None) -> Reply:
        """Run an api command in the listener: `await pbx.api("status")`. For quick ones only.

        A refusal is a reply (`reply.ok` is false). Raises InvalidValue, NotSent, Unconfirmed.
        """
        return await self.ask(commands.api(text), timeout=timeout)

    def start_job(self, text: str, job_uuid: str = "", *, timeout: float | None = None) -> Job:
        """Begin a background api command. The job's id is known, and waited for, before it is written.

        The PBX may take a job and never run it: so give a `timeout`, or call `job.forget()` in the end.
        """
        command = commands.bgapi(text, job_uuid)
        return Job(command, send=self.send, router=self._router, waiters=self._waiters, timeout=timeout)

    async def bgapi(self, text: str, *, timeout: float = 60.0) -> Reply:
        """Run an api command in the background and wait for its result, at most `timeout` seconds.

        Raises InvalidValue, NotSent, Unconfirmed, CommandRefused, and Accepted where the PBX took the job and
        its result was lost or is late.
        """
        job = self.start_job(text, timeout=timeout)
        try:
            return await job.result
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
        if self._link.connection is not None:
            accepted(await self.ask(command))

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
        if not self.is_connected:
            found: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
            fail(found, EventsLost(f"the event socket of {self._link.address} is not connected"))
            return found
        wanted = [names] if isinstance(names, str) else list(names)
        return next_event(self._router, self._waiters, wanted, unique_id, timeout)

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

    def _keep(self) -> asyncio.Task[None]:
        """Stay connected in a task of our own, which `close` can end without ending its caller."""
        if self._keeping is not None and not self._keeping.done():
            raise RuntimeError("this client is running already")
        name = f"event socket {self._link.address}"
        self._keeping = asyncio.create_task(self._stay_connected(), name=name)
        return self._keeping

    async def _stay_connected(self) -> None:
        try:
            await self._link.stay()
        finally:
            self._lose(Unconfirmed("the client was stopped"))
            for queue in list(self._queues):
                queue.close()

    def _lost(self, reason: EslError) -> None:
        self._lose(reason)
        self._on_lost(reason)

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


@asynccontextmanager
async def connect(
    host: str = "127.0.0.1",
    port: int = 8021,
    password: str = "ClueCon",
    *,
    events: Iterable[str] = (),
    connect_timeout: float = 5.0,
) -> AsyncIterator[Client]:
    """A connected client for the length of a block; it reconnects by itself, and is closed at the end.

    Raises CannotConnect, AuthenticationFailed or Rejected if the first connection fails.
    """
    client = Client(host, port, password, events=events, connect_timeout=connect_timeout)
    await client._link.connect()
    client._keep()
    try:
        yield client
    finally:
        await client.close()
