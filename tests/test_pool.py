"""A PostgreSQL that says nothing holds up nobody: a frozen network in between, connections that stay."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

from tests.gate import Gate
from voiced import database
from voiced.database import is_away
from voiced.pool import Pool

PATIENCE = 0.3  # seconds
SOON = 2.0  # and what a busy machine may take beside it


@pytest.fixture
async def through(gate: Gate) -> AsyncIterator[Pool]:
    """A pool of two connections that go through the gate."""
    async with await database.open_pool(gate.url, size=2, patience=PATIENCE) as pool:
        yield pool


async def a_statement(pool: asyncpg.Pool) -> None:
    await pool.fetchval("select 1")


async def a_transaction(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("select 1")


async def a_savepoint(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection, connection.transaction(), connection.transaction():
        await connection.execute("select 1")


Work = Callable[[asyncpg.Pool], Awaitable[None]]
every_work = pytest.mark.parametrize("work", [a_statement, a_transaction, a_savepoint])


@every_work
async def test_a_silent_server_is_away_in_time(through: Pool, gate: Gate, work: Work) -> None:
    await work(through)
    gate.freeze()
    began = time.monotonic()
    with pytest.raises(Exception) as caught:
        await work(through)
    assert is_away(caught.value)
    assert PATIENCE * 0.9 <= time.monotonic() - began < PATIENCE + SOON
    gate.thaw()
    await gate.cut()
    await asyncio.wait_for(work(through), SOON)


@pytest.mark.parametrize("at", ["begin", "body", "commit"])
async def test_it_does_not_matter_where_in_a_transaction_it_falls_silent(
    through: Pool, gate: Gate, at: str
) -> None:
    async def work() -> None:
        async with through.acquire() as connection:
            if at == "begin":
                gate.freeze()
            async with connection.transaction():
                if at == "body":
                    gate.freeze()
                await connection.execute("select 1")
                gate.freeze()

    began = time.monotonic()
    with pytest.raises(Exception) as caught:
        await work()
    assert is_away(caught.value)
    assert time.monotonic() - began < PATIENCE + SOON


async def test_who_is_cancelled_in_the_middle_of_a_transaction_is_gone_at_once(gate: Gate) -> None:
    frozen = asyncio.Event()

    async def work() -> None:
        async with pool.acquire() as connection, connection.transaction(), connection.transaction():
            gate.freeze()
            frozen.set()
            await connection.execute("select 1")

    async with await database.open_pool(gate.url, size=1, patience=60) as pool:
        task = asyncio.create_task(work())
        await frozen.wait()
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait([task], timeout=SOON)
        assert task.cancelled()


@every_work
async def test_who_is_cancelled_meanwhile_is_gone_at_once(gate: Gate, work: Work) -> None:
    async with await database.open_pool(gate.url, size=1, patience=60) as pool:
        gate.freeze()
        task = asyncio.create_task(work(pool))
        await asyncio.sleep(0.05)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=SOON)
        assert done, "it waits for the server to agree"
        assert task.cancelled(), "a loop that sees another error than its end goes on for ever"


async def test_a_pool_without_a_free_connection_says_so_in_time(through: Pool) -> None:
    async with through.acquire(), through.acquire():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(through.fetchval("select 1"), PATIENCE + SOON)
    assert await through.fetchval("select 1") == 1


async def test_a_pool_is_closed_also_where_nobody_says_good_bye(gate: Gate) -> None:
    pool = await database.open_pool(gate.url, size=2)
    await asyncio.gather(*(pool.execute("select pg_sleep(0.05)") for _ in range(2)))
    gate.freeze()
    await asyncio.wait_for(pool.close(), 1 + SOON)


async def test_a_transaction_that_only_waits_is_ended_by_the_server(database_url: str) -> None:
    async def dawdle() -> None:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("select 1")
            async with asyncio.timeout(5):
                while not connection.is_closed():
                    await asyncio.sleep(0.02)

    async with await database.open_pool(database_url, size=1, idle=1) as pool:
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)) as caught:
            await dawdle()
        assert is_away(caught.value)
        assert await pool.fetchval("select 1") == 1
