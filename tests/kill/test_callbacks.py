"""Something happens to the daemon before and after every step of a callback, and the promise is kept."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable
from typing import Final

import pytest

from tests.kill.callback_scenarios import SCENARIOS
from tests.kill.callbacks import Callbacks
from tests.kill.daemon import FOLLOWED
from tests.kill.stage import CUT_SECONDS
from tests.kill.steps import Blow, Side
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

# What no step waits for: each look at a leg that may be there still, a second after another.
AT_TIMES: Final = re.compile("uuid_dump(-[0-9]+)?")
ALONE: Final = 30.0  # seconds for the switch to end what waits alone: what is told, the tone, the parking
AWAY: Final = 4.0  # seconds that the database is away at the least

# What runs without --every-step: around what cannot be undone, and one of everything else.
SAMPLE: Final = {
    "restart": """
        kept-commit-attempt-after kept-originate-after kept-originate-2-after kept-uuid_bridge-after
        kept-commit-settled-before canceled_while_it_rings-commit-canceled-after
        client_first-screen-after busy_then_answered-commit-attempt_ended-after ordered-originate-2-after
    """,
    "standby": "client_first-tone-after client_first-screen-after canceled_while_it_rings-hupall-after",
    "cut": "kept-originate-2-before client_first-uuid_bridge-after",
    "nobody": "kept-commit-answered-after client_first-screen-after",
}


def steps(way: str, sides: Iterable[Side] = ("before", "after")) -> list[object]:
    """Every step of every scenario."""
    return cases(SCENARIOS, SAMPLE[way], sides)


@pytest.mark.parametrize("name", SCENARIOS)
async def test_undisturbed_it_takes_these_steps(name: str, callbacks: Callbacks) -> None:
    scenario, stage = SCENARIOS[name], callbacks.stage
    stage.callback |= scenario.callback
    daemon = stage.start(scenario.limits)
    await daemon.owns()
    expected = scenario.steps.split()
    async with scenario.begun(callbacks, daemon.client):
        await stage.steps.until("commit-attempt")
        await stage.over_by(time.monotonic() + scenario.over)
    await stage.assert_the_story_is_told_once()
    await scenario.assert_ended_well(callbacks)
    seen = [step for step in stage.steps.seen if not AT_TIMES.fullmatch(step)]
    assert sorted(seen) == sorted(expected), " ".join(seen)
    await callbacks.assert_the_next_works(daemon.client)


@pytest.mark.parametrize(("name", "step", "side"), steps("restart"))
async def test_killed_and_started_again(name: str, step: str, side: Side, callbacks: Callbacks) -> None:
    scenario, stage = SCENARIOS[name], callbacks.stage
    stage.callback |= scenario.callback
    daemon = stage.start(scenario.limits)
    await daemon.owns()
    async with scenario.begun(callbacks, daemon.client, step, side, stage.kill(daemon)):
        daemon = stage.start(scenario.limits)
        await daemon.reached()  # a busy machine may take seconds to import everything
        await stage.well_by(time.monotonic() + WELL)
        await stage.over_by(time.monotonic() + scenario.over)
    await daemon.owns()
    await scenario.assert_ended_well(callbacks)
    await callbacks.assert_the_next_works(daemon.client)


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("kept", "uuid_bridge"),
        ("client_first", "commit-bridged"),
        pytest.param("kept", "commit-bridged", marks=pytest.mark.every_step),
        pytest.param("client_first", "uuid_bridge", marks=pytest.mark.every_step),
        pytest.param("ordered", "uuid_bridge", marks=pytest.mark.every_step),
        pytest.param("ordered", "commit-bridged", marks=pytest.mark.every_step),
    ],
)
async def test_killed_and_the_talk_ends_while_nobody_watches(
    name: str, step: str, callbacks: Callbacks
) -> None:
    scenario, stage = SCENARIOS[name], callbacks.stage
    stage.callback |= scenario.callback
    daemon = stage.start()
    await daemon.owns()
    async with scenario.begun(callbacks, daemon.client, step, "after", stage.kill(daemon)):
        await stage.switch.until(lambda: callbacks.are_talking)
        callbacks.hang_up_talks()
        await stage.switch.until(lambda: not stage.switch.channels)
        daemon = stage.start()
        await daemon.reached()
        await stage.well_by(time.monotonic() + WELL)
        await stage.over_by(time.monotonic() + scenario.over)
    await scenario.assert_ended_well(callbacks)
    assert callbacks.line.calls == 1, "they have talked"
    await callbacks.assert_the_next_works(daemon.client)


@pytest.mark.parametrize(("name", "step", "side"), steps("standby", ["after"]))
async def test_killed_and_another_takes_over(name: str, step: str, side: Side, callbacks: Callbacks) -> None:
    scenario, stage = SCENARIOS[name], callbacks.stage
    stage.callback |= scenario.callback
    daemon, standby = await owner_and_standby(stage, scenario.limits)
    async with scenario.begun(callbacks, daemon.client, step, side, stage.kill(daemon)):
        deadline = time.monotonic() + WELL
        await standby.owns()
        await stage.well_by(deadline)
        await stage.over_by(time.monotonic() + scenario.over)
    await scenario.assert_ended_well(callbacks)
    await callbacks.assert_the_next_works(standby.client)


@pytest.mark.parametrize(("name", "step", "side"), steps("cut"))
async def test_the_event_socket_is_cut(name: str, step: str, side: Side, callbacks: Callbacks) -> None:
    scenario, stage = SCENARIOS[name], callbacks.stage
    stage.callback |= scenario.callback
    daemon = stage.start(scenario.limits)
    await daemon.owns()
    async with scenario.begun(callbacks, daemon.client, step, side, stage.cut()):
        await stage.well_by(time.monotonic() + CUT_SECONDS + WELL)
        await stage.over_by(time.monotonic() + scenario.over)
    await daemon.ready()
    await scenario.assert_ended_well(callbacks)
    await callbacks.assert_the_next_works(daemon.client)


@pytest.mark.parametrize(("name", "step", "side"), steps("nobody", ["after"]))
async def test_killed_for_good_the_switch_ends_it_alone(
    name: str, step: str, side: Side, callbacks: Callbacks
) -> None:
    scenario, stage = SCENARIOS[name], callbacks.stage
    stage.callback |= scenario.callback
    daemon = stage.start({**LIMITS, **scenario.limits})
    await daemon.owns()
    async with scenario.begun(callbacks, daemon.client, step, side, stage.kill(daemon)):
        deadline = time.monotonic() + ALONE
        while complaints := stage.callers_and_legs():
            assert time.monotonic() < deadline, await stage.said("\n".join(complaints))
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("kept", "originate"),  # the agent picks up while the owner sleeps
        ("canceled_while_it_rings", "commit-ringing"),  # canceled while nobody is awake to end the call
        pytest.param("kept", "originate-2", marks=pytest.mark.every_step),  # the client picks up
        pytest.param("kept", "uuid_bridge", marks=pytest.mark.every_step),
        pytest.param("client_first", "screen", marks=pytest.mark.every_step),
        pytest.param("client_does_not_answer", "commit-ringing-2", marks=pytest.mark.every_step),
        pytest.param("busy_then_answered", "commit-settled", marks=pytest.mark.every_step),  # a retry is due
        pytest.param("ordered", "originate-2", marks=pytest.mark.every_step),
    ],
)
async def test_a_paused_owner_is_followed_and_does_nothing_when_it_goes_on(
    name: str, step: str, callbacks: Callbacks
) -> None:
    scenario, stage = SCENARIOS[name], callbacks.stage
    stage.callback |= scenario.callback
    paused, standby = await owner_and_standby(stage, scenario.limits)
    async with scenario.begun(callbacks, paused.client, step, "after", stage.pause(paused)):
        await standby.owns()
        so_far = len(stage.switch.commands)
        paused.go_on()
        await paused.has_said(FOLLOWED)
        await stage.well_by(time.monotonic() + WELL)
        await stage.over_by(time.monotonic() + scenario.over)
    assert_kept_quiet(paused, stage, so_far)
    await scenario.assert_ended_well(callbacks)
    await callbacks.assert_the_next_works(paused.client)  # through the owner


@pytest.mark.parametrize("then", ["goes on", "is gone"])
async def test_what_a_former_owner_could_not_commit_is_done_by_the_next(
    then: str, callbacks: Callbacks
) -> None:
    """Its COMMIT comes when another owns the PBX, and has recovered: PostgreSQL takes it no more."""
    scenario, stage = SCENARIOS["kept"], callbacks.stage
    former, standby = await owner_and_standby(stage)

    async def hold_it() -> None:
        stage.disturb()
        former.pause()
        await standby.owns()
        await stage.owner_beats()  # it has recovered by then

    blow = Blow(hold_it)
    async with scenario.begun(callbacks, former.client, "commit-attempt", "before", blow):
        if then == "goes on":
            former.go_on()
            await former.has_said(FOLLOWED)
        else:
            former.kill()
        await stage.well_by(time.monotonic() + WELL)
        await stage.over_by(time.monotonic() + scenario.over)
    assert [row["status"] for row in await callbacks.rows()] == ["completed"]
    await callbacks.assert_the_next_works(standby.client)


@pytest.mark.parametrize("way", ["stopped", pytest.param("silent", marks=pytest.mark.every_step)])
@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("kept", "commit-ringing"),  # the agent picks up, and the client may not be called
        ("kept", "uuid_bridge"),
        pytest.param("kept", "originate-2", marks=pytest.mark.every_step),
        pytest.param("kept", "commit-bridged", marks=pytest.mark.every_step),
        pytest.param("client_first", "screen", marks=pytest.mark.every_step),
        pytest.param("client_first", "uuid_bridge", marks=pytest.mark.every_step),
        pytest.param("busy_then_answered", "commit-job_failed", marks=pytest.mark.every_step),
        pytest.param("ordered", "commit-ringing", marks=pytest.mark.every_step),
    ],
)
async def test_postgresql_is_away_for_some_seconds(
    name: str, step: str, way: str, callbacks: Callbacks
) -> None:
    """Nobody waits for it alone."""
    scenario, stage = SCENARIOS[name], callbacks.stage
    stage.callback |= scenario.callback
    daemon = stage.start()
    await daemon.owns()
    await stage.start().ready()  # a standby: the owner is not dead, its database is
    blow = Blow(lambda: database_goes(way, stage), ends_database=way == "stopped")
    async with scenario.begun(callbacks, daemon.client, step, "after", blow):
        back = time.monotonic() + AWAY
        while (complaints := stage.callers_and_legs()) or time.monotonic() < back:
            assert time.monotonic() < back + OVER, complaints
            await asyncio.sleep(0.02)
        await database_is_back(way, stage)
        await stage.well_by(time.monotonic() + WELL)
        await stage.over_by(time.monotonic() + scenario.over)
    await scenario.assert_ended_well(callbacks)
    assert not any(other.owned for other in stage.daemons[1:]), "the standby took over"
    await stage.owner_beats()
    await callbacks.assert_the_next_works(daemon.client)
