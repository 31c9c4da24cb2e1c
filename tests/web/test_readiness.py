"""`/readyz`: who owns the PBX, and whether calls can be asked for here."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from tests.callers import at_the_assistant
from tests.conftest import Api, Start
from tests.gate import Gate
from tests.web.standby import standby
from voiced.pbx import owner
from voiced.sim import Manner, Switch


async def ready(api: Api) -> tuple[int, dict[str, Any]]:
    response = await api.client.get("/readyz")
    return response.status_code, response.json()


async def test_the_owner_is_ready_and_says_that_it_is_the_owner(api: Api) -> None:
    assert await ready(api) == (
        200, {"ready": True, "role": "owner", "pbx": "ok", "database": "ok", "calls": "ok"},
    )  # fmt: skip


async def test_a_standby_is_ready_and_what_it_is_asked_for_is_carried_out(
    switch: Switch, api: Api, database_url: str
) -> None:
    switch.phone("1001", Manner.BUSY, delay=0.01)
    async with standby(switch, database_url) as other:
        assert await ready(other) == (
            200, {"ready": True, "role": "standby", "pbx": "ok", "database": "ok", "calls": "ok"},
        )  # fmt: skip
        caller = await at_the_assistant(switch)
        assert (await other.transfer(caller.uuid, "1001"))["status"] == "busy"


async def test_a_standby_of_nobody_is_not_ready(
    switch: Switch, database_url: str, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, "BEAT_SECONDS", 60)  # it looks once, and sees an owner
    await pool.execute("insert into leases (pbx, owner, beat) values ('pbx', 'elsewhere:1:2:abc', 7)")
    async with standby(switch, database_url) as other:
        await pool.execute("delete from leases")
        status, answer = await ready(other)
        assert (status, answer["role"], answer["ready"]) == (503, "standby", False)
        assert answer["calls"] == "no daemon is known to own the PBX"


async def test_an_owner_that_cannot_be_certain_is_not_ready(start: Start, gate: Gate) -> None:
    async with start(database={"url": gate.url}) as api:
        await gate.shut()
        async with asyncio.timeout(6):
            while api.daemon.ownership.may_dial():
                await asyncio.sleep(0.05)
        status, answer = await ready(api)
        assert (status, answer["role"]) == (503, "owner")
        assert answer["database"] != "ok"
        assert answer["calls"].startswith("the database has not said")
        await gate.open()
        async with asyncio.timeout(10):
            while (await ready(api))[0] != 200:
                await asyncio.sleep(0.02)


async def test_a_daemon_that_is_being_stopped_is_not_ready(api: Api) -> None:
    api.daemon.transfers.close_door()
    status, answer = await ready(api)
    assert (status, answer["calls"]) == (503, "this daemon is being stopped")


async def test_without_the_pbx_nobody_is_ready(switch: Switch, api: Api, database_url: str) -> None:
    async with standby(switch, database_url) as other:
        await switch.close_door()
        await switch.cut()
        for daemon in (api, other):
            async with asyncio.timeout(5):
                while daemon.daemon.pbx.is_connected:
                    await asyncio.sleep(0.01)
            status, answer = await ready(daemon)
            assert (status, answer["pbx"]) == (503, "not connected")
        await switch.open_door()
