"""The rules of the talk, and of clearing what is left of an attempt."""

from __future__ import annotations

from dataclasses import replace

from voiced.callback.facts import Answered, EndLegs, JobFailed, LegCreated, LegEnded, PassedOn, Ringing
from voiced.callback.outcome import Side
from voiced.callback.rules.steps import (
    APART_SECONDS,
    CLEAR_SECONDS,
    LEAVE_SECONDS,
    TALK_SECONDS,
    Step,
    complete,
    end,
    settle,
)
from voiced.callback.state import Attempt
from voiced.facts import AskPbx, Deadline


def go_on(a: Attempt, fact: PassedOn) -> Step:
    """The agent passed the client on: the talk goes on with somebody else."""
    return replace(a, parted_at=0.0, until=fact.at + TALK_SECONDS), ()


def parted(a: Attempt, fact: LegEnded) -> Step:
    """One of the two has hung up. A client may still be passed on when it was the agent."""
    a = a.with_line(fact.side, legs=a.line(fact.side).legs - {fact.leg})
    if fact.side is Side.CLIENT and fact.leg == a.client.answered:
        return complete(a, fact)
    if fact.leg != a.agent.answered:
        return a, ()
    return replace(a, parted_at=fact.at, until=fact.at + APART_SECONDS), ()


def check(a: Attempt, fact: Deadline) -> Step:
    """The agent has gone, the client is with whoever has them now. A talk of hours is looked at."""
    if a.parted_at:
        return complete(a.with_line(Side.CLIENT, legs=frozenset()), fact)
    return replace(a, until=fact.at + TALK_SECONDS), (AskPbx(),)


# -- clearing ---------------------------------------------------------------------------------------------


def leg_gone(a: Attempt, fact: LegEnded | JobFailed) -> Step:
    """A leg that had to go is gone."""
    line = a.line(fact.side)
    if isinstance(fact, JobFailed):
        a = a.with_line(fact.side, dialled=False, legs=line.legs & {line.answered})
    else:
        legs = line.legs - {fact.leg}
        a = a.with_line(fact.side, legs=legs, dialled=line.dialled and not (line.job_lost and not legs))
    return settle(a, fact)


def end_late(a: Attempt, fact: LegCreated | Ringing | Answered) -> Step:
    """A leg that was born, or answered, after the attempt was given up."""
    line = a.line(fact.side)
    dialled = line.dialled and not isinstance(fact, Answered)
    return a.with_line(fact.side, legs=line.legs | {fact.leg}, dialled=dialled), (EndLegs(fact.side),)


def press_on(a: Attempt, fact: Deadline) -> Step:
    """Legs are left: say it again, ask the PBX, and in the end leave them to the switch's own limits."""
    known = max(a.parted_at, a.ended_at)
    if fact.at >= known + LEAVE_SECONDS:
        return end(a, fact)
    a = replace(a, until=fact.at + CLEAR_SECONDS)
    return a, (*(EndLegs(side) for side in Side if not a.line(side).is_quiet), AskPbx())
