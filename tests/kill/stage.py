"""The stage of a kill test: PBX, phones and people, ticketing backend, database, and a daemon or two."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx

from tests.kill.backend import Backend
from tests.kill.daemon import Daemon, Sections
from tests.kill.proxy import Proxy
from tests.kill.steps import Steps
from voiced.sim import Caller, Event, Manner, Phone, Switch

DOMAIN: Final = "11111111-1111-4111-8111-111111111111"
AGENT: Final = "1001"
ASSISTANT: Final = "1050"  # an assistant with a leg of its own; 8000 has none


class Stage:
    """Everything but the daemon lives in this process, and outlives it."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self.steps = Steps()
        self.switch = Switch(domain="pbx.test")
        self.switch.intercept = self.steps.intercept
        self.switch.on_event = self._hear
        self.backend = Backend()
        self.proxy = Proxy(database_url, self.steps)
        self.agent = self.switch.phone(AGENT, delay=0.1)
        self.assistant = self.switch.phone(ASSISTANT, delay=0.0)
        self.callers: list[Caller] = []
        self.daemons: list[Daemon] = []
        self.bridged: set[str] = set()  # transfers whose two have heard each other
        self.disturbed: datetime | None = None  # when: from then on only what is taken up again is driven
        self._database_url, self._folder = database_url, folder
        self.database: asyncpg.Pool = None  # type: ignore[assignment]  # set by open

    async def open(self) -> None:
        self.database = await asyncpg.create_pool(self._database_url, min_size=1, max_size=2)
        await self.switch.start()
        await self.backend.start()
        await self.proxy.start()

    async def close(self) -> None:
        for daemon in self.daemons:
            await daemon.close()
        await self.switch.stop()
        await self.backend.stop()
        await self.proxy.stop()
        await self.database.close()

    # -- daemons ------------------------------------------------------------------------------------------

    def sections(self, **transfer: Any) -> Sections:
        """Settings for a daemon on this stage."""
        return {
            "pbx": {"port": self.switch.port},
            "http": {"listen": "127.0.0.1:0"},
            "database": {"url": self.proxy.url},
            "tickets": {"url": self.backend.url},
            "transfer": {"ring_timeout_seconds": 10, "comfort_seconds": 0, **transfer},
            "domain": [{"uuid": DOMAIN, "name": "pbx.test"}],
        }

    def start(self, **transfer: Any) -> Daemon:
        """A daemon as a process. It is not up yet when this returns."""
        daemon = Daemon(self.sections(**transfer), self._folder, f"daemon-{len(self.daemons) + 1}")
        self.daemons.append(daemon)
        return daemon

    def disturb(self) -> None:
        """From now on a transfer that is open has to be taken up again."""
        self.disturbed = datetime.now(UTC)

    # -- people -------------------------------------------------------------------------------------------

    async def call(self, extension: str = "8000") -> Caller:
        """Somebody calls, and hears the assistant."""
        caller = await self.switch.call(extension, number="5511999990000", name="Maria Souza")
        self.callers.append(caller)
        await self.switch.until(lambda: self.is_with_assistant(caller))
        return caller

    def is_with_assistant(self, caller: Caller) -> bool:
        return caller.hears == "assistant" or caller.talks_to is self.assistant

    def talks(self, caller: Caller) -> bool:
        """Whether caller and agent hear each other."""
        agent = caller.talks_to
        return isinstance(agent, Phone) and agent is not self.assistant and agent.talks_to is caller

    def _hear(self, event: Event) -> None:
        if event.name == "CHANNEL_BRIDGE":
            leg = self.switch.channels.get(event.get("Bridge-B-Unique-ID") or "")
            if leg is not None and (transfer := leg.variables.get("voiced_transfer")):
                self.bridged.add(transfer)

    # -- asking -------------------------------------------------------------------------------------------

    async def ask(self, client: httpx.AsyncClient, caller: Caller, wait: float = 0) -> httpx.Response | None:
        """POST /api/transfers. None where the daemon dies meanwhile."""
        body = {"call_uuid": caller.uuid, "domain_uuid": DOMAIN, "destination": AGENT}
        try:
            return await client.post("/api/transfers", params={"wait": wait}, json=body)
        except httpx.HTTPError:
            return None

    async def rows(self) -> list[asyncpg.Record]:
        """Every transfer that is recorded; `driven` says whether it was taken up since the disturbance."""
        rows: list[asyncpg.Record] = await self.database.fetch(
            """
            select id::text, call_uuid, phase, status, cause, bridged_at, ended_at,
                   $1::timestamptz is null or exists (
                       select from transfer_journal j
                       where transfer_id = t.id and j.fact = 'pbx_back' and j.at >= $1
                   ) as driven
            from transfers t order by requested_at
            """,
            self.disturbed,
        )
        return rows

    # -- is all well? -------------------------------------------------------------------------------------

    async def well_by(self, deadline: float) -> float:
        """Until all is well; when that was (monotonic, as the deadline)."""
        while complaints := await self.complaints():
            assert time.monotonic() < deadline, await self._said("\n".join(complaints))
            await asyncio.sleep(0.02)
        return time.monotonic()

    async def complaints(self) -> list[str]:
        """What is not as it should be: callers without an owner, legs without a peer, results not told."""
        rows = await self.rows()
        undecided = {row["id"]: row["call_uuid"] for row in rows if row["ended_at"] is None and row["driven"]}
        left = [row["id"] for row in rows if not row["driven"] and row["ended_at"] is None]
        found = [f"nobody drives {id}" for id in left]
        for caller in self.callers:
            waits = caller.hears == "music" and caller.uuid in undecided.values()
            if caller.alive and not (waits or self.talks(caller) or self.is_with_assistant(caller)):
                found.append(f"the caller hears {caller.hears}")
        for leg in self.switch.channels.values():
            transfer = leg.variables.get("voiced_transfer")
            if transfer and not leg.down and not leg.flags.bridged and transfer not in undecided:
                found.append(f"{leg.name} of {transfer} is alone")
        told = {delivery.key for delivery in self.backend.deliveries}
        for row in rows:
            if row["phase"] in ("bridged", "ended") and f"{row['id']}:completed" not in told:
                found.append(f"the backend does not know of {row['id']}, {row['status']}")
        return found

    async def over_by(self, deadline: float, *, hang_up: bool = False) -> None:
        """Until every transfer has ended, and all is told. With `hang_up` the agent ends a talk."""
        while True:
            if hang_up and any(self.talks(caller) for caller in self.callers):
                self.agent.hangup()
            rows = await self.rows()
            open_rows = [dict(row) for row in rows if row["ended_at"] is None]
            waiting = await self.database.fetchval("select count(*) from outbox where state <> 'delivered'")
            complaints = await self.complaints()
            if not (open_rows or waiting or complaints):
                return
            assert time.monotonic() < deadline, await self._said(f"{open_rows} {waiting} {complaints}")
            await asyncio.sleep(0.02)

    async def assert_the_story_is_told_once(self) -> None:
        """At most one dial an attempt, one result a transfer, in order, and true."""
        dials = [dial.variables["voiced_attempt"] for dial in self.switch.dials]
        assert len(dials) == len(set(dials)), f"dialled twice: {dials}"
        told: dict[str, list[str]] = {}
        payloads: dict[str, Any] = {}
        for delivery in self.backend.deliveries:
            known = payloads.setdefault(delivery.key, delivery.payload)
            assert known == delivery.payload, f"{delivery.key} is two messages: {known}, {delivery.payload}"
            story = told.setdefault(delivery.payload["transferId"], [])
            if delivery.what not in story:
                story.append(delivery.what)
        rows = await self.rows()
        for row in rows:
            talked = row["bridged_at"] is not None
            assert told.get(row["id"]) == ["completed", *(["ended"] if talked else [])], (row, told)
            assert payloads[f"{row['id']}:completed"]["status"] == row["status"]
            assert (row["status"] == "success") == talked == (row["id"] in self.bridged), row
        assert set(told) == {row["id"] for row in rows}
        for daemon in self.daemons:
            assert not daemon.faults(), daemon.log

    async def assert_the_next_transfer_works(self, client: httpx.AsyncClient) -> None:
        """Of everybody who is with the assistant."""
        self.agent.manner = Manner.ANSWER
        for caller in self.callers:
            if caller.alive:
                answer = await self.ask(client, caller, wait=10)
                assert answer is not None
                assert answer.json().get("status") == "success", await self._said(answer.text)
                assert self.talks(caller)
                self.agent.hangup()
                await self.switch.until(lambda caller=caller: not caller.alive)
        await self.over_by(time.monotonic() + 5)

    async def _said(self, what: str) -> str:
        """What is wrong, with all that is known."""
        journal = await self.database.fetch(
            "select seq, at, fact, phase, detail from transfer_journal order by transfer_id, seq"
        )
        return "\n".join([
            what,
            f"struck at {self.steps.target} {self.steps.side}; steps: {' '.join(self.steps.seen)}",
            *(
                f"  {line['seq']} {line['at']:%T.%f} {line['fact']} → {line['phase']} {line['detail']}"
                for line in journal
            ),
            *(f"  {delivery.what} {delivery.payload}" for delivery in self.backend.deliveries),
            *(f"  log: {daemon.log}" for daemon in self.daemons),
        ])  # fmt: skip
