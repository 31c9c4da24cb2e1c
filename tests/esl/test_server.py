"""The outbound server: the PBX connects to us, one connection a call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from tests.esl.fake import GOODBYE, FakeCall, Peer, event, framed, reply, response, until
from voiced.esl import InvalidValue, NotSent, OutboundServer, Session, Unconfirmed

LINGERING = b"Content-Disposition: linger", b"Controlled-Session-UUID: u-1", b"Linger-Time: 5"

PROTECT = "api uuid_setvar u-1 socket_resume true"
LET_GO = ["connect", PROTECT, "exit"]  # also who is let go at once: else the call stays in silence


@asynccontextmanager
async def serving(
    handler: Callable[[Session], Awaitable[None]], *, limit: int = 2000, connect_timeout: float = 5.0
) -> AsyncIterator[tuple[OutboundServer, int]]:
    server = OutboundServer(handler, limit=limit, connect_timeout=connect_timeout)
    port = await server.start(port=0)
    try:
        yield server, port
    finally:
        await server.close()


async def forever(session: Session) -> None:
    await asyncio.Event().wait()


async def test_a_call_from_its_connect_to_its_release(tidy: None) -> None:
    sessions: list[Session] = []
    digits: list[str] = []

    async def handler(session: Session) -> None:
        sessions.append(session)
        assert (await session.ask("linger 5")).ok
        assert (await session.ask("myevents")).ok
        session.on(lambda each: digits.append(each["DTMF-Digit"]), name="DTMF")
        queued = await session.execute("playback", "silence_stream://100", event_uuid="hold-7")
        assert queued.ok
        await until(lambda: digits == ["1", "2"])

    async with serving(handler) as (server, port), FakeCall(port) as call:
        await call.line.heard("sendmsg")
        assert len(server) == 1
        call.line.send(event("DTMF", "u-1", DTMF_Digit="1") + event("DTMF", "u-1", DTMF_Digit="2"))
        await call.line.gone.wait()
        await until(lambda: len(server) == 0)
    [session] = sessions
    assert session.unique_id == "u-1"
    assert session.channel["Caller-Caller-ID-Name"] == "Maria Souza"
    assert call.line.commands == [
        "connect",
        PROTECT,
        "linger 5",
        "myevents",
        "sendmsg\ncall-command: execute\nexecute-app-name: playback\n"
        "execute-app-arg: silence_stream://100\nevent-uuid: hold-7\nevent-lock: true",
        "exit",
    ]


async def test_a_handler_may_release_the_call_itself(tidy: None) -> None:
    async def handler(session: Session) -> None:
        await session.release()
        with pytest.raises(NotSent):
            await session.ask("myevents")
        await session.release()

    async with serving(handler) as (_, port), FakeCall(port) as call:
        await call.line.gone.wait()
        assert call.line.commands == LET_GO


@pytest.mark.parametrize("error", [ZeroDivisionError("a bug"), Unconfirmed("lost")])
async def test_a_handler_that_raises_lets_the_call_go(tidy: None, error: Exception) -> None:
    async def handler(session: Session) -> None:
        raise error

    async with serving(handler) as (server, port), FakeCall(port) as call:
        await call.line.gone.wait()
        assert call.line.commands == LET_GO
        await until(lambda: len(server) == 0)


async def test_the_socket_is_closed_also_where_exit_is_not_answered(
    tidy: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left open it would hold the call in silence."""

    async def handler(session: Session) -> None:
        monkeypatch.setattr("voiced.esl.server.GOODBYE_TIMEOUT", 0.01)

    async with serving(handler) as (_, port), FakeCall(port) as call:
        call.say("exit", lambda peer, command: None)
        await call.line.gone.wait()


async def test_a_caller_who_hangs_up_ends_the_session(tidy: None) -> None:
    reasons: list[object] = []

    async def handler(session: Session) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(session.ended, 0.01)  # giving up hurts nobody
        reasons.append(await session.ended)
        with pytest.raises(NotSent):
            await session.execute("answer")

    async with serving(handler) as (server, port), FakeCall(port) as call:
        await call.line.heard("connect")
        call.line.send(framed("text/disconnect-notice", b"", *LINGERING) + event("CHANNEL_HANGUP", "u-1"))
        await asyncio.sleep(0.02)
        assert not reasons  # a lingering notice is a warning and not the end
        call.line.send(GOODBYE)
        await until(lambda: reasons)
        await until(lambda: len(server) == 0)
        assert isinstance(reasons[0], Unconfirmed)
        await call.line.gone.wait()


async def test_events_still_come_while_it_lingers(tidy: None) -> None:
    heard: list[str] = []

    async def handler(session: Session) -> None:
        session.on(lambda each: heard.append(each.name), name="CHANNEL_HANGUP_COMPLETE")
        await session.ask("myevents")
        await session.ended

    async with serving(handler) as (_, port), FakeCall(port) as call:
        await call.line.heard("myevents")
        call.line.send(framed("text/disconnect-notice", b"", *LINGERING))
        call.line.send(event("CHANNEL_HANGUP_COMPLETE", "u-1") + GOODBYE)
        await call.line.gone.wait()
        assert heard == ["CHANNEL_HANGUP_COMPLETE"]


async def test_a_listener_of_a_session_that_raises(tidy: None) -> None:
    def bad(_: object) -> None:
        raise ZeroDivisionError

    async def handler(session: Session) -> None:
        session.on(bad, name="DTMF")
        await session.ask("myevents")
        await until(lambda: server.stats.listener_errors)
        assert (await session.ask("linger")).ok

    async with serving(handler) as (server, port), FakeCall(port) as call:
        await call.line.heard("myevents")
        call.line.send(event("DTMF", "u-1"))
        await call.line.heard("exit")


async def test_what_cannot_stand_in_a_command_is_refused(tidy: None) -> None:
    refused: list[InvalidValue] = []

    async def handler(session: Session) -> None:
        for bad in (session.ask("linger\n\nexit"), session.ask(""), session.execute("set", "a=${b}")):
            with pytest.raises(InvalidValue) as caught:
                await bad
            refused.append(caught.value)

    async with serving(handler) as (_, port), FakeCall(port) as call:
        await call.line.gone.wait()
        assert call.line.commands == LET_GO
        assert len(refused) == 3


async def test_calls_above_the_limit_are_let_go_at_once(tidy: None) -> None:
    async with serving(forever, limit=2) as (server, port), AsyncExitStack() as stack:
        first = [await stack.enter_async_context(FakeCall(port)) for _ in range(2)]
        for call in first:
            await call.line.heard("connect")
        third = await stack.enter_async_context(FakeCall(port))
        await third.line.gone.wait()
        assert third.line.commands == LET_GO
        assert server.refused == 1
        first[0].line.close()
        await first[0].line.gone.wait()


async def test_a_place_is_free_again_when_a_call_has_ended(tidy: None) -> None:
    async def handler(session: Session) -> None:
        await session.ended

    async with serving(handler, limit=1) as (server, port):
        for _ in range(3):
            async with FakeCall(port) as call:
                await call.line.heard("connect")
                call.line.close()
            await until(lambda: len(server) == 0)
        assert server.refused == 0


@pytest.mark.parametrize(
    "answer",
    [
        lambda peer, command: None,  # nothing
        reply("+OK"),  # no channel
        reply("-ERR no"),
        response("what"),
        b"Content-Length: x\n\n",
    ],
)
async def test_a_peer_that_is_no_pbx_is_dropped(
    tidy: None, answer: bytes | Callable[[Peer, str], bytes | None]
) -> None:
    called: list[Session] = []

    async def handler(session: Session) -> None:
        called.append(session)

    async with serving(handler, connect_timeout=0.05) as (server, port), FakeCall(port) as call:
        call.say("connect", answer)
        await call.line.gone.wait()
        await until(lambda: len(server) == 0)
        assert not called


async def test_closing_lets_the_calls_in_progress_go_and_takes_no_more(tidy: None) -> None:
    begun: list[str] = []
    ended: list[str] = []

    async def handler(session: Session) -> None:
        begun.append(session.unique_id)
        try:
            await session.ended
        finally:
            ended.append(session.unique_id)

    async with serving(handler) as (server, port), AsyncExitStack() as stack:
        calls = [await stack.enter_async_context(FakeCall(port, f"u-{i}")) for i in range(20)]
        await until(lambda: len(begun) == 20)
        await server.close()
        assert sorted(ended) == sorted(f"u-{i}" for i in range(20))
        assert len(server) == 0
        for i, call in enumerate(calls):
            await call.line.gone.wait()
            assert call.line.commands == ["connect", PROTECT.replace("u-1", f"u-{i}"), "exit"]
        with pytest.raises(ConnectionError):
            await asyncio.open_connection("127.0.0.1", port)
        await server.close()


async def test_closing_before_a_session_has_begun(tidy: None) -> None:
    """A connection that was accepted in the same moment must not stay open."""
    async with serving(forever) as (server, port):
        original, calls = server._accept, []

        def accept() -> asyncio.BaseProtocol:
            connection = original()
            calls.append(asyncio.ensure_future(server.close()))
            return connection

        assert server._server is not None
        await server.close()
        server._closing = False
        loop = asyncio.get_running_loop()
        server._server = await loop.create_server(accept, "127.0.0.1", port)
        async with FakeCall(port) as call:
            await call.line.gone.wait()
            assert call.line.commands == LET_GO
        await asyncio.gather(*calls)
        assert len(server) == 0


async def test_a_handler_that_will_not_end_does_not_hold_up_the_close(
    tidy: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voiced.esl.server.LETTING_GO", 0.05)
    release = asyncio.Event()

    async def stubborn(session: Session) -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    async with serving(stubborn) as (server, port), FakeCall(port) as call:
        await call.line.heard("connect")
        await server.close()
        await call.line.gone.wait()
        release.set()
        await until(lambda: len(server) == 0)


async def test_a_call_that_comes_while_it_closes_is_let_go(tidy: None) -> None:
    async with serving(forever) as (server, port):
        server._closing = True  # as in the moment between the two
        async with FakeCall(port) as call:
            await call.line.gone.wait()
            assert call.line.commands == LET_GO


async def test_a_burst_of_calls(tidy: None) -> None:
    served: set[str] = set()

    async def handler(session: Session) -> None:
        served.add(session.unique_id)

    async with serving(handler) as (_, port), AsyncExitStack() as stack:
        calls = [FakeCall(port, f"u-{i}") for i in range(150)]
        await asyncio.gather(*(stack.enter_async_context(call) for call in calls))
        await asyncio.gather(*(call.line.gone.wait() for call in calls))
        assert len(served) == 150


async def test_a_port_that_is_taken(tidy: None) -> None:
    async with serving(forever) as (_, port):
        with pytest.raises(OSError, match="in use"):
            await OutboundServer(forever).start(port=port)


async def refuses(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


async def test_it_refuses_connections_until_it_shall_listen(tidy: None) -> None:
    """The PBX tries the next host, where it is refused."""
    server = OutboundServer(forever)
    await server.listen()  # not started: there is no port to listen on
    port = await server.start(listening=False)
    assert await refuses(port)
    await server.listen()
    async with FakeCall(port) as call:
        await call.line.heard("connect")
        server.refuse()
        assert await refuses(port)
        assert len(server) == 1, "who is served already is served on"
        await server.listen()
        async with FakeCall(port, "u-2") as another:
            await another.line.heard("connect")
        await server.close()
    await server.listen()
    assert await refuses(port)
