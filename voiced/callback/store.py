"""Callbacks and their attempts in PostgreSQL: rows, and append-only journals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, fields, replace
from typing import Any, Final, TypeAlias
from uuid import UUID

import asyncpg
import structlog
from pydantic import TypeAdapter, ValidationError

from voiced.callback.callback import WAITING, Callback, Status
from voiced.callback.order import Order
from voiced.callback.outcome import Outcome, Result
from voiced.callback.policy import Policy
from voiced.callback.promise_facts import Fact as PromiseFact
from voiced.callback.state import Attempt
from voiced.clock import moment
from voiced.database import page, query, text
from voiced.facts import Fact
from voiced.folding import fold
from voiced.scribe import Note
from voiced.table import fact_name
from voiced.tickets.message import Message

log = structlog.get_logger(__name__)

_ATTEMPT: Final = TypeAdapter(Attempt)
_ORDER: Final = TypeAdapter(Order)
_FACT: Final = TypeAdapter(Any)
_COLUMNS: Final = [field.name for field in fields(Callback)]
_HIDDEN: Final = {
    "seq", "look_at", "not_before", "cancel_wanted", "total", "pbx", "department_key", "taken_from",
    "other_tickets",
}  # fmt: skip
Row: TypeAlias = Any  # a record of PostgreSQL, or a dict with the same names


# -- promises ---------------------------------------------------------------------------------------------


def callback_of(row: Row) -> Callback:
    """What the table decides on."""
    return Callback(**{name: row[name] for name in _COLUMNS} | {"status": Status(row["status"])})


async def save(connection: Any, row: Row, c: Callback, fact: PromiseFact, policy: Policy) -> dict[str, Any]:
    """A decision and its line in the journal. Returns the row as it is now."""
    detail = {name: value for name, value in asdict(fact).items() if name != "at"}
    look_at = c.looks_at(policy, fact.at)
    seq = row["seq"] + 1
    await connection.execute(
        query("callback/save"), c.id, seq, fact.at, fact_name(type(fact)),
        _FACT.dump_python(detail, mode="json"), c.status, c.expires_at, c.not_before, look_at, c.extension,
        c.intended_for, c.department, c.scheduled_at, c.assigned_at, c.attempts, dict(c.misses),
        c.last_attempt_at, c.attempt_id, c.notification_count, c.last_notified_at, c.whatsapp_sent_at,
        c.cancel_wanted, c.completed_at, c.closed_at, c.voice_call_duration, c.recording_path,
        fold(c.department), c.taken_from,
    )  # fmt: skip
    return {**row, **{name: getattr(c, name) for name in _COLUMNS}, "seq": seq, "look_at": look_at}


async def list_callbacks(
    pool: asyncpg.Pool, filters: tuple[Any, ...], limit: int, offset: int
) -> tuple[list[dict[str, Any]], int]:
    """A page of callbacks, newest first, and how many there are."""
    rows, total = await page(pool, "callback/list", folded(filters), limit, offset)
    return [dict(row) for row in rows], total


def folded(filters: tuple[Any, ...]) -> tuple[Any, ...]:
    """Filters that begin with domain, status, extension and department, as the statements compare them."""
    domain, status, extension, department, *rest = filters
    return domain, status, extension, department and fold(department), *rest


async def journal(pool: asyncpg.Pool, id: UUID) -> dict[str, Any]:
    """The journal of a callback, and those of its attempts by their ids."""
    lines = await pool.fetch(query("callback/journal"), id)
    attempts: dict[str, list[dict[str, Any]]] = {}
    for line in await pool.fetch(query("attempt/journal"), id):
        shown = {name: value for name, value in line.items() if name != "attempt_id"}
        attempts.setdefault(str(line["attempt_id"]), []).append(shown)
    return {"journal": [dict(line) for line in lines], "attempt_journals": attempts}


def shown(row: Row, policy: Policy) -> dict[str, Any]:
    """A callback as the API shows it."""
    return {name: value for name, value in dict(row).items() if name not in _HIDDEN} | {
        "ticket_ids": [ticket for ticket in (row["ticket_id"], *row["other_tickets"]) if ticket],
        "max_attempts": policy.max_attempts,
        "min_interval_minutes": policy.min_interval_minutes,
        "next_at": row["not_before"] if row["status"] in WAITING else None,
    }


# -- attempts ---------------------------------------------------------------------------------------------


def intention(order: Order, a: Attempt, daemon: str) -> tuple[str, tuple[Any, ...]]:
    """The statement that writes down an intention to call, where this daemon owns the PBX."""
    return "attempt/insert", (
        order.id, order.callback_id, order.pbx, order.domain_uuid, order.ticket_id, order.number,
        order.extension, a.phase, _ORDER.dump_python(order, mode="json"),
        _ATTEMPT.dump_python(a, mode="json"), moment(a.requested_at),
        daemon,
    )  # fmt: skip


def note(order: Order, a: Attempt, seq: int, fact: Fact, messages: Iterable[Message]) -> Note:
    """What a fact has made of an attempt, with what the backend is told."""
    detail = {name: value for name, value in _FACT.dump_python(fact, mode="json").items() if name != "at"}
    result, leg, cause, code = "", "", "", ""
    if a.outcome is not None:
        result, leg, cause, code = a.outcome.result, a.outcome.leg, a.outcome.cause, a.outcome.sip_code
    arguments = (
        order.id, seq, moment(fact.at), fact_name(type(fact)), detail, a.phase,
        _ATTEMPT.dump_python(a, mode="json"), result, leg, text(cause), code, moment(a.connected_at),
        moment(fact.at) if a.is_over else None, a.talk_seconds,
    )  # fmt: skip
    told = [message.put() for message in messages]
    return Note([("attempt/note", arguments), *told], droppable=not told and not a.is_over)


async def open_attempts(pool: asyncpg.Pool, pbx: str) -> list[tuple[Order, Attempt, int]]:
    """Attempts that have not ended, but for those that another version of voiced has written so that this one
    cannot read them."""
    rows = await pool.fetch(query("attempt/open"), pbx)
    return [found for row in rows if (found := _attempt(row))]


async def give_up_unreadable(pool: asyncpg.Pool, pbx: str) -> int:
    """Nobody can go on with what cannot be read: its result is lost, and told as that. Returns how many."""
    lost = [row["id"] for row in await pool.fetch(query("attempt/open"), pbx) if _attempt(row) is None]
    for id in lost:
        log.error("a callback attempt cannot be read, it is given up", attempt_id=str(id))
        await pool.execute(query("attempt/give_up"), id)
    return len(lost)


async def load_attempt(
    pool: asyncpg.Pool, id: UUID, domain: UUID | None
) -> tuple[Order, Attempt, int] | None:
    """An attempt as last recorded; None for none (or none of this domain), and for one that is unreadable."""
    row = await pool.fetchrow(query("attempt/read"), id, domain)
    return _attempt(row) if row else None


def outcome_of(row: Row) -> Outcome:
    """How an attempt has ended; a kind that only another version knows is a failure of ours."""
    result = row["result"] if row["result"] in list(Result) else Result.FAILED
    return Outcome(Result(result), row["leg"], row["cause"], row["sip_code"])


def _attempt(row: Row) -> tuple[Order, Attempt, int] | None:
    try:
        order = replace(_ORDER.validate_python(row["request"]), named_ticket=row["ticket_id"])
        return order, _ATTEMPT.validate_python(row["state"]), row["seq"]
    except ValidationError as error:
        log.warning("a callback attempt cannot be read", attempt_id=str(row["id"]), error=str(error))
        return None
