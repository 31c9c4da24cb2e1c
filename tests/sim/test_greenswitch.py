"""Another implementation's client and server talk with the simulated switch."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from voiced.sim import Manner, Switch


class Peer:
    """What the greenswitch process says, one thing after the other."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def says(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), 20)
        assert line, "greenswitch has ended"
        said: dict[str, Any] = json.loads(line)
        return said


@asynccontextmanager
async def greenswitch(role: str, port: int) -> AsyncIterator[Peer]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.sim.greenswitch_peer", role, str(port), stdout=asyncio.subprocess.PIPE
    )
    try:
        yield Peer(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_its_client_runs_commands_and_jobs_and_hears_events(switch: Switch) -> None:
    switch.phone("1001", Manner.ANSWER, 0.01)
    async with greenswitch("inbound", switch.port) as peer:
        assert await peer.says() == {"events": "+OK event listener enabled plain"}
        assert (await peer.says())["version"].startswith("FreeSWITCH Version 1.")
        done = await peer.says()
        assert done["reply"].startswith("+OK Job-UUID: ")
        assert done["same"]
        assert await peer.says() == {"hangup": "t-1"}
    await switch.until(lambda: not switch.channels)


async def test_its_server_is_given_a_call(switch: Switch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    switch.dialplan.add("default", "green", "^8500$", ("socket", f"127.0.0.1:{port} async full"))
    async with greenswitch("outbound", port) as peer:
        assert await peer.says() == {"listening": True}
        caller = await switch.call("8500", number="5511999990000")
        assert await peer.says() == {"caller": "5511999990000", "destination": "8500"}
        assert await peer.says() == {"played": "FILE PLAYED"}
        caller.press("1")
        assert await peer.says() == {"key": "1"}
        await switch.until(lambda: not caller.alive)
        assert await peer.says() == {"done": True}
