"""What the ticketing backend is told of callbacks, in camelCase, in order for each callback."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

from voiced.callback.callback import Status
from voiced.callback.order import Order
from voiced.callback.outcome import Outcome
from voiced.callback.promise_facts import Tell
from voiced.tickets.message import Message

Row: TypeAlias = Any  # a callback's row
MAKE_TICKET: Final = "/api/voice/callback"


def ticket(row: Row) -> Message:
    """Make a ticket of a callback."""
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
        "durationSeconds": row["voice_call_duration"],
        "secretaryUuid": str(row["secretary_uuid"]) if row["secretary_uuid"] else None,
        "domainUuid": str(row["domain_uuid"]),
    }
    return Message(_stream(row["id"]), f"{row['id']}:ticket", MAKE_TICKET, payload)


def change(row: Row, told: Tell) -> Message:
    """A change of a callback."""
    waits = row["status"] in (Status.PENDING, Status.NOTIFIED, Status.READY_TO_CALL)
    payload = {
        "callbackId": str(row["id"]),
        "ticketId": row["ticket_id"] or None,
        "status": row["status"],
        "outcome": told.outcome,
        "cause": told.cause,
        "leg": told.leg,
        "durationSeconds": round(told.seconds, 1),
        "attempt": row["attempts"],
        "attemptId": str(row["attempt_id"]) if row["attempt_id"] else None,
        "scheduledAt": _iso(row["scheduled_at"]),
        "nextAttemptAt": _iso(row["not_before"]) if waits else None,
        "recordingPath": row["recording_path"] or None,
        "ticketStatus": "closed" if row["status"] == Status.CANCELED else None,
    }
    return _result(row["id"], f"{row['id']}:{row['seq']}", payload)


def connected(order: Order, seconds: float) -> Message:
    """The two talk. `seconds`: since the attempt began."""
    payload = {
        "callbackId": str(order.callback_id) if order.callback_id else None,
        "ticketId": order.ticket or None,
        "status": Status.IN_PROGRESS,
        "outcome": "connected",
        "attemptId": str(order.id),
        "secondsToConnect": round(seconds, 1),
    }
    return _of_attempt(order, "connected", payload)


def attempt_ended(order: Order, outcome: Outcome, seconds: float) -> Message:
    """The end of a call that belongs to no callback: nobody but the backend may try again."""
    succeeded = outcome.result == "completed"
    payload = {
        "callbackId": None,
        "ticketId": order.ticket or None,
        "status": "completed" if succeeded else "failed",
        "outcome": "completed" if succeeded else "failed",
        "cause": outcome.cause,
        "leg": outcome.leg,
        "durationSeconds": round(seconds, 1),
        "attemptId": str(order.id),
    }
    return _of_attempt(order, "ended", payload)


def notice(row: Row, extension: str, now: datetime) -> Message:
    """The agent is free, and a client waits."""
    payload = {
        "callbackId": str(row["id"]),
        "ticketId": row["ticket_id"] or None,
        "callerNumber": row["number"],
        "callerName": row["contact_name"],
        "intendedFor": row["intended_for"],
        "extension": extension,
        "reason": row["reason"],
        "waitingMinutes": int((now - row["created_at"]).total_seconds() // 60),
        "hasRecording": bool(row["recording_path"]),
    }
    key = f"{row['id']}:notice:{row['seq']}"
    return Message(_stream(row["id"]), key, "/api/voice/callback/notify", payload, row["id"])


def _result(callback_id: UUID, key: str, payload: dict[str, Any]) -> Message:
    return Message(_stream(callback_id), key, "/api/voice/callback/result", payload, callback_id)


def _of_attempt(order: Order, what: str, payload: dict[str, Any]) -> Message:
    key = f"{order.id}:{what}"
    if order.callback_id is not None:
        return _result(order.callback_id, key, payload)
    # the same stream for all of an attempt, also when its ticket is named in between
    stream = f"ticket:{order.ticket_id or order.id}"
    return Message(stream, key, "/api/voice/callback/result", payload)


def _stream(callback_id: UUID) -> str:
    return f"callback:{callback_id}"


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
