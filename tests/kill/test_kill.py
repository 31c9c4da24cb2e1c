"""The daemon is killed with SIGKILL before and after every step of a transfer, and started again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from tests.kill.scenarios import SCENARIOS
from tests.kill.stage import Stage
from tests.kill.steps import Side

WELL = 5.0  # seconds after the start of the next daemon


def every_step() -> list[object]:
    return [
        pytest.param(name, step, side, id=f"{name}-{step}-{side}", marks=pytest.mark.every_step)
        for name, scenario in SCENARIOS.items()
        for step in scenario.steps.split()
        for side in ("before", "after")
    ]


@pytest.mark.parametrize("name", SCENARIOS)
async def test_undisturbed_it_takes_these_steps(name: str, stage: Stage) -> None:
    scenario = SCENARIOS[name]
    daemon = stage.start(**scenario.transfer)
    await daemon.owns()
    stage.steps.arm()
    async with scenario.begun(stage, daemon.client):
        await stage.steps.until("commit-intention")
        await stage.over_by(time.monotonic() + 10)
    await stage.assert_the_story_is_told_once()
    assert [row["status"] for row in await stage.rows()] == [scenario.status]
    assert sorted(stage.steps.seen) == sorted(scenario.steps.split()), " ".join(stage.steps.seen)
    await stage.assert_the_next_transfer_works(daemon.client)


@pytest.mark.parametrize(("name", "step", "side"), every_step())
async def test_killed_and_started_again(
    name: str, step: str, side: Side, stage: Stage, record_property: Callable[[str, object], None]
) -> None:
    scenario = SCENARIOS[name]
    daemon = stage.start(**scenario.transfer)
    await daemon.owns()

    async def kill() -> None:
        stage.disturb()
        daemon.kill()

    stage.steps.arm(step, side, kill)
    async with scenario.begun(stage, daemon.client):
        async with asyncio.timeout(10):
            await stage.steps.struck.wait()
        daemon = stage.start(**scenario.transfer)
        well = await stage.well_by(daemon.started + WELL)
        record_property("well_after", well - daemon.started)
        await stage.over_by(time.monotonic() + 15, hang_up=True)
    await stage.assert_the_story_is_told_once()
    await daemon.owns()
    await stage.assert_the_next_transfer_works(daemon.client)
    await stage.assert_the_story_is_told_once()
