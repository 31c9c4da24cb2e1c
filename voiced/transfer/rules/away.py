"""The PBX lost and found."""

from __future__ import annotations

from dataclasses import replace

from voiced.facts import LOST, Fact, PbxBack, PbxLost
from voiced.transfer.facts import (
    Report,
    ReportTalk,
)
from voiced.transfer.rules.steps import LATE_SECONDS, LOST_GRACE, PBX_LOST, TALK_SECONDS, Step, over
from voiced.transfer.state import Music, Phase, Transfer


def lose(t: Transfer, fact: PbxLost) -> Step:
    """Nothing can be heard or done. The switch keeps its own limits; ours wait until it is back."""
    if t.lost:  # again, before anybody could ask what is so
        return t, ()
    longest = TALK_SECONDS if t.phase is Phase.BRIDGED else LOST_GRACE
    return replace(t, lost=True, paused_until=t.until, until=max(fact.at, t.hold_until) + longest), ()


def resume(t: Transfer, fact: PbxBack) -> Step:
    """The PBX is back; what was missed follows as facts."""
    until = t.paused_until if t.lost else t.until
    job_lost = t.job_lost or (t.dialled and (t.lost or fact.restarted))
    t = replace(t, lost=False, job_lost=job_lost, until=max(until, fact.at + LATE_SECONDS))
    waits_to_retry = t.phase is Phase.RETRYING and t.attempt < t.following
    if fact.restarted and t.phase in (Phase.PENDING, Phase.HOLDING, Phase.RETRYING) and not waits_to_retry:
        # its intention is recorded, so it may have been dialled: never again, and any leg is expected
        t = replace(t, phase=Phase.DIALING, attempt=max(t.attempt, 1), dials=t.dials + 1)
        t = replace(t, dialled=True, job_lost=True)
        t = replace(t, music=Music.ASKED, hold_until=t.hold_until or fact.at + t.longest_hold)
    if t.phase in (Phase.DIALING, Phase.RINGING) and t.job_lost:
        t = replace(t, until=fact.at + LATE_SECONDS)  # unless a leg shows up
    return t, ()


def abandon(t: Transfer, fact: Fact) -> Step:
    """The PBX has been away for longer than anything of ours lasts on it."""
    if t.phase is Phase.BRIDGED:
        return over(replace(t, talk_cause=LOST, talk_ended_by=""), fact, ReportTalk())
    if t.is_known:
        return over(t, fact)
    return over(replace(t, ending=PBX_LOST, known_at=fact.at), fact, Report())
