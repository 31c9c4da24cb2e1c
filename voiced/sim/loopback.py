"""Loopback pairs: the a leg is dialled, the b leg walks the dialplan, and each hears what the other is told.

Unless `loopback_bowout=false` the pair bows out of the talk: two seconds after both halves are bridged the
two real legs are bridged directly, and a and b end with NORMAL_CLEARING (recording `loopback_bows_out`).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .endpoint import Endpoint, codec_block
from .states import State
from .uuid_bridge import uuid_bridge
from .variables import is_true

if TYPE_CHECKING:
    from .channel import Channel
    from .routes import Ask

MOST_PAIRS = 16
"""So many pairs in a row are looked through: two of them can be bridged in a ring."""
BOWOUT_FRAMES = 100
"""Packets of 20 ms that pass before the pair bows out (`bowout_frame_count`)."""


class LoopbackEndpoint(Endpoint):
    """One half of a pair."""

    codec = codec_block("L16", 8000, 128000)

    def __init__(self, *, b_leg: bool) -> None:
        self.b_leg = b_leg
        self.other: Channel | None = None
        self.in_bridge = False
        self.variables: dict[str, str] = {}
        """The dial string's variables, which the b leg gets too."""
        self.timer: asyncio.TimerHandle | None = None

    def other_side(self, channel: Channel) -> Channel | None:
        return self.other

    def on_init(self, channel: Channel) -> None:
        if not self.b_leg:
            self._make_b_leg(channel)
        channel.variables.set("loopback_leg", "B" if self.b_leg else "A")
        channel.set_state(State.ROUTING)

    def _make_b_leg(self, a: Channel) -> None:
        assert a.profile is not None
        switch = a.switch
        endpoint = LoopbackEndpoint(b_leg=True)
        b = switch.new_channel(f"loopback/{a.profile.destination_number}-b", "inbound", endpoint)
        b.has_codec = True
        profile = a.profile.clone(times=False)
        profile.direction = profile.logical_direction = "inbound"
        profile.uuid, profile.channel_name = b.uuid, b.name
        profile.created = profile.profile_created = b.clock.micros()
        b.profile = profile
        self.other, endpoint.other = b, a
        a.lock()
        b.lock()
        _basic_variables(b)
        b.variables.update(self.variables)
        a.variables.set("other_loopback_leg_uuid", b.uuid)
        b.variables.set("other_loopback_leg_uuid", a.uuid)
        b.state = State.INIT
        switch.launch(b)

    def on_hangup(self, channel: Channel) -> None:
        channel.variables.set("is_loopback", "1")
        if self.timer is not None:
            self.timer.cancel()
        if self.other is not None:
            self.other.hangup(channel.hangup_cause)
            self.other.unlock()

    def ring(self, channel: Channel) -> None:
        if self.other is not None and self.b_leg:
            self.other.mark_ringing()

    def progress(self, channel: Channel) -> None:
        if self.other is not None and self.b_leg:
            self.other.mark_early_media()

    def answer(self, channel: Channel) -> None:
        if self.other is not None and self.b_leg:
            self.other.mark_answered()

    def send_digit(self, channel: Channel, digit: str) -> None:
        if self.other is not None:
            self.other.queue_digits(digit)

    def bridged(self, channel: Channel, peer: Channel) -> None:
        self.in_bridge = True
        other = self.other.endpoint if self.other is not None else None
        if isinstance(other, LoopbackEndpoint) and other.in_bridge and self.other is not None:
            a, b = (self.other, channel) if self.b_leg else (channel, self.other)
            self._bow_out_later(a, b)

    def unbridged(self, channel: Channel) -> None:
        self.in_bridge = False

    def display(self, channel: Channel, name: str, number: str) -> None:
        """The other half shows it as its caller or callee, and hands it on to its own partner."""
        half: LoopbackEndpoint = self
        for _ in range(MOST_PAIRS):
            other = half.other
            if other is None or other.profile is None:
                return
            which = "caller_id" if half.b_leg else "callee_id"
            setattr(other.profile, f"{which}_name", name or getattr(other.profile, f"{which}_name"))
            setattr(other.profile, f"{which}_number", number or getattr(other.profile, f"{which}_number"))
            partner = other.partner
            if partner is None:
                return
            if not isinstance(partner.endpoint, LoopbackEndpoint):
                partner.endpoint.display(partner, name, number)
                return
            half = partner.endpoint

    # ---- bowing out --------------------------------------------------------------------------------------

    def _bow_out_later(self, a: Channel, b: Channel) -> None:
        vetoes = (a.variables.get("loopback_bowout"), b.variables.get("loopback_bowout"))
        if any(veto is not None and not is_true(veto) for veto in vetoes):
            return
        delay = BOWOUT_FRAMES * a.clock.tick
        if self.timer is not None:
            self.timer.cancel()
        self.timer = asyncio.get_running_loop().call_later(delay, _bow_out, a, b)


def _bow_out(a: Channel, b: Channel) -> None:
    """Bridge the two real legs; the halves of the pair are then left alone, and end."""
    left, right = _real_partner(a), _real_partner(b)
    if left is None or right is None or not (left.flags.bridged and right.flags.bridged):
        return
    uuid_bridge(a.switch, left.uuid, right.uuid)
    for leg, real in ((a, left), (b, right)):
        leg.variables.set("loopback_hangup_cause", "bridge")
        leg.variables.set("loopback_bowout_other_uuid", real.uuid)


def _real_partner(channel: Channel) -> Channel | None:
    """The leg bridged to this half, through further pairs that would bow out too."""
    partner = channel.partner
    for _ in range(MOST_PAIRS):
        if partner is None or not isinstance(partner.endpoint, LoopbackEndpoint):
            return partner
        if partner.endpoint.other is None:
            return None
        partner = partner.endpoint.other.partner
    return None


def loopback_leg(ask: Ask) -> Channel:
    """Make the a leg for ``loopback/EXTENSION/CONTEXT``; it makes its b leg when it begins."""
    switch = ask.switch
    if ask.caller is not None:
        ask.caller.pre_answer()
    extension, _, rest = ask.data.partition("/")
    context, _, dialplan = rest.partition("/")
    endpoint = LoopbackEndpoint(b_leg=False)
    endpoint.variables = {k: v for k, v in ask.variables.items() if k != "originate_early_media"}
    leg = switch.new_channel(f"loopback/{extension}-a", "outbound", endpoint)
    leg.has_codec = True
    profile = ask.profile
    profile.source = "mod_loopback"
    profile.destination_number = extension
    profile.callee_id_number = context or "default"
    profile.context = context or "default"
    profile.dialplan = dialplan or "xml"
    profile.uuid, profile.channel_name, profile.profile_index = leg.uuid, leg.name, "1"
    profile.created = profile.profile_created = leg.clock.micros()
    leg.profile = profile
    leg.state = State.INIT
    _basic_variables(leg)
    return leg


def _basic_variables(leg: Channel) -> None:
    leg.variables.update({"direction": leg.direction, **({} if leg.inbound else {"is_outbound": "true"})})
    leg.variables.update(
        {
            "uuid": leg.uuid,
            "call_uuid": leg.uuid,
            "session_id": str(leg.session_id),
            "channel_name": leg.name,
            "read_codec": "L16",
            "read_rate": "8000",
            "write_codec": "L16",
            "write_rate": "8000",
        }
    )
