"""An attempt to call back, as a table: what every fact means in every phase.

An attempt is `pending` until the database has its intention. Then the first side's phone is `calling`: the
agent's, unless the company wants the client first. A client may have to take the call with a key (`asking`),
because a machine has none. While the first side waits, the other one is called (`joining`); when both are
there they are `bridging` until the PBX says that they hear each other, and then `connected`. When the
outcome is known it is `clearing` until every leg of ours is gone. Then it has `ended`.

    decide(attempt, fact) → (attempt, actions)

Nothing here waits, and nothing knows the time but by the facts. Each side's legs are kept beside the phase,
because they come and go in their own time: one that is born after the attempt was given up is ended when it
is born.
"""

from __future__ import annotations

from typing import Final

from voiced import table
from voiced.callback.facts import FACTS
from voiced.callback.rules import RULES, away
from voiced.callback.rules.steps import Step
from voiced.callback.state import Attempt, Phase
from voiced.facts import Deadline, Fact
from voiced.table import fact_name

# fmt: off
_TABLE = """
fact            pending  calling  asking   joining  bridging  connected clearing ended
requested       begin    .twice   .twice   .twice   .twice    .twice    .twice   .over
intent_recorded call     .twice   .twice   fetch    .twice    .twice    .late    .over
leg_created     .early   leg_up   leg_up   leg_up   leg_up    leg_up    end_late .over
ringing         .early   ring     leg_up   ring     leg_up    leg_up    end_late .over
answered        .early   answer   .twice   answer   .twice    .twice    end_late .over
tone_started    .early   .early   .tone    .tone    hush      hush      .tone    .over
accepted        .early   .early   accept   .late    .late     .late     .late    .over
refused         .early   .early   refuse   .late    .late     .late     .late    .over
bridge_refused  .early   .early   .early   .early   no_bridge .late     .late    .over
bridged         .early   talk     talk     talk     talk      .twice    .late    .over
passed_on       .early   .early   .early   .early   .early    go_on     .late    .over
leg_ended       .early   leg_down leg_down leg_down leg_down  parted    leg_gone .over
job_failed      .early   failed   failed   failed   job_over  job_over  leg_gone .over
deadline        unable   too_long silence  too_long no_bridge check     press_on .over
cancelled       call_off call_off call_off call_off call_off  .talking  .late    .over
pbx_lost        lose     lose     lose     lose     lose      lose      lose     .over
pbx_back        resume   resume   resume   resume   resume    resume    resume   .over
"""
IGNORED: Final = {
    ".twice":   "it is known already",
    ".early":   "it cannot come before what it follows; nothing depends on it",
    ".late":    "what it is about is decided already",
    ".over":    "the attempt has ended",
    ".tone":    "whoever waits hears it, as they should; a bridge or a hangup ends it",
    ".talking": "a talk is ended by those who talk",
}
# fmt: on


def decide(a: Attempt, fact: Fact) -> Step:
    """What a fact makes of an attempt. Pure: no clock, no I/O."""
    if isinstance(fact, Deadline) and a.lost and a.phase is not Phase.ENDED:
        return away.abandon(a, fact)
    cell = TABLE[fact_name(type(fact))][a.phase]
    if cell.startswith("."):
        return a, ()
    return RULES[cell](a, fact)


TABLE: Final = table.read(_TABLE, Phase, FACTS, RULES, IGNORED)
