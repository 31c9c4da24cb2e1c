"""Callbacks on a real FreeSWITCH: the agent's phone, a client behind a gateway, and who hears whom."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.conftest import DOMAIN, Api, settings_for
from tests.live.conftest import Phones, comes_to_hear, heard, hung_up
from tests.live.sip_phones import Endpoint, phone
from tests.live.test_house import GATEWAY
from voiced import esl
from voiced.app import running
from voiced.callback.hands import RINGBACK
from voiced.pbx import control
from voiced.speech.prompts import SHIPPED

AGENT, CLIENT = 0x21, 0x33  # the bytes that they say
NUMBER = "+5511988887777"
MISSES = [("busy", "busy"), ("ring", "no_answer"), ("decline", "rejected")]  # manner, result


@pytest.fixture
async def house(address: tuple[str, int], database_url: str, pbx: esl.Client) -> AsyncIterator[Api]:
    """A daemon whose gateway is the trunk of the PBX."""
    settings = settings_for(
        address[1], database_url, callback={"settle_seconds": 0.3, "ring_seconds": 5, "connect_seconds": 12},
        pbx={"gateway": "trunk"},
    )  # fmt: skip
    async with running(settings) as daemon, httpx.AsyncClient(base_url=daemon.url, timeout=60) as client:
        api = Api(daemon, client)
        await api.ready()
        yield api


@pytest.fixture
async def client() -> AsyncIterator[Endpoint]:
    """The client, at the other end of the gateway."""
    far_end = await phone("trunk", CLIENT, "answer", 1.0, register=False, port=GATEWAY)
    yield far_end
    far_end.hangup()
    await hung_up([far_end])
    far_end.close()


async def post(api: Api, path: str, **body: Any) -> dict[str, Any]:
    response = await api.client.post(path, json=body)
    assert response.status_code in (200, 201), response.text
    answer: dict[str, Any] = response.json()
    return answer


async def originate(api: Api) -> dict[str, Any]:
    return await post(
        api, "/api/callback/originate", extension="1001", client_number=NUMBER, domain_uuid=str(DOMAIN)
    )


async def ended(api: Api, id: str) -> dict[str, Any]:
    """The call, once it has ended."""
    async with asyncio.timeout(20):
        while (found := await post(api, "/api/callback/monitor", call_uuid=id))["phase"] != "ended":
            await asyncio.sleep(0.05)
    return found


async def nobody_is_left(pbx: esl.Client) -> None:
    async with asyncio.timeout(10):
        while '"rows"' in (await pbx.api("show channels as json")).text:
            await asyncio.sleep(0.05)


async def agent_is_free(api: Api) -> None:
    async with asyncio.timeout(8):
        while not list(api.daemon.presence.free("pbx.test")):
            await asyncio.sleep(0.02)


async def test_agent_and_client_talk(house: Api, phones: Phones, pbx: esl.Client, client: Endpoint) -> None:
    agent = await phones.phone("1001", AGENT)
    await agent_is_free(house)
    placed = await originate(house)
    assert placed["success"], placed
    assert await client.until("answered")
    assert await comes_to_hear(agent, hex(CLIENT))
    assert await heard(client) == hex(AGENT)
    client.hangup()
    call = await ended(house, placed["call_uuid"])
    assert (call["result"], call["leg"]) == ("completed", "")
    assert 0.5 < call["duration_seconds"] < 5
    await nobody_is_left(pbx)


async def test_the_agent_hears_a_tone_until_the_client_answers_and_not_in_the_talk(
    house: Api, phones: Phones, pbx: esl.Client, client: Endpoint
) -> None:
    client.delay = 4.0
    agent = await phones.phone("1001", AGENT)
    await agent_is_free(house)
    placed = await originate(house)
    assert placed["success"], placed
    assert await heard(agent, 2.0) == "music", "neither the announcement nor the tone"
    assert await client.until("answered")
    assert await comes_to_hear(agent, hex(CLIENT))
    assert await heard(agent, 3.0) == hex(CLIENT)
    agent.hangup()
    assert (await ended(house, placed["call_uuid"]))["result"] == "completed"
    await nobody_is_left(pbx)


@pytest.mark.parametrize("told", [[], ["callback_to", "digit_1"]], ids=["tone", "prompts_and_tone"])
async def test_the_switch_itself_ends_what_somebody_hears_who_waits(
    address: tuple[str, int], phones: Phones, pbx: esl.Client, told: list[str]
) -> None:
    """A daemon that dies leaves nobody with an endless tone: the limit stands with each sound."""
    await phones.phone("1001", AGENT)
    born = await pbx.bgapi("originate user/1001@pbx.test &park()")
    leg = born.text.removeprefix("+OK ").strip()
    sounds = [str(SHIPPED / "pt-BR" / f"{name}.wav") for name in told]
    async with esl.connect(*address, events=("CHANNEL_EXECUTE_COMPLETE",)) as listener:
        done = listener.wait_for("CHANNEL_EXECUTE_COMPLETE", unique_id=leg, timeout=20)
        at = time.monotonic()
        await pbx.ask(control.play(leg, "tone-x", [*sounds, RINGBACK], 3))
        assert (await done).get("Application-UUID") == "tone-x"
        assert time.monotonic() - at > 2.5
    for command in control.release(leg, str(SHIPPED / "pt-BR" / "client_unreached.wav")):
        await pbx.ask(command)
    await nobody_is_left(pbx)


@pytest.mark.parametrize(
    ("manner", "result"), [("busy", "busy"), ("ring", "no_answer"), ("decline", "rejected")]
)
async def test_a_client_who_cannot_be_had_and_the_agent_is_told(
    house: Api, phones: Phones, pbx: esl.Client, client: Endpoint, manner: str, result: str
) -> None:
    client.manner = manner
    agent = await phones.phone("1001", AGENT)
    await agent_is_free(house)
    placed = await originate(house)
    assert await agent.until("up") or agent.said("answered")
    call = await ended(house, placed["call_uuid"])
    assert (call["result"], call["leg"]) == (result, "client")
    await nobody_is_left(pbx)


@pytest.mark.parametrize(
    ("manner", "result"), [("busy", "busy"), ("ring", "no_answer"), ("decline", "rejected")]
)
async def test_an_agent_who_does_not_take_it_costs_the_client_nothing(
    house: Api, phones: Phones, pbx: esl.Client, client: Endpoint, manner: str, result: str
) -> None:
    await phones.phone("1001", AGENT, manner)
    await agent_is_free(house)
    placed = await originate(house)
    call = await ended(house, placed["call_uuid"] or "")
    assert (call["result"], call["leg"]) == (result, "agent")
    assert not client.said("INVITE")
    await nobody_is_left(pbx)


async def test_an_agent_who_is_not_there_is_said_at_once(house: Api, pbx: esl.Client) -> None:
    placed = await originate(house)
    assert (placed["success"], placed["error"]) == (False, "USER_NOT_REGISTERED")


async def test_a_client_first_takes_the_call_with_a_key(
    house: Api, phones: Phones, pbx: esl.Client, client: Endpoint
) -> None:
    agent = await phones.phone("1001", AGENT)
    await agent_is_free(house)
    changed = await house.client.put(f"/api/settings/{DOMAIN}", json={"first": "client"})
    assert changed.status_code == 200, changed.text
    asked = asyncio.create_task(originate(house))
    assert await client.until("answered")
    assert await comes_to_hear(client, "music"), "the prompt"
    assert not agent.said("answered"), "the agent is called before the client has said yes"
    await client.keys("1")
    assert (await asked)["success"]
    assert await agent.until("answered")
    assert await comes_to_hear(agent, hex(CLIENT))
    assert await heard(client) == hex(AGENT)
    client.hangup()
    await nobody_is_left(pbx)


async def test_a_callback_waits_for_its_agent_and_is_kept(
    house: Api, phones: Phones, pbx: esl.Client, client: Endpoint
) -> None:
    await house.client.put(f"/api/settings/{DOMAIN}", json={"auto_dial": True})
    made = await post(house, "/api/callbacks", domain_uuid=str(DOMAIN), number=NUMBER, extension="1001")
    assert made["status"] == "pending"
    agent = await phones.phone("1001", AGENT)  # registers: free from now on
    assert await client.until("answered", 15)
    assert await comes_to_hear(client, hex(AGENT))
    agent.hangup()
    async with asyncio.timeout(10):
        while (row := (await house.client.get(f"/api/callbacks/{made['id']}")).json())[
            "status"
        ] != "completed":
            await asyncio.sleep(0.05)
    assert row["voice_call_duration"] > 0
    await nobody_is_left(pbx)
