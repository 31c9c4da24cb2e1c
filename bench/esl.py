"""The event socket: voiced.esl beside greenswitch and genesis, on recorded events over a loopback socket."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import Options, Results

SUMMARY = "events a second and CPU for each, against greenswitch and genesis; waiters; memory"

ROOT = Path(__file__).parent.parent
PEERS = ROOT / "bench" / "_peers"
GENESIS = ROOT / ".venv-bench" / "bin" / "python"
CPUS = sorted(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True)
class Peer:
    """A client program. `events` are sent to it in each round: a slow one gets fewer."""

    name: str
    command: Sequence[str]
    events: int


OURS = [str(PEERS / "ours.py")]
PEER_LIST = [
    Peer("voiced.esl, asyncio", [sys.executable, *OURS], 120_000),
    Peer("voiced.esl, uvloop", [sys.executable, *OURS, "--loop", "uvloop"], 120_000),
    Peer("greenswitch", [sys.executable, str(PEERS / "green.py")], 12_000),
    Peer("genesis", [str(GENESIS), str(PEERS / "genesis_.py")], 4_000),
]
REFERENCE = "greenswitch"

console = Console(width=110)


def run(options: Options) -> Results:
    peers = [peer for peer in PEER_LIST if Path(peer.command[0]).exists()]
    if len(peers) < len(PEER_LIST):
        console.print("genesis is not there (`make bench` installs it into .venv-bench)")
    return {
        "routed": _compare("events routed", "route", peers, options),
        "headers": _compare("every header read", "headers", peers, options),
        "headers_again": _compare(
            "every header read, the same calls over and over", "headers", peers, options, variants=0
        ),
        "waiters": _waiters(options),
        "memory": _memory(options),
    }


def _compare(title: str, work: str, peers: list[Peer], options: Options, variants: int = 12) -> Results:
    """Each peer once a round, in turn, so that what else the machine does falls on all of them."""
    rounds: dict[str, list[dict[str, Any]]] = {peer.name: [] for peer in peers}
    for _ in range(options.rounds):
        for peer in peers:
            events = max(2000, int(peer.events * options.scale))
            rounds[peer.name].append(_measure([*peer.command], work, events, variants=variants))
    table = Table(title=f"{title}, best of {options.rounds} rounds", title_justify="left")
    for column in ("", "events/s", "CPU µs/event", "median", f"events/s, {REFERENCE} = 1", "CPU, ours = 1"):
        table.add_column(column, justify="left" if not column else "right")
    rate = {name: max(one["events"] / one["seconds"] for one in found) for name, found in rounds.items()}
    each = {name: [1e6 * one["cpu"] / one["events"] for one in found] for name, found in rounds.items()}
    ours = min(each[peers[0].name])
    for name in rounds:
        table.add_row(
            name, f"{rate[name]:,.0f}", f"{min(each[name]):.2f}", f"{statistics.median(each[name]):.2f}",
            f"{rate[name] / rate[REFERENCE]:.1f}", f"{min(each[name]) / ours:.1f}",
        )  # fmt: skip
    console.print(table)
    return {
        name: {
            "events_per_second": round(rate[name]),
            "cpu_us": round(min(each[name]), 3),
            "cpu_us_median": round(statistics.median(each[name]), 3),
            "times_greenswitch": round(rate[name] / rate[REFERENCE], 2),
        }
        for name in rounds
    }


def _waiters(options: Options) -> Results:
    """CPU for an event at 5,000 a second, beside few and beside many who wait for something else."""
    count = max(5000, int(15_000 * options.scale))
    found: dict[int, list[float]] = {10: [], 1000: []}
    for _ in range(options.rounds):
        for waiters, figures in found.items():
            command = [sys.executable, *OURS, "--waiters", str(waiters)]
            one = _measure(command, "route", count, per_second=5000)
            figures.append(1e6 * one["cpu"] / one["events"])
    few, many = min(found[10]), min(found[1000])
    table = Table(title="5,000 events a second beside pending waiters", title_justify="left")
    for column in ("waiters", "CPU µs/event", "median", "ratio"):
        table.add_column(column, justify="right")
    for waiters, figures in found.items():
        best, median = min(figures), statistics.median(figures)
        table.add_row(f"{waiters:,}", f"{best:.2f}", f"{median:.2f}", f"{best / few:.2f}")
    console.print(table)
    return {"cpu_us_beside_10": round(few, 3), "cpu_us_beside_1000": round(many, 3)}


def _memory(options: Options) -> Results:
    """What a million events leave behind, every header of each read."""
    count = max(50_000, int(1_000_000 * options.scale))
    command = [sys.executable, *OURS, "--after", str(count // 10)]
    one = _measure(command, "headers", count)
    table = Table(title="memory", title_justify="left")
    for column in ("events", "resident MB", "grown since the first tenth, MB"):
        table.add_column(column, justify="right")
    table.add_row(f"{one['events']:,}", f"{one['resident'] / 1e6:.1f}", f"{one['grown'] / 1e6:+.2f}")
    console.print(table)
    return {"events": one["events"], "resident_bytes": one["resident"], "grown_bytes": one["grown"]}


def _measure(
    command: list[str], work: str, events: int, *, per_second: float = 0, variants: int = 12
) -> dict[str, Any]:
    """One peer on one core, its sender on another: what the peer found."""
    with _sender(events, per_second, variants) as port:
        program, script, *more = command
        done = subprocess.run(
            [program, script, str(port), work, *more],
            capture_output=True, text=True, cwd=ROOT, timeout=900,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            preexec_fn=lambda: os.sched_setaffinity(0, {CPUS[-1]}),
        )  # fmt: skip
    if done.returncode != 0 or not done.stdout.strip():
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    figures: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    if figures["events"] != events:  # genesis makes two of some
        console.print(f"{Path(script).stem} gave out {figures['events']} events for {events}", style="yellow")
    return {**figures, "events": events}


@contextmanager
def _sender(events: int, per_second: float, variants: int) -> Iterator[int]:
    process = subprocess.Popen(
        [
            sys.executable, "-m", "bench._sender", "--events", str(events), "--per-second", str(per_second),
            "--variants", str(variants), "--cpu", str(CPUS[0]),
        ],
        stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()
