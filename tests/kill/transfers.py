"""Transfers on the stage of a kill test: asked for over HTTP, seen in the database and at the backend."""

from __future__ import annotations

import time
from typing import Any

import asyncpg
import httpx

from tests.kill.routed_in import RoutedIn
from tests.kill.stage import AGENT, DOMAIN, Stage
from voiced.sim import Caller


class Transfers:
    """A kind of what voiced does; see `stage.Kind`."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        stage.kinds.append(self)
        self.routed_in = RoutedIn(stage)

    async def ask(
        self, client: httpx.AsyncClient, caller: Caller, destination: str = AGENT, wait: float = 0
    ) -> httpx.Response | None:
        """POST /api/transfers. None where the daemon dies meanwhile."""
        body = {"call_uuid": caller.uuid, "domain_uuid": DOMAIN, "destination": destination}
        try:
            return await client.post("/api/transfers", params={"wait": wait}, json=body)
        except httpx.HTTPError:
            return None

    async def assert_the_next_works(self, client: httpx.AsyncClient) -> None:
        """A transfer of everybody who is with the assistant; and of another who is routed in, if one was."""
        stage = self.stage
        stage.everybody_answers()
        routed = [caller for caller in stage.callers if caller.uuid in self.routed_in.calls]
        for caller in routed:
            if caller.alive:
                stage.leaves(caller)
                await stage.switch.until(lambda caller=caller: not caller.alive)
        if routed:
            caller = await self.routed_in.call(
                AGENT, doors=(2, 1)
            )  # the second owns the PBX, if there is one
            await stage.switch.until(lambda: stage.talks(caller), timeout=10)
            stage.hang_up_talks()
            await stage.switch.until(lambda: not caller.alive)
        for caller in stage.callers:
            if caller.alive:
                answer = await self.ask(client, caller, wait=10)
                assert answer is not None
                assert answer.json().get("status") == "success", await stage.said(answer.text)
                assert stage.talks(caller)
                stage.hang_up_talks()
                await stage.switch.until(lambda caller=caller: not caller.alive)
        await stage.over_by(time.monotonic() + 5)
        await stage.assert_the_story_is_told_once()

    async def rows(self) -> list[asyncpg.Record]:
        """Every transfer that is recorded; `driven` says whether it was taken up since the disturbance.

        A request that was refused because the database was away is recorded later; who asked knows it.
        """
        rows: list[asyncpg.Record] = await self.stage.database.fetch(
            """
            select id::text, call_uuid, phase, status, cause, bridged_at, ended_at,
                   $1::timestamptz is null or requested_at >= $1 or exists (
                       select from transfer_journal j
                       where transfer_id = t.id and j.fact = 'pbx_back' and j.at >= $1
                   ) as driven
            from transfers t where not (cause = 'DATABASE_UNAVAILABLE' and attempts = 0)
            order by requested_at
            """,
            self.stage.disturbed,
        )
        return rows

    # -- as the stage sees them ---------------------------------------------------------------------------

    async def driven(self) -> dict[str, str]:
        rows = await self.rows()
        return {row["id"]: row["call_uuid"] for row in rows if row["ended_at"] is None and row["driven"]}

    async def complaints(self) -> list[str]:
        rows = await self.rows()
        told = set(self.stage.backend.arrived)
        return [f"nobody drives {row['id']}" for row in rows if not row["driven"] and not row["ended_at"]] + [
            f"the backend does not know of {row['id']}, {row['status']}"
            for row in rows
            if row["phase"] in ("bridged", "ended") and f"{row['id']}:completed" not in told
        ]

    async def open(self) -> list[str]:
        rows = [str(dict(row)) for row in await self.rows() if row["ended_at"] is None]
        outbox = "select idempotency_key from outbox where state <> 'delivered'"
        return rows + [row["idempotency_key"] for row in await self.stage.database.fetch(outbox)]

    async def assert_told_once(self) -> None:
        rows = await self.rows()
        told: dict[str, list[str]] = {row["id"]: [] for row in rows}
        payloads: dict[str, Any] = {}
        for delivery in self.stage.backend.accepted:
            if delivery.key not in payloads:
                told[delivery.payload["transferId"]].append(delivery.path.rpartition("/")[2])
                payloads[delivery.key] = delivery.payload
        for row in rows:
            talked = row["bridged_at"] is not None
            assert told[row["id"]] == ["completed", *(["ended"] if talked else [])], (row, told)
            assert payloads[f"{row['id']}:completed"]["status"] == row["status"]
            assert (row["status"] == "success") == talked == (row["id"] in self.stage.bridged), row

    async def story(self) -> list[str]:
        journal = await self.stage.database.fetch(
            "select seq, at, fact, phase, detail from transfer_journal order by transfer_id, seq"
        )
        return [
            f"  {line['seq']} {line['at']:%T.%f} {line['fact']} → {line['phase']} {line['detail']}"
            for line in journal
        ]
