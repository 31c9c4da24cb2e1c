"""What was missed, made up from what the PBX says now and fed through the same table.

After a start the open transfers come from PostgreSQL, after a reconnect they are in memory; either way the
caller's channel and the marked legs are asked for, compared with what the transfer knows, and the
difference becomes facts. What nobody can know is `LOST`, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable

from voiced.facts import LOST, Fact, PbxBack
from voiced.pbx.channel import Channel
from voiced.transfer.facts import (
    Accepted,
    Answered,
    Bridged,
    CallerEnded,
    CallerParked,
    HoldEnded,
    HoldFailed,
    HoldStarted,
    JobFailed,
    LegCreated,
    LegEnded,
    Ringing,
    SessionEnded,
    Unbridged,
)
from voiced.transfer.hearing import key_fact
from voiced.transfer.request import Request
from voiced.transfer.state import Music, Phase, Transfer


def missed_facts(
    request: Request, t: Transfer, caller: Channel | None, legs: Iterable[Channel], at: float,
    restarted: bool, *, has_session: bool = True, was_dropped: bool = False,
) -> list[Fact]:  # fmt: skip
    """The facts that bring a transfer from what it knows to what is so.

    `caller` is the caller's channel (None: gone), `legs` those that carry any mark of this transfer;
    `has_session` is false of a call routed in whose session is not ours, or not any more. `was_dropped`: a
    caller who is gone has not left, since the switch was restarted.
    """
    facts: list[Fact] = [PbxBack(at, restarted)]
    if caller is None:
        is_unknown = restarted or was_dropped or t.phase is Phase.BRIDGING
        facts.append(CallerEnded(at, LOST, is_unknown))  # first: nobody is bridged to who has left
    ours = {leg.uuid: leg for leg in legs}
    talking = {leg.uuid for leg in ours.values() if leg.is_bridged_to(request.caller.uuid)}
    for uuid in talking:  # a talk before the music: who talks is not put on hold again
        facts += [LegCreated(at, attempt_of(ours[uuid]), uuid), Bridged(at, uuid)]
    if caller is not None and caller.is_parked and not request.caller.is_parked and not talking:
        facts.append(CallerParked(at, is_stranded=True))
    if caller is not None:  # the music before the legs: it is not stopped where it does not play
        plays = caller.hold == str(request.id)
        gone_on = [SessionEnded(at, plays, caller.is_parked)] if not has_session and not talking else []
        music = _music_facts(_expected(t, restarted), plays, at)
        facts += [*music, *gone_on] if plays else [*gone_on, *music]  # who has gone on is not held again
    for leg in ours.values():
        if leg.uuid not in talking:
            facts.append(LegCreated(at, attempt_of(leg), leg.uuid))
            waits = caller is not None and caller.hold == str(request.id)
            facts += _progress(request, t, leg, ours.values(), at, caller_waits=waits)
    attempt = max(t.attempt, 1)
    facts += [LegEnded(at, attempt, uuid, LOST) for uuid in sorted(t.legs - set(ours))]
    if t.phase is Phase.RETURNING and t.dialled and not ours:
        facts.append(JobFailed(at, attempt, LOST))
    if caller is None:
        return facts
    if t.phase is Phase.BRIDGED and not talking and not caller.is_bridged:
        facts.append(Unbridged(at))
    return facts


def attempt_of(leg: Channel) -> int:
    """The number of the attempt that dialled a leg."""
    return int(leg.attempt.rpartition(".")[2])


def _progress(
    request: Request, t: Transfer, leg: Channel, legs: Iterable[Channel], at: float, *, caller_waits: bool
) -> list[Fact]:
    """How far a leg has come. The far end of a loopback is the dialplan's; a queue answers at once."""
    attempt = attempt_of(leg)
    if leg.is_far_end:
        return []
    if not leg.answered:
        return [Ringing(at, attempt, leg.uuid)]
    if request.target(attempt, leg.dialled).answers_itself and not any(
        other.is_far_end
        and other.has_person
        and other.dialled == leg.dialled
        and attempt_of(other) == attempt
        for other in legs
    ):
        return []
    return [Answered(at, attempt, leg.uuid, leg.dialled, caller_waits), *_screened(request, t, leg, at)]


def _screened(request: Request, t: Transfer, leg: Channel, at: float) -> list[Fact]:
    """The key that the agent has pressed meanwhile. Who is only told who calls has been told."""
    attempt = attempt_of(leg)
    if leg.key:
        return [key_fact(leg.key, at, attempt)]
    is_told = t.phase is Phase.SCREENING and leg.uuid == t.agent
    return [Accepted(at, attempt)] if is_told and not request.target(attempt, leg.dialled).screening else []


def _expected(t: Transfer, restarted: bool) -> Music:
    """The music; after a start some is expected where the next step may have been to ask for it."""
    may_be_asked = restarted and t.phase in (Phase.PENDING, Phase.HOLDING, Phase.RETRYING)
    return Music.ASKED if may_be_asked and t.music in (Music.NONE, Music.OVER) else t.music


def _music_facts(music: Music, plays: bool, at: float) -> list[Fact]:
    """Our music plays, or never will, or has ended."""
    if plays:
        return [HoldStarted(at)]
    if music is Music.ASKED:
        return [HoldFailed(at, LOST)]
    return [HoldEnded(at)] if music in (Music.ON, Music.STOPPING) else []
