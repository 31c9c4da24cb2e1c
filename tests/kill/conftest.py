"""`--every-step` runs the full matrix; without it a sample runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.kill.callbacks import Callbacks
from tests.kill.stage import Stage
from tests.kill.transfers import Transfers


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    stage = Stage(database_url, tmp_path)
    await stage.open()
    yield stage
    await stage.close()


@pytest.fixture
def transfers(stage: Stage) -> Transfers:
    return Transfers(stage)


@pytest.fixture
def callbacks(stage: Stage) -> Callbacks:
    return Callbacks(stage)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "every_step: runs with --every-step only")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--every-step"):
        return
    left_out = [item for item in items if item.get_closest_marker("every_step")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
