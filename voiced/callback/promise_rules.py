"""What each rule of the promise's table does: small functions, in the order of a promise's life.

A rule takes the callback, the fact and the company's policy, and returns the callback after it, with the
effects that follow. Whenever a promise has to wait, until when is `not_before`, which the database keeps.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from voiced.callback.callback import WAITING, Callback, Status
from voiced.callback.outcome import CLIENT_BUDGETS, LOST_TOGETHER, WINDOW_CLOSED, Budget, Result
from voiced.callback.policy import MissedWindow, Owner, Policy
from voiced.callback.promise_facts import (
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
    NotPlaced,
    Reassigned,
    Snoozed,
    StopCall,
    Tell,
)

Step: TypeAlias = tuple[Callback, tuple[Effect, ...]]

CLAIM: Final = timedelta(seconds=5)  # for a call that is about to be placed to be written down
LAST_HOUR: Final = timedelta(hours=1)  # that somebody's yes is worth at least


# -- whom it waits for ------------------------------------------------------------------------------------


def update(c: Callback, fact: AskedAgain, policy: Policy) -> Step:
    """A second request is the same promise: its time, its agent, its reason are the new ones.

    A department without an extension is anybody there. Agents are not told more often for it.
    """
    c = _given_back(c)
    extension = fact.extension or ("" if fact.department else c.extension)
    intended_for = fact.intended_for or (c.intended_for if extension == c.extension else "")
    later = fact.scheduled_at is not None and fact.scheduled_at > fact.at
    is_for_later = later and c.status is Status.READY_TO_CALL
    c = replace(
        c, status=Status.PENDING if is_for_later else c.status, extension=extension,
        intended_for=intended_for, department=fact.department or c.department, assigned_at=fact.at,
        scheduled_at=fact.scheduled_at, expires_at=policy.expiry(fact.at, fact.scheduled_at),
    )  # fmt: skip
    not_before = _soonest(c, fact.at, policy)
    if c.status is not Status.READY_TO_CALL and c.last_notified_at is not None:
        not_before = max(not_before, c.last_notified_at + _interval(policy))
    return replace(c, not_before=not_before), (Tell("updated"),)


def revive(c: Callback, fact: AskedAgain, policy: Policy) -> Step:
    """The client still wants it: it is looked at afresh, with fresh patience."""
    c = replace(c, status=Status.PENDING, notification_count=0, attempts=0, misses={})
    return update(c, fact, policy)


def offer(c: Callback, fact: AgentFree, policy: Policy) -> Step:
    """The agent is free: call at once where that is agreed, else tell the agent — not too often."""
    if policy.owner is Owner.BACKEND or c.not_before > fact.at:
        return c, ()
    if fact.at >= c.expires_at:  # nobody has looked at it since
        return _close(c, fact, Status.EXPIRED, Tell("expired"))
    if c.status is Status.READY_TO_CALL or policy.auto_dial:
        if fact.opens_at is not None:
            return _miss_window(c, fact, fact.opens_at, policy)
        return replace(c, not_before=fact.at + CLAIM), (CallNow(fact.extension),)
    if c.notification_count >= policy.max_notifications:
        return replace(c, status=Status.NEEDS_REVIEW), (Tell("needs_review", "TOO_MANY_NOTICES"),)
    pause = fact.at + _interval(policy)
    c = replace(c, notification_count=c.notification_count + 1, last_notified_at=fact.at, not_before=pause)
    return c, (Notify(fact.extension),)


def put_off(c: Callback, fact: NotPlaced, policy: Policy) -> Step:
    """It was to be called and could not be: it waits, or is for a person. Others have their turn."""
    if not fact.may_wait:
        return replace(_given_back(c), status=Status.NEEDS_REVIEW), (Tell("needs_review", fact.cause),)
    again = fact.at + timedelta(seconds=policy.retry_delay_seconds)
    return replace(c, not_before=again), (Tell("rescheduled", fact.cause),)


def tell(c: Callback, fact: ClientTold, policy: Policy) -> Step:
    """The client has been written to."""
    return replace(c, status=Status.NOTIFIED, whatsapp_sent_at=fact.at), (Tell("notified"),)


def agree(c: Callback, fact: Agreed, policy: Policy) -> Step:
    """Somebody wants it now, whatever its time was."""
    c = _taken(c, fact.extension) if fact.extension else c
    c = replace(
        c, status=Status.READY_TO_CALL, not_before=fact.at, expires_at=max(c.expires_at, fact.at + LAST_HOUR),
        scheduled_at=min(c.scheduled_at, fact.at) if c.scheduled_at else None,
    )  # fmt: skip
    return c, (Tell("accepted"),)


def look(c: Callback, fact: Due, policy: Policy) -> Step:
    """Time has passed: the promise expires, or passes from one person to their department."""
    if fact.at >= c.expires_at:
        return _close(c, fact, Status.EXPIRED, Tell("expired"))
    passes = c.passes_on_at(policy)
    if passes is None or fact.at < passes or c.status not in WAITING:
        return c, ()
    if c.taken_from is not None:
        return _given_back(c), (Tell("passed_on"),)
    is_agreed = c.status is Status.READY_TO_CALL  # notices pause for one agent only
    not_before = c.not_before if is_agreed else _soonest(c, fact.at, policy)
    return replace(_entrusted(c), extension="", not_before=not_before), (Tell("passed_on"),)


def snooze(c: Callback, fact: Snoozed, policy: Policy) -> Step:
    """Later; and it may be offered as often as a new one."""
    expires_at = max(c.expires_at, policy.expiry(fact.at, fact.until))
    c = replace(_given_back(c), status=Status.PENDING, scheduled_at=fact.until, not_before=fact.until)
    return replace(c, expires_at=expires_at, notification_count=0), (Tell("snoozed"),)


def reassign(c: Callback, fact: Reassigned, policy: Policy) -> Step:
    """Somebody else keeps it, with fresh patience."""
    status = Status.PENDING if c.status is Status.NEEDS_REVIEW else c.status
    c = replace(
        _entrusted(_given_back(c)), status=status, extension=fact.extension,
        department=fact.department or c.department, intended_for=fact.intended_for or c.intended_for,
        assigned_at=fact.at,
    )  # fmt: skip
    return replace(c, not_before=_soonest(c, fact.at, policy)), (Tell("reassigned"),)


def cancel(c: Callback, fact: Canceled, policy: Policy) -> Step:
    """Not wanted any more."""
    return _close(c, fact, Status.CANCELED, Tell("canceled", f"BY_{fact.by.upper()}"))


def cancel_call(c: Callback, fact: Canceled, policy: Policy) -> Step:
    """The same while it is called: the call is ended first."""
    return replace(c, cancel_wanted=True), (StopCall(),)


# -- its calls --------------------------------------------------------------------------------------------


def begin(c: Callback, fact: AttemptBegan, policy: Policy) -> Step:
    """It is being called, by whoever took it."""
    c = replace(_taken(c, fact.extension), status=Status.IN_PROGRESS, attempt_id=fact.attempt_id)
    return replace(c, last_attempt_at=fact.at, cancel_wanted=False), (Tell("calling"),)


def finish(c: Callback, fact: AttemptEnded, policy: Policy) -> Step:
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
        return replace(_given_back(c), status=Status.NEEDS_REVIEW), (told,)
    if budget in CLIENT_BUDGETS and (is_spent or c.attempts >= policy.max_attempts):
        return _close(c, fact, Status.FAILED, Tell("failed", outcome.cause, outcome.leg))
    if fact.at >= c.expires_at:
        return _close(c, fact, Status.EXPIRED, Tell("expired", outcome.cause, outcome.leg))
    if not (fact.retries and policy.auto_retry and policy.owner is Owner.VOICED):
        return _wait(c, fact, policy, Tell("failed", outcome.cause, outcome.leg))
    rest = policy.agent_rest_seconds if outcome.agent_wants_rest else 0.0
    again = fact.at + timedelta(seconds=max(policy.retry_delay_seconds, rest))
    c = c if budget is not Budget.AGENT else _given_back(c)
    c = replace(c, status=Status.READY_TO_CALL, not_before=max(again, c.scheduled_at or again))
    return c, (Tell("retry", outcome.cause, outcome.leg),)


# -- what the rules share ---------------------------------------------------------------------------------


def _miss_window(c: Callback, fact: AgentFree, opens_at: datetime, policy: Policy) -> Step:
    """It is due while nobody may be called: put off, with its expiry, but not for ever."""
    if policy.missed_window is MissedWindow.CLOSE:
        return _close(c, fact, Status.EXPIRED, Tell("expired", "WINDOW_MISSED"))
    c = _count(c, Budget.WINDOW)
    if c.misses[Budget.WINDOW] >= policy.limit(Budget.WINDOW):
        return replace(c, status=Status.NEEDS_REVIEW), (Tell("needs_review", WINDOW_CLOSED),)
    expires_at = max(c.expires_at, policy.expiry(opens_at))
    return replace(c, not_before=opens_at, expires_at=expires_at), (Tell("rescheduled", WINDOW_CLOSED),)


def _soonest(c: Callback, at: datetime, policy: Policy) -> datetime:
    """When it may be called or told of: from now on, not before its time, nor right behind a call."""
    pause = timedelta(seconds=policy.retry_delay_seconds)
    return max(at, c.scheduled_at or at, c.last_attempt_at + pause if c.last_attempt_at else at)


def _wait(c: Callback, fact: Fact, policy: Policy, told: Tell) -> Step:
    """Back among those that wait, for the next time that somebody is told."""
    not_before = max(fact.at + _interval(policy), c.scheduled_at or fact.at)
    return replace(_given_back(c), status=Status.PENDING, not_before=not_before), (told,)


def _close(c: Callback, fact: Fact, status: Status, told: Tell) -> Step:
    return replace(c, status=status, closed_at=fact.at), (told,)


def _taken(c: Callback, extension: str) -> Callback:
    """This agent takes it. Whose it is stays known: a retry is the agent's, but not for ever."""
    if extension == c.extension:
        return c
    owner = c.extension if c.taken_from is None else c.taken_from
    return replace(c, extension=extension, taken_from=None if extension == owner else owner)


def _given_back(c: Callback) -> Callback:
    """To whom it was taken from."""
    return c if c.taken_from is None else replace(c, extension=c.taken_from, taken_from=None)


def _entrusted(c: Callback) -> Callback:
    """To somebody else, who has done nothing wrong yet."""
    misses = {name: count for name, count in c.misses.items() if name != Budget.AGENT}
    return replace(c, notification_count=0, misses=misses)


def _count(c: Callback, budget: Budget) -> Callback:
    return replace(c, misses={**c.misses, budget: c.misses.get(budget, 0) + 1})


def _interval(policy: Policy) -> timedelta:
    """Between two notices."""
    return timedelta(minutes=policy.min_interval_minutes)
