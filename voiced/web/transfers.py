"""`/api/transfers`: ask for one, look, cancel."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi import Request as HttpRequest
from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic.alias_generators import to_camel

from voiced.esl import InvalidValue, values
from voiced.transfer import messages, store
from voiced.transfer.causes import Status
from voiced.transfer.driver import Driver
from voiced.transfer.request import DestinationType, Target
from voiced.transfer.service import CallIsBusy, DatabaseIsAway, PbxIsAway, UnknownCall, Wish
from voiced.transfer.state import Dial, Phase
from voiced.web.access import Access, Granted
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
    driver = await _begin(at, body)
    if wait:
        await asyncio.wait([driver.known], timeout=wait)
    if driver.known.done():
        response.status_code = 200
    return messages.result(driver.request, driver.transfer)


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
    if driver := _running(at, id, access):
        return messages.result(driver.request, driver.transfer)
    return await _stored(at, id, access)


@router.get("/{id}/journal")
async def journal(id: UUID, access: Granted, request: HttpRequest) -> dict[str, Any]:
    """Every fact of a transfer, in order."""
    at = services(request)
    if not _running(at, id, access):
        await _stored(at, id, access)
    return {"id": id, "journal": await store.journal(at.pool, id)}


@router.delete("/{id}", status_code=202)
async def cancel(id: UUID, access: Granted, request: HttpRequest) -> dict[str, Any]:
    """Cancel a transfer: the caller goes back to the assistant. 409 when it is a talk, or has ended."""
    at = services(request)
    driver = _running(at, id, access)
    if driver is None:
        await _stored(at, id, access)
        raise ApiError(409, "has_ended", "the transfer has ended")
    if driver.transfer.phase is Phase.BRIDGED:
        raise ApiError(409, "is_talking", "the two are talking: only they can end it")
    driver.cancel()
    await asyncio.wait([driver.known], timeout=2)
    return messages.result(driver.request, driver.transfer)


async def _begin(at: Services, body: TransferRequest) -> Driver:
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
    dials = [
        Dial(
            settings.ring_timeout_seconds, settings.retry_delay_seconds if retry else 0.0, is_retry=retry > 0
        )
        for retry in range(settings.max_retries + 1)
    ]
    wish = Wish(
        call_uuid=body.call_uuid, domain_uuid=body.domain_uuid, targets=(target,) * len(dials),
        plan=tuple(dials), reason=body.reason, summary=body.summary, secretary_uuid=body.secretary_uuid, locale=domain.locale,
        story_id=body.story_id,
    )  # fmt: skip
    try:
        return await at.transfers.request(wish)
    except InvalidValue:
        raise ApiError(422, "invalid", "this is no extension", "destination") from None
    except UnknownCall:
        raise ApiError(404, "no_such_call", "the PBX has no such call", "call_uuid") from None
    except CallIsBusy:
        raise ApiError(409, "call_is_busy", "this call is being transferred already", "call_uuid") from None
    except PbxIsAway as error:
        raise ApiError(503, "pbx_is_away", str(error)) from None
    except DatabaseIsAway as error:
        raise ApiError(503, "database_is_away", str(error)) from None


def _running(at: Services, id: UUID, access: Access) -> Driver | None:
    driver = at.transfers.get(id)
    visible = driver is not None and access.domain in (None, driver.request.domain_uuid)
    return driver if visible else None


async def _stored(at: Services, id: UUID, access: Access) -> dict[str, Any]:
    row = await store.get(at.pool, id, access.domain)
    if row is None:
        raise ApiError(404, "no_such_transfer", "there is no such transfer")
    return row


def _plain(text: str | None) -> str | None:
    return None if text is None else text.replace("\0", "")
