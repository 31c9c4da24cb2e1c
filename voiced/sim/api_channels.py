"""Api commands on one channel: `uuid_…`. Replies are those of mod_commands, byte for byte."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from . import record
from .causes import cause_named
from .expand import lookup
from .messages import PrivateMessage
from .park import park_soon
from .separate import separate
from .transfer import transfer
from .uuid_bridge import uuid_bridge
from .variables import whole

if TYPE_CHECKING:
    from .api import Command
    from .channel import Channel
    from .switch import Switch

NO_CHANNEL = "-ERR No such channel!\n"


def kill(switch: Switch, argument: str) -> str:
    if not argument:
        return "-USAGE: <uuid> [cause]\n"
    uuid, _, cause = argument.partition(" ")
    channel = switch.locate(uuid)
    if channel is None:
        return NO_CHANNEL
    channel.hangup(cause_named(cause))
    return "+OK\n"


def bridge(switch: Switch, argument: str) -> str:
    args = separate(argument, " ", 4)
    if len(args) < 2:
        return "-USAGE: <uuid> <other_uuid>\n"
    if switch.faults.bridge_says_ok_only:
        known = switch.locate(args[0]) is not None and switch.locate(args[1]) is not None
        return f"+OK {args[1]}\n" if known else "-ERR Invalid uuid\n"
    for other in args[1:3]:
        if uuid_bridge(switch, args[0], other):
            return f"+OK {other}\n"
    return "-ERR Invalid uuid\n"


def transfer_command(switch: Switch, argument: str) -> str:
    args = separate(argument, " ", 5)
    if not 2 <= len(args) <= 5:
        return "-USAGE: <uuid> [-bleg|-both] <dest-exten> [<dialplan>] [<context>]\n"
    channel = switch.locate(args[0])
    if channel is None:
        return NO_CHANNEL
    rest = args[1:]
    which = rest.pop(0)[1:].lower() if rest[0].startswith("-") else ""
    target = [*rest, "", "", ""][:3]
    peer = switch.locate(channel.variables.get("bridge_to"))
    if which == "bleg" and peer is not None:
        channel = peer
    elif which == "both" and peer is not None:
        channel.flags.redirect = peer.flags.redirect = True
        transfer(peer, *target)
    return "+OK\n" if transfer(channel, *target) else "-ERR\n"


def park(switch: Switch, argument: str) -> str:
    channel = switch.locate(argument)
    if channel is None:
        return NO_CHANNEL
    park_soon(channel)
    return "+OK\n"


def answer(switch: Switch, argument: str) -> str:
    channel = switch.locate(argument)
    return "+OK\n" if channel is not None and channel.answer() else "-ERROR\n"


def pre_answer(switch: Switch, argument: str) -> str:
    channel = switch.locate(argument)
    return "+OK\n" if channel is not None and channel.pre_answer() else "-ERROR\n"


def broadcast(switch: Switch, argument: str) -> str:
    """``uuid path [aleg|bleg|both]``: plays after five packets, inside what plays, with event-lock."""
    args = separate(argument, " ", 4)
    if len(args) < 2:
        return "-USAGE: <uuid> <path> [aleg|bleg|holdb|both]\n"
    channel = switch.locate(args[0])
    if channel is None:
        return "-ERR invalid uuid\n"
    where = args[2].lower() if len(args) > 2 else "aleg"
    legs = [channel] if "aleg" in where or "both" in where else []
    if ("bleg" in where or "both" in where) and channel.partner is not None:
        legs.insert(0, channel.partner)
    application, colons, path = args[1].partition("::")
    application, bang, cause = application.partition("!") if colons else ("playback", "", "")
    for leg in legs:
        _queue_broadcast(leg, application, path if colons else args[1])
    if bang:
        _queue_broadcast(channel, "hangup", cause or "normal_clearing")
    return "+OK Message sent\n"


def _queue_broadcast(leg: Channel, application: str, argument: str) -> None:
    headers = {
        "call-command": "execute",
        "execute-app-name": application,
        "execute-app-arg": argument,
        "event-lock": "true",
    }
    if application != "hangup":
        headers["lead-frames"] = "5"
    leg.queue_private(PrivateMessage(headers, origin=leg.switch.events.common("COMMAND")))


def break_(switch: Switch, argument: str) -> str:
    if not argument:
        return "-USAGE: <uuid> [all]\n"
    uuid, _, flag = argument.partition(" ")
    channel = switch.locate(uuid)
    if channel is None:
        return NO_CHANNEL
    legs = [channel]
    if "both" in flag and channel.partner is not None:
        legs.append(channel.partner)
    for leg in legs:
        if "all" in flag:
            leg.private.clear()
            leg.private_priority.clear()
        if leg.flags.broadcast:
            leg.stop_broadcast()
        else:
            leg.set_break(2 if "all" in flag else 1)
    return "+OK\n"


def fileman(switch: Switch, argument: str) -> str:
    """``uuid stop|pause|…``: acts on the file opened last. Without one there is none to act on."""
    args = separate(argument, " ", 4)
    if len(args) < 2 or not args[0]:
        return "-USAGE: <uuid> <cmd>:<val>\n"
    channel = switch.locate(args[0])
    if channel is None:
        return NO_CHANNEL
    if channel.file is None:
        return "-ERR No file handle!\n"
    if args[1].lower().startswith("stop"):
        channel.file.stop(switch.random)
        channel.kick()
    return "+OK\n"


def setvar(switch: Switch, argument: str) -> str:
    args = separate(argument, " ", 3)
    if len(args) < 2 or not args[0]:
        return "-USAGE: <uuid> <var> [value]\n"
    channel = switch.locate(args[0])
    if channel is None:
        return NO_CHANNEL
    channel.variables.set(args[1], args[2] if len(args) > 2 else None)
    return "+OK\n"


def setvar_multi(switch: Switch, argument: str) -> str:
    usage = "-USAGE: <uuid> <var>=<value>;<var>=<value>...\n"
    uuid, space, text = argument.partition(" ")
    if not space:
        return usage if not argument else ""
    channel = switch.locate(uuid)
    if channel is None:
        return NO_CHANNEL + usage
    done, reply = 0, ""
    for part in separate(text, ";", 64):
        name, _, value = part.partition("=")
        if name:
            channel.variables.set(name, value)
            done += 1
        else:
            reply += "-ERR No variable specified\n"
    return reply + ("+OK\n" if done else usage)


def getvar(switch: Switch, argument: str) -> str:
    args = separate(argument, " ", 4)
    if len(args) < 2 or not args[0]:
        return "-USAGE: <uuid> <var>\n"
    channel = switch.locate(args[0])
    if channel is None:
        return NO_CHANNEL
    value = lookup(channel, args[1])
    return "_undef_" if value is None else value


def exists(switch: Switch, argument: str) -> str:
    return "true" if argument in switch.channels else "false"


def dump(switch: Switch, argument: str) -> str:
    """``uuid [txt|plain|json|xml]``: as an event; `plain` alone is not percent-encoded."""
    args = separate(argument, " ", 2)
    if not args or not args[0]:
        return "-USAGE: <uuid> [format]\n"
    channel = switch.locate(args[0])
    if channel is None:
        return NO_CHANNEL
    event = switch.events.make("CHANNEL_DATA", channel.headers(verbose=True))
    form = args[1].lower() if len(args) > 1 else "txt"
    if form == "json":
        return event.json_text()
    if form == "xml":
        return event.xml().partition(b"\n\n")[2].decode("utf-8", "surrogateescape")
    return event.serialized(encode=form != "plain")


def recv_dtmf(switch: Switch, argument: str) -> str:
    return _digits(switch, argument, received=True)


def send_dtmf(switch: Switch, argument: str) -> str:
    return _digits(switch, argument, received=False)


def _digits(switch: Switch, argument: str, *, received: bool) -> str:
    args = separate(argument, " ", 2)
    if len(args) < 2 or not args[0] or not args[1]:
        return "-USAGE: <uuid> <dtmf_data>\n"
    channel = switch.locate(args[0])
    if channel is None:
        return "-ERR Cannot locate session!\n"
    digits, _, milliseconds = args[1].partition("@")
    valid = re.sub(r"[^0-9A-Da-dFfWw*#]", "", digits)
    if received:
        if not valid:
            return "-USAGE: <uuid> <dtmf_data>\n"
        pressed = re.sub("[Ww]", "", valid)
        channel.queue_digits(pressed, duration=8 * whole(milliseconds) if milliseconds else 2000)
        return f"+OK {args[0]} received DTMF {args[1]}.\n"
    for digit in valid:
        channel.endpoint.send_digit(channel, digit)
    return f"+OK {args[0]} sent DTMF {args[1]}.\n"


def flush_dtmf(switch: Switch, argument: str) -> str:
    channel = switch.locate(argument)
    if channel is None:
        return "-ERR No such session\n"
    channel.digits.clear()
    return "+OK\n"


def uuid_record(switch: Switch, argument: str) -> str:
    usage = "-USAGE: <uuid> [start|stop|mask|unmask] <path> [<limit>] [<recording_vars>]\n"
    args = separate(argument, " ", 5)
    if len(args) < 3:
        return usage
    channel = switch.locate(args[0])
    if channel is None:
        return "-ERR Cannot locate session!\n"
    action = args[1].lower()
    if action == "start":
        return "+OK Success\n" if record.start(channel, args[2]) else "-ERR Cannot record session!\n"
    if action == "stop":
        return "+OK Success\n" if record.stop(channel, args[2]) else "-ERR Cannot stop record session!\n"
    if action in ("mask", "unmask", "pause", "resume"):
        writing = args[2] in switch.recordings.get(channel.uuid, set())
        verb = {"pause": "pause recording", "resume": "resume recording"}.get(action, f"{action} recording")
        return "+OK Success\n" if writing else f"-ERR Cannot {verb} session!\n"
    return usage


def displace(switch: Switch, argument: str) -> str:
    """Accepted if there is such a file, and heard by nobody: on a parked leg it plays nothing (PBX.md)."""
    usage = "-USAGE: <uuid> [start|stop] <path> [<limit>] [mux]\n"
    args = separate(argument, " ", 5)
    if len(args) < 3 or args[1].lower() not in ("start", "stop"):
        return usage
    if switch.locate(args[0]) is None:
        return "-ERR Cannot locate session!\n"
    if args[1].lower() == "start" and switch.sounds.open(args[2]) is None:
        return "-ERR Cannot displace session!\n"
    return "+OK Success\n"


def hold(switch: Switch, argument: str) -> str:
    """``[off|toggle] UUID``; an unknown uuid is a success, as on the real switch."""
    args = argument.split(" ")
    if not args[0]:
        return "-USAGE: [off|toggle] <uuid> [<display>]\n-ERR Operation failed\n"
    word = args[0].lower()
    channel = switch.locate(args[1] if word in ("off", "toggle") and len(args) > 1 else args[0])
    if channel is not None:
        channel.hold(on=not channel.flags.hold if word == "toggle" else word != "off")
    return "+OK Success\n"


def outgoing_answer(switch: Switch, argument: str) -> str:
    if not argument:
        return "-USAGE: <uuid>\n"
    channel = switch.locate(argument)
    if channel is None:
        return NO_CHANNEL
    if channel.inbound:
        return "-ERR Not an outbound channel!\n"
    channel.mark_answered()
    return "+OK\n"


COMMANDS: dict[str, Command] = {
    "uuid_kill": kill,
    "uuid_bridge": bridge,
    "uuid_transfer": transfer_command,
    "uuid_park": park,
    "uuid_answer": answer,
    "uuid_pre_answer": pre_answer,
    "uuid_outgoing_answer": outgoing_answer,
    "uuid_broadcast": broadcast,
    "uuid_break": break_,
    "break": break_,
    "uuid_fileman": fileman,
    "uuid_setvar": setvar,
    "uuid_setvar_multi": setvar_multi,
    "uuid_getvar": getvar,
    "uuid_exists": exists,
    "uuid_dump": dump,
    "uuid_recv_dtmf": recv_dtmf,
    "uuid_send_dtmf": send_dtmf,
    "uuid_flush_dtmf": flush_dtmf,
    "uuid_record": uuid_record,
    "uuid_displace": displace,
    "uuid_hold": hold,
}
