"""`/api/transfers`: ask for one, look, cancel."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi import Request as HttpRequest
from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic.alias_generators import to_camel

from voiced.esl import InvalidValue, values
from voiced.transfer import messages, store
from voiced.transfer.causes import Status
from voiced.transfer.request import DestinationType, Target
from voiced.transfer.service import Wish
from voiced.transfer.state import Dial
from voiced.web.access import Granted
from voiced.web.errors import ApiError
from voiced.web.services import Services, services

router = APIRouter(prefix="/api/transfers", tags=["transfers"])
Wait = Annotated[float, Query(ge=0, le=300, description="Seconds to wait for the result.")]


class TransferRequest(BaseModel):
    """Whom to transfer where. Names may be written in snake_case or camelCase."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    call_uuid: str = Field(description="The caller's channel on the PBX.", max_length=64)
    domain_uuid: UUID
    destination: str = Field(description="An extension of the domain.", min_length=1, max_length=64)
    reason: str = Field("", max_length=1000)
    summary: str = Field("", max_length=10_000)
    secretary_uuid: UUID | None = None
    story_id: UUID | None = None

    @field_validator("call_uuid")
    @classmethod
    def _is_a_channel(cls, value: str) -> str:
        try:
            return values.channel_uuid(value)
        except InvalidValue as error:
            raise ValueError(str(error)) from None


@router.post("", status_code=202)
async def begin(
    body: TransferRequest, access: Granted, request: HttpRequest, response: Response, wait: Wait = 0
) -> dict[str, Any]:
    """Transfer a caller. 202 with the transfer's id; with `wait`, 200 with the result once it is known."""
    at = services(request)
    access.check(body.domain_uuid)
    order, t = await at.desk.begin(_wish(at, body))
    if wait:
        order, t, known = await at.desk.outcome(order.id, wait)
        response.status_code = 200 if known else 202
    return messages.result(order, t)


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
    return messages.result(*await services(request).desk.look(id, access.domain))


@router.get("/{id}/journal")
async def journal(id: UUID, access: Granted, request: HttpRequest) -> dict[str, Any]:
    """Every fact of a transfer, in order."""
    at = services(request)
    await at.desk.look(id, access.domain)
    return {"id": id, "journal": await store.journal(at.pool, id)}


@router.delete("/{id}", status_code=202)
async def cancel(id: UUID, access: Granted, request: HttpRequest) -> dict[str, Any]:
    """Cancel a transfer: the caller goes back to the assistant. 409 when it is a talk, or has ended."""
    return messages.result(*await services(request).desk.cancel(id, access.domain))


def _wish(at: Services, body: TransferRequest) -> Wish:
    settings = at.settings.transfer
    if not settings.enabled:
        raise ApiError(
            403, "transfers_disabled", "transfers are switched off here ([transfer] enabled = false)"
        )
    domain = next((domain for domain in at.settings.domain if domain.uuid == body.domain_uuid), None)
    if domain is None:
        raise ApiError(422, "no_such_domain", "no [[domain]] with this uuid is configured", "domain_uuid")
    number = body.destination.strip().removeprefix("ramal ").strip()
    target = Target("", DestinationType.EXTENSION, number, domain.name)
    first = Dial(settings.ring_timeout_seconds)
    retry = replace(first, delay_seconds=settings.retry_delay_seconds, is_retry=True)
    plan = (first, *(retry,) * settings.max_retries)
    return Wish(
        call_uuid=body.call_uuid, domain_uuid=body.domain_uuid, targets=((target,),) * len(plan), plan=plan,
        reason=body.reason, summary=body.summary, secretary_uuid=body.secretary_uuid, locale=domain.locale,
        story_id=body.story_id,
    )  # fmt: skip


def _plain(text: str | None) -> str | None:
    return None if text is None else text.replace("\0", "")
