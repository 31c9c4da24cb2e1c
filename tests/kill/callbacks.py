"""Callbacks on the stage of a kill test: promised over HTTP, seen in the database and at the backend."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

import asyncpg
import httpx

from tests.backend import Delivery
from tests.kill.stage import AGENT, DOMAIN, Stage
from tests.kill.steps import Blow
from voiced.sim import Event, Line, Manner

CLIENT: Final = "5511988887777"
# In order for each callback, whatever happens: nothing but these may follow each of them.
_FOLLOWS: Final = {
    "": {"ticket"},
    "ticket": {"calling"},
    "calling": {"connected", "completed", "retry", "failed", "needs_review"},
    "connected": {"completed"},
    "retry": {"calling"},
}
_LAST: Final = {"completed", "failed", "expired", "needs_review"}


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
        return {"success": True, "ticketId": ticket_of(delivery.payload["callbackId"])}

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

    async def promise(
        self, client: httpx.AsyncClient, number: str = CLIENT, **more: Any
    ) -> httpx.Response | None:
        """POST /api/callbacks. None where the daemon dies meanwhile."""
        body = {"domain_uuid": DOMAIN, "number": number, "extension": AGENT, **more}
        try:
            return await client.post("/api/callbacks", json=body)
        except httpx.HTTPError:
            return None

    @property
    def are_talking(self) -> bool:
        """Whether the agent and a client hear each other."""
        return self.stage.agent.talks_to in self.lines.values()

    def hang_up_talks(self) -> None:
        """The agent ends the talk."""
        if self.are_talking:
            self.stage.agent.hangup()

    async def is_talk_noted(self) -> bool:
        """Whether the database knows that two talk."""
        found: bool = await self.stage.database.fetchval(
            "select exists (select from callback_attempts where phase = 'connected')"
        )
        return found

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
            select id::text, callback_id::text, phase, result, cause, ended_at, settled,
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
        return found

    async def open(self) -> list[str]:
        left = [str(dict(row)) for row in await self.attempts() if not row["settled"]]
        left += [
            str(dict(row))
            for row in await self.rows()
            if row["closed_at"] is None and row["status"] != "needs_review"
        ]
        outbox = "select idempotency_key from outbox where state <> 'delivered'"
        return left + [row["idempotency_key"] for row in await self.stage.database.fetch(outbox)]

    async def assert_told_once(self) -> None:
        assert self.most_at_once <= 1, "the client was called twice at once"
        stories: dict[str, list[str]] = {}
        statuses: dict[str, str] = {}
        seen: set[str] = set()
        for delivery in self.stage.backend.accepted:
            if delivery.key in seen:
                continue
            seen.add(delivery.key)
            payload = delivery.payload
            what = "ticket" if delivery.path == "/api/voice/callback" else payload["outcome"]
            stories.setdefault(payload["callbackId"], []).append(what)
            statuses[payload["callbackId"]] = payload.get("status", "pending")
            ticket = ticket_of(payload["callbackId"])
            assert what == "ticket" or payload["ticketId"] == ticket, payload
        rows = {row["id"]: row for row in await self.rows()}
        assert set(stories) == set(rows)
        for id, story in stories.items():
            for before, what in zip(["", *story], story, strict=False):
                assert what in _FOLLOWS[before], story
            assert story[-1] in _LAST, story
            assert statuses[id] == rows[id]["status"], story
            assert rows[id]["ticket_id"] == ticket_of(id)
        begun = sum(story.count("calling") for story in stories.values())
        assert begun == len(await self.attempts())

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
        return [*lines, *(f"  {dict(row)}" for row in await self.attempts())]

    async def assert_the_next_works(self, client: httpx.AsyncClient) -> None:
        """Another promise to the same client is kept."""
        stage = self.stage
        stage.everybody_answers()
        self.line.manner = Manner.ANSWER
        answer = await self.promise(client)
        assert answer is not None
        assert answer.status_code == 201, answer.text
        await stage.switch.until(lambda: stage.agent.talks_to is self.line, timeout=10)
        stage.agent.hangup()
        await stage.over_by(time.monotonic() + 10)
        await stage.assert_the_story_is_told_once()
        assert (await self.rows())[-1]["status"] == "completed"


def ticket_of(callback_id: str) -> str:
    """The ticket that the backend makes of a callback."""
    return f"T-{callback_id[:8]}"
