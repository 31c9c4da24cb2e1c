"""Transfers: 500 in flight, 50 begun a second, among 2,000 other events a second; the daemon on one core.

The PBX, its callers, its agents and whoever asks over HTTP are in another process on another core, with the
database. The same transfers by a program on greenswitch follow, which keeps nothing and recovers nothing.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from bench import Options, Results
from bench._daemon import CPUS, ROOT, Daemon, Process, Stage, ended, folder_and_database
from bench._in_flight import QUIET, console, memory, play, reactions, tell_own, told, watched
from bench._stage import Scene

SUMMARY = "answer to bridge command with 500 transfers in flight, beside greenswitch; memory for each"

RATE = 50.0  # begun a second
IN_FLIGHT = 500
NOISE = 2000.0  # events of other calls a second, of the names that the daemon subscribes to
SECONDS = 20.0  # that are measured, when 500 are in flight
WAITING = 1000  # transfers that wait, for the memory of each


def run(options: Options) -> Results:
    ring = IN_FLIGHT / RATE
    scene = Scene(rate=RATE, seconds=ring + max(5.0, SECONDS * options.scale), ring=ring, noise=NOISE)
    with folder_and_database() as (folder, url):
        with ended(Stage(folder)) as stage, ended(Daemon(folder, stage.port, url, transfer=QUIET)) as daemon:
            play(stage, Scene(rate=25, seconds=2, ring=0.2, talk=0.2, url=daemon.url))  # warm
            waiting = Scene(rate=100, seconds=120, ring=600, callers=WAITING, url=daemon.url)
            each = memory(stage, daemon, waiting)
            before = daemon.figures()
            ours = watched(stage, daemon, replace(scene, url=daemon.url))
            own = reactions(before, daemon.figures())
        with ended(Stage(folder)) as stage:
            command = [sys.executable, str(ROOT / "bench" / "_peers" / "transferring.py"), str(stage.port)]
            with ended(Process(command, CPUS[-1], folder / "green.log")) as green:
                green.line()
                theirs = watched(stage, green, replace(scene, begin="event"))
    title = f"{IN_FLIGHT} transfers in flight, {RATE:g} begun and {NOISE:,.0f} other events a second"
    figures = told(title, {"voiced": ours, "greenswitch": theirs})
    tell_own(own)
    console.print(f"memory for each of {WAITING:,} waiting transfers: {each['bytes_each'] / 1024:.1f} KB")
    return {**figures, "own": own, "memory": each}
