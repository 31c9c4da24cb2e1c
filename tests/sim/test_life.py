"""The switch's life and its faults: dying, restarting, cut connections, a shut door, commands disturbed."""

from __future__ import annotations

import asyncio

import pytest

from voiced.sim import Received, Switch, Verdict

from .client import Client


async def test_stop_takes_everything_with_it(switch: Switch, client: Client) -> None:
    caller = await switch.call("8000")
    await client.event("PLAYBACK_START", caller.uuid)
    heard = len(client.said)
    await switch.stop()
    await client.until(lambda: client.closed)
    assert len(client.said) == heard, "nothing is sent by a switch that dies"
    assert (caller.alive, caller.hears, dict(switch.channels)) == (False, "nothing", {})
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", switch.port)


async def test_restart_forgets_calls_and_hash_but_not_phones(switch: Switch, client: Client) -> None:
    switch.phone("1001")
    await switch.call("8000")
    await client.api("hash insert/voiced/owner/me")
    core, port = await client.api("global_getvar core_uuid"), switch.port
    await switch.restart()
    assert switch.port == port
    again = await Client.connect(port)
    assert await again.api("global_getvar core_uuid") not in ("", core)
    assert await again.api("hash select/voiced/owner") == "-ERR no reply\n"
    assert await again.api("show channels as json") == '{"row_count": 0}\n'
    assert (await again.api("sofia_contact */1001@pbx.test")).startswith("sofia/internal/sip:1001@")


async def test_cut_connections_leave_the_calls(switch: Switch, client: Client) -> None:
    caller = await switch.call("8000")
    await client.event("PLAYBACK_START", caller.uuid)
    await switch.cut()
    await client.until(lambda: client.closed)
    again = await Client.connect(switch.port)
    assert await again.api(f"uuid_exists {caller.uuid}") == "true"
    assert caller.hears == "assistant"


async def test_a_shut_door_keeps_who_is_inside(switch: Switch, client: Client) -> None:
    await switch.close_door()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", switch.port)
    assert await client.api("echo still here") == "still here"
    await switch.open_door()
    assert await (await Client.connect(switch.port)).api("echo again") == "again"


async def test_a_cut_in_the_middle_of_a_job(switch: Switch, client: Client) -> None:
    """The job goes on without its client: the leg is dialled, and the job's result is for nobody."""
    switch.phone("1001", delay=0.05)
    await client.reply("bgapi originate {voiced_transfer=t-1}user/1001@pbx.test &park()")
    await client.event("CHANNEL_PROGRESS")
    await switch.cut()
    again = await Client.connect(switch.port)
    await again.event("CHANNEL_PARK")
    legs = [one for one in switch.channels.values() if one.variables.get("voiced_transfer") == "t-1"]
    assert [leg.flags.answered for leg in legs] == [True]


async def test_commands_are_kept_with_their_connection(switch: Switch, client: Client) -> None:
    await client.api("echo one")
    other = await Client.connect(switch.port, events="")
    await other.api("echo two")
    kept = [(command.line, command.connection) for command in switch.commands if "echo" in command.line]
    assert [line for line, _ in kept] == ["api echo one", "api echo two"]
    assert kept[0][1] != kept[1][1]
    assert switch.commands[0].words == ["auth", "ClueCon"]


async def test_a_reply_instead_of_running_it(switch: Switch, client: Client) -> None:
    caller = await switch.call("8000")

    def refuse(command: Received) -> str | None:
        return "-ERR not today\n" if "uuid_kill" in command.line else None

    switch.intercept = refuse
    assert await client.api(f"uuid_kill {caller.uuid}") == "-ERR not today\n"
    assert caller.alive
    switch.intercept = None
    assert await client.api(f"uuid_kill {caller.uuid}") == "+OK\n"
    await switch.until(lambda: not caller.alive)


async def test_a_lost_reply_and_a_delay(switch: Switch, client: Client) -> None:
    verdicts = {"api echo lost": Verdict(lose_reply=True), "api echo late": Verdict(delay=0.02)}
    switch.intercept = lambda command: verdicts.get(command.line)
    client.send("api echo lost")
    client.send("api echo late")
    client.send("api echo next")
    assert [(await client.next_reply()).body for _ in range(2)] == ["late", "next"]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_the_connection_is_cut_at_a_command(switch: Switch, client: Client, when: str) -> None:
    caller = await switch.call("8000")
    cut = Verdict(cut="before" if when == "before" else "after")
    switch.intercept = lambda command: cut if "uuid_setvar" in command.line else None
    client.send(f"api uuid_setvar {caller.uuid} note here")
    await client.until(lambda: client.closed)
    assert switch.channels[caller.uuid].variables.get("note") == (None if when == "before" else "here")


async def test_a_lost_job_says_ok_and_never_runs(switch: Switch, client: Client) -> None:
    switch.faults.lose_jobs = 1
    assert (await client.text("bgapi create_uuid")).startswith("+OK Job-UUID: ")
    second = await client.reply("bgapi create_uuid")
    job = await client.event("BACKGROUND_JOB")
    assert job.get("Job-UUID") == second.get("Job-UUID")
    assert len(client.events("BACKGROUND_JOB")) == 1


async def test_a_bridge_that_is_promised_and_never_comes(switch: Switch, client: Client) -> None:
    switch.faults.bridge_says_ok_only = True
    one, two = await switch.call("8000"), await switch.call("8000")
    await switch.until(lambda: one.hears == two.hears == "assistant")
    assert await client.api(f"uuid_bridge {one.uuid} {two.uuid}") == f"+OK {two.uuid}\n"
    await client.api("msleep 20")
    assert (one.hears, two.hears) == ("assistant", "assistant")
    assert not client.events("CHANNEL_BRIDGE")


async def test_a_module_can_be_added(switch: Switch, client: Client) -> None:
    calls: list[str] = []

    def audio_fork(_: Switch, argument: str) -> str:
        calls.append(argument)
        return "+OK Success\n"

    switch.api.add("uuid_audio_fork", audio_fork)
    assert await client.api("uuid_audio_fork U pause") == "+OK Success\n"
    assert calls == ["U pause"]


async def test_every_originate_is_kept(switch: Switch, client: Client) -> None:
    await client.reply("bgapi originate {voiced_transfer=t-1,originate_timeout=5}user/1001@pbx.test &park()")
    dial = (await switch.until(lambda: switch.dials))[0]
    assert dial.variables == {"voiced_transfer": "t-1", "originate_timeout": "5"}
    assert (dial.target, dial.extension) == ("user/1001@pbx.test", "&park()")


async def test_events_can_be_watched(switch: Switch) -> None:
    heard: list[str] = []
    switch.on_event = lambda event: heard.append(event.name)
    caller = await switch.call("8000")
    await switch.until(lambda: caller.hears == "assistant")
    assert heard[:3] == ["CHANNEL_STATE", "CHANNEL_STATE", "CHANNEL_CREATE"]
    with pytest.raises(TimeoutError):
        await switch.until(lambda: caller.hears == "music", timeout=0.01)


async def test_the_same_seed_gives_the_same_ids() -> None:
    first, second, third = (Switch(seed=seed) for seed in (7, 7, 8))
    assert first.new_uuid() == second.new_uuid() != third.new_uuid()


async def test_a_call_that_is_cancelled_as_it_comes_leaves_nothing(switch: Switch) -> None:
    calling = asyncio.ensure_future(switch.call("8000"))
    await asyncio.sleep(0)
    assert switch.channels
    calling.cancel()
    await switch.until(lambda: not switch.channels)
