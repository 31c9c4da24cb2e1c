"""Transfers from end to end: HTTP in, the simulated PBX behind, PostgreSQL beside."""

from __future__ import annotations

import asyncio

import pytest

from tests.conftest import Api, Start
from tests.gate import Gate
from voiced.sim import Caller, Manner, Received, Switch, Verdict


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


async def a_ringing_transfer(switch: Switch, api: Api) -> tuple[Caller, str]:
    switch.phone("1001", manner=Manner.RING)
    caller = await at_the_assistant(switch)
    id = (await api.transfer(caller.uuid, "1001", wait=0))["id"]
    await switch.until(lambda: switch.phones[0].ringing)
    return caller, id


async def test_recovery_goes_on_when_the_connection_for_questions_comes_back_later(
    switch: Switch, start: Start
) -> None:
    """The two come back each in their own time, and a question may go down with its connection."""
    async with start(transfer={"ring_timeout_seconds": 20}) as api:
        caller, id = await a_ringing_transfer(switch, api)
        cut = 0

        def intercept(received: Received) -> Verdict | None:
            nonlocal cut
            if cut < 3 and received.words[1:2] in (["show"], ["uuid_dump"]):
                cut += 1
                return Verdict(cut="before")
            return None

        switch.intercept = intercept
        await switch.cut()
        await switch.until(lambda: cut == 3)
        driver = api.daemon.transfers.of_call(caller.uuid)
        assert driver is not None
        switch.phones[0].answer()
        await asyncio.wait_for(asyncio.shield(driver.known), 10)
        assert caller.talks_to is switch.phones[0]
        caller.hangup()
        assert (await api.ended(id))["status"] == "success"


async def test_the_pbx_is_lost_and_found_while_the_database_is_away_and_the_call_goes_on(
    switch: Switch, start: Start, database_url: str
) -> None:
    gate = Gate(database_url)
    await gate.open()
    async with start(transfer={"ring_timeout_seconds": 20}, database={"url": gate.url}) as api:
        caller, id = await a_ringing_transfer(switch, api)
        await gate.shut()
        await switch.until(lambda: not api.daemon.ownership.may_dial())
        await switch.cut()  # the second recovery does not wait for the first, which waits for the database
        await switch.until(lambda: not api.daemon.pbx.is_connected)
        await switch.until(lambda: api.daemon.pbx.is_connected)
        await switch.close_door()
        await switch.cut()
        switch.phones[0].answer()  # nobody hears it
        await switch.until(lambda: not switch.phones[0].ringing)
        await switch.open_door()
        await switch.until(lambda: caller.talks_to is switch.phones[0])
        caller.hangup()
        await gate.open()
        assert (await api.ended(id))["status"] == "success"
    await gate.shut()
