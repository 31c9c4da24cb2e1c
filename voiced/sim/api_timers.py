"""Api commands that do something later: `sched_api`, `sched_hangup`, `sched_transfer` …"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from .api_channels import NO_CHANNEL, broadcast
from .causes import cause_named
from .transfer import transfer
from .variables import whole

if TYPE_CHECKING:
    from .api import Command
    from .switch import Switch


def _seconds_until(when: str) -> float:
    """``+5`` from now, or seconds since the epoch."""
    return float(whole(when[1:])) if when.startswith("+") else max(whole(when) - time.time(), 0)


def sched_api(switch: Switch, argument: str) -> str:
    """``+SECONDS GROUP COMMAND``; with ``@SECONDS`` again and again."""
    when, _, rest = argument.partition(" ")
    group, _, command = rest.partition(" ")
    if not command:
        return "-ERR Invalid syntax. USAGE: [+@]<time> <group_name> <command_string>[&]\n"
    again = whole(when[1:]) if when.startswith("@") else 0
    what = "sched_api_function"

    def run() -> None:
        name, _, args = command.rstrip("&").partition(" ")
        answer = switch.api.execute(name, args)
        if not isinstance(answer, str):
            switch.spawn(_ignore(answer))
        if again:
            switch.schedule(again, what, group, run)

    number = switch.schedule(_seconds_until(when.replace("@", "+")), what, group, run)
    return f"+OK Added: {number}\n"


async def _ignore(answer: Awaitable[str]) -> None:
    await answer


def sched_del(switch: Switch, argument: str) -> str:
    return f"+OK Deleted: {switch.unschedule(argument)}\n"


def unsched_api(switch: Switch, argument: str) -> str:
    if not argument:
        return ""
    return "+OK\n" if switch.unschedule(argument) else "-ERR No such id\n"


def sched_hangup(switch: Switch, argument: str) -> str:
    """``[+]TIME UUID [CAUSE]``; the cause is ALLOTTED_TIMEOUT unless said."""
    args = [*argument.split(" "), "", "", ""]
    if not args[0]:
        return "-USAGE: [+]<time> <uuid> [<cause>]\n"
    channel = switch.locate(args[1])
    if channel is None:
        return NO_CHANNEL
    cause = cause_named(args[2]) if args[2] else "ALLOTTED_TIMEOUT"
    if args[0].startswith("+") and whole(args[0][1:]) == 0:
        channel.hangup(cause)
    else:
        delay = _seconds_until(args[0])
        switch.schedule(delay, "switch_ivr_schedule_hangup", channel.uuid, lambda: channel.hangup(cause))
    return "+OK\n"


def sched_transfer(switch: Switch, argument: str) -> str:
    """``[+]TIME UUID EXTENSION [DIALPLAN] [CONTEXT]``."""
    args = [*argument.split(" "), "", "", "", ""]
    if not args[0]:
        return "-USAGE: [+]<time> <uuid> <extension> [<dialplan>] [<context>]\n"
    channel = switch.locate(args[1])
    if channel is None:
        return NO_CHANNEL

    def go() -> None:
        transfer(channel, args[2], args[3], args[4])

    switch.schedule(_seconds_until(args[0]), "switch_ivr_schedule_transfer", channel.uuid, go)
    return "+OK\n"


def sched_broadcast(switch: Switch, argument: str) -> str:
    """``[+]TIME UUID PATH [aleg|bleg|both]``."""
    when, _, rest = argument.partition(" ")
    if " " not in rest:
        return "-USAGE: [[+]<time>|@time] <uuid> <path> [aleg|bleg|both]\n"

    def play() -> None:
        broadcast(switch, rest)

    delay = _seconds_until(when.replace("@", "+"))
    switch.schedule(delay, "switch_ivr_schedule_broadcast", rest.partition(" ")[0], play)
    return "+OK Message scheduled\n"


async def _msleep(milliseconds: int) -> str:
    await asyncio.sleep(milliseconds / 1000)
    return "+OK"


COMMANDS: dict[str, Command] = {
    "sched_api": sched_api,
    "sched_del": sched_del,
    "unsched_api": unsched_api,
    "sched_hangup": sched_hangup,
    "sched_transfer": sched_transfer,
    "sched_broadcast": sched_broadcast,
    "msleep": lambda switch, text: _msleep(whole(text)),
}
