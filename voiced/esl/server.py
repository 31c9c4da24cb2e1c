"""The outbound server: the PBX connects to us, one connection a call (`socket HOST:PORT async full`).

The dialplan waits at its `socket` action for as long as the connection stands. When we close it, the call
goes on with the next action at once; that is also what happens when anything in us fails, so a failure here
is never silence. After `exit` the socket has to be closed too: left open it held the call in silence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from voiced.esl import values
from voiced.esl.commands import Command, execute
from voiced.esl.connection import Connection
from voiced.esl.errors import EslError, ProtocolError
from voiced.esl.event import Event
from voiced.esl.protocol import Reply
from voiced.esl.router import Handle, Listener, Router
from voiced.esl.stats import Stats

log = structlog.get_logger(__name__)


class Session:
    """One call that the PBX routed in. `channel` is its data; `ended` a future with the reason of the end."""

    def __init__(self, connection: Connection, channel: Event, router: Router) -> None:
        self._connection, self._router = connection, router
        self.channel = channel
        self.unique_id = channel.unique_id
        self.ended = connection.ended

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

    async def release(self) -> None:
        """Let the call go on with its dialplan."""
        with suppress(EslError):
            await self.ask("exit", timeout=1.0)
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
        self._tasks: set[asyncio.Task[None]] = set()
        self.stats = Stats()
        self.refused = 0  # calls let go because of the limit

    async def start(self, host: str = "127.0.0.1", port: int = 8084) -> int:
        """Listen. Returns the port (of use with port 0). Raises OSError where it is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, host, port)
        port_taken: int = self._server.sockets[0].getsockname()[1]
        return port_taken

    async def close(self) -> None:
        """Take no more calls and let those in progress go on in their dialplan."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def __len__(self) -> int:
        return len(self._tasks)

    # -- inside -----------------------------------------------------------------------------------------

    def _accept(self) -> Connection:
        router = Router(self._listener_failed)
        connection = Connection(router.route, lambda frame: None, self.stats)
        task = asyncio.create_task(self._serve(connection, router), name="outbound session")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return connection

    async def _serve(self, connection: Connection, router: Router) -> None:
        try:
            await asyncio.sleep(0)  # connection_made comes after the factory
            if len(self._tasks) > self._limit:
                self.refused += 1
                log.warning("too many calls routed in, this one goes on in its dialplan", limit=self._limit)
                return
            reply = await connection.ask(Command("connect"), self._connect_timeout)
            if reply.event is None:
                raise ProtocolError(f"the answer to connect is no channel's data: {reply.text[:60]!r}")
            session = Session(connection, reply.event, router)
            try:
                await self._handler(session)
            finally:
                await session.release()
        except EslError as error:
            log.info("an outbound session ended early", reason=str(error))
        except Exception:
            log.exception("a call routed in failed, it goes on in its dialplan")
        finally:
            connection.close()

    def _listener_failed(self, event: Event, error: Exception) -> None:
        self.stats.listener_errors += 1
        log.error("a listener failed", event=repr(event), exc_info=error)
