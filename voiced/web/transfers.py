"""`/api/transfers`: ask for one, look, cancel."""

from __future__ import annotations

from typing import Annotated, Any, Final, Self
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi import Request as HttpRequest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from voiced.esl import InvalidValue, values
from voiced.transfer import messages, store
from voiced.transfer.causes import Status
from voiced.transfer.reception import Ask
from voiced.transfer.request import Request
from voiced.transfer.state import Transfer
from voiced.web.access import Granted
from voiced.web.services import Services, services

router = APIRouter(prefix="/api/transfers", tags=["transfers"])
Wait = Annotated[float, Query(ge=0, le=300, description="Seconds to wait for the result.")]

MOST_DESTINATIONS: Final = 5


def _channel(value: str) -> str:
    try:
        return values.channel_uuid(value)
    except InvalidValue as error:
        raise ValueError(str(error)) from None


CallUuid = Annotated[
    str, Field(description="The caller's channel on the PBX.", max_length=64), AfterValidator(_channel)
]
Phrase = Annotated[str, Field(max_length=500)]


def _id_or_phrase(text: str) -> UUID | str:
    try:
        return UUID(text)
    except ValueError:
        return text


class TransferRequest(BaseModel):
    """Whom to transfer where. Names may be written in snake_case or camelCase."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    call_uuid: CallUuid
    domain_uuid: UUID
    destination: Phrase = Field("", description="In the caller's words, or an extension; '' for the default.")
    destination_uuid: UUID | None = None
    destinations: list[Phrase] = Field(
        [], max_length=MOST_DESTINATIONS, description="Several, one after another; phrases or ids."
    )
    at_once: bool = Field(False, description="Several ring together, and who answers first has the call.")
    reason: str = Field("", max_length=1000)
    summary: str = Field("", max_length=10_000)
    secretary_uuid: UUID | None = None
    story_id: UUID | None = None

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> Self:
        if sum(map(bool, (self.destination, self.destination_uuid, self.destinations))) > 1:
            raise ValueError("only one of destination, destination_uuid, destinations can be given")
        return self

    def ask(self) -> Ask:
        """What is asked for."""
        several = tuple(map(_id_or_phrase, self.destinations))
        return Ask(
            call_uuid=self.call_uuid, domain_uuid=self.domain_uuid,
            destinations=several or (self.destination_uuid or self.destination,), at_once=self.at_once,
            secretary_uuid=self.secretary_uuid, reason=self.reason, summary=self.summary,
            story_id=self.story_id,
        )  # fmt: skip


@router.post("", status_code=202, responses={200: {"description": "The result, with `wait`."}})
async def begin(
    body: TransferRequest, access: Granted, request: HttpRequest, response: Response, wait: Wait = 0
) -> dict[str, Any]:
    """Transfer a caller. 202 with the transfer's id; with `wait`, 200 with the result once it is known."""
    at = services(request)
    access.check(body.domain_uuid)
    order, t = await at.desk.begin(await at.reception.wish(body.ask()))
    if wait:
        order, t, known = await at.desk.outcome(order.id, wait)
        response.status_code = 200 if known else 202
    return await _shown(at, order, t)


@router.get("")
async def list_them(
    access: Granted,
    request: HttpRequest,
    call_uuid: Annotated[str | None, Query(max_length=64)] = None,
    status: Status | None = None,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> dict[str, Any]:
    """Transfers, newest first."""
    at = services(request)
    rows, total = await store.list_transfers(
        at.pool, access.domain, _plain(call_uuid), status, limit, (page - 1) * limit
    )
    return {"transfers": rows, "total": total, "page": page}


@router.get("/{id}")
async def look(id: UUID, access: Granted, request: HttpRequest) -> dict[str, Any]:
    """One transfer, as it is now."""
    at = services(request)
    return await _shown(at, *await at.desk.look(id, access.domain))


@router.get("/{id}/journal")
async def journal(id: UUID, access: Granted, request: HttpRequest) -> dict[str, Any]:
    """Every fact of a transfer, in order."""
    at = services(request)
    await at.desk.look(id, access.domain)
    return {"id": id, "journal": await store.journal(at.pool, id)}


@router.delete("/{id}", status_code=202)
async def cancel(id: UUID, access: Granted, request: HttpRequest) -> dict[str, Any]:
    """Cancel a transfer: the caller goes back to the assistant. 409 when it is a talk, or has ended."""
    at = services(request)
    return await _shown(at, *await at.desk.cancel(id, access.domain))


async def _shown(at: Services, order: Request, t: Transfer) -> dict[str, Any]:
    """A transfer's result; `open_callback` for a caller to whom a call is promised already."""
    found = await at.callbacks.open_for(order.domain_uuid, order.caller.number)
    return {**messages.result(order, t), "open_callback": found}


def _plain(text: str | None) -> str | None:
    return None if text is None else text.replace("\0", "")
