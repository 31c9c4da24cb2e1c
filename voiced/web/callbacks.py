"""`/api/callbacks`: promises made, listed, taken, put off, given to somebody else."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends

from voiced.callback import numbers, store
from voiced.callback.calls import Placed
from voiced.callback.refusals import AgentNotAvailable
from voiced.web import callback_shown as shown
from voiced.web.access import Granted
from voiced.web.callback_answers import (
    CallbackAnswer,
    CallbacksAnswer,
    CallbackWithJournalsAnswer,
    PlacedCall,
    PromisedAnswer,
)
from voiced.web.callback_bodies import CallbackRequest, Reassign, Snooze, WhoTakesIt
from voiced.web.fields import (
    AgentFilter,
    Begin,
    CallbackStatus,
    End,
    Limit,
    NumberOrEmpty,
    Page,
    Text,
    TicketOrEmpty,
)
from voiced.web.services import At, Services

router = APIRouter(prefix="/api/callbacks", tags=["callbacks"])

_ITS_AGENT: Final = WhoTakesIt()


async def _found(id: UUID, access: Granted, at: At) -> dict[str, Any]:
    return await at.callbacks.find(id, "", access.domain)


Row = Annotated[dict[str, Any], Depends(_found)]


@router.post("", status_code=201)
async def make(body: CallbackRequest, access: Granted, at: At) -> PromisedAnswer:
    """Promise a call. A client who has an open callback gets that one, brought up to date."""
    domain = access.domain_in(at.settings, body.domain_uuid)
    return await shown.promised(at, await at.callbacks.make(domain, body.wanted()))


@router.get("")
async def list_them(
    access: Granted,
    at: At,
    status: CallbackStatus | None = None,
    extension: AgentFilter | None = None,
    department: Text | None = None,
    ticket_id: TicketOrEmpty | None = None,
    number: NumberOrEmpty | None = None,
    begin: Begin = None,
    end: End = None,
    page: Page = 1,
    limit: Limit = 20,
) -> CallbacksAnswer:
    """Callbacks, newest first."""
    if number is not None:
        domain = access.first_domain(at.settings)
        number = numbers.e164(number, domain.region if domain else "BR")
    filters = (access.domain, status, extension, department, ticket_id, begin, end, number)
    return await a_page(at, filters, page, limit)


@router.get("/{id}")
async def look(row: Row, at: At) -> CallbackWithJournalsAnswer:
    """One callback, with its journal and its calls'."""
    return {**await shown.callback(at, row), **await store.journal(at.pool, row["id"])}


@router.post("/{id}/accept")
async def accept(row: Row, at: At, body: WhoTakesIt = _ITS_AGENT) -> PlacedCall:
    """An agent takes it: the call is placed now, whatever the hour, if the agent is free."""
    return await accepted(at, row, body.extension)


@router.post("/{id}/agree")
async def agree(row: Row, at: At, body: WhoTakesIt = _ITS_AGENT) -> CallbackAnswer:
    """The client (or an agent) says yes: it is called as soon as the agent is free."""
    return await shown.changed(at, await at.callbacks.agree(row, body.extension))


@router.post("/{id}/notified")
async def notified(row: Row, at: At) -> CallbackAnswer:
    """The client was written to, and may answer."""
    return await shown.changed(at, await at.callbacks.client_told(row))


@router.post("/{id}/snooze")
async def snooze(row: Row, body: Snooze, at: At) -> CallbackAnswer:
    """Not now, but in so many minutes."""
    return await shown.changed(at, await at.callbacks.snooze(row, body.minutes))


@router.post("/{id}/cancel")
async def cancel(row: Row, at: At) -> CallbackAnswer:
    """Not wanted any more. One that is being called is ended first; 409 for a talk."""
    return await shown.changed(at, await at.callbacks.cancel(row))


@router.post("/{id}/reassign")
async def reassign(row: Row, body: Reassign, at: At) -> CallbackAnswer:
    """Somebody else shall keep it."""
    kept = await at.callbacks.reassign(row, body.extension, body.department, body.intended_for)
    return await shown.changed(at, kept)


async def a_page(at: Services, filters: tuple[Any, ...], page: int, limit: int) -> dict[str, Any]:
    """A page of callbacks; the filters are those of the statement `callback/list`."""
    rows, total = await store.list_callbacks(at.pool, filters, limit, (page - 1) * limit)
    return {"callbacks": [await shown.callback(at, row) for row in rows], "total": total, "page": page}


async def accepted(at: Services, row: dict[str, Any], extension: str) -> PlacedCall:
    """An agent takes a callback. One who cannot take it now is an answer, and no error."""
    domain = at.settings.domain_of(row["domain_uuid"])
    try:
        placed = await at.calls.accept(row, extension)
    except AgentNotAvailable as error:
        placed = Placed(None, str(error), should_retry=True)
    return shown.placed(placed, domain.locale if domain else "pt-BR")
