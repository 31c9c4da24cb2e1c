"""Called off, taken away, left: the transfer is over for the caller."""

from __future__ import annotations

from dataclasses import replace

from voiced.facts import LOST, Cancelled
from voiced.transfer.causes import Ending, Status
from voiced.transfer.facts import (
    AssistantLeft,
    Bridged,
    CallerEnded,
    SendHome,
    SessionEnded,
    StopMusic,
)
from voiced.transfer.rules.calling import talk
from voiced.transfer.rules.steps import (
    PICKED_OFF,
    WENT_ON,
    Step,
    give_up,
    settle,
    stray_music,
    without_caller,
    woken,
)
from voiced.transfer.state import Music, Phase, Transfer


def cancel(t: Transfer, fact: Cancelled) -> Step:
    """Called off."""
    why = Ending(Status.CANCELLED, "MANAGER_REQUEST", ended_by=fact.by)
    return give_up(t, fact, why, is_withdrawn=True)


def taken(t: Transfer, fact: Bridged) -> Step:
    """Bridged with our own leg, by a daemon that is gone: a talk. With any other: the caller is theirs."""
    if fact.leg in t.legs:
        return talk(replace(t, agent=fact.leg, dialled=False), fact)
    return give_up(replace(t, music=Music.OVER, adrift=False), fact, PICKED_OFF)


def leave(t: Transfer, fact: CallerEnded) -> Step:
    """The caller has left. An agent who has answered is told so; nobody is joined to an empty call.

    Where nobody watched and the two may have talked, or the switch has dropped them, it is not guessed.
    """
    if t.phase is Phase.RETURNING:
        return settle(replace(t, caller_here=False, adrift=False, music=Music.OVER), fact)
    if fact.is_unknown:
        return without_caller(t, fact, Ending(Status.FAILED, LOST))
    return without_caller(t, fact, Ending(Status.CANCELLED, fact.cause, ended_by="caller"))


def gone_on(t: Transfer, fact: SessionEnded) -> Step:
    """The call has gone on with its dialplan: it is not ours any more."""
    if fact.is_held:
        return give_up(t, fact, WENT_ON)
    home = (SendHome(),) if fact.is_parked else woken(t)
    t, actions = without_caller(t, fact, WENT_ON, music=stray_music(t))
    return t, (*home, *actions)


def let_be(t: Transfer, fact: SessionEnded) -> Step:
    """The call goes on with its dialplan while the rest is ended, unless the switch is undoing a bridge."""
    if fact.is_held and t.music is Music.ON:
        return replace(t, music=Music.STOPPING), (StopMusic(),)
    if fact.is_held or t.adrift:
        return t, ()
    return settle(replace(t, caller_here=False, is_home=True, music=stray_music(t)), fact, *woken(t))


def note(t: Transfer, fact: AssistantLeft) -> Step:
    """The assistant's own leg has gone; the switch sends the caller home when the music ends."""
    return replace(t, assistant_here=False), ()
