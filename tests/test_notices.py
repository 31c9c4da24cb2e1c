"""NOTIFY is heard, and heard again when its connection was lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial

import asyncpg
import pytest

from tests.gate import Gate
from voiced import database, notices
from voiced.notices import Notices


@contextlib.asynccontextmanager
async def heard(pool: asyncpg.Pool, *channels: str) -> AsyncIterator[list[tuple[str, str]]]:
    """What is heard on these channels, from when it is sure to be heard."""
    said: list[tuple[str, str]] = []
    listener = Notices(pool)
    for channel in channels:
        listener.on(channel, partial(lambda channel, payload: said.append((channel, payload)), channel))
    task = asyncio.create_task(listener.run())
    try:
        await hears_again(pool, channels[0], said)
        yield said
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def hears_again(pool: asyncpg.Pool, channel: str, said: list[tuple[str, str]]) -> None:
    """Knock until it is heard."""
    async with asyncio.timeout(5):
        while not said:
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await pool.execute("select pg_notify($1, 'knock')", channel)
            await asyncio.sleep(0.02)
    said.clear()


async def until(said: list[tuple[str, str]], count: int) -> None:
    async with asyncio.timeout(5):
        while len(said) < count:
            await asyncio.sleep(0.01)


async def test_listeners_hear_their_channels_in_order(pool: asyncpg.Pool) -> None:
    async with heard(pool, "one", "two") as said:
        for channel, payload in (("one", "a"), ("other", "b"), ("two", "ç 😀"), ("one", "")):
            await pool.execute("select pg_notify($1, $2)", channel, payload)
        await until(said, 3)
    assert [line for line in said if line[1] != "knock"] == [("one", "a"), ("two", "ç 😀"), ("one", "")]


async def test_after_a_lost_connection_they_hear_again(
    pool: asyncpg.Pool, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "PAUSE", 0.05)
    gate = Gate(database_url)
    await gate.open()
    async with await database.open_pool(gate.url, size=2) as through, heard(through, "one") as said:
        for lose in (gate.cut, gate.shut):
            await lose()
            if lose == gate.shut:
                await asyncio.sleep(0.05)
                await gate.open()
            await hears_again(pool, "one", said)
            await pool.execute("select pg_notify('one', 'back')")
            await until(said, 1)
            assert ("one", "back") in said
            said.clear()
    await gate.shut()


async def test_who_stops_listening_leaves_a_clean_connection_in_the_pool(pool: asyncpg.Pool) -> None:
    async with heard(pool, "one"):
        pass
    assert await pool.fetchval("select count(*) from pg_listening_channels()") == 0
