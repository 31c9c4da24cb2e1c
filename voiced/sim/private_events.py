"""Commands for a channel's own task, and applications run by name.

Written after `switch_ivr_parse_event` and `switch_core_session_exec`: while an application waits for audio it
looks here, so a command without `event-lock` runs *inside* what runs already; with it, it waits for its turn.
"""

from __future__ import annotations

import uuid as uuids
from typing import TYPE_CHECKING

from .causes import cause_named
from .expand import expand
from .messages import PrivateMessage
from .variables import is_true, whole
from .wire import Block, Event, Pairs

if TYPE_CHECKING:
    from .channel import Channel


async def parse_all_events(channel: Channel) -> None:
    """Do what signals and private commands ask for, until there is no more or a broadcast was stopped."""
    if channel.depth > 16:
        return
    channel.depth += 1
    try:
        channel.take_signals()
        while await parse_next_event(channel):
            pass
    finally:
        channel.depth -= 1


async def parse_next_event(channel: Channel) -> bool:
    """Do one private command; False if there was none, or if what plays shall end."""
    message = channel.next_private()
    if message is None:
        return False
    going_on = await parse_event(channel, message)
    own: Pairs = list(message.headers.items())
    blocks = [Block(own), channel.switch.events.common("PRIVATE_COMMAND"), *channel.headers(verbose=False)]
    if message.origin is not None:
        blocks.insert(0, message.origin)
    channel.switch.events.deliver(Event("PRIVATE_COMMAND", blocks), channel.uuid)
    channel.tell()  # a bridge waits until its b leg has done what it was asked to
    return going_on


async def parse_event(channel: Channel, message: PrivateMessage) -> bool:
    """What a `sendmsg` means. With `event-lock` no further command is taken meanwhile; without, they nest."""
    command = (message.get("call-command") or "").lower()
    if not command:
        return False
    flags = channel.flags
    lock = is_true(message.get("event-lock"))
    lock_priority = is_true(message.get("event-lock-pri"))
    flags.event_lock += lock
    flags.event_lock_pri += lock_priority
    try:
        await _lead_frames(channel, whole(message.get("lead-frames")))
        if command == "execute":
            await _command_execute(channel, message)
        elif command == "hangup":
            channel.hangup(cause_named(message.get("hangup-cause")))
    finally:
        flags.event_lock -= lock
        flags.event_lock_pri -= lock_priority
    return not flags.break_


async def _lead_frames(channel: Channel, count: int) -> None:
    """Let some audio pass first (`lead-frames`, 5 for a broadcast)."""
    if count and channel.media_ready:
        end = channel.clock.now() + (count - 0.5) * channel.clock.tick
        while channel.clock.now() < end and not channel.down:
            await channel.read_frame(until=end)


async def _command_execute(channel: Channel, message: PrivateMessage) -> None:
    application = message.get("execute-app-name")
    if not application:
        return
    argument = message.get("execute-app-arg")
    if not argument and (message.get("content-type") or "").lower() == "text/plain":
        argument = message.body
    loops = whole(message.get("loops"), 1) if message.get("loops") else 1
    flags = channel.flags
    flags.stop_broadcast = False
    inner = not flags.bridged
    if not flags.broadcast:
        flags.broadcast = True
        inner = False
    done = 0
    while loops < 0 or done < loops:
        done += 1
        if application.lower() != "hangup":
            channel.variables.set("current_loop", str(done))
            channel.variables.set("total_loops", str(loops))
        begun = channel.clock.now()
        if not await execute_application(channel, application, argument, uuid=message.get("event-uuid")):
            if not inner or flags.stop_broadcast:
                flags.broadcast = False
            break
        if not channel.ready or flags.stop_broadcast:
            break
        if channel.clock.now() - begun < 0.5 * channel.clock.pace:
            break
    channel.variables.set("current_loop", None)
    channel.variables.set("total_loops", None)
    if not inner:
        flags.broadcast = False
    if flags.stop_broadcast:
        flags.broadcast = False
        channel.set_break(1)


# ---- applications ----------------------------------------------------------------------------------------


async def execute_application(
    channel: Channel, name: str, data: str | None, *, uuid: str | None = None
) -> bool:
    """Run an application by name. An unknown one hangs the leg up and has no EXECUTE_COMPLETE."""
    application = channel.switch.applications.get(name)
    if channel.down:
        if application is None:
            return False
        if not application.runs_on_dead:
            return True
    elif application is None:
        channel.hangup("DESTINATION_OUT_OF_ORDER")
        return False
    elif application.needs_media and not channel.media_ready:
        if not channel.inbound:
            return False
        channel.pre_answer()
    assert application is not None
    expanded = expand(channel.switch, data, channel) if data else None
    variables = channel.variables
    variables.set("current_application", application.name)
    variables.set("current_application_data", expanded)
    variables.set("current_application_response", None)
    app_uuid = uuid or str(uuids.uuid4())
    said: Pairs = [("Application", application.name)]
    if expanded:
        said.append(("Application-Data", expanded))
    channel.fire("CHANNEL_EXECUTE", after=[*said, ("Application-UUID", app_uuid)])
    channel.flags.break_ = 0
    await application.run(channel, expanded or "")
    response = variables.get("current_application_response") or "_none_"
    said.append(("Application-Response", response))
    channel.fire("CHANNEL_EXECUTE_COMPLETE", after=[*said, ("Application-UUID", app_uuid)])
    return True
