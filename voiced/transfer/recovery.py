"""What was missed, made up from what the PBX says now and fed through the same table.

After a start the open transfers come from PostgreSQL, after a reconnect they are in memory; either way the
caller's channel and the marked legs are asked for, compared with what the transfer knows, and the
difference becomes facts. What nobody can know is `LOST`, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from voiced.pbx.channel import Channel
from voiced.transfer.facts import (
    LOST,
    Answered,
    Bridged,
    CallerEnded,
    CallerParked,
    Fact,
    HoldEnded,
    HoldFailed,
    HoldStarted,
    JobFailed,
    LegCreated,
    LegEnded,
    PbxBack,
    Ringing,
    Unbridged,
)
from voiced.transfer.request import Request
from voiced.transfer.state import Music, Phase, Transfer

_BRIDGED_STATES: Final = ("CS_EXCHANGE_MEDIA", "CS_SOFT_EXECUTE", "CS_HIBERNATE")


def missed_facts(
    request: Request, t: Transfer, caller: Channel | None, legs: Iterable[Channel], at: float, restarted: bool
) -> list[Fact]:
    """The facts that bring a transfer from what it knows to what is so.

    `caller` is the caller's channel (None: gone), `legs` those that carry any mark of this transfer.
    """
    facts: list[Fact] = [PbxBack(at, restarted)]
    if caller is None:
        facts.append(CallerEnded(at, LOST))  # first: nobody is bridged to a caller who has left
    ours = {leg.uuid: leg for leg in legs}
    for leg in ours.values():  # a talk before the music: who talks is not put on hold again
        if leg.is_bridged_to_us and leg.peer == request.caller.uuid:
            facts += [LegCreated(at, _attempt(leg), leg.uuid), Bridged(at, leg.uuid)]
    if caller is not None:  # the music before the legs: it is not stopped where it does not play
        music = Music.ASKED if restarted and t.music is Music.NONE else t.music
        facts += _music_facts(music, caller.hold == str(request.id), at)
    for leg in ours.values():
        if not leg.is_bridged_to_us:
            facts.append(LegCreated(at, _attempt(leg), leg.uuid))
            came = Answered if leg.answered else Ringing
            facts.append(came(at, _attempt(leg), leg.uuid))
    attempt = max(t.attempt, 1)
    facts += [LegEnded(at, attempt, uuid, LOST) for uuid in sorted(t.legs - set(ours))]
    if t.phase is Phase.RETURNING and t.dialled and not ours:
        facts.append(JobFailed(at, attempt, LOST))
    if caller is None:
        return facts
    if caller.is_parked:
        facts.append(CallerParked(at))
    talks = any(leg.is_bridged_to_us and leg.peer == caller.uuid for leg in ours.values())
    if t.phase is Phase.BRIDGED and not talks and caller.state not in _BRIDGED_STATES:
        facts.append(Unbridged(at))
    return facts


def _attempt(leg: Channel) -> int:
    return int(leg.attempt.rpartition(".")[2])


def _music_facts(music: Music, plays: bool, at: float) -> list[Fact]:
    """Our music plays, or never will, or has ended."""
    if plays:
        return [HoldStarted(at)]
    if music is Music.ASKED:
        return [HoldFailed(at, LOST)]
    return [HoldEnded(at)] if music in (Music.ON, Music.STOPPING) else []
