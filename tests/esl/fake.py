"""A small event socket to test clients with: it says what a test has it say, and hears everything.

    async with FakePbx() as pbx:
        pbx.answers["api uptime"] = lambda peer, command: response("17")
        ...
        peer = await pbx.peer()
        peer.send(event("CHANNEL_ANSWER", unique_id="u-1"))

What it says on its own is what FreeSWITCH says: the greeting, `auth`, `event`, `api echo`, `bgapi`, `exit`.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Self, TypeAlias
from urllib.parse import quote

PASSWORD = "ClueCon"
GREETING = b"Content-Type: auth/request\n\n"
GOODBYE = (
    b"Content-Type: text/disconnect-notice\nContent-Length: 67\n\n"
    b"Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
)
LIMIT = 5.0  # seconds after which a test gives up waiting


def reply(text: str) -> bytes:
    return b"Content-Type: command/reply\nReply-Text: " + text.encode() + b"\n\n"


def response(text: str) -> bytes:
    return framed("api/response", text.encode("utf-8", "surrogateescape"))


def framed(content_type: str, payload: bytes, *more: bytes) -> bytes:
    head = [b"Content-Length: %d" % len(payload), b"Content-Type: " + content_type.encode(), *more]
    return b"\n".join(head) + b"\n\n" + payload


def event(name: str, unique_id: str = "", body: str = "", **headers: str) -> bytes:
    """A plain event as the server writes one; `Event_Subclass="a::b"` sets a header with hyphens."""
    lines = [f"Event-Name: {name}", "Core-UUID: 68f79375-17d0-4565-b446-10bf94bea2d1"]
    if unique_id:
        lines.append(f"Unique-ID: {quote(unique_id)}")
    lines += [f"{key.replace('_', '-')}: {quote(value) or '_undef_'}" for key, value in headers.items()]
    head = "\n".join(lines) + "\n"
    raw = body.encode("utf-8", "surrogateescape")
    if raw:
        head += f"Content-Length: {len(raw)}\n"
    return framed("text/event-plain", head.encode() + b"\n" + raw)


Answer: TypeAlias = Callable[["Peer", str], bytes | Awaitable[bytes | None] | None]


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition to be true."""
    async with asyncio.timeout(LIMIT):
        while not condition():
            await asyncio.sleep(0.001)


class Peer:
    """A client that has connected. `commands` is what it sent, the blank lines taken off."""

    def __init__(self, pbx: FakePbx, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._pbx, self._reader, self._writer = pbx, reader, writer
        self.commands: list[str] = []
        self.gone = asyncio.Event()

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    def close(self) -> None:
        """Close in the ordinary way (FIN)."""
        self._writer.close()

    def reset(self) -> None:
        """Tear the connection down (RST)."""
        linger = struct.pack("ii", 1, 0)
        self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._writer.transport.abort()

    async def heard(self, start: str, count: int = 1) -> list[str]:
        """Wait until that many commands beginning with `start` have come."""
        await until(lambda: len(self.all(start)) >= count)
        return self.all(start)

    def all(self, start: str) -> list[str]:
        return [command for command in self.commands if command.startswith(start)]

    async def serve(self) -> None:
        self.send(self._pbx.greeting)
        buffer = b""
        try:
            while data := await self._reader.read(65536):
                buffer += data
                while b"\n\n" in buffer:
                    command, _, buffer = buffer.partition(b"\n\n")
                    await self._take(command.decode("utf-8", "surrogateescape"))
        except ConnectionError:
            pass
        finally:
            self.gone.set()
            self._writer.close()

    async def _take(self, command: str) -> None:
        self.commands.append(command)
        for start, answer in self._pbx.answers.items():
            if command.startswith(start):
                said = answer(self, command)
                if isinstance(said, Awaitable):
                    said = await said
                if said is not None:
                    self.send(said)
                return
        self.send(reply("-ERR command not found"))


class FakePbx:
    """Listens on a port of its own. `answers` are looked through in order, later ones first."""

    def __init__(self) -> None:
        self.greeting = GREETING
        self.answers: dict[str, Answer] = {}
        self.peers: list[Peer] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.say(
            "auth ", lambda peer, c: reply("+OK accepted" if c == f"auth {PASSWORD}" else "-ERR invalid")
        )
        self.say("event ", lambda peer, c: reply("+OK event listener enabled plain"))
        self.say("api echo ", lambda peer, c: response(c.removeprefix("api echo ")))
        self.say("api strepoch", lambda peer, c: response("1795220471"))
        self.say("bgapi ", _background)
        self.say("exit", _goodbye)

    def say(self, start: str, answer: Answer | bytes) -> None:
        """Answer the commands that begin with `start` so, whatever they were answered before."""
        given: Answer = (lambda peer, c: answer) if isinstance(answer, bytes) else answer
        self.answers = {start: given, **{k: v for k, v in self.answers.items() if k != start}}

    def hold_back(self, start: str, answer: bytes) -> asyncio.Event:
        """Answer the commands that begin with `start` so, but not before the event is set."""
        release = asyncio.Event()

        async def late(peer: Peer, command: str) -> bytes:
            await release.wait()
            return answer

        self.say(start, late)
        return release

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def vanish(self) -> None:
        """Stop listening and tear every connection down: the PBX is gone."""
        if self._server is not None:
            self._server.close()
        for peer in self.peers:
            peer.reset()

    async def peer(self, number: int = 1) -> Peer:
        """The client that connected first, or as the `number`th, when it has logged in and subscribed."""
        await until(lambda: len(self.peers) >= number and self.peers[number - 1].all("event "))
        return self.peers[number - 1]

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if self._server is not None:
            self._server.close()
        for peer in self.peers:
            peer.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(self, reader, writer)
        self.peers.append(peer)
        self._tasks.add(asyncio.create_task(peer.serve()))


class FakeCall(FakePbx):
    """A call that a PBX routes to an outbound server: it connects, and answers as the PBX does.

    async with FakeCall(port) as call:
        await call.line.heard("connect")
    """

    def __init__(self, port: int, unique_id: str = "u-1") -> None:
        super().__init__()
        self.greeting, self.port = b"", port
        channel = event(
            "CHANNEL_DATA", unique_id, Caller_Caller_ID_Name="Maria Souza", Answer_State="ringing"
        )
        head = channel.partition(b"\n\n")[2].removesuffix(b"\n\n")
        self.channel = head + b"\nContent-Type: command/reply\nReply-Text: %2BOK%0A\nSocket-Mode: async\n\n"
        self.say("connect", lambda peer, c: self.channel)
        self.say("api uuid_setvar", b"Content-Type: api/response\nContent-Length: 4\n\n+OK\n")
        for command in ("linger", "myevents", "sendmsg", "divert_events"):
            self.say(command, reply("+OK"))

    @property
    def line(self) -> Peer:
        return self.peers[0]

    async def listen(self) -> None:
        self._accept(*await asyncio.open_connection("127.0.0.1", self.port))


def job_of(command: str) -> str:
    return command.partition("Job-UUID: ")[2]


def taken(peer: Peer, command: str) -> bytes:
    """The reply to a bgapi command that will be run."""
    job = job_of(command)
    return f"Content-Type: command/reply\nReply-Text: +OK Job-UUID: {job}\nJob-UUID: {job}\n\n".encode()


def _background(peer: Peer, command: str) -> bytes:
    """`bgapi echo …`: its reply, then its result."""
    job, text = job_of(command), command.split("\n")[0].removeprefix("bgapi echo ")
    return taken(peer, command) + event("BACKGROUND_JOB", Job_UUID=job, body=text)


def _goodbye(peer: Peer, command: str) -> bytes | None:
    peer.send(reply("+OK bye") + GOODBYE)
    peer.close()
    return None
