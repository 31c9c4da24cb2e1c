"""`/api/transfers`: ask for one, look, cancel."""

from __future__ import annotations

from typing import Any, Final, Self
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field, model_validator

from voiced.database import ERRORS, is_away
from voiced.transfer import messages, store
from voiced.transfer.reception import Ask
from voiced.transfer.request import Request
from voiced.transfer.state import Transfer
from voiced.web import recognition
from voiced.web.access import Granted
from voiced.web.fields import (
    CallUuid,
    CallUuidFilter,
    Limit,
    LongText,
    Page,
    Phrase,
    Text,
    TransferStatus,
    Wait,
)
from voiced.web.services import At, Services
from voiced.web.spelling import Body
from voiced.web.transfer_answers import TransferAnswer, TransferJournalAnswer, TransferResult, TransfersAnswer

router = APIRouter(prefix="/api/transfers", tags=["transfers"])

MOST_DESTINATIONS: Final = 5


def _id_or_phrase(text: str) -> UUID | str:
    try:
        return UUID(text)
    except ValueError:
        return text


class TransferRequest(Body):
    """Whom to transfer where."""

    call_uuid: CallUuid
    domain_uuid: UUID
    destination: Phrase = Field("", description="In the caller's words, or an extension; '' for the default.")
    destination_uuid: UUID | None = None
    destinations: list[Phrase] = Field(
        [], max_length=MOST_DESTINATIONS, description="Several, one after another; phrases or ids."
    )
    at_once: bool = Field(
        False,
        description="Several ring together, once; who answers first has the call, else the assistant.",
    )
    reason: Text = ""
    summary: LongText = ""
    secretary_uuid: UUID | None = None
    story_id: UUID | None = None

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> Self:
        if sum(map(bool, (self.destination, self.destination_uuid, self.destinations))) > 1:
            raise ValueError("only one of destination, destination_uuid, destinations can be given")
        return self

    def ask(self, *, is_limited: bool) -> Ask:
        """What is asked for."""
        several = tuple(map(_id_or_phrase, self.destinations))
        return Ask(
            call_uuid=self.call_uuid, domain_uuid=self.domain_uuid,
            destinations=several or (self.destination_uuid or self.destination,), at_once=self.at_once,
            secretary_uuid=self.secretary_uuid, reason=self.reason, summary=self.summary,
            story_id=self.story_id, is_limited=is_limited,
        )  # fmt: skip


@router.post(
    "",
    status_code=202,
    responses={200: {"model": TransferResult, "description": "The result, with `wait`."}},
)
async def begin(
    body: TransferRequest, access: Granted, at: At, response: Response, wait: Wait = 0
) -> TransferAnswer:
    """Transfer a caller. 202 with the transfer's id; with `wait`, 200 with the result once it is known."""
    access.check(body.domain_uuid)
    order, t = await at.desk.begin(await at.reception.wish(body.ask(is_limited=access.is_limited)))
    if wait:
        order, t, known = await outcome(at, order, t, wait)
        response.status_code = 200 if known else 202
    return await _shown(at, order, t)


@router.get("")
async def list_them(
    access: Granted,
    at: At,
    call_uuid: CallUuidFilter | None = None,
    status: TransferStatus | None = None,
    page: Page = 1,
    limit: Limit = 20,
) -> TransfersAnswer:
    """Transfers, newest first."""
    rows, total = await store.list_transfers(
        at.pool, access.domain, call_uuid, status, limit, (page - 1) * limit
    )
    return {"transfers": await recognition.of_rows(at, rows), "total": total, "page": page}


@router.get("/{id}")
async def look(id: UUID, access: Granted, at: At) -> TransferAnswer:
    """One transfer, as it is now."""
    return await _shown(at, *await at.desk.look(id, access.domain))


@router.get("/{id}/journal")
async def journal(id: UUID, access: Granted, at: At) -> TransferJournalAnswer:
    """Every fact of a transfer, in order."""
    await at.desk.look(id, access.domain)
    return {"id": id, "journal": await store.journal(at.pool, id)}


@router.delete("/{id}", status_code=202)
async def cancel(id: UUID, access: Granted, at: At) -> TransferAnswer:
    """Cancel a transfer: the caller goes back to the assistant. 409 when it is a talk, or has ended."""
    return await _shown(at, *await at.desk.cancel(id, access.domain))


async def outcome(
    at: Services, order: Request, t: Transfer, seconds: float
) -> tuple[Request, Transfer, bool]:
    """Wait for the result of a transfer that has begun, and say whether it is known.

    Where another daemon drives it and the database does not tell any more, it is what was known before.
    """
    try:
        return await at.desk.outcome(order.id, seconds)
    except ERRORS as error:
        if not is_away(error):
            raise
        return order, t, False


async def _shown(at: Services, order: Request, t: Transfer) -> dict[str, Any]:
    """A transfer's result; `open_callback` for a caller to whom a call is promised already."""
    found = await at.callbacks.open_for(order.domain_uuid, order.caller.number)
    return {**messages.result(order, t), "open_callback": found}
