"""A daemon whose requests take every connection, and one whose database says nothing."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.backend import Backend
from tests.callers import at_the_assistant, back_at_the_assistant
from tests.conftest import Api, Start, settings_for
from tests.gate import Gate
from voiced import app, database
from voiced.pbx import owner
from voiced.pool import PATIENCE
from voiced.sim import Manner, Switch

SOON = 3.0  # seconds that a busy machine may take beside what is promised


@contextlib.asynccontextmanager
async def exhausted(api: Api) -> AsyncIterator[None]:
    """Requests hold every connection that requests can have."""
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(api.daemon.pool.get_max_size()):
            await stack.enter_async_context(api.daemon.pool.acquire())
        yield


async def test_requests_that_hold_every_connection_cost_neither_ownership_nor_calls(
    switch: Switch, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(owner, "STILL_SECONDS", 0.5)
    switch.phone("1001", Manner.BUSY, delay=0.01)
    async with start() as api:
        caller = await at_the_assistant(switch)
        await api.transfer(caller.uuid, "1001")  # whom to call is known from now on
        async with exhausted(api):
            await asyncio.sleep(1.0)
            assert api.daemon.ownership.may_dial()
            answer = await asyncio.wait_for(api.transfer(caller.uuid, "1001"), SOON)
            assert answer["status"] == "busy"
            await asyncio.wait_for(api.daemon.scribe.drained(), SOON)


async def test_a_silent_database_holds_up_no_caller_no_request_and_no_stop(
    switch: Switch, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "FINISH_SECONDS", 0.1)
    switch.phone("1001", Manner.RING)
    stopped = contextlib.AsyncExitStack()
    daemon = await stopped.enter_async_context(
        app.running(settings_for(switch.port, gate.url, tickets={"url": "http://127.0.0.1:1"}))
    )
    async with httpx.AsyncClient(base_url=daemon.url, timeout=30) as client:
        api = Api(daemon, client)
        await api.ready()
        caller = await at_the_assistant(switch)
        id = (await api.ask(caller.uuid, "1001", wait=0)).json()["id"]
        await switch.until(lambda: switch.phones[0].ringing)
        gate.freeze()
        began = time.monotonic()
        paths = ("/api/transfers", "/api/callbacks", "/api/outbox", "/api/destinations", "/readyz")
        answers = await asyncio.gather(*(client.get(path) for path in paths))
        assert [answer.status_code for answer in answers] == [503] * len(paths)
        assert time.monotonic() - began < 2 * PATIENCE + SOON
        await client.delete(f"/api/transfers/{id}")
        await back_at_the_assistant(switch, caller)
    began = time.monotonic()
    await stopped.aclose()
    assert time.monotonic() - began < 2 * PATIENCE + SOON


async def test_a_backend_that_takes_its_time_is_told_once(switch: Switch, start: Start) -> None:
    """A message is locked while it is sent, for longer than any other transaction may do nothing."""
    backend = Backend()
    backend.slowness = database.IDLE_SECONDS + 0.5
    await backend.start()
    switch.phone("1001", Manner.BUSY, delay=0.01)
    async with start(tickets={"url": backend.url}) as api:
        caller = await at_the_assistant(switch)
        await api.transfer(caller.uuid, "1001")
        async with asyncio.timeout(15):
            while (await api.client.get("/api/outbox?state=delivered")).json()["total"] != 1:
                await asyncio.sleep(0.05)
    await backend.stop()
    assert len(backend.seen) == 1
