"""`/api/transfers`, every status code of it, over real HTTP."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from tests.callers import Stopwatch, at_the_assistant, back_at_the_assistant
from tests.conftest import DOMAIN, Api, Start
from tests.gate import Gate
from tests.web.standby import standby
from voiced.sim import Manner, Received, Switch, Verdict

# -- begin ------------------------------------------------------------------------------------------------


async def test_without_wait_the_answer_is_202_at_once_and_the_transfer_can_be_followed(
    switch: Switch, api: Api
) -> None:
    switch.phone("1001", manner=Manner.RING)
    caller = await at_the_assistant(switch)
    watch = Stopwatch()
    response = await api.ask(caller.uuid, "1001", wait=0)
    assert response.status_code == 202
    assert watch.seconds < 1.0
    begun = response.json()
    assert begun["id"] == begun["transfer_id"]
    assert (begun["status"], begun["call_uuid"]) == ("pending", caller.uuid)
    await until_status(api, begun["id"], "ringing")


async def until_status(api: Api, id: str, status: str) -> dict[str, Any]:
    async with asyncio.timeout(5):
        while (found := (await api.client.get(f"/api/transfers/{id}")).json())["status"] != status:
            await asyncio.sleep(0.02)
    return dict(found)


async def test_with_wait_the_answer_is_200_with_the_result(switch: Switch, api: Api) -> None:
    switch.phone("1001", manner=Manner.BUSY, delay=0.05)
    caller = await at_the_assistant(switch)
    response = await api.ask(caller.uuid, "1001", wait=10)
    assert response.status_code == 200
    answer = response.json()
    assert answer == {
        "id": answer["id"], "transfer_id": answer["id"], "story_id": answer["id"], "call_uuid": caller.uuid,
        "status": "busy", "success": False, "cause": "USER_BUSY", "sip_code": "486", "ended_by": "agent",
        "attempts": 1, "ring_seconds": 0.0,
        "destination": {"name": "", "type": "extension", "number": "1001"},
        "message": "O ramal 1001 está em outra ligação no momento.",
        "messages": {
            "pt-BR": "O ramal 1001 está em outra ligação no momento.",
            "en": "Extension 1001 is on another call at the moment.",
        },
        "offer_callback": True, "next": "assistant", "open_callback": None,
    }  # fmt: skip
    assert (await api.client.get(f"/api/transfers/{answer['id']}")).json() == answer


async def test_a_wait_that_is_too_short_is_answered_202_with_what_is_so(switch: Switch, api: Api) -> None:
    switch.phone("1001", manner=Manner.RING)
    caller = await at_the_assistant(switch)
    response = await api.ask(caller.uuid, "1001", wait=0.4)
    assert (response.status_code, response.json()["status"]) == (202, "ringing")


async def test_names_may_be_snake_case_or_camel_case_and_answers_are_snake_case(
    switch: Switch, api: Api
) -> None:
    switch.phone("1001", manner=Manner.BUSY, delay=0.01)
    story, secretary = str(uuid4()), str(uuid4())
    for style in ("snake", "camel"):
        caller = await at_the_assistant(switch)
        body = {
            "call_uuid": caller.uuid, "domain_uuid": str(DOMAIN), "destination": "ramal 1001",
            "story_id": story, "secretary_uuid": secretary, "reason": "vendas", "summary": "quer comprar",
        }  # fmt: skip
        if style == "camel":
            body = {_camel(name): value for name, value in body.items()}
        response = await api.client.post("/api/transfers", params={"wait": 10}, json=body)
        assert response.status_code == 200, response.text
        answer = response.json()
        assert (answer["story_id"], answer["destination"]["number"]) == (story, "1001")
        row = await api.ended(answer["id"])
        assert (row["reason"], row["summary"], row["secretary_uuid"]) == ("vendas", "quer comprar", secretary)
        assert all(name == name.lower() for name in (*answer, *row))


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


GOOD = {"call_uuid": "c", "domain_uuid": str(DOMAIN), "destination": "1001"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"call_uuid": None}, "call_uuid"),
        ({"call_uuid": "a b"}, "call_uuid"),
        ({"call_uuid": ""}, "call_uuid"),
        ({"call_uuid": "x" * 65}, "call_uuid"),
        ({"call_uuid": 7}, "call_uuid"),
        ({"call_uuid": ["c"]}, "call_uuid"),
        ({"domain_uuid": "pbx.test"}, "domain_uuid"),
        ({"domain_uuid": "0d9b2a4e-54c1-4f7b-9a35-6a1f5f3c1d11"}, "domain_uuid"),
        ({"destination": ""}, "destination"),
        ({"destination": "two words"}, "destination"),
        ({"destination": "1001@evil"}, "destination"),
        ({"destination": "x" * 65}, "destination"),
        ({"reason": "x" * 1001}, "reason"),
        ({"summary": "x" * 10_001}, "summary"),
        ({"story_id": "x"}, "story_id"),
        ({"secretary_uuid": "x"}, "secretary_uuid"),
        ({"extra": 1}, "extra"),
        ({"callUuid": None, "call_uuid": "a b"}, "call_uuid"),
    ],
    ids=str,
)
async def test_a_request_that_is_wrong_is_422_and_names_the_field(
    api: Api, change: dict[str, Any], field: str
) -> None:
    body = {name: value for name, value in {**GOOD, **change}.items() if value is not None}
    response = await api.client.post("/api/transfers", json=body)
    assert response.status_code == 422, response.text
    answer = response.json()
    assert (answer["error"], answer["field"]) in [
        ("invalid", field), ("no_such_domain", field), ("no_such_destination", field),
    ]  # fmt: skip
    assert answer["message"]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "application/json"),
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b"null", "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"call_uuid=x", "application/x-www-form-urlencoded"),
        (b'{"call_uuid": "c"', "text/plain"),
        (b"[" * 100_000, "application/json"),
    ],
    ids=["empty", "broken", "list", "null", "no UTF-8", "a form", "text", "deep"],
)
async def test_a_body_that_is_no_json_object_is_422(api: Api, body: bytes, content_type: str) -> None:
    headers = {"Content-Type": content_type}
    response = await api.client.post("/api/transfers", content=body, headers=headers)
    assert response.status_code == 422, response.text
    assert set(response.json()) <= {"error", "message", "field"}


@pytest.mark.parametrize("wait", ["-1", "301", "x", "nan", "inf"])
async def test_a_wait_that_is_no_time_is_422_and_nobody_is_called(api: Api, wait: str) -> None:
    response = await api.client.post("/api/transfers", params={"wait": wait}, json=GOOD)
    assert (response.status_code, response.json()["field"]) == (422, "wait")


async def test_a_call_that_the_pbx_does_not_know_is_404(api: Api) -> None:
    response = await api.ask(str(uuid4()), "1001")
    assert response.status_code == 404
    assert response.json() == {
        "error": "no_such_call", "message": "The PBX has no such call.", "field": "call_uuid",
    }  # fmt: skip


async def test_a_second_transfer_of_one_call_is_409_and_the_first_goes_on(switch: Switch, api: Api) -> None:
    phone = switch.phone("1001", manner=Manner.RING)
    caller = await at_the_assistant(switch)
    first, second = await asyncio.gather(*(api.ask(caller.uuid, "1001", wait=0) for _ in range(2)))
    assert sorted([first.status_code, second.status_code]) == [202, 409]
    refused = next(response for response in (first, second) if response.status_code == 409).json()
    assert (refused["error"], refused["field"]) == ("call_is_busy", "call_uuid")
    await switch.until(lambda: phone.ringing)
    assert (await api.ask(caller.uuid, "1002", wait=0)).status_code == 409
    phone.answer()
    await switch.until(lambda: caller.talks_to is phone)
    assert phone.calls == 1
    assert (await api.ask(caller.uuid, "1002", wait=0)).status_code == 409, "nor during the talk"


async def test_transfers_that_are_switched_off_are_403_with_the_reason(switch: Switch, start: Start) -> None:
    async with start(transfer={"enabled": False}) as api:
        caller = await at_the_assistant(switch)
        response = await api.ask(caller.uuid, "1001")
        assert (response.status_code, response.json()["error"]) == (403, "transfers_disabled")
        assert caller.hears == "assistant"


# -- somebody is away -------------------------------------------------------------------------------------


async def test_without_a_pbx_the_answer_is_503_at_once(switch: Switch, api: Api) -> None:
    await switch.stop()
    async with asyncio.timeout(5):
        while api.daemon.pbx.is_connected:
            await asyncio.sleep(0.01)
    watch = Stopwatch()
    response = await api.ask(str(uuid4()), "1001")
    assert (response.status_code, response.json()["error"]) == (503, "pbx_is_away")
    assert watch.seconds < 1.0


async def test_a_pbx_that_does_not_answer_is_503_within_its_two_seconds(switch: Switch, api: Api) -> None:
    caller = await at_the_assistant(switch)
    switch.intercept = lambda received: Verdict(delay=8.0) if "uuid_dump" in received.line else None
    watch = Stopwatch()
    response = await api.ask(caller.uuid, "1001")
    assert (response.status_code, response.json()["error"]) == (503, "pbx_is_away")
    assert watch.seconds < 3.0
    assert caller.hears == "assistant"


@pytest.mark.parametrize("how", ["shut", "freeze"])
async def test_without_a_database_the_answer_is_503_within_about_a_second_and_the_caller_is_not_touched(
    switch: Switch, start: Start, gate: Gate, how: str
) -> None:
    switch.phone("1001")
    async with start(database={"url": gate.url}) as api:
        caller = await at_the_assistant(switch)
        if how == "shut":
            await gate.shut()
        else:
            gate.freeze()
        del switch.commands[:]
        watch = Stopwatch()
        response = await api.ask(caller.uuid, "1001", wait=0)
        assert (response.status_code, response.json()["error"]) == (503, "database_is_away"), response.text
        assert watch.seconds < 1.8
        assert caller.hears == "assistant"
        assert commands_for(switch, caller.uuid) == []
        assert not switch.dials
        if how == "freeze":
            gate.thaw()
        else:
            await gate.open()
        async with asyncio.timeout(10):  # the next one is carried out, once the database is there again
            while (await api.ask(caller.uuid, "1001", wait=10)).status_code != 200:
                await asyncio.sleep(0.05)
        assert caller.talks_to is not None


async def test_while_the_database_has_been_away_for_longer_it_is_what_the_answer_says(
    switch: Switch, start: Start, gate: Gate
) -> None:
    async with start(database={"url": gate.url}) as api:
        caller = await at_the_assistant(switch)
        await gate.shut()
        async with asyncio.timeout(6):
            while api.daemon.ownership.may_dial():
                await asyncio.sleep(0.05)
        response = await api.ask(caller.uuid, "1001", wait=0)
        assert (response.status_code, response.json()["error"]) == (503, "database_is_away")


async def test_a_standby_that_loses_the_database_while_it_waits_says_what_it_knows(
    switch: Switch, api: Api, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = switch.phone("1001", manner=Manner.RING)
    async with standby(switch, gate.url) as other:
        waits, outcome = asyncio.Event(), other.daemon.desk.outcome

        async def told(*asked: Any) -> Any:
            waits.set()
            return await outcome(*asked)

        monkeypatch.setattr(other.daemon.desk, "outcome", told)
        caller = await at_the_assistant(switch)
        waiting = asyncio.create_task(other.ask(caller.uuid, "1001", wait=20))
        await waits.wait()
        await gate.shut()
        response = await waiting
        assert response.status_code == 202, response.text
        await switch.until(lambda: phone.ringing)
        phone.answer()
        await switch.until(lambda: caller.talks_to is phone)
        assert (await api.client.get(f"/api/transfers/{response.json()['id']}")).json()["success"]


@pytest.mark.parametrize("path", ["", "/{id}", "/{id}/journal"])
async def test_what_only_the_database_knows_is_503_while_it_is_away(
    start: Start, gate: Gate, path: str
) -> None:
    async with start(database={"url": gate.url}) as api:
        await gate.shut()
        response = await api.client.get("/api/transfers" + path.format(id=uuid4()))
        assert (response.status_code, response.json()["error"]) == (503, "database_is_away")


def commands_for(switch: Switch, uuid: str) -> list[Received]:
    """Commands about a call, but questions."""
    return [
        command
        for command in switch.commands
        if (uuid in command.line or uuid in command.body) and "uuid_dump" not in command.line
    ]


# -- look, list, journal ----------------------------------------------------------------------------------


async def test_a_transfer_that_does_not_exist_is_404_everywhere(api: Api) -> None:
    for method, path in (("GET", ""), ("GET", "/journal"), ("DELETE", "")):
        response = await api.client.request(method, f"/api/transfers/{uuid4()}{path}")
        assert (response.status_code, response.json()["error"]) == (404, "no_such_transfer")
        assert (await api.client.request(method, f"/api/transfers/no-uuid{path}")).status_code == 422


async def test_the_list_is_newest_first_in_pages_and_can_be_filtered(switch: Switch, api: Api) -> None:
    switch.phone("1002", manner=Manner.BUSY, delay=0.01)
    switch.phone("1003", manner=Manner.DECLINE, delay=0.01)
    callers = [await at_the_assistant(switch) for _ in range(3)]
    made = [
        (await api.transfer(caller.uuid, number))["id"]
        for caller, number in ((callers[0], "1002"), (callers[1], "1002"), (callers[2], "1003"))
    ]
    for id in made:
        await api.ended(id)

    async def listed(**params: Any) -> tuple[list[str], int]:
        answer = (await api.client.get("/api/transfers", params=params)).json()
        return [row["id"] for row in answer["transfers"]], answer["total"]

    assert await listed() == (made[::-1], 3)
    assert await listed(status="busy") == ([made[1], made[0]], 2)
    assert await listed(call_uuid=callers[2].uuid) == ([made[2]], 1)
    assert await listed(call_uuid=callers[2].uuid, status="busy") == ([], 0)
    assert await listed(limit=2) == (made[:0:-1], 3)
    assert await listed(limit=2, page=2) == ([made[0]], 3)
    ids, total = await listed(limit=2, page=3)
    assert ids == []
    assert total == 3, "a page behind the last still says how many there are"
    wrong = ({"limit": 0}, {"limit": 201}, {"page": 0}, {"status": "nonsense"}, {"call_uuid": "x" * 65})
    for params in wrong:
        response = await api.client.get("/api/transfers", params=params)
        assert (response.status_code, response.json()["field"]) == (422, *params)


async def test_the_list_recognises_callers_who_are_promised_a_call(switch: Switch, api: Api) -> None:
    switch.phone("1002", manner=Manner.BUSY, delay=0.01)
    numbers = ("5511999990000", "anonymous", "5511999990000", "5511999990001")
    for number in numbers:
        caller = await at_the_assistant(switch, number)
        await api.ended((await api.transfer(caller.uuid, "1002"))["id"])
    body = {"domain_uuid": str(DOMAIN), "number": "+5511999990000", "extension": "1009"}
    promised = (await api.client.post("/api/callbacks", json=body)).json()["id"]

    async def listed() -> list[str | None]:
        rows = (await api.client.get("/api/transfers")).json()["transfers"]
        return [row["open_callback"] and row["open_callback"]["id"] for row in rows]

    assert await listed() == [None, promised, None, promised]
    await api.client.post(f"/api/callbacks/{promised}/cancel")
    assert await listed() == [None] * 4


async def test_callers_who_cannot_be_recognised_now_do_not_hold_up_the_list(
    switch: Switch, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch.phone("1002", manner=Manner.BUSY, delay=0.01)
    caller = await at_the_assistant(switch)
    id = (await api.transfer(caller.uuid, "1002"))["id"]
    await api.ended(id)

    async def silence(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(api.daemon.callbacks, "open_for", silence)
    watch = Stopwatch()
    [row] = (await api.client.get("/api/transfers")).json()["transfers"]
    assert (row["id"], row["open_callback"]) == (id, None)
    assert watch.seconds < 2.0


async def test_the_journal_has_every_fact_in_order_with_what_it_made(switch: Switch, api: Api) -> None:
    switch.phone("1001", manner=Manner.ANSWER, delay=0.1)
    caller = await at_the_assistant(switch)
    id = (await api.transfer(caller.uuid, "1001"))["id"]
    caller.hangup()
    await api.ended(id)
    answer = (await api.client.get(f"/api/transfers/{id}/journal")).json()
    assert answer["id"] == id
    lines = answer["journal"]
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    facts = [line["fact"] for line in lines]
    expected = [
        "intent_recorded", "hold_started", "leg_created", "ringing", "answered", "bridged", "caller_ended",
    ]  # fmt: skip
    positions = [facts.index(fact) for fact in expected]
    assert positions == sorted(positions), facts
    assert lines[-1]["phase"] == "ended"


# -- cancel -----------------------------------------------------------------------------------------------


async def test_a_ringing_transfer_is_cancelled_and_the_caller_is_back_with_the_answer(
    switch: Switch, api: Api
) -> None:
    phone = switch.phone("1001", manner=Manner.RING)
    caller = await at_the_assistant(switch)
    id = (await api.ask(caller.uuid, "1001", wait=0)).json()["id"]
    await switch.until(lambda: phone.ringing)
    response = await api.client.delete(f"/api/transfers/{id}")
    assert response.status_code == 202
    answer = response.json()
    assert (answer["status"], answer["cause"], answer["ended_by"]) == ("cancelled", "MANAGER_REQUEST", "api")
    assert not answer["offer_callback"]
    assert caller.hears == "assistant"
    await switch.until(lambda: not phone.alive)


async def test_who_waits_for_the_result_hears_of_the_cancellation(switch: Switch, api: Api) -> None:
    phone = switch.phone("1001", manner=Manner.RING)
    caller = await at_the_assistant(switch)
    waiting = asyncio.create_task(api.ask(caller.uuid, "1001", wait=20))
    await switch.until(lambda: phone.ringing)
    (listed,) = (await api.client.get("/api/transfers")).json()["transfers"]
    await api.client.delete(f"/api/transfers/{listed['id']}")
    response = await waiting
    assert (response.status_code, response.json()["status"]) == (200, "cancelled")


async def test_a_talk_cannot_be_cancelled_nor_what_has_ended(switch: Switch, api: Api) -> None:
    switch.phone("1001", delay=0.05)
    caller = await at_the_assistant(switch)
    id = (await api.transfer(caller.uuid, "1001"))["id"]
    response = await api.client.delete(f"/api/transfers/{id}")
    assert (response.status_code, response.json()["error"]) == (409, "is_talking")
    assert caller.talks_to is not None
    caller.hangup()
    await api.ended(id)
    response = await api.client.delete(f"/api/transfers/{id}")
    assert (response.status_code, response.json()["error"]) == (409, "has_ended")


async def test_after_a_failure_the_same_call_can_be_transferred_again(switch: Switch, api: Api) -> None:
    switch.phone("1002", manner=Manner.BUSY, delay=0.01)
    switch.phone("1001", delay=0.05)
    caller = await at_the_assistant(switch)
    for _ in range(2):
        assert (await api.transfer(caller.uuid, "1002"))["status"] == "busy"
        await back_at_the_assistant(switch, caller)
    assert (await api.transfer(caller.uuid, "1001"))["status"] == "success"
