"""A PBX that does nothing but send recorded events, in a process of its own.

    python -m bench._sender --events N --per-second R --variants V --cpu K

Prints its port, takes one client, answers every command, and on `api go` sends N events as fast as they are
taken (or R a second), and then the one that says that it was the last.
"""

from __future__ import annotations

import argparse
import os
import socket
import time
from collections.abc import Iterator

from bench._stream import endless, recorded

_LAST = b"Event-Name: CUSTOM\nEvent-Subclass: bench%3A%3Alast\n\n"
LAST = b"Content-Length: %d\nContent-Type: text/event-plain\n\n%b" % (len(_LAST), _LAST)
GREETING = b"Content-Type: auth/request\n\n"
DONE = b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n"
GOING = b"Content-Type: api/response\nContent-Length: 3\n\n+OK"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--per-second", type=float, default=0.0, help="0 is as fast as they are taken")
    parser.add_argument("--variants", type=int, default=12, help="0 sends the recording word for word")
    parser.add_argument("--cpu", type=int)
    options = parser.parse_args()
    if options.cpu is not None:
        os.sched_setaffinity(0, {options.cpu})
    events = recorded()
    pieces = endless(events, options.variants)
    next(pieces)  # the forms are made now, and not while somebody waits
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    client, _ = listener.accept()
    client.sendall(GREETING)
    for command in _commands(client):
        if command == "api go":
            client.sendall(GOING)
            if options.per_second:
                _send_slowly(client, events, options.events, options.per_second)
            else:
                _send(client, pieces, events, options.events)
            client.sendall(LAST)
        else:
            client.sendall(DONE)
            if command == "exit":
                break


def _commands(client: socket.socket) -> Iterator[str]:
    buffer = b""
    while data := client.recv(65536):
        buffer += data
        while b"\n\n" in buffer:
            command, _, buffer = buffer.partition(b"\n\n")
            yield command.decode()


def _send(client: socket.socket, pieces: Iterator[tuple[bytes, int]], events: list[bytes], left: int) -> None:
    while left > 0:
        piece, count = next(pieces)
        client.sendall(piece if count <= left else b"".join(events[:left]))
        left -= count


def _send_slowly(client: socket.socket, events: list[bytes], count: int, per_second: float) -> None:
    """In batches of a hundredth of a second, on time."""
    batch = max(1, int(per_second / 100))
    began = time.perf_counter()
    for first in range(0, count, batch):
        time.sleep(max(0.0, began + first / per_second - time.perf_counter()))
        client.sendall(b"".join(events[i % len(events)] for i in range(first, min(first + batch, count))))


if __name__ == "__main__":
    main()
