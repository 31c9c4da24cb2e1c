"""A ticketing backend that answers as a test wants: real HTTP on loopback, bad manners included."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Delivery:
    """One POST, as it came."""

    path: str
    headers: dict[str, str]
    payload: dict[str, Any]
    at: float  # monotonic seconds

    @property
    def key(self) -> str:
        return self.headers["idempotency-key"]


# A status (None: 200); `hang`, `drop` or `drip`; the bytes of a whole answer; what a 200 answers.
Answer = int | str | bytes | dict[str, Any] | None


class Backend:
    """`answer(delivery)` decides; every delivery is kept, also those that were not accepted."""

    def __init__(self, answer: Callable[[Delivery], Answer] = lambda _: None) -> None:
        self.answer = answer
        self.seen: list[Delivery] = []
        self.accepted: list[Delivery] = []
        self.open = 0  # deliveries being answered now, and the most at a time
        self.most_open = 0
        self.slowness = 0.0  # seconds before each answer
        self._server: asyncio.Server | None = None
        self._port = 0
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Listen (again) on the port it had."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse connections, and abort those that are there."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def arrived(self) -> list[str]:
        """What was accepted, in order."""
        return [delivery.key for delivery in self.accepted]

    async def until(self, condition: Callable[[], Any], seconds: float = 8) -> None:
        """Poll until it is true; TimeoutError after real seconds."""
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(asyncio.IncompleteReadError, OSError):
                while await self._one(reader, writer):
                    pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        payload = json.loads(body or b"{}")
        delivery = Delivery(head[0].split()[1], headers, payload, time.monotonic())
        self.seen.append(delivery)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            await asyncio.sleep(self.slowness)
            return await self._answer(delivery, reader, writer)
        finally:
            self.open -= 1

    async def _answer(
        self, delivery: Delivery, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        match self.answer(delivery):
            case "hang":
                await reader.read()  # until the client has had enough
                return False
            case "drop":
                return False
            case "drip":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                while True:
                    writer.write(b" ")
                    await writer.drain()
                    await asyncio.sleep(0.05)
            case bytes(raw):
                writer.write(raw)
                await writer.drain()
                return False
            case answer:
                status = answer if isinstance(answer, int) else 200
                said = answer if isinstance(answer, dict) else {"success": status < 300, "ticketId": 7}
                body = json.dumps(said).encode()
                writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))
                if status < 300:
                    self.accepted.append(delivery)
                await writer.drain()
        return True
