"""What an agent's free moment costs beside 1,000, 10,000 and 100,000 open callbacks: all of the way.

A thousand extensions go and come back once each, half of them for a call, half by their registration, as the
simulated PBX tells it; a `voiced run` on a core of its own hears it, waits until each has been free for a
moment, offers, and writes the notice down, in a PostgreSQL that is on the other core with the PBX. Meanwhile
it looks at what comes due by the clock, for agents who are away and for some who are free. What comes due is
the same beside each backlog, and the extensions of a minute pass in ten seconds.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench import Limit, Options, Results, _promises
from bench._agents import Shift
from bench._daemon import CPUS, Daemon, Process, database_cpu, ended, folder_and_database
from bench._in_flight import at
from bench._promises import SETTLE, TEAM, Promise

SUMMARY: Final = "cost of an agent's free moment beside 1,000, 10,000 and 100,000 open callbacks"
SIZES: Final = (1_000, 10_000, 100_000)
EXTENSIONS: Final = 1000
RATE: Final = 100.0  # extensions that go, and come back, a second
AWAY: Final = 2.0  # seconds
GROWTH: Final = 1.5  # times; a busy machine's noise is 1.25, a missing index was found at 2.1 and 7.7
COSTS: Final = ("daemon_us", "database_us", "all_us")
LATENCIES: Final = ("edge_p50_ms", "edge_p99_ms", "clock_p50_ms", "clock_p99_ms")

console = Console(width=110)


class Agents(Process):
    """`bench/_agents.py`."""

    def __init__(self, folder: Path, extensions: int) -> None:
        command = [sys.executable, "-m", "bench._agents", str(extensions)]
        super().__init__(command, CPUS[0], folder / "agents.log")
        self.port = int(self.line())

    def known(self) -> None:
        """Until the daemon has asked who is there."""
        self.tell("")
        self.line()

    def play(self, shift: Shift) -> dict[str, Any]:
        self.tell(json.dumps(asdict(shift)))
        seen: dict[str, Any] = json.loads(self.line())
        return seen


def run(options: Options) -> Results:
    """Each size once, on one PostgreSQL, each in a database and with a daemon of its own."""
    extensions = TEAM * max(2, int(EXTENSIONS * min(1.0, options.scale)) // TEAM)
    with folder_and_database() as (folder, url), ended(Agents(folder, extensions)) as agents:
        sizes = {size: _measure(folder, url, agents, extensions, size) for size in SIZES}
    return _told(extensions, sizes)


def _measure(folder: Path, url: str, agents: Agents, extensions: int, size: int) -> dict[str, float]:
    own = asyncio.run(_promises.furnish(url, f"bench_{size}", extensions))
    come_due = _promises.count(extensions)
    with ended(Daemon(folder, agents.port, own, callback={"settle_seconds": SETTLE})) as daemon:
        asyncio.run(_promises.fill(own, extensions, size - come_due))
        agents.known()
        shift = Shift(daemon.url, time.time() + 1.0, RATE, AWAY, come_due)
        due = _promises.due(extensions, shift)
        asyncio.run(_promises.promise(own, due))
        ours, database = daemon.cpu, database_cpu(folder)
        seen = agents.play(shift)
        ours, database = daemon.cpu - ours, database_cpu(folder) - database
    edge, clock = _latencies(due, seen)
    return {
        "daemon_us": 1e6 * ours / extensions,
        "database_us": 1e6 * database / extensions,
        "all_us": 1e6 * (ours + database) / extensions,
        "told_at_an_edge": len(edge), "edge_p50_ms": at(edge, 0.5), "edge_p99_ms": at(edge, 0.99),
        "told_by_the_clock": len(clock), "clock_p50_ms": at(clock, 0.5), "clock_p99_ms": at(clock, 0.99),
    }  # fmt: skip


def _latencies(due: Iterable[Promise], seen: dict[str, Any]) -> tuple[list[float], list[float]]:
    """Seconds to each notice: since its agent was free; and, for one who was free already, since it was due.

    Raises RuntimeError where nobody was told of one, KeyError where somebody was told twice, or too early.
    """
    edge, clock = list[float](), list[float]()
    moments = {one.number: one.due_at for one in due}
    for number, extension, told_at in seen["notices"]:
        due_at, free_at = moments.pop(number), seen["back"].get(extension, 0.0) + SETTLE
        (edge if free_at > due_at else clock).append(told_at - max(free_at, due_at))
    if moments:
        raise RuntimeError(f"nobody was told of {len(moments)} promises in time")
    return edge, clock


def _told(extensions: int, sizes: dict[int, dict[str, float]]) -> Results:
    table = Table(title=f"{extensions:,} extensions come and go beside open callbacks", title_justify="left")
    for name in ("open", "daemon µs", "PostgreSQL µs", "both", "edge p50 ms", "p99", "clock p50 ms", "p99"):
        table.add_column(name, justify="right")
    smallest = sizes[SIZES[0]]
    for size, one in sizes.items():
        table.add_row(
            f"{size:,}",
            *(f"{one[name]:,.0f} {one[name] / smallest[name]:.2f}×" for name in COSTS),
            *(f"{one[name]:.1f}" for name in LATENCIES),
        )
    console.print(table)
    console.print(
        f"CPU of each edge, {RATE * 60:,.0f} edges a minute, its notice and the clock's looks included; "
        f"beside it {SIZES[0]:,} open = 1\n"
        f"{_promises.count(extensions):,} come due beside each size: {smallest['told_at_an_edge']:,} are "
        f"told at an edge (from {SETTLE} s of being free to the notice committed),\n"
        f"{smallest['told_by_the_clock']:,} to somebody who was free already (from when they were due)"
    )
    limits = [
        Limit(
            f"{whose}'s CPU for an edge, {size:,} open beside {SIZES[0]:,}",
            one[name] / smallest[name],
            GROWTH,
            "×",
        )
        for size, one in sizes.items()
        for whose, name in (("the daemon", "daemon_us"), ("PostgreSQL", "database_us"))
    ]
    return {"extensions": extensions, "rate": RATE, "sizes": sizes, "limits": limits}
