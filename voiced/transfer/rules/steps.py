"""What the rules share: seconds, endings that are ours, and the steps that several of them take."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, TypeAlias

from voiced.facts import Action, Fact
from voiced.transfer.causes import Ending, Status
from voiced.transfer.facts import (
    Actions,
    DialAgent,
    EndLegs,
    FallBack,
    ReleaseAgent,
    Report,
    ResumeAssistant,
    SendHome,
    StopMusic,
    TellDialplan,
)
from voiced.transfer.state import Fallback, Music, Phase, Transfer

Step: TypeAlias = tuple[Transfer, Actions]

# How long a state may last, in seconds, before its deadline becomes a fact.
RECORD_SECONDS: Final = 1.0  # for the database to take the intention: the caller is not touched meanwhile
HOLD_SECONDS: Final = 2.0  # music starts within some 20 ms (recording hold_with_marks_dialplan_caller)
RING_GRACE: Final = 5.0  # beyond the ring time, which the PBX itself keeps (originate_timeout)
SCREEN_GRACE: Final = 5.0  # beyond the prompt's own time-out
REFUSED_SECONDS: Final = 0.2  # a refused bridge is told before the hangup that is its reason: up to 10 ms
BRIDGE_SECONDS: Final = 3.0  # a bridge takes some 60 ms (recording transfer_answered_agent_hangs_up)
APART_SECONDS: Final = 1.0  # a talk that was unbridged and not bridged again has ended
TALK_SECONDS: Final = 3600.0  # after so long the PBX is asked whether they still talk
BACK_SECONDS: Final = 2.0  # for music to stop and legs to end, before it is said again
ADRIFT_SECONDS: Final = 0.5  # for the switch to send home a caller whose bridge came to nothing
RELEASE_SECONDS: Final = 10.0  # for the prompt that tells an agent that the caller has left
SHORT_MUSIC: Final = 1.0  # music that lasts no longer than this is not started again
LATE_SECONDS: Final = 2.0  # after a reconnect, for a leg that no table shows yet to appear
LOST_GRACE: Final = 30.0  # beyond the longest hold: nothing of ours is left on a PBX lost for so long
RETURN_SECONDS: Final = 10.0  # beyond the hold's limit: then the switch has ended music and legs by itself

# Endings that are ours to give.
PICKED_OFF: Final = Ending(Status.CANCELLED, "PICKED_OFF", ended_by="agent")
NO_DATABASE: Final = Ending(Status.FAILED, "DATABASE_UNAVAILABLE", ended_by="voiced")
HELD_TOO_LONG: Final = Ending(Status.NO_ANSWER, "ALLOTTED_TIMEOUT", ended_by="voiced")
PBX_LOST: Final = Ending(Status.FAILED, "PBX_LOST", ended_by="voiced")
BRIDGE_FAILED: Final = Ending(Status.FAILED, "BRIDGE_FAILED", ended_by="voiced")
WENT_ON: Final = Ending(Status.FAILED, "WENT_ON", ended_by="voiced")
RANG_TOO_LONG: Final = Ending(Status.NO_ANSWER, "NO_ANSWER", ended_by="voiced")


def start_dialling(t: Transfer, fact: Fact) -> Step:
    """The attempt begins."""
    ring_until = min(fact.at + t.this_dial.ring_seconds + RING_GRACE, t.hold_until)
    t = replace(
        t, phase=Phase.DIALING, dialled=True, job_lost=False, legs=frozenset(), agent="", cause="",
        sip_code="", until=ring_until, ring_until=ring_until,
        dials=t.dials + 1, dialled_at=fact.at, ringing_at=0.0, answered_at=0.0,
    )  # fmt: skip
    return t, (DialAgent(t.attempt),)


def rearm(t: Transfer) -> Transfer:
    """A leg is there after all: the attempt's own deadline counts again."""
    return replace(t, until=t.ring_until or t.hold_until)


def next_attempt(t: Transfer, fact: Fact, why: Ending) -> Step:
    """After an attempt that brought nobody: the next of the plan that may do better, or back."""
    index = t.attempt  # of the attempt after this one
    while index < len(t.plan) and t.plan[index].is_retry and not why.retryable:
        index += 1
    if index >= len(t.plan) or fact.at + t.plan[index].delay_seconds >= t.hold_until:
        return give_up(t, fact, why)
    until = fact.at + t.plan[index].delay_seconds
    return replace(t, phase=Phase.RETRYING, following=index + 1, until=until), ()


def stray_music(t: Transfer) -> Music:
    """Music that was asked for may yet start, on a call that does something else; what plays breaks off."""
    return Music.STOPPING if t.music is Music.ON else t.music


def without_caller(t: Transfer, fact: Fact, why: Ending, music: Music = Music.OVER) -> Step:
    """The caller is not there any more, or not ours."""
    return give_up(replace(t, caller_here=False, adrift=False, music=music), fact, why, is_withdrawn=True)


def give_up(t: Transfer, fact: Fact, why: Ending, *, is_withdrawn: bool = False) -> Step:
    """The transfer has failed: say so, bring the caller back, end the legs.

    `is_withdrawn`: there is no call any more for an agent who has answered, and they are told so.
    """
    actions: list[Action] = [*(told(t) if why != PICKED_OFF else ())]
    if t.music is Music.ON and not t.adrift:  # a bridge ends it by itself, a stop would hit the assistant
        t = replace(t, music=Music.STOPPING)
        actions.append(StopMusic())
    is_asked = t.phase is Phase.SCREENING
    t = replace(t, phase=Phase.RETURNING, ending=why, known_at=fact.at, tries=0)
    t = replace(t, until=fact.at + (ADRIFT_SECONDS if t.adrift else BACK_SECONDS))
    if is_withdrawn and t.agent in t.legs:
        t = replace(t, telling_until=fact.at + RELEASE_SECONDS)
        actions.append(ReleaseAgent(t.agent, is_asked=is_asked))
    elif t.dialled or t.legs:
        actions.append(EndLegs(t.attempt))
    actions.append(Report())
    if t.music in (Music.NONE, Music.OVER) and not t.adrift:
        t, home = homecoming(t)
        actions += home
    return settle(t, fact, *actions)


def told(t: Transfer) -> Actions:
    """The dialplan hears what became of a call routed in before its music is stopped: then it is too late."""
    return (TellDialplan(),) if t.fallback is Fallback.DIALPLAN and t.caller_here else ()


def homecoming(t: Transfer, *, parked: bool = False) -> Step:
    """The caller hears us no more: the assistant goes on, or what the destination wants instead. Once.

    A call routed in goes on with its dialplan in any case.
    """
    parked = parked or t.is_parked
    if t.is_home or not t.caller_here or t.ending is None or t.ending.cause == PICKED_OFF.cause:
        return t, ()
    by_dialplan = parked and t.fallback is Fallback.DIALPLAN  # the action that it waited at is over
    if by_dialplan or t.goes_to in (Fallback.ASSISTANT, Fallback.CALLBACK):
        if t.music is Music.NONE:  # never held: the assistant was not touched
            return t, ()
        return replace(t, is_home=True), (SendHome() if parked else ResumeAssistant(),)
    return replace(t, is_home=True), (FallBack(),)


def woken(t: Transfer) -> Actions:
    """For a call that goes on without having been given back: a paused assistant goes on with it."""
    return () if t.is_home or t.music is Music.NONE else (ResumeAssistant(),)


def settle(t: Transfer, fact: Fact, *actions: Action) -> Step:
    """Ended, once the caller is back (or gone) and no leg of ours is left."""
    waiting_for_music = t.music in (Music.ASKED, Music.ON, Music.STOPPING)
    if t.dialled or t.legs or t.adrift or waiting_for_music:
        return t, actions
    return over(t, fact, *actions)


def over(t: Transfer, fact: Fact, *actions: Action) -> Step:
    """It has ended."""
    return replace(t, phase=Phase.ENDED, ended_at=fact.at, until=0.0), actions
