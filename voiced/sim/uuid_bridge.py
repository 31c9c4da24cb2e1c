"""`uuid_bridge`: two legs are taken from what they do and joined some 60 ms later."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from .bridge import bridge
from .clock import Watching
from .handlers import Handlers
from .park import park_soon
from .states import State
from .transfer import transfer
from .wire import Pairs

if TYPE_CHECKING:
    from .channel import Channel
    from .switch import Switch


class UuidBridgeHandlers(Handlers):
    """HIBERNATE, RESET, SOFT_EXECUTE: the a leg waits there for the b leg and bridges it."""

    async def on_hibernate(self, channel: Channel) -> bool:
        channel.set_state(State.RESET)
        return False

    async def on_consume_media(self, channel: Channel) -> bool:
        return await self.on_hibernate(channel)

    async def on_reset(self, channel: Channel) -> bool:
        channel.flags.originating = False
        if channel.flags.uuid_bridge_originator:
            channel.set_state(State.SOFT_EXECUTE)
        return True

    async def on_soft_execute(self, channel: Channel) -> bool:
        if self in channel.handlers:
            channel.handlers.remove(self)
        if not channel.flags.uuid_bridge_originator:
            return True
        other = channel.switch.locate(channel.variables.get("uuid_bridge"))
        if other is None:
            after = channel.variables.get("transfer_after_bridge")
            if channel.variables.true("park_after_bridge"):
                park_soon(channel)
            elif after:
                channel.variables.set("transfer_after_bridge", None)
                transfer(channel, *after.split(":")[:3])
            else:
                channel.hangup("DESTINATION_OUT_OF_ORDER")
        else:
            channel.variables.set("uuid_bridge", None)
            other.lock()
            try:
                await self._bridge(channel, other)
            finally:
                other.unlock()
        channel.flags.uuid_bridge_originator = False
        return False

    async def _bridge(self, channel: Channel, other: Channel) -> None:
        if not await _standing_by(channel, other):
            return
        if not other.media_ready:
            await channel.until(lambda: other.media_ready or other.down or channel.down, other, timeout=60)
        if other.down:
            _cancelled(channel)
            return
        if not channel.ready or not other.ready:
            ready = channel.ready
            (channel if ready else other).hangup("DESTINATION_OUT_OF_ORDER")
            return
        _say_application(channel, other)
        _say_application(other, channel)
        await bridge(channel, other)
        flags = channel.flags
        wanted = flags.transfer or flags.redirect or channel.state in (State.ROUTING, State.PARK)
        if not wanted and not channel.down:
            channel.set_state(State.EXECUTE)


def _cancelled(channel: Channel) -> None:
    """The b leg has gone while the a leg stood by (what `switch_ivr_wait_for_answer` finds)."""
    if channel.variables.true("uuid_bridge_continue_on_cancel"):
        channel.set_state(State.EXECUTE)
    elif channel.variables.true("uuid_bridge_park_on_cancel"):
        park_soon(channel)
    elif not channel.flags.transfer:
        channel.hangup("ORIGINATOR_CANCEL")


async def _standing_by(channel: Channel, other: Channel) -> bool:
    """Wait, looking every 20 ms, until the b leg is in SOFT_EXECUTE; False if it bridges by itself."""
    with Watching(channel, other):
        while not other.down and not channel.down:
            if other.state is other.running:
                if other.running is State.RESET:
                    other.set_state(State.SOFT_EXECUTE)
                elif other.running is State.SOFT_EXECUTE:
                    return not other.flags.uuid_bridge_originator
            await channel.idle()
            await channel.clock.to_tick()
    return True


def _say_application(channel: Channel, other: Channel) -> None:
    said: Pairs = [("Application", "uuid_bridge"), ("Application-Data", other.uuid)]
    channel.fire("CHANNEL_EXECUTE", after=said)


def uuid_bridge(switch: Switch, a_uuid: str, b_uuid: str) -> bool:
    """Ask two legs to join. True says that they were asked: the bridge is true at CHANNEL_BRIDGE."""
    a, b = switch.locate(a_uuid), switch.locate(b_uuid)
    if a is None or b is None or a is b:
        return False
    if not a.inbound and not a.flags.dialplan:
        flip_caller_id(a)
        a.flags.dialplan = True
    if not a.media_ready:
        if not b.media_ready:
            return False
        a, b = b, a
    if not b.inbound:
        b.flags.dialplan = False
    a.flags.redirect = b.flags.redirect = True
    a.variables.set("uuid_bridge", b.uuid)
    for one, other in ((a, b), (b, a)):
        one.variables.set("bridge_channel", other.name)
        one.variables.set("bridge_uuid", other.uuid)
        one.variables.set("signal_bond", other.uuid)
    _new_profiles(a, b)
    a.stop_broadcast()
    b.stop_broadcast()
    a.flags.transfer = b.flags.transfer = True
    a.flags.originating = b.flags.originating = False
    a.flags_at_next_state["bridge_originator"] = False
    b.flags_at_next_state["bridge_originator"] = False
    a.flags.uuid_bridge_originator = b.flags.uuid_bridge_originator = False
    a.flags_at_next_state["uuid_bridge_originator"] = True
    for one in (a, b):
        one.handlers[:] = [UuidBridgeHandlers()]
        one.set_state(State.CONSUME_MEDIA if one.state is State.HIBERNATE else State.HIBERNATE)
        one.kick()
    return True


def _new_profiles(a: Channel, b: Channel) -> None:
    """Each leg gets a profile of its own for the new talk, with the other one's as `Other-Leg-`."""
    old_a, old_b = a.profile, b.profile
    assert old_a is not None
    assert old_b is not None
    for one, old in ((b, old_b), (a, old_a)):
        one.variables.set("original_destination_number", old.destination_number)
        one.variables.set("original_caller_id_name", old.caller_id_name)
        one.variables.set("original_caller_id_number", old.caller_id_number)
        profile = old.clone()
        profile.profile_created = one.clock.micros()
        profile.profile_index = str(int(old.profile_index or "1") + 1)
        profile.bridged = 0
        profile.transfer_source = ""
        one.profile = profile
    assert a.profile is not None
    assert b.profile is not None
    b.other = ("originator", a.profile.clone(times=False))
    a.other = ("originatee", b.profile.clone())
    a.profile.callee_id_name, a.profile.callee_id_number = (
        b.profile.callee_id_name,
        b.profile.callee_id_number,
    )
    b.profile.caller_id_name, b.profile.caller_id_number = (
        a.profile.caller_id_name,
        a.profile.caller_id_number,
    )
    for one, other in ((a, b), (b, a)):
        assert one.profile is not None
        one.profile.transfer_source = f"{int(time.time())}:{one.session_id}:uuid_br:{other.uuid}"
        one.variables.push("transfer_history", one.profile.transfer_source)
        one.variables.set("transfer_source", one.profile.transfer_source)


def flip_caller_id(channel: Channel) -> None:
    """An outbound leg that gets a dialplan of its own is now a caller: caller and callee id change places."""
    profile = channel.profile
    if profile is None:
        return
    caller = profile.caller_id_name, profile.caller_id_number
    channel.variables.set("pre_transfer_caller_id_name", caller[0])
    channel.variables.set("pre_transfer_caller_id_number", caller[1])
    profile.caller_id_name, profile.caller_id_number = profile.callee_id_name, profile.callee_id_number
    profile.callee_id_name, profile.callee_id_number = ("", "") if channel.flags.bridged else caller
    channel.variables.set("channel_cid_flipped", "yes")
    partner = channel.partner
    bridged_to: Pairs = [("Bridged-To", partner.uuid)] if partner else []
    channel.fire("CALL_UPDATE", before=[("Direction", "RECV"), *bridged_to])


def set_extension(channel: Channel) -> None:
    """What comes with a dialplan extension for an outbound leg (`switch_channel_sort_cid`)."""
    if not channel.inbound and not channel.flags.dialplan:
        channel.flags.dialplan = True
        flip_caller_id(channel)
