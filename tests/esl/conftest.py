"""Every coroutine test of the event socket runs on asyncio's own loop and on uvloop."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
import uvloop
from hypothesis import settings

from tests.esl.fake import FakePbx, until

settings.register_profile("esl", deadline=None)  # speed belongs to bench/
settings.load_profile("esl")


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
async def tidy() -> AsyncIterator[None]:
    """Nothing may be left behind: no task, and no exception that nobody looked at."""
    complaints: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: complaints.append(context))
    yield
    await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})
    gc.collect()  # an exception that was never retrieved is complained about when its future dies
    await asyncio.sleep(0)
    assert not complaints


@pytest.fixture
async def pbx(tidy: None) -> AsyncIterator[FakePbx]:
    """An event socket that says what the test has it say."""
    async with FakePbx() as fake:
        yield fake
