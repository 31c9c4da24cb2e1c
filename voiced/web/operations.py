"""For operators and watchers: health, readiness, metrics, live events, the outbox."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final, Literal

import asyncpg
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel

from voiced import database
from voiced.database import query
from voiced.web.access import Granted
from voiced.web.errors import ApiError
from voiced.web.services import services

router = APIRouter(tags=["operations"])

QUIET_SECONDS: Final = 15.0  # then a comment is sent: proxies cut a connection that says nothing


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process lives and its loop turns."""
    return {"status": "ok"}


class Readiness(BaseModel):
    """What is there: `ok`, or what is wrong."""

    ready: bool
    pbx: str
    database: str


@router.get(
    "/readyz",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "Something is missing."}},
)
async def readyz(request: Request) -> JSONResponse:
    """200 when calls can be transferred: PBX and database are there. Else 503, with what is missing."""
    at = services(request)
    connected = at.pbx.is_connected and at.pbx.questions.is_connected
    checks = {"pbx": "ok" if connected else "not connected", "database": "ok"}
    try:
        async with asyncio.timeout(2):
            await at.pool.fetchval("select 1")
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        checks["database"] = str(error) or type(error).__name__
    ready = all(state == "ok" for state in checks.values())
    return JSONResponse({"ready": ready, **checks}, 200 if ready else 503)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request) -> Response:
    """Prometheus' text format."""
    at = services(request)
    return Response(at.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/api/events", response_class=Response, responses={200: {"content": {"text/event-stream": {}}}})
async def events(request: Request, access: Granted) -> StreamingResponse:
    """Every step of every transfer, as server-sent events, from now on.

    A reader who is too slow is told how many steps it has missed (`event: missed`).
    """
    hub = services(request).hub

    async def stream() -> AsyncIterator[str]:
        with hub.watching(access.domain) as watcher:
            yield ": welcome\n\n"
            while True:
                step = await watcher.next(QUIET_SECONDS)
                if step is None:
                    yield ": nothing new\n\n"
                    continue
                yield f"event: {step['type']}\ndata: {json.dumps(step, default=str, ensure_ascii=False)}\n\n"

    return StreamingResponse(stream(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


@router.get("/api/outbox")
async def outbox(
    request: Request,
    access: Granted,
    state: Literal["pending", "delivered", "held"] | None = None,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> dict[str, Any]:
    """What the ticketing backend was told, or will be."""
    _for_all_domains(access.domain)
    pool = services(request).pool
    rows, total = await database.page(pool, "outbox/list", (state,), limit, (page - 1) * limit)
    messages = [{name: value for name, value in dict(row).items() if name != "total"} for row in rows]
    return {"messages": messages, "total": total, "page": page}


@router.post("/api/outbox/{id}/release")
async def release(id: int, request: Request, access: Granted) -> dict[str, Any]:
    """Try a held message again, and what waits behind it."""
    _for_all_domains(access.domain)
    if not 0 < id < 2**63:
        raise ApiError(404, "not_held", "no held message has this id")
    if await services(request).pool.fetchval(query("outbox/release"), id) is None:
        raise ApiError(404, "not_held", "no held message has this id")
    return {"id": id, "state": "pending"}


def _for_all_domains(domain: object) -> None:
    if domain is not None:
        raise ApiError(403, "forbidden", "this needs a token for all domains")
