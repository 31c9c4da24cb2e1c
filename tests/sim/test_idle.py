"""A thousand calls that wait cost nothing: no timer ticks for them, nothing polls."""

from __future__ import annotations

import asyncio

import pytest

from voiced.sim import Manner, Switch
from voiced.sim.messages import PrivateMessage

CALLS = 1000


async def callbacks_in(seconds: float, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many callbacks the loop runs meanwhile."""
    count = 0
    run = asyncio.Handle._run

    def counted(handle: asyncio.Handle) -> None:
        nonlocal count
        count += 1
        run(handle)

    with monkeypatch.context() as patch:
        patch.setattr(asyncio.Handle, "_run", counted)
        await asyncio.sleep(seconds)
    return count


async def test_a_thousand_calls_on_hold_do_nothing(switch: Switch, monkeypatch: pytest.MonkeyPatch) -> None:
    callers = [await switch.call("8000") for _ in range(CALLS)]
    await switch.until(lambda: all(caller.hears == "assistant" for caller in callers[-1:]))
    for channel in switch.channels.values():
        channel.queue_private(
            PrivateMessage(
                {
                    "call-command": "execute",
                    "execute-app-name": "playback",
                    "execute-app-arg": "{timeout=60000}local_stream://moh",
                    "event-lock": "true",
                }
            )
        )
    await switch.until(lambda: callers[-1].hears == "music")
    await asyncio.sleep(0.02)
    assert {caller.hears for caller in callers} == {"music"}
    assert await callbacks_in(0.05, monkeypatch) < 10


async def test_talks_parked_legs_and_ringing_phones_do_nothing(
    switch: Switch, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering, ringing = switch.phone("1001", Manner.ANSWER, 0), switch.phone("1002", Manner.RING)
    talking = [await switch.call("1001") for _ in range(20)]
    parked = [await switch.call("8001") for _ in range(20)]
    await switch.call("1002")
    await switch.until(lambda: all(caller.hears.startswith("leg ") for caller in talking))
    await switch.until(lambda: ringing.ringing and parked[-1].hears == "silence")
    await asyncio.sleep(0.02)
    assert len(answering.talks) == 20
    assert await callbacks_in(0.05, monkeypatch) < 10
