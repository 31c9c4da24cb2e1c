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
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from voiced import table
from voiced.callback.callback import WAITING, Callback, Status
from voiced.callback.outcome import CLIENT_BUDGETS, LOST_TOGETHER, Budget, Result
from voiced.callback.policy import MissedWindow, Owner, Policy
from voiced.callback.promise_facts import (
    FACTS,
    AgentFree,
    Agreed,
    AskedAgain,
    AttemptBegan,
    AttemptEnded,
    CallNow,
    Canceled,
    ClientTold,
    Due,
    Effect,
    Fact,
    Notify,
    Reassigned,
    Snoozed,
    StopCall,
    Tell,
)
from voiced.table import fact_name

Step: TypeAlias = tuple[Callback, tuple[Effect, ...]]

# fmt: off
_TABLE = """
fact           pending  notified ready_to_call in_progress completed expired canceled failed  needs_review
asked_again    update   update   update        .calling    .closed   .closed .closed  .closed revive
agent_free     offer    offer    offer         .calling    .closed   .closed .closed  .closed .review
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


def expiry(created_at: datetime, scheduled_at: datetime | None, policy: Policy) -> datetime:
    """When a promise is given up: so many hours after the later of its making and its time."""
    return max(created_at, scheduled_at or created_at) + timedelta(hours=policy.expiration_hours)


# -- the rules --------------------------------------------------------------------------------------------


def _update(c: Callback, fact: AskedAgain, policy: Policy) -> Step:
    """A second request is the same promise: its time, its agent, its reason are the new ones.

    A department without an extension is anybody there. Agents are not told more often for it.
    """
    extension = fact.extension or ("" if fact.department else c.extension)
    intended_for = fact.intended_for or (c.intended_for if extension == c.extension else "")
    later = fact.scheduled_at is not None and fact.scheduled_at > fact.at
    is_for_later = later and c.status is Status.READY_TO_CALL
    c = replace(
        c, status=Status.PENDING if is_for_later else c.status, extension=extension,
        intended_for=intended_for, department=fact.department or c.department, assigned_at=fact.at,
        scheduled_at=fact.scheduled_at, expires_at=expiry(fact.at, fact.scheduled_at, policy),
    )  # fmt: skip
    not_before = max(fact.at, fact.scheduled_at or fact.at)
    if c.status is not Status.READY_TO_CALL and c.last_notified_at is not None:
        not_before = max(not_before, c.last_notified_at + _interval(policy))
    return replace(c, not_before=not_before), (Tell("updated"),)


def _revive(c: Callback, fact: AskedAgain, policy: Policy) -> Step:
    """The client still wants it: it is looked at afresh, with fresh patience."""
    c = replace(c, status=Status.PENDING, notification_count=0, attempts=0, misses={})
    return _update(c, fact, policy)


def _offer(c: Callback, fact: AgentFree, policy: Policy) -> Step:
    """The agent is free: call at once where that is agreed, else tell the agent — not too often."""
    if policy.owner is Owner.BACKEND or c.not_before > fact.at:
        return c, ()
    if fact.at >= c.expires_at:  # nobody has looked at it since
        return _close(c, fact, Status.EXPIRED, Tell("expired"))
    if c.status is Status.READY_TO_CALL or policy.auto_dial:
        if fact.opens_at is not None:
            return _miss_window(c, fact, policy)
        return c, (CallNow(fact.extension),)
    if c.notification_count >= policy.max_notifications:
        return replace(c, status=Status.NEEDS_REVIEW), (Tell("needs_review", "TOO_MANY_NOTICES"),)
    pause = fact.at + _interval(policy)
    c = replace(c, notification_count=c.notification_count + 1, last_notified_at=fact.at, not_before=pause)
    return c, (Notify(fact.extension),)


def _miss_window(c: Callback, fact: AgentFree, policy: Policy) -> Step:
    """It is due while nobody may be called: put off, with its expiry, but not for ever."""
    assert fact.opens_at is not None
    if policy.missed_window is MissedWindow.CLOSE:
        return _close(c, fact, Status.EXPIRED, Tell("expired", "WINDOW_MISSED"))
    c = _count(c, Budget.WINDOW)
    if c.misses[Budget.WINDOW] >= policy.limit(Budget.WINDOW):
        return replace(c, status=Status.NEEDS_REVIEW), (Tell("needs_review", "WINDOW_CLOSED"),)
    opens_at = fact.opens_at
    expires_at = max(c.expires_at, opens_at + timedelta(hours=policy.expiration_hours))
    return replace(c, not_before=opens_at, expires_at=expires_at), (Tell("rescheduled", "WINDOW_CLOSED"),)


def _tell(c: Callback, fact: ClientTold, policy: Policy) -> Step:
    """The client has been written to."""
    return replace(c, status=Status.NOTIFIED, whatsapp_sent_at=fact.at), (Tell("notified"),)


def _agree(c: Callback, fact: Agreed, policy: Policy) -> Step:
    """Somebody wants it now."""
    extension = fact.extension or c.extension
    assigned_at = fact.at if fact.extension else c.assigned_at
    c = replace(
        c, status=Status.READY_TO_CALL, not_before=fact.at, extension=extension, assigned_at=assigned_at
    )
    return replace(c, expires_at=max(c.expires_at, fact.at + timedelta(hours=1))), (Tell("accepted"),)


def _look(c: Callback, fact: Due, policy: Policy) -> Step:
    """Time has passed: the promise expires, or passes from one person to their department."""
    if fact.at >= c.expires_at:
        return _close(c, fact, Status.EXPIRED, Tell("expired"))
    passes = c.passes_on_at(policy)
    if passes is not None and fact.at >= passes and c.status in WAITING:
        pause = c.not_before if c.status is Status.READY_TO_CALL else fact.at  # notices pause for one agent
        return replace(_entrusted(c), extension="", not_before=pause), (Tell("passed_on"),)
    return c, ()


def _snooze(c: Callback, fact: Snoozed, policy: Policy) -> Step:
    """Later; and it may be offered as often as a new one."""
    expires_at = max(c.expires_at, expiry(fact.at, fact.until, policy))
    c = replace(c, status=Status.PENDING, scheduled_at=fact.until, not_before=fact.until)
    return replace(c, expires_at=expires_at, notification_count=0), (Tell("snoozed"),)


def _reassign(c: Callback, fact: Reassigned, policy: Policy) -> Step:
    """Somebody else keeps it, with fresh patience."""
    status = Status.PENDING if c.status is Status.NEEDS_REVIEW else c.status
    c = replace(
        _entrusted(c), status=status, extension=fact.extension, department=fact.department or c.department,
        intended_for=fact.intended_for or c.intended_for, assigned_at=fact.at,
        not_before=max(fact.at, c.scheduled_at or fact.at),
    )  # fmt: skip
    return c, (Tell("reassigned"),)


def _cancel(c: Callback, fact: Canceled, policy: Policy) -> Step:
    """Not wanted any more."""
    return _close(c, fact, Status.CANCELED, Tell("canceled", f"BY_{fact.by.upper()}"))


def _cancel_call(c: Callback, fact: Canceled, policy: Policy) -> Step:
    """The same while it is called: the call is ended first."""
    return replace(c, cancel_wanted=True), (StopCall(),)


def _begin(c: Callback, fact: AttemptBegan, policy: Policy) -> Step:
    """It is being called."""
    c = replace(c, status=Status.IN_PROGRESS, attempt_id=fact.attempt_id, last_attempt_at=fact.at)
    return replace(c, cancel_wanted=False), (Tell("calling"),)


def _finish(c: Callback, fact: AttemptEnded, policy: Policy) -> Step:
    """The attempt is over: kept, to be tried again, or given up. Each kind of ending has its own patience."""
    if fact.attempt_id != c.attempt_id:
        return c, ()
    outcome, seconds = fact.outcome, fact.talk_seconds
    if outcome.result is Result.COMPLETED:
        c = replace(c, completed_at=fact.at, voice_call_duration=seconds, recording_path=fact.recording)
        return _close(c, fact, Status.COMPLETED, Tell("completed", outcome.cause, outcome.leg, seconds))
    budget = outcome.budget
    if outcome.result is not Result.CANCELLED:
        c = replace(_count(c, budget), attempts=c.attempts + (budget in CLIENT_BUDGETS))
    if c.cancel_wanted:
        return _close(c, fact, Status.CANCELED, Tell("canceled", outcome.cause))
    if outcome.result is Result.CANCELLED:
        return _wait(c, fact, policy, Tell("cancelled", outcome.cause))
    is_spent = c.misses[budget] >= policy.limit(budget)
    if outcome.cause == LOST_TOGETHER or (budget not in CLIENT_BUDGETS and is_spent):
        told = Tell("needs_review", outcome.cause, outcome.leg)
        return replace(c, status=Status.NEEDS_REVIEW), (told,)
    if budget in CLIENT_BUDGETS and (is_spent or c.attempts >= policy.max_attempts):
        return _close(c, fact, Status.FAILED, Tell("failed", outcome.cause, outcome.leg))
    if fact.at >= c.expires_at:
        return _close(c, fact, Status.EXPIRED, Tell("expired", outcome.cause, outcome.leg))
    if not (fact.retries and policy.auto_retry and policy.owner is Owner.VOICED):
        return _wait(c, fact, policy, Tell("failed", outcome.cause, outcome.leg))
    rest = policy.agent_rest_seconds if outcome.agent_wants_rest else 0.0
    again = fact.at + timedelta(seconds=max(policy.retry_delay_seconds, rest))
    c = replace(c, status=Status.READY_TO_CALL, not_before=again)
    return c, (Tell("retry", outcome.cause, outcome.leg),)


# -- what the rules share ---------------------------------------------------------------------------------


def _wait(c: Callback, fact: Fact, policy: Policy, told: Tell) -> Step:
    """Back among those that wait, for the next time that somebody is told."""
    return replace(c, status=Status.PENDING, not_before=fact.at + _interval(policy)), (told,)


def _close(c: Callback, fact: Fact, status: Status, told: Tell) -> Step:
    return replace(c, status=status, closed_at=fact.at), (told,)


def _entrusted(c: Callback) -> Callback:
    """To somebody else, who has done nothing wrong yet."""
    misses = {name: count for name, count in c.misses.items() if name != Budget.AGENT}
    return replace(c, notification_count=0, misses=misses)


def _count(c: Callback, budget: Budget) -> Callback:
    return replace(c, misses={**c.misses, budget: c.misses.get(budget, 0) + 1})


def _interval(policy: Policy) -> timedelta:
    """Between two notices."""
    return timedelta(minutes=policy.min_interval_minutes)


Rule: TypeAlias = Callable[[Callback, Any, Policy], Step]
RULES: Final[dict[str, Rule]] = {
    "update": _update, "revive": _revive, "offer": _offer, "tell": _tell, "agree": _agree, "look": _look,
    "snooze": _snooze, "reassign": _reassign, "cancel": _cancel, "cancel_call": _cancel_call,
    "begin": _begin, "finish": _finish,
}  # fmt: skip
TABLE: Final = table.read(_TABLE, Status, FACTS, RULES, IGNORED)
