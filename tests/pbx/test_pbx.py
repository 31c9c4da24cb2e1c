"""What the PBX is asked to do besides calling."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from voiced.esl import OutboundServer, Session, Unconfirmed
from voiced.pbx.pbx import Pbx
from voiced.sim import Received, Switch, Verdict


@pytest.fixture
async def sleeper(switch: Switch) -> AsyncIterator[OutboundServer]:
    """Extension 8500 is handed to a process that keeps it, and does nothing more."""

    async def sleep(session: Session) -> None:
        await asyncio.Event().wait()

    server = OutboundServer(sleep)
    port = await server.start()
    tone = "tone_stream://%(100,0,800);loops=-1"
    switch.dialplan.add(
        "default", "routed_in", "^8500$", ("socket", f"127.0.0.1:{port} async full"), ("answer", ""),
        ("playback", tone), first=True,
    )  # fmt: skip
    yield server
    await server.close()


async def test_a_call_is_dismissed_from_a_process_that_sleeps(
    switch: Switch, sleeper: OutboundServer
) -> None:
    caller = await switch.call("8500")
    await switch.until(lambda: len(sleeper) == 1)
    pbx = Pbx("pbx", "127.0.0.1", switch.port, "ClueCon")
    await pbx.dismiss(caller.uuid)
    await switch.until(lambda: caller.hears == "tone")
    assert len(sleeper) == 1, "its session stands"
    assert not any(listener.channel is None for listener in switch.listeners), "and nothing is left of ours"


async def test_a_pbx_that_does_not_dismiss_is_no_success(switch: Switch, sleeper: OutboundServer) -> None:
    caller = await switch.call("8500")
    await switch.until(lambda: len(sleeper) == 1)

    def intercept(received: Received) -> Verdict | None:
        return Verdict(cut="before") if received.words[0] == "myevents" else None

    switch.intercept = intercept
    with pytest.raises(Unconfirmed):
        await Pbx("pbx", "127.0.0.1", switch.port, "ClueCon").dismiss(caller.uuid)
    assert caller.hears == "silence"
