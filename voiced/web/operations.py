"""For operators and watchers: health, readiness, metrics, live events, the outbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeAlias

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field

from voiced import database
from voiced.database import query
from voiced.logs import brief
from voiced.refusals import Refusal
from voiced.web import live
from voiced.web.access import Granted
from voiced.web.described import Like, Listed
from voiced.web.errors import ApiError
from voiced.web.fields import Limit, Page
from voiced.web.services import At, Services

router = APIRouter(tags=["operations"])

QUIET_SECONDS: Final = 15.0  # then a comment is sent: proxies cut a connection that says nothing
DATABASE_SECONDS: Final = 2.0  # for the database to answer a probe
_BIGGEST: Final = 2**63 - 1
State: TypeAlias = Literal["pending", "delivered", "held"]


# -- probes -----------------------------------------------------------------------------------------------


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process lives and its loop turns."""
    return {"status": "ok"}


class Readiness(BaseModel):
    """Whether calls can be asked for here. What is not `ok` says what is wrong."""

    ready: bool
    role: Literal["owner", "standby"] = Field(description="Who owns the PBX: this daemon, or another.")
    pbx: str = Field(description="This daemon's own connection; a standby needs one to take over.")
    database: str
    calls: str = Field(
        description="Whether calls may be begun: by this daemon, or by the owner for a standby."
    )


@router.get(
    "/readyz",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "Something is missing."}},
)
async def readyz(at: At) -> JSONResponse:
    """200 when calls can be asked for: PBX and database are there, and somebody owns the PBX.

    A standby is ready too: what it is asked for, the owner carries out. A daemon that is being stopped, or
    cannot be certain that it is still the owner, is not. 503 says what is missing.
    """
    connected = at.pbx.is_connected and at.pbx.questions.is_connected
    owned, checks = False, {"pbx": "ok" if connected else "not connected", "database": "ok"}
    try:
        async with asyncio.timeout(DATABASE_SECONDS):
            owned = await at.pool.fetchrow(query("lease/look"), at.pbx.name) is not None
    except database.ERRORS as error:
        checks["database"] = brief(error)
    role, checks["calls"] = _calls(at, owned)
    ready = all(state == "ok" for state in checks.values())
    return JSONResponse({"ready": ready, "role": role, **checks}, 200 if ready else 503)


def _calls(at: Services, owned: bool) -> tuple[str, str]:
    """This daemon's role, and whether calls may be begun. `owned`: the database knows an owner of the PBX."""
    if not at.ownership.is_owner:
        return "standby", "ok" if owned else "no daemon is known to own the PBX"
    try:
        at.transfers.may_begin()
    except Refusal as refusal:
        return "owner", str(refusal)
    return "owner", "ok"


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(at: At) -> Response:
    """Prometheus' text format."""
    return Response(at.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


# -- live events ------------------------------------------------------------------------------------------


@router.get("/api/events", response_class=Response, responses={200: {"content": {"text/event-stream": {}}}})
async def events(access: Granted, at: At) -> StreamingResponse:
    """Every step of every transfer, callback and call, as server-sent events, from now on.

    Whichever daemon on this PostgreSQL made it.

    An event's name is the step's `type`: `transfer`, `callback`, `callback_attempt`. A reader who is too slow
    is told how many steps it has missed (`event: missed`).
    """
    if len(at.hub) >= live.MOST_WATCHERS:
        raise ApiError(503, "too_many_watchers", f"{live.MOST_WATCHERS} watch already; try again later")

    async def stream() -> AsyncIterator[str]:
        with at.hub.watching(access.domain) as watcher:
            yield ": welcome\n\n"
            while True:
                step = await watcher.next(QUIET_SECONDS)
                yield ": nothing new\n\n" if step is None else step.event

    return StreamingResponse(stream(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


# -- the outbox -------------------------------------------------------------------------------------------


class Message(BaseModel):
    """Something that the ticketing backend is told."""

    id: int
    stream: str = Field(description="Messages of one stream are told in order.")
    idempotency_key: str
    path: str
    payload: dict[str, Any]
    state: State
    tries: int
    created_at: datetime
    next_at: datetime
    delivered_at: datetime | None
    last_status: int | None = Field(description="The backend's latest answer.")
    last_error: str


class Messages(Listed):
    """Messages, newest first."""

    messages: list[Message]


class Released(BaseModel):
    """A message that is tried again."""

    id: int
    state: State


@router.get("/api/outbox")
async def outbox(
    access: Granted, at: At, state: State | None = None, page: Page = 1, limit: Limit = 20
) -> Annotated[dict[str, Any], Like(Messages)]:
    """What the ticketing backend was told, or will be."""
    access.check_all()
    rows, total = await database.page(at.pool, "outbox/list", (state,), limit, (page - 1) * limit)
    messages = [{name: value for name, value in dict(row).items() if name != "total"} for row in rows]
    return {"messages": messages, "total": total, "page": page}


@router.post("/api/outbox/{id}/release")
async def release(id: int, access: Granted, at: At) -> Released:
    """Try a held message again, and what waits behind it."""
    access.check_all()
    known = 0 < id <= _BIGGEST and await at.pool.fetchval(query("outbox/release"), id) is not None
    if not known:
        raise ApiError(404, "not_held", "no held message has this id; GET /api/outbox?state=held lists them")
    return Released(id=id, state="pending")
