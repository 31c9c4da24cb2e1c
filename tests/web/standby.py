"""A second daemon beside the one that owns the PBX."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx

from tests.conftest import Api, settings_for
from voiced.app import running
from voiced.sim import Switch


@contextlib.asynccontextmanager
async def standby(switch: Switch, database_url: str, **changes: Any) -> AsyncIterator[Api]:
    """A daemon that is ready and owns nothing, as long as the owner lives."""
    async with (
        running(settings_for(switch.port, database_url, **changes)) as daemon,
        httpx.AsyncClient(base_url=daemon.url, timeout=30) as client,
    ):
        async with asyncio.timeout(10):
            while (await client.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.02)
        assert not daemon.ownership.is_owner
        yield Api(daemon, client)
