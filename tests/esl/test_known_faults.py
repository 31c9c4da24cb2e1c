"""The known faults of event-socket clients (ESL.md). Ours has none, and each check fails on one that has.

Each `check_…` is run against our client and against a faulty one: greenswitch in a process of its own where
it has the fault, else ours with the fault put in.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote

import pytest

from tests.esl.fake import FakePbx, Peer, event, response, until
from tests.esl.frames import one, parsed
from voiced.esl import Client, Event, EventQueue, EventsLost, Reply, Unconfirmed
from voiced.esl.commands import Command
from voiced.esl.connection import Connection
from voiced.esl.errors import EslError, ProtocolError
from voiced.esl.replies import Replies
from voiced.esl.stats import Stats

FORGERY = event("CHANNEL_CREATE", "u-1", Caller_Caller_ID_Name="x\nUnique-ID: forged\nVoiced-Admin: yes")
JOB = event("BACKGROUND_JOB", Job_UUID="j-1", Job_Command="uuid_dump", body="Job-UUID: j-2\nEvent-Name: X\n")
BROKEN = event("DTMF", "u-1").replace(b"Core-UUID: ", b"Core-UUID: \xff\xfe")


def never(peer: Peer, command: str) -> None:
    """The answer of a PBX that hangs."""


@asynccontextmanager
async def running(client: Client) -> AsyncIterator[Client]:
    task = asyncio.create_task(client.run())
    await until(lambda: client.is_connected)
    try:
        yield client
    finally:
        task.cancel()
        await asyncio.wait([task])


def client_of(pbx: FakePbx, kind: type[Client] = Client, **settings: Any) -> Client:
    return kind("127.0.0.1", pbx.port, "ClueCon", **{"longest_pause": 0.01, **settings})


def altered(client: Client, alter: Callable[[Client, Connection], object]) -> Client:
    """A fault put in: `alter` is given each connection that is ready, before anybody uses it."""

    async def connect() -> Connection:
        connection = await original()
        alter(client, connection)
        return connection

    original = client._link.connect
    client._link.connect = connect  # type: ignore[method-assign]
    return client


# -- on the wire -------------------------------------------------------------------------------------------


def check_forgery(headers: dict[str, str]) -> None:
    assert headers["unique-id"] == "u-1"
    assert "voiced-admin" not in headers


def check_nested_body(headers: dict[str, str], body: str) -> None:
    assert (headers["event-name"], headers["job-uuid"]) == ("BACKGROUND_JOB", "j-1")
    assert body == "Job-UUID: j-2\nEvent-Name: X\n"


def check_byte_lengths(parse: Callable[[bytes], list[str]]) -> None:
    assert parse(response("transferência 📞") + response("next")) == ["transferência 📞", "next"]


def test_unquote_before_split() -> None:
    ours = one(FORGERY)
    assert isinstance(ours, Event)
    check_forgery(ours.headers())

    lines = unquote(ours.raw.decode()).strip().splitlines()  # faulty
    with pytest.raises(AssertionError):
        check_forgery({name.lower(): value for name, _, value in (line.partition(": ") for line in lines)})


def test_a_nested_body_lost_or_written_over_a_header() -> None:
    ours = one(JOB)
    assert isinstance(ours, Event)
    check_nested_body(ours.headers(), ours.body)

    lines = ours.raw.decode().strip().splitlines()  # faulty: the body's lines are headers too
    with pytest.raises(AssertionError):
        check_nested_body(
            {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}, ""
        )


def test_string_lengths_for_byte_lengths() -> None:
    def ours(data: bytes) -> list[str]:
        return [frame.text for frame in parsed(data) if isinstance(frame, Reply)]

    def faulty(data: bytes) -> list[str]:
        text, found = data.decode(), []
        while head := re.search(r"Content-Length: (\d+)\nContent-Type: api/response\n\n", text):
            found.append(text[head.end() : head.end() + int(head[1])])
            text = text[head.end() + int(head[1]) :]
        return found

    check_byte_lengths(ours)
    with pytest.raises(AssertionError):
        check_byte_lengths(faulty)


async def test_greenswitch_has_these_faults_and_these_checks_find_them(pbx: FakePbx) -> None:
    """And strict UTF-8 that kills its reader while it says "connected", and a waiter that hangs for ever."""
    pbx.say("api slow", never)
    green = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.esl.green_client", str(pbx.port),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    lines = green.stdout
    assert lines

    async def said() -> Any:
        async with asyncio.timeout(10):
            return json.loads(await lines.readline())

    try:
        peer = await pbx.peer()
        await peer.heard("api slow")
        peer.send(FORGERY + JOB)
        forged = {name.lower(): value for name, value in (await said())["headers"].items()}
        nested = {name.lower(): value for name, value in (await said())["headers"].items()}
        with pytest.raises(AssertionError):
            check_forgery(forged)
        with pytest.raises(AssertionError):
            check_nested_body(nested, "")
        peer.send(BROKEN + event("DTMF", "u-1"))
        assert await said() == {"connected": True, "ended": False}
    finally:
        green.kill()
        await green.wait()


async def check_broken_utf8(client: Client, peer: Peer) -> None:
    """The event comes, and the client lives; or it says that it does not."""
    heard = client.wait_for("DTMF", "u-1", timeout=5)
    peer.send(BROKEN)
    assert (await heard)["Core-UUID"].startswith("\udcff\udcfe")
    assert client.is_connected
    assert (await client.api("echo alive", timeout=0.5)).text == "alive"


async def test_strict_utf8_that_kills_the_reader_while_the_client_still_says_connected(pbx: FakePbx) -> None:
    def strict(_: Client, connection: Connection) -> None:
        """Reads on in silence after an event that is no UTF-8."""
        original, dead = connection._parser.buffer_updated, False

        def buffer_updated(nbytes: int) -> list[Any]:
            nonlocal dead
            frames = original(nbytes)
            try:
                for frame in frames:
                    frame.raw.decode() if isinstance(frame, Event) else None
            except UnicodeDecodeError:
                dead = True
            return [] if dead else frames

        connection._parser.buffer_updated = buffer_updated  # type: ignore[method-assign]

    async with running(client_of(pbx)) as client:
        await check_broken_utf8(client, await pbx.peer())
    async with running(altered(client_of(pbx), strict)) as client:
        with pytest.raises((TimeoutError, AssertionError)):
            async with asyncio.timeout(0.2):
                await check_broken_utf8(client, await pbx.peer(2))
        assert client.is_connected  # so it says


# -- commands ------------------------------------------------------------------------------------------------


async def check_refusal(client: Client) -> None:
    assert not (await client.api("no_such_command")).ok
    assert (await client.api("echo still here")).text == "still here"
    assert client.stats.reconnects == 0


async def test_err_taken_for_a_broken_connection(pbx: FakePbx, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(client_of(pbx)) as client:
        await check_refusal(client)

    def touchy(self: Replies, answer: Reply) -> None:
        original(self, answer)
        if not answer.ok:
            raise ProtocolError(answer.text)

    original = Replies.take
    monkeypatch.setattr(Replies, "take", touchy)
    async with running(client_of(pbx)) as client:
        with pytest.raises((EslError, AssertionError)):
            await check_refusal(client)


async def check_late_reply(client: Client, release: asyncio.Event) -> None:
    release.clear()
    with pytest.raises(Unconfirmed):
        await client.api("slow", timeout=0.01)
    following = asyncio.create_task(client.api("echo mine"))
    await asyncio.sleep(0)
    release.set()
    assert (await following).text == "mine"


async def test_replies_matched_to_the_wrong_command_after_a_timeout(
    pbx: FakePbx, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = asyncio.Event()

    async def slow(peer: Peer, command: str) -> bytes:
        await release.wait()
        return response("late")

    pbx.say("api slow", slow)
    async with running(client_of(pbx)) as client:
        await check_late_reply(client, release)

    def forgetful(self: Replies, answer: Reply) -> None:
        while self._line and (self._line[0].reply.cancelled() or self._line[0].command.text == "api mark"):
            self._line.popleft()
        original(self, answer)

    original = Replies.take
    monkeypatch.setattr(Replies, "take", forgetful)
    monkeypatch.setattr(Replies, "mark", lambda self: Command("api mark"))
    pbx.say("api mark", never)
    async with running(client_of(pbx)) as client:
        with pytest.raises(AssertionError):
            await check_late_reply(client, release)


async def check_whole_command(client: Client, timeout: float) -> None:
    large = "api length " + "y" * 3_000_000
    assert (await client.ask(Command(large), timeout=timeout)).text == str(len(large))


async def test_send_for_sendall(pbx: FakePbx, monkeypatch: pytest.MonkeyPatch) -> None:
    pbx.say("api length", lambda peer, command: response(str(len(command))))
    async with running(client_of(pbx)) as client:
        await check_whole_command(client, timeout=5)

    class Sends:
        """A transport that gives the socket what it takes at once, and forgets the rest."""

        def __init__(self, transport: asyncio.Transport) -> None:
            self._transport = transport

        def write(self, data: bytes) -> None:
            self._transport.write(data[:200_000])

        def __getattr__(self, name: str) -> Any:
            return getattr(self._transport, name)

    def made(self: Connection, transport: Any) -> None:
        original(self, Sends(transport))  # type: ignore[arg-type]

    original = Connection.connection_made
    monkeypatch.setattr(Connection, "connection_made", made)
    async with running(client_of(pbx)) as client:
        with pytest.raises(Unconfirmed):  # the rest never comes, nor does the reply
            await check_whole_command(client, timeout=0.2)


# -- losses --------------------------------------------------------------------------------------------------


async def check_waiters_end(client: Client, peer: Peer) -> None:
    waiting: list[asyncio.Future[Any]] = [
        client.wait_for("CHANNEL_ANSWER", "u-1"),
        client.start_job("slow").result,
        client.send(Command("api slow")),
    ]
    await peer.heard("api slow")
    peer.reset()
    ended = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 0.3)
    assert [isinstance(each, EslError) for each in ended] == [True] * 3


async def test_waiters_that_hang_for_ever_when_the_connection_ends(pbx: FakePbx) -> None:
    pbx.say("api slow", never)
    pbx.say("bgapi slow", never)

    class Silent(Client):
        def _lose(self, reason: EslError) -> None:
            pass

    async with running(client_of(pbx)) as client:
        await check_waiters_end(client, await pbx.peer())
    number = len(pbx.peers)
    async with running(client_of(pbx, Silent)) as client:
        with pytest.raises(TimeoutError):
            await check_waiters_end(client, await pbx.peer(number + 1))


def check_bounded(queue: EventQueue, stats: Stats) -> None:
    for _ in range(5000):
        queue.put(Event(b"\nEvent-Name: DTMF\n\n"))
    assert len(queue) <= 100
    assert stats.events_overflowed >= 4900


async def test_unbounded_queues() -> None:
    class Unbounded(EventQueue):
        def put(self, event: Event) -> None:
            self._items.append(event)

    for kind, error in ((EventQueue, None), (Unbounded, AssertionError)):
        stats = Stats()
        queue = kind(100, stats, lambda queue: None)
        if error is None:
            check_bounded(queue, stats)
            with pytest.raises(EventsLost):  # and nothing is dropped in silence
                await queue.get()
        else:
            with pytest.raises(error):
                check_bounded(queue, stats)


async def check_reconnect(pbx: FakePbx, alter: Callable[[Client, Connection], object]) -> None:
    """After a loss it subscribes again, and its owner, told of loss and return, asks what was missed."""
    first, asked = len(pbx.peers), []

    def ask() -> None:
        asked.append(client.send(Command("api echo show channels as json")))

    client = altered(client_of(pbx, events=["CHANNEL_ANSWER"], on_back=ask), alter)
    async with running(client):
        pbx.peers[first].reset()
        await until(lambda: len(pbx.peers) > first + 1 and client.is_connected)
        back = pbx.peers[first + 1]
        await client.api("echo barrier")
        assert [command.split(" ", 2)[2] for command in back.all("event ")] == [
            "BACKGROUND_JOB CHANNEL_ANSWER"
        ]
        assert len(back.all("api echo show channels")) == 1
        assert len(asked) == 2


def not_at_all(client: Client, connection: Connection) -> None:
    """Our client as it is."""


async def test_reconnect_without_subscribing_again(pbx: FakePbx) -> None:
    def forgetful(client: Client, connection: Connection) -> None:
        client._link._events = {"HEARTBEAT": None}

    await check_reconnect(pbx, not_at_all)
    with pytest.raises(AssertionError):
        await check_reconnect(pbx, forgetful)


async def test_reconnect_without_asking_what_was_missed(pbx: FakePbx) -> None:
    def mute(client: Client, connection: Connection) -> None:
        if client.stats.reconnects:
            client._on_back = lambda: None

    await check_reconnect(pbx, not_at_all)
    with pytest.raises(AssertionError):
        await check_reconnect(pbx, mute)


def test_every_fault_of_the_list_has_its_test() -> None:
    names = " ".join(name for name in globals() if name.startswith("test_"))
    for fault in (
        "unquote_before_split", "string_lengths_for_byte_lengths", "strict_utf8_that_kills_the_reader",
        "a_nested_body_lost_or_written_over_a_header", "err_taken_for_a_broken_connection",
        "replies_matched_to_the_wrong_command_after_a_timeout", "waiters_that_hang_for_ever",
        "send_for_sendall", "unbounded_queues", "reconnect_without_subscribing_again",
        "reconnect_without_asking_what_was_missed",
    ):  # fmt: skip
        assert fault in names
