"""What PostgreSQL does for the statements that a call, an agent's moment or a delivery waits for.

None reads a whole table, however many callbacks wait, and however long the backend has been away.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from tests.conftest import DOMAIN
from voiced.database import query

MANY = 5_000
FEW = 100  # rows, that a statement may touch
CALLBACKS = """
    insert into callbacks (
        id, pbx, company_id, domain_uuid, story_id, number, extension, department_key, status, created_at,
        expires_at, not_before, look_at, ticket_id, closed_at
    )
    select gen_random_uuid(), 'pbx', 'c', $1, gen_random_uuid(), '+55119' || (10000000 + i),
        (1000 + i % 500)::text, '', case when i % 2 = 0 then 'pending' else 'completed' end,
        now() - i * interval '10 s', now() + interval '1 day', now() - i * interval '1 s',
        case when i % 2 = 0 then now() + interval '1 day' end, 'T' || i, case when i % 2 = 1 then now() end
    from generate_series(1, $2) i
"""
ATTEMPTS = """
    insert into callback_attempts (
        id, callback_id, pbx, domain_uuid, number, extension, phase, request, state, requested_at, ended_at,
        settled
    )
    select gen_random_uuid(), id, 'pbx', domain_uuid, number, extension, 'ended', '{}', '{}', created_at,
        now(), true
    from callbacks
"""
# a hundred streams, the first of each of which has failed
OUTBOX = """
    insert into outbox (stream, idempotency_key, path, payload)
    select 'callback:' || i % 100, 'key' || i, '/x', '{}' from generate_series(1, $1) i
"""


@pytest.fixture
async def connection(pool: asyncpg.Pool) -> AsyncIterator[Any]:
    """A connection to a database with a lot in it, in a transaction that is rolled back."""
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(CALLBACKS, DOMAIN, MANY)
        await connection.execute(ATTEMPTS)
        await connection.execute(OUTBOX, MANY)
        for row in await connection.fetch("select min(id) as id from outbox group by stream"):
            await connection.execute(query("outbox/again"), row["id"], 30.0, 503, "away")
        await connection.execute("analyze callbacks, callback_attempts, outbox")
        yield connection
        await transaction.rollback()


async def touched(connection: Any, name: str, *arguments: Any) -> int:
    """How many rows a statement has read, also to throw them away. Fails where it reads a whole table."""
    rows = await connection.fetch(f"explain (analyze, timing off) {query(name)}", *arguments)
    plan = "\n".join(row[0] for row in rows)
    assert "Seq Scan on" not in plan, plan
    counts = re.findall(r"Scan.*actual rows=([\d.]+) loops=(\d+)", plan)
    removed = re.findall(r"Rows Removed by \w+(?: \w+)*: (\d+)", plan)
    return sum(int(float(found) * int(loops)) for found, loops in counts) + sum(map(int, removed))


async def test_a_call_and_an_agents_moment_touch_few_rows(connection: Any) -> None:
    number = "+5511910000002"
    now = await connection.fetchval("select now()")
    for name, *arguments in (
        ("callback/for_agent", DOMAIN, "1002", ["suporte"], now),
        ("callback/due", "pbx", now, 100),
        ("callback/next_look", "pbx", now),
        ("callback/lock_open_of_number", DOMAIN, number),
        ("callback/open_of_number", DOMAIN, number),
        ("callback/made_today", DOMAIN, number, now),
        ("callback/of_ticket", "T2", DOMAIN),
        ("callback/of_ticket", "T2", None),
        ("callback/read", uuid4(), DOMAIN),
        ("attempt/open", "pbx"),
        ("attempt/unsettled", "pbx"),
        ("attempt/read", uuid4(), DOMAIN),
    ):
        assert await touched(connection, name, *arguments) <= FEW, name


async def test_a_backend_that_is_away_costs_no_more_the_more_waits_for_it(connection: Any) -> None:
    for name in ("outbox/next", "outbox/due_in"):
        assert await touched(connection, name) <= FEW, name
    assert await connection.fetchrow(query("outbox/next")) is None
    assert 25 < await connection.fetchval(query("outbox/due_in")) <= 30


async def test_what_waits_behind_a_held_message_is_not_looked_at_until_it_is_released(
    connection: Any,
) -> None:
    held = await connection.fetch("select min(id) as id from outbox group by stream")
    await connection.execute("update outbox set next_at = now()")
    for row in held:
        await connection.execute(query("outbox/hold"), row["id"], 400, "no")
    assert await touched(connection, "outbox/next") <= FEW
    assert await connection.fetchrow(query("outbox/next")) is None
    id = held[0]["id"]
    assert await connection.fetchval(query("outbox/release"), id) == id
    first = await connection.fetchrow(query("outbox/next"))
    assert first["id"] == id
    await connection.execute(query("outbox/delivered"), id, 200)
    behind = await connection.fetchrow(query("outbox/next"))
    assert (behind["stream"], behind["id"]) == (first["stream"], id + 100)
