"""Callbacks over the simulated PBX, a real PostgreSQL, and a ticketing backend that a test controls."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import pytest

from tests.backend import Backend, Delivery
from tests.conftest import DOMAIN, Api, Start
from voiced import app
from voiced.sim import Line, Manner, Phone, Switch

CLIENT = "+5511999990000"
COMPANY = str(DOMAIN)
SETTLE = 0.1  # seconds; five in real life


class Clock:
    """The time that promises are kept by: real, and moved by a test."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def set(self, at: datetime) -> None:
        """It is this moment now."""
        self.ahead = at - datetime.now(UTC)


Opens: TypeAlias = Callable[[], "contextlib.AbstractAsyncContextManager[House]"]


class House:
    """An agent at 1001, clients outside, a backend, and a daemon's API."""

    def __init__(self, switch: Switch, backend: Backend, api: Api, clock: Clock) -> None:
        self.switch, self.backend, self.api, self.clock = switch, backend, api, clock
        self.client = api.client

    async def promise(self, number: str = CLIENT, **more: Any) -> dict[str, Any]:
        """POST /api/callbacks."""
        body = {"domain_uuid": str(DOMAIN), "number": number, "extension": "1001", **more}
        response = await self.client.post("/api/callbacks", json=body)
        assert response.status_code == 201, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def after(self, **passed: float) -> None:
        """So much time has passed, and the scheduler looks."""
        self.clock.ahead += timedelta(**passed)
        self.api.daemon.scheduler.wake()

    def line(self, manner: Manner = Manner.ANSWER, number: str = CLIENT, delay: float = 0.05) -> Line:
        """What a client's telephone does."""
        return self.switch.outside_number(number.removeprefix("+"), manner, delay)

    async def until_talking(self, phone: Phone, line: Line) -> None:
        """Until the two hear each other."""
        await self.switch.until(lambda: phone.talks_to is line)

    async def until_quiet(self) -> None:
        """Until no leg is left, and nobody drives an attempt."""
        await self.switch.until(lambda: not self.switch.channels)
        async with asyncio.timeout(5):
            while len(self.api.daemon.attempts):
                await asyncio.sleep(0.01)

    async def until_idle(self) -> None:
        """Until nothing is left to do but to wait: all is looked at and offered, and the backend knows it."""
        scheduler = self.api.daemon.scheduler
        async with asyncio.timeout(8):
            while not (scheduler.is_idle and await self._all_is_told() and scheduler.is_idle):
                await asyncio.sleep(0.01)

    async def _all_is_told(self) -> bool:
        response = await self.client.get("/api/outbox", params={"state": "pending"})
        return bool(response.json()["total"] == 0)

    async def post(self, path: str, body: dict[str, Any] | None = None, status: int = 200) -> dict[str, Any]:
        response = await self.client.post(path, json=body or {})
        assert response.status_code == status, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def originate(self, number: str = CLIENT, extension: str = "1001", **more: Any) -> dict[str, Any]:
        body = {"extension": extension, "client_number": number, "domain_uuid": str(DOMAIN), **more}
        return await self.post("/api/callback/originate", body)

    async def accept(self, row: dict[str, Any], extension: str = "") -> dict[str, Any]:
        """An agent's click."""
        return await self.post(f"/api/callbacks/{row['id']}/accept", {"extension": extension})

    async def settings(self, **changes: Any) -> None:
        response = await self.client.put(f"/api/settings/{COMPANY}", json=changes)
        assert response.status_code == 200, response.text

    async def look(self, id: str) -> dict[str, Any]:
        response = await self.client.get(f"/api/callbacks/{id}")
        answer: dict[str, Any] = response.json()
        return answer

    async def until(
        self, id: str, condition: Callable[[dict[str, Any]], Any], seconds: float = 8
    ) -> dict[str, Any]:
        """The callback, once it is so."""
        row: dict[str, Any] = {}
        try:
            async with asyncio.timeout(seconds):
                while not condition(row := await self.look(id)):
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(json.dumps(row, indent=1, default=str)) from None
        return row

    async def until_status(self, id: str, status: str) -> dict[str, Any]:
        return await self.until(id, lambda row: row["status"] == status)

    async def until_told(self, *outcomes: str) -> list[str]:
        """The outcomes that the backend was told, once these are among them, in this order."""
        try:
            await self.backend.until(lambda: is_among(outcomes, self.told()))
        except TimeoutError:
            raise AssertionError(f"{outcomes} are not among {self.told()}") from None
        return self.told()

    def results(self) -> list[dict[str, Any]]:
        """Every change of a callback that the backend was told."""
        return [one.payload for one in self.backend.accepted if one.path == "/api/voice/callback/result"]

    def result(self, outcome: str) -> dict[str, Any]:
        """The latest of this outcome."""
        return [payload for payload in self.results() if payload["outcome"] == outcome][-1]

    def told(self) -> list[str]:
        """What the backend accepted, in short: ticket, notify, or an outcome."""
        return [short(delivery) for delivery in self.backend.accepted]

    async def until_free(self, extension: str = "1001") -> None:
        """Until the agent has been free for the time that counts."""
        presence = self.api.daemon.presence
        async with asyncio.timeout(5):
            while not any(one.number == extension for one in presence.free("pbx.test")):
                await asyncio.sleep(0.01)


def short(delivery: Delivery) -> str:
    last = delivery.path.rpartition("/")[2]
    return {"callback": "ticket", "result": str(delivery.payload.get("outcome"))}.get(last, last)


def is_among(wanted: tuple[str, ...], told: list[str]) -> bool:
    rest = iter(told)
    return all(one in rest for one in wanted)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Daemons do not wait for calls that ring when they are stopped."""
    monkeypatch.setattr(app, "FINISH_SECONDS", 0.1)


@pytest.fixture
def switch(switch: Switch) -> Switch:
    """Prompts and tones take a tenth of their time."""
    switch.clock.pace = 0.1
    return switch


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    """A ticketing backend that makes tickets."""
    numbers: dict[str, str] = {}

    def answer(delivery: Delivery) -> dict[str, Any] | None:
        if delivery.path != "/api/voice/callback":
            return None
        ticket = numbers.setdefault(delivery.key, f"T{len(numbers) + 1}")
        return {"success": True, "ticketId": ticket, "ticketUuid": f"uuid-{ticket}"}

    backend = Backend(answer)
    await backend.start()
    yield backend
    await backend.stop()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("voiced.app._now", clock)
    return clock


@pytest.fixture
def agent(switch: Switch) -> Phone:
    """The agent's phone: it answers at once."""
    return switch.phone("1001", Manner.ANSWER, 0.05)


@pytest.fixture
def opens(switch: Switch, backend: Backend, start: Start, clock: Clock) -> Opens:
    """Opens a house, with a daemon of its own; again for the daemon that comes after it."""
    return lambda: opened(switch, backend, start, clock)


@pytest.fixture
async def house(opens: Opens, agent: Phone) -> AsyncIterator[House]:
    """A daemon with the defaults, and an agent who is free."""
    async with opens() as house:
        await house.until_free()
        yield house


@contextlib.asynccontextmanager
async def opened(
    switch: Switch, backend: Backend, start: Start, clock: Clock, **sections: Any
) -> AsyncIterator[House]:
    """A daemon with agents who settle soon, and these sections of settings."""
    known = {"callback": {"settle_seconds": SETTLE}, "tickets": {"url": backend.url}}
    async with start(**known, **sections) as api:
        yield House(switch, backend, api, clock)
