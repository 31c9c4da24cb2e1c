"""The event socket's own commands, in the order in which `mod_event_socket` looks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .commands import Command, api_response, reply
from .events import named
from .messages import PrivateMessage
from .variables import is_true, whole
from .wire import Block, Event, Pairs

if TYPE_CHECKING:
    from .channel import Channel
    from .listener import Listener

LEVELS = ("CONSOLE", "ALERT", "CRIT", "ERR", "WARNING", "NOTICE", "INFO", "DEBUG")
"""Log levels by their number."""


class Bye(Exception):
    """The connection ends after this reply."""

    def __init__(self, reply: str) -> None:
        super().__init__(reply)
        self.reply = reply


async def answer(listener: Listener, command: Command) -> str:
    """The whole answer to a command; raises Bye. Names are compared as prefixes, as the server does."""
    lower = command.line.lower()
    if lower.startswith(("exit", "...")):
        raise Bye("+OK bye")
    if not listener.authed:
        return reply(_auth(listener, command.line))
    if lower.startswith("filter "):
        return reply(listener.subscription.filter(command.line[7:]))
    if listener.channel is not None and lower.startswith("connect"):
        return _connect(listener, listener.channel)
    for name, early in _EARLY.items():
        if lower.startswith(name):
            return reply(early(listener, command))
    if listener.channel is not None and not listener.full:
        return reply("")
    if lower.startswith("api "):
        return await _api(listener, command)
    if lower.startswith("bgapi "):
        return _bgapi(listener, command)
    for name, late in _LATE.items():
        if lower.startswith(name):
            return reply(late(listener, command))
    return reply("")


def _auth(listener: Listener, line: str) -> str:
    """`auth PASSWORD`; anything else is not found, and the connection stays open (recording `refused`)."""
    if line.lower().startswith("auth "):
        if line[5:] != listener.switch.password:
            raise Bye("-ERR invalid")
        listener.authed = True
        return "+OK accepted"
    if line.lower().startswith("userauth "):
        raise Bye("-ERR invalid")
    return ""


# ---- for a controlled channel, and without full control
# -----------------------------------------------------


def _resume(listener: Listener, command: Command) -> str:
    if listener.channel is None:
        return ""
    listener.resume = True
    listener.channel.variables.set("socket_resume", "true")
    return "+OK"


def _getvar(listener: Listener, command: Command) -> str:
    if listener.channel is None:
        return ""
    return listener.channel.variables.get(command.line.partition(" ")[2]) or ""


def _connect(listener: Listener, channel: Channel) -> str:
    """The reply to `connect`: a serialized event without Content-Length."""
    listener.connected = True
    channel.kick()
    own: Pairs = [
        ("Content-Type", "command/reply"),
        ("Reply-Text", "+OK\n"),
        ("Socket-Mode", "async"),
        ("Control", "full" if listener.full else "single-channel"),
    ]
    blocks = [channel.profile.block("Channel")] if channel.profile else []
    blocks += [*channel.headers(verbose=True), Block(own)]
    return listener.switch.events.make("CHANNEL_DATA", blocks).serialized()


def _myevents(listener: Listener, command: Command) -> str:
    """`myevents [UUID] [json]`: with a wrong uuid the events of every channel come, as really happens."""
    words = command.line.split()
    if listener.channel is None and not listener.subscription.mine_only:
        if len(words) < 2:
            return ""
        channel = listener.switch.locate(words[1])
        if channel is not None:
            listener.control(channel)
        elif len(words) > 2:
            return "-ERR invalid uuid"
    return listener.subscription.myevents(command.line)


def _divert(listener: Listener, command: Command) -> str:
    if listener.channel is None:
        return "-ERR not controlling a session."
    word = command.line[13:].strip(" ").lower()
    if not word:
        return "-ERR missing value."
    listener.channel.flags.divert_events = word == "on"
    return "+OK events diverted" if word == "on" else "+OK events not diverted"


def _sendmsg(listener: Listener, command: Command) -> str:
    uuid = command.line[7:].strip(" ") or command.get("session-id") or ""
    channel = listener.switch.locate(uuid)
    if listener.channel is not None and uuid in ("", listener.channel.uuid):
        channel = listener.channel
    if channel is None:
        return f"-ERR invalid session id [{uuid}]"
    channel.queue_private(PrivateMessage({"Command": command.line, **command.headers}, command.body))
    return "+OK"


_EARLY = {
    "resume": _resume,
    "getvar": _getvar,
    "myevents": _myevents,
    "divert_events": _divert,
    "sendmsg": _sendmsg,
}


# ---- for everything
# -----------------------------------------------------------------------------------------


async def _api(listener: Listener, command: Command) -> str:
    text = command.line[4:]
    if is_true(command.get("console_execute")):
        text = text.strip()
    name, _, argument = text.partition(" ")
    said = listener.switch.api.execute(name, argument)
    return api_response(said if isinstance(said, str) else await said)


def _bgapi(listener: Listener, command: Command) -> str:
    """The reply goes out before the job can end."""
    name, _, argument = command.line[6:].partition(" ")
    uuid = command.get("job-uuid") or listener.switch.new_uuid()
    listener.switch.run_job(name, argument, uuid, listener.channel.uuid if listener.channel else "")
    return f"Content-Type: command/reply\nReply-Text: +OK Job-UUID: {uuid}\nJob-UUID: {uuid}\n\n"


def _sendevent(listener: Listener, command: Command) -> str:
    events = listener.switch.events
    uuid = listener.switch.new_uuid()
    name = named(command.line[9:].strip(" \t")) or "CLONE"
    subclass = command.get("event-subclass") if name == "CUSTOM" else None
    own: Pairs = [("Event-Subclass", subclass)] if subclass else []
    own.append(("Command", command.line))
    own += [pair for pair in command.headers.items() if pair not in own]
    own.append(("Event-UUID", uuid))
    events.deliver(Event(name, [Block(own), events.common(name)], command.body or None, subclass))
    return f"+OK {uuid}"


def _log(listener: Listener, command: Command) -> str:
    word = command.line[3:].strip(" ").split(" ")[0]
    level = int(word) if word.isdigit() else LEVELS.index("DEBUG")
    if word and not word.isdigit():
        if word.upper() not in LEVELS:
            return "-ERR invalid log level"
        level = LEVELS.index(word.upper())
    listener.log_level = level
    return f"+OK log level {word} [{level}]"


def _nolog(listener: Listener, command: Command) -> str:
    if listener.log_level is None:
        return "-ERR not loging"
    listener.log_level = None
    return "+OK no longer logging"


def _linger(listener: Listener, command: Command) -> str:
    if listener.channel is None:
        return "-ERR not controlling a session"
    seconds = command.line[6:].strip(" ")
    listener.lingers = whole(seconds) if seconds else -1
    return f"+OK will linger {listener.lingers} seconds" if seconds else "+OK will linger"


def _nolinger(listener: Listener, command: Command) -> str:
    if listener.channel is None:
        return "-ERR not controlling a session"
    listener.lingers = None
    return "+OK will not linger"


def _event(listener: Listener, command: Command) -> str:
    said = listener.subscription.event(command.line)
    if listener.channel is not None and listener.subscription.on and not listener.subscription.mine_only:
        listener.switch.events.hear_all(listener.deliver, listener.channel.uuid)
    return said


def _nixevent(listener: Listener, command: Command) -> str:
    return listener.subscription.nixevent(command.line)


def _noevents(listener: Listener, command: Command) -> str:
    listener.forget_queued()
    return listener.subscription.noevents()


_LATE = {
    "sendevent": _sendevent,
    "log": _log,
    "linger": _linger,
    "nolinger": _nolinger,
    "nolog": _nolog,
    "event": _event,
    "nixevent": _nixevent,
    "noevents": _noevents,
}
