"""Calls from end to end, by what each side hears: hold, talk, loopback, queue, voicemail, limits."""

from __future__ import annotations

import pytest

from voiced.sim import Caller, Manner, Switch
from voiced.sim.messages import PrivateMessage
from voiced.sim.sip import SipEndpoint
from voiced.sim.wire import Event

from .client import Client

HOLD = "{timeout=60000}local_stream://moh"


@pytest.fixture
async def caller(switch: Switch, client: Client) -> Caller:
    """Somebody who talks with the assistant."""
    caller = await switch.call("8000", number="5511999990000", name="Maria Souza")
    await switch.until(lambda: caller.hears == "assistant")
    return caller


async def execute(client: Client, uuid: str, application: str, argument: str = "", extra: str = "") -> None:
    answer = await client.text(
        f"sendmsg {uuid}\ncall-command: execute\nexecute-app-name: {application}\n"
        f"execute-app-arg: {argument}\nevent-lock: true{extra}"
    )
    assert answer == "+OK"


async def agent_answers(switch: Switch, client: Client, target: str = "user/1001@pbx.test") -> str:
    """Dial a phone that answers at once; returns the leg, which is parked."""
    if not switch.phones:
        switch.phone("1001", Manner.ANSWER, 0)
    answer = await client.reply(f"bgapi originate {{ignore_early_media=true}}{target} &park()")
    job = answer.get("Job-UUID")
    done = await client.until(
        lambda: [one for one in client.events("BACKGROUND_JOB") if one.get("Job-UUID") == job]
    )
    uuid = done[0].body.removeprefix("+OK ").strip()
    await client.event("CHANNEL_PARK", uuid)
    return uuid


async def test_hold_and_back_to_the_assistant(switch: Switch, client: Client, caller: Caller) -> None:
    await execute(client, caller.uuid, "playback", HOLD)
    await switch.until(lambda: caller.hears == "music")
    assert await client.api(f"uuid_fileman {caller.uuid} stop") == "+OK\n"
    await switch.until(lambda: caller.hears == "assistant")


async def test_breaking_the_hold_drops_a_caller_of_the_dialplan(
    switch: Switch, client: Client, caller: Caller
) -> None:
    """WRONG WAY, recording `hold_break_drops_dialplan_caller`."""
    await client.api(f"uuid_broadcast {caller.uuid} local_stream://moh aleg")
    await switch.until(lambda: caller.hears == "music")
    await client.api(f"uuid_break {caller.uuid}")
    await switch.until(lambda: not caller.alive)
    assert (await client.event("CHANNEL_HANGUP")).get("variable_sip_term_status") == ""


@pytest.mark.parametrize(
    ("sounds", "ends"),
    [
        ("{timeout=300}local_stream://moh", True),
        ("{timeout=300}file_string:///prompts/a.wav!local_stream://moh", False),  # forgotten with the prompt
        ("{timeout=300}file_string:///prompts/a.wav!{timeout=300}local_stream://moh", True),
        ("{timeout=300}file_string:///prompts/stuck.wav!{timeout=300}local_stream://moh", True),
        ("/prompts/stuck.wav", False),
        ("{timeout=300}/prompts/stuck.wav", True),
    ],
)
async def test_a_limit_is_of_the_file_that_it_stands_with(
    switch: Switch, client: Client, caller: Caller, sounds: str, ends: bool
) -> None:
    """As tests/live/test_holding.py has measured it."""
    switch.sounds.prompts["/prompts/a.wav"] = 1.0
    switch.sounds.stuck.add("stuck")
    await execute(client, caller.uuid, "playback", sounds)
    await switch.until(lambda: caller.hears != "assistant")
    if ends:
        await switch.until(lambda: caller.hears == "assistant")
    else:
        with pytest.raises(TimeoutError):
            await switch.until(lambda: caller.hears == "assistant", timeout=1)


async def test_stopping_without_music_stops_the_assistant(
    switch: Switch, client: Client, caller: Caller
) -> None:
    """WRONG WAY, recording `hold_stop_without_music`: the dialplan's own playback ends, and the call."""
    assert await client.api(f"uuid_fileman {caller.uuid} stop") == "+OK\n"
    await switch.until(lambda: not caller.alive)
    assert caller.hears == "nothing"


async def test_missing_music_leaves_the_assistant(switch: Switch, client: Client, caller: Caller) -> None:
    switch.sounds.music.discard("moh")
    await execute(client, caller.uuid, "playback", HOLD)
    done = await client.until(
        lambda: [
            one for one in client.events("CHANNEL_EXECUTE_COMPLETE") if one.get("Application") == "playback"
        ]
    )
    assert done[0].get("Application-Response") == "FILE NOT FOUND"
    assert caller.hears == "assistant"


async def test_a_caller_leaves_the_hold_by_the_star_key(
    switch: Switch, client: Client, caller: Caller
) -> None:
    await execute(client, caller.uuid, "playback", HOLD)
    await switch.until(lambda: caller.hears == "music")
    caller.press("5*")
    await switch.until(lambda: caller.hears == "assistant")
    keys = await client.until(lambda: client.events("DTMF")[1:] and client.events("DTMF"))
    assert [one.get("DTMF-Digit") for one in keys] == ["5", "*"]


async def test_applications_without_event_lock_nest(switch: Switch, client: Client, caller: Caller) -> None:
    message = f"sendmsg {caller.uuid}\ncall-command: execute\nexecute-app-name: playback\nexecute-app-arg: "
    await client.reply(f"{message}tone_stream://%(400,0,800)")
    await switch.until(lambda: caller.hears == "tone")
    await client.reply(f"{message}silence_stream://200")
    await switch.until(lambda: caller.hears == "silence")
    await switch.until(lambda: caller.hears == "tone")
    await switch.until(lambda: caller.hears == "assistant")


async def test_talking_and_hanging_up(switch: Switch, client: Client, caller: Caller) -> None:
    leg = await agent_answers(switch, client)
    phone = switch.phones[0]
    assert await client.api(f"uuid_bridge {caller.uuid} {leg}") == f"+OK {leg}\n"
    await switch.until(lambda: caller.hears == f"leg {leg}")
    assert (phone.hears, phone.talks_to, caller.talks_to) == (f"leg {caller.uuid}", caller, phone)
    caller.press("7")
    await switch.until(lambda: phone.heard_digits == "7")
    phone.hangup()
    await switch.until(lambda: not caller.alive)
    await client.event("CHANNEL_DESTROY", caller.uuid)
    assert client.names(caller.uuid)[-4:] == [
        "CHANNEL_UNBRIDGE",
        "CHANNEL_HANGUP",
        "CHANNEL_HANGUP_COMPLETE",
        "CHANNEL_DESTROY",
    ]


@pytest.mark.parametrize("what", ["a late 180", "a command"])
async def test_work_that_comes_to_the_agent_s_leg_at_the_bridge_does_not_hold_it_up(
    switch: Switch, what: str
) -> None:
    """The a leg waits until the b leg has done it, and has to be told so, even if it has changed nothing."""
    phone = switch.phone("1001", Manner.ANSWER, 0.01)

    def at_the_bridge(event: Event) -> None:
        if event.name != "CHANNEL_BRIDGE" or phone.channel is None:
            return
        leg, endpoint = phone.channel, phone.channel.endpoint
        assert isinstance(endpoint, SipEndpoint)
        if what == "a command":
            leg.queue_private(PrivateMessage({"call-command": "execute", "execute-app-name": "eval"}))
        else:
            leg.post(lambda: endpoint.rings(leg))

    switch.on_event = at_the_bridge
    caller = await switch.call("1001")
    await switch.until(lambda: caller.talks_to is phone, timeout=1)


async def test_a_parked_leg_takes_every_key(switch: Switch, client: Client) -> None:
    caller = await switch.call("8001")
    await client.event("CHANNEL_PARK", caller.uuid)
    caller.press("123")
    keys = await client.until(lambda: client.events("DTMF")[2:] and client.events("DTMF"))
    assert [key.get("DTMF-Digit") for key in keys] == ["1", "2", "3"]


async def test_park_after_bridge_keeps_the_caller(switch: Switch, client: Client, caller: Caller) -> None:
    leg = await agent_answers(switch, client)
    await client.api(f"uuid_setvar {caller.uuid} park_after_bridge true")
    await client.api(f"uuid_bridge {caller.uuid} {leg}")
    await switch.until(lambda: caller.hears == f"leg {leg}")
    switch.phones[0].hangup()
    await switch.until(lambda: caller.hears == "silence")
    assert switch.channels[caller.uuid].running.label == "CS_PARK"


async def test_a_parked_caller_is_not_kept_for_ever(switch: Switch, client: Client) -> None:
    caller = await switch.call("8001")
    await client.event("CHANNEL_PARK", caller.uuid)
    await client.api(f"uuid_setvar {caller.uuid} park_timeout 1")
    await client.api(f"uuid_park {caller.uuid}")
    gone = await client.event("CHANNEL_HANGUP", caller.uuid)
    assert gone.get("Hangup-Cause") == "NORMAL_CLEARING"


async def test_one_extension_calls_another(switch: Switch, client: Client) -> None:
    phone = switch.phone("1001", Manner.ANSWER, 0.01)
    caller = await switch.call("1001")
    await switch.until(lambda: caller.talks_to is phone)
    assert [one.get("Caller-Destination-Number") for one in client.events("CHANNEL_CREATE")] == [
        "1001",
        "1001",
    ]
    caller.hangup()
    await switch.until(lambda: not switch.channels)
    assert phone.hears == "nothing"


async def test_a_busy_extension_hangs_the_caller_up(switch: Switch, client: Client) -> None:
    switch.phone("1001", Manner.BUSY, 0)
    caller = await switch.call("1001")
    gone = await client.event("CHANNEL_HANGUP_COMPLETE", caller.uuid)
    assert gone.get("Hangup-Cause") == "USER_BUSY"


async def test_a_ring_group_by_loopback_bows_out(switch: Switch, client: Client, caller: Caller) -> None:
    phone = switch.phone("1001", Manner.ANSWER, 0.01)
    uuid = "11111111-2222-4333-8444-555555555555"
    answer = await client.reply(f"bgapi originate {{origination_uuid={uuid}}}loopback/9000/default &park()")
    await client.until(
        lambda: [
            one for one in client.events("BACKGROUND_JOB") if one.get("Job-UUID") == answer.get("Job-UUID")
        ]
    )
    await client.api(f"uuid_bridge {caller.uuid} {uuid}")
    await switch.until(lambda: caller.talks_to is phone)
    assert caller.hears == f"leg {uuid}"
    phone_leg = phone.channel.uuid if phone.channel else ""
    await switch.until(lambda: caller.hears == f"leg {phone_leg}")
    assert caller.talks_to is phone
    assert set(switch.channels) == {caller.uuid, phone_leg}


async def test_a_loopback_stays_if_told_to(switch: Switch, client: Client, caller: Caller) -> None:
    phone = switch.phone("1001", Manner.ANSWER, 0)
    leg = await agent_answers(switch, client, "[loopback_bowout=false]loopback/1001/default")
    await client.api(f"uuid_bridge {caller.uuid} {leg}")
    await switch.until(lambda: caller.talks_to is phone)
    switch.clock.pace = 0.01
    await client.api("msleep 40")  # four seconds of media time
    assert (caller.hears, caller.talks_to) == (f"leg {leg}", phone)


async def test_a_queue_plays_music_until_its_agent_answers(switch: Switch, client: Client) -> None:
    phone = switch.phone("1001", Manner.ANSWER, 0.05)
    for line in (
        "agent add 1001@pbx.test callback",
        "agent set contact 1001@pbx.test user/1001@pbx.test",
        "agent set status 1001@pbx.test Available",
        "tier add 5001@pbx.test 1001@pbx.test",
    ):
        assert await client.api(f"callcenter_config {line}") == "+OK\n"
    caller = await switch.call("5001")
    await switch.until(lambda: caller.hears == "music")
    await switch.until(lambda: caller.talks_to is phone)
    start = next(one for one in client.events("CUSTOM") if one.get("CC-Action") == "bridge-agent-start")
    assert (start.get("CC-Agent"), start.get("CC-Member-Session-UUID")) == ("1001@pbx.test", caller.uuid)
    caller.hangup()

    def said(action: str) -> int:
        return sum(1 for one in client.events("CUSTOM") if one.get("CC-Action") == action)

    await client.until(lambda: said("bridge-agent-end") == said("member-queue-end") == 1)


async def test_a_queue_tries_an_agent_again(switch: Switch, client: Client) -> None:
    phone = switch.phone("1001", Manner.BUSY, 0)
    switch.callcenter.agent("1001@pbx.test", "5001@pbx.test", "user/1001@pbx.test")
    callers = [await switch.call("5001") for _ in range(3)]
    await switch.until(lambda: phone.calls == 2)
    phone.manner = Manner.ANSWER
    await switch.until(lambda: callers[0].talks_to is phone)
    assert callers[1].hears == callers[2].hears == "music"
    callers[0].hangup()
    await switch.until(lambda: callers[1].talks_to is phone)


async def test_voicemail_greets_and_beeps(switch: Switch, client: Client) -> None:
    caller = await switch.call("*991001")
    await switch.until(lambda: caller.hears.startswith("prompt phrase:voicemail_play_greeting"))
    await switch.until(lambda: caller.hears == "tone")
    recorded = await client.event("RECORD_START", caller.uuid)
    assert recorded.get("Record-File-Path").endswith("/1001.wav")


async def test_speaking_takes_time(switch: Switch, client: Client, caller: Caller) -> None:
    await execute(client, caller.uuid, "speak", "flite|kal|one moment please")
    await switch.until(lambda: caller.hears == "prompt say:one moment please")
    await switch.until(lambda: caller.hears == "assistant")


async def test_recording_beside_the_talk(switch: Switch, client: Client, caller: Caller) -> None:
    assert await client.api(f"uuid_record {caller.uuid} start /tmp/a.wav") == "+OK Success\n"
    assert await client.api(f"uuid_record {caller.uuid} start /tmp/a.wav") == "-ERR Cannot record session!\n"
    assert await client.api(f"uuid_record {caller.uuid} stop all") == "+OK Success\n"
    assert client.names(caller.uuid, "MEDIA_BUG_START", "MEDIA_BUG_STOP")[-2:] == [
        "RECORD_START",
        "RECORD_STOP",
    ]


async def test_transferring_a_caller(switch: Switch, client: Client, caller: Caller) -> None:
    assert await client.api(f"uuid_transfer {caller.uuid} 8001") == "+OK\n"
    await client.event("CHANNEL_PARK", caller.uuid)
    assert caller.hears == "silence"


async def test_a_scheduled_hangup(switch: Switch, client: Client, caller: Caller) -> None:
    assert await client.api(f"sched_hangup +1 {caller.uuid} ALLOTTED_TIMEOUT") == "+OK\n"
    assert caller.alive
    gone = await client.event("CHANNEL_HANGUP", caller.uuid)
    assert gone.get("Hangup-Cause") == "ALLOTTED_TIMEOUT"


async def test_hupall_by_a_variable(switch: Switch, client: Client, caller: Caller) -> None:
    other = await switch.call("8001")
    await client.api(f"uuid_setvar {caller.uuid} voiced_transfer t-1")
    answer = await client.api("hupall NORMAL_CLEARING voiced_transfer t-1")
    assert answer == "+OK hangup all channels matching [voiced_transfer]=[t-1] with cause: NORMAL_CLEARING\n"
    await switch.until(lambda: not caller.alive)
    assert other.alive


async def test_no_route(switch: Switch, client: Client) -> None:
    caller = await switch.call("nosuch")
    gone = await client.event("CHANNEL_HANGUP_COMPLETE", caller.uuid)
    assert gone.get("Hangup-Cause") == "NO_ROUTE_DESTINATION"


async def test_a_caller_who_gives_up_before_the_answer(switch: Switch, client: Client) -> None:
    switch.phone("1001", Manner.RING)
    caller = await switch.call("1001")
    await client.event("CHANNEL_PROGRESS", caller.uuid)
    caller.hangup()
    causes = {
        one.get("Hangup-Cause") for one in await client.until(lambda: client.events("CHANNEL_HANGUP")[1:])
    }
    assert causes == {"ORIGINATOR_CANCEL"}
