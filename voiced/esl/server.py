"""The outbound server: the PBX connects to us, one connection a call (`socket HOST:PORT async full`).

The dialplan waits at its `socket` action for as long as the connection stands. When we close it, the call
goes on with the next action at once; that is also what happens when anything in us fails, so a failure
here is never silence. After `exit` the socket has to be closed too: left open it held the call in silence.

For the first 20 ms that is so only with `socket_resume=true` on the call: until the channel has parked, the
end of its session leaves it in silence for ever (measured, 1.11). So the variable is set right behind
`connect`. Who sets it in the dialplan too, before `socket`, has nothing to fear from a daemon that dies
before that.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

import structlog

from voiced.esl import values
from voiced.esl.commands import Command, execute
from voiced.esl.connection import Connection
from voiced.esl.errors import EslError, ProtocolError, Unconfirmed
from voiced.esl.event import Event
from voiced.esl.places import Handle, Listener
from voiced.esl.protocol import Reply
from voiced.esl.router import Router
from voiced.esl.stats import Stats

log = structlog.get_logger(__name__)

SESSION_BUFFER: Final = 8 * 1024  # bytes: there are thousands of sessions, and little comes on each
BACKLOG: Final = 1024  # calls that may be routed in at one moment; the rest would wait a second for TCP
GOODBYE_TIMEOUT: Final = 1.0  # seconds for the PBX to answer `exit`
LETTING_GO: Final = 3.0  # seconds for handlers to end when the server is closed


class Session:
    """One call that the PBX routed in. `channel` is its data."""

    def __init__(self, connection: Connection, channel: Event, router: Router) -> None:
        self._connection, self._router = connection, router
        self.channel = channel
        self.unique_id = channel.unique_id

    @property
    def ended(self) -> asyncio.Future[EslError]:
        """A future with the reason of the end: `await session.ended`. Cancelling it hurts nobody."""
        return asyncio.shield(self._connection.ended)

    async def ask(self, text: str, *, timeout: float = 5.0) -> Reply:
        """A command in this session: `linger 5`, `myevents`, `api …`.

        Raises InvalidValue, NotSent, Unconfirmed.
        """
        return await self._connection.ask(Command(values.line(text)), timeout)

    async def execute(
        self, application: str, argument: str = "", *, event_uuid: str = "", timeout: float = 5.0
    ) -> Reply:
        """Run an application on this call, behind what runs already. The reply says it was queued."""
        return await self._connection.ask(execute("", application, argument, event_uuid=event_uuid), timeout)

    def on(self, listener: Listener, *, name: str) -> Handle:
        """Call `listener(event)` for this session's events of that name (after `myevents`)."""
        return self._router.on(listener, name=name)

    async def protect(self, *, on: bool) -> None:
        """Whether the call goes on with its dialplan at the end of the session whatever it does then.

        It does at the beginning. Turn it off once something is to outlive the session: with it the switch
        breaks off a playback, or a talk. Raises NotSent, Unconfirmed.
        """
        await self.ask(_protection(self.unique_id, on=on))

    async def release(self) -> None:
        """Let the call go on with its dialplan."""
        with suppress(EslError):
            await self.ask("exit", timeout=GOODBYE_TIMEOUT)
        self._connection.close()


class OutboundServer:
    """Listens for the PBX's calls and runs `handler(session)` for each, at most `limit` at once.

    Calls above the limit, and calls that come while it is closing, are let go at once. The session is
    released when the handler returns or raises.
    """

    def __init__(
        self,
        handler: Callable[[Session], Awaitable[None]],
        *,
        limit: int = 2000,
        connect_timeout: float = 5.0,
    ) -> None:
        self._handler, self._limit, self._connect_timeout = handler, limit, connect_timeout
        self._server: asyncio.Server | None = None
        self._address: tuple[str, int] | None = None
        self._closing = False
        self._calls: dict[asyncio.Task[None], Connection] = {}
        self._serving: set[asyncio.Task[None]] = set()
        self.stats = Stats()
        self.refused = 0  # calls let go because of the limit

    async def start(
        self, host: str = "127.0.0.1", port: int = 0, *, bound: socket.socket | None = None,
        listening: bool = True,
    ) -> int:  # fmt: skip
        """Take the port, and listen at once or from `listen()` on. Returns the port (of use with port 0).

        `bound` is a socket that has the port already. Raises OSError where it is taken.
        """
        loop = asyncio.get_running_loop()
        if bound is not None:
            host, port = bound.getsockname()[:2]
        where: dict[str, Any] = {"host": host, "port": port} if bound is None else {"sock": bound}
        self._server = await loop.create_server(
            self._accept, **where, backlog=BACKLOG, start_serving=listening
        )
        self._address = host, int(self._server.sockets[0].getsockname()[1])
        return self._address[1]

    async def listen(self) -> None:
        """Take calls from now on, if it was started. Raises OSError where the port is taken by now."""
        if self._closing or self._address is None:
            return
        if self._server is None:
            await self.start(*self._address)
        else:
            await self._server.start_serving()

    def refuse(self) -> None:
        """Until `listen()` take no calls: the PBX tries the next host of its `socket`, or goes on."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def close(self) -> None:
        """Take no more calls and let those in progress go on in their dialplan.

        The handlers are cancelled; a connection whose handler does not end within three seconds is dropped.
        """
        self._closing = True
        self.refuse()
        for task in self._serving:
            task.cancel()  # the others are let go as soon as they have said who they are
        if self._calls:
            await asyncio.wait(list(self._calls), timeout=LETTING_GO)
        for connection in self._calls.values():
            connection.abort(Unconfirmed("the server was closed"))

    def __len__(self) -> int:
        """Calls in progress."""
        return len(self._calls)

    # -- inside -----------------------------------------------------------------------------------------

    def _accept(self) -> Connection:
        router = Router(self._listener_failed)
        connection = Connection(router.route, lambda frame: None, self.stats, buffer=SESSION_BUFFER)
        task = asyncio.create_task(self._serve(connection, router), name="outbound session")
        self._calls[task] = connection
        task.add_done_callback(self._over)
        return connection

    def _over(self, task: asyncio.Task[None]) -> None:
        self._calls.pop(task).close()  # also that of a task that was cancelled before it began

    async def _serve(self, connection: Connection, router: Router) -> None:
        try:
            await connection.made
            is_one_too_many = len(self._calls) > self._limit
            reply = await connection.ask(Command("connect"), self._connect_timeout)
            if reply.event is None:
                raise ProtocolError(f"the answer to connect is no channel's data: {reply.text[:60]!r}")
            session = Session(connection, reply.event, router)
            await session.protect(on=True)
            try:
                if is_one_too_many:
                    self.refused += 1
                    log.warning(
                        "too many calls routed in, this one goes on in its dialplan", limit=self._limit
                    )
                elif not self._closing:
                    await self._handle(session)
            finally:
                await session.release()
        except EslError as error:
            log.info("an outbound session ended early", reason=str(error))
        except Exception:
            log.exception("a call routed in failed, it goes on in its dialplan")

    async def _handle(self, session: Session) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            await self._handler(session)
        finally:
            self._serving.discard(task)

    def _listener_failed(self, event: Event, error: BaseException) -> None:
        self.stats.listener_errors += 1
        log.error("a listener failed", of=repr(event), exc_info=error)


def _protection(uuid: str, *, on: bool) -> str:
    return f"api uuid_setvar {values.channel_uuid(uuid)} socket_resume {'true' if on else ''}".rstrip()
