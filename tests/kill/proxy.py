"""Between a daemon and PostgreSQL: sees every transaction that writes, and can strike at its COMMIT.

It speaks just enough of the wire protocol: it follows which statement a Bind belongs to, names the writes
of a transaction after sql/queries, and holds the COMMIT, or PostgreSQL's answer to it, in its hand. The
lease's beats, LISTEN and everything that only reads are no steps.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from tests.gate import Gate
from tests.kill.steps import Steps
from voiced.database import query

# What a write is called, by its statement and the values bound to it. An outbox message that is put needs no
# name: it is committed with what it tells of.
Writes = Mapping[str, Callable[[list[bytes]], str]]
WRITES: Final[Writes] = {
    query("transfer/insert"): lambda _: "commit-intention",
    query("transfer/note"): lambda values: f"commit-{values[3].decode()}",
    query("outbox/delivered"): lambda _: "commit-delivered",
    query("callback/insert"): lambda _: "commit-made",
    query("callback/save"): lambda values: f"commit-{values[3].decode()}",
    query("attempt/insert"): lambda _: "commit-attempt",
    query("attempt/note"): lambda values: f"commit-{values[3].decode()}",
    query("attempt/settled"): lambda _: "commit-settled",
}
_SSL_REQUEST: Final = 80877103


class Proxy(Gate):
    """A gate to the PostgreSQL behind `url` that strikes where the steps say. `writes` names the commits."""

    def __init__(self, url: str, steps: Steps, writes: Writes = WRITES) -> None:
        super().__init__(url)
        self._steps, self._writes = steps, writes

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to_there = await asyncio.open_unix_connection(self._socket)
        self._writers |= {writer, to_there}
        transaction = Transaction(self._writes)
        try:
            await asyncio.gather(
                self._from_client(reader, writer, to_there, transaction),
                self._from_server(there, writer, transaction),
            )
        finally:
            self._writers -= {writer, to_there}
            for one in (writer, to_there):
                one.transport.abort()

    async def _from_client(
        self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter,
        to_server: asyncio.StreamWriter, transaction: Transaction,
    ) -> None:  # fmt: skip
        with suppress(asyncio.IncompleteReadError, OSError):
            while await self._start_up(client, to_server) == _SSL_REQUEST:
                to_client.write(b"N")
            while True:
                head = await client.readexactly(5)
                body = await client.readexactly(struct.unpack("!xI", head)[0] - 4)
                await self._flows.wait()
                if writes := transaction.sees(head[:1], body):
                    called = self._steps.reach(*writes)
                    if self._steps.is_struck_at(called) and self._steps.side == "before":
                        await self._steps.strike()
                        if self._steps.blow.ends_database:
                            break
                    transaction.committing = called
                to_server.write(head + body)
                await to_server.drain()
        to_server.transport.abort()

    async def _start_up(self, client: asyncio.StreamReader, to_server: asyncio.StreamWriter) -> int:
        """The first message, which has no type; returns its code."""
        head = await client.readexactly(8)
        size, code = struct.unpack("!II", head)
        body = await client.readexactly(size - 8)
        if code != _SSL_REQUEST:
            to_server.write(head + body)
        return int(code)

    async def _from_server(
        self, server: asyncio.StreamReader, to_client: asyncio.StreamWriter, transaction: Transaction
    ) -> None:
        with suppress(OSError):
            while data := await server.read(65536):
                await self._flows.wait()
                committed, transaction.committing = transaction.committing, []
                if self._steps.is_struck_at(committed):
                    await self._steps.strike()
                    if self._steps.blow.ends_database:
                        break
                to_client.write(data)
                await to_client.drain()
                if committed:
                    await self._steps.let_pass(committed)
        to_client.transport.abort()


class Transaction:
    """What is being written on one connection."""

    def __init__(self, writes: Writes) -> None:
        self._known = writes
        self._statements: dict[bytes, str] = {}  # prepared
        self._names: list[str] = []  # of the writes so far
        self.committing: list[str] = []  # as the steps call them, once COMMIT has gone to the server

    def sees(self, kind: bytes, body: bytes) -> list[str]:
        """Look at a message to the server. The names of the writes that it commits, if it does."""
        match kind:
            case b"P":
                statement, text, _ = body.split(b"\0", 2)
                self._statements[statement] = text.decode()
            case b"B":
                _, statement, rest = body.split(b"\0", 2)
                if name := self._known.get(self._statements.get(statement, "")):
                    self._names.append(name(_parameters(rest)))
            case b"Q" if body.startswith(b"BEGIN"):
                self._names = []
            case b"Q" if body.startswith(b"COMMIT"):
                return self._names
        return []


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
