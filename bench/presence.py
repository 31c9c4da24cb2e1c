"""Status questions: 1,000 extensions, real HTTP over kept-alive connections; the daemon on one core.

Whoever asks, the PBX and the database are on the other core. First as many as are answered, then 3,000 a
second on time: what one costs when nobody has to wait for the others.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench import Limit, Options, Results
from bench._asker import Round
from bench._daemon import CPUS, Daemon, Process, ended, folder_and_database
from voiced.pbx.presence import LAG_SECONDS

SUMMARY = "status questions a second on one core, and their latency at 3,000 a second"

RATE: Final = 3000.0
LIMIT_MS: Final = 5.0
AT_MOST: Final = "as many as are answered"
AT_RATE: Final = f"{RATE:,.0f} a second"
SECONDS: Final = 6.0
TOKEN: Final = "token-of-the-benchmark"

console = Console(width=110)


class Asking(Process):
    """`bench/_asker.py`."""

    def __init__(self, folder: Path) -> None:
        super().__init__([sys.executable, "-m", "bench._asker"], CPUS[0], folder / "asker.log")
        self.port = int(self.line())

    def play(self, plan: Round) -> dict[str, Any]:
        self.tell(json.dumps(asdict(plan)))
        found: dict[str, Any] = json.loads(self.line())
        return found


def run(options: Options) -> Results:
    seconds = max(1.0, SECONDS * options.scale)
    with _both() as (asking, daemon):
        url = daemon.url
        time.sleep(2 * LAG_SECONDS)  # it looks at the PBX's tables twice
        asking.play(Round(url, 1.0, token=TOKEN))  # warm
        rounds: dict[str, list[dict[str, Any]]] = {}
        for _ in range(options.rounds):
            for name, plan in {
                AT_MOST: Round(url, seconds, token=TOKEN),
                "check-availability": Round(url, seconds, token=TOKEN, method="POST"),
                AT_RATE: Round(url, seconds, RATE, token=TOKEN),
            }.items():
                cpu = daemon.cpu
                found = asking.play(plan)
                rounds.setdefault(name, []).append(_figures(found, daemon.cpu - cpu))
        commands = [line for figures in rounds.values() for one in figures for line in one["commands"]]
    return _told(rounds, commands)


@contextmanager
def _both() -> Iterator[tuple[Asking, Daemon]]:
    http = {"listen": "127.0.0.1:0", "token": TOKEN}
    with (
        folder_and_database() as (folder, database),
        ended(Asking(folder)) as asking,
        ended(Daemon(folder, asking.port, database, http=http)) as daemon,
    ):
        yield asking, daemon


def _figures(found: dict[str, Any], cpu: float) -> dict[str, Any]:
    if found["wrong"]:
        raise RuntimeError(f"{found['wrong']} of {found['answered']} answers were wrong")
    times = sorted(found["times"])
    return {
        "per_second": found["answered"] / found["seconds"],
        "cpu_us": 1e6 * cpu / found["answered"],
        **{f"p{p}_ms": 1000 * times[min(len(times) - 1, len(times) * p // 100)] for p in (50, 99)},
        "worst_ms": 1000 * times[-1],
        "commands": found["commands"],
    }


def _told(rounds: dict[str, list[dict[str, Any]]], commands: list[str]) -> Results:
    table = Table(title="status questions about 1,000 extensions, best round", title_justify="left")
    for column in ("", "a second", "CPU µs each", "p50 ms", "p99 ms", "worst ms"):
        table.add_column(column, justify="left" if not column else "right")
    best = {}
    for name, figures in rounds.items():
        one = best[name] = min(figures, key=lambda one: (-round(one["per_second"], -2), one["p99_ms"]))
        table.add_row(
            name, f"{one['per_second']:,.0f}", f"{one['cpu_us']:.0f}", f"{one['p50_ms']:.2f}",
            f"{one['p99_ms']:.2f}", f"{one['worst_ms']:.1f}",
        )  # fmt: skip
    console.print(table)
    console.print(f"wanted: {RATE:,.0f} a second, p99 under {LIMIT_MS:g} ms, on a core that nobody else uses")
    console.print(f"commands to the PBX meanwhile: {len(commands)} {dict(Counter(commands)) or ''}")
    limits = [
        Limit(f"p99 at {AT_RATE}", best[AT_RATE]["p99_ms"], LIMIT_MS),
        Limit("questions", best[AT_MOST]["per_second"], RATE, "a second", at_least=True),
    ]
    return {"rounds": rounds, "best": best, "commands_to_the_pbx": commands, "limits": limits}
