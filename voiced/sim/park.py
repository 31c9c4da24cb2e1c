"""Parking: the leg waits, does what `sendmsg` asks for, and ends by `park_timeout` if nobody comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .causes import cause_named
from .private_events import parse_all_events
from .states import State
from .variables import whole

if TYPE_CHECKING:
    from .channel import Channel

HALF_A_SECOND = 0.5
"""FreeSWITCH counts limits by the seconds of its clock: one of T seconds ends after T-1 to T. Here always
after T minus this."""


def seconds_limit(seconds: float) -> float:
    """How long a limit of whole seconds is here (recordings `transfer_no_answer_180`, `…_no_response`)."""
    return max(seconds - HALF_A_SECOND, 0)


async def park(channel: Channel) -> None:
    """Wait in park (`switch_ivr_park`) until the leg is wanted elsewhere."""
    flags = channel.flags
    if flags.controlled or channel.state is State.RESET:
        return
    deadline, cause = _limit(channel)
    flags.controlled = flags.park = True
    channel.fire("CHANNEL_PARK")
    while channel.ready and flags.controlled and flags.park:
        if not await channel.read_frame(until=channel.clock.now() if channel.digits else deadline):
            break
        if deadline is not None and channel.clock.now() >= deadline:
            channel.hangup(cause)
            break
        await parse_all_events(channel)
        channel.next_digit()  # one in a packet
    flags.controlled = flags.park = False
    channel.fire("CHANNEL_UNPARK")


def _limit(channel: Channel) -> tuple[float | None, str]:
    text = channel.variables.get("park_timeout")
    if text is None:
        return None, ""
    seconds, _, cause = text.partition(":")
    channel.variables.set("park_timeout", None)
    channel.variables.set("park_after_bridge", None)
    return channel.clock.now() + seconds_limit(whole(seconds)), cause_named(cause)


def park_soon(channel: Channel) -> None:
    """Take the leg from whatever it does and park it (`switch_ivr_park_session`, `uuid_park`)."""
    channel.flags.transfer = True
    channel.set_state(State.PARK)


async def park_application(channel: Channel, data: str) -> None:
    await park(channel)
