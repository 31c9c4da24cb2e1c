"""The people who ask for extensions' states, and the PBX with the phones, in a process of its own.

    python -m bench._asker

Prints the port of its event socket. Each line of standard input is a `Round` as JSON; it is played, and a
line of JSON says what was found. Requests go over kept-alive connections, each with one at a time. A round
without `rate` asks as fast as it is answered; with one, each request has its moment, and its time counts from
that moment, be the connections free then or not.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from itertools import cycle
from typing import Final, cast
from urllib.parse import urlsplit

import uvloop

from bench._stage import DOMAIN
from voiced.sim import Switch

FIRST: Final = 2000  # the number of the first extension
EXTENSIONS: Final = 1000


@dataclass(frozen=True, slots=True)
class Round:
    """Questions to the daemon at `url` for `seconds`, `rate` a second (0: as many as there can be)."""

    url: str
    seconds: float
    rate: float = 0.0
    connections: int = 16
    token: str = ""
    method: str = "GET"


@dataclass(slots=True)
class Found:
    """`times` are seconds from a question to its answer, `commands` what the PBX was asked meanwhile."""

    answered: int = 0
    wrong: int = 0
    seconds: float = 0.0
    times: list[float] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)


class Asker:
    """One round."""

    def __init__(self, plan: Round) -> None:
        self.plan, self.found = plan, Found()
        self._loop = asyncio.get_running_loop()
        self._requests = cycle([_request(plan, str(FIRST + number)) for number in range(EXTENSIONS)])
        self._idle: list[Connection] = []
        self._waiting: deque[float] = deque()  # moments at which something should have been asked
        self._over = False

    async def play(self) -> Found:
        at = urlsplit(self.plan.url)
        opened = [
            (await self._loop.create_connection(lambda: Connection(self), at.hostname, at.port))[1]
            for _ in range(self.plan.connections)
        ]
        began = time.perf_counter()
        if self.plan.rate:
            self._idle = list(opened)
            await self._ask_on_time(began)
        else:
            for connection in opened:
                connection.ask(next(self._requests), time.perf_counter())
            await asyncio.sleep(self.plan.seconds)
        self._over = True
        self.found.seconds = time.perf_counter() - began
        for connection in opened:
            connection.close()
        return self.found

    def answered(self, connection: Connection, asked_at: float, is_right: bool) -> None:
        now = time.perf_counter()
        self.found.answered += 1
        self.found.wrong += not is_right
        self.found.times.append(now - asked_at)
        if self._over:
            return
        if not self.plan.rate:
            connection.ask(next(self._requests), now)
        elif self._waiting:
            connection.ask(next(self._requests), self._waiting.popleft())
        else:
            self._idle.append(connection)

    async def _ask_on_time(self, began: float) -> None:
        for number in range(int(self.plan.rate * self.plan.seconds)):
            moment = began + number / self.plan.rate
            if (early := moment - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            if self._idle:
                self._idle.pop().ask(next(self._requests), moment)
            else:
                self._waiting.append(moment)


class Connection(asyncio.Protocol):
    """A kept-alive connection: a question, its answer, and whoever made it is told."""

    def __init__(self, asker: Asker) -> None:
        self._asker, self._buffer, self._asked_at = asker, b"", 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are of no class of asyncio's

    def ask(self, request: bytes, asked_at: float) -> None:
        self._asked_at = asked_at
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, blank, body = self._buffer.partition(b"\r\n\r\n")
        if not blank:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) >= length:
            self._buffer = body[length:]
            is_right = head.startswith(b"HTTP/1.1 200 ") and b'"available":true' in body
            self._asker.answered(self, self._asked_at, is_right)

    def close(self) -> None:
        self._transport.close()


def _request(plan: Round, extension: str) -> bytes:
    """One question, as bytes."""
    head = f"Host: {urlsplit(plan.url).netloc}\r\n"
    if plan.token:
        head += f"Authorization: Bearer {plan.token}\r\n"
    if plan.method == "GET":
        return f"GET /api/extension/status/{extension}?domain_uuid={DOMAIN} HTTP/1.1\r\n{head}\r\n".encode()
    body = json.dumps({"extension": extension, "domain_uuid": DOMAIN})
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"POST /api/callback/check-availability HTTP/1.1\r\n{head}\r\n{body}".encode()


async def main() -> None:
    switch = Switch(heartbeat=5)
    await switch.start()
    for number in range(EXTENSIONS):
        switch.phone(str(FIRST + number))
    print(switch.port, flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        switch.commands.clear()
        found = await Asker(Round(**json.loads(line))).play()
        found.commands = [command.line for command in switch.commands]
        print(json.dumps(asdict(found)), flush=True)
    await switch.stop()


if __name__ == "__main__":
    uvloop.run(main())
