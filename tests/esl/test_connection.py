"""One connection: closing, giving up, and what comes at the wrong time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.esl.fake import GREETING, FakePbx, Peer, event, framed, reply, until
from voiced.esl import CannotConnect, Command, NotSent, ProtocolError, Unconfirmed
from voiced.esl.connection import Connection
from voiced.esl.event import Event
from voiced.esl.stats import Stats


def ignore(frame: object) -> None:
    """An event or a frame that the test does not look at."""


def unmade() -> Connection:
    return Connection(ignore, ignore, Stats())


async def made(pbx: FakePbx) -> tuple[Connection, Peer]:
    connection = unmade()
    await asyncio.get_running_loop().create_connection(lambda: connection, "127.0.0.1", pbx.port)
    await connection.greeted
    return connection, pbx.peers[-1]


async def test_closing_flushes_what_was_written(pbx: FakePbx) -> None:
    connection, peer = await made(pbx)
    connection.send(Command("api echo " + "x" * 2_000_000))
    connection.close()
    await peer.heard("api echo")
    assert isinstance(await connection.ended, Unconfirmed)
    await peer.gone.wait()
    assert connection._last_resort is not None
    assert connection._last_resort.cancelled()


async def test_closing_does_not_wait_for_ever_for_a_peer_that_does_not_read(
    pbx: FakePbx, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = asyncio.Event()

    async def hang(peer: Peer, command: str) -> None:
        await stuck.wait()

    monkeypatch.setattr("voiced.esl.connection.CLOSING", 0.02)
    pbx.say("api hang", hang)
    connection, _ = await made(pbx)
    waiting = [connection.send(Command("api hang " + "x" * 1_000_000)) for _ in range(20)]
    connection.close()
    connection.close()
    async with asyncio.timeout(5):
        await connection.ended
    await asyncio.wait(waiting)
    stuck.set()


@pytest.mark.parametrize("how", ["close", "abort"])
async def test_a_connection_given_up_before_it_is_made_is_dropped_when_it_is(pbx: FakePbx, how: str) -> None:
    connection = unmade()
    if how == "close":
        connection.close()
    else:
        connection.abort(Unconfirmed("given up"))
    assert connection.ended.done()
    with pytest.raises(NotSent):
        await connection.send(Command("nolog"))
    with pytest.raises(Unconfirmed):
        await connection.made
    await asyncio.get_running_loop().create_connection(lambda: connection, "127.0.0.1", pbx.port)
    await until(lambda: pbx.peers)
    await pbx.peers[0].gone.wait()


async def test_the_first_reason_counts(pbx: FakePbx) -> None:
    connection, peer = await made(pbx)
    connection.abort(CannotConnect("first"))
    connection.abort(Unconfirmed("second"))
    peer.reset()
    assert str(await connection.ended) == "first"


async def test_an_end_inside_a_frame_is_said(pbx: FakePbx) -> None:
    connection, peer = await made(pbx)
    peer.send(event("DTMF")[:-4])
    peer.close()
    assert "in the middle of a frame" in str(await connection.ended)


async def test_what_comes_behind_the_end_is_not_taken(pbx: FakePbx) -> None:
    """Replies behind a disconnect notice belong to nobody, and are no fault either."""
    connection, peer = await made(pbx)
    pbx.say("exit", framed("text/disconnect-notice", b"bye") + reply("+OK") * 3 + GREETING)
    with pytest.raises(Unconfirmed):
        await connection.ask(Command("exit"), 5)
    await peer.gone.wait()
    assert connection._stats.protocol_errors == 0


async def test_a_second_greeting_is_nothing(pbx: FakePbx) -> None:
    connection, peer = await made(pbx)
    peer.send(GREETING * 3)
    assert (await connection.ask(Command("api echo x"), 5)).text == "x"
    connection.close()


async def test_a_reply_to_no_command_ends_the_connection(pbx: FakePbx) -> None:
    """The line of replies is broken: every later one would go to the wrong caller."""
    connection, peer = await made(pbx)
    peer.send(reply("+OK"))
    assert isinstance(await connection.ended, ProtocolError)
    assert connection._stats.protocol_errors == 1


async def test_the_password_is_in_no_error(pbx: FakePbx) -> None:
    pbx.say("auth ", lambda peer, command: None)
    connection, _ = await made(pbx)
    with pytest.raises(Unconfirmed) as caught:
        await connection.ask(Command("auth secret"), 0.01)
    assert "secret" not in str(caught.value)
    assert "secret" not in repr(Command("auth secret"))
    connection.close()


async def test_events_before_garbage_are_given_out(pbx: FakePbx) -> None:
    heard: list[Any] = []
    connection = Connection(heard.append, ignore, Stats())
    await asyncio.get_running_loop().create_connection(lambda: connection, "127.0.0.1", pbx.port)
    await until(lambda: pbx.peers)
    pbx.peers[0].send(event("DTMF") * 3 + b"Content-Length: x\n\n")
    assert isinstance(await connection.ended, ProtocolError)
    assert [type(each) for each in heard] == [Event] * 3
