"""Figures and lists of callbacks for people: statistics, and CSV that a spreadsheet opens.

A spreadsheet that opens a CSV file by a click splits it at its own language's separator, and nothing in the
file tells it another one (`sep=` costs Excel the accents). One of another language splits it elsewhere, where
quotes mean nothing: no piece of a text may be a formula either.
"""

from __future__ import annotations

import csv as csv_module
import io
import re
from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from voiced.callback import store
from voiced.callback.callback import Status
from voiced.database import query

COLUMNS: Final = (
    "id", "ticket_id", "status", "number", "contact_name", "extension", "intended_for", "department",
    "reason", "created_at", "scheduled_at", "last_attempt_at", "completed_at", "attempts",
    "notification_count", "voice_call_duration", "story_id",
)  # fmt: skip
_BATCH: Final = 500
_RATES: Final = ("average_wait_seconds", "completion_rate", "promises_kept")  # null where nothing is closed
_SEPARATORS: Final = {"pt-BR": (";", ","), "en": (",", ".")}  # between cells, before decimals
_BLANK: Final = r"\s\"\x00-\x1f\x7f-\x9f\u200b-\u200f\u2060\ufeff"  # what may stand before a formula
_FORMULA: Final = re.compile(rf"^(?=[\t\r\n])|(^|[,;|\t\r\n])(?=[{_BLANK}]*[=+\-@＝＋－＠])")
_MONTH: Final = (
    "jan(eiro|uary)?|fev(ereiro)?|feb(ruary)?|mar(ço|ch)?|abr(il)?|apr(il)?|maio?|may|jun(ho|e)?|jul(ho|y)?|"
    "ago(sto)?|aug(ust)?|set(embro)?|sept?(ember)?|out(ubro)?|oct(ober)?|nov(embro|ember)?|dez(embro)?|"
    "dec(ember)?"
)
_NUMBER: Final = re.compile(  # or an amount, a date (SET-12 is one), a time
    rf"(?=.*\d)([\d\s.,:/%()$€£+-]|(?<=\d)e(?=[\d+-])|R\$|(?<![^\W\d])(({_MONTH})(?![^\W\d])|de\s))+",
    re.IGNORECASE,
)
_SECONDS: Final = 15.0  # for a statement: whoever asks for years of callbacks expects to wait
_PLAIN_NUMBER: Final = re.compile(r"0|[1-9]\d{0,14}")  # a spreadsheet keeps 15 digits


async def csv(pool: asyncpg.Pool, filters: tuple[Any, ...], locale: str = "pt-BR") -> AsyncIterator[bytes]:
    """Callbacks as CSV, newest first: UTF-8 with a byte order mark, and no cell that is a formula.

    `locale` is the spreadsheet's, pt-BR or en.
    """
    yield "\ufeff".encode() + line(COLUMNS, locale)
    filters, last = store.folded(filters), (None, None)
    while True:  # page by page: whoever reads slowly holds no connection
        rows = await pool.fetch(query("callback/export"), *filters, *last, _BATCH, timeout=_SECONDS)
        yield b"".join(line([row[name] for name in COLUMNS], locale) for row in rows)
        if len(rows) < _BATCH:
            return
        last = rows[-1]["created_at"], rows[-1]["id"]


def line(values: Iterable[Any], locale: str = "pt-BR") -> bytes:
    """A line of the file: every cell in quotes, `12.5` as the locale writes it."""
    separator, decimal = _SEPARATORS[locale]
    out = io.StringIO()
    writer = csv_module.writer(out, delimiter=separator, quoting=csv_module.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow([_cell(value, decimal) for value in values])
    return out.getvalue().encode("utf-8", "replace")


async def stats(
    pool: asyncpg.Pool, domain: UUID | None, begin: datetime | None, end: datetime | None
) -> dict[str, Any]:
    """Of callbacks made in a period: how many, how long clients waited, how many promises were kept."""
    rows = await pool.fetch(query("callback/stats"), domain, begin, end, timeout=_SECONDS)
    groups: dict[str, list[dict[str, Any]]] = {"destination": [], "department": [], "agent": []}
    total: dict[str, Any] = dict.fromkeys(("total", *Status), 0) | dict.fromkeys(_RATES)
    del total[Status.NOTIFIED], total[Status.READY_TO_CALL]  # they are pending, too
    for row in rows:
        figures = {name: row[name] for name in row.keys() if name not in ("kind", "name")}  # noqa: SIM118
        if row["kind"] == "all":
            total = figures
        else:
            groups[row["kind"]].append({"name": row["name"], **figures})
    return total | {f"by_{kind}": found for kind, found in groups.items()}


def _cell(value: Any, decimal: str) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return value.isoformat(sep=" ", timespec="seconds")
        case float():
            return f"{value:.1f}".replace(".", decimal)
        case str():
            return _text(value)
    return str(value)


def _text(value: str) -> str:
    """With an apostrophe before what a spreadsheet would calculate, or show as another number or a date."""
    shown = _FORMULA.sub(r"\1'", value)
    is_another = _NUMBER.fullmatch(value) and not _PLAIN_NUMBER.fullmatch(value)
    return f"'{shown}" if is_another and not shown.startswith("'") else shown
