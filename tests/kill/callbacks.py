"""Callbacks on the stage of a kill test: asked for over HTTP, seen in the database and at the client's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, Final

import asyncpg
import httpx

from tests.backend import Delivery
from tests.kill import callback_stories as stories
from tests.kill.stage import AGENT, DOMAIN, Stage
from tests.kill.steps import Blow
from voiced.sim import Event, Line, Manner

CLIENT: Final = "5511988887777"
NEXT: Final = "5541988887777"  # whom nothing has happened to


class Callbacks:
    """A kind of what voiced does; see `stage.Kind`."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        stage.kinds.append(self)
        stage.callback = {
            "auto_dial": True, "settle_seconds": 0.2, "retry_delay_seconds": 1, "max_attempts": 2,
            "ring_seconds": 5, "connect_seconds": 10,
        }  # fmt: skip
        self.lines: dict[str, Line] = {}
        self.line = self.client(CLIENT)
        self.backend_fails = False  # with a 500
        stage.backend.answer = self._answer
        self.calling: set[str] = set()  # legs to the client that are up now
        self.most_at_once = 0
        self.requests = 0  # that are not answered
        self.is_canceled = False  # and that is kept: from then on the client is not called
        hear = stage.switch.on_event

        def listen(event: Event) -> None:
            if hear is not None:
                hear(event)
            self._hear(event)

        stage.switch.on_event = listen

    def client(self, number: str) -> Line:
        """A client, who answers."""
        line = self.lines[number] = self.stage.switch.outside_number(number, Manner.ANSWER, 0.1)
        return line

    def _answer(self, delivery: Delivery) -> int | dict[str, Any] | None:
        """What the backend says: each callback has a ticket of its own."""
        if self.backend_fails:
            return 500
        if delivery.path != "/api/voice/callback":
            return None
        return {"success": True, "ticketId": stories.ticket_of(delivery.payload["callbackId"])}

    def backend_goes(self) -> Blow:
        """The backend refuses connections from now on."""
        return Blow(self.stage.backend.stop)

    def _hear(self, event: Event) -> None:
        mark = event.get("variable_voiced_attempt") or ""
        if mark.endswith(".client"):
            if event.name == "CHANNEL_CREATE":
                self.calling.add(event["Unique-ID"])
                self.most_at_once = max(self.most_at_once, len(self.calling))
            elif event.name == "CHANNEL_HANGUP":
                self.calling.discard(event["Unique-ID"])

    async def let_agents_work_on(self, client: httpx.AsyncClient) -> None:
        """An agent who has missed a call wants no rest."""
        await client.put(f"/api/settings/{DOMAIN}", json={"agent_rest_seconds": 0})

    async def promise(
        self, client: httpx.AsyncClient, number: str = CLIENT, **more: Any
    ) -> httpx.Response | None:
        """POST /api/callbacks. None where the daemon dies meanwhile."""
        body = {"domain_uuid": DOMAIN, "number": number, "extension": AGENT, **more}
        return await self._asked(client.post("/api/callbacks", json=body))

    async def originate(self, client: httpx.AsyncClient) -> httpx.Response | None:
        """POST /api/callback/originate until it is placed: a call of no callback. None where the daemon dies.

        A daemon that has just begun does not know yet whether the agent is there.
        """
        body = {"domain_uuid": DOMAIN, "client_number": CLIENT, "extension": AGENT}
        while True:
            answer = await self._asked(client.post("/api/callback/originate", json=body))
            is_placed = answer is not None and answer.is_success and answer.json()["call_uuid"]
            if answer is None or is_placed or self.stage.steps.struck.is_set():
                return answer
            await asyncio.sleep(0.02)

    async def _asked(self, request: Awaitable[httpx.Response]) -> httpx.Response | None:
        """The answer; None where the daemon dies meanwhile."""
        self.requests += 1
        try:
            return await request
        except httpx.HTTPError:
            return None
        finally:
            self.requests -= 1

    async def cancel(self) -> None:
        """The client does not want it any more, and says so to whatever daemon is there until it is kept."""
        (callback,) = await self.rows()
        while not self.is_canceled:
            for daemon in reversed(self.stage.daemons):
                with suppress(httpx.HTTPError):
                    await daemon.client.post(f"/api/callbacks/{callback['id']}/cancel", timeout=2)
                self.is_canceled = await self.stage.database.fetchval(
                    "select cancel_wanted or status = 'canceled' from callbacks"
                )
                if self.is_canceled:
                    return
            await asyncio.sleep(0.02)

    @property
    def are_talking(self) -> bool:
        """Whether the agent and a client hear each other."""
        return self.stage.agent.talks_to in self.lines.values()

    def hang_up_talks(self) -> None:
        """The agent ends the talk."""
        if self.are_talking:
            self.stage.agent.hangup()

    async def is_talk_noted(self) -> bool:
        """Whether it is known that two talk, and to whoever drives the call now."""
        return any(row["driven"] and row["phase"] == "connected" for row in await self.attempts())

    async def until_status(self, number: str, status: str) -> None:
        """Until the callback of this client has it."""
        async with asyncio.timeout(15):
            while not any(
                (row["number"], row["status"]) == (f"+{number}", status) for row in await self.rows()
            ):
                await asyncio.sleep(0.02)

    async def pass_time(self, seconds: float) -> None:
        """So much time passes while the backend is away, until it has been tried again for all that waits."""
        before = await self._tries()
        await self.stage.advance(seconds)
        async with asyncio.timeout(15):
            while not all(tries > before.get(id, -1) for id, tries in (await self._tries()).items()):
                await asyncio.sleep(0.02)

    async def _tries(self) -> dict[int, int]:
        """How often the first message of each stream was tried. None is given up."""
        rows = await self.stage.database.fetch(
            """
            select distinct on (stream) id, tries, state, idempotency_key from outbox
            where state <> 'delivered' order by stream, id
            """
        )
        assert {row["state"] for row in rows} == {"pending"}, rows
        return {row["id"]: row["tries"] for row in rows}

    async def rows(self) -> list[asyncpg.Record]:
        rows: list[asyncpg.Record] = await self.stage.database.fetch(
            """
            select id::text, number, status, attempts, ticket_id, closed_at from callbacks order by created_at
            """
        )
        return rows

    async def attempts(self) -> list[asyncpg.Record]:
        """Every attempt; `driven` says whether it was taken up since the disturbance."""
        rows: list[asyncpg.Record] = await self.stage.database.fetch(
            """
            select id::text, callback_id::text, phase, result, leg, cause, ended_at, settled,
                   $1::timestamptz is null or requested_at >= $1 or exists (
                       select from callback_attempt_journal j
                       where attempt_id = a.id and j.fact = 'pbx_back' and j.at >= $1
                   ) as driven
            from callback_attempts a order by requested_at
            """,
            self.stage.disturbed,
        )
        return rows

    # -- as the stage sees them ---------------------------------------------------------------------------

    async def driven(self) -> dict[str, str]:
        return {row["id"]: "" for row in await self.attempts() if row["ended_at"] is None and row["driven"]}

    async def complaints(self) -> list[str]:
        attempts = await self.attempts()
        found = [f"nobody drives {row['id']}" for row in attempts if not (row["driven"] or row["ended_at"])]
        unsettled = {row["callback_id"] for row in attempts if not row["settled"]}
        found += [
            f"callback {row['id']} is in progress, and no attempt is"
            for row in await self.rows()
            if row["status"] == "in_progress" and row["id"] not in unsettled
        ]
        if self.is_canceled and self.line.calls:
            found.append("the client of a canceled callback is called")
        return found

    async def open(self) -> list[str]:
        left = ["a request is not answered"] if self.requests else []
        left += [str(dict(row)) for row in await self.attempts() if not row["settled"]]
        left += [
            str(dict(row))
            for row in await self.rows()
            if row["closed_at"] is None and row["status"] != "needs_review"
        ]
        outbox = "select idempotency_key from outbox where state <> 'delivered'"
        return left + [row["idempotency_key"] for row in await self.stage.database.fetch(outbox)]

    async def assert_told_once(self) -> None:
        assert self.most_at_once <= 1, "the client was called twice at once"
        rows, attempts = await self.rows(), await self.attempts()
        stories.assert_told(self.stage.backend.accepted, rows, attempts)
        stories.assert_true(rows, attempts, self.stage.bridged, self._dialled)

    @property
    def _dialled(self) -> set[str]:
        """The marks of all legs that were dialled."""
        return {dial.variables["voiced_attempt"] for dial in self.stage.switch.dials}

    async def story(self) -> list[str]:
        journal = await self.stage.database.fetch(
            """
            select at, fact, status as state, detail from callback_journal
            union all select at, fact, phase, detail from callback_attempt_journal order by at
            """
        )
        lines = [
            f"  {line['at']:%T.%f} {line['fact']} → {line['state']} {line['detail']}" for line in journal
        ]
        lines.append(f"  the client hears {self.line.hears}, the agent {self.stage.agent.hears}")
        return [*lines, *(f"  {dict(row)}" for row in await self.attempts())]

    async def assert_the_next_works(self, client: httpx.AsyncClient) -> None:
        """Another promise is kept."""
        stage = self.stage
        stage.everybody_answers()
        line = self.client(NEXT)
        line.presses = "1"  # where a key is asked for
        answer = await self.promise(client, NEXT)
        assert answer is not None
        assert answer.status_code == 201, answer.text
        await stage.switch.until(lambda: stage.agent.talks_to is line, timeout=10)
        stage.agent.hangup()
        await stage.over_by(time.monotonic() + 10)
        await stage.assert_the_story_is_told_once()
        assert (await self.rows())[-1]["status"] == "completed"
