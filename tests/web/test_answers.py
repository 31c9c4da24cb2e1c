"""Answers are what /docs says they are, name by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.callers import at_the_assistant
from tests.conftest import DOMAIN, Api
from tests.house import add, body
from tests.web.openapi import document
from voiced.sim import Manner, Switch

NUMBER = "+5511999990000"
FREE = (
    "detail", "payload", "misses", "messages", "attempt_journals", "destination", "working_hours",
    "parameters",
)  # fmt: skip
"""Objects whose names depend on what they hold."""


def followed(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The schemas that it may be, references followed."""
    if "$ref" in schema:
        return followed(document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if choices := schema.get("anyOf"):
        return [one for choice in choices for one in followed(choice)]
    return [schema]


def differences(answer: Any, schema: dict[str, Any], at: str = "") -> Iterator[str]:
    """What is in one and not in the other."""
    if isinstance(answer, list):
        [items] = [one["items"] for one in followed(schema) if one.get("type") == "array"]
        for one in answer:
            yield from differences(one, items, f"{at}[]")
    elif isinstance(answer, dict) and at.rpartition(".")[2] not in FREE:
        [described] = [one for one in followed(schema) if one.get("type") == "object"]
        known = described["properties"]
        yield from (f"{at}.{name} is not described" for name in sorted(set(answer) - set(known)))
        yield from (
            f"{at}.{name} is missing" for name in sorted(set(described.get("required", ())) - set(answer))
        )
        for name in set(answer) & set(known):
            yield from differences(answer[name], known[name], f"{at}.{name}")


async def test_every_answer_has_the_names_that_the_docs_say(switch: Switch, api: Api) -> None:
    phone = switch.phone("1001", Manner.DECLINE, delay=0.01)
    seen: set[str] = set()

    async def ask(method: str, path: str, status: int = 200, json: Any = None, id: str = "") -> Any:
        response = await api.client.request(method, path.format(id=id, company_id=id), json=json)
        assert response.status_code == status, response.text
        operation = document()["paths"][path.partition("?")[0]][method.lower()]
        schema = operation["responses"][str(status)]["content"]["application/json"]["schema"]
        assert list(differences(response.json(), schema)) == [], path
        seen.add(f"{method} {path.partition('?')[0]}")
        return response.json()

    here = {"domain_uuid": str(DOMAIN)}
    await add(api, name="Ana")
    promised = await ask("POST", "/api/callbacks", 201, {**here, "number": NUMBER, "extension": "1001"})
    caller = await at_the_assistant(switch)
    wanted = {**here, "call_uuid": caller.uuid, "destination": "ana"}
    transfer = await ask("POST", "/api/transfers?wait=10", json=wanted)
    assert transfer["open_callback"]["id"] == promised["id"]
    await api.ended(transfer["id"])
    await ask("GET", "/api/transfers")
    await ask("GET", "/api/transfers/{id}", id=transfer["id"])
    await ask("GET", "/api/transfers/{id}/journal", id=transfer["id"])
    await ask("POST", "/api/transfers/{id}/callback", 201, {}, id=transfer["id"])
    phone.manner = Manner.RING
    begun = await ask("POST", "/api/transfers", 202, wanted)
    await switch.until(lambda: phone.ringing)
    await ask("DELETE", "/api/transfers/{id}", 202, id=begun["id"])
    await ask("GET", f"/api/handoff/function?domain_uuid={DOMAIN}")
    await ask("POST", "/api/handoff", json={**here, "call_uuid": caller.uuid, "destination": "ninguém"})
    caller.hangup()
    await switch.until(lambda: not switch.channels)

    line = switch.outside_number(NUMBER.removeprefix("+"), Manner.ANSWER, 0.01)
    phone.manner = Manner.ANSWER
    placed = await ask("POST", "/api/callbacks/{id}/accept", json={}, id=promised["id"])
    assert placed["success"], placed
    await switch.until(lambda: phone.talks_to is line)
    await ask("POST", "/api/callback/monitor", json={"call_uuid": placed["call_uuid"], "ticket_id": "K1"})
    active = await ask("GET", "/api/callback/active")
    assert active["total"] == 1
    await ask("GET", "/api/callbacks/{id}", id=promised["id"])
    phone.hangup()
    await switch.until(lambda: not switch.channels)
    await ask("GET", "/api/callbacks/stats")
    await ask("GET", "/api/callbacks")

    other = {**here, "number": "+5511999990001", "extension": "1002", "ticket_id": "K2"}
    promised = await ask("POST", "/api/callbacks", 201, other)
    for action, said in (
        ("agree", {}), ("notified", None), ("snooze", {"minutes": 5}), ("reassign", {"extension": "1003"}),
    ):  # fmt: skip
        await ask("POST", f"/api/callbacks/{{id}}/{action}", json=said, id=promised["id"])
    await ask("POST", "/api/voice/callback/snooze", json={"ticketId": "K2", "minutes": 5})
    await ask("GET", "/api/voice/callbacks?ticketId=K2")
    await ask("POST", "/api/voice/callback/cancel", json={"ticketId": "K2"})
    await ask("POST", "/api/callback/originate", json={**here, "client_number": NUMBER, "extension": "1009"})

    row = await ask("POST", "/api/destinations", 201, body(name="Bia", working_hours={"monday": []}))
    await ask("PUT", "/api/destinations/{id}", json=body(name="Bia"), id=row["id"])
    await ask("GET", "/api/destinations/{id}", id=row["id"])
    await ask("GET", "/api/destinations")
    await ask("GET", "/api/settings/{company_id}", id=str(DOMAIN))
    await ask("PUT", "/api/settings/{company_id}", json={"max_attempts": 4}, id=str(DOMAIN))
    assert (await ask("GET", "/api/outbox"))["total"] > 0
    await ask("GET", "/readyz")
    await ask("POST", "/api/callback/check-availability", json={**here, "extension": "1001"})
    assert len(seen) > 30
