"""genesis: a coroutine for every name (a plain function goes through a thread), telemetry off; own venv."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import uuid
from typing import Any

os.environ |= {"GENESIS_LOG_LEVEL": "CRITICAL", "OTEL_SDK_DISABLED": "true"}

from genesis import Inbound


async def main(port: int, work: str) -> None:
    events = characters = 0
    last = asyncio.Event()

    async def count(_event: Any) -> None:
        nonlocal events
        events += 1

    async def read(event: Any) -> None:
        nonlocal events, characters
        events += 1
        characters += sum(map(len, event.values()))

    async def end(_event: Any) -> None:
        last.set()

    by_channel, by_job = {}, {}
    for _ in range(10):
        by_channel[str(uuid.uuid4())] = by_job[str(uuid.uuid4())] = count
    listener = read if work == "headers" else count

    async def route(event: Any) -> None:
        for waiting in (by_channel.get(event.get("Unique-ID")), by_job.get(event.get("Job-UUID"))):
            if waiting is not None:
                await waiting(event)
        await listener(event)

    async with Inbound("127.0.0.1", port, "ClueCon") as client:
        client.on("*", route)
        client.on("bench::last", end)
        wall, cpu = time.perf_counter(), time.process_time()
        await client.send("api go")
        await last.wait()
        figures = {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        print(json.dumps({"events": events - 1, "characters": characters, **figures}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
