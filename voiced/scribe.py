"""Writes to the database behind the calls, in order.

Nothing in a call waits for PostgreSQL. What has to be kept is handed to the scribe, which commits whatever
has gathered in one transaction, again and again, in the order it was given. While the database is away it
keeps everything and tries again; what waits is counted, and only journal lines are ever dropped, the oldest
first and never in silence.

What must be committed before something is done (the intention to dial) is handed over the same way; its
`kept` future is done after the commit.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, Final

import asyncpg
import structlog
import tenacity

from voiced.database import is_away, query
from voiced.logs import brief

log = structlog.get_logger(__name__)

MOST_WAITING: Final = 100_000  # notes kept while the database is away; some 100 MB
BATCH: Final = 500  # notes in one transaction


@dataclass(slots=True)
class Note:
    """Statements that belong together: each a name under sql/queries and its arguments."""

    statements: list[tuple[str, tuple[Any, ...]]]
    droppable: bool = False  # a journal line, of which the newest is enough
    kept: asyncio.Future[None] | None = field(default=None)


class Scribe:
    """The one writer of a daemon. `run()` writes until it is cancelled; `write` never waits."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._waiting: OrderedDict[int, Note] = OrderedDict()  # by number, in order
        self._droppable: deque[int] = deque()  # numbers of notes that may be dropped, the oldest first
        self._given = 0  # notes so far: the number of the next one
        self._begun = 0  # up to here (without it) they are written, or being written
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.on_put: Callable[[], object] = lambda: None  # called when the outbox has something new
        self.dropped = 0
        self.is_away = False  # the last attempt to write failed

    def __len__(self) -> int:
        return len(self._waiting)

    def write(self, note: Note) -> None:
        """Keep this, after everything that was given before."""
        self._waiting[self._given] = note
        if note.droppable:
            self._droppable.append(self._given)
        self._given += 1
        self._idle.clear()
        self._wake.set()
        if len(self._waiting) > MOST_WAITING:
            self._drop()

    def commit(self, note: Note) -> asyncio.Future[None]:
        """The same; the future is done when it is committed, or failed if the database refuses it."""
        note.kept, note.droppable = asyncio.get_running_loop().create_future(), False
        self.write(note)
        return note.kept

    async def drained(self) -> None:
        """Until everything given so far is kept."""
        await self._idle.wait()

    async def run(self) -> None:
        """Write for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._write_until_kept(self._begin_batch())
            self._idle.set()

    # -- inside -------------------------------------------------------------------------------------------

    def _begin_batch(self) -> dict[int, Note]:
        batch = dict(islice(self._waiting.items(), BATCH))
        self._begun = max(batch) + 1
        while self._droppable and self._droppable[0] < self._begun:
            self._droppable.popleft()
        return batch

    async def _write_until_kept(self, batch: dict[int, Note]) -> None:
        notes = list(batch.values())
        try:
            await self._write(notes)
        except asyncpg.PostgresError:
            await self._write_one_by_one(notes)
        if self.is_away:
            self.is_away = False
            log.info("the database is back", waiting=len(self._waiting))
        if any(name == "outbox/put" for note in notes for name, _ in note.statements):
            self.on_put()
        for number, note in batch.items():
            del self._waiting[number]
            if note.kept is not None and not note.kept.done():
                note.kept.set_result(None)

    async def _write(self, batch: list[Note]) -> None:
        """Commit these notes, however long it takes. Raises PostgresError where one is refused for good."""
        retry = tenacity.AsyncRetrying(
            wait=tenacity.wait_random_exponential(multiplier=0.1, max=2.0),
            retry=tenacity.retry_if_exception(is_away),
            before_sleep=self._away,
            reraise=True,
        )
        await retry(self._commit, batch)

    async def _commit(self, batch: list[Note]) -> None:
        statements = (statement for note in batch for statement in note.statements)
        async with self._pool.acquire(timeout=5) as connection, connection.transaction():
            for name, run in groupby(statements, key=itemgetter(0)):
                await connection.executemany(query(name), [arguments for _, arguments in run])

    async def _write_one_by_one(self, batch: list[Note]) -> None:
        """One of the batch is refused for good (a conflict, bad data): it must not hold up the others."""
        for note in batch:
            try:
                await self._write([note])
            except asyncpg.PostgresError as error:
                if note.kept is None:
                    names = [name for name, _ in note.statements]
                    log.error("the database refuses a note", statements=names, error=brief(error))
                elif not note.kept.done():
                    note.kept.set_exception(error)
                    note.kept.exception()  # it may be that nobody waits any more

    def _drop(self) -> None:
        """The oldest that may be dropped and is not being written. Takes no longer for more that waits."""
        if not self._droppable:
            return
        del self._waiting[self._droppable.popleft()]
        if self.dropped % 1000 == 0:
            log.error("the database is away for too long: journal lines are dropped", so_far=self.dropped)
        self.dropped += 1

    def _away(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if not self.is_away:
            log.warning("the database is away, writing goes on later", error=brief(error) if error else "")
        self.is_away = True
