"""Music and comfort prompts on a real FreeSWITCH: the switch's own limit, and no prompt in a talk."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import httpx
import pytest

from tests.conftest import DOMAIN, Api, settings_for
from tests.kill.daemon import Daemon
from tests.live.conftest import Phones, heard
from voiced import esl
from voiced.app import running

AGENT = 0x21


async def mark(pbx: esl.Client, uuid: str) -> str:
    """The transfer whose music plays to a caller; '' for none."""
    told = (await pbx.api(f"uuid_getvar {uuid} voiced_hold")).text
    return "" if told == "_undef_" else told


async def test_after_a_comfort_prompt_the_switch_still_ends_the_music_by_itself(
    address: tuple[str, int], database_url: str, phones: Phones, pbx: esl.Client, tmp_path: Path
) -> None:
    """The limit in front is forgotten as soon as the prompt is over: it has to stand with the music too."""
    sections = {
        "pbx": {"port": address[1]},
        "http": {"listen": "127.0.0.1:0"},
        "outbound": {"listen": ""},
        "database": {"url": database_url},
        "transfer": {"longest_hold_seconds": 6, "comfort_seconds": 1, "ring_timeout_seconds": 60},
        "domain": [{"uuid": str(DOMAIN), "name": "pbx.test"}],
    }
    daemon = Daemon(sections, tmp_path, "daemon", {})
    try:
        await daemon.owns()
        await phones.phone("1004", AGENT, "silent")
        caller, uuid = await phones.call("8000")
        starts: list[float] = []
        pbx.on(lambda _: starts.append(time.monotonic()), name="PLAYBACK_START", unique_id=uuid)
        body = {"call_uuid": uuid, "domain_uuid": str(DOMAIN), "destination": "1004"}
        assert (await daemon.client.post("/api/transfers", json=body)).status_code == 202
        async with asyncio.timeout(5):
            while len(starts) < 2:  # the music, and the prompt with music behind it
                await asyncio.sleep(0.02)
        daemon.kill()
        async with asyncio.timeout(25):  # the prompt, and then the limit of 6 + 5 seconds
            while await mark(pbx, uuid):
                await asyncio.sleep(0.1)
        assert await heard(caller) == "silence", "the assistant"
    finally:
        await daemon.close()


async def test_a_comfort_prompt_comes_again_and_again_and_the_caller_can_be_taken_back(
    address: tuple[str, int], database_url: str, phones: Phones, pbx: esl.Client
) -> None:
    settings = settings_for(
        address[1], database_url, transfer={"comfort_seconds": 1.5, "ring_timeout_seconds": 5}
    )
    async with running(settings) as daemon, httpx.AsyncClient(base_url=daemon.url, timeout=60) as client:
        live = Api(daemon, client)
        await live.ready()
        agent = await phones.phone("1004", AGENT, "silent")
        caller, uuid = await phones.call("8000")
        starts: list[str] = []
        pbx.on(
            lambda event: starts.append(event.get("Playback-File-Path") or ""),
            name="PLAYBACK_START", unique_id=uuid,
        )  # fmt: skip
        assert (await live.transfer(uuid, "1004"))["status"] == "no_answer"
        assert agent.said("invite")
        prompts = [path for path in starts if "please_wait" in path]
        assert len(prompts) >= 2, starts
        assert await mark(pbx, uuid) == ""
        assert await heard(caller) == "silence", "the assistant"


@pytest.mark.parametrize("milliseconds", [0, 10, 20, 40, 150])
async def test_who_answers_right_behind_a_comfort_prompts_command_hears_no_prompt(
    live: Api, phones: Phones, pbx: esl.Client, milliseconds: int
) -> None:
    await phones.phone("1001", AGENT, delay=1)
    caller, uuid = await phones.call("8000")
    await live.transfer(uuid, "1001", wait=0)
    driver = live.daemon.transfers.of_call(uuid)
    assert driver is not None
    hands = driver._hands
    bridge = hands.bridge

    def prompt_and_bridge(attempt: int, leg: str) -> None:
        hands.holding.comfort(driver.transfer)
        asyncio.get_running_loop().call_later(milliseconds / 1000, bridge, attempt, leg)

    hands.bridge = prompt_and_bridge  # type: ignore[method-assign]
    story: list[str] = []
    pbx.on(lambda event: story.append(event.name), name=["PLAYBACK_START", "CHANNEL_BRIDGE"], unique_id=uuid)
    await asyncio.wait_for(asyncio.shield(driver.known), 5)
    assert driver.transfer.bridged_at
    assert await heard(caller, 0.5) == hex(AGENT)
    assert story[-2:] == ["PLAYBACK_START", "CHANNEL_BRIDGE"], "the prompt had begun, and the bridge ended it"
