"""Real parts for every test: a PostgreSQL of its own, a simulated PBX, a daemon, HTTP on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import fastapi.dependencies.models
import httpx
import pytest

from tests.gate import Gate
from voiced import database
from voiced.app import Daemon, running
from voiced.settings import Settings
from voiced.sim import Switch

DOMAIN = UUID("11111111-1111-4111-8111-111111111111")
_numbers = itertools.count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pbx", metavar="HOST:PORT", help="A real FreeSWITCH's event socket, for tests/live.")
    parser.addoption("--examples", type=int, default=12, help="For each operation (tests/web/test_schema).")
    parser.addoption("--every-step", action="store_true", help="Kill at every step (tests/kill).")


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """FastAPI keeps the last 4,096 endpoints, and with them each test's daemon: 2 GB in a whole run."""
    yield
    for kept in vars(fastapi.dependencies.models).values():
        if hasattr(kept, "cache_clear"):
            kept.cache_clear()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL for the session, with a migrated template database. Yields the URL of its `postgres`."""
    # not in pytest's own directory: sessions that run beside this one clear old ones away
    directory = tempfile.mkdtemp(prefix="voiced-test-pg-")
    server = database.server_in(Path(directory) / "data")
    url = server.get_uri()

    async def prepare() -> None:
        connection = await asyncpg.connect(url)
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):  # nobody pulls its plug
            await connection.execute(f"alter system set {setting} = off")
        await connection.execute("select pg_reload_conf()")
        await connection.execute("create database voiced_template")
        await connection.close()
        await database.migrate(url_of(url, "voiced_template"))

    asyncio.run(prepare())
    yield url
    server.cleanup()
    shutil.rmtree(directory, ignore_errors=True)


def url_of(url: str, name: str) -> str:
    """The same server's URL for another database."""
    before, _, after = url.partition("/postgres?")
    return f"{before}/{name}?{after}"


@pytest.fixture
async def database_url(postgres: str) -> AsyncIterator[str]:
    """A fresh, migrated database."""
    name = f"test_{next(_numbers)}"
    connection = await asyncpg.connect(postgres)
    try:
        await connection.execute(f"create database {name} template voiced_template")
        yield url_of(postgres, name)
        await connection.execute(f"drop database {name} with (force)")
    finally:
        await connection.close()


@pytest.fixture
async def gate(database_url: str) -> AsyncIterator[Gate]:
    """A way to the database that can be shut, or freeze."""
    gate = Gate(database_url)
    await gate.open()
    yield gate
    gate.thaw()
    await gate.shut()


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with await database.open_pool(database_url, size=4) as pool:
        yield pool


@pytest.fixture
async def switch() -> AsyncIterator[Switch]:
    """A simulated PBX on a free port, without phones."""
    switch = Switch(domain="pbx.test")
    await switch.start()
    yield switch
    await switch.stop()


def settings_for(switch_port: int, database_url: str, **changes: dict[str, Any]) -> Settings:
    """A daemon's settings for a test; `changes` by section."""
    sections: dict[str, Any] = {
        "pbx": {"port": switch_port},
        "http": {"listen": "127.0.0.1:0"},
        "outbound": {"listen": "127.0.0.1:0"},
        "transfer": {"announce": False},
        "database": {"url": database_url},
        "domain": [{"uuid": str(DOMAIN), "name": "pbx.test"}],
    }
    for section, values in changes.items():
        if isinstance(values, dict):
            sections[section] = {**sections.get(section, {}), **values}
        else:
            sections[section] = values
    return Settings.model_validate(sections)


class Api:
    """A daemon's HTTP API, as a client sees it."""

    def __init__(self, daemon: Daemon, client: httpx.AsyncClient) -> None:
        self.daemon, self.client = daemon, client

    async def ready(self) -> None:
        """Until calls can be transferred."""
        async with asyncio.timeout(30):
            while (
                await self.client.get("/readyz")
            ).status_code != 200 or not self.daemon.ownership.may_dial():
                await asyncio.sleep(0.02)

    async def transfer(
        self, call_uuid: str, destination: str, wait: float = 20, **more: Any
    ) -> dict[str, Any]:
        """POST /api/transfers?wait=…; the answer must not be an error."""
        response = await self.ask(call_uuid, destination, wait, **more)
        assert response.status_code in (200, 202), response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def ask(self, call_uuid: str, destination: str, wait: float = 20, **more: Any) -> httpx.Response:
        body = {"call_uuid": call_uuid, "domain_uuid": str(DOMAIN), "destination": destination, **more}
        return await self.client.post("/api/transfers", params={"wait": wait}, json=body)

    async def ended(self, id: str) -> dict[str, Any]:
        """The stored row of a transfer, once it has ended and is in the database."""
        async with asyncio.timeout(15):
            while True:
                rows = (await self.client.get("/api/transfers")).json()["transfers"]
                row: dict[str, Any] | None = next((row for row in rows if row["id"] == id), None)
                if row is not None and row["ended_at"] is not None:
                    return row
                await asyncio.sleep(0.02)

    async def journal(self, id: str) -> list[str]:
        """The facts of a transfer, in order."""
        answer = (await self.client.get(f"/api/transfers/{id}/journal")).json()
        return [line["fact"] for line in answer["journal"]]


Start = Callable[..., contextlib.AbstractAsyncContextManager[Api]]


@pytest.fixture
def start(switch: Switch, database_url: str) -> Start:
    """Starts daemons against the test's PBX and database: `async with start(transfer={…}) as api`."""

    @contextlib.asynccontextmanager
    async def begin(**changes: Any) -> AsyncIterator[Api]:
        async with (
            running(settings_for(switch.port, database_url, **changes)) as daemon,
            httpx.AsyncClient(base_url=daemon.url, timeout=30) as client,
        ):
            api = Api(daemon, client)
            await api.ready()
            yield api

    return begin


@pytest.fixture
async def api(start: Start) -> AsyncIterator[Api]:
    """A daemon with the defaults, ready."""
    async with start() as api:
        yield api
