"""What the rules share: how long each phase may last, the endings that are ours to give, and the steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, TypeAlias

from voiced.callback.facts import (
    Actions,
    BridgeLegs,
    Dial,
    EndLegs,
    PlayTone,
    RecordIntent,
    Release,
    ReportEnd,
)
from voiced.callback.outcome import LOST_TOGETHER, WINDOW_CLOSED, Outcome, Result, Side
from voiced.callback.state import Attempt, Phase
from voiced.facts import LOST, Action, Fact

Step: TypeAlias = tuple[Attempt, Actions]

# How long a phase may last, in seconds, before its deadline becomes a fact.
RECORD_SECONDS: Final = 1.0  # for the database to take an intention: nobody is called meanwhile
RING_GRACE: Final = 5.0  # beyond the ring time, which the PBX itself keeps (originate_timeout)
ASK_SECONDS: Final = 30.0  # for the prompt, played twice, and the key
BRIDGE_SECONDS: Final = 3.0  # a bridge takes some 60 ms
APART_SECONDS: Final = 1.0  # for the client's end, or another bridge, once the agent's leg has ended
TALK_SECONDS: Final = 3600.0  # after so long the PBX is asked whether they still talk
CLEAR_SECONDS: Final = 2.0  # for legs to end, before it is said again
RELEASE_SECONDS: Final = 10.0  # for the prompt to the one who is on the line
LATE_SECONDS: Final = 2.0  # after a reconnect, for a leg that no table shows yet to appear
LOST_SECONDS: Final = 180.0  # nothing that rings or waits alone outlives this on a PBX that is lost
LEAVE_SECONDS: Final = 60.0  # then the switch's own limits are left to end what will not end

# Endings that are ours to give: they are nobody's fault on the line.
NO_DATABASE: Final = Outcome(Result.FAILED, "", "DATABASE_UNAVAILABLE")
BRIDGE_FAILED: Final = Outcome(Result.FAILED, "", "BRIDGE_FAILED")
PBX_LOST: Final = Outcome(Result.FAILED, "", "PBX_LOST")
MAY_HAVE_TALKED: Final = Outcome(Result.FAILED, "", LOST_TOGETHER)  # while nobody watched
OURS: Final = frozenset({LOST, "NOT_SENT", "NOT_OWNER", WINDOW_CLOSED})
COMPLETED: Final = Outcome(Result.COMPLETED, "", "NORMAL_CLEARING")


def dial(a: Attempt, fact: Fact, side: Side) -> Step:
    """Call a side; nothing is known of its line yet."""
    a = a.with_line(side, dialled=True, job_lost=False, legs=frozenset(), answered="", cause="", sip_code="")
    return rearm(a, fact), (Dial(side),)


def rearm(a: Attempt, fact: Fact) -> Attempt:
    """The side that is called may ring for its time, and the two have to be connected in theirs."""
    if a.phase not in (Phase.CALLING, Phase.JOINING):
        return a
    until = fact.at + a.ring_seconds + RING_GRACE
    return replace(a, until=min(until, (a.called_at or fact.at) + a.connect_seconds + RING_GRACE))


def meet(a: Attempt, fact: Fact) -> Step:
    """Somebody is on the line: connect them if both are, else call the other one."""
    if a.agent.is_on and a.client.is_on:
        a = replace(a, phase=Phase.BRIDGING, until=fact.at + BRIDGE_SECONDS)
        return a, (BridgeLegs(a.client.answered, a.agent.answered),)
    tone = PlayTone(a.first, a.line(a.first).answered)
    a = replace(a, phase=Phase.JOINING, until=fact.at + RECORD_SECONDS)
    if not a.line(a.second).is_quiet:  # called already, by a daemon that is gone
        return rearm(a, fact), (tone,)
    return a, (tone, RecordIntent(a.second))


def give_up(a: Attempt, fact: Fact, outcome: Outcome) -> Step:
    """It comes to nothing: whoever is on the line is told so, all else is ended."""
    actions: list[Action] = []
    wait = CLEAR_SECONDS
    for side in Side:
        line = a.line(side)
        if line.is_on and outcome.leg != side and outcome.result is not Result.CANCELLED:
            actions.append(Release(side, line.answered))
            wait = RELEASE_SECONDS
        elif not line.is_quiet:
            actions.append(EndLegs(side))
    a = replace(a, phase=Phase.CLEARING, outcome=outcome, parted_at=fact.at, until=fact.at + wait)
    return settle(a, fact, *actions, ReportEnd())


def complete(a: Attempt, fact: Fact) -> Step:
    """The talk is over."""
    ends = [EndLegs(side) for side in Side if not a.line(side).is_quiet]
    a = replace(a, phase=Phase.CLEARING, outcome=COMPLETED, until=fact.at + CLEAR_SECONDS)
    return settle(replace(a, parted_at=a.parted_at or fact.at), fact, *ends, ReportEnd())


def settle(a: Attempt, fact: Fact, *actions: Action) -> Step:
    """Ended, once no leg of ours is left."""
    return end(a, fact, *actions) if a.is_quiet else (a, actions)


def end(a: Attempt, fact: Fact, *actions: Action) -> Step:
    """It is over, and nothing of it is left on the PBX."""
    return replace(a, phase=Phase.ENDED, ended_at=fact.at, until=0.0), actions
