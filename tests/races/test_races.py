"""Two things at once: whoever comes first, there is one result, and nobody is left alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import pytest

from tests.callers import at_the_assistant, nobody_beside
from tests.conftest import DOMAIN, Start
from tests.gate import Gate
from tests.races.conftest import Open
from tests.races.room import Room
from voiced import app
from voiced.esl import commands
from voiced.pbx.channel import Channel
from voiced.refusals import PbxIsAway
from voiced.sim import Manner, Received, Switch, Verdict
from voiced.transfer import service
from voiced.transfer.driver import Driver
from voiced.transfer.facts import JobFailed, LegCreated, LegEnded
from voiced.transfer.refusals import HasEnded
from voiced.transfer.request import DestinationType, Target
from voiced.transfer.service import Wish
from voiced.transfer.state import Dial, Phase

RINGS = {"ring_timeout_seconds": 20}


def before(command: str, act: Callable[[], object]) -> Callable[[Received], None]:
    """An intercept: do this right before the PBX carries out the command."""

    def intercept(received: Received) -> None:
        if command in received.words:
            act()

    return intercept


def slow(command: str, seconds: float) -> Callable[[Received], Verdict | None]:
    """An intercept: the PBX carries out this command so much later, and the ones behind it."""
    return lambda received: Verdict(delay=seconds) if command in name_of(received) else None


def name_of(received: Received) -> list[str]:
    mark = received.headers.get("event-uuid", "").partition("-")[0]  # mark, hold, unmark, screen
    return [*received.words[:2], *([mark] if mark else [])]


# -- the caller leaves ------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["the caller leaves", "the agent answers"])
async def test_the_caller_leaves_in_the_moment_of_the_answer(switch: Switch, room: Open, first: str) -> None:
    agent = switch.phone("1001", Manner.RING)
    async with room(transfer=RINGS) as it:
        caller = await at_the_assistant(switch)
        driver = await it.begin(caller)
        await it.reaches(driver, Phase.RINGING)
        acts = [caller.hangup, agent.answer]
        for act in acts if first == "the caller leaves" else reversed(acts):
            act()
        await it.ends_well(driver, caller, "cancelled", agent=agent)
        assert not agent.alive


@pytest.mark.parametrize("late", [0.0, 0.01, 0.05])
async def test_the_caller_leaves_before_the_bridge_is_carried_out(
    switch: Switch, room: Open, late: float
) -> None:
    """The refusal comes before the caller's hangup is told, on a real switch in all of 60 calls."""
    switch.faults.late_events = late
    agent = switch.phone("1001", delay=0.05)
    async with room(transfer=RINGS) as it:
        caller = await at_the_assistant(switch)

        async def gone(received: Received) -> None:
            if received.words[:2] == ["api", "uuid_bridge"]:
                caller.hangup()
                await switch.until(lambda: not caller.alive)

        switch.intercept = gone
        driver = await it.begin(caller)
        await it.ends_well(driver, caller, "cancelled", agent=agent)
        told = [command for command in switch.commands if "caller_left.wav" in str(command.headers)]
        assert len(told) == 1, "the agent hears once that the caller has left"


@pytest.mark.parametrize("milliseconds", [0, 10, 20, 30, 40, 50, 60, 80])
async def test_the_caller_leaves_while_the_two_are_bridged(
    switch: Switch, room: Open, milliseconds: int
) -> None:
    agent = switch.phone("1001", delay=0.05)
    async with room(transfer=RINGS) as it:
        caller = await at_the_assistant(switch)
        loop = asyncio.get_running_loop()
        later = before("uuid_bridge", lambda: loop.call_later(milliseconds / 1000, caller.hangup))
        switch.intercept = later
        driver = await it.begin(caller)
        await it.ends_well(driver, caller, "cancelled", "success", agent=agent)


async def test_the_caller_leaves_right_after_the_bridge(switch: Switch, room: Open) -> None:
    agent = switch.phone("1001", delay=0.05)
    async with room(transfer=RINGS) as it:
        caller = await at_the_assistant(switch)
        it.on("CHANNEL_BRIDGE", caller.hangup)
        driver = await it.begin(caller)
        row = await it.ends_well(driver, caller, "success", agent=agent)
        assert row["ended_by"] == "caller"


# -- the agent leaves -------------------------------------------------------------------------------------


@pytest.mark.parametrize("milliseconds", [0, 10, 20, 30, 40, 50, 60])
@pytest.mark.parametrize("extension", ["8000", "1050"], ids=["in the dialplan", "with a leg of its own"])
async def test_the_agent_leaves_before_the_bridge(
    switch: Switch, room: Open, milliseconds: int, extension: str
) -> None:
    agent = switch.phone("1001", delay=0.05)
    async with room(transfer=RINGS) as it:
        caller = await with_an_assistant(switch, extension)
        loop = asyncio.get_running_loop()
        later = before("uuid_bridge", lambda: loop.call_later(milliseconds / 1000, agent.hangup))
        switch.intercept = later
        driver = await it.begin(caller)
        await asyncio.wait_for(asyncio.shield(driver.known), 10)
        if driver.transfer.bridged_at:  # a talk, which the agent has ended
            await switch.until(lambda: not caller.alive)
        else:
            await switch.until(lambda: caller.hears == "assistant" or caller.talks_to is switch.phones[-1])
        assert (await it.api.ended(str(driver.request.id)))["status"] in ("failed", "success")
        caller.hangup()
        await nobody_beside(switch)


async def with_an_assistant(switch: Switch, extension: str):  # type: ignore[no-untyped-def]
    """A caller with an assistant in the dialplan, or with one that has a leg of its own."""
    if extension == "8000":
        return await at_the_assistant(switch)
    assistant = switch.phone("1050", delay=0.01)
    caller = await switch.call("1050")
    await switch.until(lambda: caller.talks_to is assistant)
    return caller


# -- called off -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", [
    Phase.PENDING, Phase.HOLDING, Phase.DIALING, Phase.RINGING, Phase.SCREENING, Phase.BRIDGING,
    Phase.RETRYING, Phase.RETURNING,
])  # fmt: skip
async def test_called_off_in_each_phase(switch: Switch, room: Open, phase: Phase) -> None:
    busy = phase in (Phase.RETRYING, Phase.RETURNING)
    agent = switch.phone("1001", Manner.BUSY if busy else Manner.RING, delay=0.02)
    transfer = {**RINGS, "max_retries": int(phase is Phase.RETRYING), "retry_delay_seconds": 30}
    async with room(transfer=transfer) as it:
        caller = await at_the_assistant(switch)
        driver = await begun_and_in(it, caller.uuid, phase)
        if phase in (Phase.SCREENING, Phase.BRIDGING):
            await switch.until(lambda: agent.ringing)
            agent.answer()
        await it.reaches(driver, phase)
        driver.cancel()
        statuses = {Phase.RETURNING: ["busy"], Phase.BRIDGING: ["success"]}
        await it.ends_well(driver, caller, *statuses.get(phase, ["cancelled"]), agent=agent)
        if phase in (Phase.PENDING, Phase.HOLDING):
            assert not switch.dials, "nobody is called any more"


async def begun_and_in(it: Room, call_uuid: str, phase: Phase) -> Driver:
    """A transfer that will stay in this phase for a while."""
    slowly = {Phase.HOLDING: "hold", Phase.RETURNING: "uuid_fileman", Phase.BRIDGING: "uuid_bridge"}
    if phase in slowly:
        it.switch.intercept = slow(slowly[phase], 0.3)
    if phase is Phase.DIALING:
        it.switch.faults.slow_jobs = 0.5
    screened = Dial(20, screening_seconds=10 if phase is Phase.SCREENING else 0)
    target = Target("", DestinationType.EXTENSION, "1001", "pbx.test", screening=phase is Phase.SCREENING)
    plan = (screened, Dial(20, 30, is_retry=True)) if phase is Phase.RETRYING else (screened,)
    wish = Wish(call_uuid, DOMAIN, ((target,),) * len(plan), plan)
    if phase is not Phase.PENDING:
        return await it.api.daemon.transfers.request(wish)
    asking = asyncio.create_task(it.api.daemon.transfers.request(wish))
    async with asyncio.timeout(5):
        while (driver := it.api.daemon.transfers.of_call(call_uuid)) is None:
            await asyncio.sleep(0)
    asking.add_done_callback(lambda done: done.exception())
    return driver


@pytest.mark.parametrize("milliseconds", [0, 20, 40, 50, 55, 60, 65, 70])
async def test_called_off_while_the_two_are_bridged_it_is_a_talk(
    switch: Switch, room: Open, milliseconds: int
) -> None:
    """Ending the agent's leg now would end the caller's call with it."""
    agent = switch.phone("1001", delay=0.05)
    async with room(transfer=RINGS) as it:
        caller = await at_the_assistant(switch)

        def call_it_off() -> None:
            driver = it.api.daemon.transfers.of_call(caller.uuid)
            assert driver is not None
            driver.cancel()

        loop = asyncio.get_running_loop()
        switch.intercept = before("uuid_bridge", lambda: loop.call_later(milliseconds / 1000, call_it_off))
        driver = await it.begin(caller)
        await it.ends_well(driver, caller, "success", agent=agent)


async def test_called_off_over_http_at_once_after_the_request(switch: Switch, room: Open) -> None:
    agent = switch.phone("1001", Manner.RING)
    async with room(transfer=RINGS) as it:
        caller = await at_the_assistant(switch)
        driver = await it.begin(caller)
        assert await it.cancel(driver) == 202
        await it.ends_well(driver, caller, "cancelled", agent=agent)
        assert not agent.alive


async def test_a_talk_cannot_be_called_off(switch: Switch, room: Open) -> None:
    agent = switch.phone("1001", delay=0.05)
    async with room(transfer=RINGS) as it:
        caller = await at_the_assistant(switch)
        driver = await it.begin(caller)
        await it.reaches(driver, Phase.BRIDGED)
        assert await it.cancel(driver) == 409
        driver.cancel()
        await it.ends_well(driver, caller, "success", agent=agent)


async def test_who_calls_off_a_moment_too_late_is_told_that_it_is_a_talk(switch: Switch, room: Open) -> None:
    agent = switch.phone("1001", delay=0.05)
    async with room(transfer=RINGS) as it:
        caller = await at_the_assistant(switch)
        driver = await it.begin(caller)
        await it.reaches(driver, Phase.BRIDGING)
        assert await it.cancel(driver) == 409
        await it.ends_well(driver, caller, "success", agent=agent)


# -- phones -----------------------------------------------------------------------------------------------


async def test_two_phones_of_one_agent_answer_together(switch: Switch, room: Open) -> None:
    phones = [switch.phone("1001", Manner.RING) for _ in range(2)]
    async with room(transfer=RINGS) as it:
        caller = await at_the_assistant(switch)
        driver = await it.begin(caller)
        await switch.until(lambda: all(phone.ringing for phone in phones))
        for phone in phones:
            phone.answer()
        await switch.until(lambda: caller.talks_to in phones)
        winner = caller.talks_to
        loser = next(phone for phone in phones if phone is not winner)
        await switch.until(lambda: not loser.alive)
        await it.ends_well(driver, caller, "success", agent=winner)


async def test_late_news_of_the_first_attempt_does_not_touch_the_second(switch: Switch, room: Open) -> None:
    agent = switch.phone("1001", Manner.BUSY, delay=0.02)
    async with room(transfer={**RINGS, "max_retries": 1, "retry_delay_seconds": 0.05}) as it:
        caller = await at_the_assistant(switch)
        driver = await it.begin(caller)
        await switch.until(lambda: agent.calls == 1)
        agent.manner = Manner.RING
        await switch.until(lambda: agent.calls == 2)
        await it.reaches(driver, Phase.RINGING)
        now = time.time()
        for late in (
            LegCreated(now, 1, "late-leg"),
            LegEnded(now, 1, "late-leg", "NO_ANSWER"),
            JobFailed(now, 1, "NO_ANSWER"),
        ):
            driver.tell(late)
        await switch.until(lambda: any("hupall" in command.line for command in switch.commands))
        assert agent.ringing, "the second attempt goes on"
        agent.answer()
        row = await it.ends_well(driver, caller, "success", agent=agent)
        assert row["attempts"] == 2


async def test_a_leg_that_rings_before_it_is_known_what_was_dialled_is_not_taken_for_a_late_one(
    switch: Switch, room: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed behind the second originate: the database knows of its intention only."""
    monkeypatch.setattr(app, "FINISH_SECONDS", 0.1)
    agent = switch.phone("1001", Manner.RING)
    async with room(transfer={**RINGS, "max_retries": 1}) as it:
        caller = await at_the_assistant(switch)
        dead = await it.begin(caller)
        await switch.until(lambda: agent.ringing)
        known = replace(dead.transfer, phase=Phase.RETRYING, attempt=2, following=2, legs=frozenset())
        taken_up = Driver(dead.request, it.api.daemon.transfers._tools, known, seq=100)
        taken_up.take_up()
        running = asyncio.create_task(taken_up.run())
        taken_up.tell(LegCreated(time.time(), 2, "the-second"))
        await asyncio.sleep(0.05)  # that it has been heard by now cannot be seen: nothing may follow
        leg = Channel("the-second", "CS_CONSUME_MEDIA", answered=False, attempt=f"{dead.request.id}.2")
        taken_up.learn(replace(dead.request.caller, hold=str(dead.request.id)), [leg])
        await it.reaches(taken_up, Phase.RINGING)
        assert (taken_up.transfer.attempt, taken_up.transfer.legs) == (2, {"the-second"})
        assert not any("hupall" in command.line for command in switch.commands)
        running.cancel()


async def test_a_bridge_that_is_lost_with_the_event_socket_is_commanded_again(
    switch: Switch, room: Open
) -> None:
    """Both wait, each on their own: an answered call is not thrown away."""
    agent = switch.phone("1001", delay=0.05)
    async with room(transfer=RINGS) as it:
        caller = await at_the_assistant(switch)
        switch.intercept = cut_once("uuid_bridge")
        await it.ends_well(await it.begin(caller), caller, "success", agent=agent)


def cut_once(command: str) -> Callable[[Received], Verdict | None]:
    """An intercept: the first such command is lost with the connection."""
    lost: list[Received] = []

    def intercept(received: Received) -> Verdict | None:
        if command not in received.words or lost:
            return None
        lost.append(received)
        return Verdict(cut="before")

    return intercept


async def test_a_caller_whose_way_home_is_lost_with_the_event_socket_is_sent_again(
    switch: Switch, room: Open
) -> None:
    """The agent leaves while the switch bridges, which parks the caller: there nothing has a limit."""
    agent = switch.phone("1001", delay=0.05)
    async with room(transfer=RINGS) as it:
        caller = await with_an_assistant(switch, "8000")
        loop, lose = asyncio.get_running_loop(), cut_once("uuid_transfer")

        def intercept(received: Received) -> Verdict | None:
            if "uuid_bridge" in received.words:
                loop.call_later(0.04, agent.hangup)
            return lose(received)

        switch.intercept = intercept
        driver = await it.begin(caller)
        await it.ends_well(driver, caller, "failed")
        sent = [command for command in switch.commands if "uuid_transfer" in command.words]
        assert len(sent) == 2


async def test_a_caller_who_was_parked_before_is_not_taken_for_stranded(switch: Switch, room: Open) -> None:
    """An assistant drives a caller who is parked by `uuid_park`: sent home, it would begin anew."""
    agent = switch.phone("1001", Manner.RING)
    async with room(transfer=RINGS) as it:
        caller = await at_the_assistant(switch)
        await it.api.daemon.pbx.questions.ask(commands.api(f"uuid_park {caller.uuid}"))
        await switch.until(lambda: caller.hears == "silence")
        driver = await it.begin(caller)
        await it.reaches(driver, Phase.RINGING)
        await switch.cut()
        async with asyncio.timeout(5):
            while not driver.in_the_dark:
                await asyncio.sleep(0)
            while driver.in_the_dark or driver.transfer.lost:
                await asyncio.sleep(0)
        agent.hangup()
        assert (await it.api.ended(str(driver.request.id)))["status"] == "busy"
        await nobody_beside(switch, caller)
        assert not [command for command in switch.commands if "uuid_transfer" in command.words]
        assert caller.hears == "silence"


async def test_a_caller_whom_a_restart_of_the_pbx_has_dropped_has_not_left(
    switch: Switch, room: Open
) -> None:
    """What became of the transfer nobody knows: it has failed, and a callback may be offered."""
    switch.phone("1001", Manner.RING)
    async with room(transfer=RINGS) as it:
        caller = await at_the_assistant(switch)
        driver = await it.begin(caller)
        await it.reaches(driver, Phase.RINGING)
        await switch.restart()
        row = await it.api.ended(str(driver.request.id))
        assert (row["status"], row["cause"], row["ended_by"]) == ("failed", "LOST", "")


async def test_who_waits_for_longer_than_the_longest_hold_goes_back(switch: Switch, room: Open) -> None:
    switch.phone("1001", Manner.RING)
    async with room(transfer={**RINGS, "longest_hold_seconds": 1}) as it:
        caller = await at_the_assistant(switch)
        row = await it.ends_well(await it.begin(caller), caller, "no_answer")
        assert row["cause"] == "ALLOTTED_TIMEOUT"


async def test_who_was_told_that_the_database_is_away_is_not_transferred_all_the_same(
    switch: Switch, start: Start, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "ANSWER_SECONDS", 0.1)
    switch.phone("1001")
    async with start(database={"url": gate.url}) as api:
        caller = await at_the_assistant(switch)
        gate.freeze()
        answer = await api.ask(caller.uuid, "1001")
        assert (answer.status_code, answer.json()["error"]) == (503, "database_is_away")
        gate.thaw()
        async with asyncio.timeout(5):
            while len(api.daemon.transfers):
                await asyncio.sleep(0.01)
        assert (caller.hears, switch.dials) == ("assistant", [])


async def test_a_cancel_is_not_answered_by_has_ended_before_everything_is_taken_up(
    room: Open, switch: Switch
) -> None:
    async with room(transfer=RINGS) as it:
        body = {"id": str(uuid4())}
        await it.backend.until(lambda: it.api.daemon.transfers.has_taken_up)
        with pytest.raises(HasEnded):
            await it.api.daemon.desk._call_off(body)
        it.api.daemon.transfers._born = []  # as right after a start
        with pytest.raises(PbxIsAway):
            await it.api.daemon.desk._call_off(body)


async def test_an_originate_that_never_runs_gives_the_caller_back(switch: Switch, room: Open) -> None:
    switch.phone("1001")
    async with room(transfer={"ring_timeout_seconds": 0.5, "longest_hold_seconds": 2}) as it:
        caller = await at_the_assistant(switch)
        switch.faults.lose_jobs = 1
        driver = await it.begin(caller)
        await it.ends_well(driver, caller, "no_answer")


# -- the bridge -------------------------------------------------------------------------------------------


async def test_a_bridge_that_is_accepted_and_never_comes_is_no_success(switch: Switch, room: Open) -> None:
    agent = switch.phone("1001", delay=0.05)
    switch.faults.bridge_says_ok_only = True
    async with room(transfer=RINGS) as it:
        caller = await at_the_assistant(switch)
        driver = await it.begin(caller)
        row = await it.ends_well(driver, caller, "failed", agent=agent)
        assert row["cause"] == "BRIDGE_FAILED"
        assert not agent.alive


@pytest.mark.parametrize("extension", ["8000", "1050"], ids=["in the dialplan", "with a leg of its own"])
async def test_a_bridge_that_is_refused_is_no_success(switch: Switch, room: Open, extension: str) -> None:
    agent = switch.phone("1001", delay=0.05)
    switch.intercept = lambda received: (
        "-ERR Invalid uuid\n" if received.words[:2] == ["api", "uuid_bridge"] else None
    )
    async with room(transfer=RINGS) as it:
        caller = await with_an_assistant(switch, extension)
        was = caller.hears
        driver = await it.begin(caller)
        row = await it.api.ended(str(driver.request.id))
        assert (row["status"], row["cause"]) == ("failed", "BRIDGE_FAILED")
        assert not agent.alive
        await switch.until(lambda: caller.hears == was)


# -- the music --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("manner", [Manner.ANSWER, Manner.BUSY])
async def test_music_that_does_not_exist_hinders_nothing(switch: Switch, room: Open, manner: Manner) -> None:
    agent = switch.phone("1001", manner, delay=0.05)
    async with room(transfer=RINGS, pbx={"port": switch.port, "hold_music": "/no/such/file.wav"}) as it:
        caller = await at_the_assistant(switch)
        driver = await it.begin(caller)
        status = "success" if manner is Manner.ANSWER else "busy"
        await it.ends_well(driver, caller, status, agent=agent)


@pytest.mark.parametrize("manner", [Manner.ANSWER, Manner.BUSY])
@pytest.mark.parametrize("seconds", [0.2, 2.2, 3.0])
async def test_music_that_starts_too_late(switch: Switch, room: Open, manner: Manner, seconds: float) -> None:
    agent = switch.phone("1001", manner, delay=0.05)
    switch.intercept = slow("hold", seconds)
    async with room(transfer=RINGS) as it:
        caller = await at_the_assistant(switch)
        driver = await it.begin(caller)
        status = "success" if manner is Manner.ANSWER else "busy"
        await it.ends_well(driver, caller, status, agent=agent)


@pytest.mark.parametrize("phase", [Phase.DIALING, Phase.RINGING, Phase.RETRYING])
async def test_a_key_brings_the_caller_back(switch: Switch, room: Open, phase: Phase) -> None:
    agent = switch.phone("1001", Manner.BUSY if phase is Phase.RETRYING else Manner.RING, delay=0.02)
    if phase is Phase.DIALING:
        switch.faults.slow_jobs = 0.3
    async with room(transfer={**RINGS, "max_retries": 1, "retry_delay_seconds": 20}) as it:
        caller = await at_the_assistant(switch)
        driver = await it.begin(caller)
        await it.reaches(driver, phase)
        caller.keys("*")
        row = await it.ends_well(driver, caller, "cancelled", agent=agent)
        assert (row["cause"], row["ended_by"]) == ("CALLER_KEY", "caller")


async def test_a_key_in_the_moment_of_the_answer(switch: Switch, room: Open) -> None:
    agent = switch.phone("1001", Manner.RING)
    async with room(transfer=RINGS) as it:
        caller = await at_the_assistant(switch)
        driver = await it.begin(caller)
        await it.reaches(driver, Phase.RINGING)
        agent.answer()
        caller.keys("*")
        await it.ends_well(driver, caller, "cancelled", "success", agent=agent)


# -- the assistant ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("answers", [True, False])
async def test_the_assistants_own_leg_leaves_during_hold(switch: Switch, room: Open, answers: bool) -> None:
    agent, assistant = switch.phone("1001", Manner.RING), switch.phone("1050", delay=0.01)
    async with room(transfer=RINGS) as it:
        caller = await switch.call("1050")
        await switch.until(lambda: caller.talks_to is assistant)
        driver = await it.begin(caller)
        await it.reaches(driver, Phase.RINGING)
        assistant.hangup()
        await switch.until(lambda: not assistant.alive)
        if answers:
            agent.answer()
            await it.ends_well(driver, caller, "success", agent=agent)
            return
        agent.hangup()  # declined: the switch sends the caller through the dialplan to the assistant again
        await switch.until(lambda: caller.talks_to is assistant)
        assert (await it.api.ended(str(driver.request.id)))["status"] == "busy"


async def test_the_assistant_leaves_in_the_moment_of_the_bridge(switch: Switch, room: Open) -> None:
    agent, assistant = switch.phone("1001", delay=0.05), switch.phone("1050", delay=0.01)
    async with room(transfer=RINGS) as it:
        caller = await switch.call("1050")
        await switch.until(lambda: caller.talks_to is assistant)
        switch.intercept = before("uuid_bridge", assistant.hangup)
        driver = await it.begin(caller)
        await it.ends_well(driver, caller, "success", agent=agent)
