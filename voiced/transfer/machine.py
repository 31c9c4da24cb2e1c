"""The transfer as a table: what every fact means in every state.

A transfer is `pending` until the database has its intention, `holding` until the caller hears music,
`dialing` and `ringing` while a phone is called, `screening` while the agent is asked, `bridging` until the
PBX says that the two hear each other, `bridged` while they talk. Between two attempts it is `retrying`.
When it has failed it is `returning` until the caller is back with the assistant and every leg of ours is
gone. Then it has `ended`.

    decide(transfer, fact) → (transfer, actions)

Nothing here waits, and nothing knows the time but by the facts. The caller's music and the legs that ring
are kept beside the state, because they come and go in their own time: music asked for may start after
the transfer has failed (it is stopped when it starts), a leg may be born after its attempt was given up
(it is ended when it is born).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from voiced import table
from voiced.facts import Deadline, Fact
from voiced.table import fact_name
from voiced.transfer.facts import (
    FACTS,
    Answered,
    EndLegs,
    IntentRecorded,
    LegCreated,
    Ringing,
)
from voiced.transfer.rules import RULES
from voiced.transfer.rules.away import abandon
from voiced.transfer.rules.steps import Step
from voiced.transfer.state import Phase, Transfer

# fmt: off
_TABLE = """
fact            pending holding   dialing   ringing   screening bridging  bridged   retrying  returning ended
requested       begin   .twice    .twice    .twice    .twice    .twice    .twice    .twice    .twice    .over
intent_recorded hold    .twice    .twice    .twice    .twice    .twice    .twice    dial      .late     .over
hold_started    .early  dial_on   music_on  music_on  music_on  music_on  hush      music_on  hush      .over
hold_failed     .early  dial_off  music_off music_off music_off music_off music_off music_off back      .over
hold_ended      .early  music_end music_end music_end music_end music_off music_off music_end back      .over
leg_created     .early  .early    leg_up    leg_up    leg_up    leg_up    leg_up    end_late  end_late  .over
ringing         .early  .early    ring      leg_up    leg_up    leg_up    leg_up    end_late  end_late  .over
answered        .early  .early    answer    answer    .twice    rebridge  .twice    too_late  too_late  .over
accepted        .early  .early    .early    .early    bridge    .twice    .twice    .late     .late     .over
refused         .early  .early    .early    .early    refuse    .late     .late     .late     .late     .over
bridge_refused  .early  .early    .early    .early    .early    refused   .late     .late     untaken   .over
bridged         .early  taken     taken     taken     taken     talk      .twice    taken     .foreign  .over
rebridged       .early  .early    .early    .early    .early    .early    go_on     .early    .foreign  .over
unbridged       .early  .assist   .assist   .assist   .assist   .assist   apart     .assist   .assist   .over
leg_ended       .early  .early    leg_down  leg_down  agent_out agent_out leg_over  leg_gone  leg_gone  .over
job_failed      .early  .early    failed    failed    job_over  job_over  job_over  job_over  leg_gone  .over
assistant_left  note    note      note      note      note      note      note      note      note      .over
caller_parked   .home   alone     alone     alone     alone     stranded  .home     alone     send_home .over
session_ended   gone_on gone_on   gone_on   gone_on   gone_on   .talking  .talking  gone_on   let_be    .over
caller_ended    leave   leave     leave     leave     leave     leave     hung_up   leave     leave     .over
deadline        unable  dial_wait too_long  too_long  silence   no_bridge check     again     press_on  .over
cancelled       cancel  cancel    cancel    cancel    cancel    .late     .talking  cancel    .late     .over
pbx_lost        lose    lose      lose      lose      lose      lose      lose      lose      lose      .over
pbx_back        resume  resume    resume    resume    resume    resume    resume    resume    resume    .over
"""
IGNORED: Final = {
    ".twice":   "it is known already",
    ".early":   "it cannot come before what it follows; nothing depends on it",
    ".late":    "what it is about is decided already",
    ".over":    "the transfer has ended",
    ".assist":  "the assistant's own bridge has ended, as it must",
    ".foreign": "the caller is with somebody else, and no longer ours",
    ".home":    "the caller's leg was parked before, or parks on its own account",
    ".talking": "a talk needs no session, and is ended by those who talk",
}
# fmt: on


def decide(t: Transfer, fact: Fact) -> Step:
    """What a fact makes of a transfer. Pure: no clock, no I/O."""
    attempt = getattr(fact, "attempt", t.attempt)
    if attempt != t.attempt and not isinstance(fact, IntentRecorded):
        # an attempt that is over: its late endings are nothing, its late legs must not ring
        late = isinstance(fact, LegCreated | Ringing | Answered)
        return t, ((EndLegs(attempt),) if late else ())
    if isinstance(fact, Deadline) and t.lost and t.phase is not Phase.ENDED:
        return abandon(t, fact)
    cell = TABLE[fact_name(type(fact))][t.phase]
    if cell.startswith("."):
        return t, ()
    after, actions = RULES[cell](t, fact)
    if t.lost and after.lost and after.phase is not Phase.ENDED:  # a deadline of its own waits, as others do
        later = after.paused_until if after.until == t.until else after.until
        after = replace(after, until=t.until, paused_until=later)
    return after, actions


TABLE: Final = table.read(_TABLE, Phase, FACTS, RULES, IGNORED)
