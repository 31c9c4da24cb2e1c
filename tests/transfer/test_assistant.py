"""An assistant on an audio fork: paused while its caller waits, resumed wherever the caller goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.callers import at_the_assistant, back_at_the_assistant, stays_at_the_assistant
from tests.conftest import Api, Start
from tests.house import add
from tests.transfer.test_routed_in import goes_on, route
from voiced.sim import Caller, Manner, Received, Switch, Verdict

COMMANDS = {
    "pause_assistant": "uuid_setvar {uuid} fork paused",
    "resume_assistant": "uuid_setvar {uuid} fork listens",
}


@pytest.fixture
async def api(start: Start) -> AsyncIterator[Api]:
    async with start(transfer={"ring_timeout_seconds": 20, "announce": False, **COMMANDS}) as api:
        yield api


def fork(switch: Switch, caller: Caller) -> str:
    """What the assistant on this call does; '' for one that was never touched."""
    return switch.channels[caller.uuid].variables.get("fork") or ""


def told(switch: Switch) -> list[str]:
    """What the assistants were told, in order."""
    return [command.words[-1] for command in switch.commands if "fork" in command.words]


async def test_it_is_paused_while_the_caller_waits_and_resumed_when_they_are_back(
    switch: Switch, api: Api
) -> None:
    phone = switch.phone("1001", Manner.RING)
    caller = await at_the_assistant(switch)
    id = (await api.transfer(caller.uuid, "1001", wait=0))["id"]
    await switch.until(lambda: phone.ringing)
    assert fork(switch, caller) == "paused"
    phone.hangup()
    await api.ended(id)
    await back_at_the_assistant(switch, caller)
    assert told(switch) == ["paused", "listens"]


async def test_it_stays_paused_in_the_talk_and_at_a_voicemail(switch: Switch, api: Api) -> None:
    agent = switch.phone("1001", delay=0.05)
    caller = await at_the_assistant(switch)
    id = (await api.transfer(caller.uuid, "1001"))["id"]
    assert caller.talks_to is agent
    caller.hangup()
    await api.ended(id)
    await add(api, fallback_action="voicemail")
    agent.manner = Manner.BUSY
    caller = await at_the_assistant(switch)
    await api.ended((await api.transfer(caller.uuid, "financeiro"))["id"])
    assert told(switch) == ["paused", "paused"], "it shall not listen to what is said there"


async def test_music_that_is_played_again_pauses_it_once(switch: Switch, start: Start) -> None:
    phone = switch.phone("1001", Manner.RING)
    settings = {"ring_timeout_seconds": 20, "announce": False, **COMMANDS}
    async with start(transfer=settings, pbx={"hold_music": "tone_stream://%(1100,0,440)"}) as api:
        caller = await at_the_assistant(switch)
        id = (await api.transfer(caller.uuid, "1001", wait=0))["id"]
        holds = [0]

        def played() -> bool:
            uuids = {command.headers.get("event-uuid", "") for command in switch.commands}
            holds[0] = len([uuid for uuid in uuids if uuid.startswith("hold-")])
            return holds[0] >= 2

        await switch.until(played)
        phone.hangup()
        await api.ended(id)
        assert told(switch) == ["paused", "listens"]


async def test_a_call_routed_in_goes_on_with_it(switch: Switch, api: Api) -> None:
    switch.phone("1001", Manner.BUSY, delay=0.05)
    await add(api, name="Vendas")
    route(switch, api.daemon.outbound_port, voiced_destination="vendas")
    caller = await switch.call("8500")
    assert (await goes_on(switch, caller))["status"] == "busy"
    await switch.until(lambda: told(switch) == ["paused", "listens"])


async def test_a_call_that_loses_its_session_goes_on_with_it(switch: Switch, api: Api) -> None:
    phone = switch.phone("1001", Manner.RING)
    await add(api, name="Vendas")
    route(switch, api.daemon.outbound_port, voiced_destination="vendas")
    caller = await switch.call("8500")
    await switch.until(lambda: phone.ringing and caller.hears == "music")
    for listener in tuple(switch.listeners):
        if listener.channel is not None:
            listener.abort()
    assert await goes_on(switch, caller) == {"status": "failed"}
    await switch.until(lambda: told(switch) == ["paused", "listens"])


@pytest.mark.parametrize("milliseconds", [10, 25, 45, 55])
async def test_a_caller_whose_bridge_came_to_nothing_goes_home_to_one_that_listens(
    switch: Switch, api: Api, milliseconds: int
) -> None:
    agent = switch.phone("1001", delay=0.05)
    caller = await at_the_assistant(switch)

    def leave(received: Received) -> None:
        if "uuid_bridge" in received.words:
            asyncio.get_running_loop().call_later(milliseconds / 1000, agent.hangup)

    switch.intercept = leave
    answer = await api.transfer(caller.uuid, "1001")
    await api.ended(answer["id"])
    if answer["status"] == "success":
        return  # they were quicker
    await stays_at_the_assistant(switch, caller)
    assert told(switch) == ["paused", "listens"]


async def test_a_caller_whom_nobody_owns_goes_back_to_one_that_listens(
    switch: Switch, start: Start, api: Api
) -> None:
    """Held by a daemon whose row is gone: nobody can take the transfer up."""
    phone = switch.phone("1001", Manner.RING)
    caller = await at_the_assistant(switch)
    await api.transfer(caller.uuid, "1001", wait=0)
    await switch.until(lambda: phone.ringing and caller.hears == "music")
    await api.daemon.scribe.drained()
    await api.daemon.transfers.close()
    await api.daemon.pool.execute("delete from transfers")
    await switch.cut()
    await switch.until(lambda: caller.hears == "assistant" and fork(switch, caller) == "listens")


async def test_a_resume_that_is_lost_on_the_way_is_said_again(switch: Switch, api: Api) -> None:
    switch.phone("1001", Manner.BUSY)
    caller = await at_the_assistant(switch)
    cuts = iter(["before"])

    def cut(received: Received) -> Verdict | None:
        return Verdict(cut=next(cuts, None)) if received.words[-1:] == ["listens"] else None

    switch.intercept = cut
    id = (await api.transfer(caller.uuid, "1001"))["id"]
    await switch.until(lambda: fork(switch, caller) == "listens")
    assert (await api.ended(id))["status"] == "busy"
    assert told(switch) == ["paused", "listens", "listens"]


async def test_what_is_called_off_while_the_pbx_is_lost_is_when_it_is_back(switch: Switch, api: Api) -> None:
    phone = switch.phone("1001", Manner.RING)
    caller = await at_the_assistant(switch)
    id = (await api.transfer(caller.uuid, "1001", wait=0))["id"]
    await switch.until(lambda: phone.ringing and caller.hears == "music")
    await switch.close_door()
    await switch.cut()
    await switch.until(lambda: not api.daemon.pbx.is_connected)
    answer = await api.client.delete(f"/api/transfers/{id}")
    assert (answer.status_code, answer.json()["success"], answer.json()["cause"]) == (202, False, "")
    assert caller.hears == "music"
    await switch.open_door()
    assert (await api.ended(id))["cause"] == "MANAGER_REQUEST"
    await back_at_the_assistant(switch, caller)
    assert not phone.ringing
    assert told(switch) == ["paused", "listens"]
