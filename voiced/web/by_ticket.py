"""`/api/voice/callback…`: callbacks by their tickets, under the names that ticketing backends use."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from voiced.callback.calls import CallWanted
from voiced.callback.refusals import NoSuchCallback
from voiced.web import callback_shown as shown
from voiced.web.access import Granted
from voiced.web.callback_answers import CallbackAnswer, CallbacksAnswer, PlacedCall
from voiced.web.callback_bodies import AcceptTicket, InitiateTicket, OfTicket, SnoozeTicket
from voiced.web.callbacks import a_page, accepted
from voiced.web.fields import CallbackStatus, Limit, Page, TicketOrEmpty
from voiced.web.services import At

router = APIRouter(prefix="/api/voice", tags=["callbacks by ticket"])


@router.get("/callbacks")
async def list_them(
    access: Granted,
    at: At,
    ticket_id: Annotated[TicketOrEmpty | None, Query(alias="ticketId")] = None,
    in_snake_case: Annotated[TicketOrEmpty | None, Query(alias="ticket_id", include_in_schema=False)] = None,
    status: CallbackStatus | None = None,
    page: Page = 1,
    limit: Limit = 20,
) -> CallbacksAnswer:
    """Callbacks, newest first; those of one ticket."""
    ticket = in_snake_case if ticket_id is None else ticket_id
    return await a_page(at, (access.domain, status, None, None, ticket, None, None, None), page, limit)


@router.post("/callback/initiate")
async def initiate(body: InitiateTicket, access: Granted, at: At) -> PlacedCall:
    """Call a ticket's client now: its callback, or with number, extension and domain a call of its own."""
    if body.client_number and body.extension and body.domain_uuid:
        domain = access.domain_in(at.settings, body.domain_uuid)
        wanted = CallWanted(
            body.extension, body.client_number, ticket_id=body.ticket_id, reason=body.reason
        )  # fmt: skip
        return shown.placed(await at.calls.originate(domain, wanted), domain.locale)
    try:
        row = await at.callbacks.find(None, body.ticket_id, access.domain)
    except NoSuchCallback:
        raise NoSuchCallback(
            "this ticket has no callback; to call its client, give clientNumber, extension and domainUuid"
        ) from None
    return await accepted(at, row, body.extension)


@router.post("/callback/accept")
async def accept(body: AcceptTicket, access: Granted, at: At) -> PlacedCall:
    """An agent takes a ticket's callback: the call is placed now."""
    return await accepted(at, await at.callbacks.find(None, body.ticket_id, access.domain), body.extension)


@router.post("/callback/snooze")
async def snooze(body: SnoozeTicket, access: Granted, at: At) -> CallbackAnswer:
    """A ticket's callback: not now, but in so many minutes."""
    row = await at.callbacks.find(None, body.ticket_id, access.domain)
    return await shown.changed(at, await at.callbacks.snooze(row, body.minutes))


@router.post("/callback/cancel")
async def cancel(body: OfTicket, access: Granted, at: At) -> CallbackAnswer:
    """A ticket's callback is not wanted any more."""
    row = await at.callbacks.find(None, body.ticket_id, access.domain)
    return await shown.changed(at, await at.callbacks.cancel(row))
