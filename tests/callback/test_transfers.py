"""From a transfer that failed to a callback, and a caller who rings again: one story."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.callback.conftest import CLIENT, House
from tests.callers import at_the_assistant
from tests.conftest import DOMAIN
from tests.house import add
from voiced.sim import Manner, Phone


async def failed(house: House, agent: Phone, destination: str = "1001", **more: Any) -> dict[str, Any]:
    """A transfer to an agent who refuses."""
    agent.manner = Manner.DECLINE
    caller = await at_the_assistant(house.switch)
    answer = await house.api.transfer(caller.uuid, destination, **more)
    assert (answer["status"], answer["offer_callback"]) == ("rejected", True)
    return answer


async def test_a_callers_yes_makes_a_callback_of_what_is_known(house: House, agent: Phone) -> None:
    await add(house.api, name="Ana", destination_number="1001", department="Financeiro")
    transfer = await failed(house, agent, "Ana", reason="boleto", summary="quer a segunda via")
    row = await house.post(f"/api/transfers/{transfer['id']}/callback", status=201)
    known = {name: row[name] for name in (
        "number", "contact_name", "extension", "intended_for", "department", "reason", "summary", "story_id",
        "transfer_id", "voice_call_uuid", "status", "is_new",
    )}  # fmt: skip
    assert known == {
        "number": CLIENT, "contact_name": "Maria Souza", "extension": "1001", "intended_for": "Ana",
        "department": "Financeiro", "reason": "boleto", "summary": "quer a segunda via",
        "story_id": transfer["story_id"], "transfer_id": transfer["id"],
        "voice_call_uuid": transfer["call_uuid"], "status": "pending", "is_new": True,
    }  # fmt: skip
    begun = (await house.client.get("/api/transfers")).json()["transfers"][0]["requested_at"]
    assert datetime.fromisoformat(row["voice_call_date"]) == datetime.fromisoformat(begun)
    await house.until_told("ticket")
    made = next(one for one in house.backend.accepted if one.path == "/api/voice/callback").payload
    assert (made["storyId"], made["callUuid"]) == (transfer["story_id"], transfer["call_uuid"])
    again = await house.post(f"/api/transfers/{transfer['id']}/callback", {"number": "11 99999-0000"}, 201)
    assert (again["id"], again["is_new"]) == (row["id"], False)


async def test_one_story_from_the_transfer_to_the_talk(house: House, agent: Phone) -> None:
    """Under one id: in what the backend is told, in the log, on the callback and on its call."""
    transfer = await failed(house, agent)
    story = transfer["story_id"]
    await house.settings(agent_rest_seconds=0)
    agent.manner = Manner.ANSWER
    line = house.line()
    with capture_logs() as lines:
        row = await house.post(f"/api/transfers/{transfer['id']}/callback", status=201)
        await house.until(row["id"], lambda row: row["notification_count"])
        answer = await house.accept(row)
        await house.until_talking(agent, line)
        agent.hangup()
        await house.until_status(row["id"], "completed")
        await house.until_told("ticket", "notify", "calling", "connected", "completed")
    about = [one.payload for one in house.backend.accepted if "/callback" in one.path]
    assert [one["storyId"] for one in about] == [story] * 5
    assert [one.get("attemptId") for one in about][2:] == [answer["call_uuid"]] * 3
    said = [one for one in lines if one.get("story_id") == story]
    facts = [one["fact"] for one in said if one["event"] == "callback"]
    assert [fact for fact in facts if fact != "due"] == [
        "made", "agent_free", "attempt_began", "attempt_ended",
    ]  # fmt: skip
    made, *_, last = (one for one in said if one["event"] == "callback")
    assert (made["callback_id"], made["transfer_id"]) == (row["id"], transfer["id"])
    assert [one["notified"] for one in said if one.get("notified")] == [["1001"]]
    assert (last["attempt_id"], last["ticket_id"], last["outcomes"]) == (
        answer["call_uuid"], "T1", ["completed"],
    )  # fmt: skip
    steps = [one for one in said if one["event"] == "callback attempt"]
    assert {(one["attempt_id"], one["callback_id"]) for one in steps} == {(answer["call_uuid"], row["id"])}
    assert {"ringing", "answered", "bridged", "leg_ended"} <= {one["fact"] for one in steps}


async def test_whoever_is_asked_for_by_a_groups_name_is_the_group(house: House, agent: Phone) -> None:
    outside = house.line(Manner.BUSY, "+5511888880000")
    await add(
        house.api, name="Plantão", destination_type="external", destination_number="5511888880000",
        department="Suporte",
    )  # fmt: skip
    caller = await at_the_assistant(house.switch)
    transfer = await house.api.transfer(caller.uuid, "Plantão")
    assert (transfer["status"], outside.calls) == ("busy", 1)
    row = await house.post(f"/api/transfers/{transfer['id']}/callback", status=201)
    assert (row["extension"], row["department"], row["intended_for"]) == ("", "Suporte", "Plantão")


async def test_a_transfer_that_offers_none_makes_none(house: House, agent: Phone) -> None:
    agent.manner = Manner.RING
    caller = await at_the_assistant(house.switch)
    begun = await house.api.transfer(caller.uuid, "1001", wait=0)
    refused = await house.post(f"/api/transfers/{begun['id']}/callback", status=409)
    assert refused["error"] == "no_callback_offered"
    await house.switch.until(lambda: agent.ringing)
    agent.answer()
    await house.switch.until(lambda: agent.talks_to is caller)
    refused = await house.post(f"/api/transfers/{begun['id']}/callback", status=409)
    assert refused["error"] == "no_callback_offered"
    missing = await house.post("/api/transfers/00000000-0000-4000-8000-000000000000/callback", status=404)
    assert missing["error"] == "no_such_transfer"


async def test_a_company_that_promises_no_calls_offers_none(house: House, agent: Phone) -> None:
    await house.settings(enabled=False)
    await add(house.api, name="Ana", destination_number="1001", fallback_action="callback")
    agent.manner = Manner.DECLINE
    caller = await at_the_assistant(house.switch)
    transfer = await house.api.transfer(caller.uuid, "Ana")
    assert (transfer["status"], transfer["offer_callback"], transfer["next"]) == (
        "rejected", False, "assistant",
    )  # fmt: skip
    refused = await house.post(f"/api/transfers/{transfer['id']}/callback", status=403)
    assert refused["error"] == "callbacks_disabled"
    await house.backend.until(lambda: house.backend.accepted)
    told = house.backend.accepted[-1]
    assert (told.path, told.payload["offerCallback"]) == ("/api/voice/transfer/completed", False)


async def test_a_caller_who_hides_their_number_has_to_tell_one(house: House, agent: Phone) -> None:
    agent.manner = Manner.DECLINE
    caller = await house.switch.call("8000", number="anonymous")
    await house.switch.until(lambda: caller.hears == "assistant")
    transfer = await house.api.transfer(caller.uuid, "1001")
    assert transfer["open_callback"] is None
    path = f"/api/transfers/{transfer['id']}/callback"
    refused = await house.post(path, status=422)
    assert (refused["error"], refused["field"]) == ("bad_number", "number")
    assert (await house.post(path, {"number": CLIENT}, 201))["number"] == CLIENT


# -- one who rings again ----------------------------------------------------------------------------------


async def test_a_caller_with_an_open_callback_is_recognised(house: House, agent: Phone) -> None:
    at = house.clock().replace(microsecond=0)
    row = await house.promise(intended_for="Ana", scheduled_at=at.isoformat())
    row = await house.until(row["id"], lambda row: row["ticket_id"])
    transfer = await failed(house, agent)
    recognised = transfer["open_callback"]
    assert recognised == {
        "id": row["id"], "ticket_id": "T1", "status": "pending", "intended_for": "Ana",
        "scheduled_at": row["scheduled_at"],
    }  # fmt: skip
    looked = (await house.client.get(f"/api/transfers/{transfer['id']}")).json()
    assert looked["open_callback"] == recognised
    caller = await at_the_assistant(house.switch)
    handoff = {"call_uuid": caller.uuid, "domain_uuid": str(DOMAIN), "destination": "1001"}
    said = await house.post("/api/handoff?wait=5", handoff)
    assert said["open_callback"] == recognised
    await house.post(f"/api/callbacks/{row['id']}/cancel")
    looked = (await house.client.get(f"/api/transfers/{transfer['id']}")).json()
    assert looked["open_callback"] is None


async def test_a_stranger_is_not_recognised(house: House, agent: Phone) -> None:
    await house.promise("+5521988887777")
    transfer = await failed(house, agent)
    assert transfer["open_callback"] is None


async def test_a_database_that_does_not_tell_does_not_fail_the_transfer(
    house: House, agent: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.promise()
    desk = house.api.daemon.callbacks

    class Gone:
        async def fetchrow(self, *_: object) -> None:
            raise ConnectionRefusedError

    monkeypatch.setattr(desk, "_pool", Gone())
    transfer = await failed(house, agent)
    assert transfer["open_callback"] is None
