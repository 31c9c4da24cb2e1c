"""The transfer's table: complete, and right whatever happens in whatever order."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transfer.world import World
from voiced.facts import LOST, AskPbx
from voiced.table import fact_name
from voiced.transfer import facts as f
from voiced.transfer.causes import Ending, Status
from voiced.transfer.machine import IGNORED, TABLE, decide
from voiced.transfer.rules import RULES
from voiced.transfer.state import Dial, Fallback, Music, Phase, Transfer

FACTS = f.FACTS
PLAN = (Dial(), Dial(is_retry=True, delay_seconds=2), Dial(screening_seconds=5))


def a_fact(kind: type[f.Fact], at: float, attempt: int = 1, leg: str = "leg-1") -> f.Fact:
    values: dict[str, Any] = {"at": at, "attempt": attempt, "leg": leg, "cause": "USER_BUSY"}
    hints = get_type_hints(kind)
    return kind(**{name: values[name] for name in hints if name in values})


def every_transfer() -> Iterator[Transfer]:
    for phase, music, lost, dialled, here in itertools.product(
        Phase, Music, (False, True), (False, True), (False, True)
    ):
        yield Transfer(
            "t", PLAN, phase=phase, attempt=1, music=music, lost=lost, dialled=dialled, caller_here=here,
            agent="leg-1", legs=frozenset({"leg-1"}), until=1010.0, hold_until=1100.0, requested_at=1000.0,
        )  # fmt: skip


def test_every_fact_has_an_entry_in_every_state() -> None:
    assert set(TABLE) == {fact_name(kind) for kind in FACTS}
    for row in TABLE.values():
        assert set(row) == set(Phase)
        assert all(cell in RULES or cell in IGNORED for cell in row.values())


def test_every_rule_and_every_reason_is_used() -> None:
    used = {cell for row in TABLE.values() for cell in row.values()}
    assert used - set(IGNORED) <= set(RULES)
    assert set(IGNORED) <= used


@pytest.mark.parametrize("kind", FACTS, ids=fact_name)
def test_every_fact_can_come_in_every_state_and_leaves_a_deadline(kind: type[f.Fact]) -> None:
    for t in every_transfer():
        after, actions = decide(t, a_fact(kind, 1005.0))
        assert isinstance(actions, tuple)
        assert after.phase is Phase.ENDED or after.until > 0, (t, kind)
        if TABLE[fact_name(kind)][t.phase].startswith(".") and not t.lost:
            assert (after, actions) == (t, ())


def test_a_fact_of_an_attempt_that_is_over_ends_its_late_legs_and_nothing_else() -> None:
    t = Transfer("t", PLAN, phase=Phase.RINGING, attempt=2, dialled=True, until=1010, hold_until=1100)
    for kind in (f.LegCreated, f.Ringing, f.Answered):
        assert decide(t, a_fact(kind, 1005, attempt=1)) == (t, (f.EndLegs(1),))
    for kind in (f.LegEnded, f.JobFailed, f.Accepted, f.Refused, f.BridgeRefused):
        assert decide(t, a_fact(kind, 1005, attempt=1)) == (t, ())


def drive(t: Transfer, *facts: f.Fact) -> tuple[Transfer, list[f.Action]]:
    done: list[f.Action] = []
    for fact in facts:
        t, actions = decide(t, fact)
        done += actions
    return t, done


def requested(plan: tuple[Dial, ...] = (Dial(),)) -> Transfer:
    return drive(Transfer("t", plan), f.Requested(1000), f.IntentRecorded(1000, 1), f.HoldStarted(1000.1))[0]


def test_the_way_to_a_talk() -> None:
    t, done = drive(
        Transfer("t", (Dial(),)),
        f.Requested(1000), f.IntentRecorded(1000, 1), f.HoldStarted(1000.1), f.LegCreated(1000.2, 1, "a"),
        f.Ringing(1000.3, 1, "a"), f.Answered(1005, 1, "a"), f.HoldEnded(1005.02), f.Bridged(1005.06, "a"),
        f.LegEnded(1060, 1, "a", "NORMAL_CLEARING"), f.CallerEnded(1060.02, "NORMAL_CLEARING"),
    )  # fmt: skip
    assert done == [
        f.RecordIntent(1), f.HoldCaller(), f.DialAgent(1), f.BridgeLegs(1, "a"), f.Report(), f.ReportTalk(),
    ]  # fmt: skip
    assert (t.phase, t.status, t.talk_ended_by) == (Phase.ENDED, Status.SUCCESS, "agent")


def test_busy_brings_the_caller_back_and_ends_when_the_music_has_stopped() -> None:
    t, done = drive(
        requested(), f.LegCreated(1001, 1, "a"), f.LegEnded(1002, 1, "a", "USER_BUSY", "486"),
        f.JobFailed(1002, 1, "USER_BUSY"),
    )  # fmt: skip
    assert done == [f.StopMusic(), f.Report()]
    assert (t.phase, t.status) == (Phase.RETURNING, Status.BUSY)
    assert t.ending is not None
    assert (t.ending.cause, t.ending.sip_code, t.ending.ended_by) == ("USER_BUSY", "486", "agent")
    t, done = drive(t, f.HoldEnded(1002.1))
    assert (t.phase, done) == (Phase.ENDED, [f.ResumeAssistant()])


def test_a_busy_agent_is_tried_again_after_the_delay_and_only_with_a_recorded_intention() -> None:
    plan = (Dial(), Dial(delay_seconds=5, is_retry=True))
    t, done = drive(requested(plan), f.JobFailed(1002, 1, "USER_BUSY"))
    assert (t.phase, t.until, done) == (Phase.RETRYING, 1007, [])
    t, done = drive(t, f.Deadline(1007))
    assert done == [f.RecordIntent(2)]
    t, done = drive(t, f.IntentRecorded(1007.1, 2))
    assert (t.phase, t.attempt, done) == (Phase.DIALING, 2, [f.DialAgent(2)])


def test_who_has_refused_is_not_called_again_but_the_next_destination_is() -> None:
    plan = (Dial(), Dial(is_retry=True), Dial())
    t, _ = drive(requested(plan), f.JobFailed(1002, 1, "CALL_REJECTED"), f.Deadline(1002.1))
    assert t.attempt == 3
    t, _ = drive(requested(plan[:2]), f.JobFailed(1002, 1, "CALL_REJECTED"))
    assert (t.phase, t.status) == (Phase.RETURNING, Status.REJECTED)


def test_a_late_ending_of_attempt_1_does_not_hit_attempt_2() -> None:
    plan = (Dial(), Dial(is_retry=True))
    t, _ = drive(
        requested(plan), f.JobFailed(1002, 1, "USER_BUSY"), f.Deadline(1002.1), f.IntentRecorded(1002.2, 2),
        f.LegCreated(1002.3, 2, "b"),
    )  # fmt: skip
    assert drive(t, f.LegEnded(1002.4, 1, "a", "NO_ANSWER"), f.JobFailed(1002.4, 1, "NO_ANSWER")) == (t, [])


@pytest.mark.parametrize("moment", ["before", "during", "after"])
def test_a_caller_who_leaves_around_the_answer_is_never_bridged(moment: str) -> None:
    ringing, _ = drive(requested(), f.LegCreated(1001, 1, "a"), f.Ringing(1001, 1, "a"))
    gone, answer = f.CallerEnded(1005, "NORMAL_CLEARING"), f.Answered(1005, 1, "a")
    if moment == "before":
        t, done = drive(ringing, gone, answer)
        assert done == [f.EndLegs(1), f.Report(), f.ReleaseAgent("a")]
    else:
        t, done = drive(ringing, answer, *([f.BridgeRefused(1005, 1)] if moment == "after" else []), gone)
        assert f.ReleaseAgent("a") in done or f.EndLegs(1) in done
    assert t.status in (Status.CANCELLED, Status.FAILED)
    assert not t.caller_here
    assert t.caller_is_back, "whoever waits for the result is told at once"
    t, done = drive(t, f.LegEnded(1008, 1, "a", "NORMAL_CLEARING"))
    assert t.phase is Phase.ENDED


def test_a_leg_that_is_born_after_the_attempt_was_given_up_is_ended_at_its_birth() -> None:
    t, _ = drive(requested(), f.Cancelled(1001), f.HoldEnded(1001.1))
    assert t.phase is Phase.RETURNING, "the originate is still under way"
    t, done = drive(t, f.LegCreated(1001.5, 1, "a"))
    assert done == [f.EndLegs(1)]
    t, _ = drive(
        t, f.LegEnded(1001.6, 1, "a", "ORIGINATOR_CANCEL"), f.JobFailed(1001.6, 1, "ORIGINATOR_CANCEL")
    )
    assert (t.phase, t.status) == (Phase.ENDED, Status.CANCELLED)


def test_music_that_starts_too_late_is_stopped_when_it_starts_and_not_before() -> None:
    t, done = drive(
        Transfer("t", (Dial(),)), f.Requested(1000), f.IntentRecorded(1000, 1), f.Cancelled(1000.01)
    )
    assert f.StopMusic() not in done
    assert t.phase is Phase.RETURNING
    t, done = drive(t, f.HoldStarted(1001))
    assert done == [f.StopMusic()]
    t, done = drive(t, f.HoldEnded(1001.1))
    assert t.phase is Phase.ENDED


def test_music_is_not_stopped_once_a_bridge_has_taken_the_caller() -> None:
    bridging, _ = drive(requested(), f.LegCreated(1001, 1, "a"), f.Answered(1005, 1, "a"))
    over = f.LegEnded(1005.01, 1, "a", "NORMAL_CLEARING")
    _, done = drive(bridging, over, f.Deadline(1005.6), f.HoldEnded(1005.7))
    assert f.StopMusic() not in done
    _, done = drive(bridging, over, f.BridgeRefused(1005.02, 1))
    assert done[-1] == f.StopMusic(), "refused after all: the music still plays"


def test_a_caller_whom_the_switch_parked_is_sent_home_once() -> None:
    bridging, _ = drive(requested(), f.LegCreated(1001, 1, "a"), f.Answered(1005, 1, "a"))
    parked = (f.CallerParked(1005.06), f.CallerParked(1005.07))
    t, done = drive(bridging, f.LegEnded(1005.03, 1, "a", "NORMAL_CLEARING"), f.HoldEnded(1005.04), *parked)
    assert done.count(f.SendHome()) == 1
    assert t.phase is Phase.ENDED
    t, done = drive(bridging, f.CallerParked(1005.06), f.LegEnded(1005.07, 1, "a", "NORMAL_CLEARING"))
    assert done.count(f.SendHome()) == 1


def test_a_key_leaves_hold_and_a_finite_file_starts_again() -> None:
    t, done = drive(requested(), f.HoldEnded(1010, "*"))
    assert (t.phase, t.status) == (Phase.RETURNING, Status.CANCELLED)
    t, done = drive(requested(), f.HoldEnded(1010))
    assert (t.phase, done) == (Phase.DIALING, [f.HoldCaller()])
    t, done = drive(requested(), f.HoldEnded(1000.2))
    assert (t.music, done) == (Music.OVER, []), "music that lasts no time is not started for ever"


def test_the_agents_own_transfer_keeps_the_talk_going() -> None:
    t, _ = drive(requested(), f.Answered(1005, 1, "a"), f.Bridged(1005.1, "a"))
    t, done = drive(
        t, f.LegEnded(1050, 1, "a", "NORMAL_CLEARING"), f.Unbridged(1050), f.Rebridged(1050.4, "b"),
    )  # fmt: skip
    assert (t.phase, done) == (Phase.BRIDGED, [])
    t, done = drive(t, f.Unbridged(1090), f.Deadline(1091))
    assert (t.phase, done) == (Phase.ENDED, [f.ReportTalk()])


def test_no_database_refuses_the_request_and_leaves_the_caller_alone() -> None:
    t, done = drive(Transfer("t", (Dial(),)), f.Requested(1000), f.Deadline(1001))
    assert done == [f.RecordIntent(1)]
    assert (t.phase, t.status) == (Phase.ENDED, Status.FAILED)


def test_after_a_restart_a_recorded_intention_is_never_dialled_again() -> None:
    for phase in (Phase.PENDING, Phase.HOLDING, Phase.RETRYING):
        attempt = 2 if phase is Phase.RETRYING else 1
        t = Transfer("t", PLAN, phase=phase, attempt=attempt, following=2, until=1010)
        t, done = drive(
            t,
            f.PbxBack(1020, restarted=True),
            f.HoldFailed(1020),
            f.IntentRecorded(1020.1, t.attempt),
            f.Deadline(1022.1),
        )
        assert not [action for action in done if isinstance(action, f.DialAgent)]
        assert t.ending is not None or t.phase is Phase.RETRYING


def test_after_a_restart_the_next_attempt_is_waited_for_where_its_intention_was_not_recorded() -> None:
    busy = f.HoldStarted(1000.1), f.JobFailed(1001, 1, "USER_BUSY")
    t, _ = drive(requested((Dial(), Dial(delay_seconds=5, is_retry=True))), *busy)
    t, done = drive(t, f.PbxLost(1002), f.PbxBack(1003, restarted=True), f.HoldStarted(1003))
    assert (t.phase, t.attempt, t.until, done) == (Phase.RETRYING, 1, 1006, [])
    t, done = drive(t, f.Deadline(1006), f.IntentRecorded(1006.1, 2))
    assert (t.phase, t.dials, done) == (Phase.DIALING, 2, [f.RecordIntent(2), f.DialAgent(2)])


def test_both_who_wait_still_are_bridged_again() -> None:
    lost, _ = drive(bridging(), f.PbxLost(1003.1), f.PbxBack(1004), f.HoldStarted(1004))
    assert drive(lost, f.Answered(1004, 1, "a"))[1] == [], "another word of the same answer"
    assert drive(lost, f.Answered(1004, 1, "b", is_unbridged=True))[1] == [], "another phone"
    t, done = drive(lost, f.Answered(1004, 1, "a", is_unbridged=True))
    assert (t.phase, t.until, done) == (Phase.BRIDGING, 1007, [f.BridgeLegs(1, "a")])


def test_a_closed_destination_is_recorded_and_nobody_is_called_or_held() -> None:
    closed = Ending(Status.UNAVAILABLE, "CLOSED")
    t, done = drive(Transfer("t", (Dial(),), closed=closed), f.Requested(1000), f.IntentRecorded(1000.01, 1))
    assert done == [f.RecordIntent(1), f.Report()]
    assert (t.phase, t.status) == (Phase.ENDED, Status.UNAVAILABLE)


@pytest.mark.parametrize("fallback", Fallback)
def test_the_fallback_takes_the_caller_once_they_are_back(fallback: Fallback) -> None:
    t = Transfer("t", (Dial(),), fallback=fallback)
    held = (f.Requested(1000), f.IntentRecorded(1000, 1), f.HoldStarted(1000.1))
    t, done = drive(t, *held, f.JobFailed(1002, 1, "USER_BUSY"), f.HoldEnded(1002.1))
    stays = fallback in (Fallback.ASSISTANT, Fallback.CALLBACK)
    assert done[-1] == (f.ResumeAssistant() if stays else f.FallBack())
    assert t.phase is Phase.ENDED


def routed_in(*facts: f.Fact) -> tuple[Transfer, list[f.Action]]:
    t = Transfer("t", (Dial(),), fallback=Fallback.DIALPLAN)
    return drive(t, f.Requested(1000), f.IntentRecorded(1000, 1), f.HoldStarted(1000.1), *facts)


def test_the_dialplan_is_told_before_the_music_stops_and_the_call_goes_on() -> None:
    _, done = routed_in(f.JobFailed(1002, 1, "USER_BUSY"), f.HoldEnded(1002.1))
    assert done[3:] == [f.TellDialplan(), f.StopMusic(), f.Report(), f.FallBack()]


def test_a_call_without_its_session_has_gone_on_and_is_not_touched() -> None:
    t, done = routed_in(f.LegCreated(1001, 1, "a"), f.SessionEnded(1002), f.HoldEnded(1002.1))
    assert done[3:] == [f.ResumeAssistant(), f.EndLegs(1), f.Report()]
    assert t.ending is not None
    assert (t.status, t.ending.cause) == (Status.FAILED, "WENT_ON")
    t, done = routed_in(f.LegCreated(1001, 1, "a"), f.Answered(1002, 1, "a"), f.SessionEnded(1002))
    assert done[-1] == f.BridgeLegs(1, "a"), "a talk needs no session"
    t, done = drive(t, f.HoldEnded(1002.1), f.Bridged(1002.2, "a"))
    assert (t.phase, done) == (Phase.BRIDGED, [f.Report()])


def test_a_call_whose_session_somebody_else_has_is_given_back_like_any_other() -> None:
    t, done = routed_in(f.PbxLost(1001), f.PbxBack(1002), f.HoldStarted(1002), f.SessionEnded(1002, True))
    assert done[3:] == [f.TellDialplan(), f.StopMusic(), f.EndLegs(1), f.Report()]
    assert drive(t, f.HoldEnded(1002.1))[1] == [f.FallBack()]


def test_music_that_reaches_a_call_that_has_gone_on_is_stopped_if_it_plays() -> None:
    """It may have broken off in the moment in which it started; then a stop would hit the dialplan."""
    t = Transfer("t", (Dial(),), fallback=Fallback.DIALPLAN)
    t, done = drive(t, f.Requested(1000), f.IntentRecorded(1000.1, 1), f.SessionEnded(1000.2))
    assert (t.phase, done[2:]) == (Phase.RETURNING, [f.ResumeAssistant(), f.Report()])
    t, done = drive(t, f.HoldStarted(1000.3))
    assert done == [AskPbx()]
    assert drive(t, f.HoldEnded(1000.4))[0].phase is Phase.ENDED
    t, done = drive(t, f.HoldStarted(1000.5), f.SessionEnded(1000.5, is_held=True), f.HoldEnded(1000.6))
    assert (t.phase, done) == (Phase.ENDED, [f.StopMusic()])


def test_while_the_rest_is_ended_a_call_may_go_on() -> None:
    t, _ = routed_in(f.LegCreated(1001, 1, "a"), f.Cancelled(1002), f.SessionEnded(1002.1))
    assert (t.phase, t.caller_here) == (Phase.RETURNING, False)
    ends = f.HoldEnded(1002.1), f.LegEnded(1002.2, 1, "a", "X"), f.JobFailed(1002.3, 1, "X")
    assert drive(t, *ends)[0].phase is Phase.ENDED


def test_a_call_that_the_switch_has_parked_while_nobody_was_there_is_sent_home() -> None:
    _, done = routed_in(f.PbxLost(1001), f.PbxBack(1002, True), f.SessionEnded(1002, is_parked=True))
    assert done[3:] == [f.SendHome(), f.EndLegs(1), f.Report()]


def test_a_call_that_lost_its_session_before_it_was_held_is_never_held() -> None:
    t = Transfer("t", (Dial(),), fallback=Fallback.DIALPLAN)
    t, done = drive(t, f.Requested(1000), f.SessionEnded(1000.1), f.IntentRecorded(1000.2, 1))
    assert (t.phase, done) == (Phase.ENDED, [f.RecordIntent(1), f.Report()])


def test_who_leaves_hold_by_a_key_goes_back_to_the_assistant_whatever_the_fallback() -> None:
    t = Transfer("t", (Dial(),), fallback=Fallback.VOICEMAIL)
    _, done = drive(
        t, f.Requested(1000), f.IntentRecorded(1000, 1), f.HoldStarted(1000.1), f.HoldEnded(1003, "*")
    )
    assert f.FallBack() not in done


def test_an_agent_who_is_asked_takes_the_call_or_refuses_it_or_says_nothing() -> None:
    plan = (Dial(screening_seconds=8, with_key=True), Dial())
    asked, done = drive(requested(plan), f.Answered(1005, 1, "a"))
    assert (asked.phase, done) == (Phase.SCREENING, [f.ScreenAgent(1, "a")])
    _, done = drive(asked, f.Accepted(1008, 1))
    assert done == [f.BridgeLegs(1, "a")]
    for no in (f.Refused(1008, 1), f.Deadline(asked.until), f.LegEnded(1008, 1, "a", "NORMAL_CLEARING")):
        t, done = drive(asked, no)
        assert t.phase is Phase.RETRYING, "the next destination"
        assert f.BridgeLegs(1, "a") not in done
    t, done = drive(asked, f.Refused(1008, 1, "callback"))
    assert (t.status, t.ending and t.ending.cause) == (Status.REJECTED, "CALLBACK_WANTED")


def test_an_announcement_that_does_not_end_is_cut_short_and_the_two_are_bridged() -> None:
    told, _ = drive(requested((Dial(screening_seconds=8), Dial())), f.Answered(1005, 1, "a"))
    t, done = drive(told, f.Deadline(told.until))
    assert (t.phase, done) == (Phase.BRIDGING, [f.BridgeLegs(1, "a")])


@pytest.mark.parametrize(
    "fallback", [Fallback.VOICEMAIL, Fallback.HANGUP, Fallback.CALLBACK, Fallback.ASSISTANT]
)
def test_whom_the_agent_wants_to_call_back_hears_so_from_the_assistant(fallback: Fallback) -> None:
    t = Transfer("t", (Dial(screening_seconds=8, with_key=True),), fallback=fallback)
    start = f.Requested(1000), f.IntentRecorded(1000, 1), f.HoldStarted(1000.1), f.Answered(1005, 1, "a")
    t, done = drive(t, *start, f.Refused(1008, 1, "callback"), f.HoldEnded(1008.1))
    assert f.FallBack() not in done
    assert (done[-1], t.goes_to) == (f.ResumeAssistant(), Fallback.ASSISTANT)


def test_in_a_queue_that_nobody_comes_out_of_the_next_destination_is_dialled() -> None:
    """The queue has answered, so nobody but us says that the attempt is over."""
    waiting, _ = drive(requested((Dial(), Dial())), f.HoldStarted(1000.1), f.LegCreated(1001, 1, "a"))
    t, done = drive(waiting, f.Deadline(waiting.until))
    assert (t.phase, done) == (Phase.RETRYING, [f.EndLegs(1)])
    t, done = drive(t, f.Deadline(t.until), f.IntentRecorded(t.until, 2))
    assert (t.phase, done) == (Phase.DIALING, [f.RecordIntent(2), f.DialAgent(2)])
    t, done = drive(t, f.LegCreated(1040, 1, "late"))
    assert done == [f.EndLegs(1)]


def test_behind_a_job_that_may_yet_run_nothing_else_is_dialled() -> None:
    t, _ = drive(requested((Dial(), Dial())), f.HoldStarted(1000.1))
    t, done = drive(t, f.Deadline(t.until))
    assert (t.phase, t.ending and t.ending.cause) == (Phase.RETURNING, "NO_ANSWER")
    assert f.EndLegs(1) in done


# -- who has gone, and what is not known --------------------------------------------------------------------


def bridging() -> Transfer:
    held = f.HoldStarted(1000.1), f.LegCreated(1000.2, 1, "a"), f.Answered(1003, 1, "a")
    t, done = drive(requested(), *held)
    assert done[-1] == f.BridgeLegs(1, "a")
    return t


def test_a_bridge_is_refused_before_the_hangup_that_is_its_reason_is_told() -> None:
    t, done = drive(bridging(), f.BridgeRefused(1003.06, 1, "-ERR Invalid uuid"))
    assert (t.phase, done) == (Phase.BRIDGING, []), "which one has gone is told in a moment"
    gone, done = drive(t, f.CallerEnded(1003.07, "ORIGINATOR_CANCEL"))
    assert gone.ending == Ending(Status.CANCELLED, "ORIGINATOR_CANCEL", ended_by="caller")
    assert done == [f.ReleaseAgent("a"), f.Report()], "the agent is told that the caller left"
    alone, done = drive(t, f.LegEnded(1003.07, 1, "a", "USER_BUSY"))
    assert (alone.status, done) == (Status.BUSY, [f.StopMusic(), f.Report()])
    t, done = drive(t, f.Deadline(t.until))
    assert t.ending == Ending(Status.FAILED, "BRIDGE_FAILED", ended_by="voiced")
    assert done == [f.StopMusic(), f.EndLegs(1), f.Report()], "the caller hears our music, not nothing"


@pytest.mark.parametrize("why", [f.Cancelled(1004), f.HoldEnded(1004, "*")])
def test_an_agent_who_has_answered_is_told_when_the_call_is_called_off(why: f.Fact) -> None:
    plan = (Dial(screening_seconds=8),)
    asked, _ = drive(requested(plan), f.HoldStarted(1000.1), f.Answered(1003, 1, "a"))
    t, done = drive(asked, why)
    assert f.ReleaseAgent("a", is_asked=True) in done
    assert f.EndLegs(1) not in done
    t, done = drive(t, f.HoldEnded(1004.1), f.LegCreated(1005, 1, "a"), f.Deadline(t.until))
    assert f.EndLegs(1) not in done, "they are let hear the prompt to its end"
    t, done = drive(t, f.Deadline(t.until))
    assert f.EndLegs(1) in done, "but not for ever"


def test_an_intention_that_is_recorded_while_the_pbx_is_lost_keeps_its_deadline_for_later() -> None:
    t, _ = drive(Transfer("t", (Dial(),)), f.Requested(1000), f.PbxLost(1000.1))
    dark = t.until
    t, done = drive(t, f.IntentRecorded(1000.2, 1))
    assert (t.phase, t.until, done) == (Phase.HOLDING, dark, [f.HoldCaller()])
    t, done = drive(t, f.PbxBack(1000.3), f.HoldFailed(1000.3, LOST))
    assert done == [f.DialAgent(1)]
    assert t.until == pytest.approx(1000.3 + 30 + 5), "the ring time and its grace"


def test_a_pbx_that_is_lost_twice_before_it_has_answered_changes_no_deadline() -> None:
    plan = (Dial(), Dial(delay_seconds=2, is_retry=True))
    t, _ = drive(requested(plan), f.HoldStarted(1000.1), f.JobFailed(1001, 1, "USER_BUSY"))
    assert (t.phase, t.until) == (Phase.RETRYING, 1003)
    t, _ = drive(t, f.PbxLost(1001.5), f.PbxLost(1001.6), f.PbxBack(1001.7))
    assert t.until == pytest.approx(1003.7), "two seconds for what the tables do not show yet, and no more"


@pytest.mark.parametrize("is_unknown", [True, False])
def test_whether_they_have_talked_while_nobody_watched_is_not_guessed(is_unknown: bool) -> None:
    t, _ = drive(bridging(), f.PbxLost(1003.1), f.PbxBack(1009), f.CallerEnded(1009, LOST, is_unknown))
    assert t.ending is not None
    assert t.ending.ended_by == ("" if is_unknown else "caller")
    assert t.status is (Status.FAILED if is_unknown else Status.CANCELLED)


def test_who_ended_a_talk_that_nobody_watched_is_not_guessed() -> None:
    talk, _ = drive(bridging(), f.Bridged(1003.1, "a"), f.PbxLost(1004), f.PbxBack(1009))
    t, done = drive(talk, f.CallerEnded(1009, LOST))
    assert (t.talk_ended_by, t.talk_cause, done) == ("", LOST, [f.ReportTalk()])
    t, done = drive(talk, f.LegEnded(1009, 1, "a", LOST), f.Unbridged(1009), f.Deadline(1011))
    assert (t.talk_ended_by, t.talk_cause, done) == ("", LOST, [f.ReportTalk()])


def test_after_the_agent_has_passed_the_caller_on_their_leg_is_nobodys() -> None:
    talk, _ = drive(bridging(), f.Bridged(1003.1, "a"))
    for passed_on in (
        (f.LegEnded(1010, 1, "a", "ATTENDED_TRANSFER"), f.Rebridged(1010.1, "b")),
        (f.Rebridged(1010, "b"), f.LegEnded(1010.1, 1, "a", "ATTENDED_TRANSFER")),
    ):
        t, _ = drive(talk, *passed_on, f.CallerEnded(4000, "NORMAL_CLEARING"))
        assert (t.talk_ended_by, t.talk_cause) == ("caller", "NORMAL_CLEARING")


def test_a_caller_whom_a_daemon_that_is_gone_has_left_parked_is_sent_home() -> None:
    """It had bridged them, and the agent has left; the database knows only that the phone was called."""
    back = f.PbxLost(1002), f.PbxBack(1003, restarted=True)
    t, _ = drive(requested(), f.LegCreated(1001, 1, "a"), *back)
    parked = f.CallerParked(1003, is_stranded=True)
    t, done = drive(t, parked, f.HoldEnded(1003), f.LegEnded(1003, 1, "a", LOST))
    assert (t.phase, done[-1]) == (Phase.ENDED, f.SendHome())
    t, _ = drive(requested(), *back, parked, f.HoldEnded(1003))
    t, _ = drive(t, f.LegCreated(1003, 1, "a"), f.Answered(1003, 1, "a"), f.BridgeRefused(1003.1, 1))
    assert drive(t, f.LegEnded(1003.2, 1, "a", "X"))[1][-1] == f.SendHome()


def test_attempts_are_those_that_were_dialled() -> None:
    t, _ = drive(Transfer("t", (Dial(),)), f.Requested(1000), f.CallerEnded(1000.1, "X"))
    assert (t.attempt, t.dials) == (1, 0)
    plan = (Dial(), Dial(delay_seconds=2, is_retry=True))
    t, _ = drive(requested(plan), f.HoldStarted(1000.1), f.JobFailed(1001, 1, "USER_BUSY"), f.Deadline(1003))
    assert (t.attempt, t.dials) == (2, 1), "its intention is not recorded yet"
    t, _ = drive(t, f.IntentRecorded(1003.1, 2))
    assert t.dials == 2


# -- whatever happens -------------------------------------------------------------------------------------


@settings(max_examples=1500, deadline=None)
@given(st.data())
def test_wild_facts_in_any_order_never_break_it_and_it_ends(data: st.DataObject) -> None:
    t, now, done = Transfer("t", PLAN), 1000.0, []
    left = False
    for _ in range(data.draw(st.integers(0, 30))):
        now += data.draw(st.sampled_from([0.0, 0.1, 3.0, 40.0]))
        kind = data.draw(st.sampled_from(FACTS))
        attempt, leg = data.draw(st.integers(0, 4)), data.draw(st.sampled_from(["a", "b"]))
        fact = a_fact(kind, now, attempt, leg)
        t, actions = decide(t, fact)
        done += actions
        assert not (left and any(isinstance(action, f.BridgeLegs) for action in actions))
        left = left or (isinstance(fact, f.CallerEnded) and t.phase is not Phase.PENDING)
        if t.phase is not Phase.ENDED:
            assert t.until > 0 or t.phase is Phase.PENDING
    assert sum(isinstance(action, f.Report) for action in done) <= 1
    if t.phase is Phase.PENDING and not t.until:
        return  # never requested
    t, _ = decide(t, f.CallerEnded(now, "NORMAL_CLEARING"))
    for _ in range(200):
        if t.phase is Phase.ENDED:
            break
        t, actions = decide(t, f.Deadline(max(now, t.until)))
        done += actions
    assert t.phase is Phase.ENDED


PLANS = st.sampled_from([
    (Dial(),),
    (Dial(), Dial(delay_seconds=1, is_retry=True)),
    (Dial(), Dial(), Dial()),
    (Dial(screening_seconds=5), Dial(screening_seconds=5, is_retry=True, with_key=True), Dial()),
])  # fmt: skip


def assert_all_is_well(world: World) -> None:
    """After the end: nobody waits for music to stop, no leg has no peer, one result, no talk untold."""
    trail = "\n".join(world.trail)
    assert not (world.caller and world.music == "playing"), "a caller on hold without an owner\n" + trail
    assert not (world.caller and world.parked), "a caller in silence\n" + trail
    lone = [
        leg for leg in world.legs.values()
        if not leg.bridged and leg.attempt not in world.lost_jobs and leg.uuid not in world.doomed
    ]  # fmt: skip
    assert not lone, "a leg without a peer\n" + trail  # those that are born later, whoever owns the PBX ends
    assert all(world.bridge_commands), "a bridge for a caller who has left\n" + trail
    if world.recorded:
        assert len(world.reports) == 1, f"{len(world.reports)} results\n" + trail
    stays_paused = world.fallback in (Fallback.VOICEMAIL, Fallback.HANGUP) or world.has_talked
    assert not (world.caller and world.is_paused) or stays_paused, "a deaf and mute assistant\n" + trail
    if world.has_talked and world.t.ending:
        assert world.t.ending.ended_by != "caller", "a guess\n" + trail
    assert len(world.homecomings) <= 1, "sent away twice\n" + trail
    assert world.talks == (1 if world.t.bridged_at else 0), trail


@settings(max_examples=2000, deadline=None)
@given(st.data())
def test_any_course_of_events_ends_well(data: st.DataObject) -> None:
    world = World(data.draw(PLANS), data.draw(st.sampled_from(Fallback)))
    undisturbed = ["record", "music_starts", "leg_born", "rings", "answers", "bridged"]
    for event in undisturbed[: data.draw(st.integers(0, 6))]:
        if event in world.possible():  # who is asked first is not bridged yet
            world.happen(event)
    for _ in range(data.draw(st.integers(0, 40))):
        if world.t.phase is Phase.ENDED:
            break
        if world.recorded and data.draw(st.integers(0, 30)) == 30:
            world.restart(data.draw(st.integers(0, 20)))
        else:
            world.happen(data.draw(st.sampled_from(world.possible())), data.draw(st.integers(0, 3)))
    # from here on nothing new goes wrong; what is under way comes to its end
    settling = [
        "back",
        "asked",
        "record",
        "music_starts",
        "music_stops",
        "doom",
        "release",
        "bridged",
        "deadline",
    ]
    for _ in range(300):
        if world.t.phase is Phase.ENDED:
            break
        talking = [leg for leg in world.legs.values() if leg.bridged]
        if talking and not world.offline:
            world.happen("caller_leaves")
            continue
        able = set(world.possible())
        world.happen(next(event for event in settling if event in able))
    assert world.t.phase is Phase.ENDED, "\n".join(world.trail)
    if world.offline:
        return  # the switch's own limits end what is left, and recovery when it is back
    assert_all_is_well(world)
