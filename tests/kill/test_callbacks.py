"""Something happens to the daemon before and after every step of a callback, and the promise is kept."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from tests.kill.callbacks import CLIENT, Callbacks
from tests.kill.daemon import Daemon
from tests.kill.stage import CUT_SECONDS, DOMAIN
from tests.kill.steps import DRY_RUN, Blow, Side
from voiced.sim import Manner
from voiced.tickets.outbox import LONGEST_PAUSE

WELL: Final = 5.0  # seconds after the next daemon is up, or the PBX's return
OVER: Final = 30.0  # seconds for a retry, and all to be told
AT_ONCE: Final = "5521988887777"  # clients of the hour without a backend
LATER: Final = "5531988887777"
MINUTES: Final = 5  # that pass at a time
HALF_AN_HOUR: Final = 30 // MINUTES


@dataclass(frozen=True)
class Scenario:
    """One kind of callback."""

    status: str  # if nothing is disturbed
    steps: str  # if nothing is disturbed
    agent: Manner = Manner.ANSWER
    client: Manner = Manner.ANSWER
    callback: dict[str, Any] = field(default_factory=dict)

    @asynccontextmanager
    async def begun(
        self, callbacks: Callbacks, daemon: Daemon,
        step: str = "", side: Side = "before", blow: Blow = DRY_RUN,
    ) -> AsyncIterator[None]:  # fmt: skip
        """A callback is promised, and the agent hangs up once the two have met.

        With a step the block begins when the blow has fallen there; a talk that it fell into ends then.
        """
        stage = callbacks.stage
        stage.agent.manner, callbacks.line.manner = self.agent, self.client
        stage.steps.arm(step, side, blow)
        tasks = [asyncio.create_task(callbacks.promise(daemon.client)), asyncio.create_task(talk(callbacks))]
        try:
            if step:
                async with asyncio.timeout(15):
                    await stage.steps.struck.wait()
                callbacks.hang_up_talks()
            yield
        finally:
            for task in tasks:
                task.cancel()


async def talk(callbacks: Callbacks) -> None:
    """Whenever two talk, the agent hangs up once that is noted."""
    while True:
        if callbacks.are_talking and await callbacks.is_talk_noted():
            callbacks.hang_up_talks()
        await asyncio.sleep(0.02)


async def until_figures(daemon: Daemon, condition: Callable[[dict[str, float]], bool]) -> None:
    """Until the daemon's metrics without labels are so."""
    async with asyncio.timeout(10):  # what waits is counted every five seconds
        while True:
            lines = (await daemon.client.get("/metrics")).text.splitlines()
            plain = [line.split() for line in lines if line[0] != "#" and "{" not in line]
            if condition({name: float(value) for name, value in plain}):
                return
            await asyncio.sleep(0.05)


_CALLED: Final = (
    "commit-made commit-attempt_began commit-attempt commit-intent_recorded originate commit-leg_created "
    "commit-ringing commit-delivered commit-delivered-2 "
)
_JOINED: Final = (
    "tone commit-answered commit-requested commit-intent_recorded-2 originate-2 commit-leg_created-2 "
)
SCENARIOS: Final = {
    "kept": Scenario(
        "completed",
        _CALLED + _JOINED + "uuid_setvar_multi uuid_bridge commit-answered-2 commit-bridged commit-leg_ended "
        "commit-leg_ended-2 commit-attempt_ended commit-settled commit-delivered-3 commit-delivered-4",
    ),
    "client_busy": Scenario(
        "failed",
        _CALLED + _JOINED + "commit-leg_ended commit-job_failed",
        client=Manner.BUSY, callback={"max_attempts": 1},
    ),
    "agent_declines": Scenario(
        "needs_review", _CALLED + "commit-leg_ended commit-job_failed", agent=Manner.DECLINE,
        callback={"max_agent_misses": 1},
    ),
}  # fmt: skip
SAMPLE: Final = {
    "restart": """
        kept-commit-attempt-before kept-commit-attempt-after kept-originate-before kept-originate-after
        kept-originate-2-after kept-uuid_bridge-before kept-uuid_bridge-after kept-commit-settled-before
        client_busy-commit-job_failed-after
    """,
    "cut": "kept-originate-2-before kept-uuid_bridge-after",
    "hour": """
        kept-commit-made-after kept-commit-delivered-after kept-commit-bridged-after
        client_busy-originate-2-after agent_declines-commit-attempt_began-after
    """,
}


def steps(way: str, sides: Iterable[Side] = ("before", "after")) -> list[object]:
    """Every step of every scenario; those that are not in the sample run with --every-step."""
    found = {
        f"{name}-{step}-{side}": (name, step, side)
        for name, scenario in SCENARIOS.items()
        for step in dict.fromkeys(scenario.steps.split())
        for side in sides
    }
    sample = SAMPLE[way].split()
    assert set(sample) <= set(found), set(sample) - set(found)
    return [
        pytest.param(*values, id=id, marks=() if id in sample else pytest.mark.every_step)
        for id, values in found.items()
    ]


@pytest.mark.parametrize("name", SCENARIOS)
async def test_undisturbed(name: str, callbacks: Callbacks) -> None:
    scenario, stage = SCENARIOS[name], callbacks.stage
    stage.callback |= scenario.callback
    daemon = stage.start()
    await daemon.owns()
    async with scenario.begun(callbacks, daemon):
        await stage.steps.until("commit-made")
        await stage.over_by(time.monotonic() + OVER)
    await stage.assert_the_story_is_told_once()
    assert [row["status"] for row in await callbacks.rows()] == [scenario.status]
    missing = set(scenario.steps.split()) - set(stage.steps.seen)
    assert not missing, f"{missing} are no steps: {' '.join(stage.steps.seen)}"


@pytest.mark.parametrize(("name", "step", "side"), steps("restart"))
async def test_killed_and_started_again(name: str, step: str, side: Side, callbacks: Callbacks) -> None:
    scenario, stage = SCENARIOS[name], callbacks.stage
    stage.callback |= {**scenario.callback, "max_attempts": 2}
    daemon = stage.start()
    await daemon.owns()
    async with scenario.begun(callbacks, daemon, step, side, stage.kill(daemon)):
        daemon = stage.start()
        await daemon.reached()
        await stage.well_by(time.monotonic() + WELL)
        await stage.over_by(time.monotonic() + OVER)
    await stage.assert_the_story_is_told_once()


@pytest.mark.parametrize(("name", "step", "side"), steps("cut"))
async def test_the_event_socket_is_cut(name: str, step: str, side: Side, callbacks: Callbacks) -> None:
    scenario, stage = SCENARIOS[name], callbacks.stage
    stage.callback |= {**scenario.callback, "max_attempts": 2}
    daemon = stage.start()
    await daemon.owns()
    async with scenario.begun(callbacks, daemon, step, side, stage.cut()):
        await stage.well_by(time.monotonic() + CUT_SECONDS + WELL)
        await stage.over_by(time.monotonic() + OVER)
    await stage.assert_the_story_is_told_once()


@pytest.mark.parametrize(("name", "step", "side"), steps("hour", ["after"]))
async def test_the_backend_is_away_for_an_hour(
    name: str, step: str, side: Side, callbacks: Callbacks
) -> None:
    """It refuses connections, then it answers 500. One callback is kept at once meanwhile, one on time."""
    scenario, stage = SCENARIOS[name], callbacks.stage
    stage.callback |= scenario.callback
    callbacks.client(AT_ONCE), callbacks.client(LATER)
    daemon = stage.start()
    await daemon.owns()
    await daemon.client.put(f"/api/settings/{DOMAIN}", json={"agent_rest_seconds": 0})
    async with scenario.begun(callbacks, daemon, step, side, callbacks.backend_goes()):
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
    if way == "stopped":
        await stage.proxy.shut()
    else:
        stage.proxy.freeze()
    gone = time.monotonic()
    while time.monotonic() < gone + 3:
        assert stage.agent.talks_to is callbacks.line, "the talk was harmed"
        await asyncio.sleep(0.05)
    stage.agent.hangup()
    await stage.switch.until(lambda: not stage.switch.channels)
    if way == "stopped":
        await stage.proxy.open()
    else:
        stage.proxy.thaw()
    await stage.backend.start()
    await stage.over_by(time.monotonic() + OVER)
    await stage.assert_the_story_is_told_once()
    assert [row["status"] for row in await callbacks.rows()] == ["completed"]
    await callbacks.assert_the_next_works(daemon.client)
