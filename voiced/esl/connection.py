"""One event-socket connection on asyncio: the sans-I/O protocol with a socket under it.

It knows nothing of reconnecting, subscriptions or calls; `client.py` and `server.py` are built on it.
Reading never stops, whatever the owner does: one blocked client can stall the event socket for everybody.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final, cast

from voiced.esl.commands import Command
from voiced.esl.errors import (
    AuthenticationFailed,
    EslError,
    NotSent,
    ProtocolError,
    Rejected,
    Unconfirmed,
)
from voiced.esl.event import Event
from voiced.esl.protocol import (
    BUFFER,
    AuthRequest,
    Disconnect,
    Frame,
    Parser,
    Rejection,
    Reply,
    Unknown,
)
from voiced.esl.replies import Replies, fail
from voiced.esl.stats import Stats

MAX_UNWRITTEN: Final = 4 * 1024 * 1024  # bytes of commands that the PBX has not read: it is not reading
CLOSING: Final = 2.0  # seconds for what is still to be written when the connection is closed


class Connection(asyncio.BufferedProtocol):
    """Commands in, replies and events out, until `ended` (a future with the reason) is done.

    `on_event` is called in the reading loop for each event, `on_frame` for log lines, notices and frames
    of unknown type.
    """

    def __init__(
        self,
        on_event: Callable[[Event], object],
        on_frame: Callable[[Frame], object],
        stats: Stats,
        *,
        buffer: int = BUFFER,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_event, self._on_frame, self._stats = on_event, on_frame, stats
        self._parser = Parser(buffer)
        self._transport: asyncio.Transport | None = None
        self._last_resort: asyncio.TimerHandle | None = None
        self._replies = Replies(stats)
        self.made: asyncio.Future[None] = self._loop.create_future()
        self.greeted: asyncio.Future[None] = self._loop.create_future()
        self.ended: asyncio.Future[EslError] = self._loop.create_future()
        self.heard_at = time.monotonic()

    @property
    def is_mid_frame(self) -> bool:
        """Whether it has said something, and not to the end."""
        return self._parser.mid_frame

    # -- what the owner does ------------------------------------------------------------------------------

    def send(self, command: Command) -> asyncio.Future[Reply]:
        """Write a command now; the future is its reply.

        It fails with NotSent or Unconfirmed. Cancelling it leaves its place in the line of replies, so that
        its late reply is dropped and not taken for the next command's.
        """
        reply: asyncio.Future[Reply] = self._loop.create_future()
        transport = self._transport
        if transport is None or self.ended.done() or transport.is_closing():
            fail(reply, self._not_sent("the event socket is not connected"))
        elif transport.get_write_buffer_size() > MAX_UNWRITTEN:
            fail(reply, self._not_sent("the PBX does not read our commands"))
        else:
            transport.write(command.to_bytes())
            self._replies.expect(command, reply)
        return reply

    async def ask(self, command: Command, timeout: float) -> Reply:
        """`send`, and wait at most `timeout` seconds for the reply. Raises NotSent or Unconfirmed."""
        reply = self.send(command)
        try:
            async with asyncio.timeout(timeout):
                return await reply
        except TimeoutError:
            self._stats.command("timeout")
            raise Unconfirmed(f"no reply within {timeout:g} s to {command!r}") from None
        finally:
            if reply.cancelled():  # given up: a reply that is lost, and not late, is found out by this
                self.send(self._replies.mark())

    async def authenticate(self, login: Command, timeout: float) -> None:
        """Wait for the greeting and log in with the `auth` command.

        Raises AuthenticationFailed, Rejected, Unconfirmed, TimeoutError.
        """
        async with asyncio.timeout(timeout):
            await self.greeted
        reply = await self.ask(login, timeout)
        if not reply.ok:
            raise AuthenticationFailed(f"the PBX refused the password: {reply.text}")

    def close(self) -> None:
        """Close the socket when what was written has gone out, or soon; `ended` follows."""
        if self._transport is None:
            self.abort(Unconfirmed("closed by us"))
        elif self._last_resort is None:
            self._last_resort = self._loop.call_later(CLOSING, self._transport.abort)
            self._transport.close()

    def abort(self, reason: EslError) -> None:
        """Drop the connection at once, for this reason. Who waits learns it now."""
        self._end(reason)
        if self._transport is not None:
            self._transport.abort()

    # -- what the transport calls ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it
        if self.ended.done():  # given up in the meantime
            self._transport.abort()
        if not self.made.done():
            self.made.set_result(None)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._parser.get_buffer(sizehint)

    def buffer_updated(self, nbytes: int) -> None:
        self.heard_at = time.monotonic()
        on_event = self._on_event
        for frame in self._parser.buffer_updated(nbytes):
            if type(frame) is Event:
                on_event(frame)
            elif not self.ended.done():
                self._take(frame)
        if self._parser.fault is not None:
            self._break_off(self._parser.fault)

    def eof_received(self) -> bool:
        return False  # close: nothing more can be asked

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._last_resort is not None:
            self._last_resort.cancel()
        where = " in the middle of a frame" if self.is_mid_frame else ""
        self._end(Unconfirmed(f"the PBX closed the connection{where}" + (f": {exc}" if exc else "")))

    # -- inside -----------------------------------------------------------------------------------------

    def _take(self, frame: Frame) -> None:
        if isinstance(frame, Reply):
            try:
                self._replies.take(frame)
            except ProtocolError as fault:
                self._break_off(fault)
        elif isinstance(frame, AuthRequest):
            if not self.greeted.done():
                self.greeted.set_result(None)
        elif isinstance(frame, Rejection):
            self.abort(Rejected(f"the PBX refuses this address: {frame.text}"))
        elif isinstance(frame, Disconnect):
            self._on_frame(frame)
            if not frame.lingering:
                self._end(Unconfirmed("the PBX ended the connection"))
                self.close()
        else:
            if isinstance(frame, Unknown):
                self._stats.unknown_frames += 1
            self._on_frame(frame)

    def _break_off(self, fault: ProtocolError) -> None:
        self._stats.protocol_errors += 1
        self.abort(fault)

    def _end(self, reason: EslError) -> None:
        """Everybody who waits learns it at once; the first reason counts."""
        if self.ended.done():
            return
        self.ended.set_result(reason)
        self._replies.end(reason)
        for future in (self.made, self.greeted):
            if not future.done():
                fail(future, reason)

    def _not_sent(self, why: str) -> NotSent:
        self._stats.command("not-sent")
        return NotSent(why)
