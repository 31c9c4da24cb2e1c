"""Who is out there: phones in every manner, several of one user, registrations, gateways, outside numbers."""

from __future__ import annotations

import pytest

from voiced.sim import Manner, Switch

from .client import Client


async def originate(client: Client, target: str, variables: str = "", app: str = "&park()") -> str:
    """Dial by a job; returns the job's result."""
    answer = await client.reply(f"bgapi originate {{ignore_early_media=true{variables}}}{target} {app}")
    job = answer.get("Job-UUID")
    done = await client.until(
        lambda: [one for one in client.events("BACKGROUND_JOB") if one.get("Job-UUID") == job]
    )
    return done[0].body


@pytest.mark.parametrize(
    ("manner", "status", "cause"),
    [
        (Manner.BUSY, "486", "USER_BUSY"),
        (Manner.DECLINE, "603", "CALL_REJECTED"),
        (Manner.UNAVAILABLE, "480", "NO_USER_RESPONSE"),
        (Manner.ERROR, "500", "NORMAL_TEMPORARY_FAILURE"),
        (Manner.NOT_FOUND, "404", "UNALLOCATED_NUMBER"),
    ],
)
async def test_phones_that_refuse(
    switch: Switch, client: Client, manner: Manner, status: str, cause: str
) -> None:
    phone = switch.phone("1001", manner, 0.01)
    assert await originate(client, "user/1001@pbx.test") == f"-ERR {cause}\n"
    gone = await client.event("CHANNEL_HANGUP_COMPLETE")
    assert gone.get("variable_sip_term_status") == status
    assert bool(client.events("CHANNEL_PROGRESS")) == (manner is Manner.DECLINE)
    assert (phone.calls, phone.alive, phone.hears) == (1, False, "nothing")


@pytest.mark.parametrize("manner", [Manner.RING, Manner.SILENT])
async def test_phones_that_never_answer(switch: Switch, client: Client, manner: Manner) -> None:
    switch.phone("1001", manner)
    assert await originate(client, "user/1001@pbx.test", ",originate_timeout=1") == "-ERR NO_ANSWER\n"
    assert bool(client.events("CHANNEL_PROGRESS")) == (manner is Manner.RING)
    gone = await client.event("CHANNEL_HANGUP_COMPLETE")
    assert (gone.get("Hangup-Cause"), gone.get("variable_sip_term_status")) == ("NO_ANSWER", "")


async def test_a_phone_answers_after_its_delay_and_hears_silence_in_park(
    switch: Switch, client: Client
) -> None:
    phone = switch.phone("1001", Manner.ANSWER, 0.03)
    assert (await originate(client, "user/1001@pbx.test")).startswith("+OK ")
    names = [said.name for said in client.events() if said.name in ("CHANNEL_PROGRESS", "CHANNEL_ANSWER")]
    assert names == ["CHANNEL_PROGRESS", "CHANNEL_ANSWER"]
    await client.event("CHANNEL_PARK")
    assert (phone.hears, phone.ringing, phone.talks_to) == ("silence", False, None)
    phone.hangup()
    gone = await client.event("CHANNEL_HANGUP")
    assert (gone.get("Hangup-Cause"), gone.get("variable_sip_term_status")) == ("NORMAL_CLEARING", "200")


async def test_a_phone_with_early_media(switch: Switch, client: Client) -> None:
    """183 is no answer while `ignore_early_media` says so; otherwise it wins the dial."""
    phone = switch.phone("1001", Manner.EARLY, 0.03)
    assert (await originate(client, "user/1001@pbx.test")).startswith("+OK ")
    early, answer = await client.event("CHANNEL_PROGRESS_MEDIA"), await client.event("CHANNEL_ANSWER")
    assert client.said.index(early) < client.said.index(answer)
    assert (early.get("Answer-State"), answer.get("Answer-State")) == ("early", "answered")
    phone.hangup()
    phone.delay = 5
    await switch.until(lambda: not switch.channels)
    job = await client.reply("bgapi originate user/1001@pbx.test &park()")
    await client.until(
        lambda: [e for e in client.events("BACKGROUND_JOB") if e.get("Job-UUID") == job.get("Job-UUID")]
    )
    assert not next(iter(switch.channels.values())).flags.answered


async def test_a_phone_hangs_up_soon_after_its_answer(switch: Switch, client: Client) -> None:
    switch.phone("1001", Manner.SHORT, 0.01, talk=0.03)
    await originate(client, "user/1001@pbx.test")
    gone = await client.event("CHANNEL_HANGUP")
    assert gone.get("variable_sip_hangup_disposition") == ""
    assert (await client.event("CHANNEL_HANGUP_COMPLETE")).get(
        "variable_sip_hangup_disposition"
    ) == "recv_bye"


async def test_the_manner_can_be_changed(switch: Switch, client: Client) -> None:
    phone = switch.phone("1001", Manner.BUSY, 0)
    assert await originate(client, "user/1001@pbx.test") == "-ERR USER_BUSY\n"
    phone.manner = Manner.ANSWER
    assert (await originate(client, "user/1001@pbx.test")).startswith("+OK ")


async def test_a_phone_is_picked_up_by_hand_and_declined_by_hand(switch: Switch, client: Client) -> None:
    phone = switch.phone("1001", Manner.RING)
    await client.reply("bgapi originate user/1001@pbx.test &park()")
    await switch.until(lambda: phone.ringing)
    phone.hangup()
    assert (await client.event("BACKGROUND_JOB")).body == "-ERR USER_BUSY\n"
    await client.reply("bgapi originate user/1001@pbx.test &park()")
    await switch.until(lambda: phone.ringing)
    phone.answer()
    await client.event("CHANNEL_PARK")


async def test_two_phones_of_one_user_ring_and_one_wins(switch: Switch, client: Client) -> None:
    fast, slow = switch.phone("1001", Manner.ANSWER, 0.02), switch.phone("1001", Manner.RING)
    assert (await originate(client, "user/1001@pbx.test")).startswith("+OK ")
    assert (fast.calls, slow.calls) == (1, 1)
    lost = await client.event("CHANNEL_HANGUP")
    assert lost.get("Hangup-Cause") == "LOSE_RACE"
    assert (fast.hears, slow.hears) == ("silence", "nothing")


async def test_the_second_phone_never_rings_with_an_origination_uuid(switch: Switch, client: Client) -> None:
    """Duplicate UUID: PBX.md, recording `two_phones_one_user_origination_uuid`."""
    first, second = switch.phone("1001", Manner.RING), switch.phone("1001", Manner.ANSWER, 0)
    uuid = "11111111-2222-4333-8444-555555555555"
    extra = f",originate_timeout=1,origination_uuid={uuid}"
    assert await originate(client, "user/1001@pbx.test", extra) == "-ERR NO_ANSWER\n"
    assert (first.calls, second.calls) == (1, 0)


async def test_one_after_the_other(switch: Switch, client: Client) -> None:
    busy, free = switch.phone("1001", Manner.BUSY, 0), switch.phone("1002", Manner.ANSWER, 0)
    assert (await originate(client, "user/1001@pbx.test|user/1002@pbx.test")).startswith("+OK ")
    assert (busy.calls, free.calls) == (1, 1)
    created = [said.get("Caller-Destination-Number") for said in client.events("CHANNEL_CREATE")]
    assert created == ["1001", "1002"]


async def test_variables_of_one_leg_and_of_all(switch: Switch, client: Client) -> None:
    switch.phone("1001", Manner.ANSWER, 0.02)
    switch.phone("1002", Manner.RING)
    await originate(client, "[voiced_x=1]user/1001@pbx.test,[voiced_x=2]user/1002@pbx.test", ",voiced_y=3")
    created = client.events("CHANNEL_CREATE")
    marks = [(one.get("variable_voiced_x"), one.get("variable_voiced_y")) for one in created]
    assert marks == [("1", "3"), ("2", "3")]


async def test_registrations_come_and_go(switch: Switch, client: Client) -> None:
    phone = switch.phone("1001", register=False)
    assert await client.api("sofia_contact */1001@pbx.test") == "error/user_not_registered"
    phone.register()
    phone.register()
    assert await client.api("sofia_contact */1001@pbx.test") == f"sofia/internal/{phone.contact}"
    assert '"row_count":1' in await client.api("show registrations as json")
    phone.unregister()
    phone.register()
    phone.expire()
    assert await client.api("sofia_contact */1001@pbx.test") == "error/user_not_registered"
    said = [one.get("Event-Subclass").partition("::")[2] for one in client.events("CUSTOM")]
    assert said == ["register", "unregister", "register", "expire"]


async def test_outside_numbers_through_a_gateway(switch: Switch, client: Client) -> None:
    line = switch.outside_number("5511988887777", Manner.BUSY, 0)
    assert await originate(client, "sofia/gateway/trunk/5511988887777") == "-ERR USER_BUSY\n"
    assert (await originate(client, "sofia/gateway/default/5511900000000")).startswith("+OK ")
    assert (line.calls, switch.outside_line("5511900000000").calls) == (1, 1)


async def test_an_outside_voicemail_answers_and_presses_nothing(switch: Switch, client: Client) -> None:
    switch.sounds.prompts["/prompts/press-1.wav"] = 0.5
    line = switch.outside_number("5511988887777", Manner.VOICEMAIL, 0, press="1")
    await originate(client, "sofia/gateway/trunk/5511988887777")
    leg = (await client.event("CHANNEL_PARK")).uuid
    await client.reply(_screening(leg))
    done = await client.until(
        lambda: [
            one
            for one in client.events("CHANNEL_EXECUTE_COMPLETE", leg)
            if one.get("Application") == "play_and_get_digits"
        ]
    )
    assert (line.heard_digits, done[0].get("variable_voiced_key")) == ("", "")


async def test_a_phone_presses_a_key_when_a_prompt_plays(switch: Switch, client: Client) -> None:
    switch.sounds.prompts["/prompts/press-1.wav"] = 0.5
    switch.phone("1001", Manner.ANSWER, 0, press="1")
    await originate(client, "user/1001@pbx.test")
    leg = (await client.event("CHANNEL_PARK")).uuid
    await client.reply(_screening(leg))
    key = await client.event("DTMF", leg)
    assert (key.get("DTMF-Digit"), key.get("DTMF-Source")) == ("1", "RTP")
    done = await client.until(
        lambda: [
            one for one in client.events("CHANNEL_EXECUTE_COMPLETE", leg) if one.get("variable_voiced_key")
        ]
    )
    assert (done[0].get("variable_voiced_key"), done[0].get("Application-UUID")) == ("1", "screen-1")


def _screening(leg: str) -> str:
    return (
        f"sendmsg {leg}\ncall-command: execute\nexecute-app-name: play_and_get_digits\n"
        "execute-app-arg: 1 1 1 1000 # /prompts/press-1.wav silence_stream://20 voiced_key 1\n"
        "event-uuid: screen-1\nevent-lock: true"
    )
