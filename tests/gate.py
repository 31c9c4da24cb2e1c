"""A door between a daemon and its PostgreSQL: shut it, open it, freeze what goes through."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit


class Gate:
    """Listens on a port of 127.0.0.1 for connections to the database behind `url`, a unix socket's."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._socket = f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432"
        self._path, self._port = parts.path, 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self.connections = 0

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self._port}{self._path}?sslmode=disable"

    async def open(self) -> None:
        """Let everybody through (again), on the port it had."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Abort every connection and refuse new ones, as a database that is stopped."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self.cut()

    async def cut(self) -> None:
        """Abort every connection; new ones are welcome."""
        for writer in tuple(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    def freeze(self) -> None:
        """Connections stay and say nothing any more, as behind a broken network."""
        self._flows.clear()

    def thaw(self) -> None:
        """Go on where it froze."""
        self._flows.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        there, to_there = await asyncio.open_unix_connection(self._socket)
        self._writers |= {writer, to_there}
        try:
            await asyncio.gather(self._pump(reader, to_there), self._pump(there, writer))
        finally:
            self._writers -= {writer, to_there}
            for one in (writer, to_there):
                one.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()
