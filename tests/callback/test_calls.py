"""The call itself, over the simulated PBX: both ends of it, in all their moods."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest

from tests.callback.conftest import CLIENT, House
from tests.conftest import DOMAIN, Api, settings_for
from voiced.app import running
from voiced.callback.keeper import MOST_TICKETS
from voiced.callback.rules import steps
from voiced.pbx import control
from voiced.pbx.presence import State
from voiced.sim import Manner, Phone, Received, Verdict

OTHER = "+5521988887777"


async def called_back(house: House, outcome: str, **promise: Any) -> dict[str, Any]:
    """A promise whose agent clicks, once the backend has been told this of the call."""
    row = await house.promise(**promise)
    await house.accept(row)
    await house.until_told("calling", outcome)
    return await house.look(row["id"])


# -- how a call ends --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("manner", "cause", "budget"),
    [
        (Manner.BUSY, "USER_BUSY", "busy"),
        (Manner.DECLINE, "CALL_REJECTED", "other"),
        (Manner.NOT_FOUND, "UNALLOCATED_NUMBER", "other"),
        (Manner.UNAVAILABLE, "NO_USER_RESPONSE", "other"),
    ],
)
async def test_a_client_who_is_not_there_is_tried_again(
    house: House, agent: Phone, manner: Manner, cause: str, budget: str
) -> None:
    line = house.line(manner)
    row = await called_back(house, "retry")
    assert (row["status"], row["attempts"], row["misses"]) == ("ready_to_call", 1, {budget: 1})
    told = house.result("retry")
    assert (told["cause"], told["leg"], told["attempt"]) == (cause, "client", 1)
    assert told["nextAttemptAt"] > told["scheduledAt"] if told["scheduledAt"] else told["nextAttemptAt"]
    await house.until_quiet()  # the agent was told, and released
    line.manner = Manner.ANSWER
    await house.until_free()
    house.after(seconds=30)
    await house.until_talking(agent, line)


async def test_after_the_last_try_it_has_failed(house: House) -> None:
    await house.settings(max_attempts=2)
    line = house.line(Manner.BUSY)
    row = await called_back(house, "retry")
    await house.until_free()
    house.after(seconds=30)
    row = await house.until_status(row["id"], "failed")
    assert (row["attempts"], line.calls) == (2, 2)
    await house.until_told("ticket", "calling", "retry", "calling", "failed")
    assert (house.result("failed")["cause"], house.result("failed")["status"]) == ("USER_BUSY", "failed")
    await house.until_quiet()
    house.after(hours=1)
    await house.until_idle()
    assert line.calls == 2


async def test_nobody_answers(house: House, agent: Phone) -> None:
    """A client and an agent who let it ring, at the same time: it takes the ring time, five seconds."""
    await house.settings(ring_seconds=5)
    second = house.switch.phone("1002", Manner.RING)
    await house.until_free("1002")
    house.line(Manner.RING)
    untouched = house.line(number=OTHER)
    of_client = await house.promise()
    of_agent = await house.promise(OTHER, extension="1002")
    await asyncio.gather(house.accept(of_client), house.accept(of_agent))
    first = await house.until(of_client["id"], lambda row: row["misses"])
    assert (first["attempts"], first["misses"], first["status"]) == (1, {"no_answer": 1}, "ready_to_call")
    other = await house.until(of_agent["id"], lambda row: row["misses"])
    assert (other["attempts"], other["misses"], other["status"]) == (0, {"agent": 1}, "ready_to_call")
    assert (second.calls, untouched.calls) == (1, 0)
    causes = {one["leg"]: one["cause"] for one in house.results() if one["outcome"] == "retry"}
    assert causes == {"client": "NO_ANSWER", "agent": "NO_ANSWER"}
    await house.until_quiet()


async def test_a_machine_presses_no_key_and_is_no_talk(
    house: House, agent: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "KEY_SECONDS", 1)
    monkeypatch.setattr(control, "KEY_TRIES", 1)
    await house.settings(client_confirms=True, max_machine=1)
    house.line(Manner.VOICEMAIL)
    row = await called_back(house, "failed")
    assert (row["status"], row["misses"]) == ("failed", {"machine": 1})
    assert (house.result("failed")["cause"], house.result("failed")["leg"]) == ("NO_KEY", "client")
    assert "connected" not in house.told()
    await house.until_quiet()


async def test_a_person_presses_the_key(house: House, agent: Phone) -> None:
    await house.settings(client_confirms=True)
    line = house.line()
    line.presses = "1"
    await house.accept(await house.promise())
    await house.until_talking(agent, line)


async def test_a_client_may_refuse_with_another_key(house: House) -> None:
    await house.settings(client_confirms=True, max_other=1)
    house.line().presses = "2"
    row = await called_back(house, "failed")
    assert (row["misses"], house.result("failed")["cause"]) == ({"other": 1}, "CALL_REJECTED")
    await house.until_quiet()


@pytest.mark.parametrize(
    ("manner", "cause"),
    [
        (Manner.DECLINE, "CALL_REJECTED"),
        (Manner.BUSY, "USER_BUSY"),
        (Manner.UNAVAILABLE, "NO_USER_RESPONSE"),
    ],
)
async def test_an_agents_miss_costs_the_client_nothing(
    house: House, agent: Phone, manner: Manner, cause: str
) -> None:
    line = house.line()
    agent.manner = manner
    row = await called_back(house, "retry")
    assert (row["attempts"], row["misses"]) == (0, {"agent": 1})
    told = house.result("retry")
    assert (told["cause"], told["leg"], line.calls) == (cause, "agent", 0)
    await house.until_quiet()


async def test_an_agent_who_refused_is_left_alone_for_a_while(house: House, agent: Phone) -> None:
    await house.settings(agent_rest_seconds=1, retry_delay_seconds=1)
    line = house.line()
    agent.manner = Manner.DECLINE
    await called_back(house, "retry")
    agent.manner = Manner.ANSWER
    await house.until_free()
    house.after(seconds=1)
    await house.until_idle()
    assert agent.calls == 1
    await house.until_talking(agent, line)
    assert agent.calls == 2


async def test_an_agent_who_always_misses_needs_a_review(house: House, agent: Phone) -> None:
    await house.settings(max_agent_misses=2, agent_rest_seconds=0)
    agent.manner = Manner.DECLINE
    row = await called_back(house, "retry")
    await house.until_free()
    house.after(seconds=30)
    row = await house.until_status(row["id"], "needs_review")
    assert row["attempts"] == 0
    await house.until_told("retry", "calling", "needs_review")


async def test_an_agent_who_hangs_up_while_the_client_rings(house: House, agent: Phone) -> None:
    line = house.line(Manner.RING)
    row = await house.promise()
    await house.accept(row)
    await house.switch.until(lambda: line.ringing)
    agent.hangup()
    await house.until_told("retry")
    assert (house.result("retry")["leg"], (await house.look(row["id"]))["attempts"]) == ("agent", 0)
    await house.until_quiet()


async def test_the_agent_waits_with_ringback_and_is_told_that_the_client_cannot_be_had(
    house: House, agent: Phone
) -> None:
    line = house.line(Manner.RING)
    await house.accept(await house.promise())
    await house.switch.until(lambda: line.ringing and agent.hears.startswith(("tone", "prompt")))
    line.manner = Manner.BUSY
    line.hangup()
    await house.switch.until(lambda: "client_unreached" in agent.hears)
    await house.until_told("retry")


# -- what is shown ----------------------------------------------------------------------------------------


async def test_what_both_telephones_show_and_every_leg_carries(house: House, agent: Phone) -> None:
    await house.settings(caller_id="+551140040000")
    line = house.line()
    row = await house.promise(contact_name="Maria")
    await house.until_told("notify")
    answer = await house.accept(row)
    await house.until_talking(agent, line)
    to_agent, to_client = house.switch.dials
    assert to_agent.target == "user/1001@pbx.test"
    assert to_client.target == "sofia/gateway/default/5511999990000"
    shown = ("origination_caller_id_number", "origination_caller_id_name")
    assert [to_agent.variables[name] for name in shown] == [CLIENT, "Callback"]
    assert to_client.variables["origination_caller_id_number"] == "+551140040000"
    assert "origination_caller_id_name" not in to_client.variables
    for dial in house.switch.dials:
        assert (dial.variables["ticket_id"], dial.variables["voiced_callback"]) == ("T1", answer["call_uuid"])


@pytest.mark.parametrize("ticket", ["it's, {evil} ${system(rm)}", "T 1"])
async def test_a_ticket_may_have_any_name(house: House, agent: Phone, ticket: str) -> None:
    line = house.line()
    answer = await house.originate(ticket_id=ticket)
    assert answer["success"]
    await house.until_talking(agent, line)
    shown = {dial.variables.get("ticket_id") for dial in house.switch.dials}
    assert shown == ({ticket} if ticket == "T 1" else {None})
    agent.hangup()
    await house.until_told("connected", "completed")
    assert house.result("completed")["ticketId"] == ticket


async def test_a_talk_is_recorded_if_that_is_wanted(house: House, agent: Phone) -> None:
    await house.settings(recording_path="/var/spool/{id}.wav")
    line = house.line()
    row = await house.promise()
    answer = await house.accept(row)
    await house.until_talking(agent, line)
    path = f"/var/spool/{answer['call_uuid']}.wav"
    records = [one.line for one in house.switch.commands if "uuid_record" in one.line]
    assert len(records) == 1
    assert records[0].endswith(f" start {path}")
    agent.hangup()
    row = await house.until_status(row["id"], "completed")
    assert row["recording_path"] == path
    await house.until_told("completed")
    assert house.result("completed")["recordingPath"] == path


# -- the client first -------------------------------------------------------------------------------------


async def test_the_client_first_takes_the_call_with_a_key_and_then_the_agent_is_called(
    house: House, agent: Phone
) -> None:
    await house.settings(first="client")
    house.switch.clock.pace = 1.0
    line = house.line()
    await house.accept(await house.promise())
    await house.switch.until(lambda: "callback_key" in line.hears)
    assert agent.calls == 0
    agent.manner = Manner.RING
    line.press("1")
    await house.switch.until(lambda: agent.ringing and "calling_agent" in line.hears)
    agent.answer()
    await house.until_talking(agent, line)


async def test_a_client_who_waits_in_vain_is_told_so(house: House, agent: Phone) -> None:
    await house.settings(first="client", client_confirms=False)
    agent.manner = Manner.DECLINE
    line = house.line()
    await house.accept(await house.promise())
    await house.switch.until(lambda: "callback_later" in line.hears)
    await house.until_told("retry")
    assert house.result("retry")["leg"] == "agent"


async def test_a_client_whom_nobody_will_call_again_is_not_told_so(house: House, agent: Phone) -> None:
    """Whoever ordered the call tries again, or not."""
    await house.settings(first="client", client_confirms=False)
    agent.manner = Manner.DECLINE
    line = house.line()
    await house.originate()
    await house.switch.until(lambda: "nobody_available" in line.hears)


# -- not twice, and not at a bad moment -------------------------------------------------------------------


async def test_an_agent_who_is_busy_is_not_called(house: House, agent: Phone) -> None:
    caller = await house.switch.call("1001", number="5511900000000")
    await house.switch.until(lambda: agent.talks_to is caller)
    row = await house.promise()
    answer = await house.accept(row)
    assert (answer["success"], answer["error"], answer["should_retry"]) == (False, "USER_BUSY", True)
    assert answer["message"] == "O ramal está em outra ligação."
    assert answer["retry_after_seconds"] > 0
    assert not house.switch.dials
    assert (await house.look(row["id"]))["status"] == "pending"
    answer = await house.originate(OTHER)
    assert (answer["success"], answer["error"], answer["should_retry"]) == (False, "USER_BUSY", True)
    agent.unregister()
    assert (await house.originate(OTHER, "1009"))["error"] == "USER_NOT_REGISTERED"


async def test_an_agent_who_became_busy_between_click_and_dial(
    house: House, agent: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = house.line()
    row = await house.promise()
    await house.until_told("notify")
    attempts, talks = house.api.daemon.attempts, []
    tools = attempts._tools

    async def slow(*what: Any) -> None:
        talks.append(await house.switch.call("1001", number="5511900000000"))
        await house.switch.until(lambda: agent.talks_to is talks[0])
        await tools.begin(*what)

    monkeypatch.setattr(attempts, "_tools", replace(tools, begin=slow))
    answer = await house.accept(row)
    assert (answer["success"], answer["error"], answer["should_retry"]) == (False, "USER_BUSY", True)
    assert not house.switch.dials
    await house.until_told("calling", "retry")
    assert (await house.look(row["id"]))["attempts"] == 0
    monkeypatch.setattr(attempts, "_tools", tools)
    house.after(seconds=60)
    await house.until_idle()
    assert not house.switch.dials
    talks[0].hangup()
    await house.until_talking(agent, line)  # at the agent's next moment


@pytest.mark.parametrize(
    ("state", "cause", "result"),
    [
        (State.IN_CALL, "USER_BUSY", "busy"),
        (State.DND, "DO_NOT_DISTURB", "dnd"),
        (State.OFFLINE, "USER_NOT_REGISTERED", "offline"),
    ],
)
async def test_a_client_who_would_be_called_first_is_not_called_for_an_agent_who_is_gone(
    house: House, monkeypatch: pytest.MonkeyPatch, state: State, cause: str, result: str
) -> None:
    await house.settings(first="client", client_confirms=False)
    line = house.line()
    attempts, presence = house.api.daemon.attempts, house.api.daemon.presence
    tools = attempts._tools

    async def slow(*what: Any) -> None:
        monkeypatch.setattr(presence, "state", lambda _: state)
        await tools.begin(*what)

    monkeypatch.setattr(attempts, "_tools", replace(tools, begin=slow))
    answer = await house.originate()
    assert (answer["success"], answer["error"], answer["should_retry"]) == (False, cause, True)
    assert not house.switch.dials
    await house.until_told("failed")
    told = house.result("failed")
    assert (told["leg"], told["cause"], line.calls) == ("agent", cause, 0)
    rows = await house.api.daemon.pool.fetch("select result, phase from callback_attempts")
    assert [tuple(row) for row in rows] == [(result, "ended")]


async def test_two_originates_at_once_for_one_number_make_one_call(house: House, agent: Phone) -> None:
    second = house.switch.phone("1002", Manner.ANSWER, 0.05)
    await house.until_free("1002")
    line = house.line(delay=0.2)
    answers = await asyncio.gather(
        house.originate(), house.originate("(11) 99999-0000", "1002"), house.originate(ticket_id="T9")
    )
    assert sorted(answer["success"] for answer in answers) == [False, False, True]
    for answer in answers:
        if not answer["success"]:
            assert (answer["error"], answer["should_retry"]) == ("ATTEMPT_UNDER_WAY", True)
    await house.switch.until(lambda: line.talks_to in (agent, second))
    assert (line.calls, agent.calls + second.calls) == (1, 1)


async def test_an_originate_for_a_ticket_whose_call_is_under_way_is_refused(house: House) -> None:
    line = house.line(Manner.RING)
    row = await house.promise()
    await house.until_told("notify")
    first = await house.originate(ticket_id="T1")
    assert first["success"]
    await house.until_status(row["id"], "in_progress")
    answer = await house.originate(OTHER, "1002", ticket_id="T1")
    assert (answer["success"], answer["error"], answer["should_retry"]) == (False, "ATTEMPT_UNDER_WAY", True)
    await house.switch.until(lambda: line.calls == 1)
    response = await house.client.post(f"/api/callbacks/{row['id']}/accept")
    assert (response.status_code, response.json()["error"]) == (409, "attempt_under_way")


async def test_an_originate_that_names_a_ticket_belongs_to_its_callback_and_is_not_retried(
    house: House,
) -> None:
    line = house.line(Manner.BUSY)
    row = await house.promise()
    await house.until_told("notify")
    answer = await house.originate(ticket_id="T1")
    row = await house.until(row["id"], lambda row: row["misses"])
    assert (row["attempt_id"], row["status"], row["attempts"]) == (answer["call_uuid"], "pending", 1)
    await house.until_told("calling", "failed")
    assert (house.result("failed")["status"], house.result("failed")["cause"]) == ("pending", "USER_BUSY")
    await house.until_free()
    house.after(seconds=60)
    await house.until_idle()
    assert line.calls == 1


async def test_an_originate_for_a_number_belongs_to_its_open_callback(house: House, agent: Phone) -> None:
    line = house.line()
    row = await house.promise(ticket_id="K1")
    answer = await house.originate("(11) 99999-0000", extension="", ticket_id="K2")
    assert answer["success"]
    await house.until_talking(agent, line)
    row = await house.look(row["id"])
    assert (row["status"], row["attempt_id"]) == ("in_progress", answer["call_uuid"])
    line.hangup()
    row = await house.until_status(row["id"], "completed")
    assert row["ticket_ids"] == ["K1", "K2"]
    await house.until_told("completed", "completed")
    told = [one for one in house.results() if one["outcome"] == "completed"]
    assert {(one["ticketId"], one["callbackId"]) for one in told} == {("K1", row["id"]), ("K2", row["id"])}


async def test_a_callback_has_no_more_tickets_than_it_can_tell(house: House) -> None:
    row = await house.promise(ticket_id="K0")
    for n in range(1, MOST_TICKETS):
        await house.promise(ticket_id=f"K{n}")
    body = {"domain_uuid": str(DOMAIN), "number": CLIENT, "extension": "1001", "ticket_id": "one more"}
    refused = await house.client.post("/api/callbacks", json=body)
    assert (refused.status_code, refused.json()["error"]) == (409, "too_many_tickets")
    body = {"domain_uuid": str(DOMAIN), "client_number": CLIENT, "ticket_id": "one more"}
    refused = await house.client.post("/api/callback/originate", json=body)
    assert (refused.status_code, refused.json()["error"]) == (409, "too_many_tickets")
    assert not house.switch.dials
    await house.promise(ticket_id="K7")  # it has that one
    row = await house.look(row["id"])
    assert row["ticket_ids"] == [f"K{n}" for n in range(MOST_TICKETS)]


async def test_an_originate_while_the_scheduler_calls_the_number_is_refused(house: House) -> None:
    await house.settings(auto_dial=True)
    line = house.line(Manner.RING)
    second = house.switch.phone("1002", Manner.ANSWER, 0.05)
    await house.until_free("1002")
    await house.promise()
    await house.switch.until(lambda: line.ringing)
    for more in ({}, {"ticket_id": "K9"}):
        answer = await house.originate(extension="1002", **more)
        assert (answer["success"], answer["error"], answer["should_retry"]) == (
            False, "ATTEMPT_UNDER_WAY", True,
        )  # fmt: skip
    assert (line.calls, second.calls) == (1, 0)


async def test_an_originate_names_a_callback_that_is_open_and_of_this_number(
    house: House, agent: Phone
) -> None:
    row = await house.promise(ticket_id="K1")

    async def refused(**named: str) -> tuple[int, str]:
        body = {"extension": "1001", "client_number": OTHER, "domain_uuid": str(DOMAIN), **named}
        response = await house.client.post("/api/callback/originate", json=body)
        return response.status_code, response.json()["error"]

    assert await refused(callback_id=row["id"]) == (409, "number_mismatch")
    assert await refused(ticket_id="K1") == (409, "number_mismatch")
    assert await refused(callback_id=str(DOMAIN)) == (404, "no_such_callback")
    assert not house.switch.dials
    line = house.line()
    assert (await house.originate(callback_id=row["id"]))["success"]
    await house.until_talking(agent, line)
    line.hangup()
    await house.until_status(row["id"], "completed")
    assert await refused(callback_id=row["id"], client_number=CLIENT) == (409, "already_completed")
    gone = await house.promise(OTHER)
    await house.post(f"/api/callbacks/{gone['id']}/cancel")
    assert await refused(callback_id=gone["id"]) == (409, "callback_is_closed")


async def test_a_bare_originate_is_never_retried(house: House) -> None:
    line = house.line(Manner.BUSY)
    answer = await house.originate(ticket_id="T77", reason="boleto")
    assert answer["success"]
    await house.until_told("failed")
    told = house.result("failed")
    assert (told["ticketId"], told["callbackId"], told["attemptId"]) == ("T77", None, answer["call_uuid"])
    assert (told["cause"], told["leg"]) == ("USER_BUSY", "client")
    await house.until_free()
    house.after(hours=1)
    await house.until_idle()
    assert (line.calls, house.told()) == (1, ["failed"])


@pytest.mark.parametrize("number", ["123", "anonymous", "11 99999-0000; rm", ""])
async def test_a_malformed_number_is_not_called(house: House, number: str) -> None:
    body = {"extension": "1001", "client_number": number, "domain_uuid": str(DOMAIN)}
    response = await house.client.post("/api/callback/originate", json=body)
    assert (response.status_code, response.json()["field"]) == (422, "number" if number else "client_number")
    assert not house.switch.dials


# -- looking, and calling it off --------------------------------------------------------------------------


async def test_a_call_can_be_followed(house: House, agent: Phone) -> None:
    agent.manner = Manner.RING
    line = house.line(Manner.RING)
    answer = await house.originate()
    body = {"call_uuid": answer["call_uuid"], "ticket_id": "T5"}
    call = await house.post("/api/callback/monitor", body)
    assert (call["phase"], call["ticket_id"], call["result"]) == ("calling", "T5", "")
    found = (await house.client.get("/api/callback/active")).json()
    assert [one["id"] for one in found["calls"]] == [answer["call_uuid"]]
    agent.answer()
    await house.switch.until(lambda: line.ringing)
    line.answer()
    await house.until_talking(agent, line)
    await house.until_told("connected")
    assert house.result("connected")["ticketId"] == "T5"
    call = await house.post("/api/callback/monitor", body)
    assert (call["phase"], call["connected_at"] is not None) == ("connected", True)
    line.hangup()
    await house.until_told("connected", "completed")
    told = house.result("completed")
    assert (told["ticketId"], told["attemptId"]) == ("T5", answer["call_uuid"])
    assert told["durationSeconds"] >= 0
    call = await house.post("/api/callback/monitor", body)
    assert (call["phase"], call["result"], call["ticket_id"]) == ("ended", "completed", "T5")
    assert (await house.client.get("/api/callback/active")).json() == {"calls": [], "total": 0}
    lost = {"call_uuid": "00000000-0000-4000-8000-000000000000"}
    assert (await house.post("/api/callback/monitor", lost, 404))["error"] == "no_such_attempt"


@pytest.mark.parametrize("side", ["agent", "client"])
async def test_it_can_be_canceled_while_it_rings(house: House, agent: Phone, side: str) -> None:
    line = house.line(Manner.RING)
    if side == "agent":
        agent.manner = Manner.RING
    row = await house.promise()
    await house.accept(row)
    await house.switch.until(lambda: agent.ringing if side == "agent" else line.ringing)
    await house.post(f"/api/callbacks/{row['id']}/cancel")
    row = await house.until_status(row["id"], "canceled")
    assert (row["attempts"], row["misses"]) == (0, {})
    await house.until_told("calling", "canceled")
    assert house.result("canceled")["ticketStatus"] == "closed"
    await house.until_quiet()


async def test_a_talk_cannot_be_canceled(house: House, agent: Phone) -> None:
    line = house.line()
    row = await house.promise()
    await house.accept(row)
    await house.until_talking(agent, line)
    await house.until_told("connected")
    refused = await house.post(f"/api/callbacks/{row['id']}/cancel", status=409)
    assert refused["error"] == "callback_is_calling"
    assert agent.talks_to is line
    snooze = await house.client.post(f"/api/callbacks/{row['id']}/snooze", json={"minutes": 5})
    assert snooze.status_code == 409
    line.hangup()
    await house.until_status(row["id"], "completed")


async def test_a_ticket_without_a_callback_has_one_call_at_a_time(house: House, agent: Phone) -> None:
    agent.manner = Manner.RING
    second, line = house.switch.phone("1002", Manner.ANSWER, 0.05), house.line(number=OTHER)
    await house.until_free("1002")
    assert (await house.originate(ticket_id="T9"))["success"]
    await house.switch.until(lambda: agent.ringing)
    for extension in ("1001", "1002"):
        refused = await house.originate(OTHER, extension, ticket_id="T9")
        assert (refused["success"], refused["error"], refused["should_retry"]) == (
            False, "ATTEMPT_UNDER_WAY", True,
        )  # fmt: skip
    assert (second.calls, line.calls) == (0, 0)
    house.line(Manner.BUSY)
    agent.answer()
    await house.until_told("failed")
    await house.until_quiet()
    assert (await house.originate(OTHER, "1002", ticket_id="T9"))["success"]
    await house.until_talking(second, line)


async def test_two_originates_at_once_for_one_ticket_make_one_call(house: House, agent: Phone) -> None:
    second = house.switch.phone("1002", Manner.RING)
    agent.manner = Manner.RING
    await house.until_free("1002")
    answers = await asyncio.gather(
        house.originate(ticket_id="T9"), house.originate(OTHER, "1002", ticket_id="T9")
    )
    assert sorted(answer["error"] for answer in answers) == ["", "ATTEMPT_UNDER_WAY"]
    await house.switch.until(lambda: agent.ringing or second.ringing)
    assert agent.calls + second.calls == 1


# -- several daemons, and faults --------------------------------------------------------------------------


async def test_a_daemon_that_does_not_own_the_pbx_has_it_done(
    house: House, agent: Phone, database_url: str
) -> None:
    settings = settings_for(house.switch.port, database_url)
    async with running(settings) as daemon, httpx.AsyncClient(base_url=daemon.url) as client:
        async with asyncio.timeout(5):
            while (await client.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.02)
        assert not daemon.ownership.is_owner
        standby = House(house.switch, house.backend, Api(daemon, client), house.clock)
        line = house.line(Manner.RING)
        row = await standby.promise()
        await house.until_told("notify")  # by the owner
        assert (await standby.accept(row))["success"]
        await house.switch.until(lambda: line.ringing)
        assert not len(daemon.attempts)
        assert (await standby.originate())["error"] == "ATTEMPT_UNDER_WAY"
        assert (await client.get("/api/callback/active")).json()["total"] == 1
        await standby.post(f"/api/callbacks/{row['id']}/cancel")
        await standby.until_status(row["id"], "canceled")
        await house.until_quiet()


async def test_a_bridge_that_never_comes_is_our_fault_and_tried_again(
    house: House, agent: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "BRIDGE_SECONDS", 0.3)
    house.switch.faults.bridge_says_ok_only = True
    line = house.line()
    row = await called_back(house, "retry")
    assert (row["attempts"], row["misses"]) == (0, {"none": 1})
    assert house.result("retry")["cause"] == "BRIDGE_FAILED"
    await house.until_quiet()
    house.switch.faults.bridge_says_ok_only = False
    await house.until_free()
    house.after(seconds=30)
    await house.until_talking(agent, line)


async def test_an_agent_passes_the_client_on_and_the_talk_goes_on(house: House, agent: Phone) -> None:
    line = house.line()
    row = await house.promise()
    await house.accept(row)
    await house.until_talking(agent, line)
    second = house.switch.phone("1002", Manner.ANSWER, 0.05)
    assert line.channel is not None
    await _api(house, f"uuid_transfer {line.channel.uuid} 1002 XML default")
    await house.until_talking(second, line)
    assert (await house.look(row["id"]))["status"] == "in_progress"
    line.hangup()
    await house.until_status(row["id"], "completed")


async def _api(house: House, command: str) -> None:
    reply = await house.api.daemon.pbx.questions.api(command)
    assert reply.ok, reply.text


async def test_the_pbx_is_lost_while_the_client_rings_and_the_call_is_made_once(
    house: House, agent: Phone
) -> None:
    line = house.line(Manner.RING)
    row = await house.promise()
    await house.accept(row)
    await house.switch.until(lambda: len(house.switch.tables.rows("channels")[1]) == 2)
    await house.switch.cut()
    line.answer()
    await house.until_talking(agent, line)
    await house.until_told("connected")
    assert (line.calls, agent.calls) == (1, 1)
    agent.hangup()
    await house.until_status(row["id"], "completed")


async def test_a_leg_that_answers_in_the_dark_before_any_table_shows_it_is_not_left_alone(
    house: House, agent: Phone
) -> None:
    line = house.line(Manner.RING)
    row = await house.promise()
    await house.accept(row)
    await house.switch.until(lambda: line.ringing)  # the tables lag behind: it is in none of them yet
    await house.switch.cut()
    line.answer()
    await house.switch.until(lambda: agent.talks_to is line or not line.alive)
    agent.hangup()
    row = await house.until(row["id"], lambda row: row["status"] in ("ready_to_call", "completed"))
    assert row["attempts"] == 0
    await house.until_quiet()
    assert (line.calls, agent.calls) == (1, 1)


async def test_a_lost_originate_is_not_sent_again_within_an_attempt(house: House, agent: Phone) -> None:
    def lose(received: Received) -> Verdict | None:
        return Verdict(cut="before") if "bgapi originate" in received.line else None

    house.switch.intercept = lose
    row = await house.promise()
    await house.client.post(f"/api/callbacks/{row['id']}/accept")
    row = await house.until(row["id"], lambda row: row["misses"])
    assert (row["misses"], row["status"]) == ({"none": 1}, "ready_to_call")
    house.switch.intercept = None
    sent = [one for one in house.switch.commands if "bgapi originate" in one.line]
    assert len(sent) == 1
    line = house.line()
    await house.until_free()
    house.after(seconds=30)
    await house.until_talking(agent, line)
