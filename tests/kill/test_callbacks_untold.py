"""The ticketing backend is away, for an hour or with the database: promises are kept, and told of later."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from tests.kill.callback_scenarios import SCENARIOS
from tests.kill.callbacks import CLIENT, Callbacks
from tests.kill.daemon import Daemon
from tests.kill.steps import Side
from tests.kill.ways import OVER, cases, database_goes, database_is_back
from voiced.tickets.outbox import LONGEST_PAUSE

AT_ONCE: Final = "5521988887777"  # clients of the hour without a backend
LATER: Final = "5531988887777"
MINUTES: Final = 5  # that pass at a time
HALF_AN_HOUR: Final = 30 // MINUTES
_DISTURBED: Final = {name: SCENARIOS[name] for name in ("kept", "client_busy", "agent_declines")}
SAMPLE: Final = """
    kept-commit-made-after kept-commit-bridged-after agent_declines-commit-attempt_began-after
"""


async def until_figures(daemon: Daemon, condition: Callable[[dict[str, float]], bool]) -> None:
    """Until the daemon's metrics without labels are so."""
    async with asyncio.timeout(10):  # what waits is counted every five seconds
        while True:
            lines = (await daemon.client.get("/metrics")).text.splitlines()
            plain = [line.split() for line in lines if line[0] != "#" and "{" not in line]
            if condition({name: float(value) for name, value in plain}):
                return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(("name", "step", "side"), cases(_DISTURBED, SAMPLE, ["after"]))
async def test_the_backend_is_away_for_an_hour(
    name: str, step: str, side: Side, callbacks: Callbacks
) -> None:
    """It refuses connections, then it answers 500. One callback is kept at once meanwhile, one on time."""
    scenario, stage = SCENARIOS[name], callbacks.stage
    stage.callback |= scenario.callback
    callbacks.client(AT_ONCE), callbacks.client(LATER)
    daemon = stage.start()
    await daemon.owns()
    async with scenario.begun(callbacks, daemon.client, step, side, callbacks.backend_goes()):
        await callbacks.until_status(CLIENT, scenario.status)
        stage.everybody_answers()
        at = datetime.now(UTC) + timedelta(minutes=42)
        await callbacks.promise(daemon.client, LATER, scheduled_at=at.isoformat())
        await callbacks.promise(daemon.client, AT_ONCE)
        await callbacks.until_status(AT_ONCE, "completed")
        for _ in range(HALF_AN_HOUR):
            await callbacks.pass_time(MINUTES * 60)
        await callbacks.until_status(LATER, "pending")
        callbacks.backend_fails = True
        await stage.backend.start()
        for _ in range(HALF_AN_HOUR):
            await callbacks.pass_time(MINUTES * 60)
        await callbacks.until_status(LATER, "completed")
        rows = {row["number"]: row for row in await callbacks.rows()}
        assert (rows[f"+{AT_ONCE}"]["ticket_id"], rows[f"+{LATER}"]["ticket_id"]) == ("", "")
        await until_figures(daemon, lambda seen: seen["tickets_outbox_oldest_seconds"] >= 3600)
        callbacks.backend_fails = False
        await stage.advance(LONGEST_PAUSE)
        await stage.over_by(time.monotonic() + OVER)
    await stage.assert_the_story_is_told_once()
    keys = stage.backend.arrived
    assert len(keys) == len(set(keys)), "no daemon has died: nothing is told again"
    statuses = {row["number"]: row["status"] for row in await callbacks.rows()}
    assert statuses == {
        f"+{CLIENT}": scenario.status, f"+{AT_ONCE}": "completed", f"+{LATER}": "completed"
    }  # fmt: skip


@pytest.mark.parametrize("way", ["stopped", "silent"])
async def test_postgresql_is_away_during_a_talk_and_the_backend_too(way: str, callbacks: Callbacks) -> None:
    stage = callbacks.stage
    daemon = stage.start()
    await daemon.owns()
    await callbacks.promise(daemon.client)
    await stage.switch.until(lambda: stage.agent.talks_to is callbacks.line, timeout=10)
    await stage.backend.stop()
    await database_goes(way, stage)
    gone = time.monotonic()
    while time.monotonic() < gone + 3:
        assert stage.agent.talks_to is callbacks.line, "the talk was harmed"
        await asyncio.sleep(0.05)
    stage.agent.hangup()
    await stage.switch.until(lambda: not stage.switch.channels)
    await database_is_back(way, stage)
    await stage.backend.start()
    await stage.over_by(time.monotonic() + OVER)
    await stage.assert_the_story_is_told_once()
    assert [row["status"] for row in await callbacks.rows()] == ["completed"]
    await callbacks.assert_the_next_works(daemon.client)
