"""The promise as a table: what everything that happens to a callback means in every status.

A callback is `pending` until its agent is free and its time has come. When the client has been told, and
may answer, it is `notified`; when the client or the agent has said yes, `ready_to_call`. While it is called
it is `in_progress`. It ends `completed`, `expired`, `canceled` or `failed`; one that nobody could keep
`needs_review` by a person.

    decide(callback, fact, policy) → (callback, effects)

Pure, as the machine of an attempt is. A fact that an entry refuses (`.calling`, `.closed`) is refused to
whoever asked for it, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from voiced import table
from voiced.callback import promise_rules
from voiced.callback.callback import Callback, Status
from voiced.callback.policy import Policy
from voiced.callback.promise_facts import FACTS, Fact
from voiced.callback.promise_rules import Step
from voiced.table import fact_name

# fmt: off
_TABLE = """
fact           pending  notified ready_to_call in_progress completed expired canceled failed  needs_review
asked_again    update   update   update        .calling    .closed   .closed .closed  .closed revive
agent_free     offer    offer    offer         .calling    .closed   .closed .closed  .closed .review
not_placed     put_off  put_off  put_off       .calling    .closed   .closed .closed  .closed .review
client_told    tell     tell     .agreed       .calling    .closed   .closed .closed  .closed .review
agreed         agree    agree    agree         .calling    .closed   .closed .closed  .closed agree
due            look     look     look          .calling    .closed   .closed .closed  .closed look
snoozed        snooze   snooze   snooze        .calling    .closed   .closed .closed  .closed snooze
reassigned     reassign reassign reassign      .calling    .closed   .closed .closed  .closed reassign
canceled       cancel   cancel   cancel        cancel_call .closed   .closed .closed  .closed cancel
attempt_began  begin    begin    begin         .calling    .closed   .closed .closed  .closed begin
attempt_ended  .late    .late    .late         finish      .closed   .closed .closed  .closed .late
"""
IGNORED: Final = {
    ".calling": "it is being called right now",
    ".closed":  "it is closed",
    ".agreed":  "the client has said yes already",
    ".review":  "a person has to look at it first",
    ".late":    "this attempt was settled already",
}
# fmt: on


def decide(c: Callback, fact: Fact, policy: Policy) -> Step:
    """What a fact makes of a callback. Pure: no clock, no I/O."""
    cell = TABLE[fact_name(type(fact))][c.status]
    if cell.startswith("."):
        return c, ()
    return RULES[cell](c, fact, policy)


def refused(c: Callback, kind: type[Fact]) -> str:
    """Why a fact would change nothing now (an entry of IGNORED), '' where it would."""
    cell = TABLE[fact_name(kind)][c.status]
    return cell if cell.startswith(".") else ""


Rule: TypeAlias = Callable[[Callback, Any, Policy], Step]
RULES: Final[dict[str, Rule]] = {
    name: rule for name, rule in table.rules_of(promise_rules).items() if not name.startswith("_")
}
TABLE: Final = table.read(_TABLE, Status, FACTS, RULES, IGNORED)
