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
    plays = caller is not None and caller.hold == str(request.id)
    if plays:
        facts.append(HoldStarted(at))
    ours = {leg.uuid: leg for leg in legs}
    for leg in ours.values():
        facts += _leg_facts(request, leg, at)
    attempt = max(t.attempt, 1)
    facts += [LegEnded(at, attempt, uuid, LOST) for uuid in sorted(t.legs - set(ours))]
    if t.phase is Phase.RETURNING and t.dialled and not ours:
        facts.append(JobFailed(at, attempt, LOST))
    if caller is None:
        return [*facts, CallerEnded(at, LOST)]
    if not plays:
        music = Music.ASKED if restarted and t.music is Music.NONE else t.music
        facts += _silence_facts(music, at)
    if caller.is_parked:
        facts.append(CallerParked(at))
    talks = any(leg.is_bridged_to_us and leg.peer == caller.uuid for leg in ours.values())
    if t.phase is Phase.BRIDGED and not talks and caller.state not in _BRIDGED_STATES:
        facts.append(Unbridged(at))
    return facts


def _leg_facts(request: Request, leg: Channel, at: float) -> list[Fact]:
    attempt = int(leg.attempt.rpartition(".")[2])
    born = LegCreated(at, attempt, leg.uuid)
    if leg.is_bridged_to_us and leg.peer == request.caller.uuid:
        return [born, Bridged(at, leg.uuid)]
    return [born, Answered(at, attempt, leg.uuid) if leg.answered else Ringing(at, attempt, leg.uuid)]


def _silence_facts(music: Music, at: float) -> list[Fact]:
    """Our music does not play: it never will, or it has ended."""
    if music is Music.ASKED:
        return [HoldFailed(at, LOST)]
    return [HoldEnded(at)] if music in (Music.ON, Music.STOPPING) else []
