"""The ticketing backend, in all its moods: every change told once, in order, with the ticket's id."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.backend import Answer, Delivery
from tests.callback.conftest import House
from tests.conftest import DOMAIN
from voiced.sim import Manner, Phone
from voiced.tickets import outbox

MAKE = "/api/voice/callback"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed delivery is repeated at once."""
    monkeypatch.setattr(outbox, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(outbox, "LONGEST_PAUSE", 0.05)
    monkeypatch.setattr(outbox, "LOOK_AGAIN", 0.1)


def at_first(house: House, bad: list[Answer]) -> None:
    """The first requests to make a ticket are answered so."""
    good = house.backend.answer

    def answer(delivery: Delivery) -> Answer:
        return bad.pop(0) if delivery.path == MAKE and bad else good(delivery)

    house.backend.answer = answer


async def test_a_ticket_is_made_with_all_that_is_known(house: House) -> None:
    row = await house.promise(
        contact_name="Maria", intended_for="Ana", department="Financeiro", reason="boleto", summary="resumo",
        transcript=[{"role": "user", "text": "quero a segunda via"}], notify_via_whatsapp=True,
        call_uuid="c-1", call_date="2026-03-02T12:00:00-03:00", call_seconds=92.5, has_recording=True,
        secretary_uuid="22222222-2222-4222-8222-222222222222",
    )  # fmt: skip
    await house.until_told("ticket")
    made = house.backend.accepted[0]
    assert made.payload == {
        "callbackId": row["id"], "storyId": row["story_id"], "companyId": row["company_id"],
        "callUuid": "c-1", "callerNumber": "+5511999990000", "callerName": "Maria",
        "destinationExtension": "1001", "destinationName": "Ana", "destinationDepartment": "Financeiro",
        "reason": "boleto", "scheduledAt": None, "notifyViaWhatsApp": True,
        "transcript": [{"role": "user", "text": "quero a segunda via"}], "summary": "resumo",
        "durationSeconds": 92.5, "secretaryUuid": "22222222-2222-4222-8222-222222222222",
        "domainUuid": row["domain_uuid"],
    }  # fmt: skip
    row = await house.until(row["id"], lambda row: row["ticket_id"])
    assert (row["ticket_id"], row["ticket_uuid"]) == ("T1", "uuid-T1")
    assert (row["voice_call_date"], row["voice_call_recorded"]) == ("2026-03-02T15:00:00Z", True)
    await house.until_told("ticket", "notify")
    assert house.backend.accepted[1].payload["hasRecording"] is True


async def test_what_is_not_known_of_the_call_is_not_made_up(house: House) -> None:
    row = await house.promise()
    await house.until_told("ticket", "notify")
    made, notice = (one.payload for one in house.backend.accepted)
    assert (made["durationSeconds"], notice["hasRecording"]) == (None, False)
    await house.promise(has_recording=True)
    await house.promise()
    assert (await house.look(row["id"]))["voice_call_recorded"], "a later request that does not say leaves it"


async def test_every_result_has_every_field_of_the_documentation(house: House, agent: Phone) -> None:
    text = (Path(__file__).parents[2] / "docs/callbacks.md").read_text()
    table = text.partition("| field | what it is |")[2].partition("\n\n")[0]
    fields = {name for line in table.splitlines()[2:] for name in line.split("|")[1].strip().split(", ")}
    line = house.line(Manner.BUSY)
    row = await house.promise(contact_name="Maria", department="Financeiro")
    placed = await house.accept(row)
    await house.until_told("calling", "retry")
    line.manner = Manner.ANSWER
    await house.until_quiet(), await house.until_free()
    house.after(seconds=30)
    await house.until_talking(agent, line)
    agent.hangup()
    await house.until_told("connected", "completed")
    await house.until_free()
    house.line(Manner.BUSY, "+5521988887777")
    bare = await house.originate("+5521988887777", ticket_id="T9", contact_name="João")
    await house.until_told("completed", "failed")
    for result in house.results():
        assert set(result) == fields
        assert datetime.fromisoformat(result["at"]).tzinfo is not None
    retry = house.result("retry")
    assert {name: retry[name] for name in fields - {"at", "nextAttemptAt"}} == {
        "callbackId": row["id"], "storyId": row["story_id"], "ticketId": "T1", "domainUuid": str(DOMAIN),
        "callerNumber": "+5511999990000", "callerName": "Maria", "extension": "1001",
        "department": "Financeiro", "status": "ready_to_call", "outcome": "retry", "cause": "USER_BUSY",
        "leg": "client", "sipCode": "486", "attempt": 1, "attemptId": placed["call_uuid"],
        "durationSeconds": 0.0, "secondsToConnect": None, "scheduledAt": None, "recordingPath": None,
        "ticketStatus": None,
    }  # fmt: skip
    assert datetime.fromisoformat(retry["nextAttemptAt"]) > datetime.fromisoformat(retry["at"])
    connected = house.result("connected")
    assert (connected["storyId"], connected["secondsToConnect"] > 0) == (row["story_id"], True)
    failed = house.result("failed")
    named = ("callbackId", "ticketId", "attemptId", "callerName", "extension", "leg")
    assert [failed[name] for name in named] == [None, "T9", bare["call_uuid"], "João", "1001", "client"]


async def test_a_ticket_that_exists_already_is_not_made_again_but_told(house: House) -> None:
    await house.promise(ticket_id="T99")
    await house.until_told("made", "notify")
    assert "ticket" not in house.told()
    assert house.result("made")["ticketId"] == "T99"


@pytest.mark.parametrize("bad", [[500, 503], ["drop", 429], [408, "drop", 500]], ids=str)
async def test_a_backend_in_trouble_gets_it_later_and_everything_in_order(
    house: House, bad: list[Answer]
) -> None:
    house.backend.slowness = 0.02
    tries = len(bad) + 1
    at_first(house, bad)
    row = await house.promise()
    await house.post(f"/api/callbacks/{row['id']}/snooze", {"minutes": 60})
    told = await house.until_told("ticket", "snoozed")
    assert told[0] == "ticket"
    assert sum(delivery.path == MAKE for delivery in house.backend.seen) == tries
    assert len({delivery.key for delivery in house.backend.seen if delivery.path == MAKE}) == 1
    assert {one.payload["ticketId"] for one in house.backend.accepted[1:]} == {"T1"}


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (401, "unauthorized"), (404, "no such path"),
        (400, '{"error": "Company not found"}'), (200, '{"success": false, "error": "no such queue"}'),
    ],
)  # fmt: skip
async def test_a_permanent_refusal_is_held_and_shown_and_the_callback_lives_on(
    house: House, agent: Phone, status: int, answer: str
) -> None:
    body = answer.encode()
    raw = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)
    at_first(house, [raw])
    row = await house.promise()
    await house.until(row["id"], lambda row: row["notification_count"] == 1)
    held: list[dict[str, Any]] = []
    async with asyncio.timeout(5):
        while not held:
            held = (await house.client.get("/api/outbox?state=held")).json()["messages"]
    assert (held[0]["path"], held[0]["last_status"]) == (MAKE, status)
    assert answer in held[0]["last_error"]
    line = house.line()
    assert (await house.accept(row))["success"]
    await house.until_talking(agent, line)
    agent.hangup()
    await house.until_status(row["id"], "completed")
    assert house.told() == []  # all behind the ticket, in order
    await house.post(f"/api/outbox/{held[0]['id']}/release")
    await house.until_told("completed")
    assert house.told() == ["ticket", "notify", "calling", "connected", "completed"]
    assert {one.payload["ticketId"] for one in house.backend.accepted[1:]} == {"T1"}


async def test_a_backend_that_hangs_holds_up_nobody(house: House, agent: Phone) -> None:
    house.backend.slowness = 1.0  # nobody waits for it
    line = house.line()
    row = await house.promise()
    await house.accept(row)
    await house.until_talking(agent, line)
    agent.hangup()
    await house.until_status(row["id"], "completed")
    assert house.told() in ([], ["ticket"])
    house.backend.slowness = 0.0
    await house.until_told("ticket", "calling", "connected", "completed")


async def test_while_the_backend_is_away_the_callback_is_kept_and_the_ticket_follows(
    house: House, agent: Phone
) -> None:
    await house.backend.stop()
    line = house.line(Manner.BUSY)
    row = await house.promise()
    await house.until(row["id"], lambda row: row["notification_count"] == 1)
    await house.accept(row)
    row = await house.until_status(row["id"], "ready_to_call")
    assert (row["ticket_id"], row["attempts"]) == ("", 1)
    line.manner = Manner.ANSWER
    await house.until_free()
    house.after(seconds=30)
    await house.until_talking(agent, line)
    agent.hangup()
    await house.until_status(row["id"], "completed")
    await house.backend.start()
    await house.until_told("completed")
    assert house.told() == ["ticket", "notify", "calling", "retry", "calling", "connected", "completed"]
    assert len(house.backend.arrived) == len(set(house.backend.arrived))
    assert {one.payload["ticketId"] for one in house.backend.accepted[1:]} == {"T1"}
    assert (await house.look(row["id"]))["ticket_id"] == "T1"


async def test_an_answer_that_names_no_ticket_leaves_the_callback_without_one(house: House) -> None:
    house.backend.answer = lambda _: {"success": True}
    row = await house.promise()
    await house.until_told("ticket", "notify")
    assert (await house.look(row["id"]))["ticket_id"] == ""
    assert house.backend.accepted[-1].payload["ticketId"] is None


async def test_a_ticket_that_is_a_number_can_be_named_as_one(house: House, agent: Phone) -> None:
    house.backend.answer = lambda _: {"success": True, "ticketId": 4711}
    row = await house.promise()
    await house.until(row["id"], lambda row: row["ticket_id"] == "4711")
    line = house.line()
    answer = await house.post("/api/voice/callback/accept", {"ticketId": 4711})
    assert answer["success"]
    await house.until_talking(agent, line)


async def test_each_change_tells_the_new_status_and_time(house: House) -> None:
    row = await house.promise()
    await house.until_told("notify")
    path = f"/api/callbacks/{row['id']}"
    await house.post(f"{path}/notified")
    await house.post(f"{path}/agree", {"extension": "1002"})
    await house.post(f"{path}/reassign", {"extension": "1003", "intended_for": "Bruno"})
    await house.post(f"{path}/snooze", {"minutes": 45})
    await house.promise(scheduled_at=(house.clock()).isoformat())
    await house.post(f"{path}/cancel")
    await house.until_told("notified", "accepted", "reassigned", "snoozed", "updated", "canceled")
    statuses = [(one["outcome"], one["status"]) for one in house.results()]
    assert statuses == [
        ("notified", "notified"), ("accepted", "ready_to_call"), ("reassigned", "ready_to_call"),
        ("snoozed", "pending"), ("updated", "pending"), ("canceled", "canceled"),
    ]  # fmt: skip
    assert house.result("snoozed")["scheduledAt"] > house.result("updated")["scheduledAt"]
    assert (house.result("canceled")["ticketStatus"], house.result("snoozed")["ticketStatus"]) == (
        "closed", None,
    )  # fmt: skip
    assert (house.result("canceled")["cause"], house.result("canceled")["nextAttemptAt"]) == ("BY_API", None)


# -- several tickets of one client ------------------------------------------------------------------------


def told_to(house: House, ticket: str) -> list[str]:
    return [one["outcome"] for one in house.results() if one["ticketId"] == ticket]


async def test_each_ticket_of_a_client_finds_the_callback_and_is_told(house: House, agent: Phone) -> None:
    row = await house.promise()
    await house.until(row["id"], lambda row: row["ticket_id"] == "T1")
    again = await house.promise(ticket_id="K2")
    assert (again["id"], again["ticket_ids"]) == (row["id"], ["T1", "K2"])
    await house.promise(ticket_id="K2")
    await house.promise(ticket_id="T1")
    for ticket in ("T1", "K2"):
        for path in (f"/api/callbacks?ticket_id={ticket}", f"/api/voice/callbacks?ticketId={ticket}"):
            answer = (await house.client.get(path)).json()
            assert [one["id"] for one in answer["callbacks"]] == [row["id"]], path
    line = house.line()
    assert (await house.post("/api/voice/callback/accept", {"ticketId": "K2"}))["success"]
    await house.until_talking(agent, line)
    agent.hangup()
    await house.until_status(row["id"], "completed")
    outcomes = ["updated", "updated", "updated", "calling", "connected", "completed"]
    await house.backend.until(lambda: told_to(house, "T1") == told_to(house, "K2") == outcomes)
    assert house.told().count("notify") == 1, "the agent is told once"


async def test_a_ticket_that_comes_before_ours_is_made_keeps_neither_from_being_told(house: House) -> None:
    at_first(house, [500, 500])
    row = await house.promise()
    await house.promise(ticket_id="ação 2")  # no header could carry it
    row = await house.until(row["id"], lambda row: row["ticket_id"])
    assert row["ticket_ids"] == ["T1", "ação 2"]
    await house.post(f"/api/callbacks/{row['id']}/snooze", {"minutes": 5})
    for ticket in row["ticket_ids"]:
        await house.backend.until(lambda ticket=ticket: told_to(house, ticket) == ["updated", "snoozed"])


async def test_a_backend_that_makes_the_ticket_it_has_named_is_told_once(house: House) -> None:
    at_first(house, [500])
    row = await house.promise()
    await house.promise(ticket_id="T1")
    row = await house.until(row["id"], lambda row: row["ticket_id"])
    assert row["ticket_ids"] == ["T1"]


async def test_a_result_that_is_refused_for_one_ticket_holds_up_no_other_and_arrives_when_released(
    house: House, agent: Phone
) -> None:
    row = await house.promise(ticket_id="K1")
    await house.promise(ticket_id="K2")
    good = house.backend.answer
    gone = {"K1"}

    def answer(delivery: Delivery) -> Answer:
        is_refused = delivery.path.endswith("result") and delivery.payload["ticketId"] in gone
        return 404 if is_refused else good(delivery)

    await house.backend.until(lambda: told_to(house, "K1") == ["made", "updated"])
    house.backend.answer = answer
    line = house.line()
    await house.accept(row)
    await house.until_talking(agent, line)
    agent.hangup()
    await house.backend.until(lambda: told_to(house, "K2")[-1:] == ["completed"])
    assert told_to(house, "K1") == ["made", "updated"]
    held = (await house.client.get("/api/outbox?state=held")).json()["messages"]
    assert [(one["last_status"], one["payload"]["outcome"]) for one in held] == [(404, "calling")]
    gone.clear()
    await house.post(f"/api/outbox/{held[0]['id']}/release")
    await house.backend.until(lambda: told_to(house, "K1")[-3:] == ["calling", "connected", "completed"])


async def test_a_ticket_that_is_named_while_the_client_is_called_is_told_of_it(house: House) -> None:
    line = house.line(Manner.RING)
    row = await house.promise(ticket_id="K1")
    answer = await house.accept(row)
    await house.switch.until(lambda: line.ringing)
    await house.post("/api/callback/monitor", {"call_uuid": answer["call_uuid"], "ticket_id": "K2"})
    await house.post(f"/api/callbacks/{row['id']}/cancel")
    await house.backend.until(lambda: told_to(house, "K2") == ["canceled"])
    await house.backend.until(lambda: told_to(house, "K1")[-1:] == ["canceled"])  # a stream of its own


async def test_a_ticket_that_is_named_before_ours_is_made_finds_the_callback(house: House) -> None:
    await house.backend.stop()
    line = house.line(Manner.RING)
    row = await house.promise()
    answer = await house.accept(row)
    await house.switch.until(lambda: line.ringing)
    call = await house.post("/api/callback/monitor", {"call_uuid": answer["call_uuid"], "ticket_id": "K2"})
    assert call["ticket_id"] == "K2"
    assert (await house.look(row["id"]))["ticket_ids"] == ["K2"]
    await house.backend.start()
    await house.post(f"/api/callbacks/{row['id']}/cancel")
    await house.backend.until(lambda: told_to(house, "K2") == ["canceled"])
    await house.backend.until(lambda: told_to(house, "T1") == ["calling", "canceled"])
