"""Sending a leg into the dialplan anew (`switch_ivr_session_transfer`, `uuid_transfer`)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from .states import State

if TYPE_CHECKING:
    from .channel import Channel


def transfer(channel: Channel, extension: str, dialplan: str = "", context: str = "") -> bool:
    """Take the leg from what it does and route it to an extension; its partner is left to its own rules."""
    old = channel.profile
    if old is None or channel.down:
        return False
    channel.flags.originating = False
    channel.handlers.clear()
    dialplan = dialplan or old.dialplan or "XML"
    context = context or old.context or "default"
    extension = extension or "service"
    profile = old.clone()
    profile.dialplan, profile.context = dialplan, context
    profile.destination_number, profile.rdnis = extension, old.destination_number
    profile.profile_created = channel.clock.micros()
    profile.profile_index = str(int(old.profile_index or "1") + 1)
    profile.transfer_source = f"{int(time.time())}:{channel.uuid}:bl_xfer:{extension}/{context}/{dialplan}"
    partner = channel.switch.locate(channel.variables.get("bridge_to"))
    channel.variables.set("signal_bond", None)
    channel.flags.transfer = True
    if partner:
        partner.variables.set("signal_bond", None)
    channel.profile = profile
    channel.set_state(State.ROUTING)
    channel.variables.push("transfer_history", profile.transfer_source)
    channel.variables.set("transfer_source", profile.transfer_source)
    channel.kick()
    return True
