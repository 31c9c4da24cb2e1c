"""PostgreSQL: the schema, the statements, the embedded server, and errors that say what is wrong."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import url_of
from voiced import database
from voiced.database import DatabaseError, embedded, is_away, migrate, open_pool, page

SECRET = "hunter2hunter2"
MIGRATIONS = sorted(path.stem for path in (database.SQL / "migrations").glob("*.sql"))
QUERIES = sorted(
    str(path.relative_to(database.SQL / "queries").with_suffix(""))
    for path in (database.SQL / "queries").rglob("*.sql")
)


@pytest.fixture
async def empty_url(postgres: str) -> Any:
    """A database without any table."""
    connection = await asyncpg.connect(postgres)
    await connection.execute("create database empty_one")
    yield url_of(postgres, "empty_one")
    await connection.execute("drop database empty_one with (force)")
    await connection.close()


# -- migrations -------------------------------------------------------------------------------------------


async def test_migrations_are_applied_in_order_and_once(empty_url: str) -> None:
    assert await migrate(empty_url) == MIGRATIONS
    assert await migrate(empty_url) == []


async def test_daemons_that_start_together_do_not_race(empty_url: str) -> None:
    applied = await asyncio.gather(*(migrate(empty_url) for _ in range(4)))
    assert sorted(itertools.chain.from_iterable(applied)) == MIGRATIONS


async def test_who_waits_for_others_to_migrate_does_not_wait_for_ever(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LOCK_SECONDS", 0.2)
    other = await asyncpg.connect(empty_url)
    await other.execute("select pg_advisory_lock($1)", database._MIGRATION_LOCK)
    with pytest.raises(DatabaseError, match="TimeoutError"):
        await asyncio.wait_for(migrate(empty_url), 10)
    await other.close()
    assert await migrate(empty_url) == MIGRATIONS


async def test_what_is_missing_is_known_before_and_after(empty_url: str) -> None:
    async with await open_pool(empty_url, size=1) as pool:
        assert await database.missing_migrations(pool) == MIGRATIONS
        await migrate(empty_url)
        assert await database.missing_migrations(pool) == []


async def test_a_migration_that_fails_leaves_nothing_of_itself(
    empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations/0001_good.sql").write_text("create table good ();")
    (tmp_path / "migrations/0002_bad.sql").write_text("create table half (); select nonsense;")
    monkeypatch.setattr(database, "SQL", tmp_path)
    with pytest.raises(DatabaseError, match="nonsense"):
        await migrate(empty_url)
    (tmp_path / "migrations/0002_bad.sql").write_text("create table half ();")
    assert await migrate(empty_url) == ["0002_bad"]


async def test_a_user_who_may_not_create_tables_is_told_so(postgres: str, empty_url: str) -> None:
    connection = await asyncpg.connect(postgres)
    await connection.execute("create role poor login")
    try:
        with pytest.raises(DatabaseError, match="permission denied for schema public"):
            await migrate(empty_url.replace("postgres:", "poor:", 1))
    finally:
        await connection.execute("drop role poor")
        await connection.close()


FUSIONPBX_TABLES = """
    create temp table v_domains (domain_uuid uuid, domain_name text);
    create temp table v_extensions (domain_uuid uuid, extension text, do_not_disturb text);
"""


async def test_every_statement_fits_the_schema(pool: asyncpg.Pool) -> None:
    wrong = {}
    async with pool.acquire() as connection:
        await connection.execute(FUSIONPBX_TABLES)  # what is asked of FusionPBX's own database
        for name in QUERIES:
            try:
                await connection.prepare(database.query(name))
            except asyncpg.PostgresError as error:
                wrong[name] = str(error)
    assert not wrong


# -- errors -----------------------------------------------------------------------------------------------


@pytest.fixture
async def locked(postgres: str) -> Any:
    """A URL whose user needs a password, and gives a wrong one."""
    connection = await asyncpg.connect(postgres)
    path = Path(await connection.fetchval("show hba_file"))
    before = path.read_text()
    await connection.execute(f"create role locked login password '{SECRET}'")
    path.write_text(f"local all locked scram-sha-256\n{before}")
    await connection.execute("select pg_reload_conf()")
    yield url_of(postgres, "voiced_template").replace("postgres:", f"locked:{SECRET}-not", 1)
    path.write_text(before)
    await connection.execute("select pg_reload_conf()")
    await connection.execute("drop role locked")
    await connection.close()


async def test_a_wrong_password_is_told_and_not_repeated(locked: str) -> None:
    with pytest.raises(DatabaseError, match="password authentication failed") as caught:
        await open_pool(locked)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (f"postgresql://user:{SECRET}@127.0.0.1:1/voiced", r"PostgreSQL 'voiced' on 127\.0\.0\.1: .*Connect"),
        (f"postgresql:///voiced?host=/nowhere&user=u&password={SECRET}", "on /nowhere: .*No such file"),
        (f"postgresql://user:{SECRET}@no-such-host.invalid/voiced", "on no-such-host.invalid: "),
        (f"user:{SECRET}@host/voiced", "URL is not understood.*scheme"),
        (f"mysql://user:{SECRET}@host/voiced", "URL is not understood.*scheme"),
        (f"postgresql://user:{SECRET}/{SECRET}@host/voiced", "URL is not understood"),
        (f"postgresql://user:{SECRET}#{SECRET}@host/voiced", "URL is not understood"),
        (f"postgresql://[user:{SECRET}", "URL is not understood"),
        (f"postgresql://user:{SECRET}@host/voiced?sslmode=silly", "sslmode"),
        (SECRET, "URL is not understood"),
    ],
    ids=lambda value: value.replace(SECRET, "…")[:40],
)
async def test_a_url_that_leads_nowhere_is_one_line_without_the_password(url: str, says: str) -> None:
    with pytest.raises(DatabaseError, match=says) as caught:
        await open_pool(url)
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_database_that_does_not_exist_is_told(postgres: str) -> None:
    with pytest.raises(DatabaseError, match='database "nowhere" does not exist'):
        await open_pool(url_of(postgres, "nowhere"))
    with pytest.raises(DatabaseError, match='database "nowhere" does not exist'):
        await migrate(url_of(postgres, "nowhere"))


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (ConnectionRefusedError(), True),
        (TimeoutError(), True),
        (asyncpg.InterfaceError("connection is closed"), True),
        (asyncpg.ConnectionDoesNotExistError(), True),
        (asyncpg.CannotConnectNowError(), True),
        (asyncpg.AdminShutdownError(), True),
        (asyncpg.TooManyConnectionsError(), True),
        (asyncpg.DeadlockDetectedError(), True),
        (asyncpg.DiskFullError(), True),
        (asyncpg.ReadOnlySQLTransactionError(), True),
        (asyncpg.InvalidPasswordError(), True),
        (asyncpg.InvalidCatalogNameError(), True),
        (asyncpg.ObjectNotInPrerequisiteStateError(), True),
        (asyncpg.InsufficientPrivilegeError(), True),
        (asyncpg.LockNotAvailableError(), True),
        (asyncpg.InvalidCachedStatementError(), True),
        (asyncpg.FeatureNotSupportedError(), False),
        (asyncpg.UniqueViolationError(), False),
        (asyncpg.ForeignKeyViolationError(), False),
        (asyncpg.DataError(), False),
        (asyncpg.UntranslatableCharacterError(), False),
        (asyncpg.UndefinedTableError(), False),
        (asyncpg.RaiseError(), False),
        (asyncpg.InternalClientError("cannot switch to state 15"), True),
        (ValueError(), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_database_is_away_where_it_is_at_fault_and_not_the_statement(error: Any, away: bool) -> None:
    assert is_away(error) is away


# -- values and pages -------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(st.recursive(st.text(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner)))
def test_json_says_the_same_but_for_what_postgresql_cannot_say(value: Any) -> None:
    def cleaned(value: Any) -> Any:
        if isinstance(value, str):
            return database.text(value)
        if isinstance(value, list):
            return [cleaned(one) for one in value]
        return {cleaned(name): cleaned(one) for name, one in value.items()}

    text = database._json(value)
    text.encode()
    assert json.loads(text) == cleaned(value) or len(cleaned(value)) < len(value)


@pytest.mark.parametrize("value", ["a\0b", "\\u0000", "\\\0", "\udce9", "😀", "\\\\u0000\0", '"\0"'])
async def test_postgresql_takes_any_text_in_json_and_in_columns(pool: asyncpg.Pool, value: str) -> None:
    clean = value.replace("\0", "").encode("utf-8", "replace").decode()
    assert await pool.fetchval("select $1::jsonb", {"v": [value]}) == {"v": [clean]}
    assert await pool.fetchval("select $1::text", database.text(value)) == clean


async def test_a_page_knows_the_total_also_behind_the_last(pool: asyncpg.Pool) -> None:
    statement = "insert into outbox (stream, idempotency_key, path, payload) values ('s', $1, '/', '{}')"
    await pool.executemany(statement, [(str(number),) for number in range(5)])
    for offset, found in ((0, 2), (4, 1), (5, 0), (99, 0)):
        rows, total = await page(pool, "outbox/list", (None,), 2, offset)
        assert (len(rows), total) == (found, 5)
    assert await page(pool, "outbox/list", ("held",), 2, 0) == ([], 0)


# -- the embedded server ----------------------------------------------------------------------------------


def postgres_of(folder: Path) -> list[int]:
    """The server processes of a data directory."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            program, *arguments = path.read_text().split("\0")
            if program.endswith("postgres") and str(folder) in arguments:
                found.append(int(path.parent.name))
    return found


@pytest.fixture
def folder_of_ours() -> Iterator[Path]:
    """Not pytest's: sessions that run beside this one clear old ones away, running servers or not."""
    with tempfile.TemporaryDirectory(prefix="voiced-test-embedded-", ignore_cleanup_errors=True) as name:
        yield Path(name)


async def test_the_embedded_server_runs_for_the_block_and_keeps_its_data(
    folder_of_ours: Path,
) -> None:
    folder = folder_of_ours / "deep" / "data"
    async with embedded(folder) as url:
        await migrate(url)
        assert len(postgres_of(folder)) == 1
    assert not postgres_of(folder)
    async with embedded(folder) as url:
        assert await migrate(url) == []


async def test_a_server_that_a_killed_daemon_left_is_taken_over_and_stopped(
    folder_of_ours: Path,
) -> None:
    folder = folder_of_ours / "data"
    code = (
        "import asyncio, pathlib, sys, voiced.database as d\n"
        "async def main():\n"
        "    async with d.embedded(pathlib.Path(sys.argv[1])) as url:\n"
        "        print(url, flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(folder), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert (await process.stdout.readline()).startswith(b"postgresql://")
    process.kill()
    await process.wait()
    assert len(postgres_of(folder)) == 1, "it lives on alone"
    async with embedded(folder):
        assert len(postgres_of(folder)) == 1
    assert not postgres_of(folder)


async def test_a_directory_that_cannot_be_had_is_told(folder_of_ours: Path) -> None:
    (folder_of_ours / "file").write_text("")
    with pytest.raises(DatabaseError, match=r"embedded PostgreSQL in .*file/data does not start: .*director"):
        async with embedded(folder_of_ours / "file" / "data"):
            pass


async def test_who_is_stopped_while_the_server_starts_leaves_none_behind(folder_of_ours: Path) -> None:
    folder = folder_of_ours / "data"

    async def work() -> None:
        async with embedded(folder):
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    while not folder.exists():
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (folder / "PG_VERSION").exists(), "it was on its way"
    assert not postgres_of(folder)
