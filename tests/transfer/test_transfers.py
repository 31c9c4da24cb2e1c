"""Transfers from end to end: HTTP in, the simulated PBX behind, PostgreSQL beside."""

from __future__ import annotations

import pytest

from tests.conftest import Api, Start
from voiced.sim import Caller, Manner, Switch


async def at_the_assistant(switch: Switch, extension: str = "8000") -> Caller:
    """A caller who hears the assistant (8000: in the dialplan, 8001: parked)."""
    caller = await switch.call(extension, number="5511999990000", name="Maria Souza")
    wanted = {"8000": "assistant", "8001": "silence"}[extension]
    await switch.until(lambda: caller.hears == wanted)
    return caller


async def test_an_answered_transfer_bridges_the_two_and_ends_with_the_agents_hangup(
    switch: Switch, api: Api
) -> None:
    agent = switch.phone("1001", manner=Manner.ANSWER, delay=0.1)
    caller = await at_the_assistant(switch)
    answer = await api.transfer(caller.uuid, "1001")
    assert (answer["status"], answer["success"], answer["attempts"]) == ("success", True, 1)
    assert caller.talks_to is agent
    agent.hangup()
    await switch.until(lambda: not caller.alive)
    row = await api.ended(answer["id"])
    assert (row["status"], row["ended_by"], row["phase"]) == ("success", "agent", "ended")


@pytest.mark.parametrize(
    ("manner", "status", "cause", "sip_code"),
    [
        (Manner.BUSY, "busy", "USER_BUSY", "486"),
        (Manner.DECLINE, "rejected", "CALL_REJECTED", "603"),
        (Manner.UNAVAILABLE, "dnd", "NO_USER_RESPONSE", "480"),
        (Manner.ERROR, "unavailable", "NORMAL_TEMPORARY_FAILURE", "500"),
        (Manner.NOT_FOUND, "unavailable", "UNALLOCATED_NUMBER", "404"),
        (Manner.RING, "no_answer", "NO_ANSWER", ""),
        (Manner.SILENT, "no_answer", "NO_ANSWER", ""),
        (None, "offline", "USER_NOT_REGISTERED", ""),
    ],
    ids=lambda value: value.name if isinstance(value, Manner) else str(value),
)
@pytest.mark.parametrize("extension", ["8000", "8001"])
async def test_an_agent_who_is_not_reached_leaves_the_caller_with_the_assistant(
    switch: Switch,
    start: Start,
    extension: str,
    manner: Manner | None,
    status: str,
    cause: str,
    sip_code: str,
) -> None:
    if manner is not None:
        switch.phone("1002", manner=manner, delay=0.05)
    async with start(transfer={"ring_timeout_seconds": 1}) as api:
        caller = await at_the_assistant(switch, extension)
        before = caller.hears
        answer = await api.transfer(caller.uuid, "1002")
        assert (answer["status"], answer["cause"]) == (status, cause)
        assert answer["sip_code"] == sip_code
        assert answer["offer_callback"]
        assert answer["message"]
        assert caller.alive
        assert caller.hears == before
        await api.ended(answer["id"])
        assert not [dial for dial in switch.channels.values() if dial.uuid != caller.uuid], "a leg is left"
        caller.hangup()
