"""A token belongs to one domain, or to all: with another domain's nothing is seen and nothing is changed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from tests.callers import at_the_assistant
from tests.conftest import DOMAIN, Api, Start
from tests.web.openapi import Operation, operations
from voiced.sim import Manner, Switch

OTHER = "22222222-2222-4222-8222-222222222222"
SECRET = "sigilo-de-justiça"  # stands in everything of the first domain that can be written
TOKENS = {"all": "token-of-all", "own": "token-of-the-domain", "other": "token-of-the-other"}
STANDS_STILL_NOT = ("leases",)  # tables that change by themselves


@dataclass
class Theirs:
    """What the first domain has: ids by their names, and what must not be seen by others."""

    api: Api
    switch: Switch
    values: dict[str, Any]
    made: dict[str, str]
    unseen: list[str]

    async def ask(self, token: str, operation: Operation, *, camel: bool = False) -> Any:
        """A good request of an operation, about the first domain's things."""
        request = operation.request({**self.values, "id": self.id_for(operation)})
        path = operation.path
        for name, value in request.path.items():
            path = path.replace(f"{{{name}}}", str(value))
        body = {_camel(k): v for k, v in request.body.items()} if camel and request.body else request.body
        headers = {"Authorization": f"Bearer {TOKENS[token]}"} if token else {}
        return await self.api.client.request(
            operation.method, path, params=request.query, json=body, headers=headers
        )

    def id_for(self, operation: Operation) -> Any:
        return self.made.get(operation.path.partition("/{")[0], 1)

    async def state(self) -> dict[str, list[str]]:
        """Every row of the database."""
        pool: asyncpg.Pool = self.api.daemon.pool
        await self.api.daemon.scribe.drained()
        names = await pool.fetch("select tablename from pg_tables where schemaname = 'public' order by 1")
        return {
            name: [str(row) for row in await pool.fetch(f'select * from "{name}" as row order by row::text')]
            for (name,) in names
            if name not in STANDS_STILL_NOT
        }


@pytest.fixture
async def theirs(start: Start, switch: Switch) -> AsyncIterator[Theirs]:
    """A transfer of the first domain that rings, and one that has ended, with everything said of them."""
    switch.phone("1001", Manner.RING)
    switch.phone("1002", Manner.BUSY, delay=0.01)
    domains = [
        {"uuid": str(DOMAIN), "name": "pbx.test", "token": TOKENS["own"]},
        {"uuid": OTHER, "name": "other.test", "token": TOKENS["other"]},
    ]
    async with start(http={"token": TOKENS["all"]}, domain=domains) as api:
        api.client.headers["Authorization"] = f"Bearer {TOKENS['own']}"
        ended, rings = (
            await at_the_assistant(switch, "551198765", domain_uuid=str(DOMAIN)),
            await at_the_assistant(switch, "551198766", domain_uuid=str(DOMAIN)),
        )
        said = {"reason": SECRET, "summary": SECRET}
        done = await api.transfer(ended.uuid, "1002", **said)
        await api.ended(done["id"])
        begun = (await api.ask(rings.uuid, "1001", wait=0, **said)).json()
        await switch.until(lambda: bool(switch.phones[0].ringing))
        del api.client.headers["Authorization"]
        made = {"/api/transfers": begun["id"]}
        values = {"call_uuid": rings.uuid, "destination": "1002"}
        unseen = [SECRET, str(DOMAIN), ended.uuid, rings.uuid, done["id"], begun["id"], "5511987"]
        yield Theirs(api, switch, values, made, unseen)


async def test_an_operation_without_a_token_is_401_unless_it_is_for_probes(theirs: Theirs) -> None:
    open_ones = {"GET /healthz", "GET /readyz", "GET /metrics"}
    assert {str(operation) for operation in operations() if operation.is_open} == open_ones
    before = await theirs.state()
    for operation in operations():
        for token in ("", "nobody's"):
            TOKENS.setdefault(token, token)
            response = await theirs.ask(token, operation)
            assert response.status_code == (200 if operation.is_open else 401), operation
            assert not [text for text in theirs.unseen if text in response.text], operation
    assert await theirs.state() == before


@pytest.mark.parametrize("operation", [o for o in operations() if not o.is_open], ids=str)
@pytest.mark.parametrize("camel", [False, True], ids=["snake_case", "camelCase"])
async def test_another_domains_token_sees_nothing_and_changes_nothing(
    theirs: Theirs, operation: Operation, camel: bool
) -> None:
    before, commands = await theirs.state(), len(theirs.switch.commands)
    response = await theirs.ask("other", operation, camel=camel)
    about_theirs = "{" in operation.path or "domain_uuid" in json.dumps(operation.node)
    if about_theirs or operation.method != "get":
        assert response.status_code in (403, 404, 422), response.text
        assert "error" in response.json()
    shown = response.text.replace(str(DOMAIN), "") if response.status_code >= 400 else response.text
    assert not [text for text in theirs.unseen if text in shown]
    assert await theirs.state() == before
    calls = [theirs.values["call_uuid"]]
    lines = [command.line for command in theirs.switch.commands[commands:]]
    touched = [line for line in lines if any(call in line for call in calls)]
    assert not [line for line in touched if not line.startswith("api uuid_dump ")], "looking is no touching"


SAID = {
    "by its uuid": {"domain_uuid": str(DOMAIN), "domain_name": "other.test"},
    "by its name": {"domain_name": "PBX.test"},
    "of a domain that is not configured": {"domain_uuid": str(uuid4())},
    "by a name that is not configured": {"domain_name": "10.0.0.5"},
    "of none": {},
}


@pytest.mark.parametrize("variables", SAID.values(), ids=SAID)
async def test_a_call_of_another_domain_is_as_good_as_none(theirs: Theirs, variables: dict[str, str]) -> None:
    theirs.switch.phone("1003", delay=0.01)
    caller = await at_the_assistant(theirs.switch, **variables)
    headers = {"Authorization": f"Bearer {TOKENS['other']}"}
    body = {"domain_uuid": OTHER, "destination": "1003", "call_uuid": "11aa"}
    for path in ("/api/transfers", "/api/handoff"):
        unknown = await theirs.api.client.post(path, json=body, headers=headers)
        for call in (caller.uuid, theirs.values["call_uuid"]):  # one that is free, one in a transfer
            answer = await theirs.api.client.post(path, json={**body, "call_uuid": call}, headers=headers)
            assert (answer.status_code, answer.json()) == (unknown.status_code, unknown.json()), path
            assert "no_such_call" in answer.text
    assert (caller.hears, theirs.switch.phones[-1].calls) == ("assistant", 0)


@pytest.mark.parametrize("variables", [{"domain_uuid": OTHER}, {"domain_name": "other.test"}], ids=str)
async def test_a_call_of_its_own_is_transferred_and_seen_by_nobody_else(
    theirs: Theirs, variables: dict[str, str]
) -> None:
    caller = await at_the_assistant(theirs.switch, **variables)
    body = {"domain_uuid": OTHER, "destination": "1003", "call_uuid": caller.uuid}
    client, headers = theirs.api.client, {"Authorization": f"Bearer {TOKENS['other']}"}
    answer = await client.post("/api/transfers", json=body, headers=headers, params={"wait": 5})
    assert (answer.status_code, answer.json()["status"]) == (200, "offline")
    seen = await client.get("/api/transfers", headers={"Authorization": f"Bearer {TOKENS['own']}"})
    assert caller.uuid not in seen.text


async def test_the_token_of_all_cannot_take_a_call_into_another_domain_by_mistake(theirs: Theirs) -> None:
    caller = await at_the_assistant(theirs.switch, domain_uuid=OTHER)
    body = {"domain_uuid": str(DOMAIN), "destination": "1002", "call_uuid": caller.uuid}
    headers = {"Authorization": f"Bearer {TOKENS['all']}"}
    answer = await theirs.api.client.post("/api/transfers", json=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (404, "no_such_call")


@pytest.mark.parametrize("token", ["own", "all"])
async def test_its_own_token_and_the_one_of_all_see_and_change_it(theirs: Theirs, token: str) -> None:
    headers = {"Authorization": f"Bearer {TOKENS[token]}"}
    client, id = theirs.api.client, theirs.made["/api/transfers"]
    assert SECRET in (await client.get("/api/transfers", headers=headers)).text
    assert (await client.get(f"/api/transfers/{id}", headers=headers)).json()["status"] == "ringing"
    assert (await client.delete(f"/api/transfers/{id}", headers=headers)).json()["status"] == "cancelled"


async def test_a_token_is_taken_from_the_authorization_header_only_and_compared_as_a_whole(
    theirs: Theirs,
) -> None:
    token = TOKENS["own"]
    for headers in (
        {"Authorization": token},
        {"Authorization": f"Basic {token}"},
        {"Authorization": f"Bearer {token[:-1]}"},
        {"Authorization": f"Bearer {token}x"},
        {"Authorization": "Bearer"},
        {"Cookie": f"token={token}"},
    ):
        response = await theirs.api.client.get("/api/transfers", headers=headers, params={"token": token})
        assert response.status_code == 401, headers
        assert response.headers["www-authenticate"] == "Bearer"
    ok = await theirs.api.client.get("/api/transfers", headers={"Authorization": f"bearer {token}"})
    assert ok.status_code == 200, "the scheme's name has no case"


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
