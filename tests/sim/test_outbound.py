"""The dialplan's `socket` application: the switch connects to us, and we control the call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from voiced.sim import Caller, Switch

from .client import Client


class Server:
    """Our side: each call that the switch gives us is a client."""

    def __init__(self) -> None:
        self.calls: asyncio.Queue[Client] = asyncio.Queue()
        self.port = 0

    async def next(self) -> Client:
        return await asyncio.wait_for(self.calls.get(), 5)


@pytest.fixture
async def server(switch: Switch) -> AsyncIterator[Server]:
    ours = Server()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ours.calls.put_nowait(Client(reader, writer))

    listening = await asyncio.start_server(connected, "127.0.0.1", 0)
    ours.port = listening.sockets[0].getsockname()[1]
    add(switch, ours.port)
    yield ours
    listening.close()


def add(switch: Switch, port: int) -> None:
    """Extension 8500 is ours, and plays a tone afterwards."""
    switch.dialplan.add(
        "default",
        "ours",
        "^8500$",
        ("answer", ""),
        ("set", "voiced_destination=ramal 1001"),
        ("socket", f"127.0.0.1:{port} async full"),
        ("playback", "tone_stream://%(100,0,800);loops=-1"),
    )


async def served(switch: Switch, server: Server) -> tuple[Caller, Client]:
    caller = await switch.call("8500", name="José")
    return caller, await server.next()


async def test_the_reply_to_connect_is_an_event(switch: Switch, server: Server) -> None:
    caller, us = await served(switch, server)
    call = await us.reply("connect")
    assert call.get("Reply-Text") == "+OK\n"
    assert (call.get("Unique-ID"), call.get("Channel-Caller-ID-Name")) == (caller.uuid, "José")
    assert (call.get("variable_voiced_destination"), call.get("Control")) == ("ramal 1001", "full")
    assert "Content-Length" not in call.headers


async def test_it_parks_until_we_go_and_then_the_dialplan_goes_on(switch: Switch, server: Server) -> None:
    caller, us = await served(switch, server)
    await us.reply("connect")
    assert await us.text("myevents") == "+OK Events Enabled"
    await us.event("CHANNEL_PARK")
    assert caller.hears == "silence"
    assert (
        await us.text("sendmsg\ncall-command: execute\nexecute-app-name: set\nexecute-app-arg: a=b") == "+OK"
    )
    assert await us.text("exit") == "+OK bye"
    await us.until(lambda: us.closed)
    assert us.notices[-1].get("Content-Disposition") == "disconnect"
    await switch.until(lambda: caller.hears == "tone")
    assert switch.channels[caller.uuid].variables.get("a") == "b"


async def test_music_plays_to_its_end_when_we_go(switch: Switch, server: Server) -> None:
    """PBX.md; a FreeSWITCH 1.11 did the same when it was asked."""
    caller, us = await served(switch, server)
    await us.reply("connect")
    await us.reply(
        "sendmsg\ncall-command: execute\nexecute-app-name: playback\nexecute-app-arg: local_stream://moh"
    )
    await switch.until(lambda: caller.hears == "music")
    await us.close()
    await asyncio.sleep(0.02)
    assert caller.hears == "music"
    switch.channels[caller.uuid].set_break(1)
    await switch.until(lambda: caller.hears == "tone")


async def test_nobody_listens(switch: Switch) -> None:
    add(switch, 1)
    caller = await switch.call("8500")
    await switch.until(lambda: caller.hears == "tone")


async def test_without_linger_the_hangup_ends_the_connection(switch: Switch, server: Server) -> None:
    caller, us = await served(switch, server)
    await us.reply("connect")
    await us.reply("myevents")
    caller.hangup()
    await us.until(lambda: us.closed)
    assert us.events("CHANNEL_HANGUP")
    assert us.notices[-1].get("Content-Disposition") == "disconnect"


async def test_with_linger_there_is_a_warning_and_time_to_read(switch: Switch, server: Server) -> None:
    caller, us = await served(switch, server)
    await us.reply("connect")
    await us.reply("myevents")
    assert await us.text("linger") == "+OK will linger"
    caller.hangup()
    warning = await us.until(lambda: us.notices)
    assert (warning[0].get("Content-Disposition"), warning[0].get("Linger-Time")) == ("linger", "-1")
    assert await us.api("echo still here") == "still here"
    assert not us.closed
    await us.reply("exit")
    await us.until(lambda: us.closed)


async def test_diverted_events_come_to_us_only(switch: Switch, server: Server) -> None:
    caller, us = await served(switch, server)
    others = await Client.connect(switch.port)
    await us.reply("connect")
    await us.reply("myevents")
    assert await us.text("divert_events on") == "+OK events diverted"
    await us.event("CHANNEL_PARK")
    caller.press("5")
    assert (await us.event("DTMF")).get("DTMF-Digit") == "5"
    assert not others.events("DTMF")


async def test_variables_and_resume(switch: Switch, server: Server) -> None:
    caller, us = await served(switch, server)
    await us.reply("connect")
    assert await us.text("getvar voiced_destination") == "ramal 1001"
    assert await us.text("getvar nosuch") == "-ERR command not found"
    assert await us.text("resume") == "+OK"
    assert switch.channels[caller.uuid].variables.get("socket_resume") == "true"


async def test_a_job_of_ours_says_whose_it_is(switch: Switch, server: Server) -> None:
    caller, us = await served(switch, server)
    await us.reply("connect")
    await us.reply("myevents")
    await us.reply("event plain BACKGROUND_JOB")
    await us.reply("bgapi echo hello")
    assert (await us.event("BACKGROUND_JOB")).get("Job-Owner-UUID") == caller.uuid


async def let_go(us: Client, *, resume: bool) -> None:
    """As soon as there is something to let go."""
    call = await us.reply("connect")
    if resume:
        await us.api(f"uuid_setvar {call.get('Unique-ID')} socket_resume true")
    await us.reply("exit")
    await us.until(lambda: us.closed)


async def test_a_call_that_is_let_go_before_it_has_parked_stays_in_silence(
    switch: Switch, server: Server
) -> None:
    """A FreeSWITCH 1.11 did so 14 of 18 times, and each time where the client had not said `connect`."""
    caller, us = await served(switch, server)
    await let_go(us, resume=False)
    await asyncio.sleep(0.2)
    assert (caller.alive, caller.hears) == (True, "silence")
    other = await Client.connect(switch.port)  # who takes the call and leaves it lets it go on
    await other.reply(f"myevents {caller.uuid}")
    await other.reply("exit")
    await switch.until(lambda: caller.hears == "tone")


async def test_with_socket_resume_it_goes_on_at_once(switch: Switch, server: Server) -> None:
    caller, us = await served(switch, server)
    await let_go(us, resume=True)
    await switch.until(lambda: caller.hears == "tone")


async def test_with_socket_resume_music_ends_with_the_session(switch: Switch, server: Server) -> None:
    caller, us = await served(switch, server)
    await us.reply("connect")
    await us.api(f"uuid_setvar {caller.uuid} socket_resume true")
    await us.reply(
        "sendmsg\ncall-command: execute\nexecute-app-name: playback\nexecute-app-arg: local_stream://moh"
    )
    await switch.until(lambda: caller.hears == "music")
    await us.close()
    await switch.until(lambda: caller.hears == "tone")


async def test_an_extension_that_matches_unless_a_variable_is_set(switch: Switch, server: Server) -> None:
    """As docs/fusionpbx.md has it: whoever comes a second time passes `socket` over."""
    switch.dialplan.add("default", "went_on", "^8600$", ("playback", "tone_stream://%(100,0,800);loops=-1"))
    switch.dialplan.add(
        "default", "routed_in", "^8600$", ("socket", f"127.0.0.1:{server.port} async full"),
        first=True, unless="voiced_status", continues=True,
    )  # fmt: skip
    caller = await switch.call("8600")
    us = await server.next()
    await us.reply("connect")
    await us.api(f"uuid_setvar {caller.uuid} voiced_status failed")
    await us.api(f"uuid_transfer {caller.uuid} 8600 XML default")
    await switch.until(lambda: caller.hears == "tone")
    assert server.calls.empty()
