"""The rules for a PBX that is lost and found."""

from __future__ import annotations

from dataclasses import replace

from voiced.callback.facts import ReportEnd
from voiced.callback.outcome import Side
from voiced.callback.rules.steps import (
    ASK_SECONDS,
    COMPLETED,
    LATE_SECONDS,
    LOST_SECONDS,
    PBX_LOST,
    TALK_SECONDS,
    Step,
    end,
)
from voiced.callback.state import Attempt, Phase
from voiced.facts import Fact, PbxBack, PbxLost


def lose(a: Attempt, fact: PbxLost) -> Step:
    """Nothing can be heard or done. The switch keeps its own limits; ours wait until it is back."""
    longest = TALK_SECONDS if a.phase is Phase.CONNECTED else LOST_SECONDS
    return replace(a, lost=True, paused_until=a.until, until=fact.at + longest), ()


def resume(a: Attempt, fact: PbxBack) -> Step:
    """The PBX is back; what was missed follows as facts. Nothing is dialled twice."""
    until = a.paused_until if a.lost else a.until
    for side in Side:
        line = a.line(side)
        a = a.with_line(side, job_lost=line.job_lost or line.dialled)
    a = replace(a, lost=False, until=max(until, fact.at + LATE_SECONDS))
    if fact.restarted and a.phase is Phase.PENDING:
        a = replace(a, phase=Phase.CALLING, called_at=fact.at).with_line(a.first, dialled=True, job_lost=True)
    if fact.restarted and a.phase is Phase.JOINING and a.line(a.second).is_quiet:
        a = a.with_line(a.second, dialled=True, job_lost=True)
    if a.phase is Phase.BRIDGING:  # if both still wait, they answer once more
        a = replace(a, phase=Phase.JOINING).with_line(a.second, answered="")
    if a.phase in (Phase.CALLING, Phase.JOINING):
        return replace(a, until=fact.at + LATE_SECONDS), ()  # unless a leg shows up
    if a.phase is Phase.ASKING:
        return replace(a, until=fact.at + ASK_SECONDS), ()
    return a, ()


def abandon(a: Attempt, fact: Fact) -> Step:
    """The PBX has been away for longer than anything of ours lasts on it."""
    if a.outcome is not None:
        return end(a, fact)
    outcome = COMPLETED if a.phase is Phase.CONNECTED else PBX_LOST
    return end(replace(a, outcome=outcome), fact, ReportEnd())
