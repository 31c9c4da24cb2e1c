"""What the PBX is asked to do besides calling."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from voiced.esl import OutboundServer, Session, Unconfirmed
from voiced.pbx import control
from voiced.pbx.pbx import Pbx
from voiced.sim import Manner, Received, Switch, Verdict


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


async def test_the_far_end_of_a_loopback_has_a_person_when_a_phone_in_there_has_answered(
    switch: Switch,
) -> None:
    phone = switch.phone("1001", Manner.RING)
    pbx = Pbx("pbx", "127.0.0.1", switch.port, "ClueCon")
    running = asyncio.create_task(pbx.run())
    await switch.until(lambda: pbx.is_connected and pbx.questions.is_connected)

    async def people() -> list[str]:
        ends = [uuid for uuid, channel in switch.channels.items() if channel.name.startswith("loopback/")]
        legs = await pbx.legs_of("t", (), ends)
        assert {leg.label for leg in legs} == {"loopback/9000-a", "loopback/9000-b"}
        return [leg.label for leg in legs if leg.has_person]

    pbx.dial(control.dial("t.1", "t", ["loopback/9000/default"], 20, "", ""), lambda cause: None)
    await switch.until(lambda: phone.ringing)
    assert await people() == []
    phone.answer()
    async with asyncio.timeout(5):
        while await people() != ["loopback/9000-b"]:
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
