"""Between a daemon and PostgreSQL: sees every transaction that writes, and can strike at its COMMIT.

It speaks just enough of the wire protocol: it follows which statement a Bind belongs to, names the writes
of a transaction after sql/queries, and holds the COMMIT, or PostgreSQL's answer to it, in its hand. The
lease's beats, LISTEN and everything that only reads are no steps.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Final
from urllib.parse import parse_qs, urlsplit

from tests.kill.steps import Steps
from voiced.database import query

_SSL_REQUEST: Final = 80877103


class Proxy:
    """Listens on a port of 127.0.0.1 for connections to the PostgreSQL behind `url`."""

    def __init__(self, url: str, steps: Steps) -> None:
        parts = urlsplit(url)
        self._socket = f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432"
        self._database, self._user, self._steps = parts.path, parts.username, steps
        self._server: asyncio.Server | None = None
        self._links: set[Link] = set()
        self.url = ""

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"postgresql://{self._user}@127.0.0.1:{port}{self._database}?sslmode=disable"

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        await self.cut()
        await self._server.wait_closed()

    async def cut(self) -> None:
        """Abort every connection, on both sides; it still listens."""
        for link in tuple(self._links):
            link.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_unix_connection(self._socket)
        link = Link(reader, writer, server_reader, server_writer, self._steps)
        self._links.add(link)
        try:
            await link.run()
        finally:
            self._links.discard(link)


class Link:
    """One connection, and what is being written on it."""

    def __init__(
        self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter,
        server: asyncio.StreamReader, to_server: asyncio.StreamWriter, steps: Steps,
    ) -> None:  # fmt: skip
        self._client, self._to_client = client, to_client
        self._server, self._to_server = server, to_server
        self._steps = steps
        self._statements: dict[bytes, str] = {}  # prepared, and what a step of it is called
        self._writes: list[str] = []  # of the transaction under way
        self._committing: list[str] = []  # as the steps call them, once COMMIT has gone to the server

    async def run(self) -> None:
        pumps = [asyncio.create_task(self._from_client()), asyncio.create_task(self._from_server())]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.abort()
            for pump in pumps:
                pump.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*pumps, return_exceptions=True)

    def abort(self) -> None:
        self._to_client.transport.abort()
        self._to_server.transport.abort()

    async def _from_client(self) -> None:
        with suppress(asyncio.IncompleteReadError, OSError):
            while (await self._start_up()) == _SSL_REQUEST:
                self._to_client.write(b"N")
            while True:
                head = await self._client.readexactly(5)
                body = await self._client.readexactly(struct.unpack("!xI", head)[0] - 4)
                if not await self._may_pass(head[:1], body):
                    return
                self._to_server.write(head + body)
                await self._to_server.drain()

    async def _start_up(self) -> int:
        """The first message, which has no type; returns its code."""
        head = await self._client.readexactly(8)
        size, code = struct.unpack("!II", head)
        body = await self._client.readexactly(size - 8)
        if code != _SSL_REQUEST:
            self._to_server.write(head + body)
        return int(code)

    async def _may_pass(self, kind: bytes, body: bytes) -> bool:
        """Look at a message to the server. False where the daemon was struck instead."""
        match kind:
            case b"P":
                statement, text, _ = body.split(b"\0", 2)
                self._statements[statement] = text.decode()
            case b"B":
                _, statement, rest = body.split(b"\0", 2)
                if name := _WRITES.get(self._statements.get(statement, "")):
                    self._writes.append(name(_parameters(rest)))
            case b"Q" if body.startswith(b"BEGIN"):
                self._writes = []
            case b"Q" if body.startswith(b"COMMIT") and self._writes:
                called = self._steps.reach(*self._writes)
                if self._steps.is_struck_at(called) and self._steps.side == "before":
                    await self._steps.strike()
                    return False
                self._committing = called
        return True

    async def _from_server(self) -> None:
        with suppress(OSError):
            while data := await self._server.read(65536):
                committed, self._committing = self._committing, []
                if self._steps.is_struck_at(committed):
                    await self._steps.strike()
                    return
                self._to_client.write(data)
                await self._to_client.drain()
                if committed:
                    await self._steps.let_pass(committed)


def _parameters(rest: bytes) -> list[bytes]:
    """The values of a Bind, in binary: text is text."""
    (formats,) = struct.unpack_from("!H", rest)
    at = 2 + 2 * formats
    (count,) = struct.unpack_from("!H", rest, at)
    at += 2
    values = []
    for _ in range(count):
        (size,) = struct.unpack_from("!i", rest, at)
        at += 4
        values.append(rest[at : at + max(size, 0)])
        at += max(size, 0)
    return values


# What a write is called, by its statement. An outbox message that is put is committed with what it tells of.
_WRITES: Final[dict[str, Callable[[list[bytes]], str]]] = {
    query("transfer/insert"): lambda _: "commit-intention",
    query("transfer/note"): lambda values: f"commit-{values[3].decode()}",
    query("outbox/delivered"): lambda _: "commit-delivered",
}
