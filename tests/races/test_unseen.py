"""What happens while nobody watches: it is found out, or said to be unknown, and never guessed."""

from __future__ import annotations

import asyncio

from tests.callers import at_the_assistant
from tests.races.conftest import Open
from tests.races.room import Room
from voiced.sim import Received, Switch
from voiced.transfer.state import Phase

RINGS = {"ring_timeout_seconds": 20}


async def lose(it: Room) -> None:
    """The event socket is away until `switch.open_door()`."""
    await it.switch.close_door()
    await it.switch.cut()
    await it.switch.until(lambda: not it.api.daemon.pbx.is_connected)


async def test_two_who_have_talked_and_parted_while_nobody_watched(switch: Switch, room: Open) -> None:
    """Cut right behind the bridge's command: nobody ever hears that they talked."""
    agent = switch.phone("1001", delay=0.3)
    async with room(transfer=RINGS) as it:
        caller = await at_the_assistant(switch)
        cutting: list[asyncio.Task[None]] = []

        def cut(received: Received) -> None:
            if "uuid_bridge" in received.words and not cutting:
                cutting.append(asyncio.create_task(lose(it)))

        switch.intercept = cut
        driver = await it.begin(caller)
        await switch.until(lambda: caller.talks_to is agent)
        assert driver.transfer.phase is Phase.BRIDGING
        await cutting[0]
        caller.hangup()
        await switch.until(lambda: not agent.alive)
        await switch.open_door()
        row = await it.api.ended(str(driver.request.id))
        assert (row["status"], row["cause"], row["ended_by"]) == ("failed", "LOST", "")
        await it.backend.until(lambda: it.backend.accepted)
        told = it.backend.accepted[0].payload
        assert (told["status"], told["cause"], told["endedBy"]) == ("failed", "LOST", "")
        assert told["offerCallback"] is False, "nobody is there to be offered one"


async def test_a_talk_that_ends_while_nobody_watches_has_no_length(switch: Switch, room: Open) -> None:
    agent = switch.phone("1001", delay=0.1)
    async with room(transfer=RINGS) as it:
        caller = await at_the_assistant(switch)
        driver = await it.begin(caller)
        await it.reaches(driver, Phase.BRIDGED)
        await lose(it)
        agent.hangup()
        await switch.until(lambda: not caller.alive)
        await switch.open_door()
        await it.backend.until(lambda: len(it.backend.accepted) == 2)
        told = it.backend.accepted[1].payload
        assert (told["cause"], told["endedBy"], told["talkSeconds"]) == ("LOST", "", None)


async def test_a_caller_who_leaves_while_nobody_watches_a_phone_that_rings_has_not_talked(
    switch: Switch, room: Open
) -> None:
    """This daemon has commanded no bridge, and no other drives it."""
    agent = switch.phone("1001", delay=30)
    async with room(transfer=RINGS) as it:
        caller = await at_the_assistant(switch)
        driver = await it.begin(caller)
        await it.reaches(driver, Phase.RINGING)
        await lose(it)
        caller.hangup()
        await switch.open_door()
        await it.ends_well(driver, caller, "cancelled", agent=agent)


async def test_a_phone_that_rang_is_told_to_have_rung_so_long_and_no_longer(
    switch: Switch, room: Open
) -> None:
    agent = switch.phone("1001", delay=30)
    async with room(transfer=RINGS) as it:
        caller = await at_the_assistant(switch)
        driver = await it.begin(caller)
        await it.reaches(driver, Phase.RINGING)
        agent.hangup()
        await it.ends_well(driver, caller, "busy", agent=agent)
        t = driver.transfer
        told = it.backend.accepted[0].payload["ringSeconds"]
        assert told == round(t.known_at - t.ringing_at, 1)
