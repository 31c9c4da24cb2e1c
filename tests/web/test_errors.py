"""What is refused is said so that one can mend it; whatever is refused has a status."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import DOMAIN, Api
from voiced.callback import refusals as of_callbacks
from voiced.refusals import Refusal
from voiced.transfer import refusals as of_transfers
from voiced.web import errors, sizes

PROMISE = {"domain_uuid": str(DOMAIN), "number": "+5511999990000", "extension": "1001"}


def kinds(of: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    yield of
    for kind in of.__subclasses__():
        yield from kinds(kind)


def test_every_refusal_has_a_status_and_no_status_is_left_over() -> None:
    ours = {kind.code for kind in kinds() if kind.__module__.startswith("voiced.")}
    assert ours == set(errors.STATUS)
    assert {of_callbacks.NoSuchCompany, of_transfers.HasEnded} < set(kinds())


async def test_a_refusal_of_a_daemon_of_another_version_is_an_answer() -> None:
    app = FastAPI()
    errors.install(app)

    @app.get("/")
    async def refuse() -> None:
        raise Refusal("the moon is too full")

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        response = await client.get("/")
    assert response.status_code == 409
    assert response.json() == {"error": "refused", "message": "the moon is too full"}


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"", "application/json"),
        (b"null", "application/json"),
        (b"[]", "application/json"),
        (b'{"call_uuid": "c"}', "text/plain"),
        (b"call_uuid=c", "application/x-www-form-urlencoded"),
    ],
    ids=["nothing", "null", "a list", "text", "a form"],
)
async def test_who_sends_no_json_object_is_told_to(api: Api, content: bytes, content_type: str) -> None:
    headers = {"Content-Type": content_type}
    response = await api.client.post("/api/transfers", content=content, headers=headers)
    assert response.status_code == 422
    assert response.json() == {
        "error": "invalid",
        "message": "a JSON object is needed as the body, with the header Content-Type: application/json",
    }


async def test_json_that_cannot_be_read_is_told_with_the_reason(api: Api) -> None:
    headers = {"Content-Type": "application/json"}
    response = await api.client.post("/api/transfers", content=b'{"call_uuid": c}', headers=headers)
    assert response.json() == {"error": "invalid", "message": "the body is no JSON: Expecting value"}


async def test_a_path_and_a_method_that_are_not_there_lead_to_the_docs(api: Api) -> None:
    for method, path, status in (("GET", "/api/transfer", 404), ("DELETE", "/api/transfers", 405)):
        response = await api.client.request(method, path)
        assert response.status_code == status
        assert "/docs" in response.json()["message"]


async def test_a_field_that_is_not_there_or_there_twice_is_named(api: Api) -> None:
    for more, field in (({"colour": "red"}, "colour"), ({"domainUuid": str(DOMAIN)}, "domain_uuid")):
        response = await api.client.post("/api/callbacks", json={**PROMISE, **more})
        assert (response.status_code, response.json()["field"]) == (422, field)
        assert "/docs" in response.json()["message"]


@pytest.mark.parametrize("path", ["/api/callbacks", "/api/callbacks/export", "/api/callbacks/stats"])
async def test_a_moment_that_is_none_is_refused_with_an_example(api: Api, path: str) -> None:
    for name in ("from", "to"):
        for wrong in ("2026-01-31T08:00:00", "yesterday", "2026-01-31T08:00:00 03:00", "2026-02-30"):
            response = await api.client.get(path, params={name: wrong})
            assert (response.status_code, response.json()["field"]) == (422, name), wrong
            assert "2026-01-31T08:00:00-03:00" in response.json()["message"], wrong
        for no_utc in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
            response = await api.client.get(path, params={name: no_utc})
            assert (response.status_code, response.json()["field"]) == (422, name), no_utc


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/callbacks", '{"domain_uuid": "%s", "number": "+5511999990000", "transcript": [%s]}'),
        (
            "POST",
            "/api/destinations",
            '{"domain_uuid": "%s", "name": "A", "destination_number": "1001", '
            '"working_hours": {"holidays": {"country": "BR", "optional": %s}}}',
        ),
        ("PUT", f"/api/settings/{DOMAIN}", '{"x": "%s", "window": {"holidays": {"optional": %s}}}'),
    ],
)
async def test_a_number_that_no_json_has_is_refused_wherever_it_hides(
    api: Api, method: str, path: str, body: str, number: str
) -> None:
    content = body % (DOMAIN, number)
    headers = {"Content-Type": "application/json"}
    response = await api.client.request(method, path, content=content, headers=headers)
    assert response.status_code == 422
    assert response.json()["message"].startswith("NaN and numbers beyond all bounds are no JSON")


async def test_what_is_nested_too_deeply_is_refused_and_what_is_not_is_shown_again(api: Api) -> None:
    for depth, status in ((400, 422), (100, 422), (50, 201)):
        transcript: Any = "oi"
        for _ in range(depth):
            transcript = [transcript]
        response = await api.client.post("/api/callbacks", json={**PROMISE, "transcript": transcript})
        assert response.status_code == status, depth
        if status == 422:
            assert response.json() == {
                "error": "invalid", "message": "this is nested too deeply", "field": "transcript",
            }  # fmt: skip
    [row] = (await api.client.get("/api/callbacks")).json()["callbacks"]
    assert row["transcript"] == transcript
    assert (await api.client.get("/api/outbox")).status_code == 200


async def test_a_body_beyond_all_sense_is_refused_however_it_comes(api: Api) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        sent = 0
        while sent <= 2 * sizes.LARGEST_BODY:
            yield b" " * 65536
            sent += 65536

    whole = b"[" + b" " * sizes.LARGEST_BODY + b"]"
    for content in (whole, pieces()):
        response = await api.client.post("/api/transfers", content=content)
        assert (response.status_code, response.json()["error"]) == (413, "too_large")


async def test_a_body_in_pieces_is_a_body(api: Api) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b'{"call_uuid":', b'"x", "nonsense"', b": 1}"):
            yield piece

    headers = {"Content-Type": "application/json"}
    response = await api.client.post("/api/transfers", content=pieces(), headers=headers)
    assert (response.status_code, response.json()["error"]) == (422, "invalid")
    assert response.json()["field"] != ""
