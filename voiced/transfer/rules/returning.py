"""Going back: until the caller is with the assistant again and no leg of ours is left."""

from __future__ import annotations

from dataclasses import replace

from voiced.facts import AskPbx, Deadline
from voiced.transfer.facts import (
    Actions,
    Answered,
    BridgeRefused,
    CallerParked,
    EndLegs,
    HoldEnded,
    HoldFailed,
    JobFailed,
    LegCreated,
    LegEnded,
    ReleaseAgent,
    Ringing,
    StopMusic,
)
from voiced.transfer.rules.steps import (
    ADRIFT_SECONDS,
    BACK_SECONDS,
    RELEASE_SECONDS,
    RETURN_SECONDS,
    Step,
    homecoming,
    over,
    settle,
)
from voiced.transfer.state import Music, Phase, Transfer


def back(t: Transfer, fact: HoldEnded | HoldFailed) -> Step:
    """The music is over: the caller hears the assistant, unless it was a bridge that ended it."""
    t = replace(t, music=Music.OVER)
    if t.adrift:
        return t, ()
    t, actions = homecoming(t)
    return settle(t, fact, *actions)


def end_late(t: Transfer, fact: LegCreated | Ringing) -> Step:
    """A leg that was born after its attempt was given up. Who is being told so is let finish."""
    is_told = fact.leg == t.agent and fact.at < t.telling_until
    return replace(t, legs=t.legs | {fact.leg}), (() if is_told else (EndLegs(t.attempt),))


def too_late(t: Transfer, fact: Answered) -> Step:
    """Somebody answers an attempt that is over already."""
    t = replace(t, dialled=False, agent=fact.leg, legs=t.legs | {fact.leg})
    return replace(t, telling_until=fact.at + RELEASE_SECONDS), (ReleaseAgent(fact.leg),)


def leg_gone(t: Transfer, fact: LegEnded | JobFailed) -> Step:
    """A leg that had to go is gone."""
    if isinstance(fact, LegEnded):
        t = replace(t, legs=t.legs - {fact.leg})
        t = replace(t, dialled=t.dialled and not (t.job_lost and not t.legs))
    else:
        t = replace(t, dialled=False, legs=frozenset())
    if t.adrift:  # it may be this ending that undoes a bridge: the switch tells within a moment
        t = replace(t, until=fact.at + ADRIFT_SECONDS)
    return settle(t, fact) if t.phase is Phase.RETURNING else (t, ())


def send_home(t: Transfer, fact: CallerParked) -> Step:
    """A bridge that came to nothing left the caller parked, with nobody on the line."""
    if not (t.adrift or fact.is_stranded):
        return t, ()
    t, actions = homecoming(replace(t, adrift=False, music=Music.OVER), parked=True)
    return settle(t, fact, *actions)


def untaken(t: Transfer, fact: BridgeRefused) -> Step:
    """The bridge that was given up is refused after all: the caller is where they were, with our music."""
    t = replace(t, adrift=False)
    if t.music is Music.ON:
        return replace(t, music=Music.STOPPING), (StopMusic(),)
    t, home = homecoming(t) if t.music is Music.OVER else (t, ())
    return settle(t, fact, *home)


def press_on(t: Transfer, fact: Deadline) -> Step:
    """Not everything is as it should be: say it again, ask the PBX, and in the end leave it to its limits."""
    if t.adrift and not t.legs:  # neither parked nor gone: the switch has sent the caller home
        t, actions = homecoming(replace(t, adrift=False, is_parked=False, until=fact.at + BACK_SECONDS))
        return settle(t, fact, *actions)
    if t.music is Music.ASKED and fact.at < t.hold_until:  # it may still start, and is stopped then
        t = replace(t, until=min(fact.at + BACK_SECONDS, t.hold_until))
        return t, ((EndLegs(t.attempt),) if t.dialled or t.legs else ())
    if fact.at >= max(t.hold_until, t.known_at) + RETURN_SECONDS:
        return over(t, fact)
    if fact.at < t.telling_until and (not t.caller_here or t.music is Music.OVER):
        return replace(t, until=t.telling_until), ()
    t = replace(t, tries=t.tries + 1, until=fact.at + BACK_SECONDS)
    ask = t.tries > 1 or (t.caller_here and t.music is not Music.OVER)
    end: Actions = (EndLegs(t.attempt),) if (t.dialled or t.legs) and fact.at >= t.telling_until else ()
    return t, (*end, *((AskPbx(),) if ask else ()))
