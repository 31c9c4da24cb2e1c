"""One connection of the event socket: `mod_event_socket`'s listener, inbound or controlling a channel."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, cast

from .commands import Command, CommandReader, TooLong, reply
from .faults import Received
from .listener_commands import Bye, answer
from .states import State
from .subscription import Subscription
from .wire import Event, to_bytes

if TYPE_CHECKING:
    from .channel import Channel
    from .switch import Switch

AUTH_TIMEOUT = 25.0
"""Seconds that a client may take for its first command."""
QUEUE_LENGTH = 100_000
"""Events kept for a client that does not read; what comes then is lost."""
MAX_MISSED = 500
"""Events lost in a row before the connection is ended."""
GOODBYE = "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
GO_AWAY = "Access Denied, go away.\n"


class Listener(asyncio.Protocol):
    """A connection. Commands are answered strictly in order; events wait while one is being answered."""

    def __init__(self, switch: Switch, channel: Channel | None = None, *, full: bool = True) -> None:
        self.switch = switch
        self.channel = channel
        """The channel it controls, of an outbound connection or by `myevents UUID`."""
        self.number = switch.number("listener")
        self.full = full
        self.authed = channel is not None
        self.connected = False
        """Whether the client of an outbound connection has said `connect`."""
        self.running = True
        self.finished = False
        self.resume = False
        self.subscription = Subscription(owner=channel.uuid if channel else "")
        self.lingers: float | None = None
        """Seconds to stay after the channel's end, -1 for ever, None not at all."""
        self.log_level: int | None = None
        self.lost = 0
        self._transport: asyncio.Transport | None = None
        self._reader = CommandReader()
        self._commands: deque[Command] = deque()
        self._more = asyncio.Event()
        self._out: list[bytes] = []
        self._flushing = False
        self._events: deque[Event] = deque()
        self._busy = False
        self._is_late = False
        self._paused = False
        self._task: asyncio.Task[None] | None = None
        self._linger_timer: asyncio.TimerHandle | None = None

    # ---- the connection ----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop has a transport of its own
        self._transport = transport
        if self.channel is None and self.switch.faults.rude:
            self._write(f"Content-Type: text/rude-rejection\nContent-Length: {len(GO_AWAY)}\n\n{GO_AWAY}")
            self._goodbye()
            return
        self.switch.listeners.append(self)
        if self.channel is None:
            self.switch.events.listeners.append(self.deliver)
            self._write("Content-Type: auth/request\n\n")
        else:
            self.switch.events.by_channel.setdefault(self.channel.uuid, []).append(self.deliver)
        self._task = self.switch.spawn(self._serve())

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.stop()
        if self._task is None:
            self._finish()

    def data_received(self, data: bytes) -> None:
        try:
            self._commands.extend(self._reader.feed(data))
        except TooLong:
            self.abort()
        self._more.set()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._send_queued()

    def abort(self) -> None:
        """Reset the connection: nothing more is sent, and what was not carried out yet is not."""
        self._out.clear()
        self._commands.clear()
        if self._transport is not None:
            self._transport.abort()

    def stop(self) -> None:
        """End the connection after what is being answered."""
        self.running = False
        self._more.set()

    # ---- commands ----------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        deadline = None if self.authed else self.switch.clock.now() + self.switch.auth_timeout
        try:
            while self.running:
                command = await self._next(deadline)
                if command is None:
                    break
                deadline = None
                await self._answer(command)
        finally:
            self._finish()

    async def _next(self, deadline: float | None) -> Command | None:
        while self.running and not self._commands:
            self._more.clear()
            if not self._reader.partial:
                self._send_queued()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._more.wait()
            except TimeoutError:
                return None
        return self._commands.popleft() if self._commands and self._transport is not None else None

    async def _answer(self, command: Command) -> None:
        self._busy = True
        received = Received(command.line, command.headers, command.body, self.number, time.monotonic())
        try:
            text = await self.switch.faults.around(received, answer(self, command), self)
            if text is not None:
                self._write(text)
        except Bye as bye:
            self._write(reply(bye.reply))
            self.running = False
        finally:
            self._busy = False
        if late := self.switch.faults.late_events:
            self._is_late = True
            asyncio.get_running_loop().call_later(late, self._catch_up)
        if not self._commands and not self._reader.partial:
            self._send_queued()

    def _catch_up(self) -> None:
        self._is_late = False
        self._send_queued()

    def _finish(self) -> None:
        """The end of the listener: goodbye, and the channel is no longer controlled."""
        if self.finished:
            return
        self.finished = True
        self.running = False
        self.switch.events.forget(self.deliver, self.subscription.owner)
        if self in self.switch.listeners:
            self.switch.listeners.remove(self)
        if self._linger_timer is not None:
            self._linger_timer.cancel()
        if self._transport is not None and not self._transport.is_closing():
            self._goodbye()
        if self.channel is not None:
            self._give_back(self.channel)

    def _give_back(self, channel: Channel) -> None:
        """The channel is no longer controlled; with `socket_resume` it leaves whatever it does."""
        flags = channel.flags
        taken = channel.state is State.HIBERNATE or flags.redirect or flags.transfer
        if not taken and (self.resume or channel.variables.true("socket_resume")):
            channel.set_state(State.RESET)
        flags.controlled = False
        channel.unlock()

    # ---- writing -----------------------------------------------------------------------------------------

    def _write(self, text: str | bytes) -> None:
        self._out.append(text if isinstance(text, bytes) else to_bytes(text))
        if not self._flushing:
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        if self._out and self._transport is not None:
            self._transport.write(b"".join(self._out))
        self._out.clear()

    def _goodbye(self) -> None:
        about = ""
        if self.channel is not None:
            about = f"Controlled-Session-UUID: {self.channel.uuid}\nContent-Disposition: disconnect\n"
        size = len(GOODBYE)
        self._write(f"Content-Type: text/disconnect-notice\n{about}Content-Length: {size}\n\n{GOODBYE}")
        self._flush()
        if self._transport is not None:
            self._transport.close()

    # ---- events ------------------------------------------------------------------------------------------

    def deliver(self, event: Event) -> None:
        """Every event of the switch comes here; what the client wants is sent, in order, when it may be."""
        if self.running and self.subscription.wants(event):
            if len(self._events) < self.switch.queue_length:
                self.lost = 0
                self._queue(event)
            else:
                self.lost += 1
                if self.lost > MAX_MISSED:
                    self.abort()
        if self.channel is not None and event.name.startswith("CHANNEL_HANGUP"):
            own = event.get("Unique-ID") == self.channel.uuid
            if own and (event.name == "CHANNEL_HANGUP_COMPLETE" or self.lingers is None):
                asyncio.get_running_loop().call_soon(self._channel_is_down)

    def take_diverted(self) -> None:
        """Events that `divert_events on` keeps for this connection."""
        while self.channel is not None and self.channel.session_events:
            self._queue(self.channel.session_events.popleft())

    def _queue(self, event: Event) -> None:
        self._events.append(event)
        if not (self._busy or self._reader.partial or self._commands):
            self._send_queued()

    def _send_queued(self) -> None:
        while self._events and not (self._paused or self._is_late):
            self._write(self.subscription.render(self._events.popleft()))

    def forget_queued(self) -> None:
        """Events not sent yet are not wanted any more."""
        self._events.clear()

    def log(self, level: int, text: str) -> None:
        """Send a line of the switch's log, if the client wants lines of that level."""
        if self.log_level is not None and level <= self.log_level:
            text += "\n"
            self._write(
                f"Content-Type: log/data\nContent-Length: {len(to_bytes(text))}\nLog-Level: {level}\n"
                "Text-Channel: 0\nLog-File: mod_commands.c\nLog-Func: log_function\nLog-Line: 7248\n"
                f"User-Data: \n\n{text}"
            )

    # ---- the channel it controls -------------------------------------------------------------------------

    def control(self, channel: Channel) -> None:
        """Take a channel, by `myevents UUID` on an inbound connection."""
        self.channel = channel
        self.subscription.owner = channel.uuid
        channel.lock()

    def _channel_is_down(self) -> None:
        if self.channel is None or not self.running or self._linger_timer is not None:
            return
        self._send_queued()
        if self.lingers is None:
            self.stop()
            return
        self._write(
            f"Content-Type: text/disconnect-notice\nControlled-Session-UUID: {self.channel.uuid}\n"
            f"Content-Disposition: linger\nChannel-Name: {self.channel.name}\n"
            f"Linger-Time: {int(self.lingers)}\nContent-Length: 0\n\n"
        )
        if self.lingers >= 0:
            loop = asyncio.get_running_loop()
            self._linger_timer = loop.call_later(self.lingers + LATE, self.stop)


LATE = 0.5
"""Seconds that a linger of whole seconds is late (recording `outbound_socket_session`: 5.45 s)."""
