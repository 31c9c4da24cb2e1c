"""Deliver what is in the outbox: in order for each stream, until the backend accepts it.

A passing failure (no connection, time-out, 5xx, 408, 425, 429) is tried again for a day, with pauses that
grow to 30 s; then, and at once after a permanent refusal (a 200 that says `success: false` is one), the
message is held and shown, and its stream waits behind it until somebody releases it. Several daemons may
deliver together: a message is locked while it is sent, and its Idempotency-Key makes a delivery whose answer
was lost harmless.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final, Protocol

import asyncpg
import httpx
import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from voiced.database import ERRORS, is_away, query, text
from voiced.logs import brief

log = structlog.get_logger(__name__)

KEEP_TRYING: Final = 24 * 3600.0  # seconds, from the message's creation or its release
FIRST_PAUSE: Final = 0.5  # seconds after the first failure; twice as long after each other one
LONGEST_PAUSE: Final = 30.0  # seconds between two tries
PASSING: Final = {408, 425, 429}  # besides 5xx
WORKERS: Final = 4  # streams delivered at once
LOOK_AGAIN: Final = 2.0  # seconds, when nothing wakes us
COUNT_SECONDS: Final = 5.0  # between two counts of what waits
LARGEST_ANSWER: Final = 64 * 1024  # bytes that are read of an answer
_IDS: Final = {  # of what a message is about, as they are called in its payload, and in the log
    "transferId": "transfer_id", "callUuid": "call_uuid", "domainUuid": "domain",
    "callbackId": "callback_id", "ticketId": "ticket_id", "attemptId": "attempt_id",
}  # fmt: skip


class Answered(Protocol):
    """Who wants the backend's answers (a ticket's id), in the transaction that notes the delivery."""

    async def __call__(self, connection: Any, key: str, path: str, answer: dict[str, Any]) -> object: ...


class Outbox:
    """Delivers to one backend. `run()` until cancelled; `wake()` when something was put."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        url: str,
        token: str,
        *,
        timeout: float = 3.0,
        answered: Answered | None = None,
    ) -> None:
        headers = {"Accept-Encoding": "identity"}  # so that a small answer is small
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._client = httpx.AsyncClient(base_url=url.rstrip("/"), headers=headers, timeout=timeout)
        self._pool, self._answered, self._timeout = pool, answered, timeout
        self._wakes = [asyncio.Event() for _ in range(WORKERS)]
        self.is_away = False  # the database did not answer
        self.deliveries: Counter[str] = Counter()  # accepted, again, held
        self._pending, self._held, self._oldest = 0, 0, 0.0

    def wake(self) -> None:
        """Something new is there."""
        for woken in self._wakes:
            woken.set()

    def figures(self) -> Iterator[Metric]:
        """For the metrics; what waits was counted when a worker last looked."""
        deliveries = CounterMetricFamily("tickets_deliveries", "Deliveries by result", labels=["result"])
        for result, count in sorted(self.deliveries.items()):
            deliveries.add_metric([result], count)
        yield deliveries
        yield GaugeMetricFamily("tickets_outbox_pending", "Messages waiting", value=self._pending)
        yield GaugeMetricFamily("tickets_outbox_held", "Messages held for a person", value=self._held)
        yield GaugeMetricFamily("tickets_outbox_oldest_seconds", "Age of the oldest", value=self._oldest)

    async def run(self) -> None:
        """Deliver for ever."""
        async with self._client, asyncio.TaskGroup() as group:
            group.create_task(self._count(), name="outbox figures")
            for number, woken in enumerate(self._wakes):
                group.create_task(self._work(woken), name=f"outbox {number}")

    async def _count(self) -> None:
        while True:
            with suppress(*ERRORS):
                row = await self._pool.fetchrow(query("outbox/figures"))
                assert row is not None  # an aggregate always has a row
                self._pending, self._held, self._oldest = row["pending"], row["held"], row["oldest"]
            await asyncio.sleep(COUNT_SECONDS)

    async def _work(self, woken: asyncio.Event) -> None:
        while True:
            woken.clear()  # before the look: what is put during it wakes us
            try:
                if await self._deliver_next():
                    continue
                wait = await self._until_due()
            except ERRORS as error:
                if not self.is_away:  # once an absence, however many look, and are woken by every step
                    log.warning("the outbox cannot be read", error=brief(error))
                self.is_away = True
                await asyncio.sleep(LOOK_AGAIN)
                continue
            self.is_away = False
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await woken.wait()

    async def _until_due(self) -> float:
        due = await self._pool.fetchval(query("outbox/due_in"))
        return LOOK_AGAIN if due is None else min(max(due, 0.05), LOOK_AGAIN)

    async def _deliver_next(self) -> bool:
        """One message, sent while its row is locked. False where none is due."""
        async with self._pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(query("outbox/next"))
            if row is None:
                return False
            status, error, answer = await self._post(row)
            passing = status is None or status >= 500 or status in PASSING
            if error == "":
                result = "accepted"
                await connection.execute(query("outbox/delivered"), row["id"], status)
                await self._tell_answer(connection, row, answer)
            elif passing and row["tried_for"] < KEEP_TRYING:
                result = "again"
                wait = pause(row["tries"], first=FIRST_PAUSE, longest=LONGEST_PAUSE, at=random.random())
                await connection.execute(query("outbox/again"), row["id"], wait, status, error)
            else:
                result = "held"
                await connection.execute(query("outbox/hold"), row["id"], status, error)
        self.deliveries[result] += 1  # after the commit: without it the message is delivered again
        if result == "held":
            log.error("a message is held", error=error, **_about(row))
        return True

    async def _tell_answer(self, connection: Any, row: Any, answer: dict[str, Any]) -> None:
        if self._answered is None:
            return
        try:
            async with connection.transaction():
                await self._answered(connection, row["idempotency_key"], row["path"], answer)
        except Exception as error:
            if is_away(error):
                raise  # it is sent again, under the same key
            # a fault of ours: the backend has the message all the same
            log.exception("an answer could not be taken", **_about(row))

    async def _post(self, row: Any) -> tuple[int | None, str, dict[str, Any]]:
        """Send one message. Returns the HTTP status (None: no answer), what went wrong ('': nothing), and
        the answer's JSON object."""
        try:
            async with asyncio.timeout(longest_post(self._timeout)), self._client.stream(
                "POST", row["path"], json=row["payload"],
                headers={"Idempotency-Key": row["idempotency_key"]},
            ) as response:  # fmt: skip
                body = await _beginning(response)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            return None, text(f"{type(error).__name__}: {error}"[:500]), {}
        except Exception as error:  # a fault of ours, or of a library: it must not end the daemon
            log.exception("a message could not be sent", **_about(row))
            return None, text(f"{type(error).__name__}: {error}"[:500]), {}
        if not response.is_success:
            return response.status_code, _said(response.status_code, body), {}
        answer = _object(body)
        if answer.get("success") is False:
            return response.status_code, _said(response.status_code, body), {}
        return response.status_code, "", answer


def _about(row: Any) -> dict[str, Any]:
    """Which message this is, and what it is about, for the log."""
    payload = row["payload"]
    ids = {name: payload[field] for field, name in _IDS.items() if payload.get(field)}
    return {"path": row["path"], "key": row["idempotency_key"], **ids}


def longest_post(timeout: float) -> float:
    """Seconds for one message and its answer: httpx's own time-out counts anew with each byte."""
    return 2 * timeout


def pause(tries: int, *, first: float, longest: float, at: float) -> float:
    """Seconds to wait after a failure: twice as long each time, between half of it and all (`at`: 0 … 1)."""
    return (0.5 + at / 2) * min(longest, first * 2.0 ** min(tries, 30))


async def _beginning(response: httpx.Response) -> bytes:
    """The answer's body, but no more than is sane."""
    body = b""
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > LARGEST_ANSWER:
            break
    return body


def _said(status: int, body: bytes) -> str:
    """A refusal, as it is shown to people."""
    return text(f"{status}: {body[:1600].decode('utf-8', 'replace')[:400]}")


def _object(body: bytes) -> dict[str, Any]:
    """The answer's JSON object, {} for anything else."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}
