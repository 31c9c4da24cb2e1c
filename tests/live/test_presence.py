"""Presence on a real FreeSWITCH: its registrations, its channels, its tables."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.conftest import DOMAIN, Api
from tests.live.conftest import Phones
from voiced import esl
from voiced.pbx.presence import Extension

AGENT = 0x21
PETER = Extension("1001", "pbx.test")


async def state(api: Api, extension: str = "1001") -> str:
    response = await api.client.get(f"/api/extension/status/{extension}", params={"domain_uuid": str(DOMAIN)})
    assert response.status_code in (200, 503), response.text
    answer: dict[str, Any] = response.json()
    return str(answer.get("status", answer.get("error")))


async def becomes(api: Api, wanted: str, extension: str = "1001", seconds: float = 5) -> None:
    found = ""
    try:
        async with asyncio.timeout(seconds):
            while (found := await state(api, extension)) != wanted:
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"{extension} is {found}, not {wanted}") from None


async def test_a_phone_comes_and_goes_though_its_call_id_is_another(live: Api, phones: Phones) -> None:
    assert await state(live) == "offline"
    phone = await phones.phone("1001", AGENT)
    await becomes(live, "available", seconds=1)
    await phone.register(expires=0)
    await becomes(live, "offline", seconds=1)


async def test_of_two_phones_of_one_user_one_is_enough(live: Api, phones: Phones) -> None:
    first, second = await phones.phone("1001", AGENT), await phones.phone("1001", 0x22)
    await becomes(live, "available")
    seen: list[str] = []
    live.daemon.presence.on_change(lambda extension, before, now: seen.append(now))
    await first.register(expires=0)  # the table of registrations has none of the two now
    async with asyncio.timeout(5):
        while live.daemon.presence._phones[PETER].contacts.keys() != {f"sip:1001@127.0.0.1:{second.port}"}:
            await asyncio.sleep(0.01)
    assert await state(live) == "available"
    assert seen == []
    await second.register(expires=0)
    await becomes(live, "offline", seconds=1)


async def test_phones_that_are_thrown_out_are_offline_though_the_table_shows_them(
    live: Api, phones: Phones, pbx: esl.Client
) -> None:
    await phones.phone("1001", AGENT)
    await becomes(live, "available")
    async with asyncio.timeout(5):
        while '"1001"' not in (await pbx.api("show registrations as json")).text:
            await asyncio.sleep(0.01)
    await pbx.api("sofia profile internal flush_inbound_reg")
    await becomes(live, "offline", seconds=2)
    assert '"1001"' in (await pbx.api("show registrations as json")).text
    live.daemon.presence._look_at = 0.0
    live.daemon.presence._wake.set()
    async with asyncio.timeout(5):
        while not live.daemon.presence._look_at or live.daemon.presence._doubtful:
            await asyncio.sleep(0.01)
    assert await state(live) == "offline"


async def test_a_phone_that_is_called_rings_talks_and_is_free_again(
    live: Api, phones: Phones, pbx: esl.Client
) -> None:
    agent = await phones.phone("1001", AGENT, delay=0.4)
    await becomes(live, "available")
    free: list[Extension] = []
    live.daemon.presence.on_free(free.append)
    _, uuid = await phones.call("8000")
    asked = asyncio.create_task(live.transfer(uuid, "1001"))
    await becomes(live, "ringing", seconds=2)
    await becomes(live, "in_call", seconds=2)
    assert (await asked)["status"] == "success"
    assert await state(live) == "in_call"
    agent.hangup()
    await becomes(live, "available", seconds=1)
    assert not live.daemon.presence.is_free(PETER)
    async with asyncio.timeout(10):
        while free != [PETER]:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("manner", ["busy", "decline"])
async def test_a_phone_that_refuses_is_available_again_and_not_free(
    live: Api, phones: Phones, manner: str
) -> None:
    await phones.phone("1001", AGENT, manner)
    await becomes(live, "available")
    _, uuid = await phones.call("8000")
    asked = asyncio.create_task(live.transfer(uuid, "1001"))
    await becomes(live, "ringing", seconds=2)
    await asked
    await becomes(live, "available", seconds=1)
    assert not live.daemon.presence.is_free(PETER)


async def test_a_phone_that_calls_is_on_a_call_at_once(live: Api, phones: Phones, pbx: esl.Client) -> None:
    phone = await phones.phone("1002", 0x22)
    await becomes(live, "available", "1002")
    await phone.call("8001", "1001")  # its caller's name is an extension's number: nobody's state
    await becomes(live, "in_call", "1002", seconds=2)
    assert await state(live) == "offline"
    phone.hangup()
    await becomes(live, "available", "1002", seconds=1)


async def test_after_a_reconnect_calls_and_phones_are_found_again(
    live: Api, phones: Phones, pbx: esl.Client
) -> None:
    agent = await phones.phone("1001", AGENT)
    await phones.phone("1002", 0x22)
    await becomes(live, "available", "1002")
    _, uuid = await phones.call("8000")
    await live.transfer(uuid, "1001")
    await becomes(live, "in_call")
    gone = await phones.phone("1003", 0x23)
    await becomes(live, "available", "1003")

    connection = live.daemon.pbx.calls._link.connection
    assert connection is not None
    connection.abort(esl.Unconfirmed("cut by the test"))
    await becomes(live, "pbx_is_away", seconds=1)
    await gone.register(expires=0)
    await becomes(live, "in_call")
    assert await state(live, "1002") == "available"
    await becomes(live, "offline", "1003")
    agent.hangup()
    await becomes(live, "available", seconds=1)
