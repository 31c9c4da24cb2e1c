"""Names in snake_case or camelCase, in bodies and in queries; /docs shows those of the contract."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import DOMAIN, Api
from tests.house import add
from tests.web.openapi import document
from voiced.web.spelling import camel, snake

PROMISE = {"domain_uuid": str(DOMAIN), "number": "+5511999990000", "extension": "1001"}


@pytest.mark.parametrize(
    ("name", "in_camel_case"),
    [
        ("call_uuid", "callUuid"), ("reason", "reason"), ("ring_timeout_seconds", "ringTimeoutSeconds"),
        ("notify_via_whatsapp", "notifyViaWhatsApp"), ("whatsapp_template_id", "whatsappTemplateId"),
    ],
)  # fmt: skip
def test_a_name_has_one_spelling_in_each_case(name: str, in_camel_case: str) -> None:
    assert (camel(name), snake(in_camel_case), snake(name)) == (in_camel_case, name, name)


@pytest.mark.parametrize("name", ["notify_via_whatsapp", "notifyViaWhatsApp", "notifyViaWhatsapp"])
async def test_whatsapp_may_be_spelled_as_one_likes(api: Api, name: str) -> None:
    made = await api.client.post("/api/callbacks", json={**PROMISE, name: True})
    assert (made.status_code, made.json()["notify_via_whatsapp"]) == (201, True)
    wrong = await api.client.post("/api/callbacks", json={**PROMISE, name: "perhaps"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "notify_via_whatsapp")


async def test_a_query_may_be_camel_case(api: Api) -> None:
    for ticket, number in (("K1", "+5511999990001"), ("K2", "+5511999990002")):
        await api.client.post("/api/callbacks", json={**PROMISE, "number": number, "ticket_id": ticket})
    await add(api, name="Maria")

    async def asked(path: str, **query: Any) -> Any:
        response = await api.client.get(path, params=query)
        assert response.status_code == 200, response.text
        return response.json()

    for name in ("ticket_id", "ticketId"):
        for path in ("/api/callbacks", "/api/voice/callbacks"):
            found = await asked(path, **{name: "K1"})
            assert [row["ticket_id"] for row in found["callbacks"]] == ["K1"], (name, path)
    for name in ("domain_uuid", "domainUuid"):
        assert (await asked("/api/extension/status/1001", **{name: str(DOMAIN)}))["status"] == "offline"
        found = await asked("/api/destinations/match", **{name: str(DOMAIN)}, text="a=B&c=D")
        assert found["match"] == "nobody"
    assert (await asked("/api/transfers", callUuid="nobody"))["total"] == 0


async def test_a_value_with_capitals_is_no_name(api: Api) -> None:
    await add(api, name="ticketId=K1")
    params = {"domainUuid": str(DOMAIN), "text": "ticketId=K1"}
    found = (await api.client.get("/api/destinations/match", params=params)).json()
    assert found["destinations"][0]["name"] == "ticketId=K1"


def test_the_docs_show_snake_case_and_camel_case_where_the_backend_has_always_sent_it() -> None:
    shown: dict[str, set[str]] = {}
    for path, methods in document()["paths"].items():
        for operation in methods.values():
            names = {one["name"] for one in operation.get("parameters", ())}
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            if reference := content.get("schema", {}).get("$ref"):
                schema = document()["components"]["schemas"][reference.rpartition("/")[2]]
                names |= set(schema["properties"])
            shown.setdefault(path, set()).update(names)
    assert shown["/api/transfers"] >= {"call_uuid", "domain_uuid", "destination_uuid", "secretary_uuid"}
    assert shown["/api/callback/originate"] == {
        "extension", "client_number", "callback_id", "ticket_id", "domain_uuid", "reason", "contact_name",
    }  # fmt: skip
    assert shown["/api/callback/monitor"] == {"call_uuid", "ticket_id"}
    assert shown["/api/voice/callback/snooze"] == {"ticketId", "minutes"}
    assert shown["/api/voice/callback/initiate"] == {
        "ticketId", "clientNumber", "extension", "domainUuid", "reason",
    }  # fmt: skip
    assert "ticketId" in shown["/api/voice/callbacks"]
    assert shown["/api/settings/{company_id}"] >= {"max_attempts", "min_interval_minutes", "first"}
    for path, names in shown.items():
        in_snake_case = {name for name in names if name == snake(name)}
        assert path.startswith("/api/voice/") or in_snake_case == names, path


def test_no_name_in_the_docs_is_one_of_our_modules() -> None:
    assert not [name for name in document()["components"]["schemas"] if "__" in name]
