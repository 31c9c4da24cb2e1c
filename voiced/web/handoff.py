"""`/api/handoff`: a language model hands its caller over by a function call, and hears what it may say."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import structlog
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from voiced.database import ERRORS
from voiced.refusals import Refusal
from voiced.transfer import messages
from voiced.transfer.destination import Destination
from voiced.transfer.reception import Ask
from voiced.transfer.refusals import CallIsBusy, IsAmbiguous, NoSuchDestination, UnknownCall
from voiced.transfer.request import DestinationType
from voiced.transfer.state import Fallback, Transfer
from voiced.transfer.wording import NOT_NOW
from voiced.web import recognition
from voiced.web.access import Granted
from voiced.web.callback_answers import OpenCallbackAnswer
from voiced.web.described import Like
from voiced.web.errors import as_refusal
from voiced.web.fields import CallUuid, LongText, Phrase, Text, Wait
from voiced.web.services import At
from voiced.web.spelling import Body
from voiced.web.transfers import outcome

log = structlog.get_logger(__name__)
router = APIRouter(prefix="/api/handoff", tags=["handoff"])

ANYBODY: Final = "qualquer atendente"
REASON: Final = "solicitação do cliente"
MOST_NAMED: Final = 40  # destinations in the function's description: a model's context is not free
_WHAT_FOR: Final = (
    "Transfere a ligação para uma pessoa da empresa. Chame quando o cliente pedir para falar com alguém, com "
    "um setor ou com um atendente, ou quando você não puder resolver. Depois, diga ao cliente o `say` "
    "da resposta e siga o `next`: ask, ele responde e você chame de novo; continue, siga a conversa; "
    "offer_callback, ofereça um retorno; wait, talk ou end, não diga mais nada."
)
_DESTINATION: Final = (
    "Com quem ou com que setor o cliente quer falar, nas palavras dele; um ramal também serve. "
    f"Se ele não disser: “{ANYBODY}”. Há: "
)
_REASON: Final = f"O motivo, em uma frase curta, para quem atende. Se não houver: “{REASON}”."


class Handoff(Body):
    """A call of `request_handoff`, with the caller that it is about. What a model adds to it is ignored."""

    model_config = ConfigDict(extra="ignore")

    call_uuid: CallUuid
    domain_uuid: UUID
    secretary_uuid: UUID | None = None
    destination: Phrase | None = Field(None, description=f"null or '': {ANYBODY}.")
    reason: Text | None = Field(None, description=f"null or '': {REASON}.")
    summary: LongText = ""
    story_id: UUID | None = None


class Next(StrEnum):
    """What the assistant does after it has said its sentence."""

    WAIT = "wait"  # the caller hears music: the result comes
    TALK = "talk"  # with the person: the call is not the assistant's any more
    ASK = "ask"  # the sentence is a question: the function again, with what the caller answers
    CONTINUE = "continue"  # the conversation
    OFFER_CALLBACK = "offer_callback"
    END = "end"  # the caller has left, or hears a voicemail box or a farewell


class Said(BaseModel):
    """What came of it."""

    success: bool = Field(description="Whether the caller is being transferred, or is talking already.")
    status: str = Field(description="The transfer's status; or why there is none: ambiguous, …")
    say: str = Field(description="What the assistant may say now, in the domain's language.")
    messages: dict[str, str] = Field(description="The same by language.")
    next: Next = Field(description="What the assistant does then.")
    transfer_id: UUID | None = None
    offer_callback: bool = False
    options: list[dict[str, Any]] = Field([], description="Whom the caller can choose from.")
    open_callback: OpenCallbackAnswer | None = Field(
        None, description="A call that the caller is promised already."
    )


class Function(BaseModel):
    """A function's definition, as OpenAI's API takes it under `function`."""

    name: Literal["request_handoff"]
    description: str
    parameters: dict[str, Any] = Field(description="JSON schema; `input_schema` for Anthropic's API.")


@router.get("/function")
async def function(
    access: Granted, at: At, domain_uuid: UUID, secretary_uuid: UUID | None = None
) -> Annotated[dict[str, Any], Like(Function)]:
    """The definition of `request_handoff` for a language model, with the destinations that are there now."""
    access.check(domain_uuid)
    destinations = await at.reception.open_now(domain_uuid, secretary_uuid)
    groups_first = sorted(destinations, key=lambda one: one[0].type is DestinationType.EXTENSION)
    known = "; ".join(_described(one, closed) for one, closed in groups_first[:MOST_NAMED])
    more = "; entre outros" if len(destinations) > MOST_NAMED else ""
    return {
        "name": "request_handoff",
        "description": _WHAT_FOR,
        "parameters": {
            "type": "object",
            "properties": {
                "destination": {
                    "type": "string",
                    "description": f"{_DESTINATION}{known or 'somente ramais'}{more}.",
                },
                "reason": {"type": "string", "description": _REASON},
            },
            "required": [],
        },
    }


@router.post("")
async def hand_off(body: Handoff, access: Granted, at: At, wait: Wait = 0) -> Said:
    """Carry out a call of `request_handoff`. Whatever comes of it, `say` is a sentence for the caller.

    Without `wait` the answer comes as soon as the transfer has begun; with it, once the result is known.
    """
    access.check(body.domain_uuid)
    ask = Ask(
        call_uuid=body.call_uuid, domain_uuid=body.domain_uuid,
        destinations=((body.destination or "").strip() or ANYBODY,), secretary_uuid=body.secretary_uuid,
        reason=(body.reason or "").strip() or REASON, summary=body.summary,
        story_id=body.story_id, is_limited=access.is_limited,
    )  # fmt: skip
    locale = at.reception.locale(body.domain_uuid)
    try:
        order, t = await at.desk.begin(await at.reception.wish(ask))
    except (Refusal, *ERRORS) as error:
        refusal = as_refusal(error)
        if refusal is None:
            raise
        log.info("a handoff was refused", call_uuid=body.call_uuid, reason=refusal.code, error=str(refusal))
        told = refusal.messages or NOT_NOW
        return Said(
            success=False, status=refusal.code, say=told[locale], messages=told, next=_after(refusal),
            options=refusal.options,
            open_callback=await recognition.of_call(at, access, body.domain_uuid, body.call_uuid),
        )  # fmt: skip
    if wait:
        order, t, _ = await outcome(at, order, t, wait)
    result = messages.result(order, t)
    return Said(
        success=t.ending is None, status=result["status"], say=result["messages"][locale],
        messages=result["messages"], next=_next(t, offers_callback=result["offer_callback"]),
        transfer_id=order.id, offer_callback=result["offer_callback"],
        open_callback=await at.callbacks.open_for(order.domain_uuid, order.caller.number),
    )  # fmt: skip


def _after(refusal: Refusal) -> Next:
    match refusal.code:
        case IsAmbiguous.code | NoSuchDestination.code:
            return Next.ASK
        case CallIsBusy.code:
            return Next.WAIT
        case UnknownCall.code:
            return Next.END
    return Next.CONTINUE


def _next(t: Transfer, *, offers_callback: bool) -> Next:
    if t.ending is None:
        return Next.TALK if t.bridged_at else Next.WAIT
    if not t.caller_here or t.goes_to in (Fallback.VOICEMAIL, Fallback.HANGUP):
        return Next.END
    return Next.OFFER_CALLBACK if offers_callback else Next.CONTINUE


def _described(destination: Destination, closed: dict[str, str]) -> str:
    """`Financeiro (boletos e cobrança; atende seg a sex 8h-18h; fechado agora)`."""
    about = [destination.description, destination.department, destination.role]
    told = [text for text in dict.fromkeys(about) if text and text != destination.name]
    hours = destination.working_hours.in_words() if destination.working_hours else ""
    told += [f"atende {hours}"] if hours else []
    told += [closed["pt-BR"]] if closed else []
    return destination.name + (f" ({'; '.join(told)})" if told else "")
