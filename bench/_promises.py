"""The open callbacks of a benchmark: a backlog of any size, and the few that come due while it is watched.

The backlog is as one finds it: for the next day, spread over the extensions and their departments, with some
that the client has agreed to and a person has to look at, and a fifth that has been due for long, whose
agents have left for the day. Those that come due are the same number beside any backlog.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import asyncpg

from bench._agents import FIRST, Shift
from bench._stage import DOMAIN
from voiced import database

TEAM: Final = 10  # extensions of a department, who go one after the other
OWN: Final = 4  # of a team: those with a promise of their own that comes due while they are away
SETTLE: Final = 0.5  # seconds that an agent has to be free
LATER: Final = 1.0  # seconds for which a team is back when something comes due for it

_EXTENSIONS: Final = """
    insert into v_voice_transfer_destinations (domain_uuid, name, destination_number, department)
    select $1, 'Ramal ' || $2 + n, $2 + n, 'Setor ' || n / $4 from generate_series(0, $3::int - 1) n
"""
_BACKLOG: Final = """
    insert into callbacks (id, pbx, company_id, domain_uuid, story_id, number, extension, department,
                           department_key, status, created_at, expires_at, not_before, look_at)
    select gen_random_uuid(), 'pbx', $1::text, $1::uuid, gen_random_uuid(), '+55119' || 10000000 + n,
           extension, department, lower(department), status, now() - interval '8 hours', expires_at,
           not_before, case when is_due or status = 'needs_review' then expires_at else not_before end
    from generate_series(1, $5::int) n,
        lateral (select n % 5 = 0 as is_due, n % 5 = 1 as is_anybodys) kind,
        lateral (select case when is_due then (100000 + n % $3)::text when is_anybodys then ''
                             else ($2 + n % $3)::text end as extension,
                        'Setor ' || n % ($3 / $4) as department,
                        case n % 7 when 0 then 'ready_to_call' when 1 then 'notified'
                                   when 2 then 'needs_review' else 'pending' end as status,
                        now() + interval '1 day' + n * interval '10 ms' as expires_at,
                        now() + case when is_due then n * interval '-100 ms'
                                     else interval '1 hour' + n % 72000 * interval '1 s' end as not_before
                ) its
"""
_DUE: Final = """
    insert into callbacks (id, pbx, company_id, domain_uuid, story_id, number, extension, department,
                           department_key, status, created_at, scheduled_at, expires_at, not_before, look_at)
    select gen_random_uuid(), 'pbx', $1::text, $1::uuid, gen_random_uuid(), number, extension, department,
           lower(department), 'pending', now() - interval '1 hour', at, at + interval '1 day', at, at
    from unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[])
         as promise (number, extension, department, at)
"""


@dataclass(frozen=True, slots=True)
class Promise:
    """A callback that comes due; `extension` '' is for anybody of the team."""

    number: str  # the client's
    extension: str
    team: int
    due_at: float  # seconds since the epoch


def due(extensions: int, shift: Shift) -> list[Promise]:
    """What comes due in a shift.

    For each team while all of it is away: for four of them, and for anybody. For every other team when it is
    back and free, too: for the last of them, who has been told of nothing yet, and for anybody.
    """
    found = list(_due(extensions // TEAM, shift))
    return [Promise(f"+55219{10_000_000 + n}", *each) for n, each in enumerate(found)]


def _due(teams: int, shift: Shift) -> Iterator[tuple[str, int, float]]:
    for team in range(teams):
        first, gone = FIRST + team * TEAM, shift.begins_at + team * TEAM / shift.rate
        away = gone + shift.away * 0.6
        yield from ((str(first + member), team, away) for member in range(OWN))
        yield "", team, away + 0.001
        if team % 2:
            back = gone + TEAM / shift.rate + shift.away + SETTLE + LATER
            yield str(first + TEAM - 1), team, back
            yield "", team, back


def count(extensions: int) -> int:
    """How many come due."""
    teams = extensions // TEAM
    return teams * (OWN + 1) + teams // 2 * 2


async def furnish(server: str, name: str, extensions: int) -> str:
    """Make a database that says who works where. Returns its URL."""
    await _execute(server, (f"create database {name}",))
    before, _, after = server.partition("/postgres?")
    url = f"{before}/{name}?{after}"
    await database.migrate(url)
    await _execute(url, (_EXTENSIONS, UUID(DOMAIN), FIRST, extensions, TEAM))
    return url


async def fill(url: str, extensions: int, backlog: int) -> None:
    """What waits, and will go on waiting."""
    rows = (_BACKLOG, DOMAIN, FIRST, extensions, TEAM, backlog)
    await _execute(url, rows, ("vacuum analyze callbacks",), ("checkpoint",))


async def promise(url: str, promised: Iterable[Promise]) -> None:
    """Keep what comes due soon, and say so."""
    rows = [
        (one.number, one.extension, f"Setor {one.team}", datetime.fromtimestamp(one.due_at, UTC))
        for one in promised
    ]
    await _execute(
        url, (_DUE, DOMAIN, *map(list, zip(*rows, strict=True))),
        ("select pg_notify('voiced_callbacks', 'pbx')",),
    )  # fmt: skip


async def _execute(url: str, *statements: tuple[object, ...]) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement, *arguments in statements:
            await connection.execute(str(statement), *arguments)
    finally:
        await connection.close()
