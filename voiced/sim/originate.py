"""Dialling: make outbound legs, wait for one to answer, end the others (`switch_ivr_originate`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .clock import Waiter, Watching
from .dialstring import DialStringError, Target, parse
from .handlers import Handlers
from .park import seconds_limit
from .private_events import parse_all_events
from .profile import Profile
from .routes import Ask, Made, outgoing
from .states import State
from .variables import is_true, whole

if TYPE_CHECKING:
    from .channel import Channel
    from .switch import Switch

DEFAULT_TIMEOUT = 60
"""Seconds that a dial rings unless `originate_timeout` or `call_timeout` says otherwise."""

_INHERITED = ("ignore_early_media", "originate_continue_on_timeout", "forked_dial", "language")
"""Variables of the dialling leg that count for what it dials."""


class Dialled(Handlers):
    """A dialled leg stands by until it is answered or ended."""

    async def on_routing(self, channel: Channel) -> bool:
        if channel.state is State.ROUTING:
            channel.set_state(State.CONSUME_MEDIA)
        return False

    async def on_consume_media(self, channel: Channel) -> bool:
        if self in channel.handlers:
            channel.handlers.remove(self)
        return False


@dataclass
class Outcome:
    """The winner, or the cause of failure."""

    leg: Channel | None
    cause: str


@dataclass
class Dial:
    """One call of `originate`, as its caller asked for it. Limits in seconds."""

    switch: Switch
    text: str
    caller: Channel | None = None
    timeout: int = 0
    cid_name: str = ""
    cid_number: str = ""
    profile: Profile | None = None
    variables: dict[str, str] | None = None
    """Variables of an outer dial; `origination_uuid` is taken out once a leg has it."""
    forked: bool = False
    """Return at once with the first leg: an outer dial of several waits for all of them."""
    waiter: Waiter | None = None
    """Who waits, if there is no caller: a job."""
    cancelled: Callable[[], str] = field(default=lambda: "")
    """The cause for which to give up, as soon as it is not empty."""


async def originate(dial: Dial) -> Outcome:
    """Dial. The winner stays locked (it is not destroyed) until the caller of this unlocks it."""
    switch, caller = dial.switch, dial.caller
    try:
        parsed = parse(dial.text)
    except DialStringError:
        return Outcome(None, "DESTINATION_OUT_OF_ORDER")
    variables = dial.variables if dial.variables is not None else {}
    if caller is not None:
        for name, value in _exported(caller).items():
            variables.setdefault(name, value)
    variables.update(parsed.variables)
    if caller is not None:
        caller.set_originator(True)
        limit = caller.variables.get("call_timeout")
        dial.timeout = whole(limit) if limit else dial.timeout
        for name in _INHERITED:
            own = caller.variables.get(name)
            if own is not None:
                variables.setdefault(name, own)
    if whole(variables.get("originate_timeout")) > 0:
        dial.timeout = whole(variables.get("originate_timeout"))
    dial.timeout = dial.timeout if dial.timeout > 0 else DEFAULT_TIMEOUT
    if caller is not None:
        caller.variables.set("originate_disposition", "failure")
        caller.variables.set("DIALSTATUS", "INVALIDARGS")
    outcome = Outcome(None, "DESTINATION_OUT_OF_ORDER")
    for group in parsed.groups:
        if dial.cancelled():
            outcome = Outcome(None, dial.cancelled())
            break
        attempt = Attempt(dial, variables, group, several=len(group) > 1 or len(parsed.groups) > 1)
        outcome = await attempt.run()
        if outcome.leg is not None or (attempt.timed_out and not _continues(variables)):
            break
    switch.changed()
    if caller is not None:
        if outcome.leg is None or not dial.forked:
            _tell_disposition(caller, outcome.cause)
        await _end_dialling(caller, outcome.leg)
    return outcome


async def _again(ask: Ask, text: str) -> Made:
    """Dial what a user or group stands for, inside the dial that named it."""
    limit = ask.variables.get("leg_timeout")
    outcome = await originate(
        Dial(
            switch=ask.switch,
            text=text,
            caller=ask.caller,
            timeout=whole(limit) if limit else DEFAULT_TIMEOUT,
            profile=ask.profile,
            variables=ask.variables,
            forked=ask.forked,
            waiter=ask.waiter,
            cancelled=ask.cancelled,
        )
    )
    if outcome.leg is None:
        return None, outcome.cause
    outcome.leg.unlock()
    return outcome.leg, outcome.cause


def _continues(variables: dict[str, str]) -> bool:
    return is_true(variables.get("originate_continue_on_timeout"))


def _exported(caller: Channel) -> dict[str, str]:
    """The variables named by ``export_vars``, without the prefix ``nolocal:``."""
    values = {}
    for name in (caller.variables.get("export_vars") or "").split(","):
        value = caller.variables.get(name)
        if name and value is not None:
            values[name.removeprefix("nolocal:")] = value
    if values:
        values["export_vars"] = caller.variables.get("export_vars") or ""
    return values


def _tell_disposition(caller: Channel, cause: str) -> None:
    caller.variables.set("originate_disposition", cause)
    statuses = {
        "ORIGINATOR_CANCEL": "CANCEL",
        "USER_BUSY": "BUSY",
        "NO_ANSWER": "NOANSWER",
        "DESTINATION_OUT_OF_ORDER": "INVALIDARGS",
        "INVALID_PROFILE": "INVALIDARGS",
        "CALL_REJECTED": "DONTCALL",
    }
    caller.variables.set("DIALSTATUS", statuses.get(cause, cause))


async def _end_dialling(caller: Channel, winner: Channel | None) -> None:
    if winner is not None:
        if winner.profile:
            caller.other = ("originatee", winner.profile.clone())
        caller.variables.set("signal_bond", winner.uuid)
        caller.variables.set("originate_signal_bond", None)
    await parse_all_events(caller)
    caller.set_originator(False)


class Attempt:
    """Legs that ring at once."""

    def __init__(
        self, dial: Dial, variables: dict[str, str], targets: list[Target], *, several: bool
    ) -> None:
        self.dial = dial
        self.switch = dial.switch
        self.caller = dial.caller
        self.variables = variables
        self.targets = targets
        self.several = several
        self.legs: list[Channel] = []
        self.timed_out = False
        self.ring_passed = False
        self.reason = ""
        self.early_ok = not (
            is_true(variables.get("ignore_early_media")) or is_true(variables.get("bridge_early_media"))
        )
        self.waiter: Waiter = dial.caller or dial.waiter or Waiter(dial.switch.clock)

    async def run(self) -> Outcome:
        for target in self.targets:
            if self.caller is not None and not self.caller.ready:
                return self._end(None, "ORIGINATOR_CANCEL")
            leg = await self._make(target)
            if leg is None:
                continue
            if self.dial.forked:
                return Outcome(leg, "SUCCESS")
            self.switch.launch(leg)
        if not self.legs:
            return Outcome(None, self.reason or "DESTINATION_OUT_OF_ORDER")
        deadline = self.switch.clock.now() + seconds_limit(self.dial.timeout)
        with Watching(self.waiter, *self.legs):
            winner, cause = await self._wait(deadline)
        return self._end(winner, cause)

    async def _make(self, target: Target) -> Channel | None:
        """Create one leg, give it its variables, and let it stand by."""
        variables = {**self.variables, **target.variables}
        self.variables["originate_early_media"] = "true" if self.early_ok else "false"
        ask = Ask(
            switch=self.switch,
            caller=self.caller,
            data=target.data,
            variables=variables,
            profile=self._profile(target, variables),
            forked=self.several or is_true(variables.get("forked_dial")),
            waiter=self.waiter,
            cancelled=self.dial.cancelled,
            again=_again,
        )
        leg, cause = await outgoing(target.endpoint, ask)
        if leg is None:
            self.reason = cause
            return None
        leg.flags.originating = True
        leg.lock()
        if self.caller is not None:
            leg.variables.set("call_uuid", self.caller.variables.get("call_uuid"))
            leg.variables.set("originating_leg_uuid", self.caller.uuid)
            self.caller.variables.push(
                "originated_legs",
                f"{leg.uuid};{_text(leg, 'callee_id_name')};{_text(leg, 'callee_id_number')}",
            )
        leg.variables.update(target.variables)
        leg.variables.update(self.variables)
        leg.variables.set("originate_endpoint", target.endpoint)
        leg.handlers.append(Dialled())
        self.legs.append(leg)
        return leg

    def _profile(self, target: Target, variables: dict[str, str]) -> Profile:
        source = self.dial.profile or (self.caller.profile if self.caller else None)
        if source is not None:
            profile = source.clone(times=False)
            profile.transfer_source = ""
            profile.uuid = profile.channel_name = profile.profile_index = ""
        else:
            profile = Profile(source="src/switch_ivr_originate.c", context="default")
            profile.caller_id_number = "0000000000"
        profile.direction = profile.logical_direction = "outbound"
        name = variables.get("origination_caller_id_name") or self.dial.cid_name
        number = variables.get("origination_caller_id_number") or self.dial.cid_number
        profile.caller_id_name = name or profile.caller_id_name
        profile.caller_id_number = number or profile.caller_id_number
        if source is None:
            profile.ani = profile.caller_id_number
            profile.orig_caller_id_name = profile.caller_id_name
            profile.orig_caller_id_number = profile.caller_id_number
        profile.destination_number = target.data or "service"
        profile.callee_id_name = "Outbound Call"
        profile.callee_id_number = target.data
        return profile

    async def _wait(self, deadline: float) -> tuple[Channel | None, str]:
        """Wait for the first answer; returns the winner, or None and why."""
        clock, caller = self.switch.clock, self.caller
        while True:
            if caller is not None:
                await parse_all_events(caller)
                if not caller.ready:
                    return None, "ORIGINATOR_CANCEL"
            self._pass_ringing()
            winner = next((leg for leg in self.legs if self._won(leg)), None)
            if winner is not None:
                return winner, "SUCCESS"
            if all(not self._eligible(leg) for leg in self.legs):
                return None, self._failure()
            cancel = self.dial.cancelled()
            if cancel:
                return None, cancel
            if clock.now() >= deadline:
                self.timed_out = True
                return None, "NO_ANSWER"
            if caller is not None and caller.media_ready:
                if not await caller.read_frame(until=deadline):
                    return None, "ORIGINATOR_CANCEL"
            else:
                await self.waiter.idle(deadline)
                await clock.to_tick()
                if caller is not None:
                    caller.take_signals()

    def _pass_ringing(self) -> None:
        """The caller hears that it rings as soon as one leg does."""
        caller = self.caller
        if caller is None or self.ring_passed or not any(leg.flags.ring_ready for leg in self.legs):
            return
        self.ring_passed = True
        if len(self.targets) == 1:
            pass_callee_id(self.legs[0], caller)
        caller.ring()

    @staticmethod
    def _eligible(leg: Channel) -> bool:
        flags = leg.flags
        moved = flags.transfer or flags.redirect or flags.bridged or leg.state is State.RESET
        return not leg.down and not moved and flags.originating

    def _won(self, leg: Channel) -> bool:
        if not self._eligible(leg):
            return False
        return leg.flags.answered or (self.early_ok and leg.flags.early_media)

    def _failure(self) -> str:
        """The cause of the first leg, as in FreeSWITCH."""
        return next((leg.hangup_cause for leg in self.legs if leg.hangup_cause), "") or "ORIGINATOR_CANCEL"

    def _end(self, winner: Channel | None, cause: str) -> Outcome:
        """Hang the losers up and answer the caller."""
        for leg in self.legs:
            if leg is winner or not self._eligible(leg):
                continue
            if winner is not None:
                leg.variables.set("group_dial_status", "loser")
                leg.hangup("LOSE_RACE")
            else:
                leg.hangup(cause)
        caller = self.caller
        if winner is not None and caller is not None:
            pass_callee_id(winner, caller)
            if winner.flags.answered:
                caller.answer()
            else:
                caller.pre_answer()
            if not caller.ready:
                winner.hangup("ORIGINATOR_CANCEL")
                winner, cause = None, "ORIGINATOR_CANCEL"
        for leg in self.legs:
            if caller is not None:
                caller.variables.push("originate_causes", f"{leg.uuid};{leg.hangup_cause or 'NONE'}")
            leg.flags.originating = False
            if leg is not winner:
                leg.unlock()
        return Outcome(winner, cause)


def pass_callee_id(leg: Channel, caller: Channel) -> None:
    """The caller's leg says whom it reaches as the callee's leg says it (`switch_channel_pass_callee_id`)."""
    if leg.profile and caller.profile:
        caller.profile.callee_id_name = leg.profile.callee_id_name or caller.profile.callee_id_name
        caller.profile.callee_id_number = leg.profile.callee_id_number or caller.profile.callee_id_number


def _text(leg: Channel, name: str) -> str:
    return str(getattr(leg.profile, name, ""))
