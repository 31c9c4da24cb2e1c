"""The examples of docs/esl.md run against the simulated PBX, and the page says what they and the code say."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import voiced.esl
from voiced.esl import errors
from voiced.sim import Switch

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = DOCS / "examples"
PAGE = (DOCS / "esl.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
SHOWN = [path.stem for path in EXAMPLES.glob("*.py") if any(block in path.read_text() for block in BLOCKS)]


@asynccontextmanager
async def program(name: str, *arguments: object) -> AsyncIterator[Process]:
    """An example, running; it is ended with the block if it has not ended by itself."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-u", str(EXAMPLES / f"{name}.py"), *map(str, arguments), stdout=PIPE, stderr=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def said(process: Process) -> str:
    """Its next line that is no warning."""
    assert process.stdout
    async with asyncio.timeout(20):
        while "[warning" in (line := (await process.stdout.readline()).decode().strip()):
            pass
    return line


async def lines_of(name: str, *arguments: object) -> list[str]:
    async with program(name, *arguments) as process, asyncio.timeout(20):
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        return out.decode().splitlines()


async def test_first_steps(switch: Switch) -> None:
    assert await lines_of("first_steps", "127.0.0.1", switch.port, "ClueCon") == [
        "hello",
        "False -ERR No such channel!",
        "from the background",
    ]
    async with program("first_steps", "127.0.0.1", switch.port, "wrong") as process:
        _, err = await process.communicate()
        assert process.returncode == 1
        assert err.decode().startswith("no PBX: the PBX refused the password")


async def test_events(switch: Switch) -> None:
    switch.dialplan.add("default", "rings", "^8600$", ("park", ""))
    caller = await switch.call("8600", number="1001")
    assert caller.channel
    uuid = caller.channel.uuid
    assert await lines_of("events", uuid, "127.0.0.1", switch.port, "ClueCon") == [
        f"CHANNEL_ANSWER {uuid} 1001",
        f"answered {uuid}",
        "hung up NORMAL_CLEARING",
    ]


async def shows(switch: Switch, channels: int) -> None:
    """Until the PBX's table has so many channels: it lags behind the events."""
    async with voiced.esl.connect("127.0.0.1", switch.port, "ClueCon") as pbx, asyncio.timeout(5):
        while json.loads((await pbx.api("show channels as json")).text)["row_count"] != channels:
            await asyncio.sleep(0.02)


async def test_daemon(switch: Switch) -> None:
    await switch.call("8001")
    await shows(switch, 1)
    async with program("daemon", "127.0.0.1", switch.port, "ClueCon") as process:
        assert [await said(process), await said(process)] == ["back", "1 channels"]
        caller = await switch.call("8001")
        assert caller.channel
        assert await said(process) == f"created {caller.channel.uuid}"
        await shows(switch, 2)
        await switch.cut()
        assert [await said(process) for _ in range(3)] == ["lost", "back", "2 channels"]


async def test_call(switch: Switch) -> None:
    phone = switch.phone("1001")
    assert await lines_of("call", "127.0.0.1", switch.port, "ClueCon", "1001", "pbx.test") == [
        "nothing was written: '1001,user/1002' is no extension",
        "playback tone-1 FILE PLAYED",
    ]
    assert not phone.alive, "hung up in the end"


async def test_outbound(switch: Switch) -> None:
    async with program("outbound", 0) as process:
        address = f"127.0.0.1:{(await said(process)).split()[-1]}"
        switch.dialplan.add("default", "ours", "^8500$", ("socket", f"{address} async full"), ("park", ""))
        for is_patient in (True, False):
            caller = await switch.call("8500", number="1001")
            assert await said(process) == "call from 1001"
            if not is_patient:
                caller.hangup()
            assert await said(process) == ("played" if is_patient else "hung up")


def test_every_block_of_the_page_is_of_an_example_that_runs_here() -> None:
    assert len(BLOCKS) >= 6
    for block in BLOCKS:
        assert any(block in (EXAMPLES / f"{name}.py").read_text() for name in SHOWN), block
    assert {f"test_{name}" for name in SHOWN} <= set(globals())


def test_the_tree_of_errors_on_the_page_is_that_of_the_code() -> None:
    [tree] = re.findall(r"```\n(EslError\n.*?)```", PAGE, re.DOTALL)
    assert errors.__doc__
    assert "".join(f"    {line}\n" for line in tree.splitlines()) in errors.__doc__
    for name in re.findall(r"── (\w+)", tree):
        assert issubclass(getattr(voiced.esl, name), errors.EslError)


@pytest.mark.parametrize(
    "name", sorted(set(voiced.esl.__all__) - {"Command", "EventQueue", "Handle", "LogLine"})
)
def test_the_page_names_what_is_public(name: str) -> None:
    assert getattr(voiced.esl, name)
    assert re.search(rf"\b{name}\b", PAGE)
