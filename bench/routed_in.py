"""Calls routed in: 1,000 at once that wait in the daemon's outbound sockets for an agent, on one core.

First all of them at one moment, to see how long the last one waits for its music; then as many that come
and go all the time.
"""

from __future__ import annotations

import socket

from bench import Options, Results
from bench._daemon import Daemon, Stage, ended, folder_and_database
from bench._in_flight import QUIET, at, console, memory, play, reactions, tell_own, told, watched
from bench._stage import Scene

SUMMARY = "1,000 calls at once by the outbound socket: a burst, and a steady stream; memory for each"

CALLS = 1000
RING = 20.0  # seconds
SECONDS = 15.0  # that are measured, when all are in flight


def run(options: Options) -> Results:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with (
        folder_and_database() as (folder, url),
        ended(Stage(folder, address)) as stage,
        ended(Daemon(folder, stage.port, url, outbound={"listen": address}, transfer=QUIET)) as daemon,
    ):
        play(stage, Scene(rate=25, seconds=2, ring=0.2, talk=0.2, begin="socket"))  # warm
        each = memory(stage, daemon, Scene(100, seconds=120, ring=600, callers=CALLS, begin="socket"))
        burst = play(stage, Scene(rate=1e6, seconds=RING, ring=RING, callers=CALLS, begin="socket"))
        before = daemon.figures()
        seconds = RING + max(5.0, SECONDS * options.scale)
        steady = watched(stage, daemon, Scene(CALLS / RING, seconds, RING, begin="socket"))
        own = reactions(before, daemon.figures())
    figures = told(f"{CALLS:,} calls routed in, waiting for their agents", {"voiced": steady})
    tell_own(own)
    first, half, last = (at(burst["holds"], q) for q in (0.0, 0.5, 1.0))
    console.print(
        f"{burst['asked']:,} calls at one moment, {len(burst['holds']):,} hear music: "
        f"the first after {first:.0f} ms, half after {half:.0f} ms, the last after {last:.0f} ms\n"
        f"memory for each of {CALLS:,} waiting calls: {each['bytes_each'] / 1024:.1f} KB"
    )
    return {
        **figures, "own": own, "memory": each,
        "burst": {"calls": burst["asked"], "held": len(burst["holds"]), "half_ms": half, "last_ms": last},
    }  # fmt: skip
