"""The api command `originate`: dial, then run an application on the leg or send it to an extension."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .messages import Action, Extension
from .originate import DEFAULT_TIMEOUT, Dial, originate
from .separate import separate
from .states import State
from .transfer import transfer
from .uuid_bridge import set_extension
from .variables import whole

if TYPE_CHECKING:
    from .api import Answer
    from .channel import Channel
    from .switch import Switch

USAGE = (
    "-USAGE: <call url> <exten>|&<application_name>(<app_args>) [<dialplan>] [<context>] [<cid_name>] "
    "[<cid_num>] [<timeout_sec>]\n"
)


def originate_command(switch: Switch, argument: str) -> Answer:
    args = separate(argument, " ", 10)
    return _originate(switch, args) if 2 <= len(args) <= 7 else USAGE


async def _originate(switch: Switch, given: list[str]) -> str:
    args = ["" if arg.lower() == "undef" else arg for arg in given] + [""] * 5
    target, extension, dialplan, context, cid_name, cid_number, timeout = args[:7]
    switch.note_dial(target, extension)
    outcome = await originate(
        Dial(
            switch,
            target,
            timeout=whole(timeout, DEFAULT_TIMEOUT),
            cid_name=cid_name,
            cid_number=cid_number,
        )
    )
    leg = outcome.leg
    if leg is None:
        return f"-ERR {outcome.cause}\n"
    if extension.startswith("&") and len(extension) > 1:
        _run(leg, extension[1:])
    else:
        transfer(leg, extension, dialplan or "XML", context or "default")
    uuid = leg.uuid
    leg.unlock()
    return f"+OK {uuid}\n"


def _run(leg: Channel, application: str) -> None:
    """``park`` or ``playback(file)``."""
    name, _, rest = application.partition("(")
    data = rest.partition(")")[0]
    leg.extension = Extension(name)
    leg.extension.actions.append(Action(name.partition(")")[0], data or None))
    set_extension(leg)
    leg.set_state(State.EXECUTE)
