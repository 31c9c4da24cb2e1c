"""`/api/callbacks`: promises made, listed, kept. The same by ticket under `/api/voice/callback…`."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
)
from pydantic.alias_generators import to_camel, to_snake

from voiced.callback import report, store
from voiced.callback.callback import Status
from voiced.callback.desk import RETRY_AFTER, Desk, Placed
from voiced.callback.keeper import Kept, Wanted
from voiced.callback.order import Order
from voiced.callback.refusals import AgentNotAvailable
from voiced.callback.state import Attempt
from voiced.esl import InvalidValue, values
from voiced.settings import DomainSettings
from voiced.transfer.refusals import NoSuchDomain
from voiced.transfer.state import Phase as TransferPhase
from voiced.web.access import Access, Granted
from voiced.web.errors import ApiError
from voiced.web.services import services

router = APIRouter(tags=["callbacks"])

_KEPT_SECONDS: Final = 1.0  # for what has just happened to be in the database
_MESSAGES: Final = {  # why a call was not placed: pt-BR for people
    "USER_BUSY": "O ramal está em outra ligação.",
    "DO_NOT_DISTURB": "O ramal está em não perturbe.",
    "USER_NOT_REGISTERED": "O ramal não está conectado.",
    "ATTEMPT_UNDER_WAY": "Já há uma ligação em andamento para este cliente ou este ramal.",
}


def _extension(value: str) -> str:
    try:
        return values.extension(value) if value else value
    except InvalidValue as error:
        raise ValueError(str(error)) from None


ExtensionNumber = Annotated[str, Field(max_length=32), AfterValidator(_extension)]
Number = Annotated[
    str,
    Field(
        min_length=1, max_length=40, coerce_numbers_to_str=True,
        description="As +5511999990000, or as at home.",
    ),
]  # fmt: skip
Ticket = Annotated[str, Field(max_length=200, coerce_numbers_to_str=True)]
Text = Annotated[str, Field(max_length=1000)]
Page = Annotated[int, Query(ge=1, le=100_000)]
Limit = Annotated[int, Query(ge=1, le=200)]


class _Body(BaseModel):
    """Names may be written in snake_case or camelCase."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class CallbackRequest(_Body):
    """A call that is to be promised."""

    domain_uuid: UUID
    number: Number
    contact_name: Text = ""
    extension: ExtensionNumber = Field("", description="The agent; '' for anybody of the department.")
    intended_for: Text = Field("", description="The agent's name.")
    department: Text = ""
    reason: Text = ""
    summary: str = Field("", max_length=10_000)
    transcript: JsonValue = Field(None, description="Turns with roles, or text.")
    scheduled_at: AwareDatetime | None = Field(None, description="Not before; null for as soon as possible.")
    notify_via_whatsapp: bool = Field(False, alias="notifyViaWhatsApp")
    secretary_uuid: UUID | None = None
    ticket_id: Ticket = Field("", description="A ticket that exists already: none is made then.")
    story_id: UUID | None = None
    call_uuid: str = Field("", max_length=64, description="The call in which it was promised.")

    def wanted(self) -> Wanted:
        """As the keeper takes it."""
        return Wanted(
            self.domain_uuid, "", self.number, contact_name=self.contact_name, extension=self.extension,
            intended_for=self.intended_for, department=self.department, reason=self.reason,
            summary=self.summary, transcript=self.transcript, scheduled_at=self.scheduled_at,
            notify_via_whatsapp=self.notify_via_whatsapp, secretary_uuid=self.secretary_uuid,
            ticket_id=self.ticket_id, story_id=self.story_id, voice_call_uuid=self.call_uuid,
        )  # fmt: skip


class Yes(_Body):
    """A caller's yes to the callback that a failed transfer offered."""

    number: str = Field("", max_length=40, description="'' for the number that they called with.")
    scheduled_at: AwareDatetime | None = None
    notify_via_whatsapp: bool = Field(False, alias="notifyViaWhatsApp")
    department: Text = ""
    intended_for: Text = ""


class WhoTakesIt(_Body):
    """Which extension takes the call; '' for the one it was promised for."""

    extension: ExtensionNumber = ""


_ITS_AGENT: Final = WhoTakesIt()
_AS_BEFORE: Final = Yes()


class Snooze(_Body):
    """How long."""

    minutes: float = Field(gt=0, le=60 * 24 * 366)


class Reassign(_Body):
    """To whom: an extension, or anybody of a department."""

    extension: ExtensionNumber = ""
    department: Text = ""
    intended_for: Text = ""


class OfTicket(_Body):
    """A ticket."""

    ticket_id: Ticket = Field(min_length=1)


class InitiateTicket(OfTicket):
    """The ticket's callback is called now; one that has none needs the rest."""

    extension: ExtensionNumber = ""
    client_number: str = Field("", max_length=40)
    domain_uuid: UUID | None = None
    reason: Text = ""


class AcceptTicket(OfTicket, WhoTakesIt):
    """A ticket's callback, and which extension takes it."""


class SnoozeTicket(OfTicket, Snooze):
    """A ticket's callback, and how long."""


class Originate(_Body):
    """A call that is wanted now."""

    extension: Annotated[str, Field(min_length=1, max_length=32), AfterValidator(_extension)]
    client_number: Number
    domain_uuid: UUID
    ticket_id: Ticket = ""
    reason: Text = ""
    contact_name: Text = ""


class Monitor(_Body):
    """A call that was placed."""

    call_uuid: UUID
    ticket_id: Ticket = ""


class Answer(BaseModel):
    """What came of an order. `call_uuid` is the attempt's id."""

    success: bool
    call_uuid: UUID | None
    error: str = Field(description="A cause, as USER_BUSY; '' for a call that is on its way.")
    message: str
    should_retry: bool
    retry_after_seconds: float


# -- calls ------------------------------------------------------------------------------------------------


@router.post("/api/callback/originate")
async def originate(body: Originate, access: Granted, request: Request) -> Answer:
    """Call an agent and a client now. An agent who cannot take it is `success: false`, with the cause."""
    domain = _domain(request, access, body.domain_uuid)
    placed = await _desk(request).originate(
        domain, body.extension, body.client_number, _plain(body.ticket_id), _plain(body.reason),
        _plain(body.contact_name),
    )  # fmt: skip
    return _answer(placed)


@router.post("/api/callback/monitor")
async def monitor(body: Monitor, access: Granted, request: Request) -> dict[str, Any]:
    """How far a call is. A ticket that it did not have is noted: results name it from then on."""
    found = await _desk(request).monitor(body.call_uuid, _plain(body.ticket_id), access.domain)
    return _call(*found)


@router.get("/api/callback/active")
async def active(access: Granted, request: Request) -> dict[str, Any]:
    """Every call that is on its way, or a talk."""
    calls = [_call(order, attempt) for order, attempt in await _desk(request).active(access.domain)]
    return {"calls": calls, "total": len(calls)}


# -- promises ---------------------------------------------------------------------------------------------


@router.post("/api/callbacks", status_code=201)
async def make(body: CallbackRequest, access: Granted, request: Request) -> dict[str, Any]:
    """Promise a call. A client who has an open callback gets that one, brought up to date."""
    domain = _domain(request, access, body.domain_uuid)
    kept = await _desk(request).make(domain, body.wanted())
    return {**await _shown(request, kept.row), "is_new": kept.before is None}


@router.post("/api/transfers/{id}/callback", status_code=201)
async def after_a_transfer(
    id: UUID, access: Granted, request: Request, body: Yes = _AS_BEFORE
) -> dict[str, Any]:
    """The caller of a failed transfer wants to be called back: by whom, why and what for is known."""
    at = services(request)
    with suppress(TimeoutError):  # a result that is told already may be on its way to the database
        async with asyncio.timeout(_KEPT_SECONDS):
            await at.scribe.drained()
    order, t = await at.desk.look(id, access.domain)
    domain = _domain(request, access, order.domain_uuid)
    if t.phase is TransferPhase.BRIDGED or not t.is_known or not (t.ending and t.ending.offer_callback):
        raise ApiError(409, "no_callback_offered", "this transfer offers no callback (yet)")
    target = order.target(t.attempt)
    extension = target.number if target.type == "extension" else ""
    wanted = Wanted(
        order.domain_uuid, "", body.number or order.caller.number, contact_name=order.caller.name,
        extension=extension, intended_for=body.intended_for or target.name, department=body.department,
        reason=order.reason, summary=order.summary, scheduled_at=body.scheduled_at,
        notify_via_whatsapp=body.notify_via_whatsapp, secretary_uuid=order.secretary_uuid,
        story_id=order.story_id, transfer_id=order.id, voice_call_uuid=order.caller.uuid,
    )  # fmt: skip
    if not wanted.department:
        wanted = await _with_department(request, wanted, target.uuid, target.name)
    kept = await at.callbacks.make(domain, wanted)
    return {**await _shown(request, kept.row), "is_new": kept.before is None}


@router.get("/api/callbacks")
async def list_them(
    access: Granted,
    request: Request,
    status: Status | None = None,
    extension: Annotated[str | None, Query(max_length=200)] = None,
    department: Annotated[str | None, Query(max_length=1000)] = None,
    ticket_id: Annotated[str | None, Query(max_length=200)] = None,
    number: Annotated[str | None, Query(max_length=40)] = None,
    begin: Annotated[AwareDatetime | None, Query(alias="from")] = None,
    end: Annotated[AwareDatetime | None, Query(alias="to")] = None,
    page: Page = 1,
    limit: Limit = 20,
) -> dict[str, Any]:
    """Callbacks, newest first. `extension` is the agent's, or the name it was promised for."""
    filters = (
        access.domain, status, _plain(extension), _plain(department), _plain(ticket_id), begin, end,
        _plain(number),
    )  # fmt: skip
    rows, total = await store.list_callbacks(services(request).pool, filters, limit, (page - 1) * limit)
    return {"callbacks": [await _shown(request, row) for row in rows], "total": total, "page": page}


@router.get(
    "/api/callbacks/export",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "CSV, UTF-8."}},
)
async def export(
    access: Granted,
    request: Request,
    status: Status | None = None,
    extension: Annotated[str | None, Query(max_length=200)] = None,
    department: Annotated[str | None, Query(max_length=1000)] = None,
    begin: Annotated[AwareDatetime | None, Query(alias="from")] = None,
    end: Annotated[AwareDatetime | None, Query(alias="to")] = None,
) -> StreamingResponse:
    """The same as CSV, for a spreadsheet: every callback of a period."""
    filters = (access.domain, status, _plain(extension), _plain(department), begin, end)
    return StreamingResponse(
        report.csv(services(request).pool, filters),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="callbacks.csv"'},
    )


@router.get("/api/callbacks/stats")
async def stats(
    access: Granted,
    request: Request,
    begin: Annotated[AwareDatetime | None, Query(alias="from")] = None,
    end: Annotated[AwareDatetime | None, Query(alias="to")] = None,
) -> dict[str, Any]:
    """How many wait, how long clients waited, how many promises were kept; by department and agent too."""
    return await report.stats(services(request).pool, access.domain, begin, end)


@router.get("/api/callbacks/{id}")
async def look(id: UUID, access: Granted, request: Request) -> dict[str, Any]:
    """One callback, with its journal and its attempts'."""
    row = await _desk(request).find(id, "", access.domain)
    return {**await _shown(request, row), **await store.journal(services(request).pool, id)}


@router.post("/api/callbacks/{id}/accept")
async def accept(id: UUID, access: Granted, request: Request, body: WhoTakesIt = _ITS_AGENT) -> Answer:
    """An agent takes it: the call is placed now, whatever the hour, if the agent is free."""
    return await _accept(request, await _desk(request).find(id, "", access.domain), body.extension)


@router.post("/api/callbacks/{id}/agree")
async def agree(id: UUID, access: Granted, request: Request, body: WhoTakesIt = _ITS_AGENT) -> dict[str, Any]:
    """The client (or an agent) says yes: it is called as soon as the agent is free."""
    desk = _desk(request)
    return await _done(request, await desk.agree(await desk.find(id, "", access.domain), body.extension))


@router.post("/api/callbacks/{id}/notified")
async def notified(id: UUID, access: Granted, request: Request) -> dict[str, Any]:
    """The client was written to, and may answer."""
    desk = _desk(request)
    return await _done(request, await desk.client_told(await desk.find(id, "", access.domain)))


@router.post("/api/callbacks/{id}/snooze")
async def snooze(id: UUID, body: Snooze, access: Granted, request: Request) -> dict[str, Any]:
    """Not now, but in so many minutes."""
    desk = _desk(request)
    return await _done(request, await desk.snooze(await desk.find(id, "", access.domain), body.minutes))


@router.post("/api/callbacks/{id}/cancel")
async def cancel(id: UUID, access: Granted, request: Request) -> dict[str, Any]:
    """Not wanted any more. One that is being called is ended first; 409 for a talk."""
    desk = _desk(request)
    return await _done(request, await desk.cancel(await desk.find(id, "", access.domain)))


@router.post("/api/callbacks/{id}/reassign")
async def reassign(id: UUID, body: Reassign, access: Granted, request: Request) -> dict[str, Any]:
    """Somebody else shall keep it."""
    desk = _desk(request)
    row = await desk.find(id, "", access.domain)
    kept = await desk.reassign(row, body.extension, _plain(body.department), _plain(body.intended_for))
    return await _done(request, kept)


# -- the same by ticket -----------------------------------------------------------------------------------


@router.get("/api/voice/callbacks")
async def of_ticket(
    access: Granted,
    request: Request,
    ticket_id: Annotated[str | None, Query(alias="ticketId", max_length=200)] = None,
    status: Status | None = None,
    page: Page = 1,
    limit: Limit = 20,
) -> dict[str, Any]:
    """Callbacks, newest first; those of one ticket."""
    filters = (access.domain, status, None, None, _plain(ticket_id), None, None, None)
    rows, total = await store.list_callbacks(services(request).pool, filters, limit, (page - 1) * limit)
    return {"callbacks": [await _shown(request, row) for row in rows], "total": total, "page": page}


@router.post("/api/voice/callback/initiate")
async def initiate(body: InitiateTicket, access: Granted, request: Request) -> Answer:
    """Call a ticket's client now: its callback, or with number, extension and domain a call of its own."""
    if body.client_number and body.extension and body.domain_uuid:
        domain = _domain(request, access, body.domain_uuid)
        placed = await _desk(request).originate(
            domain, body.extension, body.client_number, _plain(body.ticket_id), _plain(body.reason), ""
        )
        return _answer(placed)
    return await _accept(request, await _ticket(request, access, body), body.extension)


@router.post("/api/voice/callback/accept")
async def accept_ticket(body: AcceptTicket, access: Granted, request: Request) -> Answer:
    """An agent takes a ticket's callback: the call is placed now."""
    return await _accept(request, await _ticket(request, access, body), body.extension)


@router.post("/api/voice/callback/snooze")
async def snooze_ticket(body: SnoozeTicket, access: Granted, request: Request) -> dict[str, Any]:
    """A ticket's callback: not now, but in so many minutes."""
    row = await _ticket(request, access, body)
    return await _done(request, await _desk(request).snooze(row, body.minutes))


@router.post("/api/voice/callback/cancel")
async def cancel_ticket(body: OfTicket, access: Granted, request: Request) -> dict[str, Any]:
    """A ticket's callback is not wanted any more."""
    return await _done(request, await _desk(request).cancel(await _ticket(request, access, body)))


# -- settings ---------------------------------------------------------------------------------------------


@router.get("/api/settings/{company_id}")
async def settings(company_id: str, access: Granted, request: Request) -> dict[str, Any]:
    """What a company wants of its callbacks."""
    _company(request, access, company_id)
    policy = await _desk(request).keeper.policies.of(company_id)
    return {"id": company_id, "company_id": company_id, **policy.model_dump(mode="json")}


@router.put("/api/settings/{company_id}")
async def change_settings(
    company_id: str, body: dict[str, JsonValue], access: Granted, request: Request
) -> dict[str, Any]:
    """Change some of them; what is not named stays as it is."""
    _company(request, access, company_id)
    changes = {to_snake(name): value for name, value in body.items()}
    try:
        policy = await _desk(request).keeper.policies.change(company_id, changes)
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in found]) from None
    return {"id": company_id, "company_id": company_id, **policy.model_dump(mode="json")}


# -- inside -----------------------------------------------------------------------------------------------


def _desk(request: Request) -> Desk:
    return services(request).callbacks


def _domain(request: Request, access: Access, uuid: UUID) -> DomainSettings:
    access.check(uuid)
    domain = services(request).settings.domain_of(uuid)
    if domain is None:
        raise NoSuchDomain
    return domain


def _company(request: Request, access: Access, company_id: str) -> None:
    """Raises ApiError for a company that is not configured, or not this token's."""
    domains = [one for one in services(request).settings.domain if one.company == company_id]
    if access.domain is not None and access.domain not in {one.uuid for one in domains}:
        raise ApiError(403, "forbidden", "this token belongs to another company", "company_id")
    if not domains:
        raise ApiError(404, "no_such_company", "no [[domain]] belongs to this company", "company_id")


async def _ticket(request: Request, access: Access, body: OfTicket) -> dict[str, Any]:
    return await _desk(request).find(None, _plain(body.ticket_id), access.domain)


async def _accept(request: Request, row: dict[str, Any], extension: str) -> Answer:
    try:
        return _answer(await _desk(request).accept(row, extension))
    except AgentNotAvailable as error:
        return _answer(Placed(None, str(error), should_retry=True))


async def _with_department(request: Request, wanted: Wanted, destination: UUID | None, name: str) -> Wanted:
    """A group or a queue is called back by its department; one that has none, by whoever it is named.

    An agent's department is who takes it when the agent does not.
    """
    book = await services(request).directory.book(wanted.domain_uuid, wanted.secretary_uuid)
    found = book.destinations.get(destination) if destination else None
    department = found.department if found else ""
    return replace(wanted, department=department or ("" if wanted.extension else name))


async def _done(request: Request, kept: Kept) -> dict[str, Any]:
    return await _shown(request, kept.row)


async def _shown(request: Request, row: dict[str, Any]) -> dict[str, Any]:
    policy = await _desk(request).keeper.policies.of(row["company_id"])
    return store.shown(row, policy)


def _answer(placed: Placed) -> Answer:
    return Answer(
        success=not placed.error, call_uuid=placed.id, error=placed.error,
        message=_MESSAGES.get(placed.error, placed.error), should_retry=placed.should_retry,
        retry_after_seconds=RETRY_AFTER if placed.should_retry else 0.0,
    )  # fmt: skip


def _call(order: Order, a: Attempt) -> dict[str, Any]:
    outcome = a.outcome
    return {
        "id": order.id, "call_uuid": order.id, "callback_id": order.callback_id,
        "ticket_id": order.ticket, "domain_uuid": order.domain_uuid, "extension": order.extension,
        "number": order.number, "phase": a.phase, "requested_at": _moment(a.requested_at),
        "connected_at": _moment(a.connected_at), "duration_seconds": round(a.talk_seconds, 1),
        "result": outcome.result if outcome else "", "cause": outcome.cause if outcome else "",
        "leg": outcome.leg if outcome else "", "sip_code": outcome.sip_code if outcome else "",
    }  # fmt: skip


def _moment(at: float) -> datetime | None:
    return store.moment(at)


def _plain(text: str | None) -> Any:
    """Text that PostgreSQL takes."""
    return None if text is None else text.replace("\0", "").encode("utf-8", "replace").decode()
