"""Whom callers of a domain and a secretary can be transferred to, and who works in which department.

Read from the database, and kept. Whatever changes the tables notifies `voiced_destinations` with the domain's
uuid, and what is kept of that domain is dropped. What was read before listening began (again) is read anew:
a change may have been missed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from voiced.database import query
from voiced.folding import fold
from voiced.notices import Notices
from voiced.transfer.catalogue import read
from voiced.transfer.destination import Destination
from voiced.transfer.kept import Kept
from voiced.transfer.matching import Matcher
from voiced.transfer.refusals import CannotBeDialled
from voiced.transfer.request import DestinationType

log = structlog.get_logger(__name__)


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
    """Books, and the staff of every domain. `timezones` are the domains'."""

    def __init__(
        self, pool: asyncpg.Pool, notices: Notices, timezones: Mapping[UUID, str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._pool, self._timezones = pool, timezones
        self._books, self._staff = Kept(self._read_book, clock), Kept(self._read_staff, clock)
        notices.on("voiced_destinations", self._changed)
        notices.on_doubt(self._doubt)

    async def book(self, domain: UUID, secretary: UUID | None = None) -> Book:
        """The destinations of a domain and a secretary. Raises DatabaseIsAway."""
        return await self._books.get(domain, secretary)

    async def departments_of(self, domain: UUID, extension: str) -> list[str]:
        """The departments that an extension works for, with whichever secretary. Raises DatabaseIsAway."""
        staff = await self._staff.get(domain)
        return sorted({one.department for one in staff if one.number == extension})

    async def agents_of(self, domain: UUID, department: str) -> list[str]:
        """The extensions of a department, with whichever secretary, in the order of their priority.

        Case and accents of its name do not matter. Raises DatabaseIsAway.
        """
        name = fold(department)
        staff = await self._staff.get(domain)
        return list(dict.fromkeys(one.number for one in staff if name and fold(one.department) == name))

    def drop(self, domain: UUID) -> None:
        """Forget what is kept of a domain, also what is being read at this moment."""
        self._books.drop(domain)
        self._staff.drop(domain)

    # -- inside -------------------------------------------------------------------------------------------

    def _doubt(self) -> None:
        self._books.doubt()
        self._staff.doubt()

    def _changed(self, domain: str) -> None:
        try:
            self.drop(UUID(domain))
        except ValueError:
            log.warning("a notice of changed destinations names no domain", payload=domain[:60])

    async def _read_book(self, domain: UUID, secretary: UUID | None) -> Book:
        rows = await self._pool.fetch(query("destination/enabled"), domain, secretary)
        found = self._usable(domain, rows)
        # a thousand take some 60 ms to prepare
        matcher = await asyncio.to_thread(Matcher, tuple(found.values()))
        return Book(found, matcher, await self._secretary(domain, secretary))

    async def _read_staff(self, domain: UUID, _: UUID | None) -> list[Destination]:
        rows = await self._pool.fetch(query("destination/staff"), domain)
        return [one for one in self._usable(domain, rows).values() if one.type is DestinationType.EXTENSION]

    def _usable(self, domain: UUID, rows: Iterable[Any]) -> dict[UUID, Destination]:
        found = dict[UUID, Destination]()
        for row in rows:
            try:
                found[row["transfer_destination_uuid"]] = read(dict(row), self._timezones.get(domain, "UTC"))
            except CannotBeDialled as error:
                id = str(row["transfer_destination_uuid"])
                log.warning("a destination cannot be used", id=id, column=error.field, error=str(error))
        return found

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
