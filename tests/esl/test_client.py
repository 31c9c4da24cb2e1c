"""The inbound client against a fake event socket on loopback."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.esl.fake import Answer, FakePbx, Peer, event, framed, job_of, reply, response, taken, until
from voiced.esl import (
    Accepted,
    AuthenticationFailed,
    CannotConnect,
    Client,
    Command,
    CommandRefused,
    EslError,
    EventsLost,
    InvalidValue,
    LogLine,
    NotSent,
    ProtocolError,
    Rejected,
    Unconfirmed,
    Undelivered,
    connect,
)
from voiced.esl.connection import MAX_UNWRITTEN


@asynccontextmanager
async def running(pbx: FakePbx, **settings: Any) -> AsyncIterator[Client]:
    """A client that is kept running, as a daemon does; reconnects quickly."""
    client = Client("127.0.0.1", pbx.port, "ClueCon", **{"longest_pause": 0.01, **settings})
    task = asyncio.create_task(client.run())
    try:
        yield client
    finally:
        task.cancel()
        await asyncio.wait([task])


@asynccontextmanager
async def connected(pbx: FakePbx, **settings: Any) -> AsyncIterator[tuple[Client, Peer]]:
    async with running(pbx, **settings) as client:
        await until(lambda: client.is_connected)
        yield client, pbx.peers[-1]


def never(peer: Peer, command: str) -> None:
    """The answer of a PBX that hangs."""


class Story(list[str]):
    """What the owner of a client was told."""

    def lost(self, reason: EslError) -> None:
        self.append("lost")

    def back(self) -> None:
        self.append("back")


# -- logging in ------------------------------------------------------------------------------------------


async def test_it_logs_in_and_subscribes_with_subclasses_last(pbx: FakePbx) -> None:
    names = ["CUSTOM sofia::register", "HEARTBEAT", "CUSTOM callcenter::info"]
    async with connected(pbx, events=names) as (client, peer):
        assert client.is_connected
        assert peer.commands == [
            "auth ClueCon",
            "event plain BACKGROUND_JOB HEARTBEAT CUSTOM sofia::register callcenter::info",
        ]


async def test_connect_gives_a_client_for_a_block_and_says_goodbye(pbx: FakePbx) -> None:
    async with connect("127.0.0.1", pbx.port, "ClueCon", events=["HEARTBEAT"]) as client:
        assert (await client.api("echo olá")).text == "olá"
        [peer] = pbx.peers
    assert peer.commands == [
        "auth ClueCon", "event plain BACKGROUND_JOB HEARTBEAT", "api echo olá", "exit",
    ], "each once"  # fmt: skip
    await peer.gone.wait()
    assert not client.is_connected


@pytest.mark.parametrize(
    ("error", "prepare"),
    [
        (AuthenticationFailed, lambda pbx: pbx.say("auth ", reply("-ERR invalid"))),
        (CannotConnect, lambda pbx: pbx.say("event ", reply("-ERR no keywords supplied"))),
        (CannotConnect, lambda pbx: setattr(pbx, "greeting", b"HTTP/1.1 400\nContent-Length: x\n\n")),
        (Rejected, lambda pbx: setattr(pbx, "greeting", framed("text/rude-rejection", b"Access Denied\n"))),
    ],
)  # fmt: skip
async def test_a_first_connection_that_fails_raises_and_leaves_no_socket(
    pbx: FakePbx, error: type[EslError], prepare: Callable[[FakePbx], None]
) -> None:
    prepare(pbx)
    with pytest.raises(error) as caught:
        async with connect("127.0.0.1", pbx.port, "ClueCon"):
            pass
    assert type(caught.value) is error
    await pbx.peers[0].gone.wait()


async def test_a_password_that_is_wrong(pbx: FakePbx) -> None:
    with pytest.raises(AuthenticationFailed, match="-ERR invalid"):
        async with connect("127.0.0.1", pbx.port, "wrong"):
            pass


async def test_nobody_listens(pbx: FakePbx) -> None:
    pbx.vanish()
    with pytest.raises(CannotConnect, match=f"127.0.0.1:{pbx.port}"):
        async with connect("127.0.0.1", pbx.port):
            pass


@pytest.mark.parametrize(
    ("host", "port"), [("a..b", 1), ("x" * 70, 1), ("\udcff", 1), ("a\0b", 1), ("127.0.0.1", 70000)]
)
async def test_what_no_resolver_takes_is_a_pbx_that_cannot_be_connected_to(host: str, port: int) -> None:
    with pytest.raises(CannotConnect, match=f":{port}") as caught:
        async with connect(host, port):
            pass
    assert str(caught.value).isprintable()
    client = Client(host, port, "x", longest_pause=0.001)
    with capture_logs() as logs:
        running = asyncio.create_task(client.run())
        await until(lambda: len(logs) >= 2)  # goes on trying, as with any other PBX that is not there
        await client.close()
        await running
    assert {line["event"] for line in logs} == {"cannot connect to the PBX"}


@pytest.mark.parametrize("silent", ["greeting", "auth ", "event "])
async def test_a_pbx_that_accepts_and_then_says_nothing(pbx: FakePbx, silent: str) -> None:
    if silent == "greeting":
        pbx.greeting = b""
    else:
        pbx.say(silent, never)
    client = Client("127.0.0.1", pbx.port, "ClueCon", connect_timeout=0.05)
    with pytest.raises(CannotConnect, match="did not answer"):
        await client._link.connect()
    await pbx.peers[0].gone.wait()


@pytest.mark.parametrize("settings", [{"password": "a\n\nexit"}, {"events": ["A B"]}, {"events": ["a"]}])
def test_what_could_never_connect_is_refused_at_once(settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        Client(**{"host": "127.0.0.1", "port": 1, "password": "x", **settings})


async def test_giving_up_while_connecting_leaves_no_socket(pbx: FakePbx) -> None:
    pbx.say("auth ", never)
    async with running(pbx):
        await until(lambda: pbx.peers and pbx.peers[0].all("auth "))
    await pbx.peers[0].gone.wait()


# -- commands and their replies ---------------------------------------------------------------------------


async def test_fifty_pipelined_commands_get_their_own_replies(pbx: FakePbx) -> None:
    async with connected(pbx) as (client, _):
        replies = await asyncio.gather(*(client.api(f"echo {i}") for i in range(50)))
        assert [reply.text for reply in replies] == [str(i) for i in range(50)]


async def test_replies_of_both_kinds_stand_in_one_line(pbx: FakePbx) -> None:
    """A denied api command is answered by a command/reply."""
    pbx.say("api secret", reply("-ERR permission denied"))
    pbx.say("filter", reply("+OK filter added."))
    async with connected(pbx) as (client, _):
        asked = [
            client.api("echo 1"),
            client.api("secret"),
            client.ask(Command("filter a b")),
            client.api("echo 2"),
        ]
        texts = [answer.text for answer in await asyncio.gather(*asked)]
        assert texts == ["1", "-ERR permission denied", "+OK filter added.", "2"]


async def test_a_refusal_is_a_reply_and_the_connection_goes_on(pbx: FakePbx) -> None:
    async with connected(pbx) as (client, _):
        refusal = await client.api("uuid_bridge a b")
        assert (refusal.ok, refusal.text) == (False, "-ERR command not found")
        assert (await client.api("echo still here")).text == "still here"
        assert client.stats.commands["refused"] == 1
        assert client.stats.reconnects == 0


async def test_the_late_reply_of_a_timed_out_command_reaches_nobody(pbx: FakePbx) -> None:
    release = pbx.hold_back("api slow", response("late"))
    async with connected(pbx) as (client, _):
        with pytest.raises(Unconfirmed, match=r"no reply within 0.01 s to api slow"):
            await client.api("slow", timeout=0.01)
        next_one = asyncio.create_task(client.api("echo next"))
        await asyncio.sleep(0)
        release.set()
        assert (await next_one).text == "next"
        assert client.stats.commands["timeout"] == 1


async def test_the_late_reply_of_a_cancelled_command_reaches_nobody(pbx: FakePbx) -> None:
    release = pbx.hold_back("api slow", response("late"))
    async with connected(pbx) as (client, peer):
        given_up = [asyncio.create_task(client.api(f"slow {i}")) for i in range(3)]
        await peer.heard("api slow")
        for task in given_up:
            task.cancel()
        client.send(Command("api echo nobody waits for this")).cancel()
        following = asyncio.create_task(client.api("echo next"))
        await asyncio.sleep(0)
        release.set()
        assert (await following).text == "next"
        assert all(task.cancelled() for task in given_up)


async def test_text_that_cannot_be_sent_does_not_shift_the_replies(pbx: FakePbx) -> None:
    async with connected(pbx) as (client, _):
        for bad in ("a\n\nexit", "a\ud800", "a\0"):
            with pytest.raises(InvalidValue):
                await client.api(bad)
        assert (await client.api("echo 1")).text == "1"


async def test_a_large_reply(pbx: FakePbx) -> None:
    large = "x" * 5_000_000
    pbx.say("api show channels", response(large))
    async with connected(pbx) as (client, _):
        assert (await client.api("show channels as json")).text == large


async def test_a_large_command_arrives_whole(pbx: FakePbx) -> None:
    """More than the socket takes at once: `send` for `sendall` would lose the rest."""
    large = "y" * 3_000_000
    pbx.say("api sum", lambda peer, command: response(str(len(command))))
    async with connected(pbx) as (client, _):
        assert (await client.api("sum " + large)).text == str(len("api sum " + large))


async def test_a_pbx_that_does_not_read_is_told_no_more(pbx: FakePbx) -> None:
    stuck = asyncio.Event()

    async def hang(peer: Peer, command: str) -> None:
        await stuck.wait()

    pbx.say("api hang", hang)
    async with connected(pbx) as (client, _):
        replies = [client.send(Command("api hang " + "z" * 1_000_000)) for _ in range(30)]
        refused = [each for each in replies if each.done()]
        assert refused
        for each in refused:
            with pytest.raises(NotSent, match="does not read"):
                await each
        assert len(replies) - len(refused) >= MAX_UNWRITTEN // 1_000_000
        stuck.set()


async def test_commands_without_a_connection_are_not_sent_and_never_go_out_later(pbx: FakePbx) -> None:
    async with connected(pbx) as (client, _):
        pbx.vanish()
        await until(lambda: not client.is_connected)
        await until(lambda: client._link.connection is None)
        for attempt in (
            client.api("uuid_kill u-1"),
            client.ask(Command("nolog")),
            client.bgapi("originate x"),
        ):
            with pytest.raises(NotSent) as caught:
                await attempt
            assert caught.value.stage == "not-sent"
        client.send(Command("api echo ignored"))
        await pbx.listen()
        await until(lambda: client.is_connected)
        assert (await client.api("echo first")).text == "first"
        commands = [command.split()[0] for peer in pbx.peers for command in peer.commands]
        assert commands == ["auth", "event", "auth", "event", "api"]


async def test_commands_between_the_loss_and_its_notice_are_not_sent(pbx: FakePbx) -> None:
    notices: list[BaseException | None] = []

    async with connected(pbx) as (client, peer):

        def on_hangup(_: object) -> None:  # in the same read as the disconnect notice
            asyncio.get_running_loop().call_soon(
                lambda: notices.append(client.send(Command("nolog")).exception())
            )

        client.on(on_hangup, name="CHANNEL_HANGUP")
        pbx.say("api die", event("CHANNEL_HANGUP", "u-1") + framed("text/disconnect-notice", b"bye"))
        with pytest.raises(Unconfirmed, match="ended the connection"):
            await client.api("die")
        await until(lambda: notices)
        assert isinstance(notices[0], NotSent)
        assert not peer.all("nolog")


# -- jobs ------------------------------------------------------------------------------------------------


async def test_a_job_and_its_result(pbx: FakePbx) -> None:
    async with connected(pbx) as (client, peer):
        result = await client.bgapi("echo +OK c2220868")
        assert (result.ok, result.value) == (True, "c2220868")
        assert result.job_uuid == job_of(peer.all("bgapi")[0])
        assert not client._waiters


async def test_results_reach_their_jobs_in_any_order(pbx: FakePbx) -> None:
    waiting: list[str] = []

    def later(peer: Peer, command: str) -> bytes:
        waiting.append(command)
        if len(waiting) == 10:
            for each in reversed(waiting):
                text = each.split("\n")[0].removeprefix("bgapi later ")
                peer.send(event("BACKGROUND_JOB", Job_UUID=job_of(each), body=text))
        return taken(peer, command)

    pbx.say("bgapi later", later)
    async with connected(pbx) as (client, _):
        results = await asyncio.gather(*(client.bgapi(f"later {i}") for i in range(10)))
        assert [result.text for result in results] == [str(i) for i in range(10)]


async def test_a_result_may_come_before_the_reply(pbx: FakePbx) -> None:
    """The job is waited for before it is written: nothing is quicker."""
    pbx.say(
        "bgapi",
        lambda peer, c: event("BACKGROUND_JOB", Job_UUID=job_of(c), body="+OK quick\n") + taken(peer, c),
    )
    async with connected(pbx) as (client, _):
        assert (await client.bgapi("anything")).text == "+OK quick"


async def test_the_owner_may_choose_the_id_of_a_job(pbx: FakePbx) -> None:
    async with connected(pbx) as (client, peer):
        job = client.start_job("echo x", "7.1")
        assert job.uuid == "7.1"
        assert (await job.result).text == "x"
        assert job.accepted
        assert peer.all("bgapi") == ["bgapi echo x\nJob-UUID: 7.1"]
        job.forget()


async def test_a_job_that_is_refused(pbx: FakePbx) -> None:
    pbx.say("bgapi", reply("-ERR command not found"))
    async with connected(pbx) as (client, _):
        with pytest.raises(CommandRefused) as caught:
            await client.bgapi("nonsense")
        assert caught.value.reply == "-ERR command not found"
        assert client.is_connected
        assert not client._waiters


@pytest.mark.parametrize(("answer", "stage"), [(taken, Accepted), (never, Unconfirmed)])
async def test_a_job_without_a_result_ends_at_its_deadline(
    pbx: FakePbx, answer: Answer, stage: type[EslError]
) -> None:
    pbx.say("bgapi", answer)
    async with connected(pbx) as (client, peer):
        with pytest.raises(stage, match="no result"):
            await client.bgapi("originate user/1001 &park()", timeout=0.05)
        assert not client._waiters
        assert not client._router._by_job
        if answer is never:
            peer.send(taken(peer, peer.all("bgapi")[0]))
        late = event("BACKGROUND_JOB", Job_UUID=job_of(peer.all("bgapi")[0]), body="+OK")
        peer.send(late + event("HEARTBEAT"))
        await client.wait_for("HEARTBEAT", timeout=5)
        assert client.is_connected


async def test_a_job_that_is_never_run_is_not_waited_for_for_ever(pbx: FakePbx) -> None:
    """By somebody who only left a callback; nothing of it is left."""
    pbx.say("bgapi", taken)
    ended: list[BaseException | None] = []
    async with connected(pbx) as (client, _):
        job = client.start_job("originate user/1001 &park()", timeout=0.01)
        job.result.add_done_callback(lambda result: ended.append(result.exception()))
        await until(lambda: ended)
        assert isinstance(ended[0], Accepted)
        assert not client._waiters
        assert not client._router._by_job


async def test_a_cancelled_job_leaves_nothing_behind(pbx: FakePbx) -> None:
    pbx.say("bgapi", taken)
    async with connected(pbx) as (client, peer):
        task = asyncio.create_task(client.bgapi("x"))
        await peer.heard("bgapi")
        task.cancel()
        await asyncio.wait([task])
        given_up = asyncio.wait_for(client.start_job("y").result, 0.01)
        with pytest.raises(TimeoutError):
            await given_up
        assert task.cancelled()
        assert not client._waiters
        assert not client._router._by_job


# -- losses ----------------------------------------------------------------------------------------------


LAST_WORDS = {
    "mid-frame": event("CHANNEL_ANSWER", "u-1")[:-3],
    "mid-reply": response("half of it, and no more")[:-9],
    "mid-result": event("BACKGROUND_JOB", body="+OK half")[:-4],
    "notice": framed("text/disconnect-notice", b"bye"),
    "garbage": b"Content-Length: x\n\n",
}


@pytest.mark.parametrize("how", ["close", "reset", "a reply to no command", *LAST_WORDS])
async def test_whoever_waits_learns_of_a_loss_before_the_owner_does(pbx: FakePbx, how: str) -> None:
    """At once, that is, and each with the error that says how far it had come."""
    pbx.say("api slow", never)
    pbx.say("bgapi accepted", taken)
    pbx.say("bgapi unconfirmed", never)
    done: list[bool] = []
    async with connected(pbx, on_lost=lambda reason: done.append(all(each.done() for each in waiting))) as (
        client,
        peer,
    ):
        jobs = [client.start_job("accepted"), client.start_job("unconfirmed")]
        waiting: list[asyncio.Future[Any]] = [
            client.wait_for("CHANNEL_ANSWER", "u-1"),
            client.wait_for(["DTMF", "CHANNEL_HANGUP"]),
            jobs[0].result,
            jobs[1].result,
            client.send(Command("api slow")),
        ]
        await until(lambda: jobs[0].accepted)
        await peer.heard("api slow")
        if how == "a reply to no command":
            peer.send(taken(peer, peer.all("bgapi")[1]) + response("") + reply("+OK"))
            waiting = waiting[:3]  # the others were given these two
            await until(lambda: client.stats.reconnects)
        else:
            peer.send(LAST_WORDS.get(how, b""))
            if how == "reset":
                peer.reset()
            elif how == "close" or how.startswith("mid-"):
                peer.close()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(result) for result in results] == [
            EventsLost, EventsLost, Accepted, Unconfirmed, Unconfirmed,
        ][: len(waiting)]  # fmt: skip
        await until(lambda: done)
        assert done == [True]
        stages = [result.stage for result in results if isinstance(result, Undelivered)]
        assert stages == ["accepted", "unconfirmed", "unconfirmed"][: len(waiting) - 2]
        assert not client._waiters
        await until(lambda: client.is_connected)
        assert client.stats.protocol_errors == (how in ("garbage", "a reply to no command"))


async def test_it_subscribes_again_and_tells_its_owner(pbx: FakePbx) -> None:
    story = Story()
    async with connected(pbx, events=["DTMF", "CUSTOM a::b"], on_lost=story.lost, on_back=story.back) as (
        client,
        peer,
    ):
        await client.subscribe("HEARTBEAT", "CUSTOM c::d")
        assert peer.commands[-1] == "event plain HEARTBEAT CUSTOM c::d"
        peer.reset()
        second = await pbx.peer(2)
        await until(lambda: story == ["back", "lost", "back"])
        assert second.commands == [
            "auth ClueCon",
            "event plain BACKGROUND_JOB DTMF HEARTBEAT CUSTOM a::b c::d",
        ]
        assert client.stats.reconnects == 1
        answer = client.wait_for("CHANNEL_ANSWER", "u-1", timeout=5)
        second.send(event("CHANNEL_ANSWER", "u-1"))
        assert (await answer).unique_id == "u-1"


async def test_a_pbx_that_comes_back_later(pbx: FakePbx) -> None:
    story = Story()
    async with connected(pbx, on_lost=story.lost, on_back=story.back) as (client, _):
        pbx.vanish()
        await until(lambda: story == ["back", "lost"])
        assert not client.is_connected
        await pbx.listen()
        await until(lambda: client.is_connected)
        assert story == ["back", "lost", "back"]


async def test_a_pbx_that_comes_back_after_a_minute(pbx: FakePbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the pauses of a daemon, on a clock that runs as fast as they are slept through."""
    passed, attempts, real_sleep = 0.0, 0, asyncio.sleep

    async def sleep(seconds: float, result: object = None) -> None:
        nonlocal passed, attempts
        if seconds > 0.001:  # else it is the test itself that waits
            passed, attempts = passed + seconds, attempts + 1
            if passed - seconds < 60 <= passed:
                await pbx.listen()
        await real_sleep(min(seconds, 0.001))

    async with connected(pbx, longest_pause=5.0, events=["DTMF"]) as (client, _):
        waiting = client.wait_for("DTMF")
        monkeypatch.setattr(asyncio, "sleep", sleep)
        pbx.vanish()
        with pytest.raises(EventsLost):
            await waiting
        with pytest.raises(NotSent):
            await client.api("status")
        await until(lambda: client.is_connected)
        assert 60 <= passed < 65  # within the longest pause of its return
        assert attempts < 120  # and without hammering at the door
        assert pbx.peers[-1].all("event ") == ["event plain BACKGROUND_JOB DTMF"]


async def test_waiters_end_within_a_tenth_of_a_second_of_a_loss(pbx: FakePbx) -> None:
    """A thousand of them, from the reset on, by the clock on the wall; best of five, the machine is busy."""
    pbx.say("api slow", never)
    pbx.say("bgapi", never)
    took: list[float] = []
    async with running(pbx) as client:
        for number in range(1, 6):
            await until(lambda: client.is_connected)
            peer = pbx.peers[-1]
            waiting = waiters(client, 900)
            waiting += [client.start_job(f"slow {number}").result for number in range(50)]
            waiting += [client.send(Command("api slow")) for _ in range(50)]
            await peer.heard("api slow", 50)
            began = time.perf_counter()
            peer.reset()
            await asyncio.wait(waiting)
            took.append(time.perf_counter() - began)
            if took[-1] < 0.1:
                break
    assert min(took) < 0.1, took


def waiters(client: Client, count: int) -> list[asyncio.Future[Any]]:
    """Those who wait for an event of a channel of their own, half of them for a limited time."""
    return [
        client.wait_for("CHANNEL_ANSWER", f"u-{number}", timeout=3600 if number % 2 else None)
        for number in range(count)
    ]


async def test_a_thousand_waiters_cost_an_event_no_more_than_ten(pbx: FakePbx) -> None:
    """CPU from the bytes to the listener, turn by turn: what else the machine does falls on both."""
    heard = 0

    def listen(_: object) -> None:
        nonlocal heard
        heard += 1

    async with connected(pbx) as (client, _):
        connection = client._link.connection
        assert connection is not None
        client.on(listen, name=["CHANNEL_ANSWER", "CHANNEL_EXECUTE"])
        names = ["CHANNEL_ANSWER", "CHANNEL_EXECUTE"]
        data = b"".join(event(names[number % 2], f"other-{number}") for number in range(500))

        def cost() -> float:
            began = time.thread_time()
            connection.get_buffer(-1)[: len(data)] = data
            connection.buffer_updated(len(data))
            return time.thread_time() - began

        found: dict[int, list[float]] = {10: [], 1000: []}
        for _turn in range(15):
            for count, costs in found.items():
                waiting = waiters(client, count)
                jobs = [client._router.on(listen, job_uuid=f"j-{number}") for number in range(count)]
                costs.append(cost())
                for future in waiting:
                    future.cancel()
                for job in jobs:
                    job.off()
                await asyncio.sleep(0)
        assert heard == 2 * 15 * 500
        assert min(found[1000]) < 1.5 * min(found[10]), found


async def test_a_pbx_that_refuses_for_a_while_after_a_loss(pbx: FakePbx) -> None:
    """While it restarts it may refuse the password, or drop the connection at any step."""
    async with connected(pbx) as (client, peer):
        pbx.say("auth ", lambda peer, c: peer.reset() if len(pbx.peers) < 4 else reply("+OK accepted"))
        peer.reset()
        await until(lambda: client.is_connected and len(pbx.peers) == 4)
        for each in pbx.peers[:3]:
            await each.gone.wait()


async def test_pauses_grow_and_are_jittered_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    real_sleep = asyncio.sleep

    async def sleep(seconds: float, result: object = None) -> None:
        if seconds:
            pauses.append(seconds)
        await real_sleep(0)
        if len(pauses) == 400:
            await client.close()

    async def refuse() -> None:
        raise CannotConnect("nobody listens")

    client = Client("127.0.0.1", 1, "x", longest_pause=5.0)
    monkeypatch.setattr(client._link, "connect", refuse)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    with capture_logs() as logs:
        await client.run()
    assert [line["attempt"] for line in logs] == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    for attempt, pause in enumerate(pauses):
        assert 0 <= pause <= min(5.0, 0.25 * 2**attempt)
    assert len(set(pauses)) > 300  # jitter
    assert max(pauses) > 4.0
    assert sum(pauses[100:]) / 300 > 1.5


@pytest.mark.parametrize("lasting", [False, True], ids=["at once", "after a while"])
async def test_a_pbx_that_takes_connections_and_drops_them_is_not_hammered(
    pbx: FakePbx, monkeypatch: pytest.MonkeyPatch, lasting: bool
) -> None:
    """Connections that die young let the pauses grow; one that has lasted begins anew with the shortest."""
    pauses: list[float] = []
    story, real_sleep, clock = Story(), asyncio.sleep, [0.0]

    async def sleep(seconds: float, result: object = None) -> None:
        if seconds > 0.001:
            pauses.append(seconds)
        await real_sleep(min(seconds, 0.001))

    def back() -> None:
        story.back()
        clock[0] += 6.0 if lasting else 4.0
        pbx.peers[-1].reset()

    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr("tenacity.wait.random.uniform", lambda low, high: high)  # the longest they may be
    monkeypatch.setattr(
        "voiced.esl.link.time", SimpleNamespace(monotonic=lambda: time.monotonic() + clock[0])
    )
    async with running(pbx, longest_pause=5.0, quiet_limit=3600, on_lost=story.lost, on_back=back):
        await until(lambda: len(story) >= 16)
    assert story[:16] == ["back", "lost"] * 8
    if lasting:
        assert not pauses
    else:
        assert pauses[:7] == [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


async def test_a_peer_that_is_dead_without_a_word_is_found(pbx: FakePbx) -> None:
    story = Story()
    async with connected(
        pbx, quiet_limit=0.02, reply_timeout=0.02, on_lost=story.lost, on_back=story.back
    ) as (client, peer):
        waiting = client.wait_for("CHANNEL_ANSWER", "u-1")
        pbx.say("api strepoch", never)
        with pytest.raises(EventsLost, match="no reply within"):
            await waiting
        await peer.gone.wait()
        pbx.say("api strepoch", response("1"))
        await until(lambda: story[:3] == ["back", "lost", "back"])
        assert peer.all("api strepoch")


async def test_a_peer_that_is_only_quiet_is_kept(pbx: FakePbx) -> None:
    async with connected(pbx, quiet_limit=0.01) as (client, peer):
        await peer.heard("api strepoch", 3)
        assert client.stats.reconnects == 0


async def test_whatever_the_pbx_says_is_a_sign_of_life(pbx: FakePbx) -> None:
    async with connected(pbx) as (client, peer):
        assert client._link.connection is not None
        for frame in (event("HEARTBEAT"), framed("log/data", b"x"), event("DTMF")[:10]):
            client._link.connection.heard_at = 0.0
            peer.send(frame)
            await until(lambda: client._link.connection and client._link.connection.heard_at > 0)


# -- events ----------------------------------------------------------------------------------------------


async def test_a_listener_that_raises_stops_neither_the_others_nor_the_reader(pbx: FakePbx) -> None:
    heard: list[str] = []

    def bad(_: object) -> None:
        raise ZeroDivisionError("a bug of the listener")

    async with connected(pbx) as (client, peer):
        client.on(bad, name="DTMF")
        client.on(lambda each: heard.append(each["N"]), name="DTMF")
        peer.send(event("DTMF", N="0") + event("DTMF", N="1"))
        await until(lambda: heard == ["0", "1"])
        assert client.stats.listener_errors == 2
        assert (await client.api("echo fine")).text == "fine"


async def test_log_lines_go_to_on_log(pbx: FakePbx) -> None:
    lines: list[LogLine] = []

    def on_log(line: LogLine) -> None:
        lines.append(line)
        raise ZeroDivisionError("a bug of the listener")

    async with connected(pbx, on_log=on_log) as (client, peer):
        peer.send(framed("log/data", b"hello\n", b"Log-Level: 5") * 2 + framed("text/event-xml", b"<event/>"))
        await until(lambda: client.stats.unknown_frames)
        assert lines == [LogLine(5, "hello\n")] * 2
        assert client.stats.listener_errors == 2
        assert client.is_connected


async def test_waiting_begins_with_the_call_and_not_with_the_await(pbx: FakePbx) -> None:
    pbx.say("api answer", event("CHANNEL_ANSWER", "u-1") + response("+OK"))
    async with connected(pbx) as (client, _):
        answered = client.wait_for("CHANNEL_ANSWER", "u-1", timeout=5)
        await client.api("answer")
        assert (await answered).name == "CHANNEL_ANSWER"
        assert not client._waiters
        assert not client._router._by_channel


async def test_waiting_ends_at_its_time(pbx: FakePbx) -> None:
    async with connected(pbx) as (client, peer):
        waiting = client.wait_for(["CHANNEL_ANSWER", "CHANNEL_HANGUP"], "u-1", timeout=0.01)
        peer.send(event("CHANNEL_ANSWER", "u-2") + event("CHANNEL_CREATE", "u-1"))
        with pytest.raises(TimeoutError, match=r"no CHANNEL_ANSWER or CHANNEL_HANGUP within 0.01 s"):
            await waiting
        await until(lambda: not client._waiters)


async def test_who_gives_up_waiting_leaves_nothing_behind(pbx: FakePbx) -> None:
    async with connected(pbx) as (client, _):
        client.wait_for("CHANNEL_ANSWER", "u-1", timeout=1).cancel()
        ignored = client.wait_for("DTMF", timeout=0.01)
        await until(ignored.done)
        await until(lambda: not client._waiters)
        assert not client._router._by_channel


async def test_waiting_without_a_connection_fails_at_once(pbx: FakePbx) -> None:
    client = Client("127.0.0.1", pbx.port, "ClueCon")
    with pytest.raises(EventsLost, match="not connected"):
        await client.wait_for("CHANNEL_ANSWER", "u-1")
    assert not client._waiters


async def test_subscribing_while_it_connects_reaches_that_connection(pbx: FakePbx) -> None:
    release = asyncio.Event()

    async def slowly(peer: Peer, command: str) -> bytes:
        await release.wait()
        return reply("+OK event listener enabled plain")

    pbx.say("event ", slowly)
    async with running(pbx) as client:
        await until(lambda: pbx.peers and pbx.peers[0].all("event "))
        await client.subscribe("DTMF")
        release.set()
        await until(lambda: client.is_connected)
        assert pbx.peers[0].all("event ")[-1] == "event plain BACKGROUND_JOB DTMF"


async def test_subscribing_can_be_refused(pbx: FakePbx) -> None:
    async with connected(pbx) as (client, peer):
        with pytest.raises(InvalidValue):
            await client.subscribe("DTMF\nHEARTBEAT")
        pbx.say("event ", reply("-ERR no keywords supplied"))
        with pytest.raises(CommandRefused, match="no keywords"):
            await client.subscribe("NO_SUCH_EVENT")
        assert len(peer.all("event ")) == 2


# -- ending ----------------------------------------------------------------------------------------------


async def test_closing_says_goodbye_and_ends_run_and_every_waiter(pbx: FakePbx) -> None:
    story = Story()
    pbx.say("api slow", never)
    client = Client("127.0.0.1", pbx.port, "ClueCon", on_lost=story.lost, on_back=story.back)
    async with asyncio.TaskGroup() as group:
        group.create_task(client.run())
        await until(lambda: client.is_connected)
        pbx.say("bgapi", taken)
        waiting: list[asyncio.Future[Any]] = [client.wait_for("DTMF"), client.start_job("slow").result]
        await client.close()
        assert all(each.done() for each in waiting)
        assert not client.is_connected
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [EventsLost, Accepted]
    assert story == ["back"]
    await client.close()
    await client.run()  # ends at once
    with pytest.raises(NotSent):
        await client.api("status")


async def test_closing_while_it_cannot_connect(pbx: FakePbx) -> None:
    pbx.vanish()
    client = Client("127.0.0.1", pbx.port, "ClueCon", longest_pause=60)
    running = asyncio.create_task(client.run())
    await asyncio.sleep(0.01)
    await client.close()
    await running
    assert len(pbx.peers) == 0


async def test_closing_a_connection_that_hangs(pbx: FakePbx, monkeypatch: pytest.MonkeyPatch) -> None:
    pbx.say("exit", never)
    monkeypatch.setattr("voiced.esl.link.GOODBYE_TIMEOUT", 0.01)
    async with connect("127.0.0.1", pbx.port):
        pass
    await pbx.peers[0].gone.wait()


async def test_leaving_the_block_while_it_reconnects(pbx: FakePbx) -> None:
    async with connect("127.0.0.1", pbx.port) as client:
        pbx.vanish()
        await until(lambda: not client.is_connected)
    assert not client.is_connected


async def test_the_error_of_a_block_is_the_one_that_is_raised(pbx: FakePbx) -> None:
    with pytest.raises(ZeroDivisionError):
        async with connect("127.0.0.1", pbx.port):
            raise ZeroDivisionError


async def test_cancelling_run_ends_every_waiter_and_the_socket(pbx: FakePbx) -> None:
    pbx.say("api slow", never)
    pbx.say("bgapi", never)
    client = Client("127.0.0.1", pbx.port, "ClueCon")
    task = asyncio.create_task(client.run())
    await until(lambda: client.is_connected)
    waiting: list[asyncio.Future[Any]] = [
        client.wait_for("DTMF"),
        client.send(Command("api slow")),
        client.start_job("slow").result,
    ]
    task.cancel()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(result, EventsLost | Unconfirmed | Accepted) for result in results)
    await asyncio.wait([task])
    assert task.cancelled()
    await pbx.peers[0].gone.wait()


async def test_one_client_runs_once(pbx: FakePbx) -> None:
    async with connected(pbx) as (client, _):
        with pytest.raises(RuntimeError, match="running already"):
            await client.run()
        assert client.is_connected


async def test_an_owner_that_fails_ends_run_loudly_and_leaves_nobody_waiting(pbx: FakePbx) -> None:
    def on_back() -> None:
        waiting.append(client.wait_for("DTMF"))
        raise ZeroDivisionError("a bug of the owner")

    waiting: list[asyncio.Future[Any]] = []
    client = Client("127.0.0.1", pbx.port, "ClueCon", on_back=on_back)
    with pytest.raises(ZeroDivisionError):
        await client.run()
    with pytest.raises(EventsLost):
        await waiting[0]
    await pbx.peers[0].gone.wait()
    assert not client.is_connected


def test_a_loop_that_ends_under_the_client(capsys: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        async with FakePbx() as pbx:
            client = Client("127.0.0.1", pbx.port, "ClueCon")
            task = asyncio.create_task(client.run())
            await until(lambda: client.is_connected)
            client.wait_for("DTMF")
            assert not task.done()

    asyncio.run(main())
    assert "exception" not in capsys.readouterr().err.lower()


async def test_figures(pbx: FakePbx) -> None:
    delays: list[float] = []
    async with connected(pbx) as (client, _):
        client.stats.observe = delays.append
        before = client.stats.commands["ok"]
        await client.api("echo x")
        await client.api("nonsense")
        assert (client.stats.commands["ok"] - before, client.stats.commands["refused"]) == (1, 1)
        assert len(delays) == 2
        assert all(delay >= 0 for delay in delays)


async def test_bytes_that_are_no_event_socket_end_the_connection_with_their_reason(pbx: FakePbx) -> None:
    reasons: list[EslError] = []
    async with connected(pbx, on_lost=reasons.append) as (client, peer):
        peer.send(b"Content-Type: api/response\nContent-Length: 99999999999\n\n")
        await until(lambda: reasons)
        assert isinstance(reasons[0], ProtocolError)
        await until(lambda: client.is_connected)
