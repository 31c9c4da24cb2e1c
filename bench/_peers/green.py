"""greenswitch: one handler for every name, which looks the event up in three dicts, as our router does."""

from __future__ import annotations

import json
import sys
import time
import uuid
from typing import Any

import gevent
import greenswitch


def main(port: int, work: str) -> None:
    events = characters = 0
    last = gevent.event.Event()

    def count(_event: Any) -> None:
        nonlocal events
        events += 1

    def read(event: Any) -> None:
        nonlocal events, characters
        events += 1
        characters += sum(map(len, event.headers.values()))

    class Names(dict):
        def __missing__(self, name: str) -> Any:
            return read if work == "headers" else count

    by_name, by_channel, by_job = Names(), {}, {}
    for _ in range(10):
        by_channel[str(uuid.uuid4())] = by_job[str(uuid.uuid4())] = count

    def route(event: Any) -> None:
        headers = event.headers
        listener = by_channel.get(headers.get("Unique-ID"))
        if listener is not None:
            listener(event)
        listener = by_job.get(headers.get("Job-UUID"))
        if listener is not None:
            listener(event)
        by_name[headers.get("Event-Name")](event)

    client = greenswitch.InboundESL("127.0.0.1", port, "ClueCon")
    client.connect()
    client.register_handle("*", route)
    client.register_handle("bench::last", lambda event: last.set())
    wall, cpu = time.perf_counter(), time.process_time()
    client.send("api go")
    last.wait()
    figures = {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    print(json.dumps({"events": events, "characters": characters, **figures}), flush=True)
    client.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
