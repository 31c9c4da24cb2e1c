"""What the ticketing backend is told of callbacks, in camelCase, in order for each callback."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

from voiced.callback.callback import Status
from voiced.callback.order import Order
from voiced.callback.outcome import Result
from voiced.callback.promise_facts import AttemptEnded, Fact, Tell
from voiced.clock import moment
from voiced.tickets.message import Message

Row: TypeAlias = Any  # a callback's row, where nothing else is said
MAKE_TICKET: Final = "/api/voice/callback"
RESULT: Final = "/api/voice/callback/result"


def ticket(row: Row, seconds: float | None = None) -> Message:
    """Make a ticket of a callback. `seconds`: of the call in which it was promised; None: nobody said."""
    payload = {
        "callbackId": str(row["id"]),
        "storyId": str(row["story_id"]),
        "companyId": row["company_id"],
        "callUuid": row["voice_call_uuid"],
        "callerNumber": row["number"],
        "callerName": row["contact_name"],
        "destinationExtension": row["extension"],
        "destinationName": row["intended_for"],
        "destinationDepartment": row["department"],
        "reason": row["reason"],
        "scheduledAt": _iso(row["scheduled_at"]),
        "notifyViaWhatsApp": row["notify_via_whatsapp"],
        "transcript": row["transcript"],
        "summary": row["summary"],
        "durationSeconds": seconds,
        "secretaryUuid": str(row["secretary_uuid"]) if row["secretary_uuid"] else None,
        "domainUuid": str(row["domain_uuid"]),
    }
    return Message(_stream(row["id"]), f"{row['id']}:ticket", MAKE_TICKET, payload)


def change(row: Row, told: Tell, fact: Fact) -> Message:
    """A change of a callback, and the fact that made it."""
    waits = row["status"] in (Status.PENDING, Status.NOTIFIED, Status.READY_TO_CALL)
    payload = _result(
        fact.at, row["status"], told.outcome, callback_id=row["id"], story_id=row["story_id"],
        ticket=row["ticket_id"], domain=row["domain_uuid"], number=row["number"], name=row["contact_name"],
        extension=row["extension"], department=row["department"], cause=told.cause, leg=told.leg,
        sip_code=fact.outcome.sip_code if isinstance(fact, AttemptEnded) else "", seconds=told.seconds,
        attempt=row["attempts"], attempt_id=row["attempt_id"], scheduled_at=row["scheduled_at"],
        next_at=row["not_before"] if waits else None, recording=row["recording_path"],
    )  # fmt: skip
    return Message(_stream(row["id"]), f"{row['id']}:{row['seq']}", RESULT, payload, row["id"])


def connected(order: Order, at: float, seconds: float) -> Message:
    """The two talk, since `at` (seconds since the epoch). `seconds`: since the attempt began."""
    payload = _result(
        moment(at), Status.IN_PROGRESS, "connected", callback_id=order.callback_id, story_id=order.story_id,
        ticket=order.ticket, domain=order.domain_uuid, number=order.number, name=order.contact_name,
        extension=order.extension, attempt_id=order.id, seconds_to_connect=seconds,
    )  # fmt: skip
    stream = _stream(order.callback_id) if order.callback_id else _stream_of_call(order.id, order.ticket_id)
    return Message(stream, f"{order.id}:connected", RESULT, payload, order.callback_id)


def attempt_ended(row: Row) -> Message:
    """The end of a call that belongs to no callback: nobody but the backend may try again.

    `row` is the attempt's, as attempt/unsettled.sql has it.
    """
    outcome = Status.COMPLETED if row["result"] == Result.COMPLETED else Status.FAILED
    payload = _result(
        row["ended_at"], outcome, outcome, callback_id=None, story_id=row["story_id"],
        ticket=row["ticket_id"], domain=row["domain_uuid"], number=row["number"], name=row["contact_name"],
        extension=row["extension"], cause=row["cause"], leg=row["leg"], sip_code=row["sip_code"],
        seconds=row["talk_seconds"], attempt_id=row["id"],
        recording=row["recording"] if outcome is Status.COMPLETED else "",
    )  # fmt: skip
    return Message(_stream_of_call(row["id"], row["ordered_ticket"]), f"{row['id']}:ended", RESULT, payload)


def notice(row: Row, extension: str, now: datetime) -> Message:
    """The agent is free, and a client waits."""
    payload = {
        "callbackId": str(row["id"]),
        "storyId": str(row["story_id"]),
        "ticketId": row["ticket_id"] or None,
        "callerNumber": row["number"],
        "callerName": row["contact_name"],
        "intendedFor": row["intended_for"],
        "extension": extension,
        "reason": row["reason"],
        "waitingMinutes": int((now - row["created_at"]).total_seconds() // 60),
        "hasRecording": row["voice_call_recorded"],
    }
    key = f"{row['id']}:notice:{row['seq']}"
    return Message(_stream(row["id"]), key, "/api/voice/callback/notify", payload, row["id"])


def _result(
    at: datetime | None, status: str, outcome: str, *, callback_id: UUID | None, story_id: Any, ticket: str,
    domain: UUID, number: str, name: str, extension: str, department: str = "", cause: str = "",
    leg: str = "", sip_code: str = "", seconds: float = 0.0, seconds_to_connect: float | None = None,
    attempt: int | None = None, attempt_id: UUID | None = None, scheduled_at: datetime | None = None,
    next_at: datetime | None = None, recording: str = "",
) -> dict[str, Any]:  # fmt: skip
    """Every result has every field; docs/callbacks.md says what each is."""
    return {
        "callbackId": str(callback_id) if callback_id else None,
        "storyId": str(story_id) if story_id else None,
        "ticketId": ticket or None,
        "domainUuid": str(domain),
        "callerNumber": number,
        "callerName": name,
        "extension": extension,
        "department": department,
        "at": _iso(at),
        "status": status,
        "outcome": outcome,
        "cause": cause,
        "leg": leg,
        "sipCode": sip_code,
        "attempt": attempt,
        "attemptId": str(attempt_id) if attempt_id else None,
        "durationSeconds": round(seconds, 1),
        "secondsToConnect": None if seconds_to_connect is None else round(seconds_to_connect, 1),
        "scheduledAt": _iso(scheduled_at),
        "nextAttemptAt": _iso(next_at),
        "recordingPath": recording or None,
        "ticketStatus": "closed" if status == Status.CANCELED else None,
    }


def _stream_of_call(attempt_id: UUID, ordered_ticket: str) -> str:
    """The same for all of a call without a callback, also when its ticket is named in between."""
    return f"ticket:{ordered_ticket or attempt_id}"


def _stream(callback_id: UUID) -> str:
    return f"callback:{callback_id}"


def _iso(at: datetime | None) -> str | None:
    """ISO 8601, in UTC."""
    return at.astimezone(UTC).isoformat() if at else None
