"""The line of replies: a reply that is lost, or is nobody's, never shifts the others for ever."""

from __future__ import annotations

import asyncio

import pytest

from tests import recordings
from tests.esl.fake import FakePbx, reply, response, taken, until
from tests.esl.test_client import connected, never
from voiced.esl import Accepted, Command, NotSent, Unconfirmed, commands
from voiced.esl.errors import EslError, ProtocolError
from voiced.esl.protocol import AuthRequest, Parser, Reply
from voiced.esl.replies import Replies
from voiced.esl.stats import Stats


async def test_a_lost_reply_ends_the_connection_before_another_command_gets_a_wrong_one(pbx: FakePbx) -> None:
    """FreeSWITCH drops an api command without a word where it cannot get the listener's lock."""
    pbx.say("api lost", never)
    reasons: list[EslError] = []
    async with connected(pbx, on_lost=reasons.append) as (client, _):
        job = client.start_job("echo a job that runs")
        await until(lambda: job.accepted)
        with pytest.raises(Unconfirmed, match="no reply within"):
            await client.api("lost", timeout=0.01)
        following = await asyncio.gather(
            *(client.api(f"echo {number}") for number in range(3)), return_exceptions=True
        )
        await until(lambda: reasons)
        assert isinstance(reasons[0], ProtocolError)
        assert "a reply was lost" in str(reasons[0])
        assert client.stats.protocol_errors == 1
        for number, each in enumerate(following):
            assert isinstance(each, NotSent | Unconfirmed) or each.text == str(number)  # type: ignore[union-attr]
        await until(lambda: client.is_connected)
        assert (await client.api("echo again")).text == "again"
        assert client.stats.protocol_errors == 1


async def test_it_ends_also_where_nothing_else_is_asked(pbx: FakePbx) -> None:
    pbx.say("api lost", never)
    async with connected(pbx) as (client, peer):
        asking = asyncio.create_task(client.api("lost"))
        await peer.heard("api lost")
        asking.cancel()
        await until(lambda: client.stats.reconnects)
        assert client.stats.protocol_errors == 1


async def test_a_reply_that_is_only_late_is_no_fault(pbx: FakePbx) -> None:
    release = pbx.hold_back("api slow", response("late"))
    async with connected(pbx) as (client, _):
        for _ in range(3):
            with pytest.raises(Unconfirmed):
                await client.api("slow", timeout=0.001)
        release.set()
        assert (await client.api("echo next")).text == "next"
        assert client.stats.reconnects == 0


async def test_a_pbx_where_the_mark_is_not_permitted(pbx: FakePbx) -> None:
    release = pbx.hold_back("api slow", response("late"))
    pbx.say("api echo", reply("-ERR permission denied"))
    async with connected(pbx) as (client, _):
        with pytest.raises(Unconfirmed):
            await client.api("slow", timeout=0.001)
        release.set()
        assert (await client.api("strepoch")).ok
        assert client.stats.reconnects == 0


API, SEND, JOB = Command("api uptime"), Command("sendmsg u-1"), commands.bgapi("status", "j-1")
TAKEN = b"Content-Type: command/reply\nReply-Text: +OK\nJob-UUID: %b\n\n"


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (API, reply("+OK")),
        (API, reply("+OK Job-UUID: j-2")),
        (SEND, response("17")),
        (SEND, TAKEN % b"j-1"),
        (JOB, reply("+OK")),
        (JOB, response("17")),
        (JOB, TAKEN % b"j-2"),
    ],
)
async def test_a_reply_that_cannot_be_the_one_to_its_command(
    pbx: FakePbx, command: Command, answer: bytes
) -> None:
    """The command's own reply was lost, and this is the next one's."""
    pbx.say(command.text, never)
    pbx.say("api next", never)
    async with connected(pbx) as (client, peer):
        replies = [client.send(command), client.send(Command("api next"))]
        await peer.heard("api next")
        peer.send(answer)
        for each in replies:
            with pytest.raises(Unconfirmed, match="a reply was lost"):
                await each
        await until(lambda: client.is_connected)
        assert client.stats.protocol_errors == 1


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (API, response("17")),
        (API, response("-ERR no")),
        (API, reply("-ERR permission denied")),
        (SEND, reply("+OK")),
        (SEND, reply("-ERR invalid session id [u-1]")),
        (JOB, reply("-ERR permission denied")),
        (JOB, TAKEN % b"j-1"),
        (Command("bgapi status"), TAKEN % b"an id of the PBX's own"),
    ],
)
async def test_replies_as_a_pbx_gives_them(pbx: FakePbx, command: Command, answer: bytes) -> None:
    pbx.say(command.text, answer)
    async with connected(pbx) as (client, _):
        await client.ask(command)
        assert client.stats.reconnects == 0


async def test_waiters_are_failed_by_how_far_they_came(pbx: FakePbx) -> None:
    pbx.say("bgapi accepted", taken)
    pbx.say("bgapi unconfirmed", never)
    async with connected(pbx) as (client, peer):
        jobs = [client.start_job("accepted"), client.start_job("unconfirmed")]
        await until(lambda: jobs[0].accepted)
        await peer.heard("bgapi unconfirmed")
        peer.send(taken(peer, peer.all("bgapi accepted")[0]))  # again: not the one that is waited for
        results = await asyncio.gather(*(job.result for job in jobs), return_exceptions=True)
        assert [type(result) for result in results] == [Accepted, Unconfirmed]
        with pytest.raises(NotSent):
            await client.api("echo too early")
        await until(lambda: client.is_connected)


@pytest.mark.parametrize("name", recordings.names())
async def test_every_reply_that_a_real_pbx_gave_may_answer_its_command(name: str) -> None:
    """In the order of the recording; a new connection begins with each greeting."""
    parser, line, answered, said = Parser(), Replies(Stats()), 0, b""
    for each in recordings.load(name)[1]:
        if each.direction == ">":
            *texts, said = (said + each.data).decode("utf-8", "surrogateescape").split("\n\n")
            said = said.encode()
            for text in texts:
                job = text.partition("Job-UUID: ")[2].partition("\n")[0]
                line.expect(Command(text, job), asyncio.get_running_loop().create_future())
            continue
        for frame in parser.feed(each.data):
            if isinstance(frame, AuthRequest):
                line = Replies(Stats())
            elif isinstance(frame, Reply):
                line.take(frame)
                answered += 1
    assert answered
