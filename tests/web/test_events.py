"""`/api/events`: every step as it happens, of one's own domain, and a reader who is slow costs nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tracemalloc
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from structlog.testing import capture_logs

from tests.callers import at_the_assistant
from tests.conftest import DOMAIN, Api, Start
from tests.gate import Gate
from tests.web.standby import standby
from voiced import database
from voiced.notices import Notices
from voiced.sim import Manner, Switch
from voiced.web import live, operations, others
from voiced.web.live import Hub

OTHER = UUID("22222222-2222-4222-8222-222222222222")


class Stream:
    """Server-sent events as a reader has them."""

    def __init__(self) -> None:
        self.steps: list[dict[str, Any]] = []
        self.comments: list[str] = []

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(8):
            while not condition():
                await asyncio.sleep(0.01)

    @property
    def facts(self) -> list[str]:
        return [step["fact"] for step in self.steps if not step["ignored"]]


@contextlib.asynccontextmanager
async def watching(api: Api, token: str = "") -> AsyncIterator[Stream]:
    """A stream that is connected and heard."""
    stream = Stream()
    headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def read() -> None:
        async with api.client.stream("GET", "/api/events", timeout=None, headers=headers) as response:
            assert response.status_code == 200
            assert response.headers["content-type"].startswith("text/event-stream")
            event = ""
            async for line in response.aiter_lines():
                name, _, value = line.partition(": ")
                match name:
                    case "event":
                        event = value
                    case "data":
                        step = json.loads(value)
                        assert step["type"] == event
                        stream.steps.append(step)
                    case "" if line:
                        stream.comments.append(value)

    task = asyncio.create_task(read())
    try:
        await stream.until(lambda: stream.comments or task.done())
        yield stream
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_every_step_of_a_transfer_comes_in_order_and_says_whose_it_is(switch: Switch, api: Api) -> None:
    switch.phone("1001", delay=0.05)
    async with watching(api) as stream:
        caller = await at_the_assistant(switch)
        id = (await api.transfer(caller.uuid, "1001"))["id"]
        caller.hangup()
        await stream.until(lambda: stream.steps and stream.steps[-1]["phase"] == "ended")
        await api.ended(id)
        assert ["requested", *await api.journal(id)] == [step["fact"] for step in stream.steps]
        assert {(s["id"], s["call_uuid"], s["domain_uuid"]) for s in stream.steps} == {
            (id, caller.uuid, str(DOMAIN))
        }
        assert [step["at"] for step in stream.steps] == sorted(step["at"] for step in stream.steps)
        phases = list(dict.fromkeys(step["phase"] for step in stream.steps))
        assert phases == ["pending", "holding", "dialing", "ringing", "bridging", "bridged", "ended"]


async def test_a_token_of_one_domain_hears_of_that_domain_only(switch: Switch, start: Start) -> None:
    domains = [
        {"uuid": str(DOMAIN), "name": "pbx.test", "token": "a"},
        {"uuid": str(OTHER), "name": "other.test", "token": "b"},
    ]
    switch.phone("1001", Manner.BUSY, delay=0.01)
    async with start(http={"token": "all"}, domain=domains) as api:
        refused = await api.client.get("/api/events")
        assert refused.status_code == 401
        async with watching(api, "a") as own, watching(api, "b") as other, watching(api, "all") as everything:
            api.client.headers["Authorization"] = "Bearer all"
            caller = await at_the_assistant(switch)
            await api.transfer(caller.uuid, "1001")
            await everything.until(lambda: everything.steps and everything.steps[-1]["phase"] == "ended")
            await own.until(lambda: own.facts == everything.facts)
            api.daemon.hub.publish(OTHER, {"type": "transfer", "fact": "last", "ignored": False})
            await other.until(lambda: other.steps)
            assert other.facts == ["last"]
            assert "last" not in own.facts


async def test_who_watches_a_standby_sees_what_the_owner_does_and_the_other_way_round(
    switch: Switch, start: Start, database_url: str
) -> None:
    domains = [
        {"uuid": str(DOMAIN), "name": "pbx.test", "token": "a"},
        {"uuid": str(OTHER), "name": "other.test", "token": "b"},
    ]
    switch.phone("1001", Manner.BUSY, delay=0.01)
    async with (
        start(http={"token": "all"}, domain=domains) as api,
        standby(switch, database_url, http={"token": "all"}, domain=domains) as other,
        watching(api, "all") as here,
        watching(other, "a") as there,
        watching(other, "b") as elsewhere,
    ):
        api.client.headers["Authorization"] = "Bearer all"
        caller = await at_the_assistant(switch)
        id = (await api.transfer(caller.uuid, "1001"))["id"]
        await there.until(lambda: there.steps and there.steps[-1]["phase"] == "ended")
        assert [step["fact"] for step in there.steps] == ["requested", *await api.journal(id)]
        other.daemon.hub.publish(OTHER, {"type": "transfer", "fact": "last", "ignored": False})
        await elsewhere.until(lambda: elsewhere.steps)
        await here.until(lambda: here.facts[-1] == "last")
        assert elsewhere.facts == ["last"]
        assert here.facts == [*there.facts, "last"], "each of them once"


async def test_what_did_not_come_from_another_daemon_is_told(
    database_url: str, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(others, "RETRY_SECONDS", 0.01)
    gate = Gate(database_url)
    await gate.open()
    here, there, ears = Hub(), Hub(), Notices(pool)
    async with await database.open_pool(gate.url, size=1, patience=1.0) as through:
        sender = others.Others(through, Notices(pool), here, "here")
        others.Others(pool, ears, there, "there")
        tasks = [asyncio.create_task(work) for work in (sender.run(), ears.run())]
        with there.watching(DOMAIN) as watcher:
            heard = None
            while heard is None:  # until it listens
                here.publish(DOMAIN, {"type": "transfer", "number": 0})
                heard = await watcher.next(0.1)
            here.publish(DOMAIN, {"type": "transfer", "number": "go"})
            while heard.get("number") != "go":
                heard = await watcher.next(5)
                assert heard is not None
            gate.freeze()
            for number in range(1, 4):
                here.publish(DOMAIN, {"type": "transfer", "number": number})
                await asyncio.sleep(0)
            with capture_logs() as logs:
                async with asyncio.timeout(8):
                    while len(sender) or not logs:
                        await asyncio.sleep(0.01)
            gate.thaw()
            await gate.cut()
            here.publish(DOMAIN, {"type": "transfer", "number": 4, "long": "x" * others.LARGEST})
            here.publish(DOMAIN, {"type": "transfer", "number": 5})
            told = [await watcher.next(5), await watcher.next(5)]
            assert told == [{"type": "missed", "count": 4}, {"type": "transfer", "number": 5}]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await gate.shut()


async def test_a_reader_who_hangs_up_is_forgotten(switch: Switch, api: Api) -> None:
    async with watching(api), watching(api):
        assert len(api.daemon.hub) == 2
    async with asyncio.timeout(5):
        while len(api.daemon.hub):
            await asyncio.sleep(0.01)


async def test_a_quiet_stream_says_that_it_lives(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "QUIET_SECONDS", 0.02)
    async with watching(api) as stream:
        await stream.until(lambda: len(stream.comments) >= 3)
        assert stream.comments[1:3] == ["nothing new", "nothing new"]


async def test_a_reader_who_reads_nothing_costs_no_memory_and_slows_nobody(api: Api) -> None:
    """30,000 steps, some 12 MB, while one reader reads nothing and another reads everything."""
    host, port = api.daemon.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port), limit=1)
    writer.write(b"GET /api/events HTTP/1.1\r\nHost: x\r\n\r\n")
    hub = api.daemon.hub
    async with watching(api) as stream:
        await stream.until(lambda: len(hub) == 2)
        for batch in range(60):
            if batch == 10:
                tracemalloc.start()  # by now what is bounded is full
            for _ in range(500):
                hub.publish(DOMAIN, {"type": "transfer", "fact": "x" * 400})
            await stream.until(lambda: len(stream.steps) == 500)
            stream.steps.clear()
        grown, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert grown < 2_000_000
    writer.transport.abort()


async def test_who_was_too_slow_is_told_how_many_steps_are_missing() -> None:
    hub = Hub()
    with hub.watching(DOMAIN) as watcher:
        for number in range(live.KEPT + 5):
            hub.publish(DOMAIN, {"type": "transfer", "number": number})
        assert await watcher.next(1) == {"type": "missed", "count": 5}
        assert await watcher.next(1) == {"type": "transfer", "number": 5}
        for _ in range(live.KEPT - 1):
            await watcher.next(1)
        assert await watcher.next(0.01) is None
    assert len(hub) == 0


async def test_more_watchers_than_can_be_served_are_refused(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_WATCHERS", 2)
    async with watching(api), watching(api):
        refused = await api.client.get("/api/events")
        assert (refused.status_code, refused.json()["error"]) == (503, "too_many_watchers")
    async with asyncio.timeout(5):
        while len(api.daemon.hub):
            await asyncio.sleep(0.01)
    async with watching(api):
        pass


async def test_a_step_is_written_down_once_for_all_who_watch() -> None:
    hub = Hub()
    with hub.watching(None) as one, hub.watching(DOMAIN) as other:
        hub.publish(DOMAIN, {"type": "transfer", "name": "José"})
        first, second = await one.next(1), await other.next(1)
    assert first is not None
    assert first is second
    assert first.event == 'event: transfer\ndata: {"type": "transfer", "name": "José"}\n\n'
