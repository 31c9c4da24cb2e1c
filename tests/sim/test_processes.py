"""The simulated switch as a process, and the load for the benchmark."""

from __future__ import annotations

import asyncio
import re
import sys

import pytest

from voiced.sim import Manner, Switch
from voiced.sim.__main__ import behaviour, furnish, parser
from voiced.sim.load import Load, noise_events

from .client import Client


async def _port(process: asyncio.subprocess.Process) -> int:
    """The port that it says it listens on."""
    assert process.stderr is not None
    line = await asyncio.wait_for(process.stderr.readline(), 20)
    return int(re.findall(r"127\.0\.0\.1:(\d+)", line.decode())[0])


@pytest.mark.parametrize("module", ["voiced.sim", "voiced.sim.load"])
async def test_it_runs_as_a_process(module: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, "--port", "0", stderr=asyncio.subprocess.PIPE
    )
    try:
        client = await Client.connect(await _port(process))
        contact = await client.api("sofia_contact */1001@pbx.test")
        assert contact.startswith("sofia/internal/sip:1001@")
        await client.close()
    finally:
        process.terminate()
        await process.communicate()


async def test_a_port_that_is_taken_is_one_line(switch: Switch) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "voiced.sim", "--port", str(switch.port), stderr=asyncio.subprocess.PIPE
    )
    _, told = await process.communicate()
    assert process.returncode == 2
    last = told.decode().splitlines()[-1]
    assert f"127.0.0.1:{switch.port} cannot be listened on" in last
    assert "Traceback" not in told.decode()


def test_how_phones_behave_is_said_on_the_command_line() -> None:
    assert behaviour("1001=busy") == ("1001", "busy", 1.0)
    assert behaviour("1001=answer:2.5") == ("1001", "answer", 2.5)
    for wrong in ("1001", "1001=nosuch", "=busy", "1001=busy:soon"):
        with pytest.raises(ValueError):
            behaviour(wrong)
    switch = Switch(seed=1)
    furnish(switch, parser().parse_args(["--phone", "1002=dnd", "--phone", "1003=away", "--agent", "1001"]))
    manners = {phone.user: phone.manner for phone in switch.phones}
    assert (manners["1001"], manners["1002"], "1003" in manners) == (Manner.ANSWER, Manner.UNAVAILABLE, False)
    assert list(switch.callcenter.agents) == ["1001@pbx.test"]


async def test_the_load_keeps_to_its_numbers(switch: Switch) -> None:
    client = await Client.connect(switch.port)
    load = Load(switch, callers=5, rate=1000, talk=0.02, noise=2000)
    await load.run(0.5)
    await switch.until(lambda: not switch.channels)
    assert load.started == load.ended >= 5
    assert 500 <= load.noises <= 1100
    await client.until(lambda: len(client.events("CHANNEL_DESTROY")) >= load.ended)


async def test_noise_is_whole_calls_in_their_order() -> None:
    events = await noise_events(3)
    calls = {event["Unique-ID"] for event in events if event.get("Unique-ID")}
    assert len(calls) == 3
    for call in calls:
        names = [event.name for event in events if event.get("Unique-ID") == call]
        assert names[2] == "CHANNEL_CREATE"
        assert names[-2:] == ["CHANNEL_DESTROY", "CHANNEL_STATE"]
