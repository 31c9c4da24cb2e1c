"""A switch and a client for each test, and a line in the summary that says which recordings are claimed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.recordings import names
from voiced.sim import Switch

from .claims import NOT_CLAIMED
from .client import Client


@pytest.fixture
async def switch() -> AsyncIterator[Switch]:
    """A switch whose media time runs ten times as fast as real time."""
    switch = Switch(pace=0.1, heartbeat=0, seed=1)
    await switch.start()
    yield switch
    await switch.stop()


@pytest.fixture
async def client(switch: Switch) -> AsyncIterator[Client]:
    """A client that has subscribed to everything."""
    client = await Client.connect(switch.port)
    yield client
    await client.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which recordings the simulated switch is claimed to follow, and what became of that."""

    def scenarios(outcome: str) -> set[str]:
        ids = [str(report.nodeid) for report in terminalreporter.stats.get(outcome, [])]
        return {one.partition("[")[2].rstrip("]") for one in ids if "test_follows_the_recording[" in one}

    followed, failed = scenarios("passed"), scenarios("failed") | scenarios("error")
    if not followed | failed:
        return
    terminalreporter.write_sep("-", "simulated switch against the recordings")
    claimed = [name for name in names() if name not in NOT_CLAIMED]
    terminalreporter.write_line(f"claimed: {len(claimed)} of {len(names())}; followed: {len(followed)}")
    for name in sorted(failed):
        terminalreporter.write_line(f"  claimed and not followed: {name}")
    for name, reason in NOT_CLAIMED.items():
        terminalreporter.write_line(f"  not claimed: {name}: {reason}")
