"""A room for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

import pytest

from tests.backend import Backend
from tests.conftest import Start
from tests.races.room import Room
from voiced.sim import Switch


class Open(Protocol):
    """Opens a room: `async with room(transfer={…}) as it`."""

    def __call__(self, **changes: Any) -> AbstractAsyncContextManager[Room]: ...


@pytest.fixture
def room(switch: Switch, start: Start) -> Open:
    @asynccontextmanager
    async def begin(**changes: Any) -> AsyncIterator[Room]:
        backend = Backend()
        await backend.start()
        try:
            async with start(tickets={"url": backend.url}, **changes) as api:
                yield Room(switch, api, backend)
        finally:
            await backend.stop()

    return begin
