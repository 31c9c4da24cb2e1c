"""Requests as rows: any daemon accepts one, the daemon that owns the PBX carries it out.

The one that was asked writes a row and waits for its answer; the owner, woken by NOTIFY, takes the row,
which nobody else can take then. A row that nobody took in time is dead: whoever asked has been told so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import UUID

import asyncpg
import structlog

from voiced.database import ERRORS, query
from voiced.logs import brief
from voiced.notices import Notices
from voiced.refusals import PbxIsAway, Refusal, again
from voiced.tasks import Tasks

log = structlog.get_logger(__name__)

PATIENCE: Final = 4.0  # seconds that the asking side waits for an answer
FRESH: Final = 2.0  # seconds that a row may wait to be taken: well within the patience
LOOK_AGAIN: Final = 0.5  # seconds, in case a notice is missed

Carry = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class Relay:
    """Both sides: `ask` for who asks, `serve` for who carries out. `run()` serves while `is_owner()`."""

    def __init__(
        self, pool: asyncpg.Pool, notices: Notices, pbx: str, daemon: str, is_owner: Callable[[], bool]
    ) -> None:
        self._pool, self._pbx, self._daemon = pool, pbx, daemon
        self._is_owner = is_owner
        self._carriers: dict[str, Carry] = {}
        self._wake = asyncio.Event()
        self._answers: dict[str, asyncio.Event] = {}
        self._tasks = Tasks()
        notices.on("voiced_requests", lambda _: self._wake.set())
        notices.on("voiced_answers", self._answered)

    async def ask(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        """Have the owner carry it out. Raises what it refuses with; PbxIsAway if nobody answers in time."""
        row = await self._pool.fetchrow(query("request/put"), self._pbx, kind, body)
        assert row is not None  # an insert that returns
        id: UUID = row["id"]
        told = self._answers[str(id)] = asyncio.Event()
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    answer: dict[str, Any] | None = await self._pool.fetchval(query("request/read"), id)
                    if answer is not None:
                        break
                    await _wait(told, LOOK_AGAIN)
        except TimeoutError:
            raise PbxIsAway("no daemon owns this PBX at the moment") from None
        finally:
            del self._answers[str(id)]
        if "refused" in answer:
            raise again(answer["refused"], answer["message"])
        return answer

    def serve(self, kind: str, carry_out: Carry) -> None:
        """Carry requests of this kind out (before `run`)."""
        self._carriers[kind] = carry_out

    async def run(self) -> None:
        """Take requests for as long as this daemon owns the PBX."""
        while True:
            self._wake.clear()
            try:
                while self._is_owner() and await self._take():
                    pass
            except ERRORS as error:
                log.warning("requests cannot be read", error=brief(error))
            await _wait(self._wake, LOOK_AGAIN)

    async def _take(self) -> bool:
        row = await self._pool.fetchrow(query("request/take"), self._pbx, self._daemon, FRESH)
        if row is None:
            return False
        self._tasks.start(self._serve(row["id"], row["kind"], row["body"]), f"request {row['id']}")
        return True

    async def _serve(self, id: UUID, kind: str, body: dict[str, Any]) -> None:
        try:
            answer = await self._carriers[kind](body)
        except Refusal as refusal:
            answer = {"refused": refusal.code, "message": str(refusal)}
        await self._pool.execute(query("request/answer"), id, answer)

    def _answered(self, id: str) -> None:
        if id in self._answers:
            self._answers[id].set()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
    event.clear()
