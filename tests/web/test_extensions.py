"""Extension status and availability over real HTTP; by the short cut and the usual way alike."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tests.conftest import DOMAIN, Api, Start
from tests.web.openapi import document
from voiced.pbx.extension import Extension
from voiced.sim import Manner, Switch

OTHER = "22222222-2222-4222-8222-222222222222"
PETER = Extension("1001", "pbx.test")
STATUS, CHECK = "/api/extension/status/{}", "/api/callback/check-availability"


async def asked(api: Api, way: str, extension: str, domain: str = str(DOMAIN), **more: Any) -> httpx.Response:
    """By the short cut, by the usual way (with something nobody looks at), or as the backend asks."""
    match way:
        case "short":
            return await api.client.get(STATUS.format(extension), params={"domain_uuid": domain}, **more)
        case "usual":
            return await api.client.get(
                STATUS.format(extension), params={"domain_uuid": domain, "and": "more"}, **more
            )
        case "check":
            body = {"extension": extension, "domain_uuid": domain}
            return await api.client.post(CHECK, json=body, **more)
    raise AssertionError(way)


async def until(api: Api, status: str, extension: str = "1001") -> dict[str, Any]:
    async with asyncio.timeout(5):
        while True:
            found: dict[str, Any] = (await asked(api, "short", extension)).json()
            if found.get("status") == status:
                return found
            await asyncio.sleep(0.01)


WAYS = pytest.mark.parametrize("way", ["short", "usual", "check"])


@WAYS
async def test_who_is_free_is_said_in_portuguese_and_english(switch: Switch, api: Api, way: str) -> None:
    switch.phone("1001")
    await until(api, "available")
    response = await asked(api, way, "1001")
    assert response.status_code == 200
    assert response.json() == {
        "extension": "1001", "domain_uuid": str(DOMAIN), "status": "available", "available": True,
        "reason": "O ramal 1001 está livre.",
        "messages": {"pt-BR": "O ramal 1001 está livre.", "en": "Extension 1001 is free."},
    }  # fmt: skip


@WAYS
async def test_every_state_is_told_and_only_one_is_available(switch: Switch, api: Api, way: str) -> None:
    async def told() -> tuple[str, bool, str]:
        found = (await asked(api, way, "1001")).json()
        return found["status"], found["available"], found["reason"]

    assert await told() == ("offline", False, "O ramal 1001 não está conectado.")
    phone = switch.phone("1001", Manner.RING)
    await until(api, "available")
    api.daemon.dnd._now({PETER})
    assert await told() == ("dnd", False, "O ramal 1001 está em não perturbe.")
    job = api.daemon.pbx.calls.start_job("originate user/1001@pbx.test &park()")
    await until(api, "ringing")
    assert await told() == ("ringing", False, "O ramal 1001 está tocando.")
    phone.answer()
    await until(api, "in_call")
    assert await told() == ("in_call", False, "O ramal 1001 está em outra ligação.")
    phone.hangup()
    await until(api, "dnd")
    job.forget()


async def test_check_availability_takes_camel_case_too(switch: Switch, api: Api) -> None:
    switch.phone("1001")
    await until(api, "available")
    response = await api.client.post(CHECK, json={"extension": "1001", "domainUuid": str(DOMAIN)})
    assert (response.status_code, response.json()["available"]) == (200, True)


@WAYS
async def test_while_the_pbx_is_lost_the_answer_is_503(switch: Switch, api: Api, way: str) -> None:
    switch.phone("1001")
    await until(api, "available")
    await switch.close_door()
    await switch.cut()
    async with asyncio.timeout(5):
        while api.daemon.pbx.is_connected:
            await asyncio.sleep(0.01)
    response = await asked(api, way, "1001")
    assert (response.status_code, response.json()["error"]) == (503, "pbx_is_away")
    await switch.open_door()
    await until(api, "available")


@WAYS
async def test_a_domain_that_is_not_configured_is_422(api: Api, way: str) -> None:
    response = await asked(api, way, "1001", OTHER)
    assert response.status_code == 422
    assert (response.json()["error"], response.json()["field"]) == ("no_such_domain", "domain_uuid")


@WAYS
@pytest.mark.parametrize("extension", ["10%201", "%2B1001", "x" * 33, "-1", "1%0A2", "1|2"])
async def test_what_is_no_extension_is_422_with_the_field(api: Api, way: str, extension: str) -> None:
    if way == "check":
        extension = extension.replace("%20", " ").replace("%2B", "+").replace("%0A", "\n")
    response = await asked(api, way, extension)
    assert response.status_code == 422
    assert (response.json()["error"], response.json()["field"]) == ("invalid", "extension")


@pytest.mark.parametrize(
    ("query", "field"),
    [("", "domain_uuid"), ("domain_uuid=", "domain_uuid"), ("domain_uuid=nobody", "domain_uuid")],
)
async def test_without_a_domain_it_is_422_with_the_field(api: Api, query: str, field: str) -> None:
    response = await api.client.get(f"{STATUS.format('1001')}?{query}")
    assert (response.status_code, response.json()["field"]) == (422, field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "extension"),
        ({"extension": "1001"}, "domain_uuid"),
        ({"extension": 1001, "domain_uuid": str(DOMAIN)}, "extension"),
        ({"extension": "1001", "domainUuid": "x"}, "domain_uuid"),
        ({"extension": "1001", "domain_uuid": str(DOMAIN), "more": 1}, "more"),
    ],
)
async def test_a_wrong_body_is_422_with_the_field(api: Api, body: dict[str, Any], field: str) -> None:
    response = await api.client.post(CHECK, json=body)
    assert (response.status_code, response.json()["field"]) == (422, field)


@WAYS
async def test_a_token_answers_for_its_own_domain_only(start: Start, way: str) -> None:
    domains = [
        {"uuid": str(DOMAIN), "name": "pbx.test", "token": "token-of-one"},
        {"uuid": OTHER, "name": "other.test", "token": "token-of-another"},
    ]
    async with start(http={"token": "token-of-all"}, domain=domains) as api:
        found = {
            token: (await asked(api, way, "1001", headers={"Authorization": token})).status_code
            for token in (
                "Bearer token-of-all", "Bearer token-of-one", "bearer token-of-one",
                "Bearer token-of-another", "Bearer token-of-nobody", "Bearer", "Basic token-of-one", "",
            )
        }  # fmt: skip
        assert list(found.values()) == [200, 200, 200, 403, 401, 401, 401, 401]
        assert (await asked(api, way, "1001")).status_code == 401


async def test_without_any_token_configured_whatever_is_sent_is_let_in(api: Api) -> None:
    for authorization in ("", "Bearer x", "Basic x"):
        for way in ("short", "usual"):
            response = await asked(api, way, "1001", headers={"Authorization": authorization})
            assert response.status_code == 200, authorization


async def test_both_ways_say_the_same_word_for_word(api: Api) -> None:
    for extension in ("1001", "maria.souza", "1%202", "a" * 40):
        for domain in (str(DOMAIN), OTHER):
            short, usual = (
                await asked(api, "short", extension, domain),
                await asked(api, "usual", extension, domain),
            )
            assert (short.status_code, short.content) == (usual.status_code, usual.content)
            assert short.headers["content-type"] == usual.headers["content-type"] == "application/json"


async def test_questions_are_counted_and_cost_the_pbx_nothing(switch: Switch, api: Api) -> None:
    switch.phone("1001")
    await until(api, "available")
    before, commands = await _count(api), len(switch.commands)
    for way in ("short", "usual", "check"):
        for _ in range(10):
            assert (await asked(api, way, "1001")).status_code == 200
    assert await _count(api) == before + 30
    asked_for = [command.line for command in switch.commands[commands:] if "show" not in command.line]
    assert asked_for == []


async def _count(api: Api) -> float:
    text = (await api.client.get("/metrics")).text
    [line] = [line for line in text.splitlines() if line.startswith("voice_extension_status_requests_total ")]
    return float(line.split()[1])


def test_the_api_describes_both() -> None:
    paths = document()["paths"]
    status = paths["/api/extension/status/{extension}"]["get"]
    assert [parameter["name"] for parameter in status["parameters"]] == ["extension", "domain_uuid"]
    for operation in (status, paths[CHECK]["post"]):
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/Availability"}
        assert operation["security"] == [{"HTTPBearer": []}]
