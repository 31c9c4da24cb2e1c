"""Where requests about promises arrive, over HTTP or from other parts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import structlog

from voiced.callback import numbers
from voiced.callback.callback import Status
from voiced.callback.calls import Calls
from voiced.callback.keeper import Keeper, Kept
from voiced.callback.maker import Maker, Wanted
from voiced.callback.promise_facts import Agreed, Canceled, ClientTold, Reassigned, Snoozed
from voiced.callback.refusals import BadNumber, BadTime, CallbackIsCalling, NobodyToCall
from voiced.callback.state import Phase
from voiced.database import query
from voiced.folding import unless_blank
from voiced.logs import brief
from voiced.settings import DomainSettings, Settings

log = structlog.get_logger(__name__)

LONGEST_WAIT: Final = timedelta(days=366)  # that a callback may lie ahead
RECOGNISE_SECONDS: Final = 0.5  # for the callback that a caller has already


class Desk:
    """Everything that can be asked about promises. Raises Refusal."""

    def __init__(
        self, settings: Settings, pool: asyncpg.Pool, keeper: Keeper, maker: Maker, calls: Calls,
        clock: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._settings, self._pool, self._clock = settings, pool, clock
        self._maker, self._calls = maker, calls
        self.keeper = keeper

    async def make(self, domain: DomainSettings, wanted: Wanted) -> Kept:
        """Promise a call. A client's open callback is brought up to date instead."""
        if wanted.scheduled_at is not None:
            self._check_time(wanted.scheduled_at)
        return await self._maker.make(replace(wanted, company_id=domain.company, region=domain.region))

    async def find(self, id: UUID | None, ticket: str, domain: UUID | None) -> dict[str, Any]:
        """A callback by its id or its ticket's; of `domain` only, if given. Raises NoSuchCallback."""
        return await self.keeper.find(id, ticket, domain)

    async def open_for(self, domain_uuid: UUID, number: str) -> dict[str, Any] | None:
        """The open callback of a caller who rings (again); None for none, and where it cannot be told now.

        Asked on behalf of a caller who waits: it takes little time, and never fails.
        """
        domain = self._settings.domain_of(domain_uuid)
        try:
            async with asyncio.timeout(RECOGNISE_SECONDS):
                e164 = numbers.e164(number, domain.region if domain else "BR")
                row = await self._pool.fetchrow(query("callback/open_of_number"), domain_uuid, e164)
        except BadNumber:  # a caller inside, or one who hides
            return None
        except Exception as error:
            log.warning("a caller cannot be recognised now", error=brief(error))
            return None
        return dict(row) if row else None

    async def snooze(self, row: dict[str, Any], minutes: float) -> Kept:
        """Not now, but in so many minutes."""
        until = self._clock() + timedelta(minutes=minutes)
        self._check_time(until)
        return await self.keeper.tell(row["id"], Snoozed(self._clock(), until))

    async def reassign(self, row: dict[str, Any], extension: str, department: str, name: str) -> Kept:
        """Somebody else shall keep it. Raises NobodyToCall."""
        department = unless_blank(department)
        if not (extension or department):
            raise NobodyToCall
        return await self.keeper.tell(row["id"], Reassigned(self._clock(), extension, department, name))

    async def agree(self, row: dict[str, Any], extension: str = "") -> Kept:
        """The client, or an agent, wants it as soon as the agent is free."""
        return await self.keeper.tell(row["id"], Agreed(self._clock(), extension))

    async def client_told(self, row: dict[str, Any]) -> Kept:
        """The client was written to, and may answer."""
        return await self.keeper.tell(row["id"], ClientTold(self._clock()))

    async def cancel(self, row: dict[str, Any], by: str = "api") -> Kept:
        """Not wanted any more. One that is being called is ended first; a talk is not (CallbackIsCalling)."""
        if row["attempt_id"] is not None and row["status"] == Status.IN_PROGRESS:
            found = await self._calls.look(row["attempt_id"], None)
            if found is not None and found[1].phase is Phase.CONNECTED:
                raise CallbackIsCalling("the two are talking: only they can end it")
        return await self.keeper.tell(row["id"], Canceled(self._clock(), by))

    def _check_time(self, at: datetime) -> None:
        if not self._clock() - timedelta(minutes=1) <= at <= self._clock() + LONGEST_WAIT:
            raise BadTime
