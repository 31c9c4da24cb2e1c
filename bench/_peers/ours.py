"""voiced.esl: `on` finds the listener. Also with many waiters beside the events, and for its memory."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
import uuid
from pathlib import Path

import uvloop

import voiced.esl
from voiced.esl import Client, Event

NAMES = [
    "CHANNEL_CREATE", "CHANNEL_PROGRESS", "CHANNEL_PROGRESS_MEDIA", "CHANNEL_ANSWER", "CHANNEL_BRIDGE",
    "CHANNEL_UNBRIDGE", "CHANNEL_HANGUP", "CHANNEL_HANGUP_COMPLETE", "CHANNEL_DESTROY", "CHANNEL_EXECUTE",
    "CHANNEL_EXECUTE_COMPLETE", "CHANNEL_PARK", "CHANNEL_UNPARK", "CHANNEL_CALLSTATE", "CHANNEL_UUID",
    "PLAYBACK_START", "PLAYBACK_STOP", "DTMF", "BACKGROUND_JOB", "CUSTOM", "HEARTBEAT", "COMMAND",
]  # fmt: skip


def resident() -> int:
    """Bytes of memory that this process has now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def measure(client: Client, work: str, waiters: int, after: int) -> dict[str, float]:
    events = characters = early = 0

    def count(event: Event) -> None:
        nonlocal events
        events += 1

    def read(event: Event) -> None:
        nonlocal events, characters, early
        events += 1
        characters += sum(map(len, event.headers().values()))
        if events == after:
            early = resident()

    client.on(read if work == "headers" else count, name=NAMES)
    waiting = [client.wait_for("CHANNEL_ANSWER", str(uuid.uuid4())) for _ in range(waiters // 2)]
    jobs = [client.on(count, job_uuid=str(uuid.uuid4())) for _ in range(waiters // 2)]
    last = client.wait_for("CUSTOM bench::last")
    wall, cpu = time.perf_counter(), time.process_time()
    await client.api("go")
    await last
    figures = {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    assert not any(waiter.done() for waiter in waiting)
    assert len(jobs) == waiters // 2
    grown = resident() - early if after else 0
    return {"events": events - 1, "characters": characters, "resident": resident(), "grown": grown, **figures}


async def main(options: argparse.Namespace) -> None:
    async with voiced.esl.connect("127.0.0.1", options.port, "ClueCon") as client:
        print(json.dumps(await measure(client, options.work, options.waiters, options.after)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("work", choices=("route", "headers"))
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    parser.add_argument("--waiters", type=int, default=20, help="half wait for a channel, half for a job")
    parser.add_argument("--after", type=int, default=0, help="how has memory grown since that many?")
    chosen = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop if chosen.loop == "uvloop" else None) as runner:
        runner.run(main(chosen))
