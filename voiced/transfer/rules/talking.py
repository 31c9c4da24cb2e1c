"""The talk, followed to its end."""

from __future__ import annotations

from dataclasses import replace

from voiced.facts import LOST, AskPbx, Deadline
from voiced.transfer.facts import (
    CallerEnded,
    LegEnded,
    Rebridged,
    ReportTalk,
    Unbridged,
)
from voiced.transfer.rules.steps import APART_SECONDS, BACK_SECONDS, TALK_SECONDS, Step, over
from voiced.transfer.state import Transfer


def apart(t: Transfer, fact: Unbridged) -> Step:
    """The caller is with nobody; for a second the agent may still pass them on."""
    return replace(t, unbridged_at=fact.at, until=fact.at + APART_SECONDS), ()


def go_on(t: Transfer, fact: Rebridged) -> Step:
    """The agent passed the caller on: the talk goes on with somebody else, whose leg is none of ours."""
    t = replace(t, agent=fact.leg, unbridged_at=0.0, talk_ended_by="", talk_cause="")
    return replace(t, until=fact.at + TALK_SECONDS), ()


def leg_over(t: Transfer, fact: LegEnded) -> Step:
    """The agent's leg has ended; the caller's end follows, or another bridge."""
    t = replace(t, legs=t.legs - {fact.leg})
    if fact.leg != t.agent:
        return t, ()
    t = replace(t, talk_cause=fact.cause, until=min(t.until, fact.at + BACK_SECONDS))
    return replace(t, talk_ended_by="" if fact.cause == LOST else "agent"), ()


def hung_up(t: Transfer, fact: CallerEnded) -> Step:
    """The caller has hung up: the talk is over."""
    t = replace(t, caller_here=False)
    if not t.talk_cause:  # else the agent's leg went first
        t = replace(t, talk_cause=fact.cause, talk_ended_by="" if fact.cause == LOST else "caller")
    return over(t, fact, ReportTalk())


def check(t: Transfer, fact: Deadline) -> Step:
    """A talk that was unbridged for a second has ended; one that lasts for hours is looked at."""
    if t.unbridged_at:
        return over(t, fact, ReportTalk())
    return replace(t, until=fact.at + TALK_SECONDS), (AskPbx(),)
