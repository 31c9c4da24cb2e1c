"""Transfers on a real FreeSWITCH: who hears whom, and after each failure the assistant is there."""

from __future__ import annotations

import asyncio

import pytest

from tests.conftest import Api
from tests.live.conftest import Phones, comes_to_hear, heard
from voiced import esl

ASSISTANT = 0x61  # the byte of the assistant that is a phone of its own
AGENT = 0x21

# Where a caller can be when they are transferred: the extension they called, and what they hear there.
CALLERS = {
    "in the dialplan": ("8000", "silence"),
    "parked": ("8001", "nothing"),
    "bridged": ("1009", hex(ASSISTANT)),
}


@pytest.fixture(params=CALLERS, ids=lambda name: name.replace(" ", "-"))
async def place(request: pytest.FixtureRequest, phones: Phones) -> tuple[str, str]:
    """A caller's state: where they call, and what the assistant sounds like there."""
    if request.param == "bridged":
        await phones.phone("1009", ASSISTANT)
    extension, sound = CALLERS[request.param]
    return extension, sound


async def test_answered(live: Api, phones: Phones, pbx: esl.Client, place: tuple[str, str]) -> None:
    agent = await phones.phone("1001", AGENT)
    caller, uuid = await phones.call(place[0])
    answer = await live.transfer(uuid, "1001")
    assert answer["status"] == "success"
    assert await comes_to_hear(caller, hex(AGENT))
    assert await heard(agent) == hex(0x55)
    agent.hangup()
    assert await caller.until("bye"), "the caller's call ends with the agent's"
    row = await live.ended(answer["id"])
    assert (row["status"], row["ended_by"]) == ("success", "agent")


@pytest.mark.parametrize(
    ("extension", "manner", "status", "cause", "sip_code"),
    [
        ("1002", "busy", "busy", "USER_BUSY", "486"),
        ("1003", "decline", "rejected", "CALL_REJECTED", "603"),
        ("1004", "silent", "no_answer", "NO_ANSWER", ""),
        ("1006", "dnd", "dnd", "NO_USER_RESPONSE", "480"),
        ("1007", "deaf", "no_answer", "NO_ANSWER", ""),
        ("1005", "", "offline", "USER_NOT_REGISTERED", ""),
        ("4711", "", "offline", "SUBSCRIBER_ABSENT", ""),
    ],
    ids=lambda value: str(value) or "absent",
)
async def test_not_reached(
    live: Api, phones: Phones, pbx: esl.Client, place: tuple[str, str],
    extension: str, manner: str, status: str, cause: str, sip_code: str,
) -> None:  # fmt: skip
    if manner:
        await phones.phone(extension, AGENT, manner)
    caller, uuid = await phones.call(place[0])
    music = pbx.wait_for("PLAYBACK_START", uuid, timeout=5)
    asked = asyncio.create_task(live.transfer(uuid, extension))
    if manner in ("silent", "deaf"):
        await music
        assert await comes_to_hear(caller, "music")
    answer = await asked
    assert (answer["status"], answer["cause"], answer["sip_code"]) == (status, cause, sip_code)
    assert not await caller.until("bye", 3)
    assert (await pbx.api(f"uuid_exists {uuid}")).text == "true"
    assert await heard(caller) == place[1], "the caller hears the assistant again"
    assert not caller.said("bye")


async def test_the_caller_leaves_while_the_phone_rings(live: Api, phones: Phones, pbx: esl.Client) -> None:
    agent = await phones.phone("1004", AGENT, "silent")
    caller, uuid = await phones.call("8000")
    asked = asyncio.create_task(live.transfer(uuid, "1004"))
    assert await agent.until("invite")
    caller.hangup()
    answer = await asked
    assert (answer["status"], answer["ended_by"]) == ("cancelled", "caller")
    assert await agent.until("cancelled", 2), "the phone stops ringing"


async def test_of_two_phones_of_one_user_one_wins(live: Api, phones: Phones, pbx: esl.Client) -> None:
    slow, quick = await phones.phone("1001", 0x22, delay=2), await phones.phone("1001", AGENT, delay=0.3)
    caller, uuid = await phones.call("8000")
    answer = await live.transfer(uuid, "1001")
    assert answer["status"] == "success"
    assert slow.said("invite")
    assert await slow.until("cancelled", 2)
    assert await heard(caller) == hex(AGENT)
    assert quick.said("answered")


async def test_the_assistants_own_leg_leaves_during_hold(live: Api, phones: Phones, pbx: esl.Client) -> None:
    assistant = await phones.phone("1009", ASSISTANT)
    await phones.phone("1004", AGENT, "silent")
    caller, uuid = await phones.call("1009")
    asked = asyncio.create_task(live.transfer(uuid, "1004"))
    assert await comes_to_hear(caller, "music")
    assistant.hangup()
    assert (await asked)["status"] == "no_answer"
    assert await comes_to_hear(caller, hex(ASSISTANT)), "the switch has called the assistant anew"


@pytest.mark.parametrize("after_ms", [0, 10, 20, 30, 40, 50])
async def test_an_agent_who_goes_while_the_switch_bridges_leaves_the_caller_with_the_assistant(
    live: Api, phones: Phones, pbx: esl.Client, after_ms: int
) -> None:
    await phones.phone("1001", AGENT, delay=0.05)
    caller, uuid = await phones.call("8000")
    await pbx.subscribe("CHANNEL_PARK")
    parked = pbx.wait_for("CHANNEL_PARK", timeout=5)
    asked = asyncio.create_task(live.transfer(uuid, "1001"))
    leg = (await parked).unique_id
    await asyncio.sleep(after_ms / 1000)
    await pbx.api(f"uuid_kill {leg}")
    answer = await asked
    if answer["status"] != "success":  # else they were bridged, and the call has ended with the agent's
        # a wrong stop ends the assistant's playback, and the call up to 2 s later
        assert not await caller.until("bye", 4)
        assert (await pbx.api(f"uuid_exists {uuid}")).text == "true", answer
        assert await heard(caller) == "silence"


async def test_a_caller_can_be_held_taken_back_and_transferred_again(
    live: Api, phones: Phones, pbx: esl.Client, place: tuple[str, str]
) -> None:
    await phones.phone("1002", 0x22, "busy")
    await phones.phone("1001", AGENT)
    caller, uuid = await phones.call(place[0])
    assert (await live.transfer(uuid, "1002"))["status"] == "busy"
    assert await heard(caller) == place[1]
    assert (await live.transfer(uuid, "1001"))["status"] == "success"
    assert await comes_to_hear(caller, hex(AGENT))


async def test_a_key_leaves_hold(live: Api, phones: Phones, pbx: esl.Client) -> None:
    agent = await phones.phone("1004", AGENT, "silent")
    caller, uuid = await phones.call("8000")
    asked = asyncio.create_task(live.transfer(uuid, "1004"))
    assert await agent.until("invite")
    assert await comes_to_hear(caller, "music")
    await caller.keys("*")
    answer = await asked
    assert (answer["status"], answer["cause"], answer["ended_by"]) == ("cancelled", "CALLER_KEY", "caller")
    assert await heard(caller) == "silence"


async def test_callers_name_reaches_the_agents_phone_reduced_to_safe_characters(
    live: Api, phones: Phones, pbx: esl.Client
) -> None:
    agent = await phones.phone("1001", AGENT)
    _, uuid = await phones.call("8000", "José {x=1} O'Hara")
    assert (await live.transfer(uuid, "1001"))["status"] == "success"
    [invited] = [dialog["caller"] for dialog in agent.dialogs.values()]
    assert "José x 1 O Hara" in invited
    assert "5511999990000" in invited
