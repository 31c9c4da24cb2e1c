"""`/api/callbacks` and its kin, where requests are odd: understood, or refused so that one can mend them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.callers import at_the_assistant
from tests.conftest import DOMAIN, Api, Start
from tests.gate import Gate
from voiced.sim import Manner, Switch

NUMBER = "+5511999990000"


async def promise(api: Api, **more: Any) -> dict[str, Any]:
    body = {"domain_uuid": str(DOMAIN), "number": NUMBER, "extension": "1001", **more}
    response = await api.client.post("/api/callbacks", json=body)
    assert response.status_code == 201, response.text
    row: dict[str, Any] = response.json()
    return row


def problem(response: httpx.Response) -> tuple[int, str, str]:
    """Its status, code and field."""
    answer = response.json()
    return response.status_code, answer["error"], answer.get("field", "")


@pytest.mark.parametrize("ticket", ["", "\0", "\0\0"], ids=ascii)
@pytest.mark.parametrize("action", ["initiate", "accept", "snooze", "cancel"])
async def test_what_is_no_ticket_is_not_the_ticket_of_callbacks_that_have_none_yet(
    api: Api, action: str, ticket: str
) -> None:
    row = await promise(api)
    assert row["ticket_id"] == ""
    body = {"ticketId": ticket, "minutes": 5} if action == "snooze" else {"ticketId": ticket}
    response = await api.client.post(f"/api/voice/callback/{action}", json=body)
    assert problem(response) == (422, "invalid", "ticket_id")
    now = (await api.client.get(f"/api/callbacks/{row['id']}")).json()
    assert (now["status"], now["next_at"], now["attempt_id"]) == ("pending", row["next_at"], None)


async def test_a_ticket_without_a_callback_says_what_a_call_needs(api: Api) -> None:
    response = await api.client.post("/api/voice/callback/initiate", json={"ticketId": "K1"})
    assert problem(response) == (404, "no_such_callback", "")
    assert "clientNumber, extension and domainUuid" in response.json()["message"]


async def test_a_number_may_be_written_as_a_number(switch: Switch, api: Api) -> None:
    switch.phone("1001", Manner.DECLINE, delay=0.01)
    caller = await at_the_assistant(switch, "anonymous")
    transfer = await api.transfer(caller.uuid, "1001")
    response = await api.client.post(
        f"/api/transfers/{transfer['id']}/callback", json={"number": 5511999990000}
    )
    assert (response.status_code, response.json()["number"]) == (201, NUMBER)
    body = {"ticketId": 7, "clientNumber": 5511999990001, "extension": "1009", "domainUuid": str(DOMAIN)}
    answer = (await api.client.post("/api/voice/callback/initiate", json=body)).json()
    assert answer["error"] == "USER_NOT_REGISTERED"


async def test_a_client_is_found_by_their_number_however_it_is_written(api: Api) -> None:
    row = await promise(api)
    await promise(api, number="+5511999990001")
    for query in ("number=%2B5511999990000", "number=+5511999990000", "number=(11)+99999-0000"):
        answer = (await api.client.get(f"/api/callbacks?{query}")).json()
        assert [one["id"] for one in answer["callbacks"]] == [row["id"]], query
    response = await api.client.get("/api/callbacks", params={"number": "0800-FLOWERS"})
    assert problem(response) == (422, "bad_number", "number")


async def test_a_number_at_home_is_of_the_tokens_domain(start: Start) -> None:
    domains = [
        {"uuid": str(DOMAIN), "name": "pbx.test", "token": "brazil"},
        {"uuid": "22222222-2222-4222-8222-222222222222", "name": "b.test", "token": "us", "region": "US"},
    ]
    async with start(http={"token": "all"}, domain=domains) as api:
        found = {}
        for token in ("brazil", "us", "all"):
            headers = {"Authorization": f"Bearer {token}"}
            params = {"number": "(11) 99999-0000"}
            response = await api.client.get("/api/callbacks", params=params, headers=headers)
            found[token] = response.status_code
        assert found == {"brazil": 200, "us": 422, "all": 200}


async def test_a_transfer_that_offers_no_callback_says_why(switch: Switch, api: Api) -> None:
    phone = switch.phone("1001", Manner.RING)
    caller = await at_the_assistant(switch)
    id = (await api.transfer(caller.uuid, "1001", wait=0))["id"]

    async def why() -> str:
        response = await api.client.post(f"/api/transfers/{id}/callback")
        assert problem(response) == (409, "no_callback_offered", "")
        return str(response.json()["message"])

    assert "not known yet" in await why()
    await switch.until(lambda: phone.ringing)
    phone.answer()
    await switch.until(lambda: phone.talks_to is caller)
    assert await why() == "the two are talking"
    phone.hangup()
    await api.ended(id)
    assert await why() == "This transfer offers no callback."


# -- CSV --------------------------------------------------------------------------------------------------


async def test_while_the_database_is_away_a_file_is_refused_and_not_cut_short(
    start: Start, gate: Gate
) -> None:
    async with start(database={"url": gate.url}) as api:
        await gate.shut()
        response = await api.client.get("/api/callbacks/export")
        assert problem(response) == (503, "database_is_away", "")


async def test_a_file_is_for_the_spreadsheets_of_the_domain_or_as_one_asks(start: Start) -> None:
    domain = {"uuid": str(DOMAIN), "name": "pbx.test", "locale": "en"}
    async with start(domain=[domain]) as api:

        async def head(**params: str) -> str:
            response = await api.client.get("/api/callbacks/export", params=params)
            return response.content.decode("utf-8-sig").partition("\r\n")[0]

        assert (await head()).startswith('"id","ticket_id",')
        assert (await head(locale="en")) == await head()
        assert (await head(locale="pt-BR")).startswith('"id";"ticket_id";')
        response = await api.client.get("/api/callbacks/export", params={"locale": "fr"})
        assert problem(response) == (422, "invalid", "locale")
