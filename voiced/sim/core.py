"""The core state machine: what a channel's own task does from its first state to its last.

Written after `switch_core_session_run`: the order of the events of a leg follows from the order of the steps
here, so it is kept even where a shorter one would do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import record
from .endings import ending_variables
from .park import park
from .private_events import execute_application, parse_all_events
from .states import CallState, State

if TYPE_CHECKING:
    from .channel import Channel


async def run(channel: Channel) -> None:
    """The life of a channel."""
    try:
        await _states(channel)
        await channel.until(lambda: channel.locks <= 0)
    finally:
        channel.switch.forget(channel)
    channel.fire("CHANNEL_DESTROY")
    channel.set_running(State.DESTROY)
    channel.kick()


async def _states(channel: Channel) -> None:
    while channel.state is not State.DESTROY:
        state = channel.state
        if state is not channel.running or state >= State.HANGUP:
            channel.set_running(state)
            channel.flags.transfer = False
            channel.flags.redirect = False
            await _enter(channel, state)
            if channel.running is State.REPORTING:
                return
        if channel.state is channel.running:
            await parse_all_events(channel)
            if channel.state is channel.running and not channel.signals:
                await channel.idle()
            await parse_all_events(channel)


async def _enter(channel: Channel, state: State) -> None:
    if state is State.INIT:
        channel.endpoint.on_init(channel)
        channel.fire("CHANNEL_CREATE")
        if not channel.inbound:
            channel.fire("CHANNEL_ORIGINATE")
    elif state is State.HANGUP:
        _hangup(channel)
        channel.set_state(State.REPORTING)
    elif state is State.REPORTING:
        channel.fire("CHANNEL_HANGUP_COMPLETE", before=[("Hangup-Cause", channel.hangup_cause)])
        channel.set_state(State.DESTROY)
    elif state is not State.NEW:
        standard = True
        for handler in tuple(channel.handlers):
            if not await getattr(handler, f"on_{state.name.lower()}", _yes)(channel):
                standard = False
                break
        if standard and channel.state is state:
            await _standard(channel, state)


async def _yes(_: Channel) -> bool:
    return True


async def _standard(channel: Channel, state: State) -> None:
    if state in (State.ROUTING, State.EXECUTE, State.RESET):
        channel.variables.set("call_uuid", channel.uuid)
    if state is State.ROUTING:
        _route(channel)
    elif state is State.EXECUTE:
        await _execute(channel)
    elif state is State.PARK:
        await park(channel)


def _route(channel: Channel) -> None:
    """Look the destination up in the dialplan; an outbound leg without one waits for its answer."""
    profile = channel.profile
    if profile and profile.dialplan:
        extension = channel.switch.dialplan.find(channel)
        if extension:
            channel.extension = extension
            channel.set_state(State.EXECUTE)
            return
    elif not channel.inbound:
        if channel.flags.answered:
            channel.hangup("NO_ROUTE_DESTINATION")
        else:
            channel.set_state(State.CONSUME_MEDIA)
        return
    channel.hangup("NO_ROUTE_DESTINATION")


async def _execute(channel: Channel) -> None:
    """Run the extension's actions one by one; after the last one the leg is hung up."""
    extension = channel.extension
    while extension is not None and channel.state is State.EXECUTE and extension.actions:
        action = extension.actions.popleft()
        if not await execute_application(channel, action.application, action.data):
            return
    if channel.ready:
        channel.hangup("NORMAL_CLEARING")


def _hangup(channel: Channel) -> None:
    if channel.profile:
        channel.profile.hungup = channel.clock.micros()
    channel.stop_broadcast()
    record.stop(channel, "all")
    ending_variables(channel)
    channel.set_callstate(CallState.HANGUP)
    channel.endpoint.on_hangup(channel)
