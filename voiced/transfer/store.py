"""Transfers in PostgreSQL: a row with what is known now, a journal of every fact, results in the outbox."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import asyncpg
import structlog
from pydantic import TypeAdapter, ValidationError

from voiced.clock import moment
from voiced.database import page, query, text
from voiced.facts import Fact
from voiced.scribe import Note
from voiced.table import fact_name
from voiced.tickets.message import Message
from voiced.transfer import messages
from voiced.transfer.request import Request, Target
from voiced.transfer.state import Phase, Transfer

log = structlog.get_logger(__name__)

_TRANSFER = TypeAdapter(Transfer)
_REQUEST = TypeAdapter(Request)


def beginning(request: Request, t: Transfer) -> Note:
    """The row of a new transfer, with the intention to dial its first attempt."""
    caller = request.caller
    arguments = (
        request.id, request.pbx, caller.uuid, request.story_id, request.domain_uuid, request.secretary_uuid,
        text(caller.number), text(caller.name), _target(request.target(1)), text(request.reason),
        text(request.summary), t.status, t.dials, t.phase, _REQUEST.dump_python(request, mode="json"),
        _TRANSFER.dump_python(t, mode="json"), moment(t.requested_at),
    )  # fmt: skip
    return Note([("transfer/insert", arguments)])


def note(request: Request, t: Transfer, seq: int, fact: Fact, told: Iterable[Message] = ()) -> Note:
    """A fact and what it made of the transfer, with what the backend is told of it."""
    detail = {
        field.name: getattr(fact, field.name) for field in dataclasses.fields(fact) if field.name != "at"
    }
    cause, sip_code, ended_by = t.talk_cause, "", t.talk_ended_by
    if t.ending is not None:
        cause, sip_code, ended_by = t.ending.cause, t.ending.sip_code, t.ending.ended_by
    arguments = (
        request.id, seq, moment(fact.at), fact_name(type(fact)), detail, t.phase, t.status,
        text(cause), sip_code, ended_by, t.dials, _target(request.target(t.attempt, t.agent_number)),
        _TRANSFER.dump_python(t, mode="json"), moment(t.bridged_at), moment(t.ended_at),
    )  # fmt: skip
    put = [message.put() for message in told]
    return Note([("transfer/note", arguments), *put], droppable=not put and t.phase is not Phase.ENDED)


async def open_transfers(pool: asyncpg.Pool, pbx: str) -> list[tuple[Request, Transfer, int]]:
    """Every transfer of a PBX that has not ended: request, state, last number in the journal.

    One that another version of voiced has written, and this one cannot read, is given up: its result is lost,
    and told as that. It must not keep the others from being taken up.
    """
    found = []
    for row in await pool.fetch(query("transfer/open"), pbx):
        try:
            found.append((*_read(row), row["seq"]))
        except ValidationError as error:
            log.error(
                "a transfer cannot be read, it is given up", transfer_id=str(row["id"]),
                call_uuid=row["call_uuid"], domain=str(row["domain_uuid"]), error=str(error),
            )  # fmt: skip
            name, arguments = messages.lost(row).put()
            async with pool.acquire() as connection, connection.transaction():
                await connection.execute(query("transfer/give_up"), row["id"])
                if row["bridged_at"] is None:
                    await connection.execute(query(name), *arguments)
    return found


async def load(pool: asyncpg.Pool, id: UUID, domain: UUID | None) -> tuple[Request, Transfer] | None:
    """A transfer as the database knows it; of `domain` only, if given. None for one that cannot be read."""
    row = await pool.fetchrow(query("transfer/load"), id, domain)
    try:
        return _read(row) if row else None
    except ValidationError as error:
        log.warning("a transfer cannot be read", transfer_id=str(id), error=str(error))
        return None


async def list_transfers(
    pool: asyncpg.Pool,
    domain: UUID | None,
    call_uuid: str | None,
    status: str | None,
    limit: int,
    offset: int,
) -> tuple[list[dict[str, Any]], int]:
    """A page of transfers, newest first, and how many there are."""
    rows, total = await page(pool, "transfer/list", (domain, call_uuid, status), limit, offset)
    return [_shown(row) for row in rows], total


async def journal(pool: asyncpg.Pool, id: UUID) -> list[dict[str, Any]]:
    """Every fact of a transfer, in order."""
    return [dict(row) for row in await pool.fetch(query("transfer/journal"), id)]


def _read(row: Any) -> tuple[Request, Transfer]:
    """Raises ValidationError."""
    return _REQUEST.validate_python(row["request"]), _TRANSFER.validate_python(row["state"])


def _target(target: Target) -> dict[str, Any]:
    return {
        "destination_uuid": str(target.uuid) if target.uuid else None,
        "name": target.name,
        "type": target.type,
        "number": target.number,
    }


def _shown(row: Any) -> dict[str, Any]:
    hidden = {"request", "state", "seq", "total", "destination"}
    shown = {name: value for name, value in dict(row).items() if name not in hidden}
    return {**shown, "transfer_id": shown["id"], "destination": row["destination"]}
