"""Promises and free agents brought together: at the right moment, not too often, and never twice."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from structlog.testing import capture_logs

from tests.backend import Backend
from tests.callback.conftest import CLIENT, SETTLE, Clock, House, opened
from tests.conftest import DOMAIN, Start
from tests.house import add
from voiced.callback import scheduler
from voiced.sim import Caller, Manner, Phone, Switch

OTHER = "+5521988887777"
NOON = datetime(2026, 3, 2, 12, tzinfo=ZoneInfo("America/Sao_Paulo"))  # a Monday
OFFICE = {"start": "09:00", "end": "18:00"}


async def on_the_phone(switch: Switch, phone: Phone) -> Caller:
    """Somebody talks to the agent."""
    caller = await switch.call(phone.user, number="5511900000000")
    await switch.until(lambda: phone.talks_to is caller)
    return caller


async def nothing_follows(house: House, *outcomes: str) -> None:
    """Once these are told, nothing else is, and nobody is called."""
    told, dials = await house.until_told(*outcomes), len(house.switch.dials)
    await house.until_idle()
    assert house.told() == told
    assert len(house.switch.dials) == dials


# -- telling the agent ------------------------------------------------------------------------------------


async def test_an_agent_who_was_busy_is_told_within_a_second_of_being_free(
    house: House, agent: Phone
) -> None:
    caller = await on_the_phone(house.switch, agent)
    row = await house.promise()
    await nothing_follows(house, "ticket")
    caller.hangup()
    await house.switch.until(lambda: not house.switch.channels)
    hung_up = time.monotonic()
    await house.until_told("notify")
    assert SETTLE < house.backend.accepted[-1].at - hung_up < SETTLE + 1
    assert (await house.look(row["id"]))["notification_count"] == 1


async def test_an_agent_who_is_free_for_a_moment_only_is_not_told(house: House, agent: Phone) -> None:
    caller = await on_the_phone(house.switch, agent)
    await house.promise()
    agent.unregister()
    caller.hangup()
    await house.switch.until(lambda: not house.switch.channels)
    house.switch.phone("1002")
    await house.until_free("1002")  # who came later, and has been free for the time that counts
    await nothing_follows(house, "ticket")
    assert "notify" not in house.told()
    agent.register()
    await house.until_told("notify")


async def test_the_agent_is_told_at_intervals_and_then_a_person_has_to_look(house: House) -> None:
    await house.settings(max_notifications=3, min_interval_minutes=10)
    row = await house.promise()
    for count in (1, 2, 3):
        await house.until_told("ticket", *["notify"] * count)
        house.after(minutes=9)
        await nothing_follows(house)
        assert (await house.look(row["id"]))["notification_count"] == count
        house.after(minutes=1, seconds=1)
    row = await house.until_status(row["id"], "needs_review")
    await house.until_told("ticket", "notify", "notify", "notify", "needs_review")
    assert house.told().count("notify") == 3
    assert house.result("needs_review")["cause"] == "TOO_MANY_NOTICES"
    house.after(hours=24)
    await house.until_status(row["id"], "expired")


async def test_two_promises_made_at_the_same_moment_are_both_told(house: House) -> None:
    await asyncio.gather(house.promise(), house.promise(OTHER))
    await house.until_told("notify", "notify")
    numbers = {one.payload["callerNumber"] for one in house.backend.accepted if one.path.endswith("/notify")}
    assert numbers == {CLIENT, OTHER}


async def test_the_next_is_told_also_if_the_first_is_not_wanted_any_more(house: House, agent: Phone) -> None:
    """The agent stays free all the time: no moment of theirs comes, and nobody looks at the second."""
    await house.settings(min_interval_minutes=1 / 60)
    caller = await on_the_phone(house.switch, agent)
    first = await house.promise()
    second = await house.promise(OTHER)
    await nothing_follows(house, "ticket", "ticket")
    caller.hangup()
    await house.until(first["id"], lambda row: row["notification_count"] == 1)
    await house.post(f"/api/callbacks/{first['id']}/cancel")
    await house.until(second["id"], lambda row: row["notification_count"] == 1)


# -- time -------------------------------------------------------------------------------------------------


async def test_a_promise_that_nobody_keeps_expires(house: House, agent: Phone) -> None:
    agent.unregister()
    row = await house.promise()
    house.after(hours=23, minutes=59)
    await house.until_idle()
    assert (await house.look(row["id"]))["status"] == "pending"
    house.after(minutes=2)
    row = await house.until_status(row["id"], "expired")
    assert row["closed_at"] is not None
    await house.until_told("ticket", "expired")
    assert house.result("expired")["ticketId"] == "T1"
    assert (await house.promise())["is_new"]


async def test_a_call_that_outlasts_the_promise_keeps_it(house: House, agent: Phone) -> None:
    line = house.line()
    row = await house.promise()
    await house.accept(row)
    await house.until_talking(agent, line)
    house.after(hours=25)
    await house.until_idle()
    assert (await house.look(row["id"]))["status"] == "in_progress"
    assert agent.talks_to is line
    line.hangup()
    await house.until_status(row["id"], "completed")


async def test_a_call_before_its_time_that_came_to_nothing_leaves_it_its_time(house: House) -> None:
    house.line(Manner.BUSY)
    at = house.clock() + timedelta(hours=3)
    row = await house.promise(scheduled_at=at.isoformat())
    await house.accept(row)
    row = await house.until(row["id"], lambda row: row["misses"])
    assert (row["status"], row["next_at"]) == ("ready_to_call", row["scheduled_at"])


async def test_a_promise_for_later_waits_for_its_time(house: House) -> None:
    at = house.clock() + timedelta(hours=3)
    row = await house.promise(scheduled_at=at.isoformat())
    assert row["next_at"] == row["scheduled_at"]
    house.after(hours=2, minutes=59)
    await nothing_follows(house, "ticket")
    house.after(minutes=1)
    await house.until_told("notify")


async def test_a_snoozed_callback_returns(house: House) -> None:
    row = await house.promise()
    await house.until_told("notify")
    row = await house.post(f"/api/callbacks/{row['id']}/snooze", {"minutes": 90})
    assert (row["status"], row["notification_count"]) == ("pending", 0)
    await house.until_told("snoozed")
    assert house.result("snoozed")["scheduledAt"] == house.result("snoozed")["nextAttemptAt"]
    house.after(minutes=89)
    await nothing_follows(house, "snoozed")
    house.after(minutes=1)
    await house.until_told("notify", "snoozed", "notify")


async def test_a_callback_that_is_due_while_the_daemon_is_away_is_told_once_it_is_back(
    switch: Switch, agent: Phone, backend: Backend, start: Start, clock: Clock
) -> None:
    async with opened(switch, backend, start, clock) as house:
        await house.until_free()
        row = await house.promise()
        await house.until_told("notify")
        at = clock() + timedelta(minutes=30)
        late = await house.promise(OTHER, scheduled_at=at.isoformat())
        gone = await house.promise("+5531988887777", extension="1002")
        await backend.until(lambda: house.told().count("ticket") == 3)
    clock.ahead += timedelta(hours=24, minutes=10)
    async with opened(switch, backend, start, clock) as house:
        await house.until_status(gone["id"], "expired")
        await house.until_status(row["id"], "expired")  # and is not offered first
        late = await house.until(late["id"], lambda row: row["notification_count"] == 1)
        assert late["status"] == "pending"
        await house.until_told("notify", "notify")
        told = [one.payload["callbackId"] for one in backend.accepted if "notify" in one.path]
        assert told == [row["id"], late["id"]]


async def test_a_notice_of_one_daemon_is_accepted_at_the_next(
    switch: Switch, agent: Phone, backend: Backend, start: Start, clock: Clock
) -> None:
    async with opened(switch, backend, start, clock) as house:
        await house.until_free()
        row = await house.promise()
        await house.until_told("notify")
    async with opened(switch, backend, start, clock) as house:
        line = house.line()
        await house.until_free()
        assert (await house.accept(row))["success"]
        await house.until_talking(agent, line)
        agent.hangup()
        await house.until_status(row["id"], "completed")
    assert house.told().count("notify") == 1


# -- calling by itself ------------------------------------------------------------------------------------


async def test_auto_dial_calls_as_soon_as_the_agent_is_free(house: House, agent: Phone) -> None:
    await house.settings(auto_dial=True)
    line = house.line()
    caller = await on_the_phone(house.switch, agent)
    row = await house.promise()
    await house.until_told("ticket")
    assert not house.switch.dials
    caller.hangup()
    await house.until_talking(agent, line)
    line.hangup()
    await house.until_status(row["id"], "completed")
    assert house.told() == ["ticket", "calling", "connected", "completed"]


async def test_an_agent_who_is_free_already_is_called_at_once(house: House, agent: Phone) -> None:
    await house.settings(auto_dial=True)
    line = house.line()
    await house.promise()
    await house.until_talking(agent, line)


async def test_a_yes_is_called_once_the_agent_is_free(house: House, agent: Phone) -> None:
    line = house.line()
    caller = await on_the_phone(house.switch, agent)
    row = await house.promise(notify_via_whatsapp=True)
    row = await house.post(f"/api/callbacks/{row['id']}/notified")
    assert (row["status"], row["whatsapp_sent_at"] is not None) == ("notified", True)
    row = await house.post(f"/api/callbacks/{row['id']}/agree")
    assert row["status"] == "ready_to_call"
    caller.hangup()
    await house.until_talking(agent, line)
    await house.until_told("ticket", "notified", "accepted", "calling", "connected")


@pytest.mark.parametrize("missed", ["retry", "next_day", "close"])
async def test_nobody_is_called_while_the_window_is_closed(house: House, agent: Phone, missed: str) -> None:
    await house.settings(auto_dial=True, window=OFFICE, missed_window=missed)
    house.clock.set(NOON.replace(hour=18))
    line = house.line()
    row = await house.promise()
    if missed == "close":
        await house.until_status(row["id"], "expired")
        await house.until_told("ticket", "expired")
        assert house.result("expired")["cause"] == "WINDOW_MISSED"
        return
    await house.until_told("ticket", "rescheduled")
    row = await house.look(row["id"])
    opens = NOON.replace(hour=9) + timedelta(days=1)
    assert datetime.fromisoformat(row["next_at"]) == opens
    assert datetime.fromisoformat(row["expires_at"]) == opens + timedelta(hours=24)
    assert not house.switch.dials
    house.clock.set(opens.astimezone(UTC))
    house.after(seconds=1)
    await house.until_talking(agent, line)


async def test_a_client_is_not_called_once_the_window_has_closed_while_the_agents_phone_rang(
    house: House, agent: Phone
) -> None:
    await house.settings(auto_dial=True, window=OFFICE)
    house.clock.set(NOON.replace(hour=17, minute=59))
    agent.manner = Manner.RING
    line = house.line()
    row = await house.promise()
    await house.switch.until(lambda: agent.ringing)
    house.clock.set(NOON.replace(hour=18))
    agent.answer()
    await house.until_told("ticket", "calling", "retry")
    assert (house.result("retry")["cause"], house.result("retry")["leg"]) == ("WINDOW_CLOSED", "")
    await house.until_free()  # the agent was told that it came to nothing
    house.after(seconds=30)
    await house.until_told("retry", "rescheduled")
    assert house.result("rescheduled")["cause"] == "WINDOW_CLOSED"
    assert line.calls == 0
    row = await house.look(row["id"])
    assert (row["status"], row["attempts"]) == ("ready_to_call", 0)
    assert datetime.fromisoformat(row["next_at"]) == NOON.replace(hour=9) + timedelta(days=1)
    agent.manner = Manner.ANSWER
    house.clock.set((NOON.replace(hour=9) + timedelta(days=1)).astimezone(UTC))
    house.after(seconds=1)
    await house.until_talking(agent, line)


async def test_the_clients_own_morning_counts(house: House, agent: Phone) -> None:
    await house.settings(auto_dial=True, client_window=OFFICE)
    house.clock.set(NOON.replace(hour=9, minute=30))  # half past seven in Rio Branco
    acre = "+5568988887777"
    row = await house.promise(acre)
    await house.until_told("ticket", "rescheduled")
    assert datetime.fromisoformat((await house.look(row["id"]))["next_at"]) == NOON.replace(hour=11)
    line = house.line(number=CLIENT)
    await house.promise(CLIENT)
    await house.until_talking(agent, line)


async def test_an_agents_own_click_overrides_the_window(house: House, agent: Phone) -> None:
    await house.settings(window=OFFICE)
    house.clock.set(NOON.replace(hour=22))
    line = house.line()
    row = await house.promise()
    assert (await house.accept(row))["success"]
    await house.until_talking(agent, line)


async def test_there_are_never_more_calls_than_free_agents(house: House, agent: Phone) -> None:
    second = house.switch.phone("1002", Manner.ANSWER, 0.05)
    await house.until_free("1002")
    await add(house.api, name="Ana", destination_number="1001", department="Financeiro")
    await add(house.api, name="Bruno", destination_number="1002", department="Financeiro")
    await house.settings(auto_dial=True)
    numbers = [f"+55119999900{n:02}" for n in range(5)]
    lines = [house.line(number=number, delay=0.02) for number in numbers]
    most = 0

    def look(_: object) -> None:
        nonlocal most
        most = max(most, sum(one.alive for one in lines))

    house.switch.on_event = look
    rows = [await house.promise(number, extension="", department="Financeiro") for number in numbers]
    async with asyncio.timeout(15):
        while not all([(await house.look(row["id"]))["status"] == "completed" for row in rows]):
            for phone in (agent, second):
                if phone.talks_to is not None:
                    phone.hangup()
            await asyncio.sleep(0.02)
    assert most == 2
    assert [line.calls for line in lines] == [1] * 5


async def test_one_who_waits_gets_the_agent_whose_other_client_was_busy(house: House, agent: Phone) -> None:
    """The client was called first: the agent's phone never rang, so no moment of theirs comes."""
    await house.settings(auto_dial=True, first="client", client_confirms=False, retry_delay_seconds=60)
    busy = house.line(Manner.BUSY, delay=0.5)
    line = house.line(number=OTHER)
    await house.promise()
    await house.switch.until(lambda: busy.calls == 1)
    await house.promise(OTHER)
    await house.until_talking(agent, line)
    assert busy.calls == 1


async def test_a_yes_comes_before_what_the_agent_would_only_be_told_of(house: House, agent: Phone) -> None:
    caller = await on_the_phone(house.switch, agent)
    older = await house.promise()
    line = house.line(number=OTHER)
    row = await house.promise(OTHER)
    await nothing_follows(house, "ticket", "ticket")
    await house.post(f"/api/callbacks/{row['id']}/agree")
    caller.hangup()
    await house.until_talking(agent, line)
    assert (await house.look(older["id"]))["notification_count"] == 0


async def test_a_client_who_is_on_a_call_with_us_keeps_no_other_from_theirs(
    house: House, agent: Phone
) -> None:
    """Somebody else talks to the first in line, by a call that the backend ordered before the promise."""
    second = house.switch.phone("1002", Manner.ANSWER, 0.05)
    await house.until_free("1002")
    first, line = house.line(), house.line(number=OTHER)
    assert (await house.originate(extension="1002"))["success"]
    await house.until_talking(second, first)
    await house.settings(auto_dial=True)
    caller = await on_the_phone(house.switch, agent)
    busy = await house.promise()
    await house.promise(OTHER)
    caller.hangup()
    await house.until_talking(agent, line)
    await house.until_told("rescheduled")
    assert house.result("rescheduled")["cause"] == "ATTEMPT_UNDER_WAY"
    assert (await house.look(busy["id"]))["status"] == "pending"
    assert first.calls == 1
    second.hangup()
    line.hangup()
    await house.until_quiet()
    house.after(seconds=31)
    await house.switch.until(lambda: first.calls == 2)


async def test_a_number_that_was_blocked_meanwhile_is_for_a_person_and_keeps_nobody_from_theirs(
    house: House, agent: Phone
) -> None:
    caller = await on_the_phone(house.switch, agent)
    row = await house.promise()
    await house.promise(OTHER)
    await house.settings(auto_dial=True, blocked_numbers=[CLIENT])
    blocked, line = house.line(), house.line(number=OTHER)
    caller.hangup()
    await house.until_talking(agent, line)
    assert (await house.look(row["id"]))["status"] == "needs_review"
    response = await house.client.post(f"/api/callbacks/{row['id']}/accept")
    assert (response.status_code, response.json()["error"]) == (422, "number_blocked")
    assert blocked.calls == 0


async def test_a_moment_that_comes_while_it_is_not_certain_who_owns_the_pbx_is_not_lost(
    house: House, agent: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    ownership, scheduler = house.api.daemon.ownership, house.api.daemon.scheduler
    caller = await on_the_phone(house.switch, agent)
    await house.promise()
    await nothing_follows(house, "ticket")
    monkeypatch.setattr(scheduler, "_owns_pbx", lambda: False)
    caller.hangup()
    await house.until_free()
    assert "notify" not in house.told()
    monkeypatch.setattr(scheduler, "_owns_pbx", ownership.may_dial)
    await house.until_told("notify")


async def test_a_retry_is_of_the_agent_who_took_it(house: House, agent: Phone) -> None:
    for name, number in (("Ana", "1001"), ("Bruno", "1002")):
        await add(house.api, name=name, destination_number=number, department="Financeiro")
    second = house.switch.phone("1002", Manner.ANSWER, 0.05)
    await house.until_free("1002")
    line = house.line(Manner.BUSY)
    row = await house.promise(extension="", department="Financeiro")
    assert (await house.accept(row, "1002"))["success"]
    row = await house.until(row["id"], lambda row: row["misses"])
    assert (row["extension"], row["status"]) == ("1002", "ready_to_call")
    await house.until_quiet()
    line.manner = Manner.ANSWER
    await house.until_free("1002")
    house.after(seconds=31)
    await house.until_talking(second, line)
    assert agent.calls == 0


# -- departments ------------------------------------------------------------------------------------------


async def test_after_some_minutes_anybody_of_the_department_takes_it(house: House, agent: Phone) -> None:
    await house.settings(department_after_minutes=30)
    await add(house.api, name="Ana", destination_number="1001", department="Financeiro")
    await add(house.api, name="Bruno", destination_number="1002", department="Financeiro")
    await add(house.api, name="Clara", destination_number="1003", department="Suporte")
    agent.unregister()
    house.switch.phone("1003", Manner.ANSWER, 0.05)
    second = house.switch.phone("1002", Manner.ANSWER, 0.05)
    await house.until_free("1002")
    row = await house.promise(intended_for="Ana", department="Financeiro")
    house.after(minutes=29)
    await nothing_follows(house, "ticket")
    house.after(minutes=1, seconds=1)
    await house.until_told("ticket", "passed_on", "notify")
    notice = house.backend.accepted[-1].payload
    assert (notice["extension"], notice["intendedFor"]) == ("1002", "Ana")
    row = await house.look(row["id"])
    assert (row["extension"], row["intended_for"], row["department"]) == ("", "Ana", "Financeiro")
    line = house.line()
    assert (await house.accept(row, "1002"))["success"]
    await house.until_talking(second, line)


async def test_an_agent_who_has_just_refused_does_not_keep_others_of_the_department_from_it(
    house: House, agent: Phone
) -> None:
    await house.settings(auto_dial=True)
    await add(house.api, name="Ana", destination_number="1001", department="Financeiro")
    await add(house.api, name="Bruno", destination_number="1002", department="Financeiro")
    agent.manner = Manner.DECLINE
    line = house.line()
    row = await house.promise(extension="", department="Financeiro")
    await house.until_told("retry")
    second = house.switch.phone("1002", Manner.ANSWER, 0.05)
    await house.until_free("1002")
    await house.until_free("1001")
    house.after(minutes=1)  # for the promise; the agent rests on
    await house.until_talking(second, line)
    assert agent.calls == 1
    second.hangup()
    assert (await house.until_status(row["id"], "completed"))["attempts"] == 0


async def two_of_a_department(house: House) -> Phone:
    """Ana at 1001, who is the first by priority and name, and Bruno at 1002; both free."""
    for name, number in (("Ana", "1001"), ("Bruno", "1002")):
        await add(house.api, name=name, destination_number=number, department="Financeiro")
    second = house.switch.phone("1002", Manner.ANSWER, 0.05)
    await house.until_free("1002")
    return second


def notified(house: House) -> list[str]:
    """Who was told, in order."""
    return [one.payload["extension"] for one in house.backend.accepted if one.path.endswith("/notify")]


async def test_the_agents_of_a_department_are_told_by_turns(house: House) -> None:
    await two_of_a_department(house)
    await house.settings(max_notifications=4, min_interval_minutes=1 / 60)
    await house.promise(extension="", department="Financeiro")
    await house.until_told("ticket", "needs_review")
    assert notified(house) == ["1001", "1002", "1001", "1002"]


async def test_a_new_promise_is_told_to_who_was_told_the_longest_ago(house: House) -> None:
    await two_of_a_department(house)
    for number in (CLIENT, OTHER, "+5531988887777"):
        await house.promise(number, extension="", department="Financeiro")
        await house.until_idle()
    assert notified(house) == ["1001", "1002", "1001"]


async def test_one_who_has_missed_the_call_is_not_called_again_while_another_is_free(
    house: House, agent: Phone
) -> None:
    second = await two_of_a_department(house)
    agent.manner = second.manner = Manner.DECLINE
    await house.settings(auto_dial=True, agent_rest_seconds=1, retry_delay_seconds=1, max_agent_misses=3)
    calls: list[int] = []
    row = await house.promise(extension="", department="Financeiro")
    for misses in (1, 2, 3):
        await house.until(row["id"], lambda row, misses=misses: row["misses"].get("agent") == misses)
        calls += [agent.calls, second.calls]
    assert calls == [1, 0, 1, 1, 2, 1]
    assert (await house.look(row["id"]))["status"] == "needs_review"


# -- the backend keeps the promise ------------------------------------------------------------------------


async def test_with_the_backend_as_owner_nobody_is_told_or_called(house: House, agent: Phone) -> None:
    await house.settings(owner="backend", auto_dial=True)
    row = await house.promise()
    await house.post(f"/api/callbacks/{row['id']}/agree")
    caller = await on_the_phone(house.switch, agent)
    caller.hangup()
    await house.until_free()
    await nothing_follows(house, "ticket", "accepted")
    assert "notify" not in house.told()
    assert not house.switch.dials
    line = house.line()
    answer = await house.originate(ticket_id="T1")
    assert answer["success"]
    await house.until_talking(agent, line)


async def test_what_the_database_did_not_let_us_offer_is_offered_once_it_is_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A promise was found due, and then it could not be asked who may take it."""
    await add(house.api, name="Ana", destination_number="1001", department="Financeiro")
    agents = house.api.daemon.scheduler._agents
    agents_of, asked = agents._agents_of, []

    async def away(domain: UUID, department: str) -> list[str]:
        asked.append(department)
        raise ConnectionRefusedError

    monkeypatch.setattr(agents, "_agents_of", away)
    await house.promise(extension="", department="Financeiro")
    async with asyncio.timeout(5):
        while not asked:
            await asyncio.sleep(0.01)
    monkeypatch.setattr(agents, "_agents_of", agents_of)
    await house.until_told("notify")


async def test_a_newer_daemons_migration_ends_no_daemon_that_runs(house: House, pool: asyncpg.Pool) -> None:
    """What was prepared as `select *` has another result from then on."""
    row = await house.promise(extension="1009")
    await house.until_idle()
    await pool.execute("alter table callbacks add column of_a_newer_version integer not null default 0")
    with capture_logs() as lines:
        house.after(hours=25)
        async with asyncio.timeout(5):
            while not [one for one in lines if one.get("status") == "expired"]:
                await asyncio.sleep(0.01)
    assert any("changed result type" in str(one.get("error")) or "cached" in str(one) for one in lines), lines
    assert (await house.look(row["id"]))["status"] == "expired"
    assert house.api.daemon.scheduler.faults == 0


async def test_tables_that_are_not_as_they_should_be_are_told_of_and_end_nothing(
    house: House, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An agent is offered what is theirs alone meanwhile, and the rest once the tables are mended."""
    monkeypatch.setattr(scheduler, "LOOK_AGAIN", 0.2)
    await add(house.api, name="Ana", destination_number="1001", department="Financeiro")
    column = "alter table v_voice_transfer_destinations rename column"
    await pool.execute(f"{column} department to depto")
    house.api.daemon.directory.drop(DOMAIN)
    with capture_logs() as lines:
        anybodys = await house.promise(extension="", department="Financeiro")
        async with asyncio.timeout(5):
            while not house.api.daemon.scheduler.faults:
                await asyncio.sleep(0.01)
        theirs = await house.promise(OTHER)
        await house.until(theirs["id"], lambda row: row["notification_count"] == 1)
    assert any(one["log_level"] == "error" and one.get("exc_info") for one in lines)
    assert "voice_callback_faults_total" in (await house.client.get("/metrics")).text
    assert (await house.look(anybodys["id"]))["status"] == "pending"
    await pool.execute(f"{column} depto to department")
    await house.until(anybodys["id"], lambda row: row["notification_count"] == 1)


async def test_a_promise_becomes_ours_when_the_owner_changes(house: House) -> None:
    await house.settings(owner="backend")
    await house.promise()
    await nothing_follows(house, "ticket")
    await house.settings(owner="voiced")
    await house.until_told("notify")
