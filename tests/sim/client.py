"""A plain event-socket client for the tests: commands out, everything said kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from .recorded import FrameReader, Said

T = TypeVar("T")


class Client:
    """One connection. `said` has everything that has come; `reply` is a command's own answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.said: list[Said] = []
        self.closed = False
        self._writer = writer
        self._news = asyncio.Event()
        self._taken = 0
        self._task = asyncio.ensure_future(self._read(reader))

    @classmethod
    async def connect(cls, port: int, password: str | None = "ClueCon", events: str = "plain ALL") -> Client:
        """Connect, and unless the password is None log in and subscribe."""
        client = cls(*await asyncio.open_connection("127.0.0.1", port))
        if password is not None:
            assert (await client.reply(f"auth {password}")).get("Reply-Text") == "+OK accepted"
            if events:
                await client.reply(f"event {events}")
        return client

    async def _read(self, reader: asyncio.StreamReader) -> None:
        frames = FrameReader()
        try:
            while data := await reader.read(65536):
                self.said += frames.feed(data, asyncio.get_running_loop().time())
                self._news.set()
        except ConnectionError:
            pass
        self.closed = True
        self._news.set()

    async def close(self) -> None:
        self._writer.close()
        await asyncio.wait([self._task], timeout=1)

    def send(self, command: str) -> None:
        self._writer.write(f"{command}\n\n".encode("utf-8", "surrogateescape"))

    def write(self, raw: bytes) -> None:
        self._writer.write(raw)

    async def next_reply(self) -> Said:
        """The next reply that nobody has taken yet."""
        self._taken += 1
        return await self.until(
            lambda: self.replies[self._taken - 1] if len(self.replies) >= self._taken else None
        )

    async def reply(self, command: str) -> Said:
        self.send(command)
        return await self.next_reply()

    async def api(self, command: str) -> str:
        """An api command's output."""
        return (await self.reply(f"api {command}")).body

    async def text(self, command: str) -> str:
        """A command's Reply-Text."""
        return (await self.reply(command)).get("Reply-Text")

    async def until(self, condition: Callable[[], T | None], timeout: float = 5.0) -> T:
        """Wait until the condition gives something true, looking whenever something has come."""
        async with asyncio.timeout(timeout):
            while not (result := condition()):
                self._news.clear()
                await self._news.wait()
        return result

    @property
    def replies(self) -> list[Said]:
        return [said for said in self.said if said.kind == "reply"]

    @property
    def notices(self) -> list[Said]:
        return [said for said in self.said if said.kind == "notice"]

    def events(self, name: str = "", uuid: str = "") -> list[Said]:
        """Events of that name and leg."""
        return [
            said
            for said in self.said
            if said.kind == "event" and name in ("", said.name) and uuid in ("", said.uuid)
        ]

    async def event(self, name: str, uuid: str = "") -> Said:
        """Wait for the first event of that name and leg."""
        return (await self.until(lambda: self.events(name, uuid)))[0]

    def names(self, uuid: str, *besides: str) -> list[str]:
        """What has happened on a leg, in order, without states and `besides`."""
        left_out = {"CHANNEL_STATE", "CHANNEL_CALLSTATE", "PRIVATE_COMMAND", *besides}
        return [said.name for said in self.events(uuid=uuid) if said.name not in left_out]
