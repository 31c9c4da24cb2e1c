"""What it costs to bring a free agent and a waiting client together, however many callbacks there are.

A thousand extensions become free one after the other; the scheduler offers each the promise that has been
due longest. The rest is real: keeper, policies, PostgreSQL. Only the extensions' moments are made up, and
nobody is called: the agents are told.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
from rich.console import Console
from rich.table import Table

from bench import Options, Results
from voiced import database
from voiced.callback.keeper import Keeper
from voiced.callback.policies import Policies
from voiced.callback.policy import Policy
from voiced.notices import Notices

SUMMARY: Final = "cost of an agent's free moment beside 1,000, 10,000 and 100,000 open callbacks"
DOMAIN: Final = UUID(int=1)
SIZES: Final = (1_000, 10_000, 100_000)
AGENTS: Final = 400  # fewer than wait for anybody of the department in the smallest size
WARM_UP: Final = 50
_SEED: Final = """
    insert into callbacks (id, pbx, company_id, domain_uuid, story_id, number, extension, department,
                           department_key, status, created_at, expires_at, not_before, look_at)
    select gen_random_uuid(), 'pbx', 'c', $1, gen_random_uuid(), '+55119' || (10000000 + n),
           case when n % 2 = 0 then '' else $3 || (n % $4) end, 'Suporte', 'suporte',
           case when n % 10 = 0 then 'ready_to_call' else 'pending' end,
           now() - interval '1 hour', now() + interval '1 day',
           -- one in ten is agreed, and put off until a window opens
           now() + case when n % 10 = 0 then interval '1 hour' else n * interval '-1 millisecond' end,
           now() + interval '1 day'
    from generate_series(1, $2::int) n
"""


def run(options: Options) -> Results:
    """Measure each size in one run, on one PostgreSQL."""
    return asyncio.run(_run(options))


async def _run(options: Options) -> Results:
    agents = max(50, int(AGENTS * options.scale))
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        async with database.embedded(Path(folder) / "postgres") as url:
            for size in SIZES:
                figures[size] = await _measure(url, size, agents)
    table = Table(title=f"{agents:,} agents become free once, beside open callbacks")
    for name in ("open callbacks", "p50 ms", "p99 ms", "CPU µs an edge", "beside the smallest"):
        table.add_column(name, justify="right")
    smallest = figures[SIZES[0]]["p50_ms"]
    for size, found in figures.items():
        ratio = f"{found['p50_ms'] / smallest:.2f}×"
        table.add_row(
            f"{size:,}", f"{found['p50_ms']:.2f}", f"{found['p99_ms']:.2f}", f"{found['cpu_us']:.0f}", ratio
        )
    Console().print(table)
    return {"sizes": figures, "agents": agents}


async def _measure(url: str, size: int, agents: int) -> dict[str, Any]:
    name = f"bench_{size}"
    connection = await asyncpg.connect(url)
    await connection.execute(f"create database {name}")
    await connection.close()
    before, _, after = url.partition("/postgres?")
    own = f"{before}/{name}?{after}"
    await database.migrate(own)
    async with await database.open_pool(own, size=4) as pool:
        await pool.execute(_SEED, DOMAIN, size, "1", agents)
        await pool.execute("vacuum analyze callbacks")
        policies = Policies(pool, Notices(pool), Policy())
        keeper = Keeper(pool, "pbx", policies, lambda: datetime.now(UTC), lambda kept: None, "bench")
        await _offer(keeper, [f"{uuid4()}"] * WARM_UP)  # statements prepared, policies read
        numbers = [f"1{number}" for number in range(agents)]
        began = time.process_time()
        took = await _offer(keeper, numbers)
        cpu = time.process_time() - began
        told = await pool.fetchval("select count(*) from callbacks where notification_count = 1")
        assert told == agents + WARM_UP, f"{told} agents were told"
    quantiles = statistics.quantiles(took, n=100)
    return {
        "p50_ms": statistics.median(took) * 1e3,
        "p99_ms": quantiles[98] * 1e3,
        "cpu_us": cpu / agents * 1e6,
    }


async def _offer(keeper: Keeper, numbers: Iterable[str]) -> list[float]:
    took = []
    for number in numbers:
        began = time.perf_counter()
        await keeper.offer(DOMAIN, number, ["Vendas", "Suporte"], lambda *_: None)
        took.append(time.perf_counter() - began)
    return took
