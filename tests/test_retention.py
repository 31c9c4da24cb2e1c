"""What is over for long is removed, in small batches; what is open or not yet told stays."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.conftest import DOMAIN
from voiced import retention
from voiced.retention import Retention

OLD, YOUNG, OPEN = 91, 89, None  # days since the end
DAYS = 90


@pytest.fixture(autouse=True)
def breathless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BREATH_SECONDS", 0)


async def a_transfer(pool: asyncpg.Pool, ended: int | None, call: str = "") -> UUID:
    id = uuid4()
    await pool.execute(
        "insert into transfers (id, pbx, call_uuid, story_id, domain_uuid, caller_number, caller_name, "
        "destination, reason, summary, status, phase, request, state, requested_at, ended_at) "
        "values ($1, 'pbx', $2, $1, $3, '', '', '{}', '', '', 'busy', 'ended', '{}', '{}', "
        "now() - interval '100 days', now() - make_interval(days => $4))",
        id, call or str(id), DOMAIN, ended,
    )  # fmt: skip
    await pool.execute(
        "insert into transfer_journal (transfer_id, seq, at, fact, detail, phase) "
        "values ($1, 1, now(), 'requested', '{}', 'ended')",
        id,
    )
    return id


async def a_callback(pool: asyncpg.Pool, closed: int | None) -> UUID:
    id = uuid4()
    await pool.execute(
        "insert into callbacks (id, pbx, company_id, domain_uuid, story_id, number, status, created_at, "
        "expires_at, not_before, closed_at) values ($1, 'pbx', '', $2, $1, $4, 'completed', now(), "
        "now(), now(), now() - make_interval(days => $3))",
        id, DOMAIN, closed, str(id),
    )  # fmt: skip
    await pool.execute(
        "insert into callback_journal (callback_id, seq, at, fact, detail, status) "
        "values ($1, 1, now(), 'made', '{}', 'pending')",
        id,
    )
    return id


async def an_attempt(
    pool: asyncpg.Pool,
    ended: int | None,
    callback: UUID | None = None,
    *,
    settled: bool = True,
    ticket: str = "",
) -> UUID:
    id = uuid4()
    await pool.execute(
        "insert into callback_attempts (id, callback_id, pbx, domain_uuid, ticket_id, number, extension, "
        "phase, request, state, requested_at, ended_at, settled) values ($1, $2, 'pbx', $3, $4, $7, $7, "
        "'ended', '{}', '{}', now(), now() - make_interval(days => $5), $6)",
        id, callback, DOMAIN, ticket, ended, settled, str(id),
    )  # fmt: skip
    return id


async def a_message(pool: asyncpg.Pool, stream: str, state: str, delivered: int | None = None) -> int:
    id: int = await pool.fetchval(
        "insert into outbox (stream, idempotency_key, path, payload, state, created_at, delivered_at) values "
        "($1, gen_random_uuid()::text, '/', '{}', $2, now() - interval '99 days', "
        "now() - make_interval(days => $3)) returning id",
        stream, state, delivered,
    )  # fmt: skip
    return id


async def left(pool: asyncpg.Pool, table: str) -> set[Any]:
    return {row["id"] for row in await pool.fetch(f"select id from {table}")}


async def test_what_ended_long_ago_goes_with_its_journal(pool: asyncpg.Pool) -> None:
    await a_transfer(pool, OLD)
    young, open = await a_transfer(pool, YOUNG), await a_transfer(pool, OPEN)
    await a_callback(pool, OLD)
    kept = {await a_callback(pool, YOUNG), await a_callback(pool, OPEN)}
    await an_attempt(pool, OLD)
    calls = {await an_attempt(pool, YOUNG), await an_attempt(pool, OPEN, settled=False)}
    await Retention(pool, DAYS).sweep()
    assert await left(pool, "transfers") == {young, open}
    assert await left(pool, "callbacks") == kept
    assert await left(pool, "callback_attempts") == calls
    assert await pool.fetchval("select count(*) from transfer_journal") == 2
    assert await pool.fetchval("select count(*) from callback_journal") == 2


@pytest.mark.parametrize("state", ["pending", "held"])
async def test_what_is_not_yet_told_stays_and_so_does_what_it_is_about(
    pool: asyncpg.Pool, state: str
) -> None:
    transfer, callback = await a_transfer(pool, OLD, call="c"), await a_callback(pool, OLD)
    attempt, named = await an_attempt(pool, OLD), await an_attempt(pool, OLD, ticket="T1")
    streams = ("call:c", f"callback:{callback}", f"ticket:{attempt}", "ticket:T1")
    messages = {await a_message(pool, stream, state) for stream in streams}
    await Retention(pool, DAYS).sweep()
    assert await left(pool, "outbox") == messages
    assert await left(pool, "transfers") == {transfer}
    assert await left(pool, "callbacks") == {callback}
    assert await left(pool, "callback_attempts") == {attempt, named}


async def test_where_there_is_no_backend_nothing_waits_to_be_told(pool: asyncpg.Pool) -> None:
    await a_transfer(pool, OLD, call="c")
    young = await a_transfer(pool, YOUNG, call="d")
    await a_message(pool, "call:c", "pending")
    await Retention(pool, DAYS, tells_nobody=True).sweep()
    assert (await left(pool, "outbox"), await left(pool, "transfers")) == (set(), {young})


async def test_messages_go_when_they_were_delivered_long_ago_and_not_when_they_were_made(
    pool: asyncpg.Pool,
) -> None:
    await a_message(pool, "a", "delivered", OLD)
    late = await a_message(pool, "a", "delivered", YOUNG)
    await Retention(pool, DAYS).sweep()
    assert await left(pool, "outbox") == {late}


async def test_a_callback_whose_call_has_no_conclusion_yet_stays(pool: asyncpg.Pool) -> None:
    callback = await a_callback(pool, OLD)
    await an_attempt(pool, OLD, callback, settled=False)
    await an_attempt(pool, OLD, callback)
    await Retention(pool, DAYS).sweep()
    assert await left(pool, "callbacks") == {callback}
    assert len(await left(pool, "callback_attempts")) == 2
    await pool.execute("update callback_attempts set settled = true")
    await Retention(pool, DAYS).sweep()
    assert await left(pool, "callback_attempts") == set()


async def test_nothing_goes_where_it_is_kept_for_ever_but_requests_of_an_hour_ago(pool: asyncpg.Pool) -> None:
    await a_transfer(pool, 3000)
    for minutes in (61, 59):
        await pool.execute(
            "insert into requests (pbx, kind, body, asked_at) "
            "values ('pbx', 'x', '{}', now() - make_interval(mins => $1))",
            minutes,
        )
    await Retention(pool, 0).sweep()
    assert len(await left(pool, "transfers")) == 1
    assert len(await left(pool, "requests")) == 1


async def test_batches_are_small_and_daemons_do_not_wait_for_each_other(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    for _ in range(8):
        await a_message(pool, "a", "delivered", OLD)
    counts: list[int] = []
    remove = Retention._remove

    async def counted(self: Retention, name: str, seconds: float) -> int:
        counts.append(await remove(self, name, seconds))
        return counts[-1]

    monkeypatch.setattr(Retention, "_remove", counted)
    async with pool.acquire() as other, other.transaction():
        await other.execute("select from outbox where id = (select min(id) from outbox) for update")
        async with asyncio.timeout(5):
            await Retention(pool, DAYS).sweep()
    assert max(counts) == 3
    assert sum(counts) == 7
    assert len(await left(pool, "outbox")) == 1
