"""What the suites share that play transfers: a scene with the daemon watched, and its figures as a table."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import Results
from bench._daemon import Daemon, Process, Stage
from bench._stage import Scene

QUIET = {"ring_timeout_seconds": 120, "longest_hold_seconds": 300, "announce": False}  # of [transfer]

console = Console(width=110)


def play(stage: Stage, scene: Scene) -> dict[str, Any]:
    stage.begin(scene)
    return stage.outcome()


def watched(stage: Stage, program: Process, scene: Scene) -> dict[str, Any]:
    """A scene, with the share of a core that the program under test used while all were in flight."""
    stage.begin(scene)
    time.sleep(scene.ring)
    cpu, wall = program.cpu, time.perf_counter()
    time.sleep(scene.seconds - scene.ring)
    share = (program.cpu - cpu) / (time.perf_counter() - wall)
    return {**stage.outcome(), "core": share}


def memory(stage: Stage, daemon: Daemon, scene: Scene) -> Results:
    """What each of `scene.callers` transfers that wait for an answer adds to the daemon."""
    before = daemon.resident
    stage.begin(scene)
    while daemon.figures().get("voice_transfers_in_progress", 0) < scene.callers:
        time.sleep(0.2)
    time.sleep(1)
    each = (daemon.resident - before) / scene.callers
    stage.tell("")
    stage.outcome()
    return {"waiting": scene.callers, "resident_before": before, "bytes_each": round(each)}


def reactions(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """The daemon's own histogram: how many bridge commands were written within so many milliseconds."""
    start = 'voice_transfer_reaction_seconds_bucket{le="'
    buckets = {
        float(name[len(start) : -2]): value - before.get(name, 0.0)
        for name, value in after.items()
        if name.startswith(start)
    }
    total = buckets[float("inf")] or 1.0
    found = {f"within_{1000 * limit:g}_ms": count / total for limit, count in sorted(buckets.items())}
    return {**found, "p50_ms": _quantile(buckets, 0.5), "p99_ms": _quantile(buckets, 0.99)}


def _quantile(buckets: Mapping[float, float], q: float) -> float:
    """As Prometheus does: the place inside its bucket, in milliseconds."""
    wanted, low, below = q * buckets[float("inf")], 0.0, 0.0
    for limit, count in sorted(buckets.items()):
        if count >= wanted:
            return 1000 * (low + (limit - low) * (wanted - below) / max(1.0, count - below))
        low, below = limit, count
    return float("inf")


def told(title: str, outcomes: Mapping[str, dict[str, Any]]) -> Results:
    """Print what became of the scenes; returns the figures."""
    table = Table(title=title, title_justify="left")
    for column in ("", "asked", "bridged", "legs left", "p50 ms", "p99 ms", "worst", "core", "PBX's core"):
        table.add_column(column, justify="right" if column else "left")
    figures: Results = {}
    for name, one in outcomes.items():
        p50, p99, worst = (at(one["reactions"], q) for q in (0.5, 0.99, 1.0))
        table.add_row(
            name, f"{one['asked']:,}", f"{one['bridged']:,}", f"{one['left']:,}", f"{p50:.2f}", f"{p99:.2f}",
            f"{worst:.1f}", f"{one['core']:.0%}", f"{one['cpu']:.0%}",
        )  # fmt: skip
        figures[name] = {
            "p50_ms": round(p50, 3), "p99_ms": round(p99, 3), "worst_ms": round(worst, 3),
            "core": round(one["core"], 3), "pbx_core": round(one["cpu"], 3),
            **{key: one[key] for key in ("asked", "refused", "bridged", "left")},
        }  # fmt: skip
    console.print(table)
    console.print("from the agent's answer (CHANNEL_PARK) to the bridge command, by the PBX's clock")
    return figures


def tell_own(own: Mapping[str, float]) -> None:
    """Print the daemon's own figures."""
    console.print(
        f"from the answer seen to the bridge command written, by the daemon's own metric: "
        f"p50 {own['p50_ms']:.2f} ms, p99 {own['p99_ms']:.2f} ms; "
        f"{own['within_1_ms']:.1%} within 1 ms, {own['within_5_ms']:.1%} within 5 ms"
    )


def at(seconds: Sequence[float], q: float) -> float:
    """A quantile, in milliseconds."""
    values = sorted(seconds) or [float("nan")]
    return 1000 * values[min(len(values) - 1, int(q * len(values)))]
