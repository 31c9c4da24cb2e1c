"""What the ticketing backend is told of a transfer, and what the assistant may say of it."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from voiced.facts import LOST
from voiced.tickets.message import Message
from voiced.transfer.causes import Status
from voiced.transfer.request import Request, Target
from voiced.transfer.state import Transfer

# What the assistant may say, by status: pt-BR first, English second. {name} is the destination's.
_SENTENCES: Final[dict[Status, dict[str, str]]] = {
    Status.PENDING: {"pt-BR": "Estou transferindo para {name}.", "en": "I am transferring you to {name}."},
    Status.RINGING: {"pt-BR": "Estou chamando {name}.", "en": "I am calling {name}."},
    Status.ANSWERED: {"pt-BR": "{name} atendeu, um instante.", "en": "{name} has answered, one moment."},
    Status.SUCCESS: {"pt-BR": "Você está falando com {name}.", "en": "You are connected to {name}."},
    Status.BUSY: {
        "pt-BR": "{name} está em outra ligação no momento.",
        "en": "{name} is on another call at the moment.",
    },
    Status.NO_ANSWER: {"pt-BR": "{name} não atendeu.", "en": "{name} did not answer."},
    Status.DND: {
        "pt-BR": "{name} não pode atender agora.",
        "en": "{name} cannot take calls right now.",
    },
    Status.OFFLINE: {"pt-BR": "{name} não está disponível no momento.", "en": "{name} is not available."},
    Status.REJECTED: {
        "pt-BR": "{name} não pode atender a ligação agora.",
        "en": "{name} cannot take the call right now.",
    },
    Status.UNAVAILABLE: {
        "pt-BR": "Não foi possível chamar {name}.",
        "en": "It was not possible to reach {name}.",
    },
    Status.FAILED: {
        "pt-BR": "Não consegui completar a transferência para {name}.",
        "en": "I could not complete the transfer to {name}.",
    },
    Status.CANCELLED: {"pt-BR": "A transferência foi cancelada.", "en": "The transfer was cancelled."},
}


def sentences(status: Status, target: Target) -> dict[str, str]:
    """What the assistant may truthfully say, by language."""
    name = {"pt-BR": target.name, "en": target.name}
    if not target.name:
        name = {"pt-BR": f"o ramal {target.number}", "en": f"extension {target.number}"}
    told = {language: text.format(name=name[language]) for language, text in _SENTENCES[status].items()}
    return {language: text[:1].upper() + text[1:] for language, text in told.items()}


def result(request: Request, t: Transfer) -> dict[str, Any]:
    """A transfer's result as the API answers it, in snake_case."""
    target, ending = request.target(t.attempt, t.agent_number), t.ending
    texts = request.closed_messages if t.closed and request.closed_messages else sentences(t.status, target)
    return {
        "id": str(request.id),
        "transfer_id": str(request.id),
        "story_id": str(request.story_id),
        "call_uuid": request.caller.uuid,
        "status": t.status,
        "success": t.status is Status.SUCCESS,
        "cause": ending.cause if ending else t.talk_cause,
        "sip_code": ending.sip_code if ending else "",
        "ended_by": ending.ended_by if ending else t.talk_ended_by,
        "attempts": t.dials,
        "destination": {"name": target.name, "type": target.type, "number": target.number},
        "ring_seconds": _ring_seconds(t),
        "message": texts["pt-BR"],
        "messages": texts,
        "offer_callback": offers_callback(request, t),
        "next": t.goes_to if ending and t.caller_here else "",
    }


def for_dialplan(request: Request, t: Transfer) -> dict[str, str]:
    """The same as variables of a call routed in, in the order of their worth."""
    told = result(request, t)
    return {
        "voiced_status": told["status"],
        "voiced_cause": told["cause"],
        "voiced_offer_callback": "true" if told["offer_callback"] else "false",
        "voiced_message": told["message"],
    }


def completed(request: Request, t: Transfer) -> Message:
    """`transfer/completed`, once for each transfer."""
    target, ending = request.target(t.attempt, t.agent_number), t.ending
    return _completed(request.id, request.caller.uuid, {
        "storyId": str(request.story_id),
        "domainUuid": str(request.domain_uuid),
        "callerNumber": request.caller.number,
        "destinationName": target.name,
        "destinationNumber": target.number,
        "destinationType": target.type,
        "status": t.status,
        "cause": ending.cause if ending else "",
        "sipCode": ending.sip_code if ending else "",
        "endedBy": ending.ended_by if ending else "",
        "attempts": t.dials,
        "ringSeconds": _ring_seconds(t),
        "offerCallback": offers_callback(request, t),
    })  # fmt: skip


def lost(row: Any) -> Message:
    """The same of a transfer of which only the row's columns can be read."""
    target = row["destination"]
    return _completed(row["id"], row["call_uuid"], {
        "storyId": str(row["story_id"]),
        "domainUuid": str(row["domain_uuid"]),
        "callerNumber": row["caller_number"],
        "destinationName": target.get("name", ""),
        "destinationNumber": target.get("number", ""),
        "destinationType": target.get("type", ""),
        "status": Status.FAILED,
        "cause": LOST,
        "sipCode": "",
        "endedBy": "",
        "attempts": row["attempts"],
        "ringSeconds": 0.0,
        "offerCallback": False,
    })  # fmt: skip


def _completed(id: UUID, call_uuid: str, payload: dict[str, Any]) -> Message:
    payload = {"transferId": str(id), "callUuid": call_uuid, **payload}
    return Message(f"call:{call_uuid}", f"{id}:completed", "/api/voice/transfer/completed", payload)


def ended(request: Request, t: Transfer) -> Message:
    """`transfer/ended`, after a talk."""
    until = t.unbridged_at or t.ended_at
    is_seen = t.talk_cause != LOST  # the end; else nobody knows how long they talked
    payload = {
        "transferId": str(request.id),
        "callUuid": request.caller.uuid,
        "endedBy": t.talk_ended_by,
        "cause": t.talk_cause,
        "talkSeconds": round(max(0.0, until - t.bridged_at), 1) if is_seen else None,
    }
    return Message(f"call:{request.caller.uuid}", f"{request.id}:ended", "/api/voice/transfer/ended", payload)


def offers_callback(request: Request, t: Transfer) -> bool:
    """Whether the caller, who is still there, is to be offered a call."""
    is_for_it = t.ending is not None and t.ending.offer_callback
    return is_for_it and t.caller_here and request.offers_callback


def _ring_seconds(t: Transfer) -> float:
    """How long a phone rang in the last attempt, in seconds."""
    if not t.ringing_at:
        return 0.0
    return round(max(0.0, (t.answered_at or t.known_at) - t.ringing_at), 1)
