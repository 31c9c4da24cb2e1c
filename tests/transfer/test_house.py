"""Every kind of destination from end to end: HTTP in, the simulated PBX behind, PostgreSQL beside.

The PBX's media time runs five times as fast; what a client gives in seconds, and the phones' delays, do not.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.callers import at_the_assistant, back_at_the_assistant, nobody_beside
from tests.conftest import DOMAIN, Api, Start
from tests.house import add
from voiced.database import query
from voiced.sim import Caller, Manner, Phone, Received, Switch

PACE = 0.2
QUEUE = "5001@pbx.test"


@pytest.fixture
async def switch() -> AsyncIterator[Switch]:
    switch = Switch(domain="pbx.test", pace=PACE)
    await switch.start()
    yield switch
    await switch.stop()


async def media(seconds: float) -> None:
    """Seconds of the PBX's media time."""
    await asyncio.sleep(seconds * PACE)


async def transferred(switch: Switch, api: Api, **ask: Any) -> tuple[Caller, dict[str, Any]]:
    """A caller at the assistant who was transferred, and what became of it."""
    caller = await at_the_assistant(switch)
    return caller, await api.transfer(caller.uuid, ask.pop("destination", ""), **ask)


async def is_back(switch: Switch, caller: Caller) -> None:
    await back_at_the_assistant(switch, caller)
    await nobody_beside(switch, caller)


# -- ring groups ------------------------------------------------------------------------------------------


async def group(api: Api, **changes: Any) -> dict[str, Any]:
    return await add(
        api, **{"name": "Vendas", "destination_type": "ring_group", "destination_number": "9000", **changes}
    )


async def test_of_a_ring_group_one_answers_and_the_talk_outlives_the_loopback(
    switch: Switch, api: Api
) -> None:
    quick, slow = switch.phone("1001", delay=0.1), switch.phone("1003", manner=Manner.RING)
    await group(api)
    caller, answer = await transferred(switch, api, destination="quero falar com vendas")
    assert (answer["status"], answer["destination"]["name"]) == ("success", "Vendas")
    assert caller.talks_to is quick
    await switch.until(lambda: not slow.alive)
    await media(5)  # without loopback_bowout=false the legs with our marks end two seconds into the talk
    assert caller.talks_to is quick
    now = (await api.client.get(f"/api/transfers/{answer['id']}")).json()
    assert (now["status"], now["success"]) == ("success", True)
    quick.hangup()
    await switch.until(lambda: not caller.alive)
    row = await api.ended(answer["id"])
    assert (row["status"], row["ended_by"]) == ("success", "agent")
    assert (row["ended_at"], row["bridged_at"]) > (row["bridged_at"], row["requested_at"])


async def test_a_ring_group_that_is_all_busy_is_busy(switch: Switch, api: Api) -> None:
    switch.phone("1001", manner=Manner.BUSY, delay=0.05)
    switch.phone("1003", manner=Manner.BUSY, delay=0.05)
    await group(api)
    caller, answer = await transferred(switch, api, destination="vendas")
    assert (answer["status"], answer["cause"]) == ("busy", "USER_BUSY")
    assert answer["message"] == "Vendas está em outra ligação no momento."
    await is_back(switch, caller)


async def test_a_ring_group_in_which_nobody_answers_stops_ringing_in_time(switch: Switch, api: Api) -> None:
    phones = [switch.phone("1001", manner=Manner.RING), switch.phone("1003", manner=Manner.RING)]
    await group(api, ring_timeout_seconds=1)
    caller, answer = await transferred(switch, api, destination="vendas")
    assert (answer["status"], answer["offer_callback"]) == ("no_answer", True)
    await is_back(switch, caller)
    assert not any(phone.alive for phone in phones)


async def test_a_ring_group_without_phones_brings_the_caller_back(switch: Switch, api: Api) -> None:
    await group(api)
    caller, answer = await transferred(switch, api, destination="vendas")
    assert not answer["success"]
    await is_back(switch, caller)


def group_that_answers(switch: Switch, *then: tuple[str, str], early: str = "true") -> None:
    """Extension 9100: a ring group with a greeting, as FusionPBX has them, then 1001, then `then`."""
    switch.dialplan.add(
        "pbx.test", "greeting", "^9100$", ("answer", ""), ("playback", "tone_stream://%(500,0,440)"),
        ("set", f"ignore_early_media={early}"),
        ("set", "call_timeout=3"), ("set", "continue_on_fail=true"), ("set", "hangup_after_bridge=true"),
        ("bridge", "user/1001@pbx.test"), *then, first=True,
    )  # fmt: skip


async def test_of_a_group_that_answers_itself_nobody_is_there_until_a_phone_answers(
    switch: Switch, api: Api
) -> None:
    phone = switch.phone("1001", manner=Manner.RING)
    group_that_answers(switch)
    await group(api, destination_number="9100")
    caller = await at_the_assistant(switch)
    asked = asyncio.create_task(api.transfer(caller.uuid, "vendas"))
    await switch.until(lambda: phone.ringing)
    await media(2)
    assert (caller.hears, asked.done()) == ("music", False)
    phone.answer()
    answer = await asked
    assert (answer["status"], caller.talks_to) == ("success", phone)
    await media(5)
    assert caller.talks_to is phone
    phone.hangup()
    await switch.until(lambda: not caller.alive)


async def test_a_group_that_ends_in_its_own_box_never_gets_the_caller(switch: Switch, api: Api) -> None:
    phone = switch.phone("1001", manner=Manner.BUSY, delay=0.02)
    group_that_answers(switch, ("voicemail", "default pbx.test 9100"))
    await group(api, destination_number="9100", ring_timeout_seconds=1)
    caller, answer = await transferred(switch, api, destination="vendas")
    assert (answer["status"], phone.calls) == ("no_answer", 1)
    await is_back(switch, caller)


async def test_a_group_that_gives_up_by_itself_has_not_answered(switch: Switch, api: Api) -> None:
    switch.phone("1001", manner=Manner.BUSY, delay=0.02)
    group_that_answers(switch, ("hangup", ""))
    await group(api, destination_number="9100")
    caller, answer = await transferred(switch, api, destination="vendas")
    assert (answer["status"], answer["cause"]) == ("no_answer", "NO_ANSWER")
    await is_back(switch, caller)


async def test_a_phone_of_a_group_that_sends_audio_has_not_answered(switch: Switch, api: Api) -> None:
    phone = switch.phone("1001", manner=Manner.EARLY, delay=1)
    group_that_answers(switch, early="false")
    await group(api, destination_number="9100")
    bridges: list[str] = []
    switch.on_event = lambda event: bridges.append(event.name) if event.name == "CHANNEL_BRIDGE" else None
    caller = await at_the_assistant(switch)
    asked = asyncio.create_task(api.transfer(caller.uuid, "vendas"))
    await switch.until(lambda: bool(bridges))
    await asyncio.sleep(0.2)
    assert (caller.hears, asked.done()) == ("music", False)
    assert (await asked)["status"] == "success"
    assert caller.talks_to is phone


async def test_an_agent_of_a_group_is_asked_for_the_key_once_they_are_there(switch: Switch, api: Api) -> None:
    phone = switch.phone("1001", manner=Manner.RING)
    group_that_answers(switch)
    await group(api, destination_number="9100", screening=True)
    caller = await at_the_assistant(switch)
    asked = asyncio.create_task(api.transfer(caller.uuid, "vendas"))
    await switch.until(lambda: phone.ringing)
    assert not told_to_agents(switch)
    phone.answer()
    await switch.until(lambda: bool(told_to_agents(switch)))
    phone.hangup()
    assert (await asked)["status"] == "rejected"
    await is_back(switch, caller)


# -- queues -----------------------------------------------------------------------------------------------


async def queue(api: Api, **changes: Any) -> dict[str, Any]:
    return await add(
        api, **{"name": "Suporte", "destination_type": "queue", "destination_number": "5001", **changes}
    )


def agent(switch: Switch, manner: Manner = Manner.ANSWER) -> Phone:
    """An agent of the queue, and their phone."""
    phone = switch.phone("1001", manner=manner, delay=0.1)
    switch.callcenter.agent("1001@pbx.test", QUEUE, "user/1001@pbx.test")
    switch.callcenter.look()
    return phone


async def test_a_queue_is_waited_in_on_the_callers_behalf_until_a_person_takes_the_call(
    switch: Switch, api: Api
) -> None:
    await queue(api)
    caller = await at_the_assistant(switch)
    asked = asyncio.create_task(api.transfer(caller.uuid, "suporte"))
    await switch.until(lambda: bool(switch.callcenter.members))
    await media(2)
    assert caller.hears == "music"
    assert not asked.done(), "the queue's own answer is nobody's"
    phone = agent(switch)
    assert (await asked)["status"] == "success"
    await switch.until(lambda: caller.talks_to is phone)
    await media(5)
    assert caller.talks_to is phone
    caller.hangup()
    await switch.until(lambda: not phone.alive)
    row = await api.ended((await asked)["id"])
    assert (row["status"], row["ended_by"]) == ("success", "caller")


async def test_a_queue_in_which_nobody_takes_the_call_is_left_in_time(switch: Switch, api: Api) -> None:
    await queue(api, ring_timeout_seconds=1)
    caller, answer = await transferred(switch, api, destination="suporte")
    assert answer["status"] == "no_answer"
    await is_back(switch, caller)
    assert not switch.callcenter.members


async def test_behind_a_queue_in_which_nobody_takes_the_call_the_next_destination_has_its_turn(
    switch: Switch, api: Api
) -> None:
    phone = switch.phone("1002", delay=0.05)
    following = await add(api, name="Plantonista", destination_number="1002")
    await queue(
        api, ring_timeout_seconds=1, fallback_action="next", fallback_destination_uuid=following["id"]
    )
    caller, answer = await transferred(switch, api, destination="suporte")
    assert (answer["status"], answer["attempts"]) == ("success", 2)
    assert (caller.talks_to, answer["destination"]["name"]) == (phone, "Plantonista")
    assert not switch.callcenter.members


async def test_a_caller_who_leaves_while_waiting_leaves_the_queue_too(switch: Switch, api: Api) -> None:
    await queue(api)
    caller = await at_the_assistant(switch)
    asked = asyncio.create_task(api.transfer(caller.uuid, "suporte"))
    await switch.until(lambda: bool(switch.callcenter.members))
    caller.hangup()
    answer = await asked
    assert (answer["status"], answer["ended_by"]) == ("cancelled", "caller")
    await switch.until(lambda: not switch.callcenter.members)
    await nobody_beside(switch)


# -- numbers outside --------------------------------------------------------------------------------------


async def outside(api: Api, number: str = "+5511988887777", **changes: Any) -> dict[str, Any]:
    return await add(
        api, **{"name": "Plantão", "destination_type": "external", "destination_number": number, **changes}
    )


async def test_a_number_outside_is_dialled_by_its_gateway(switch: Switch, api: Api) -> None:
    line = switch.outside_number("+5511988887777", delay=0.1)
    await outside(api, gateway="trunk")
    caller, answer = await transferred(switch, api, destination="o plantão")
    assert (answer["status"], answer["destination"]["type"]) == ("success", "external")
    assert caller.talks_to is line
    assert [text for text in originated(switch) if "sofia/gateway/trunk/+5511988887777" in text]
    line.hangup()
    await switch.until(lambda: not caller.alive)


def originated(switch: Switch) -> list[str]:
    return [received.line for received in switch.commands if "originate" in received.line]


async def test_a_number_outside_that_is_busy_is_busy(switch: Switch, api: Api) -> None:
    switch.outside_number("+5511988887777", manner=Manner.BUSY, delay=0.05)
    await outside(api)
    caller, answer = await transferred(switch, api, destination="plantão")
    assert (answer["status"], answer["cause"]) == ("busy", "USER_BUSY")
    await is_back(switch, caller)


async def test_a_prefix_that_is_not_allowed_is_refused_before_the_caller_is_touched(
    switch: Switch, start: Start
) -> None:
    async with start(transfer={"outside_prefixes": "+5511 0800"}) as api:
        switch.outside_number("5511988887777", delay=0.05)
        await outside(api, number="5511988887777", name="Plantão")
        await outside(api, number="+1900555000", name="Astrologia")
        caller = await at_the_assistant(switch)
        response = await api.ask(caller.uuid, "astrologia")
        assert (response.status_code, response.json()["field"]) == (422, "destination")
        assert caller.hears == "assistant"
        assert not originated(switch)
        assert (await api.transfer(caller.uuid, "plantão"))["status"] == "success"


async def test_numbers_outside_have_a_rate_that_a_restart_does_not_forget(
    switch: Switch, start: Start, pool: Any
) -> None:
    switch.outside_number("+5511988887777", manner=Manner.BUSY, delay=0.02)
    switch.phone("1001", manner=Manner.BUSY, delay=0.02)
    async with start(transfer={"outside_per_minute": 1}) as api:
        await outside(api)
        caller, answer = await transferred(switch, api, destination="plantão")
        assert answer["status"] == "busy"
    async with start(transfer={"outside_per_minute": 1}) as api:
        response = await api.ask(caller.uuid, "plantão")
        assert (response.status_code, response.json()["error"]) == (429, "too_many_outside_calls")
        assert (await api.transfer(caller.uuid, "1001"))["status"] == "busy"
        await pool.execute("update outside_calls set dialled_at = dialled_at - interval '1 minute'")
        assert (await api.transfer(caller.uuid, "plantão"))["status"] == "busy"


async def test_numbers_outside_are_counted_where_they_are_dialled(
    switch: Switch, start: Start, pool: Any
) -> None:
    line = switch.outside_number("+5511988887777", manner=Manner.BUSY, delay=0.02)
    async with start(transfer={"outside_per_minute": 2}) as api:
        mobile = await outside(api, max_retries=3, retry_delay_seconds=0)
        await add(api, fallback_action="next", fallback_destination_uuid=mobile["id"])
        caller = await at_the_assistant(switch)
        answer = await api.transfer(caller.uuid, "financeiro")
        assert (answer["status"], answer["cause"]) == ("unavailable", "TOO_MANY_OUTSIDE_CALLS")
        assert line.calls == 2, "the retries that were above the rate were not dialled"
        assert await pool.fetchval("select count(*) from outside_calls") == 2
        await is_back(switch, caller)


async def test_a_group_of_a_long_number_is_a_number_outside(switch: Switch, start: Start) -> None:
    async with start(transfer={"outside_per_minute": 0}) as api:
        await group(api, destination_number="011988887777")
        caller = await at_the_assistant(switch)
        assert (await api.ask(caller.uuid, "vendas")).status_code == 429
        assert (await api.ask(caller.uuid, "011988887777")).status_code == 429
        assert not originated(switch)


async def test_who_leaves_while_a_number_outside_is_counted_is_not_called_for(
    switch: Switch, start: Start, pool: Any
) -> None:
    line = switch.outside_number("+5511988887777", delay=0.02)
    async with start() as api:
        await outside(api)
        caller = await at_the_assistant(switch)
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(query("outside/lock"), DOMAIN)  # somebody else counts, and takes long
            asked = asyncio.create_task(api.transfer(caller.uuid, "plantão"))
            await switch.until(lambda: caller.hears == "music")
            caller.hangup()
            await switch.until(lambda: not caller.alive)
        answer = await asked
        assert (answer["status"], answer["ended_by"]) == ("cancelled", "caller")
        await api.ended(answer["id"])
        assert (line.calls, originated(switch)) == (0, [])


async def test_a_domain_has_a_gateway_and_a_context_of_its_own(switch: Switch, start: Start) -> None:
    domain = {"uuid": str(DOMAIN), "name": "pbx.test", "gateway": "trunk", "context": "default"}
    async with start(domain=[domain]) as api:
        line, phone = switch.outside_number("+5511988887777", delay=0.02), switch.phone("1001", delay=0.02)
        await outside(api)
        await group(api)
        for destination, found in (("plantão", line), ("vendas", phone)):
            caller, answer = await transferred(switch, api, destination=destination)
            assert answer["status"] == "success"
            assert caller.talks_to is found
            caller.hangup()
        assert any("sofia/gateway/trunk/" in text for text in originated(switch))
        assert any("loopback/9000/default" in text for text in originated(switch))


# -- announcement and screening ---------------------------------------------------------------------------


async def test_the_agent_hears_who_calls_and_the_two_are_bridged(switch: Switch, start: Start) -> None:
    async with start(transfer={"announce": True}) as api:
        phone = switch.phone("1001", delay=0.05)
        await add(api)
        caller = await at_the_assistant(switch)
        asked = asyncio.create_task(api.transfer(caller.uuid, "financeiro"))
        await switch.until(lambda: phone.hears.startswith("prompt"))
        assert caller.hears == "music"
        assert (await asked)["status"] == "success"
        await switch.until(lambda: caller.talks_to is phone)
        assert told_to_agents(switch)


def told_to_agents(switch: Switch) -> list[Received]:
    """The commands of announcements and screening."""
    return [one for one in switch.commands if one.headers.get("event-uuid", "").startswith("screen-")]


async def test_an_announcement_can_be_off_for_one_destination(switch: Switch, start: Start) -> None:
    async with start(transfer={"announce": True}) as api:
        switch.phone("1001", delay=0.05)
        await add(api, announce=False)
        _, answer = await transferred(switch, api, destination="financeiro")
        assert answer["status"] == "success"
        assert not told_to_agents(switch)


SCREENED = [
    ("1", "success", "", True),
    ("2", "rejected", "CALL_REJECTED", True),
    ("3", "rejected", "CALLBACK_WANTED", True),
    ("9", "rejected", "CALL_REJECTED", True),  # a wrong key
    ("", "rejected", "CALL_REJECTED", True),  # silence
]


@pytest.mark.parametrize(("key", "status", "cause", "offer"), SCREENED, ids=lambda value: str(value))
async def test_a_screened_call_is_taken_by_key_1_only(
    switch: Switch, api: Api, key: str, status: str, cause: str, offer: bool
) -> None:
    phone = switch.phone("1001", delay=0.05, press=key)
    await add(api, screening=True)
    caller, answer = await transferred(switch, api, destination="financeiro")
    assert (answer["status"], answer["cause"]) == (status, cause)
    if status == "success":
        assert caller.talks_to is phone
        caller.hangup()
    else:
        assert answer["offer_callback"] is offer
        await is_back(switch, caller)


@pytest.mark.parametrize("screening", [True, False])
async def test_an_agent_who_hears_who_calls_is_told_at_once_when_the_caller_leaves(
    switch: Switch, start: Start, screening: bool
) -> None:
    async with start(transfer={"announce": True}) as api:
        phone = switch.phone("1001", delay=0.05)
        await add(api, screening=screening)
        caller = await at_the_assistant(switch)
        asked = asyncio.create_task(api.transfer(caller.uuid, "financeiro"))
        await switch.until(lambda: phone.hears.startswith("prompt"))
        caller.hangup()
        await switch.until(lambda: "caller_left" in phone.hears, 1.0)
        assert (await asked)["status"] == "cancelled"
        await switch.until(lambda: not phone.alive)


@pytest.mark.parametrize("fallback", ["hangup", "voicemail"])
async def test_whom_the_agent_wants_to_call_back_stays_with_the_assistant(
    switch: Switch, api: Api, fallback: str
) -> None:
    switch.phone("1001", delay=0.05, press="3")
    await add(api, screening=True, fallback_action=fallback)
    caller, answer = await transferred(switch, api, destination="financeiro")
    assert (answer["cause"], answer["next"]) == ("CALLBACK_WANTED", "assistant")
    await is_back(switch, caller)


async def test_an_agent_who_hangs_up_in_mid_prompt_has_refused(switch: Switch, api: Api) -> None:
    phone = switch.phone("1001", delay=0.05)
    await add(api, screening=True)
    caller = await at_the_assistant(switch)
    asked = asyncio.create_task(api.transfer(caller.uuid, "financeiro"))
    await switch.until(lambda: phone.hears.startswith("prompt"))
    phone.hangup()
    assert (await asked)["status"] == "rejected"
    await is_back(switch, caller)


async def test_a_voicemail_that_answers_never_gets_a_screened_caller(switch: Switch, api: Api) -> None:
    line = switch.outside_number("+5511988887777", manner=Manner.VOICEMAIL, delay=0.05, press="1")
    await outside(api, screening=True)
    caller = await at_the_assistant(switch)
    talked: list[str] = []
    asked = asyncio.create_task(api.transfer(caller.uuid, "plantão"))
    while not asked.done():
        talked += ["talk"] if caller.talks_to is line else []
        await asyncio.sleep(0.01)
    assert (asked.result()["status"], talked) == ("rejected", [])
    await is_back(switch, caller)


# -- several ----------------------------------------------------------------------------------------------


async def test_several_one_after_another(switch: Switch, api: Api) -> None:
    switch.phone("1001", manner=Manner.BUSY, delay=0.05)
    second = switch.phone("1002", delay=0.05)
    first_row = await add(api, name="Maria")
    await add(api, name="Pedro", destination_number="1002")
    caller, answer = await transferred(switch, api, destinations=[first_row["id"], "o pedro"])
    assert (answer["status"], answer["attempts"]) == ("success", 2)
    assert answer["destination"]["name"] == "Pedro"
    assert caller.talks_to is second


async def test_several_at_once_and_one_winner(switch: Switch, api: Api) -> None:
    slow, quick = switch.phone("1001", delay=2), switch.phone("1002", delay=0.05)
    await add(api, name="Maria")
    await add(api, name="Pedro", destination_number="1002")
    caller, answer = await transferred(switch, api, destinations=["maria", "pedro"], at_once=True)
    assert (answer["status"], answer["attempts"]) == ("success", 1)
    assert answer["destination"]["name"] == "Pedro"
    assert caller.talks_to is quick
    await switch.until(lambda: not slow.alive)
    assert slow.calls == 1


async def test_of_several_at_once_each_is_known_by_its_extension_whatever_its_softphone_calls_itself(
    switch: Switch, api: Api
) -> None:
    switch.phone("1001", manner=Manner.RING)
    quick = switch.phone("1002", delay=0.05, press="1", contact_user="k3j9x2")
    await add(api, name="Maria")
    await add(api, name="Pedro", destination_number="1002", screening=True)
    caller, answer = await transferred(switch, api, destinations=["maria", "pedro"], at_once=True)
    assert (answer["status"], answer["destination"]["name"]) == ("success", "Pedro")
    assert caller.talks_to is quick


async def test_a_queue_cannot_ring_with_others(switch: Switch, api: Api) -> None:
    await queue(api)
    await add(api)
    caller = await at_the_assistant(switch)
    response = await api.ask(caller.uuid, "", destinations=["suporte", "financeiro"], at_once=True)
    assert (response.status_code, response.json()["error"]) == (422, "invalid")


# -- fallbacks --------------------------------------------------------------------------------------------


async def test_the_next_destination_by_fallback(switch: Switch, api: Api) -> None:
    switch.phone("1001", manner=Manner.BUSY, delay=0.05)
    second = switch.phone("1002", delay=0.05)
    following = await add(api, name="Plantonista", destination_number="1002")
    await add(api, fallback_action="next", fallback_destination_uuid=following["id"])
    caller, answer = await transferred(switch, api, destination="financeiro")
    assert (answer["status"], answer["attempts"]) == ("success", 2)
    assert caller.talks_to is second


async def test_voicemail_by_fallback(switch: Switch, api: Api) -> None:
    switch.phone("1001", manner=Manner.BUSY, delay=0.05)
    await add(api, fallback_action="voicemail")
    caller, answer = await transferred(switch, api, destination="financeiro")
    assert (answer["status"], answer["next"]) == ("busy", "voicemail")
    await switch.until(lambda: destination_of(switch, caller) == "*991001")
    assert caller.alive


async def test_the_box_is_of_the_last_one_tried_and_in_the_callers_domain(switch: Switch, api: Api) -> None:
    for user in ("1001", "1002"):
        switch.phone(user, manner=Manner.BUSY, delay=0.02)
    second = await add(api, name="Segunda", destination_number="1002", fallback_action="voicemail")
    await add(api, fallback_action="next", fallback_destination_uuid=second["id"])
    caller, answer = await transferred(switch, api, destination="financeiro")
    assert (answer["attempts"], answer["next"]) == (2, "voicemail")
    await switch.until(lambda: destination_of(switch, caller) == "*991002")
    variables = switch.channels[caller.uuid].variables
    assert (variables.get("domain_name"), variables.get("domain_uuid")) == ("pbx.test", str(DOMAIN))


async def test_every_leg_knows_its_domain(switch: Switch, api: Api) -> None:
    quick = switch.phone("1001", delay=0.1)
    await group(api)
    caller, _ = await transferred(switch, api, destination="vendas")
    await switch.until(lambda: caller.talks_to is quick)
    ours = [channel for channel in switch.channels.values() if channel.variables.get("voiced_attempt")]
    assert len(ours) == 2, "both ends of the loopback"
    for channel in ours:
        assert channel.variables.get("domain_name") == "pbx.test"
        assert channel.variables.get("domain_uuid") == str(DOMAIN)


def destination_of(switch: Switch, caller: Caller) -> str:
    profile = switch.channels[caller.uuid].profile
    return profile.destination_number if profile else ""


async def test_a_callback_is_offered_by_fallback(switch: Switch, api: Api) -> None:
    switch.phone("1001", manner=Manner.BUSY, delay=0.05)
    await add(api, fallback_action="callback")
    caller, answer = await transferred(switch, api, destination="financeiro")
    assert (answer["next"], answer["offer_callback"]) == ("callback", True)
    await is_back(switch, caller)


async def test_a_farewell_and_the_end_of_the_call_by_fallback(switch: Switch, api: Api) -> None:
    switch.phone("1001", manner=Manner.BUSY, delay=0.05)
    await add(api, fallback_action="hangup")
    caller = await at_the_assistant(switch)
    heard: list[str] = []
    asked = asyncio.create_task(api.transfer(caller.uuid, "financeiro"))
    await switch.until(lambda: heard.append(caller.hears) or not caller.alive)
    assert (await asked)["next"] == "hangup"
    assert any("nobody_available" in one for one in heard), set(heard)


async def test_a_destination_that_is_closed_is_not_called_and_says_when_it_opens(
    switch: Switch, api: Api
) -> None:
    phone = switch.phone("1001", delay=0.05)
    await add(api, working_hours={"monday": []})
    caller = await at_the_assistant(switch)
    answer = await api.transfer(caller.uuid, "financeiro")
    assert (answer["status"], answer["cause"]) == ("unavailable", "CLOSED")
    assert answer["message"] == "Financeiro não atende neste horário."
    assert (caller.hears, phone.calls) == ("assistant", 0)


async def test_voicemail_as_a_destination(switch: Switch, api: Api) -> None:
    await add(api, name="Recados", destination_type="voicemail")
    caller, answer = await transferred(switch, api, destination="deixar um recado em recados")
    assert answer["status"] == "success"
    assert answer["destination"]["type"] == "voicemail"
    assert any("loopback/*991001/pbx.test" in text for text in originated(switch))
    caller.hangup()


# -- how it is asked for ----------------------------------------------------------------------------------


async def test_who_names_nobody_reaches_the_default_and_a_question_is_a_409_with_both(
    switch: Switch, api: Api
) -> None:
    phone = switch.phone("1001", delay=0.05)
    await group(api, name="Atendimento", is_default=True)
    for name in ("Maria Souza", "Maria Clara"):
        await add(api, name=name)
    caller = await at_the_assistant(switch)
    question = await api.ask(caller.uuid, "a maria")
    assert question.status_code == 409
    answer = question.json()
    assert (answer["error"], answer["field"]) == ("ambiguous", "destination")
    assert answer["message"] == "Você quer falar com Maria Clara ou Maria Souza?"
    assert {option["name"] for option in answer["options"]} == {"Maria Clara", "Maria Souza"}
    chosen = [option["id"] for option in answer["options"] if option["name"] == "Maria Souza"]
    nobody = (await api.ask(caller.uuid, "o fernando")).json()
    assert (nobody["error"], [one["name"] for one in nobody["options"]]) == (
        "no_such_destination", ["Atendimento"],
    )  # fmt: skip
    assert caller.hears == "assistant"
    answer = await api.transfer(caller.uuid, "", destination_uuid=chosen[0])
    assert (answer["status"], answer["destination"]["name"]) == ("success", "Maria Souza")
    phone.hangup()
    await switch.until(lambda: not caller.alive)
    _, answer = await transferred(switch, api, destination="qualquer atendente")
    assert answer["destination"]["name"] == "Atendimento"


async def test_a_secretary_has_its_own_switches(switch: Switch, start: Start, pool: Any) -> None:
    async with start(transfer={"announce": True}) as api:
        phone = switch.phone("1001", manner=Manner.RING)
        silent, mute = [
            await pool.fetchval(
                "insert into v_voice_secretaries (domain_uuid, transfer_enabled, transfer_default_timeout,"
                " transfer_announce_enabled) values ($1, $2, 1, false) returning voice_secretary_uuid",
                DOMAIN, enabled,
            )
            for enabled in (False, True)
        ]  # fmt: skip
        caller = await at_the_assistant(switch)
        response = await api.ask(caller.uuid, "1001", secretary_uuid=str(silent))
        assert (response.status_code, response.json()["error"]) == (403, "transfers_disabled")
        assert phone.calls == 0
        answer = await api.transfer(caller.uuid, "1001", secretary_uuid=str(mute))
        assert (answer["status"], answer["ring_seconds"]) == ("no_answer", pytest.approx(1, abs=0.5))
        await pool.execute("update v_voice_secretaries set transfer_enabled = true")
        async with asyncio.timeout(5):
            while (await api.ask(caller.uuid, "4711", secretary_uuid=str(silent))).status_code == 403:
                await asyncio.sleep(0.02)
