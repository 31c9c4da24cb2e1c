"""The promise's table: complete, and right whatever happens in whatever order. No I/O, no clock."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_type_hints
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voiced.callback import promise
from voiced.callback import promise_facts as p
from voiced.callback.callback import OPEN, WAITING, Callback, Status
from voiced.callback.outcome import CLIENT_BUDGETS, Budget, Outcome, Result, Side
from voiced.callback.policy import MOST_FAULTS, MissedWindow, Owner, Policy
from voiced.callback.promise import decide
from voiced.table import fact_name

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
ATTEMPT = UUID(int=1)
CLOSED = (Status.COMPLETED, Status.EXPIRED, Status.CANCELED, Status.FAILED)

BUSY = Outcome(Result.BUSY, Side.CLIENT, "USER_BUSY")
NO_ANSWER = Outcome(Result.NO_ANSWER, Side.CLIENT, "NO_ANSWER")
MACHINE = Outcome(Result.MACHINE, Side.CLIENT, "NO_KEY")
LEFT = Outcome(Result.LEFT, Side.CLIENT, "NORMAL_CLEARING")
AGENT_MISSED = Outcome(Result.NO_ANSWER, Side.AGENT, "NO_ANSWER")
OURS = Outcome(Result.FAILED, "", "PBX_LOST")
CALLED_OFF = Outcome(Result.CANCELLED, "", "MANAGER_REQUEST")
TALKED = Outcome(Result.COMPLETED, "", "NORMAL_CLEARING")


def later(minutes: float = 0, *, seconds: float = 0, hours: float = 0) -> datetime:
    return NOW + timedelta(minutes=minutes, seconds=seconds, hours=hours)


def promised(status: Status = Status.PENDING, **more: Any) -> Callback:
    """One made now, for 1001 of Financeiro."""
    values = {"extension": "1001", "intended_for": "Ana", "department": "Financeiro", **more}
    if status is Status.IN_PROGRESS:
        values = {"attempt_id": ATTEMPT, **values}
    if status in CLOSED:
        values = {"closed_at": NOW, **values}
    return Callback(UUID(int=7), status, NOW, later(hours=24), NOW, **values)


def ended(outcome: Outcome, at: datetime = NOW, **more: Any) -> p.AttemptEnded:
    return p.AttemptEnded(at, ATTEMPT, outcome, **more)


def a_fact(kind: type[p.Fact], at: datetime = NOW) -> p.Fact:
    values: dict[str, Any] = {
        "at": at, "until": at + timedelta(hours=1), "extension": "1002", "attempt_id": ATTEMPT,
        "outcome": BUSY, "cause": "ATTEMPT_UNDER_WAY", "may_wait": True,
    }  # fmt: skip
    hints = get_type_hints(kind)
    return kind(**{name: value for name, value in values.items() if name in hints})


def after(c: Callback, *facts: p.Fact, policy: Policy | None = None) -> tuple[Callback, list[p.Effect]]:
    """What the facts make of it, and every effect on the way."""
    done: list[p.Effect] = []
    for fact in facts:
        c, effects = decide(c, fact, policy or Policy())
        done += effects
    return c, done


def outcomes(effects: list[p.Effect]) -> list[str]:
    return [effect.outcome for effect in effects if isinstance(effect, p.Tell)]


# -- the table --------------------------------------------------------------------------------------------


def test_every_rule_and_every_reason_is_used() -> None:
    used = {cell for row in promise.TABLE.values() for cell in row.values()}
    assert used == set(promise.RULES) | set(promise.IGNORED)


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("kind", p.FACTS, ids=fact_name)
def test_every_fact_can_come_in_every_status(kind: type[p.Fact], status: Status) -> None:
    before = promised(status)
    now, effects = after(before, a_fact(kind))
    if status in CLOSED:
        assert (now, effects) == (before, [])
        assert promise.refused(before, kind) == ".closed"
    elif promise.refused(before, kind):
        assert (now, effects) == (before, [])
    elif kind is not p.Due:  # nothing is due yet
        assert now != before or effects
    assert (now.closed_at is not None) == (now.status in CLOSED)


EXPECTED = {  # what every fact makes of an open callback with the defaults; '' for nothing
    "asked_again": ("pending", "notified", "ready_to_call", "", "pending"),
    "agent_free": ("pending", "notified", "ready_to_call", "", ""),
    "not_placed": ("pending", "notified", "ready_to_call", "", ""),
    "client_told": ("notified", "notified", "", "", ""),
    "agreed": ("ready_to_call", "ready_to_call", "ready_to_call", "", "ready_to_call"),
    "due": ("", "", "", "", ""),
    "snoozed": ("pending", "pending", "pending", "", "pending"),
    "reassigned": ("pending", "notified", "ready_to_call", "", "pending"),
    "canceled": ("canceled", "canceled", "canceled", "in_progress", "canceled"),
    "attempt_began": ("in_progress", "in_progress", "in_progress", "", "in_progress"),
    "attempt_ended": ("", "", "", "ready_to_call", ""),
}


@pytest.mark.parametrize("kind", p.FACTS, ids=fact_name)
def test_every_fact_makes_of_every_open_status_what_is_expected(kind: type[p.Fact]) -> None:
    for status, expected in zip(OPEN, EXPECTED[fact_name(kind)], strict=True):
        now, effects = after(promised(status), a_fact(kind))
        assert (str(now.status) if now != promised(status) or effects else "") == expected, status


# -- free agents ------------------------------------------------------------------------------------------


def test_a_free_agent_is_told_at_intervals_and_then_a_person_has_to_look() -> None:
    c, policy = promised(), Policy(max_notifications=2, min_interval_minutes=10)
    c, done = after(c, p.AgentFree(NOW, "1001"), policy=policy)
    assert (done, c.notification_count, c.last_notified_at) == ([p.Notify("1001")], 1, NOW)
    assert after(c, p.AgentFree(later(9.9), "1001"), policy=policy) == (c, [])
    c, done = after(c, p.AgentFree(later(10), "1001"), policy=policy)
    assert (done, c.status) == ([p.Notify("1001")], Status.PENDING)
    c, done = after(c, p.AgentFree(later(20), "1001"), policy=policy)
    assert (outcomes(done), c.status) == (["needs_review"], Status.NEEDS_REVIEW)
    assert after(c, p.AgentFree(later(30), "1001"), policy=policy) == (c, [])


@pytest.mark.parametrize("policy", [Policy(auto_dial=True), Policy()])
def test_it_is_called_where_that_is_agreed(policy: Policy) -> None:
    status = Status.PENDING if policy.auto_dial else Status.READY_TO_CALL
    c, done = after(promised(status), p.AgentFree(NOW, "1001"), policy=policy)
    assert done == [p.CallNow("1001")]
    assert c.status is status  # until the attempt has begun


def test_the_backends_promises_are_neither_told_nor_called() -> None:
    policy = Policy(owner=Owner.BACKEND, auto_dial=True)
    for status in WAITING:
        assert after(promised(status), p.AgentFree(NOW, "1001"), policy=policy)[1] == []


def test_what_has_expired_unseen_is_not_offered() -> None:
    c, done = after(promised(), p.AgentFree(later(hours=24), "1001"))
    assert (c.status, outcomes(done)) == (Status.EXPIRED, ["expired"])


def test_an_agent_before_its_time_is_not_told() -> None:
    c = replace(promised(), not_before=later(60), scheduled_at=later(60))
    assert after(c, p.AgentFree(later(59), "1001")) == (c, [])


def test_a_call_that_is_about_to_be_placed_is_nobody_elses_and_comes_back_if_it_never_was() -> None:
    c, _ = after(promised(Status.READY_TO_CALL), p.AgentFree(NOW, "1001"))
    assert after(c, p.AgentFree(later(seconds=4), "1002"))[1] == []
    assert c.looks_at(Policy(), NOW) == later(seconds=5)
    assert after(c, p.AgentFree(later(seconds=5), "1002"))[1] == [p.CallNow("1002")]


def test_what_could_not_be_placed_waits_and_what_never_can_is_for_a_person() -> None:
    c, done = after(promised(Status.READY_TO_CALL), p.NotPlaced(NOW, "ATTEMPT_UNDER_WAY", may_wait=True))
    assert (c.status, c.not_before) == (Status.READY_TO_CALL, later(seconds=30))
    assert done == [p.Tell("rescheduled", "ATTEMPT_UNDER_WAY")]
    c, done = after(c, p.NotPlaced(NOW, "NUMBER_BLOCKED", may_wait=False))
    assert (c.status, done) == (Status.NEEDS_REVIEW, [p.Tell("needs_review", "NUMBER_BLOCKED")])


# -- its time ---------------------------------------------------------------------------------------------

AT_SIX = later(hours=6)


@pytest.mark.parametrize(
    ("outcome", "more", "status"),
    [
        (BUSY, {}, Status.READY_TO_CALL), (AGENT_MISSED, {}, Status.READY_TO_CALL),
        (CALLED_OFF, {}, Status.PENDING), (BUSY, {"retries": False}, Status.PENDING),
    ],
)  # fmt: skip
def test_a_call_before_its_time_that_came_to_nothing_leaves_it_its_time(
    outcome: Outcome, more: dict[str, Any], status: Status
) -> None:
    c, _ = after(promised(Status.IN_PROGRESS, scheduled_at=AT_SIX), ended(outcome, later(1), **more))
    assert (c.status, c.not_before) == (status, AT_SIX)


def test_a_yes_is_for_now_whatever_its_time_was() -> None:
    c, _ = after(replace(promised(scheduled_at=AT_SIX), not_before=AT_SIX), p.Agreed(later(5)))
    assert (c.not_before, c.scheduled_at) == (later(5), later(5))


@pytest.mark.parametrize("fact", [p.AskedAgain(later(1)), p.Reassigned(later(1), "1002")], ids=repr)
def test_nobody_is_called_right_behind_a_call(fact: p.Fact) -> None:
    tried = promised(Status.READY_TO_CALL, last_attempt_at=later(0.9))
    assert after(tried, fact)[0].not_before == later(0.9, seconds=30)


# -- the window -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missed", [MissedWindow.RETRY, MissedWindow.NEXT_DAY])
def test_a_call_that_is_due_while_nobody_may_be_called_is_put_off_with_its_expiry(
    missed: MissedWindow,
) -> None:
    policy = Policy(missed_window=missed, auto_dial=True, expiration_hours=24)
    opens = later(hours=60)
    c, done = after(promised(), p.AgentFree(NOW, "1001", opens), policy=policy)
    assert (c.status, c.not_before, c.expires_at) == (Status.PENDING, opens, opens + timedelta(hours=24))
    assert done == [p.Tell("rescheduled", "WINDOW_CLOSED")]


def test_or_it_expires_where_the_company_wants_that() -> None:
    policy = Policy(missed_window=MissedWindow.CLOSE, auto_dial=True)
    c, done = after(promised(), p.AgentFree(NOW, "1001", later(60)), policy=policy)
    assert (c.status, done) == (Status.EXPIRED, [p.Tell("expired", "WINDOW_MISSED")])


def test_the_window_does_not_hold_for_telling_an_agent() -> None:
    assert after(promised(), p.AgentFree(NOW, "1001", later(60)))[1] == [p.Notify("1001")]


def test_what_misses_every_window_is_not_put_off_for_ever() -> None:
    c, policy, days = promised(), Policy(auto_dial=True), 0
    while c.status is Status.PENDING:
        opens = c.not_before + timedelta(days=1)
        c, done = after(c, p.AgentFree(c.not_before, "1001", opens), policy=policy)
        days += 1
    assert (c.status, days, done) == (
        Status.NEEDS_REVIEW, MOST_FAULTS, [p.Tell("needs_review", "WINDOW_CLOSED")],
    )  # fmt: skip
    assert after(c, p.Due(c.expires_at))[0].status is Status.EXPIRED


# -- people change their minds ----------------------------------------------------------------------------


def test_a_second_request_brings_time_agent_and_expiry_up_to_date() -> None:
    c, done = after(promised(), p.AskedAgain(later(5), later(60), "1002", "Bruno", "Suporte"))
    assert (c.extension, c.intended_for, c.department) == ("1002", "Bruno", "Suporte")
    assert (c.scheduled_at, c.not_before, c.expires_at) == (later(60), later(60), later(60, hours=24))
    assert outcomes(done) == ["updated"]


def test_a_second_request_that_says_nothing_anew_keeps_what_was_said() -> None:
    c, _ = after(promised(), p.AskedAgain(later(5)))
    assert (c.extension, c.intended_for, c.department) == ("1001", "Ana", "Financeiro")


def test_a_second_request_for_a_department_is_for_anybody_there() -> None:
    c, _ = after(promised(), p.AskedAgain(later(5), department="Suporte"))
    assert (c.extension, c.intended_for, c.department) == ("", "", "Suporte")


def test_a_client_who_asks_again_and_again_does_not_make_agents_be_told_more_often() -> None:
    c, done = promised(), []
    for minute in range(30):
        fact = p.AskedAgain(later(minute)), p.AgentFree(later(minute, seconds=30), "1001")
        c, effects = after(c, *fact)
        done += effects
    assert done.count(p.Notify("1001")) == 3


def test_a_client_who_said_yes_and_then_tomorrow_is_not_called_without_asking() -> None:
    c, _ = after(promised(Status.READY_TO_CALL), p.AskedAgain(NOW, later(hours=20)))
    assert c.status is Status.PENDING


def test_a_promise_under_review_that_is_asked_for_again_has_fresh_patience() -> None:
    tired = promised(Status.NEEDS_REVIEW, notification_count=5, attempts=2, misses={Budget.AGENT: 3})
    c, _ = after(tired, p.AskedAgain(later(5)))
    assert (c.status, c.notification_count, c.attempts, c.misses) == (Status.PENDING, 0, 0, {})


def test_a_snoozed_callback_returns_and_may_be_offered_as_often_as_a_new_one() -> None:
    c, done = after(promised(Status.READY_TO_CALL, notification_count=4), p.Snoozed(NOW, later(hours=30)))
    assert (c.status, c.not_before, c.notification_count) == (Status.PENDING, later(hours=30), 0)
    assert (c.expires_at, outcomes(done)) == (later(hours=54), ["snoozed"])
    assert after(c, p.AgentFree(later(hours=29.9), "1001"))[1] == []
    assert after(c, p.AgentFree(later(hours=30), "1001"))[1] == [p.Notify("1001")]


def test_whoever_it_is_reassigned_to_has_done_nothing_wrong_yet() -> None:
    tired = promised(
        Status.NEEDS_REVIEW, notification_count=5, misses={Budget.AGENT: 3, Budget.BUSY: 1}, attempts=1
    )
    c, done = after(tired, p.Reassigned(later(5), extension="1002", intended_for="Bruno"))
    assert (c.status, c.extension, c.intended_for) == (Status.PENDING, "1002", "Bruno")
    assert (c.notification_count, c.misses, c.attempts) == (0, {Budget.BUSY: 1}, 1)
    assert outcomes(done) == ["reassigned"]
    assert after(c, p.AgentFree(later(5), "1002"))[1] == [p.Notify("1002")]


def test_reassigned_to_a_department_it_is_anybodys() -> None:
    c, _ = after(promised(), p.Reassigned(NOW, department="Suporte"))
    assert (c.extension, c.department, c.intended_for) == ("", "Suporte", "Ana")


def test_it_is_canceled_at_once_or_once_its_call_has_ended() -> None:
    c, done = after(promised(), p.Canceled(NOW, "agent"))
    assert (c.status, done) == (Status.CANCELED, [p.Tell("canceled", "BY_AGENT")])
    c, done = after(promised(Status.IN_PROGRESS), p.Canceled(NOW))
    assert (c.status, c.cancel_wanted, done) == (Status.IN_PROGRESS, True, [p.StopCall()])
    c, done = after(c, ended(CALLED_OFF))
    assert (c.status, outcomes(done)) == (Status.CANCELED, ["canceled"])


def test_a_talk_that_was_to_be_canceled_is_a_promise_kept_all_the_same() -> None:
    c, _ = after(promised(Status.IN_PROGRESS), p.Canceled(NOW), ended(TALKED, talk_seconds=60))
    assert (c.status, c.voice_call_duration) == (Status.COMPLETED, 60)


# -- the department ---------------------------------------------------------------------------------------

AFTER_30 = Policy(department_after_minutes=30)


def test_what_one_agent_does_not_keep_passes_to_their_department() -> None:
    told = promised(notification_count=5, last_notified_at=later(25), misses={Budget.AGENT: 2})
    c = replace(told, not_before=later(35))
    assert c.looks_at(AFTER_30, NOW) == later(30)
    assert after(c, p.Due(later(29.9)), policy=AFTER_30) == (c, [])
    c, done = after(c, p.Due(later(30)), policy=AFTER_30)
    assert (c.extension, c.intended_for, outcomes(done)) == ("", "Ana", ["passed_on"])
    assert after(c, p.AgentFree(later(30), "1002"), policy=AFTER_30)[1] == [p.Notify("1002")]
    assert c.looks_at(AFTER_30, later(30)) == later(30)  # for somebody there who is free already
    assert after(c, p.Due(later(31)), policy=AFTER_30) == (c, [])


def test_a_scheduled_promise_is_its_agents_until_so_long_after_its_time() -> None:
    c = promised(scheduled_at=later(hours=5))
    assert after(c, p.Due(later(29, hours=5)), policy=AFTER_30) == (c, [])
    assert after(c, p.Due(later(30, hours=5)), policy=AFTER_30)[0].extension == ""


def test_whoever_it_is_reassigned_to_has_their_own_time() -> None:
    c, _ = after(promised(), p.Due(later(30)), p.Reassigned(later(60), extension="1002"), policy=AFTER_30)
    assert after(c, p.Due(later(89)), policy=AFTER_30) == (c, [])
    assert after(c, p.Due(later(90)), policy=AFTER_30)[0].extension == ""


def test_passing_on_does_not_hasten_the_next_call_to_the_client() -> None:
    c = replace(promised(Status.READY_TO_CALL), not_before=later(31))
    assert after(c, p.Due(later(30)), policy=AFTER_30)[0].not_before == later(31)


# -- who took it ------------------------------------------------------------------------------------------


def taken(outcome: Outcome, by: str = "1002", policy: Policy | None = None, **of: Any) -> Callback:
    """A promise that this agent took, after a call that ended so."""
    began = p.AttemptBegan(NOW, ATTEMPT, by)
    return after(promised(**of), began, ended(outcome, later(1)), policy=policy)[0]


@pytest.mark.parametrize("owner", ["", "1001"])
def test_a_retry_is_of_the_agent_who_took_it_and_after_a_while_whose_it_was(owner: str) -> None:
    c = taken(BUSY, extension=owner)
    assert (c.status, c.extension) == (Status.READY_TO_CALL, "1002")
    back = c.not_before + timedelta(minutes=10)
    assert after(c, p.Due(back - timedelta(seconds=1))) == (c, [])
    assert c.looks_at(Policy(), c.not_before + timedelta(seconds=1)) == back
    c, done = after(c, p.Due(back))
    assert (c.extension, c.status, outcomes(done)) == (owner, Status.READY_TO_CALL, ["passed_on"])
    assert after(c, p.Due(back + timedelta(hours=1)))[0].extension == owner
    policy = Policy(department_after_minutes=30)
    c = taken(BUSY, policy=policy, extension=owner)
    assert c.passes_on_at(policy) == c.not_before + timedelta(minutes=30)


@pytest.mark.parametrize("outcome", [AGENT_MISSED, CALLED_OFF])
@pytest.mark.parametrize("owner", ["", "1001"])
def test_who_took_it_and_missed_it_gives_it_back_at_once(outcome: Outcome, owner: str) -> None:
    assert taken(outcome, extension=owner).extension == owner


def test_who_says_yes_to_it_takes_it_and_its_owner_can_take_it_back() -> None:
    c, _ = after(promised(extension=""), p.Agreed(NOW, "1002"))
    assert (c.extension, c.taken_from) == ("1002", "")
    c, _ = after(c, p.Agreed(NOW, "1003"))
    assert (c.extension, c.taken_from) == ("1003", "")
    assert after(c, p.Due(later(10)))[0].extension == ""
    c, _ = after(promised(), p.Agreed(NOW, "1002"), p.Agreed(NOW, "1001"))
    assert (c.extension, c.taken_from) == ("1001", None)


@pytest.mark.parametrize(
    ("fact", "owner"),
    [
        (p.AskedAgain(later(2)), ""), (p.Snoozed(later(2), later(60)), ""),
        (p.Reassigned(later(2), "1003"), "1003"), (p.AskedAgain(later(2), extension="1004"), "1004"),
    ],
)  # fmt: skip
def test_what_people_say_of_it_later_counts(fact: p.Fact, owner: str) -> None:
    c, _ = after(taken(BUSY, extension=""), fact)
    assert (c.extension, c.taken_from) == (owner, None)


# -- endings ----------------------------------------------------------------------------------------------


def test_a_talk_keeps_the_promise() -> None:
    c, done = after(
        promised(Status.IN_PROGRESS), ended(TALKED, later(3), talk_seconds=61.5, recording="/r/1.wav")
    )
    assert (c.status, c.completed_at, c.closed_at) == (Status.COMPLETED, later(3), later(3))
    assert (c.voice_call_duration, c.recording_path) == (61.5, "/r/1.wav")
    assert done == [p.Tell("completed", "NORMAL_CLEARING", "", 61.5)]


@pytest.mark.parametrize(
    ("outcome", "budget", "limit"),
    [
        (BUSY, "max_busy", 2), (NO_ANSWER, "max_no_answer", 2), (MACHINE, "max_machine", 2),
        (LEFT, "max_other", 2), (BUSY, "max_attempts", 2),
    ],
)  # fmt: skip
def test_each_kind_of_ending_has_its_own_patience(outcome: Outcome, budget: str, limit: int) -> None:
    generous = dict.fromkeys(("max_attempts", "max_busy", "max_no_answer", "max_machine", "max_other"), 50)
    policy = Policy.model_validate({**generous, budget: limit})
    c = promised(Status.IN_PROGRESS)
    c, done = after(c, ended(outcome, later(1)), policy=policy)
    assert (c.status, c.not_before) == (Status.READY_TO_CALL, later(1, seconds=30))
    assert done == [p.Tell("retry", outcome.cause, "client")]
    c = replace(c, status=Status.IN_PROGRESS)
    c, done = after(c, ended(outcome, later(3)), policy=policy)
    assert (c.status, c.attempts, c.closed_at) == (Status.FAILED, 2, later(3))
    assert done == [p.Tell("failed", outcome.cause, "client")]


def test_attempts_count_across_kinds_of_endings() -> None:
    c = promised(Status.IN_PROGRESS, attempts=2, misses={Budget.BUSY: 1, Budget.MACHINE: 1})
    assert after(c, ended(NO_ANSWER))[0].status is Status.FAILED


def test_an_agents_misses_cost_the_client_nothing_and_have_a_limit_of_their_own() -> None:
    c = promised(Status.IN_PROGRESS)
    for minute in (1, 2):
        c, done = after(c, ended(AGENT_MISSED, later(minute)))
        assert (c.status, c.attempts) == (Status.READY_TO_CALL, 0)
        assert c.not_before == later(minute, seconds=60)  # the agent is left alone for a while
        assert outcomes(done) == ["retry"]
        c = replace(c, status=Status.IN_PROGRESS)
    c, done = after(c, ended(AGENT_MISSED, later(3)))
    assert (c.status, c.attempts, outcomes(done)) == (Status.NEEDS_REVIEW, 0, ["needs_review"])


def test_faults_of_ours_cost_nobody_and_do_not_go_on_for_ever() -> None:
    c, count = promised(Status.IN_PROGRESS), 0
    while c.status is not Status.NEEDS_REVIEW:
        c, _ = after(replace(c, status=Status.IN_PROGRESS), ended(OURS))
        count += 1
    assert (count, c.attempts) == (MOST_FAULTS, 0)


def test_a_call_that_was_called_off_costs_nobody_and_is_not_repeated_by_itself() -> None:
    c, done = after(promised(Status.IN_PROGRESS), ended(CALLED_OFF))
    assert (c.status, c.attempts, c.misses, outcomes(done)) == (Status.PENDING, 0, {}, ["cancelled"])


@pytest.mark.parametrize(
    ("policy", "retries"),
    [(Policy(auto_retry=False), True), (Policy(owner=Owner.BACKEND), True), (Policy(), False)],
)
def test_whoever_retries_by_themselves_is_told_and_we_do_not(policy: Policy, retries: bool) -> None:
    c, done = after(promised(Status.IN_PROGRESS), ended(BUSY, retries=retries), policy=policy)
    assert (c.status, c.attempts, outcomes(done)) == (Status.PENDING, 1, ["failed"])


def test_an_attempt_that_outlived_its_promise_is_the_last() -> None:
    c, done = after(promised(Status.IN_PROGRESS), ended(BUSY, later(hours=24)))
    assert (c.status, outcomes(done)) == (Status.EXPIRED, ["expired"])


def test_the_end_of_another_attempt_changes_nothing() -> None:
    c = promised(Status.IN_PROGRESS)
    assert after(c, p.AttemptEnded(NOW, UUID(int=2), TALKED)) == (c, [])


# -- when it is looked at ---------------------------------------------------------------------------------


def test_it_is_looked_at_when_time_alone_changes_something() -> None:
    c = promised()
    assert c.looks_at(Policy(), NOW) == NOW  # somebody may be free already
    assert c.looks_at(Policy(), later(1)) == c.expires_at  # the agent's next moment will come
    assert c.looks_at(Policy(owner=Owner.BACKEND), NOW) == c.expires_at
    assert c.looks_at(AFTER_30, later(1)) == later(30)
    assert promised(Status.NEEDS_REVIEW).looks_at(AFTER_30, later(1)) == c.expires_at
    for status in (*CLOSED, Status.IN_PROGRESS):
        assert promised(status).looks_at(Policy(), NOW) is None


# -- whatever happens -------------------------------------------------------------------------------------

OUTCOMES = st.sampled_from([BUSY, NO_ANSWER, MACHINE, LEFT, AGENT_MISSED, OURS, CALLED_OFF, TALKED])
STEPS = st.one_of(
    st.tuples(st.just("free"), st.sampled_from([None, None, 60, 60 * 24])),
    st.tuples(st.just("wait"), st.sampled_from([0.5, 5, 10, 90, 60 * 12])),
    st.tuples(st.just("ended"), OUTCOMES),
    st.tuples(
        st.sampled_from(["asked", "told", "agreed", "snoozed", "reassigned", "canceled", "began"]),
        st.just(None),
    ),
)
POLICIES = st.builds(
    Policy,
    owner=st.sampled_from(Owner),
    auto_dial=st.booleans(),
    auto_retry=st.booleans(),
    max_notifications=st.integers(1, 3),
    max_attempts=st.integers(1, 3),
    max_busy=st.integers(1, 3),
    min_interval_minutes=st.sampled_from([1, 10]),
    missed_window=st.sampled_from(MissedWindow),
    department_after_minutes=st.sampled_from([None, 0, 30]),
)


@dataclass
class History:
    """A callback through everything that happens to it, with what must be true at each step."""

    policy: Policy
    c: Callback = field(default_factory=promised)
    now: datetime = NOW
    told_at: list[datetime] = field(default_factory=list)  # since somebody last began afresh
    reached: int = 0  # attempts that cost the client something, since then

    def tell(self, fact: p.Fact) -> None:
        before = self.c
        self.c, effects = decide(before, fact, self.policy)
        if before.status in CLOSED:
            assert (self.c, effects) == (before, ())
            return
        if isinstance(fact, p.Snoozed | p.Reassigned) or outcomes([*effects]) == ["passed_on"]:
            self.told_at = []
        if before.status is Status.NEEDS_REVIEW and self.c.status is Status.PENDING:
            self.told_at = []
            self.reached = 0 if isinstance(fact, p.AskedAgain) else self.reached
        for effect in effects:
            if isinstance(effect, p.Notify | p.CallNow):
                assert self.policy.owner is Owner.VOICED
            if isinstance(effect, p.Notify):
                if self.told_at:
                    interval = timedelta(minutes=self.policy.min_interval_minutes)
                    assert self.now - self.told_at[-1] >= interval
                self.told_at.append(self.now)
        assert len(self.told_at) <= self.policy.max_notifications
        if before.status is Status.IN_PROGRESS and isinstance(fact, p.AttemptEnded):
            self.reached += fact.outcome.budget in CLIENT_BUDGETS
        assert self.reached == self.c.attempts <= self.policy.max_attempts
        if self.c.status is Status.READY_TO_CALL and before.status is Status.IN_PROGRESS:
            assert self.reached < self.policy.max_attempts

    def step(self, step: str, value: Any) -> None:
        now = self.now
        match step:
            case "free":
                opens = now + timedelta(minutes=value) if value else None
                self.tell(p.AgentFree(now, "1001", opens))
            case "wait":
                self.wait(timedelta(minutes=value))
            case "ended":
                self.tell(p.AttemptEnded(now, ATTEMPT, value))
            case "asked":
                self.tell(p.AskedAgain(now))
            case "told":
                self.tell(p.ClientTold(now))
            case "agreed":
                self.tell(p.Agreed(now))
            case "snoozed":
                self.tell(p.Snoozed(now, now + timedelta(minutes=45)))
            case "reassigned":
                self.tell(p.Reassigned(now, "1002"))
            case "canceled":
                self.tell(p.Canceled(now))
            case "began" if not self.is_spent:  # nobody calls a client who has had enough
                self.tell(p.AttemptBegan(now, ATTEMPT, "1001"))

    @property
    def is_spent(self) -> bool:
        return self.c.attempts >= self.policy.max_attempts

    def wait(self, how_long: timedelta) -> None:
        """Time passes, with a look whenever one is wanted."""
        until = self.now + how_long
        looks = 0
        while (at := self.c.looks_at(self.policy, self.now)) is not None and at <= until:
            self.now = max(self.now, at) + timedelta(microseconds=1)
            self.tell(p.Due(self.now))
            looks += 1
            assert looks < 20, "it is looked at again and again"
        self.now = max(self.now, until)


@settings(max_examples=400, deadline=None)
@given(policy=POLICIES, steps=st.lists(STEPS, max_size=30))
def test_whatever_happens_it_is_bounded_and_ends(policy: Policy, steps: list[tuple[str, Any]]) -> None:
    history = History(policy)
    for step, value in steps:
        history.step(step, value)
    if history.c.status is Status.IN_PROGRESS:
        history.tell(p.AttemptEnded(history.now, ATTEMPT, BUSY))
    for _ in itertools.repeat(None, 40):  # an agent becomes free once a day, at a closed hour
        history.wait(timedelta(days=1))
        history.tell(p.AgentFree(history.now, "1001", history.now + timedelta(hours=20)))
        if history.c.closed_at is not None:
            break
    assert history.c.closed_at is not None
