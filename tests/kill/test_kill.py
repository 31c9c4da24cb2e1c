"""Something happens to the daemon before and after every step of a transfer, and all is well soon."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable
from typing import Final

import pytest

from tests.kill.daemon import FOLLOWED
from tests.kill.scenarios import SCENARIOS
from tests.kill.stage import CUT_SECONDS
from tests.kill.steps import Side
from tests.kill.transfers import Transfers
from tests.kill.ways import (
    LIMITS,
    OVER,
    WELL,
    assert_kept_quiet,
    cases,
    database_goes,
    database_is_back,
    owner_and_standby,
)
from voiced.sim import Manner

LIMITED: Final = {"longest_hold_seconds": 2, "ring_timeout_seconds": 1}

# Steps that no other waits for: they come before something else, after it, or not at all. Those of a call
# routed in; of recovery's second look, a second after the daemon has begun; of prompts while a phone rings,
# which it does for a second less, at times (the switch counts whole ones).
AT_TIMES: Final = re.compile(
    "exit|commit-caller_parked|commit-session_ended|uuid_dump-[0-9]+"
    "|(mark|hold|unmark|uuid_fileman|commit-hold_started)-[3-9]"
)

# What runs without --every-step: around what cannot be undone, and one of everything else.
SAMPLE: Final = {
    "restart": """
        answered-commit-intention-after answered-originate-before answered-originate-after
        answered-uuid_bridge-before answered-uuid_bridge-after busy-commit-delivered-before
        busy_then_answered-originate-2-after caller_leaves_at_the_answer-commit-answered-after
        screened-commit-answered-after ring_group-originate-after
        routed_in_busy-connect-before routed_in_busy-mark-after routed_in_busy-originate-after
        routed_in_busy-uuid_fileman-before routed_in_answered-uuid_bridge-before
        routed_in_agent_leaves_at_the_answer-uuid_bridge-after
    """,
    "standby": """
        queue-commit-answered-after assistant_leaves-commit-assistant_left-after
        routed_in_busy-commit-leg_ended-after
    """,
    "cut": """
        answered-originate-after screened-screen-before caller_leaves-hupall-before
        routed_in_busy-hold-before routed_in_answered-originate-after
    """,
    "one": "routed_in_busy-originate-after routed_in_answered-hold-after",
    "nobody": """
        answered-originate-after busy-commit-leg_ended-after screened-commit-answered-after
        routed_in_busy-connect-after routed_in_answered-hold-after
    """,
}


def steps(way: str, sides: Iterable[Side] = ("before", "after"), which: str = "") -> list[object]:
    """Every step of every scenario (whose name begins so)."""
    return cases(SCENARIOS, SAMPLE[way], sides, which)


@pytest.mark.parametrize("name", SCENARIOS)
async def test_undisturbed_it_takes_these_steps(name: str, transfers: Transfers) -> None:
    scenario, stage = SCENARIOS[name], transfers.stage
    daemon = stage.start(**scenario.transfer)
    await daemon.owns()
    expected = scenario.steps.split()
    async with scenario.begun(transfers, daemon.client):
        await stage.steps.until("commit-intention" if scenario.status else "exit")
        await stage.over_by(time.monotonic() + 10)
    await stage.assert_the_story_is_told_once()
    assert [row["status"] for row in await transfers.rows()] == [scenario.status] * bool(scenario.status)
    seen = [step for step in stage.steps.seen if step in expected or not AT_TIMES.fullmatch(step)]
    assert sorted(seen) == sorted(expected), " ".join(seen)
    await transfers.assert_the_next_works(daemon.client)


@pytest.mark.parametrize(("name", "step", "side"), steps("restart"))
async def test_killed_and_started_again(name: str, step: str, side: Side, transfers: Transfers) -> None:
    scenario, stage = SCENARIOS[name], transfers.stage
    daemon = stage.start(**scenario.transfer)
    await daemon.owns()
    async with scenario.begun(transfers, daemon.client, step, side, stage.kill(daemon)):
        daemon = stage.start(**scenario.transfer)
        await daemon.reached()  # a busy machine may take seconds to import everything
        await stage.well_by(time.monotonic() + WELL)
        await stage.over_by(time.monotonic() + OVER, hang_up=True)
    await daemon.owns()
    await transfers.assert_the_next_works(daemon.client)


@pytest.mark.parametrize(("name", "step", "side"), steps("standby", ["after"]))
async def test_killed_and_another_takes_over(name: str, step: str, side: Side, transfers: Transfers) -> None:
    scenario, stage = SCENARIOS[name], transfers.stage
    daemon = stage.start(**scenario.transfer)
    await daemon.owns()
    standby = stage.start(**scenario.transfer)
    await standby.ready()
    async with scenario.begun(transfers, daemon.client, step, side, stage.kill(daemon)):
        deadline = time.monotonic() + WELL
        await standby.owns()
        assert time.monotonic() < deadline
        await stage.well_by(deadline)
        await stage.over_by(time.monotonic() + OVER, hang_up=True)
    await transfers.assert_the_next_works(standby.client)


@pytest.mark.parametrize(("name", "step", "side"), steps("cut"))
async def test_the_event_socket_is_cut(name: str, step: str, side: Side, transfers: Transfers) -> None:
    scenario, stage = SCENARIOS[name], transfers.stage
    daemon = stage.start(**scenario.transfer)
    await daemon.owns()
    async with scenario.begun(transfers, daemon.client, step, side, stage.cut()):
        await stage.well_by(time.monotonic() + CUT_SECONDS + WELL)
        await stage.over_by(time.monotonic() + OVER, hang_up=True)
    await daemon.ready()
    await transfers.assert_the_next_works(daemon.client)


@pytest.mark.parametrize(("name", "step", "side"), steps("one", ["after"], "routed_in"))
@pytest.mark.parametrize("kept", ["sessions", "pbx"])
async def test_one_of_the_two_is_cut(
    name: str, step: str, side: Side, kept: str, transfers: Transfers
) -> None:
    """The event socket, or the sessions of calls routed in."""
    scenario, stage = SCENARIOS[name], transfers.stage
    daemon = stage.start(**scenario.transfer)
    await daemon.owns()
    blow = stage.cut(sessions=False) if kept == "sessions" else stage.cut_sessions()
    async with scenario.begun(transfers, daemon.client, step, side, blow):
        await stage.well_by(time.monotonic() + CUT_SECONDS + WELL)
        await stage.over_by(time.monotonic() + OVER, hang_up=True)
    await daemon.ready()
    await transfers.assert_the_next_works(daemon.client)


@pytest.mark.parametrize(("name", "step", "side"), steps("nobody", ["after"]))
async def test_killed_for_good_the_switch_ends_it_alone(
    name: str, step: str, side: Side, transfers: Transfers
) -> None:
    scenario, stage = SCENARIOS[name], transfers.stage
    daemon = stage.start(LIMITS, **{**LIMITED, **scenario.transfer})
    await daemon.owns()
    async with scenario.begun(transfers, daemon.client, step, side, stage.kill(daemon)):
        deadline = time.monotonic() + 8
        while complaints := stage.callers_and_legs():
            assert time.monotonic() < deadline, await stage.said("\n".join(complaints))
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("answered", "originate"),  # the phone is picked up while the owner sleeps
        pytest.param("answered", "commit-bridged", marks=pytest.mark.every_step),
        pytest.param("no_answer", "commit-ringing", marks=pytest.mark.every_step),
        ("routed_in_busy", "originate"),
        pytest.param("routed_in_busy", "commit-intention", marks=pytest.mark.every_step),
        pytest.param("routed_in_busy", "unmark", marks=pytest.mark.every_step),
        pytest.param("routed_in_answered", "commit-ringing", marks=pytest.mark.every_step),
        ("busy_then_answered", "commit-job_failed"),  # the second attempt is due while it sleeps
        pytest.param("caller_leaves", "commit-ringing", marks=pytest.mark.every_step),
    ],
)
async def test_a_paused_owner_is_followed_and_does_nothing_when_it_goes_on(
    name: str, step: str, transfers: Transfers
) -> None:
    scenario, stage = SCENARIOS[name], transfers.stage
    paused, standby = await owner_and_standby(stage, **scenario.transfer)
    async with scenario.begun(transfers, paused.client, step, "after", stage.pause(paused)):
        await standby.owns()
        so_far = len(stage.switch.commands)
        paused.go_on()
        await paused.has_said(FOLLOWED)
        await stage.well_by(time.monotonic() + WELL)
        await stage.over_by(time.monotonic() + OVER, hang_up=True)
    assert_kept_quiet(paused, stage, so_far)
    await transfers.assert_the_next_works(paused.client)  # through the owner


@pytest.mark.parametrize("way", ["stopped", "silent"])
@pytest.mark.parametrize(
    "seconds", [4, pytest.param(20, marks=pytest.mark.every_step)], ids=lambda seconds: f"{seconds}s"
)
async def test_postgresql_is_away_during_calls(way: str, seconds: int, transfers: Transfers) -> None:
    """One talks, one waits for an agent who answers, one for an agent who declines; two more want to."""
    stage = transfers.stage
    daemon = stage.start(ring_timeout_seconds=60)
    await daemon.owns()
    await stage.start().ready()  # a standby: the owner is not dead, its database is
    later, never = (stage.switch.phone(user, Manner.RING) for user in ("1003", "1004"))
    talking, waiting, hoping, asking = [await stage.call(number=f"551199999000{i}") for i in range(4)]
    assert (await transfers.ask(daemon.client, talking, wait=5)).json()["status"] == "success"
    await transfers.ask(daemon.client, waiting, "1003")
    await transfers.ask(daemon.client, hoping, "1004")
    await stage.switch.until(lambda: later.ringing and never.ringing)
    await database_goes(way, stage)
    gone = time.monotonic()
    later.answer()
    await stage.switch.until(lambda: waiting.talks_to is later)
    never.hangup()
    await stage.switch.until(lambda: stage.is_with_assistant(hoping))
    refused = await transfers.ask(daemon.client, asking)
    assert (refused.status_code, refused.json()["error"]) == (503, "database_is_away")
    assert time.monotonic() - gone < 3, "nobody waits for the database"
    stage.leaves(talking)
    while time.monotonic() < gone + seconds:
        assert asking.hears == "assistant", "the caller is not touched"
        assert waiting.talks_to is later
        await asyncio.sleep(0.05)
    await database_is_back(way, stage)
    await stage.over_by(time.monotonic() + OVER, hang_up=True)
    await stage.assert_the_story_is_told_once()
    statuses = [row["status"] for row in await transfers.rows()]
    assert statuses == ["success", "success", "busy"]
    assert not any(other.owned for other in stage.daemons[1:]), "the standby took over"
    await stage.owner_beats()
    await transfers.assert_the_next_works(daemon.client)
