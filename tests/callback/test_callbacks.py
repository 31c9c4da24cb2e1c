"""Promises over the simulated PBX: made, kept, put off, and given up."""

from __future__ import annotations

from tests.callback.conftest import CLIENT, House
from voiced.sim import Manner, Phone


async def test_an_agent_who_is_free_is_told_at_once(house: House) -> None:
    row = await house.promise(contact_name="Maria", reason="boleto")
    assert (row["status"], row["number"], row["is_new"]) == ("pending", CLIENT, True)
    await house.until_told("ticket", "notify")
    notice = house.backend.accepted[-1].payload
    assert notice["ticketId"] == "T1"
    assert (notice["callerNumber"], notice["callerName"], notice["extension"]) == (CLIENT, "Maria", "1001")
    row = await house.look(row["id"])
    assert (row["ticket_id"], row["status"], row["notification_count"]) == ("T1", "pending", 1)


async def test_an_agent_takes_a_callback_and_the_two_talk(house: House, agent: Phone) -> None:
    line = house.switch.outside_number("5511999990000", Manner.ANSWER, 0.1)
    row = await house.promise()
    await house.until_told("notify")
    answer = await house.post(f"/api/callbacks/{row['id']}/accept")
    assert (answer["success"], answer["error"]) == (True, "")
    await house.switch.until(lambda: agent.talks_to is line)
    assert (await house.until_status(row["id"], "in_progress"))["attempt_id"] == answer["call_uuid"]
    await house.until_told("ticket", "notify", "calling", "connected")
    agent.hangup()
    row = await house.until_status(row["id"], "completed")
    assert row["voice_call_duration"] > 0
    assert await house.until_told("ticket", "notify", "calling", "connected", "completed")
    await house.switch.until(lambda: not house.switch.channels)
    assert {delivery.payload["ticketId"] for delivery in house.backend.accepted[1:]} == {"T1"}
