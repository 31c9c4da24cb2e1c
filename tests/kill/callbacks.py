"""Callbacks on the stage of a kill test: promised over HTTP, seen in the database and at the backend."""

from __future__ import annotations

import time
from typing import Final

import asyncpg
import httpx

from tests.kill.stage import AGENT, DOMAIN, Stage
from voiced.sim import Event, Manner

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
        self.line = stage.switch.outside_number(CLIENT, Manner.ANSWER, 0.1)
        self.calling: set[str] = set()  # legs to the client that are up now
        self.most_at_once = 0
        hear = stage.switch.on_event

        def listen(event: Event) -> None:
            if hear is not None:
                hear(event)
            self._hear(event)

        stage.switch.on_event = listen

    def _hear(self, event: Event) -> None:
        mark = event.get("variable_voiced_attempt") or ""
        if mark.endswith(".client"):
            if event.name == "CHANNEL_CREATE":
                self.calling.add(event["Unique-ID"])
                self.most_at_once = max(self.most_at_once, len(self.calling))
            elif event.name == "CHANNEL_HANGUP":
                self.calling.discard(event["Unique-ID"])

    async def promise(self, client: httpx.AsyncClient) -> httpx.Response | None:
        """POST /api/callbacks. None where the daemon dies meanwhile."""
        body = {"domain_uuid": DOMAIN, "number": CLIENT, "extension": AGENT}
        try:
            return await client.post("/api/callbacks", json=body)
        except httpx.HTTPError:
            return None

    def hang_up_talks(self) -> None:
        """The agent ends the talk."""
        if self.stage.agent.talks_to is self.line:
            self.stage.agent.hangup()

    async def rows(self) -> list[asyncpg.Record]:
        rows: list[asyncpg.Record] = await self.stage.database.fetch(
            "select id::text, status, attempts, closed_at from callbacks order by created_at"
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
            assert what == "ticket" or payload["ticketId"] is not None, payload
        rows = {row["id"]: row for row in await self.rows()}
        assert set(stories) == set(rows)
        for id, story in stories.items():
            for before, what in zip(["", *story], story, strict=False):
                assert what in _FOLLOWS[before], story
            assert story[-1] in _LAST, story
            assert statuses[id] == rows[id]["status"], story
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
