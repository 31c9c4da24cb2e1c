"""Whom callers of a domain and a secretary can be transferred to: from the database, kept for five minutes.

Whatever changes the tables notifies `voiced_destinations` with the domain's uuid, and what is kept of that
domain is dropped. What was read before listening began (again) is read anew: a change may have been missed.
While the database is away, what is kept goes on being used.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg
import structlog

from voiced.database import is_away, query
from voiced.folding import fold
from voiced.logs import brief
from voiced.notices import Notices
from voiced.transfer.catalogue import read
from voiced.transfer.destination import Destination
from voiced.transfer.matching import Matcher
from voiced.transfer.refusals import CannotBeDialled, DatabaseIsAway
from voiced.transfer.request import DestinationType

log = structlog.get_logger(__name__)

KEPT_SECONDS: Final = 300.0
READ_SECONDS: Final = 1.0  # a caller waits for it; what comes later is kept for the next one
MOST_KEPT: Final = 1000  # pairs of domain and secretary


@dataclass(frozen=True, slots=True)
class Secretary:
    """What a row of v_voice_secretaries says of transfers; None: as the settings say."""

    transfer_enabled: bool = True
    ring_timeout_seconds: float | None = None
    announce: bool | None = None


@dataclass(frozen=True, slots=True)
class Book:
    """The destinations of one domain and secretary, ready to be looked up."""

    destinations: Mapping[UUID, Destination]
    matcher: Matcher
    secretary: Secretary


class Directory:
    """Books, kept. `timezones` are the domains'."""

    def __init__(
        self, pool: asyncpg.Pool, notices: Notices, timezones: Mapping[UUID, str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._pool, self._timezones, self._clock = pool, timezones, clock
        self._kept: dict[tuple[UUID, UUID | None], tuple[float, Book]] = {}
        self._loading: dict[tuple[UUID, UUID | None], asyncio.Task[Book]] = {}
        notices.on("voiced_destinations", self._changed)
        notices.on_doubt(self._doubt)

    async def departments_of(self, domain: UUID, extension: str) -> list[str]:
        """The departments that an extension is a destination of."""
        return sorted(
            {
                one.department
                for one in (await self.book(domain)).destinations.values()
                if one.type is DestinationType.EXTENSION and one.number == extension and one.department
            }
        )

    async def agents_of(self, domain: UUID, department: str) -> list[str]:
        """The extensions of a department; case and accents of its name do not matter."""
        name = fold(department)
        return [
            one.number
            for one in (await self.book(domain)).destinations.values()
            if one.type is DestinationType.EXTENSION and name and fold(one.department) == name
        ]

    async def book(self, domain: UUID, secretary: UUID | None = None) -> Book:
        """The destinations of a domain and a secretary. Raises DatabaseIsAway."""
        key = (domain, secretary)
        until, kept = self._kept.get(key, (0.0, None))
        if kept is not None and self._clock() < until:
            return kept
        task = self._loading.get(key)
        if task is None:  # a thousand calls at once load it once
            task = self._loading[key] = asyncio.create_task(
                self._load(*key), name=f"destinations of {domain}"
            )
            task.add_done_callback(lambda done: self._loaded(key, done))
        try:
            async with asyncio.timeout(READ_SECONDS):
                return await asyncio.shield(task)
        except Exception as error:
            if not is_away(error):
                raise
            if kept is None:
                raise DatabaseIsAway("the destinations cannot be read; try again later") from error
            log.warning("destinations cannot be read, the old ones are used", error=brief(error))
            return kept

    def drop(self, domain: UUID) -> None:
        """Forget what is kept of a domain, also what is being read at this moment."""
        for key in [key for key in (*self._kept, *self._loading) if key[0] == domain]:
            self._kept.pop(key, None)
            self._loading.pop(key, None)

    # -- inside -------------------------------------------------------------------------------------------

    def _doubt(self) -> None:
        """Something may have changed unheard: everything is read again, and kept for as long as it cannot."""
        self._kept = {key: (0.0, book) for key, (_, book) in self._kept.items()}
        self._loading.clear()

    def _changed(self, domain: str) -> None:
        try:
            self.drop(UUID(domain))
        except ValueError:
            log.warning("a notice of changed destinations names no domain", payload=domain[:60])

    def _loaded(self, key: tuple[UUID, UUID | None], done: asyncio.Task[Book]) -> None:
        if self._loading.get(key) is not done:
            return  # dropped meanwhile: it may be what was so before the change
        del self._loading[key]
        if not done.cancelled() and done.exception() is None:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[key] = (self._clock() + KEPT_SECONDS, done.result())

    async def _load(self, domain: UUID, secretary: UUID | None) -> Book:
        rows = await self._pool.fetch(query("destination/enabled"), domain, secretary)
        found = dict[UUID, Destination]()
        for row in rows:
            try:
                found[row["transfer_destination_uuid"]] = read(dict(row), self._timezones.get(domain, "UTC"))
            except CannotBeDialled as error:
                id = str(row["transfer_destination_uuid"])
                log.warning("a destination cannot be used", id=id, column=error.field, error=str(error))
        # a thousand take some 60 ms to prepare
        matcher = await asyncio.to_thread(Matcher, tuple(found.values()))
        return Book(found, matcher, await self._secretary(domain, secretary))

    async def _secretary(self, domain: UUID, secretary: UUID | None) -> Secretary:
        row: Any = None
        if secretary is not None:
            # FusionPBX may have no voice secretaries, or those of before our columns
            with suppress(asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError):
                row = await self._pool.fetchrow(query("destination/secretary"), secretary, domain)
        if row is None:
            return Secretary()
        return Secretary(
            row["transfer_enabled"] is not False,
            row["transfer_default_timeout"] or None,
            row["transfer_announce_enabled"],
        )
