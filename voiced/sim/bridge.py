"""Bridges: two legs hear each other (`switch_ivr_multi_threaded_bridge`), and what comes after the talk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .clock import Watching
from .handlers import Handlers
from .park import park_soon
from .private_events import parse_all_events, parse_next_event
from .states import State
from .transfer import transfer
from .variables import is_true
from .wire import Pairs

if TYPE_CHECKING:
    from .channel import Channel

LEAD_FRAMES = 10
"""Packets of 20 ms before a bridged leg takes private commands (`DEFAULT_LEAD_FRAMES`)."""


@dataclass
class AudioLeg:
    """One direction of a bridge: `channel` reads, `peer` hears it."""

    channel: Channel
    peer: Channel
    clean_exit: bool = False
    displayed: bool = False
    """Whether both ends have been told who the other one is."""


class PeerHandlers(Handlers):
    """What the b leg of a bridge does: stand by until the a leg lets it talk, talk, then mostly hang up."""

    def __init__(self) -> None:
        self.leg: AudioLeg | None = None

    async def on_routing(self, channel: Channel) -> bool:
        channel.set_state(State.CONSUME_MEDIA)
        return False

    async def on_consume_media(self, channel: Channel) -> bool:
        return False

    async def on_exchange_media(self, channel: Channel) -> bool:
        leg, self.leg = self.leg, None
        if leg is None:
            channel.hangup("DESTINATION_OUT_OF_ORDER")
        else:
            await talk(leg)
        if self in channel.handlers:
            channel.handlers.remove(self)
        flags = channel.flags
        alone = leg is not None and not leg.clean_exit and not flags.transfer and not flags.redirect
        if alone and channel.state is State.EXCHANGE_MEDIA:
            after = channel.variables.get("transfer_after_bridge")
            if channel.variables.true("park_after_bridge"):
                park_soon(channel)
                return False
            if after:
                channel.variables.set("transfer_after_bridge", None)
                transfer(channel, *after.split(":")[:3])
                return False
            channel.hangup("NORMAL_CLEARING" if flags.answered else "ORIGINATOR_CANCEL")
        if channel.state is State.EXCHANGE_MEDIA:
            channel.variables.set("park_timeout", "3")
            channel.set_state(State.PARK)
        return False


async def talk(leg: AudioLeg) -> None:
    """One leg's side of a bridge (`audio_bridge_thread`), until either leg goes or is wanted elsewhere."""
    a, b = leg.channel, leg.peer
    b.lock()
    a.flags.bridged = True
    a.kick()
    a.audio = leg
    try:
        await a.until(lambda: b.flags.bridged or a.down or b.down, b, timeout=10)
        if b.flags.bridged:
            with Watching(a, b):
                await _talking(leg)
    finally:
        a.audio = None
        a.variables.set("bridge_to", None)
        a.flags.bridged = False
        a.kick()
        b.unlock()


async def _talking(leg: AudioLeg) -> None:
    a, b = leg.channel, leg.peer
    clock = a.clock
    lead_end = clock.now() + LEAD_FRAMES * clock.tick
    while True:
        if a.flags.transfer:
            leg.clean_exit = True
        if leg.clean_exit or b.flags.transfer or not b.flags.bridged:
            return
        if not a.ready:
            leg.clean_exit = leg.clean_exit or not a.down
            return
        if b.down:
            return
        at_once = a.private_waiting and clock.now() >= lead_end
        if at_once:
            await _command_in_talk(a, b)
        a.take_signals()
        digit = a.next_digit()  # one in a packet
        if digit is not None:
            b.endpoint.send_digit(b, digit.digit)
        _answer_both(a, b)
        if a.flags.bridge_originator and a.flags.answered and b.flags.answered and not leg.displayed:
            leg.displayed = True
            _display(a, b)
        until = lead_end if a.private_waiting else None
        if not await a.read_frame(until=clock.now() if at_once or a.digits else until):
            return


async def _command_in_talk(a: Channel, b: Channel) -> None:
    """A `sendmsg` to a bridged leg: the partner hears nothing meanwhile, and one is done in each packet."""
    b.flags.suspend = True
    a.endpoint.unbridged(a)
    await parse_next_event(a)
    a.endpoint.bridged(a, b)
    b.flags.suspend = False
    b.kick()


def _answer_both(a: Channel, b: Channel) -> None:
    if a.flags.answered != b.flags.answered:
        unanswered = b if a.flags.answered else a
        unanswered.answer()


def _display(a: Channel, b: Channel) -> None:
    """Tell each end who the other is (`switch_ivr_bridge_display`): the b end, oddly, its own caller id."""
    ours, theirs = a.profile, b.profile
    if ours is None or theirs is None:
        return
    number = theirs.caller_id_number or ours.caller_id_number or "UNKNOWN"
    name = theirs.caller_id_name or ours.caller_id_name or number
    callee_number = theirs.callee_id_number or theirs.destination_number
    b.post(lambda: b.endpoint.display(b, name, number))
    a.endpoint.display(a, theirs.callee_id_name or callee_number, callee_number)


async def bridge(a: Channel, b: Channel) -> None:
    """Join two legs until one goes; the a leg's task runs this, the b leg's its half by `PeerHandlers`."""
    handlers = PeerHandlers()
    a.flags.bridge_originator = True
    b.flags.bridge_originator = False
    if a.profile and b.profile:
        a.profile.callee_id_name = b.profile.callee_id_name
        a.profile.callee_id_number = b.profile.callee_id_number
    b.handlers.insert(0, handlers)
    if b.flags.answered and not a.flags.answered:
        a.answer()
    leg = AudioLeg(a, b)
    bridged = joined = False
    try:
        if b.media_ready or b.flags.ring_ready:
            bridged, joined = await _join(leg, handlers)
        if not joined:
            b.hangup("NO_ANSWER")
    finally:
        b.variables.set("call_uuid", b.uuid)
    if bridged:
        a.fire("CHANNEL_UNBRIDGE", before=_both(a, b))
    b.endpoint.unbridged(b)
    a.endpoint.unbridged(a)
    _after_the_talk(leg)


async def _join(leg: AudioLeg, handlers: PeerHandlers) -> tuple[bool, bool]:
    """Returns whether CHANNEL_BRIDGE was said, and whether the two were really joined."""
    a, b = leg.channel, leg.peer
    if not a.ready:
        _abort(a, b)
        return False, True
    b.set_state(State.CONSUME_MEDIA)
    b.variables.set("call_uuid", a.uuid)
    for one in (a, b):
        if one.profile:
            one.profile.bridged = one.clock.micros()
    a.fire("CHANNEL_BRIDGE", before=_both(a, b))
    for one, other in ((a, b), (b, a)):
        one.variables.set("bridge_to", other.uuid)
        one.variables.set("last_bridge_to", other.uuid)
    if not a.ready:
        _abort(a, b)
        return True, True
    if b.flags.answered:
        a.answer()
    await a.until(lambda: a.down or b.down or not _has_work(b), b, timeout=10)
    await parse_all_events(a)
    b.endpoint.bridged(b, a)
    a.endpoint.bridged(a, b)
    for one, other in ((a, b), (b, a)):
        one.variables.set("bridge_channel", other.name)
        one.variables.set("bridge_uuid", other.uuid)
        one.variables.set("signal_bond", other.uuid)
    handlers.leg = AudioLeg(b, a)
    b.set_state(State.EXCHANGE_MEDIA)
    b.lock()
    try:
        await talk(leg)
        a.flags.bridge_originator = False
        b.stop_broadcast()
        await a.until(lambda: b.state is not State.EXCHANGE_MEDIA, b)
    finally:
        b.unlock()
    for one, other in ((a, b), (b, a)):
        if one.hangup_cause:
            other.variables.set("bridge_hangup_cause", one.hangup_cause)
    return True, True


def _has_work(b: Channel) -> bool:
    """Whether a leg that stands by is still doing what it was asked to do before the bridge."""
    return b.flags.broadcast or b.private_waiting or bool(b.signals)


def _abort(a: Channel, b: Channel) -> None:
    b.hangup(a.hangup_cause or "ORIGINATOR_CANCEL")


def _both(a: Channel, b: Channel) -> Pairs:
    return [("Bridge-A-Unique-ID", a.uuid), ("Bridge-B-Unique-ID", b.uuid)]


def _after_the_talk(leg: AudioLeg) -> None:
    """Park, transfer or hang up the a leg as its variables say; else the dialplan goes on."""
    a, b = leg.channel, leg.peer
    flags, variables = a.flags, a.variables
    if not flags.transfer and not flags.redirect and not leg.clean_exit:
        cause = b.hangup_cause or "NORMAL_CLEARING"
        hangup_after = variables.get("hangup_after_bridge")
        if not b.flags.answered:
            after_failure(a, cause)
        if (hangup_after or "").lower() == "explicit":
            a.hangup(cause)
        answered = b.flags.answered
        if (answered or b.flags.early_media) and not a.down and not flags.transfer:
            after = variables.get("transfer_after_bridge")
            if answered and variables.true("park_after_bridge"):
                park_soon(a)
            elif answered and after:
                variables.set("transfer_after_bridge", None)
                transfer(a, *after.split(":")[:3])
            elif answered and is_true(hangup_after):
                a.hangup(cause)
    elsewhere = a.state in (State.RESET, State.PARK, State.ROUTING, State.EXECUTE)
    if flags.redirect and not elsewhere:
        a.set_state(State.RESET)


def after_failure(channel: Channel, cause: str) -> None:
    """What a failed dial does to the caller (`switch_channel_handle_cause`): hang up, unless told not to."""
    if channel.down:
        return
    go_on = channel.variables.get("continue_on_fail")
    if go_on is not None:
        if is_true(go_on) or cause.lower() in [one.strip().lower() for one in go_on.split(",")]:
            return
    elif cause in ("NO_ANSWER", "NO_USER_RESPONSE", "ORIGINATOR_CANCEL"):
        return
    channel.hangup(cause)
