"""`/api/transfers/{id}/callback`: the caller of a failed transfer takes the callback that it offered."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final
from uuid import UUID

from fastapi import APIRouter

from voiced.callback.maker import Wanted
from voiced.callback.refusals import NoCallbackOffered
from voiced.clock import moment
from voiced.transfer.request import DestinationType, Request, Target
from voiced.transfer.state import Phase, Transfer
from voiced.web import callback_shown as shown
from voiced.web.access import Granted
from voiced.web.callback_answers import PromisedAnswer
from voiced.web.callback_bodies import Yes
from voiced.web.services import At, Services

router = APIRouter(prefix="/api/transfers", tags=["callbacks"])

_KEPT_SECONDS: Final = 1.0  # for what has just happened to be in the database
_AS_BEFORE: Final = Yes()


@router.post("/{id}/callback", status_code=201)
async def take_offer(id: UUID, access: Granted, at: At, body: Yes = _AS_BEFORE) -> PromisedAnswer:
    """The caller of a failed transfer wants to be called back: by whom, why and what for is known."""
    with suppress(TimeoutError):  # a result that is told already may be on its way to the database
        async with asyncio.timeout(_KEPT_SECONDS):
            await at.scribe.drained()
    order, t = await at.desk.look(id, access.domain)
    _check_offer(t)
    domain = access.domain_in(at.settings, order.domain_uuid)
    target = order.target(t.attempt)
    extension = target.number if target.type is DestinationType.EXTENSION else ""
    wanted = Wanted(
        order.domain_uuid, "", body.number or order.caller.number, contact_name=order.caller.name,
        extension=extension, intended_for=body.intended_for or target.name,
        department=body.department or await _department(at, order, target), reason=order.reason,
        summary=order.summary, scheduled_at=body.scheduled_at, notify_via_whatsapp=body.notify_via_whatsapp,
        secretary_uuid=order.secretary_uuid, story_id=order.story_id, transfer_id=order.id,
        voice_call_uuid=order.caller.uuid, voice_call_date=moment(t.requested_at),
        voice_call_seconds=body.call_seconds, voice_call_recorded=body.has_recording,
    )  # fmt: skip
    return await shown.promised(at, await at.callbacks.make(domain, wanted))


def _check_offer(t: Transfer) -> None:
    """Raises NoCallbackOffered for a transfer that offers none, or none yet."""
    if t.phase is Phase.BRIDGED:
        raise NoCallbackOffered("the two are talking")
    if not t.is_known:
        raise NoCallbackOffered("the transfer's result is not known yet; GET /api/transfers/{id} tells")
    if not (t.ending and t.ending.offer_callback):
        raise NoCallbackOffered


async def _department(at: Services, order: Request, target: Target) -> str:
    """A group or a queue is called back by its department; one that has none, by whoever it is named.

    An agent's department is who takes it when the agent does not.
    """
    book = await at.directory.book(order.domain_uuid, order.secretary_uuid)
    found = book.destinations.get(target.uuid) if target.uuid else None
    if found and found.department:
        return found.department
    return "" if target.type is DestinationType.EXTENSION else target.name
