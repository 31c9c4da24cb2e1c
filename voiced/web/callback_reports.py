"""`/api/callbacks/export` and `/stats`: lists and figures for people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from voiced.callback import report
from voiced.web.access import Granted
from voiced.web.callback_answers import StatisticsAnswer
from voiced.web.fields import AgentFilter, Begin, CallbackStatus, End, Text
from voiced.web.services import At

router = APIRouter(prefix="/api/callbacks", tags=["callbacks"])
Locale = Annotated[Literal["pt-BR", "en"], Query(description="Of the spreadsheet: where it parts cells.")]


@router.get(
    "/export",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "CSV, UTF-8."}},
)
async def export(
    access: Granted,
    at: At,
    status: CallbackStatus | None = None,
    extension: AgentFilter | None = None,
    department: Text | None = None,
    begin: Begin = None,
    end: End = None,
    locale: Locale | None = None,
) -> StreamingResponse:
    """Callbacks as CSV, for a spreadsheet: every one of a period. Without `locale` it is the domain's."""
    domain = access.first_domain(at.settings)
    filters = (access.domain, status, extension, department, begin, end)
    lines = report.csv(at.pool, filters, locale or (domain.locale if domain else "pt-BR"))
    first = [await anext(lines), await anext(lines)]  # until here it can still be refused

    async def file() -> AsyncIterator[bytes]:
        for part in first:
            yield part
        async for part in lines:
            yield part

    return StreamingResponse(
        file(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="callbacks.csv"'},
    )


@router.get("/stats")
async def stats(access: Granted, at: At, begin: Begin = None, end: End = None) -> StatisticsAnswer:
    """How many wait, how long clients waited, how many promises were kept; all together, and by whom."""
    return await report.stats(at.pool, access.domain, begin, end)
