"""Api commands that concern no single channel: `hash`, globals, `hupall`, `bgapi`, `eval` …"""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

from .causes import cause_named
from .expand import expand
from .separate import separate

if TYPE_CHECKING:
    from .api import Answer, Command
    from .switch import Switch

HASH_USAGE = "-ERR Usage: hash insert|insert_ifempty|select|delete|delete_ifmatch/realm/key[/value]\n"


def hash_command(switch: Switch, argument: str) -> str:
    """The store behind "one owner of the switch"; it is empty after a restart."""
    verb, *rest = argument.split("/")
    if len(rest) < 2:
        return HASH_USAGE
    key, value, store = f"{rest[0]}_{rest[1]}", "/".join(rest[2:]), switch.hash
    if verb == "select":
        return store.get(key, "")
    if verb == "insert_ifempty" and key in store:
        return "-ERR key already exists\n"
    if verb in ("insert", "insert_ifempty"):
        store[key] = value
        return "+OK\n"
    if verb not in ("delete", "delete_ifmatch"):
        return HASH_USAGE
    if key not in store:
        return "-ERR Not found\n"
    if verb == "delete_ifmatch" and store[key] != value:
        return "-ERR Doesn't match\n"
    del store[key]
    return "+OK\n"


def global_getvar(switch: Switch, argument: str) -> str:
    if not argument:
        return "".join(f"{name}={value}\n" for name, value in switch.globals.items())
    return switch.globals.get(argument, "")


def global_setvar(switch: Switch, argument: str) -> str:
    name, equals, value = argument.partition("=")
    if not name or not equals:
        return "-USAGE: <var>=<value> [=<value2>]\n"
    switch.globals[name] = value
    return "+OK"


def strepoch(switch: Switch, argument: str) -> str:
    return str(int(time.time()))


def strftime(switch: Switch, argument: str) -> str:
    return time.strftime(argument or "%Y-%m-%d %T")


def eval_command(switch: Switch, argument: str) -> str:
    """``[uuid:UUID ]text``: with a uuid, ``${…}`` are the headers of that channel's events."""
    values: dict[str, str] = {}
    if argument.startswith("uuid:"):
        uuid, _, argument = argument[5:].partition(" ")
        channel = switch.locate(uuid)
        if channel is not None:
            event = switch.events.make("CHANNEL_DATA", channel.headers(verbose=True))
            values = {name: event[name] for name, _ in event.pairs()}
    return expand(switch, argument, values=values)


def expand_command(switch: Switch, argument: str) -> Answer:
    name, _, rest = eval_command(switch, argument).partition(" ")
    return switch.api.execute(name, rest)


def log_command(switch: Switch, argument: str) -> str:
    """``[level] text``."""
    level, space, text = argument.partition(" ")
    switch.log(level if space else "debug", text if space else argument)
    return "+OK\n"


def hupall(switch: Switch, argument: str) -> str:
    """``CAUSE [variable value …]``: every leg, or those on which all of the variables match."""
    args = separate(argument, " ", 11)
    cause = cause_named(args[0]) if args and args[0].upper() != "NONE" else "MANAGER_REQUEST"
    pairs = list(zip(args[1::2], args[2::2], strict=False))
    matching = [
        channel
        for channel in switch.channels.values()
        if all(channel.variables.get(name) == value for name, value in pairs)
    ]
    for channel in reversed(matching):
        channel.hangup(cause)
    if not pairs:
        return f"+OK hangup all channels with cause {cause}\n"
    name, value = pairs[0]
    more = "..." if len(pairs) > 1 else ""
    return f"+OK hangup all channels matching [{name}]=[{value}]{more} with cause: {cause}\n"


def bgapi(switch: Switch, argument: str) -> str:
    """`api bgapi …`: the job's number is made here."""
    uuid = switch.new_uuid()
    name, _, rest = argument.partition(" ")
    switch.run_job(name, rest, uuid)
    return f"+OK Job-UUID: {uuid}\n"


def reloadxml(switch: Switch, argument: str) -> str:
    switch.events.fire("RELOADXML")
    return "+OK [Success]\n"


COMMANDS: dict[str, Command] = {
    "hash": hash_command,
    "global_getvar": global_getvar,
    "global_setvar": global_setvar,
    "strepoch": strepoch,
    "strftime": strftime,
    "eval": eval_command,
    "expand": expand_command,
    "echo": lambda switch, text: text,
    "log": log_command,
    "create_uuid": lambda switch, text: switch.new_uuid(),
    "md5": lambda switch, text: hashlib.md5(text.encode("utf-8", "surrogateescape")).hexdigest(),
    "reloadxml": reloadxml,
    "hupall": hupall,
    "bgapi": bgapi,
}
