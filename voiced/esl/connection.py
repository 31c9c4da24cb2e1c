"""One event-socket connection on asyncio: the sans-I/O protocol with a socket under it.

It knows nothing of reconnecting, subscriptions or calls; `client.py` and `server.py` are built on it.
Reading never stops, whatever the owner does: one blocked client can stall the event socket for everybody.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from voiced.esl.commands import Command, auth
from voiced.esl.errors import (
    AuthenticationFailed,
    EslError,
    NotSent,
    ProtocolError,
    Rejected,
    Unconfirmed,
)
from voiced.esl.event import Event
from voiced.esl.protocol import AuthRequest, Disconnect, Frame, LogLine, Parser, Rejection, Reply
from voiced.esl.stats import Stats

MAX_UNWRITTEN: Final = 4 * 1024 * 1024  # bytes of commands that the PBX has not read: it is not reading


class Connection(asyncio.BufferedProtocol):
    """Commands in, replies and events out, until `ended` (a future with the reason) is done.

    `on_event` is called in the reading loop for each event, `on_frame` for log lines, notices and frames
    of unknown type.
    """

    def __init__(
        self, on_event: Callable[[Event], object], on_frame: Callable[[Frame], object], stats: Stats
    ) -> None:
        loop = asyncio.get_running_loop()
        self._on_event, self._on_frame, self._stats = on_event, on_frame, stats
        self._parser = Parser()
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[tuple[asyncio.Future[Reply], float]] = deque()
        self._reason: EslError | None = None
        self.greeted: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[EslError] = loop.create_future()
        self.heard_at = time.monotonic()

    # -- what the owner does ------------------------------------------------------------------------------

    def send(self, command: Command) -> asyncio.Future[Reply]:
        """Write a command now; the future is its reply.

        It fails with NotSent or Unconfirmed. Cancelling it (or giving up on it) leaves its place in the
        line of replies, so that its late reply is dropped and not taken for the next command's.
        """
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        transport = self._transport
        if transport is None or transport.is_closing():
            reply.set_exception(self._not_sent("the event socket is not connected"))
        elif transport.get_write_buffer_size() > MAX_UNWRITTEN:
            reply.set_exception(self._not_sent("the PBX does not read our commands"))
        else:
            self._waiting.append((reply, time.perf_counter()))
            transport.write(command.to_bytes())
        return reply

    async def ask(self, command: Command, timeout: float) -> Reply:
        """`send`, and wait at most `timeout` seconds for the reply. Raises NotSent or Unconfirmed."""
        try:
            async with asyncio.timeout(timeout):
                return await self.send(command)
        except TimeoutError:
            self._stats.command("timeout")
            raise Unconfirmed(f"no reply within {timeout:g} s to {_shown(command)}") from None

    async def authenticate(self, password: str, timeout: float) -> None:
        """Wait for the greeting and log in.

        Raises AuthenticationFailed, Rejected, Unconfirmed, TimeoutError.
        """
        async with asyncio.timeout(timeout):
            await self.greeted
        reply = await self.ask(auth(password), timeout)
        if not reply.ok:
            raise AuthenticationFailed(f"the PBX refused the password: {reply.text}")

    def close(self) -> None:
        """Close the socket after what was written; `ended` follows."""
        if self._transport is not None:
            self._transport.close()

    def abort(self, reason: EslError) -> None:
        """Drop the connection at once, for this reason."""
        self._reason = self._reason or reason
        if self._transport is not None:
            self._transport.abort()

    # -- what the transport calls ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._parser.get_buffer(sizehint)

    def buffer_updated(self, nbytes: int) -> None:
        self.heard_at = time.monotonic()
        try:
            frames = self._parser.buffer_updated(nbytes)
            for frame in frames:
                if type(frame) is Event:
                    self._on_event(frame)
                else:
                    self._take(frame)
        except ProtocolError as error:
            self._stats.protocol_errors += 1
            self.abort(error)

    def eof_received(self) -> bool:
        return False  # close: nothing more can be asked

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._reason is None:
            where = " in the middle of a frame" if self._parser.mid_frame else ""
            self._reason = Unconfirmed(f"the PBX closed the connection{where}" + (f": {exc}" if exc else ""))
        self._end(self._reason)

    # -- inside -----------------------------------------------------------------------------------------

    def _take(self, frame: Frame) -> None:
        if isinstance(frame, Reply):
            self._answer(frame)
        elif isinstance(frame, AuthRequest):
            if not self.greeted.done():
                self.greeted.set_result(None)
        elif isinstance(frame, Rejection):
            self.abort(Rejected(f"the PBX refuses this address: {frame.text}"))
        elif isinstance(frame, Disconnect):
            self._on_frame(frame)
            if not frame.lingering:
                self._reason = self._reason or Unconfirmed("the PBX ended the connection")
                self._end(self._reason)
                self.close()
        else:
            if not isinstance(frame, LogLine):
                self._stats.unknown_frames += 1
            self._on_frame(frame)

    def _answer(self, reply: Reply) -> None:
        if not self._waiting:
            raise ProtocolError(f"a reply to no command: {reply.text[:60]!r}")
        waiter, since = self._waiting.popleft()
        self._stats.command("ok" if reply.ok else "refused", time.perf_counter() - since)
        if not waiter.done():
            waiter.set_result(reply)

    def _end(self, reason: EslError) -> None:
        """Everybody who waits learns it at once."""
        waiting, self._waiting = self._waiting, deque()
        for waiter, _ in waiting:
            if not waiter.done():
                self._stats.command("lost")
                waiter.set_exception(Unconfirmed(f"{reason}; the command may have been carried out"))
        if not self.greeted.done():
            self.greeted.set_exception(reason)
            self.greeted.exception()  # it may be that nobody looks
        if not self.ended.done():
            self.ended.set_result(reason)

    def _not_sent(self, why: str) -> NotSent:
        self._stats.command("not-sent")
        return NotSent(why)


def _shown(command: Command) -> str:
    """A command for an error's text: its first line, without a password."""
    first = command.text.split("\n", 1)[0]
    return "auth" if first.startswith("auth ") else first[:80]
