"""The attempt's table: complete, and right whatever happens in whatever order."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.callback.world import World
from voiced.callback import facts as f
from voiced.callback.machine import IGNORED, RULES, TABLE, decide
from voiced.callback.outcome import Budget, Outcome, Result, Side
from voiced.callback.state import Attempt, Line, Phase
from voiced.table import fact_name

ON = Line(legs=frozenset({"leg"}), answered="leg")
RINGS = Line(legs=frozenset({"leg"}), dialled=True)


def a_fact(kind: type[f.Fact], at: float, side: Side = Side.AGENT, leg: str = "leg") -> f.Fact:
    values: dict[str, Any] = {
        "at": at, "side": side, "leg": leg, "cause": "USER_BUSY", "agent": "leg", "client": "leg",
    }  # fmt: skip
    hints = get_type_hints(kind)
    return kind(**{name: values[name] for name in hints if name in values})


def every_attempt() -> Iterator[Attempt]:
    lines = (Line(), RINGS, ON, Line(dialled=True, job_lost=True))
    for phase, first, confirms, lost, agent, client in itertools.product(
        Phase, Side, (False, True), (False, True), lines, lines
    ):
        yield Attempt(
            "a", first, confirms, phase=phase, lost=lost, agent=agent, client=client, until=1010.0,
            requested_at=1000.0, called_at=1000.0,
        )  # fmt: skip


def test_every_rule_and_every_reason_is_used() -> None:
    used = {cell for row in TABLE.values() for cell in row.values()}
    assert used <= set(RULES) | set(IGNORED)
    assert set(IGNORED) <= used
    assert {name for name in RULES if not name.startswith("_")} <= used | {"abandon", "job_over"}


@pytest.mark.parametrize("kind", f.FACTS, ids=fact_name)
def test_every_fact_can_come_in_every_phase_and_leaves_a_deadline(kind: type[f.Fact]) -> None:
    for a, side in itertools.product(every_attempt(), Side):
        after, actions = decide(a, a_fact(kind, 1005.0, side))
        assert after.phase is Phase.ENDED or after.until > 0, (a, kind)
        if TABLE[fact_name(kind)][a.phase].startswith(".") and not a.lost:
            assert (after, actions) == (a, ())


def drive(a: Attempt, *facts: f.Fact) -> tuple[Attempt, list[f.Action]]:
    done: list[f.Action] = []
    for fact in facts:
        a, actions = decide(a, fact)
        done += actions
    return a, done


AGENT, CLIENT = Side.AGENT, Side.CLIENT
AGENT_ANSWERS = (f.Requested(1000), f.IntentRecorded(1000, AGENT), f.Answered(1003, AGENT, "a"))
CLIENT_ANSWERS = (f.IntentRecorded(1003, CLIENT), f.Answered(1010, CLIENT, "c"))


def test_agent_first() -> None:
    a, done = drive(Attempt("a"), *AGENT_ANSWERS, *CLIENT_ANSWERS, f.Bridged(1010.1, "a", "c"))
    assert done == [
        f.RecordIntent(AGENT), f.Dial(AGENT), f.PlayTone(AGENT, "a"), f.RecordIntent(CLIENT), f.Dial(CLIENT),
        f.BridgeLegs("c", "a"), f.ReportConnected(),
    ]  # fmt: skip
    ends = [f.LegEnded(1070.1, CLIENT, "c", "NORMAL_CLEARING"), f.LegEnded(1070.2, AGENT, "a", "X")]
    a, done = drive(a, *ends)
    assert a.phase is Phase.ENDED
    assert a.outcome == Outcome(Result.COMPLETED, "", "NORMAL_CLEARING")
    assert a.talk_seconds == pytest.approx(60)
    assert done == [f.EndLegs(AGENT), f.ReportEnd()]


def test_client_first_takes_the_call_with_a_key_before_the_agent_is_called() -> None:
    a, done = drive(
        Attempt("a", CLIENT, client_confirms=True), f.Requested(1000), f.IntentRecorded(1000, CLIENT),
        f.Answered(1005, CLIENT, "c"),
    )  # fmt: skip
    assert (a.phase, done[-1]) == (Phase.ASKING, f.AskKey("c"))
    a, done = drive(a, f.Accepted(1009))
    assert done == [f.PlayTone(CLIENT, "c"), f.RecordIntent(AGENT)]
    a, done = drive(a, f.IntentRecorded(1009, AGENT), f.Answered(1012, AGENT, "a"))
    assert done == [f.Dial(AGENT), f.BridgeLegs("c", "a")]


@pytest.mark.parametrize(
    ("facts", "result", "leg", "budget"),
    [
        ([*AGENT_ANSWERS[:2], f.JobFailed(1001, AGENT, "USER_BUSY")], Result.BUSY, "agent", Budget.AGENT),
        ([*AGENT_ANSWERS[:2], f.Deadline(1036)], Result.NO_ANSWER, "agent", Budget.AGENT),
        ([*AGENT_ANSWERS, f.LegEnded(1004, AGENT, "a", "NORMAL_CLEARING")],
         Result.LEFT, "agent", Budget.AGENT),
        ([*AGENT_ANSWERS, CLIENT_ANSWERS[0], f.JobFailed(1009, CLIENT, "USER_BUSY")],
         Result.BUSY, "client", Budget.BUSY),
        ([*AGENT_ANSWERS, CLIENT_ANSWERS[0], f.JobFailed(1009, CLIENT, "NO_ANSWER")],
         Result.NO_ANSWER, "client", Budget.NO_ANSWER),
        ([*AGENT_ANSWERS, CLIENT_ANSWERS[0], f.JobFailed(1009, CLIENT, "UNALLOCATED_NUMBER")],
         Result.UNAVAILABLE, "client", Budget.OTHER),
        ([*AGENT_ANSWERS, CLIENT_ANSWERS[0], f.Deadline(1068)], Result.NO_ANSWER, "client", Budget.NO_ANSWER),
        ([*AGENT_ANSWERS, f.Deadline(1004)], Result.FAILED, "", Budget.NONE),
        ([*AGENT_ANSWERS, *CLIENT_ANSWERS, f.BridgeRefused(1010)], Result.FAILED, "", Budget.NONE),
        ([*AGENT_ANSWERS, CLIENT_ANSWERS[0], f.PbxLost(1009), f.PbxBack(1010, True),
          f.LegEnded(1011, AGENT, "a", "NORMAL_CLEARING")], Result.FAILED, "", Budget.NONE),
        ([*AGENT_ANSWERS, f.Cancelled(1004)], Result.CANCELLED, "", Budget.NONE),
        ([f.Requested(1000), f.Deadline(1001)], Result.FAILED, "", Budget.NONE),
    ],
)  # fmt: skip
def test_every_ending_has_its_leg_and_its_budget(
    facts: list[f.Fact], result: Result, leg: str, budget: Budget
) -> None:
    a, done = drive(Attempt("a"), *facts)
    assert a.outcome is not None
    assert (a.outcome.result, a.outcome.leg, a.outcome.budget) == (result, leg, budget)
    assert done.count(f.ReportEnd()) == 1


@pytest.mark.parametrize(
    ("fact", "result"),
    [
        (f.Refused(1012), Result.MACHINE),
        (f.Deadline(1045), Result.MACHINE),
        (f.Refused(1012, "2"), Result.REJECTED),
    ],
)
def test_a_machine_presses_no_key_and_the_agent_is_told(fact: f.Fact, result: Result) -> None:
    a, done = drive(Attempt("a", client_confirms=True), *AGENT_ANSWERS, *CLIENT_ANSWERS, fact)
    assert a.outcome is not None
    assert (a.outcome.result, a.outcome.leg) == (result, "client")
    assert done[-3:] == [f.Release(AGENT, "a"), f.EndLegs(CLIENT), f.ReportEnd()]


def test_a_tone_that_begins_in_the_talk_is_stopped() -> None:
    a, _ = drive(Attempt("a"), *AGENT_ANSWERS, *CLIENT_ANSWERS)
    assert decide(a, f.ToneStarted(1010.05, AGENT, "a"))[1] == (f.StopTone("a"),)


def test_a_client_who_is_passed_on_goes_on_talking() -> None:
    a, _ = drive(Attempt("a"), *AGENT_ANSWERS, *CLIENT_ANSWERS, f.Bridged(1010, "a", "c"))
    a, done = drive(a, f.LegEnded(1030, AGENT, "a", "BLIND_TRANSFER"), f.PassedOn(1030.2, "other"))
    assert (a.phase, done) == (Phase.CONNECTED, [])
    a, done = drive(a, f.LegEnded(1090, CLIENT, "c", "NORMAL_CLEARING"))
    assert (a.phase, a.talk_seconds) == (Phase.ENDED, 80.0)


STEPS = st.one_of(
    st.tuples(st.sampled_from(["commit", "carry_out", "ring", "answer", "hang_up"]), st.integers(0, 3)),
    st.tuples(st.just("fail"), st.integers(0, 3)),
    st.tuples(st.just("wait"), st.sampled_from([0.1, 1.0, 2.5, 40.0])),
    st.tuples(st.just("lose"), st.booleans()),
    st.tuples(st.just("come_back"), st.just(0)),
    st.tuples(st.just("restart"), st.integers(0, 4)),
    st.tuples(st.just("cancel"), st.just(0)),
)


@settings(max_examples=1500, deadline=None)
@given(first=st.sampled_from(Side), confirms=st.booleans(), steps=st.lists(STEPS, max_size=25))
def test_whatever_happens_it_ends_once_and_nobody_is_left_alone(
    first: Side, confirms: bool, steps: list[tuple[str, Any]]
) -> None:
    world = World(Attempt("a", first, confirms))
    for step, value in steps:
        match step:
            case "fail":
                world.carry_out(value, fails=True)
            case "wait":
                world.wait(value)
            case "lose":
                world.lose(originates_late=value)
            case "come_back":
                world.come_back(restarted=False)
            case "restart":
                world.come_back(restarted=True, forgets=value, originates_late=value % 2 == 0)
            case "cancel":
                world.tell(f.Cancelled(world.now), heard=False)
            case _:
                getattr(world, step)(value)
    world.settle()
    trail = "\n".join(world.trail)
    assert world.a.phase is Phase.ENDED, trail
    assert world.a.outcome is not None, trail
    assert all(leg.state == "gone" for leg in world.legs.values()), trail
    assert len(world.dials) == len(set(world.dials)), f"a side was dialled twice\n{trail}"
    ends = [report for report in world.reports if isinstance(report, f.ReportEnd)]
    if not any(step == "restart" for step, _ in steps):
        assert len(ends) == 1, trail
