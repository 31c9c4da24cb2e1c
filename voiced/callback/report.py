"""Figures and lists of callbacks for people: statistics, and CSV that a spreadsheet opens."""

from __future__ import annotations

import csv as csv_module
import io
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from voiced.database import query

COLUMNS: Final = (
    "id", "ticket_id", "status", "number", "contact_name", "extension", "intended_for", "department",
    "reason", "created_at", "scheduled_at", "last_attempt_at", "completed_at", "attempts",
    "notification_count", "voice_call_duration", "story_id",
)  # fmt: skip
_BATCH: Final = 500
_FORMULA: Final = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")


async def csv(pool: asyncpg.Pool, filters: tuple[Any, ...]) -> AsyncIterator[bytes]:
    """Callbacks as CSV, newest first: UTF-8 with a byte order mark, and no cell that is a formula."""
    yield "\ufeff".encode() + _line(COLUMNS)
    last = (None, None)
    while True:  # page by page: whoever reads slowly holds no connection
        rows = await pool.fetch(query("callback/export"), *filters, *last, _BATCH)
        yield b"".join(_line([_cell(row[name]) for name in COLUMNS]) for row in rows)
        if len(rows) < _BATCH:
            return
        last = rows[-1]["created_at"], rows[-1]["id"]


async def stats(
    pool: asyncpg.Pool, domain: UUID | None, begin: datetime | None, end: datetime | None
) -> dict[str, Any]:
    """Of callbacks made in a period: how many, how long clients waited, how many promises were kept."""
    rows = await pool.fetch(query("callback/stats"), domain, begin, end)
    groups: dict[str, list[dict[str, Any]]] = {"department": [], "agent": []}
    total: dict[str, Any] = {"total": 0}
    for row in rows:
        figures = {name: row[name] for name in row.keys() if name not in ("kind", "name")}  # noqa: SIM118
        if row["kind"] == "all":
            total = figures
        else:
            groups[row["kind"]].append({"name": row["name"], **figures})
    return {**total, "by_department": groups["department"], "by_agent": groups["agent"]}


def _cell(value: Any) -> str:
    """A value as a spreadsheet shows it. Text that would be a formula there gets an apostrophe before it."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _line(cells: Any) -> bytes:
    out = io.StringIO()
    csv_module.writer(out, quoting=csv_module.QUOTE_ALL, lineterminator="\r\n").writerow(cells)
    return out.getvalue().encode("utf-8", "replace")
