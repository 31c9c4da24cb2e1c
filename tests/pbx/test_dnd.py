"""Do-not-disturb from a FusionPBX database: a real PostgreSQL with its two tables."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from structlog.testing import capture_logs

from tests.gate import Gate
from voiced import database
from voiced.pbx import dnd
from voiced.pbx.dnd import DoNotDisturb
from voiced.pbx.extension import Extension

TABLES = """
    create table v_domains (domain_uuid uuid primary key, domain_name text);
    create table v_extensions (
        extension_uuid uuid primary key default gen_random_uuid(), domain_uuid uuid, extension text,
        do_not_disturb text
    );
"""
PETER, MARY = Extension("1001", "pbx.test"), Extension("1002", "pbx.test")


class FusionPbx:
    """A FusionPBX database with two domains."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self.domains = {name: uuid4() for name in ("PBX.test", "other.test")}

    async def install(self) -> None:
        await self.pool.execute(TABLES)
        await self.pool.executemany(
            "insert into v_domains values ($1, $2)", [(uuid, name) for name, uuid in self.domains.items()]
        )

    async def says(self, extension: str, value: str | None, domain: str = "PBX.test") -> None:
        """`do_not_disturb` of an extension, as FusionPBX writes it."""
        where = "domain_uuid = $1 and extension = $2"
        await self.pool.execute(f"delete from v_extensions where {where}", self.domains[domain], extension)
        await self.pool.execute(
            "insert into v_extensions (domain_uuid, extension, do_not_disturb) values ($1, $2, $3)",
            self.domains[domain], extension, value,
        )  # fmt: skip


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dnd, "PAUSE_SECONDS", 0.02)


@pytest.fixture
async def fusionpbx(pool: asyncpg.Pool) -> FusionPbx:
    fusionpbx = FusionPbx(pool)
    await fusionpbx.install()
    return fusionpbx


@contextlib.asynccontextmanager
async def reading(pool: asyncpg.Pool | None) -> AsyncIterator[DoNotDisturb]:
    found = DoNotDisturb(pool)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(found.run())
        yield found
        task.cancel()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


async def test_it_is_on_where_the_text_is_true_and_nowhere_else(fusionpbx: FusionPbx) -> None:
    for extension, value in {"1001": "true", "1002": "false", "1003": "", "1004": None}.items():
        await fusionpbx.says(extension, value)
    await fusionpbx.says("1002", "true", "other.test")
    async with reading(fusionpbx.pool) as found:
        await until(lambda: found.has(PETER))
        on = [
            number for number in ("1001", "1002", "1003", "1004") if found.has(Extension(number, "pbx.test"))
        ]
        assert on == ["1001"]
        assert found.has(Extension("1002", "other.test"))


async def test_a_change_is_told_once_each_way(fusionpbx: FusionPbx) -> None:
    told: list[tuple[Extension, bool]] = []
    async with reading(fusionpbx.pool) as found:
        found.on_change(lambda extension, is_on: told.append((extension, is_on)))
        await fusionpbx.says("1001", "true")
        await until(lambda: found.has(PETER))
        await fusionpbx.says("1002", "true")
        await until(lambda: found.has(MARY))
        await fusionpbx.says("1001", "false")
        await until(lambda: not found.has(PETER))
    assert told == [(PETER, True), (MARY, True), (PETER, False)]


async def test_a_listener_that_fails_stops_neither_the_others_nor_the_reading(fusionpbx: FusionPbx) -> None:
    told: list[Extension] = []

    def fails(extension: Extension, is_on: bool) -> None:
        raise RuntimeError("a listener's own fault")

    async with reading(fusionpbx.pool) as found:
        found.on_change(fails)
        found.on_change(lambda extension, _: told.append(extension))
        await fusionpbx.says("1001", "true")
        await until(lambda: told == [PETER])
        await fusionpbx.says("1002", "true")
        await until(lambda: told == [PETER, MARY])


async def test_while_the_database_does_not_answer_the_last_that_is_known_stands(
    fusionpbx: FusionPbx, database_url: str
) -> None:
    await fusionpbx.says("1001", "true")
    gate = Gate(database_url)
    await gate.open()
    async with await database.open_pool(gate.url, size=2) as pool, reading(pool) as found:
        await until(lambda: found.has(PETER))
        with capture_logs() as logs:
            gate.freeze()
            await until(lambda: bool(logs))
            await fusionpbx.says("1002", "true")
            for _ in range(3):
                await asyncio.sleep(0.05)
            assert (found.has(PETER), found.has(MARY)) == (True, False)
            gate.thaw()
            await until(lambda: found.has(MARY))
        await gate.shut()
    assert [line["event"] for line in logs] == [
        "do-not-disturb cannot be read, the last that is known stands",
        "do-not-disturb is read again",
    ]


async def test_a_database_that_is_not_fusionpbxs_is_said_once(pool: asyncpg.Pool) -> None:
    with capture_logs() as logs:
        async with reading(pool) as found:
            await until(lambda: bool(logs))
            reads = await _reads(pool)
            async with asyncio.timeout(5):
                while await _reads(pool) < reads + 3:
                    await asyncio.sleep(0.01)
            assert not found.has(PETER)
    [line] = logs
    assert line["log_level"] == "warning"
    assert 'relation "v_extensions" does not exist' in line["error"]
    assert "[fusionpbx] url" in line["error"]


async def _reads(pool: asyncpg.Pool) -> Any:
    """Transactions of the database that were rolled back: what a statement that fails does."""
    await pool.execute("select pg_stat_force_next_flush(), pg_stat_clear_snapshot()")
    return await pool.fetchval(
        "select xact_rollback from pg_stat_database where datname = current_database()"
    )


async def test_without_a_fusionpbx_nobody_has_it(pool: asyncpg.Pool) -> None:
    async with asyncio.timeout(5), reading(None) as found:
        assert not found.has(PETER)
