"""`/api/callback/originate`, `/monitor`, `/active`: calls that the ticketing backend orders and follows."""

from __future__ import annotations

from fastapi import APIRouter

from voiced.web import callback_shown as shown
from voiced.web.access import Granted
from voiced.web.callback_answers import CallAnswer, CallsAnswer, PlacedCall
from voiced.web.callback_bodies import Monitor, Originate
from voiced.web.services import At

router = APIRouter(prefix="/api/callback", tags=["calls"])


@router.post("/originate")
async def originate(body: Originate, access: Granted, at: At) -> PlacedCall:
    """Call an agent and a client now. An agent who cannot take it is `success: false`, with the cause.

    A client who has an open callback is called for that: its result is the callback's, and its tickets'.
    """
    domain = access.domain_in(at.settings, body.domain_uuid)
    return shown.placed(await at.calls.originate(domain, body.wanted()), domain.locale)


@router.post("/monitor")
async def monitor(body: Monitor, access: Granted, at: At) -> CallAnswer:
    """How far a call is. A ticket that it did not have is noted: results name it from then on."""
    return shown.call(*await at.calls.monitor(body.call_uuid, body.ticket_id, access.domain))


@router.get("/active")
async def active(access: Granted, at: At) -> CallsAnswer:
    """Every call that is on its way, or a talk."""
    calls = [shown.call(order, attempt) for order, attempt in await at.calls.active(access.domain)]
    return {"calls": calls, "total": len(calls)}
