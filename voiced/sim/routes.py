"""The endpoints a dial string can name: `user`, `sofia`, `loopback`, `group` and `error`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import sip_variables
from .causes import cause_named
from .clock import Waiter
from .loopback import loopback_leg
from .profile import Profile
from .sip import SipEndpoint
from .states import State
from .variables import is_false, whole

if TYPE_CHECKING:
    from .channel import Channel
    from .phones import Party
    from .switch import Switch

Made = tuple["Channel | None", str]
"""A new leg, or None and the cause for which there is none."""


@dataclass
class Ask:
    """What an endpoint is asked for."""

    switch: Switch
    caller: Channel | None
    data: str
    variables: dict[str, str]
    profile: Profile
    forked: bool
    waiter: Waiter
    cancelled: Callable[[], str]
    again: Callable[[Ask, str], Awaitable[Made]]
    """Dials what a user or a group stands for."""


async def outgoing(endpoint: str, ask: Ask) -> Made:
    """Make a leg. CHANNEL_OUTGOING is fired once for every endpoint on the way (`user`, then `sofia`)."""
    maker = {"user": _user, "sofia": _sofia, "loopback": _loopback, "group": _group, "error": _error}.get(
        endpoint
    )
    if maker is None:
        return None, "CHAN_NOT_IMPLEMENTED"
    leg, cause = await maker(ask)
    if leg is None:
        return None, cause
    wanted = ask.variables.get("origination_uuid")
    if wanted and leg.uuid != wanted and endpoint == "loopback":
        ask.switch.rename(leg, wanted)
    caller = ask.caller
    if caller is not None:
        leg.variables.set("max_forwards", str(whole(caller.variables.get("max_forwards"), 71) - 1))
        leg.variables.set("originator", caller.uuid)
        leg.variables.set("signal_bond", caller.uuid)
        caller.variables.set("originate_signal_bond", leg.uuid)
        if caller.profile:
            leg.other = ("originator", caller.profile.clone(times=False))
    leg.fire("CHANNEL_OUTGOING")
    return leg, "SUCCESS"


async def _user(ask: Ask) -> Made:
    """``user/1001@domain``: everything that is registered for the user rings."""
    user, _, domain = ask.data.partition("@")
    domain = domain or ask.switch.domain
    if not ask.switch.directory.exists(user, domain):
        return None, "SUBSCRIBER_ABSENT"
    if is_false(ask.variables.get("user_recurse_variables")):
        ask.variables = {}
    ask.variables["dialed_user"] = user
    ask.variables["dialed_domain"] = domain
    if ask.caller is not None:
        ask.caller.variables.set("dialed_user", user)
        ask.caller.variables.set("dialed_domain", domain)
    return await ask.again(ask, ask.switch.directory.dial_string(user, domain))


async def _group(ask: Ask) -> Made:
    """``group/9000@domain``: the directory's group rings at once."""
    group, _, domain = ask.data.partition("@")
    text = ask.switch.directory.group_call(group, domain or ask.switch.domain)
    return await ask.again(ask, text)


async def _error(ask: Ask) -> Made:
    return None, cause_named(ask.data)


async def _loopback(ask: Ask) -> Made:
    return loopback_leg(ask), "SUCCESS"


async def _sofia(ask: Ask) -> Made:
    """``sofia/PROFILE/sip:user@host:port``, ``sofia/PROFILE/user%domain``, ``sofia/gateway/NAME/NUMBER``."""
    profile_name, _, rest = ask.data.partition("/")
    switch = ask.switch
    if profile_name == "gateway":
        gateway, _, number = rest.partition("/")
        if gateway not in switch.gateways:
            return None, "INVALID_GATEWAY"
        return _sip_leg(ask, number, number, switch.outside_line(number), 5099)
    if profile_name not in ("internal", switch.domain):
        return None, "INVALID_PROFILE"
    target = rest.removeprefix("sip:")
    user, _, host = target.replace("%", "@").partition("@")
    name, _, port = host.partition(":")
    phone = switch.registrations.at(user, whole(port)) if port else None
    if phone is None and name == switch.domain:
        phone = next(iter(switch.registrations.phones_of(user)), None)
        if phone is None:
            return None, "USER_NOT_REGISTERED"
    if phone is not None:
        return _sip_leg(ask, user, f"{user}@127.0.0.1:{phone.port}", phone, phone.port)
    return _sip_leg(ask, user, target, switch.outside_line(user) if not port else None, whole(port, 5060))


def _sip_leg(ask: Ask, number: str, shown: str, party: Party | None, port: int) -> Made:
    switch = ask.switch
    wanted = ask.variables.get("origination_uuid")
    if wanted and wanted in switch.channels:
        return None, "DESTINATION_OUT_OF_ORDER"  # the switch's log says: Duplicate UUID!
    endpoint = SipEndpoint(party, port=port, call_id=switch.new_uuid())
    leg = switch.new_channel(f"sofia/internal/{shown}", "outbound", endpoint, uuid=wanted)
    profile = ask.profile
    profile.destination_number = number
    profile.callee_id_number = number
    profile.uuid, profile.channel_name, profile.profile_index = leg.uuid, leg.name, "1"
    profile.created = profile.profile_created = leg.clock.micros()
    leg.profile = profile
    leg.state = State.INIT
    sip_variables.made(leg, shown)
    return leg, "SUCCESS"
