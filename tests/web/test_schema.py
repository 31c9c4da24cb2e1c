"""Every operation of the API's own description, tried by schemathesis over real HTTP: never a 5xx.

`--examples 500` tries more. Each example is sent as it was made up, and again with the ids of a domain, a
call and rows that exist, so that it gets further than a 404.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.conftest import DOMAIN
from tests.web.openapi import STREAMS, document, snake
from tests.web.served import Served, served
from voiced.sim import Caller, Manner

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
]  # fmt: skip
schema = schemathesis.openapi.from_dict(document()).exclude(path=list(STREAMS))


class Known:
    """Ids that exist: of a caller who waits, of the domain, and of what the API has made so far."""

    def __init__(self, at: Served) -> None:
        self._at, self._made = at, dict[str, str]()
        self._caller: Caller | None = None

    def put(self, case: schemathesis.Case) -> None:
        """Change the ids of an example into some that exist."""
        if self._caller is None or not self._caller.alive:
            self._caller = self._at.caller()
        known = {"call_uuid": self._caller.uuid, "domain_uuid": str(DOMAIN)}
        for values in (case.body, case.query):
            if isinstance(values, dict):
                values.update({name: known[snake(name)] for name in values if snake(str(name)) in known})
        collection = case.operation.path.partition("/{")[0]
        if collection in self._made and "id" in case.path_parameters:
            case.path_parameters["id"] = self._made[collection]

    def learn(self, case: schemathesis.Case, response: Any) -> None:
        """Remember what was made."""
        if case.method == "POST" and response.status_code < 300:
            answer = response.json()
            if isinstance(answer, dict) and "id" in answer:
                self._made.setdefault(case.operation.path, str(answer["id"]))


@pytest.fixture(scope="module")
def at(postgres: str) -> Iterator[Served]:
    with served(postgres) as at:
        at.phone("0", Manner.BUSY)  # what is really dialled ends at once
        yield at


@pytest.fixture(scope="module")
def known(at: Served) -> Known:
    return Known(at)


@pytest.fixture(scope="module")
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


@schema.parametrize()
@settings(settings.get_profile("api"))
def test_whatever_is_asked_the_answer_is_as_described_and_no_5xx(
    case: schemathesis.Case, at: Served, known: Known, http: requests.Session
) -> None:
    if "wait" in case.query:
        case.query["wait"] = "1"
    for make_real in (False, True):
        if make_real:
            known.put(case)
        response = case.call(base_url=at.url, session=http, timeout=20)
        case.validate_response(response, checks=CHECKS)
        assert response.status_code < 500, "PBX and database are there: no 503 either"
        known.learn(case, response)
    until = time.monotonic() + 10  # a busy machine's database may be slow to say so
    while (ready := http.get(f"{at.url}/readyz")).status_code != 200 and time.monotonic() < until:
        time.sleep(0.05)
    assert ready.status_code == 200, ready.text
