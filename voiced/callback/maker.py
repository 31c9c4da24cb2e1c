"""Makes promises: a new callback, or the client's open one brought up to date."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from voiced.callback import messages, numbers
from voiced.callback.callback import Callback, Status
from voiced.callback.keeper import Keeper, Kept, allow
from voiced.callback.policy import Owner, Policy
from voiced.callback.promise_facts import AskedAgain, Fact, Tell
from voiced.callback.refusals import CallbackIsCalling, CallbacksDisabled, NobodyToCall, TooManyForNumber
from voiced.database import query, text
from voiced.folding import fold, unless_blank


@dataclass(frozen=True, slots=True)
class Wanted:
    """A callback as it is asked for. `number` is as the client's was heard or written."""

    domain_uuid: UUID
    company_id: str
    number: str
    region: str = "BR"
    contact_name: str = ""
    extension: str = ""
    intended_for: str = ""
    department: str = ""
    reason: str = ""
    summary: str = ""
    transcript: Any = None
    scheduled_at: datetime | None = None
    notify_via_whatsapp: bool = False
    secretary_uuid: UUID | None = None
    ticket_id: str = ""
    story_id: UUID | None = None
    transfer_id: UUID | None = None
    voice_call_uuid: str = ""
    voice_call_date: datetime | None = None  # when that call began
    voice_call_seconds: float | None = None  # how long it was, or is by now
    voice_call_recorded: bool = False


class Maker:
    """Makes them on one PBX; the keeper keeps them."""

    def __init__(self, pool: asyncpg.Pool, pbx: str, keeper: Keeper) -> None:
        self._pool, self._pbx, self._keeper = pool, pbx, keeper

    async def make(self, wanted: Wanted) -> Kept:
        """A new promise, or the client's open one brought up to date.

        Raises CallbacksDisabled, BadNumber, NumberBlocked, PrefixNotAllowed, CostlyNumber, NobodyToCall,
        TooManyForNumber, TooManyTickets, CallbackIsCalling.
        """
        policy = await self._keeper.policies.of(wanted.company_id)
        if not policy.enabled:
            raise CallbacksDisabled
        number = numbers.e164(wanted.number, wanted.region)
        numbers.check(number, policy)
        wanted = replace(wanted, number=number, department=unless_blank(wanted.department))
        for _ in range(3):  # two requests of one client at once: the second updates the first
            try:
                async with self._pool.acquire() as connection, connection.transaction():
                    kept = await self._make(connection, wanted, policy)
                break
            except asyncpg.UniqueViolationError:
                continue
        else:
            raise CallbackIsCalling
        self._keeper.watch(kept)
        return kept

    async def _make(self, connection: Any, wanted: Wanted, policy: Policy) -> Kept:
        row = await connection.fetchrow(
            query("callback/lock_open_of_number"), wanted.domain_uuid, wanted.number
        )
        if row is not None:
            return await self._update(connection, row, wanted, policy)
        if not (wanted.extension or wanted.department or policy.owner is Owner.BACKEND):
            raise NobodyToCall("say who shall call: an extension, a department, or both")
        now, id = self._keeper.now(), uuid4()
        made = await connection.fetchval(query("callback/made_today"), wanted.domain_uuid, wanted.number, now)
        if made >= policy.max_per_number_per_day:
            raise TooManyForNumber
        c = Callback(
            id, Status.PENDING, now, policy.expiry(now, wanted.scheduled_at),
            max(now, wanted.scheduled_at or now), extension=wanted.extension,
            intended_for=wanted.intended_for, department=wanted.department, scheduled_at=wanted.scheduled_at,
        )  # fmt: skip
        await connection.execute(
            query("callback/insert"), id, self._pbx, wanted.company_id, wanted.domain_uuid,
            wanted.secretary_uuid, text(wanted.ticket_id), wanted.story_id or id, wanted.transfer_id,
            wanted.number, text(wanted.contact_name), c.extension, text(c.intended_for), text(c.department),
            text(wanted.reason), text(wanted.summary), wanted.transcript, c.status, now, c.scheduled_at,
            c.expires_at, c.not_before, c.looks_at(policy, now), wanted.notify_via_whatsapp,
            text(wanted.voice_call_uuid), wanted.voice_call_date, fold(text(c.department)),
            wanted.voice_call_recorded,
        )  # fmt: skip
        await connection.execute(query("callback/journal_first"), id, now, {}, c.status)
        row = dict(await connection.fetchrow(query("callback/read"), id, None))
        # a ticket that exists already is not made again, but is told
        made_one = messages.change(row, Tell("made"), Fact(now))
        message = made_one if wanted.ticket_id else messages.ticket(row, wanted.voice_call_seconds)
        await self._keeper.put(connection, [message])
        return Kept(row, None, "made")

    async def _update(self, connection: Any, row: Any, wanted: Wanted, policy: Policy) -> Kept:
        fact = AskedAgain(
            self._keeper.now(), wanted.scheduled_at, wanted.extension, text(wanted.intended_for),
            text(wanted.department),
        )  # fmt: skip
        allow(row, type(fact))
        await connection.execute(
            query("callback/describe"), row["id"], text(wanted.contact_name), text(wanted.reason),
            text(wanted.summary), wanted.transcript, wanted.notify_via_whatsapp,
            text(wanted.voice_call_uuid), wanted.voice_call_date, wanted.transfer_id,
            wanted.voice_call_recorded,
        )  # fmt: skip
        if wanted.ticket_id:
            await self._keeper.add_ticket(row["id"], wanted.ticket_id, connection)
        row = await connection.fetchrow(query("callback/lock"), row["id"])
        return await self._keeper.decide(connection, row, fact, policy)
