"""`/api/callbacks` over real HTTP: made, listed, changed, exported; and by whom."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from tests.backend import Backend
from tests.callback.conftest import CLIENT, COMPANY, Clock, House, opened
from tests.conftest import DOMAIN, Start
from tests.house import add
from voiced.callback.policies import Policies
from voiced.callback.policy import Policy
from voiced.notices import Notices
from voiced.sim import Manner, Phone, Switch

ELSEWHERE = UUID("99999999-9999-4999-8999-999999999999")
OTHER = "+5521988887777"


def problem(response: httpx.Response) -> tuple[int, str, str]:
    """Its status, code and field."""
    body = response.json()
    return response.status_code, body["error"], body.get("field", "")


# -- making -----------------------------------------------------------------------------------------------


async def test_a_second_request_of_a_client_updates_the_first(house: House) -> None:
    first = await house.promise("(11) 99999-0000", reason="boleto", contact_name="Maria")
    at = house.clock() + timedelta(hours=3)
    second = await house.promise(
        CLIENT, extension="", department="Suporte", reason="entrega", scheduled_at=at.isoformat()
    )
    assert (first["is_new"], second["is_new"], second["id"]) == (True, False, first["id"])
    assert (second["reason"], second["contact_name"]) == ("entrega", "Maria")
    assert (second["extension"], second["department"]) == ("", "Suporte")
    await house.until_told("ticket", "updated")
    assert house.told().count("ticket") == 1


async def test_two_requests_at_once_make_one_callback(house: House) -> None:
    rows = await asyncio.gather(*(house.promise(reason=str(n)) for n in range(8)))
    assert len({row["id"] for row in rows}) == 1
    assert sum(row["is_new"] for row in rows) == 1
    assert (await house.client.get("/api/callbacks")).json()["total"] == 1


async def test_what_is_not_to_be_called_is_refused_with_a_reason(house: House) -> None:
    await house.settings(blocked_numbers=["+55119999"], allowed_prefixes=["+55"], max_per_number_per_day=2)
    body: dict[str, Any] = {"domain_uuid": str(DOMAIN), "extension": "1001"}

    async def ask(**more: Any) -> tuple[int, str, str]:
        return problem(await house.client.post("/api/callbacks", json={**body, **more}))

    assert await ask(number=CLIENT) == (422, "number_blocked", "number")
    assert await ask(number="+12125550123") == (422, "prefix_not_allowed", "number")
    assert await ask(number="1001") == (422, "bad_number", "number")
    assert await ask(number=OTHER, domain_uuid=str(uuid4())) == (422, "no_such_domain", "domain_uuid")
    assert await ask(number=OTHER, extension="1001 ; api") == (422, "invalid", "extension")
    assert await ask(number=OTHER, scheduledAt="2026-01-01T10:00:00") == (422, "invalid", "scheduled_at")
    for past in (house.clock() - timedelta(hours=1), house.clock() + timedelta(days=400)):
        assert await ask(number=OTHER, scheduled_at=past.isoformat()) == (422, "bad_time", "scheduled_at")
    for _ in range(2):
        row = await house.promise(OTHER)
        await house.post(f"/api/callbacks/{row['id']}/cancel")
    assert await ask(number=OTHER) == (429, "too_many_for_number", "number")
    house.after(hours=25)
    assert (await house.promise(OTHER))["is_new"]
    await house.settings(enabled=False)
    assert await ask(number=OTHER) == (403, "callbacks_disabled", "")
    originate = {"domain_uuid": str(DOMAIN), "extension": "1001", "client_number": CLIENT}
    response = await house.client.post("/api/callback/originate", json=originate)
    assert problem(response) == (422, "number_blocked", "number")


# -- looking ----------------------------------------------------------------------------------------------


async def test_lists_have_filters_and_pages_newest_first(house: House) -> None:
    await add(house.api, name="Bruno", destination_number="1009", department="Suporte")
    numbers = [f"+55219888877{n:02}" for n in range(5)]
    for n, number in enumerate(numbers):
        more = {"extension": "", "department": "Suporte"} if n == 4 else {"intended_for": f"Ana {n}"}
        await house.promise(number, ticket_id=f"K{n}", **more)
        house.clock.ahead += timedelta(hours=1)
    cut = (house.clock() - timedelta(hours=2, minutes=30)).isoformat()

    async def listed(**params: Any) -> list[str]:
        answer = (await house.client.get("/api/callbacks", params=params)).json()
        assert answer["total"] >= len(answer["callbacks"])
        return [row["ticket_id"] for row in answer["callbacks"]]

    assert await listed() == ["K4", "K3", "K2", "K1", "K0"]
    assert await listed(limit=2, page=2) == ["K2", "K1"]
    assert (await house.client.get("/api/callbacks?limit=2&page=9")).json()["total"] == 5
    assert await listed(extension="1001") == ["K3", "K2", "K1", "K0"]
    assert await listed(extension="Ana 2") == ["K2"]
    assert await listed(department="Suporte") == ["K4"]
    assert await listed(ticket_id="K1") == ["K1"]
    assert await listed(number=numbers[3]) == ["K3"]
    assert await listed(**{"from": cut}) == ["K4", "K3"]
    assert await listed(to=cut) == ["K2", "K1", "K0"]
    row = (await house.client.get("/api/callbacks?ticket_id=K1")).json()["callbacks"][0]
    await house.post(f"/api/callbacks/{row['id']}/cancel")
    assert await listed(status="canceled") == ["K1"]
    assert await listed(status="pending") == ["K4", "K3", "K2", "K0"]
    of_ticket = (await house.client.get("/api/voice/callbacks", params={"ticketId": "K3"})).json()
    assert [row["number"] for row in of_ticket["callbacks"]] == [numbers[3]]
    for wrong in ({"status": "gone"}, {"page": 0}, {"limit": 1000}, {"from": "yesterday"}):
        assert (await house.client.get("/api/callbacks", params=wrong)).status_code == 422


async def test_one_is_shown_with_its_journal_and_those_of_its_calls(house: House, agent: Phone) -> None:
    house.line(Manner.BUSY)
    row = await house.promise()
    await house.until_told("notify")
    answer = await house.accept(row)
    row = await house.until(row["id"], lambda row: row["misses"])
    facts = [line["fact"] for line in row["journal"]]
    assert facts == ["made", "agent_free", "attempt_began", "attempt_ended"]
    assert [line["seq"] for line in row["journal"]] == [1, 2, 3, 4]
    assert row["journal"][-1]["detail"]["outcome"]["cause"] == "USER_BUSY"
    assert (row["attempts"], row["max_attempts"], row["min_interval_minutes"]) == (1, 3, 10)
    calls = row["attempt_journals"]
    assert list(calls) == [answer["call_uuid"]]
    assert {"answered", "job_failed"} <= {line["fact"] for line in calls[answer["call_uuid"]]}
    response = await house.client.get(f"/api/callbacks/{uuid4()}")
    assert problem(response) == (404, "no_such_callback", "")


# -- changing ---------------------------------------------------------------------------------------------


async def test_the_same_by_ticket(house: House, agent: Phone) -> None:
    row = await house.promise(ticket_id="K1")
    changed = await house.post("/api/voice/callback/snooze", {"ticketId": "K1", "minutes": 30})
    assert (changed["id"], changed["status"]) == (row["id"], "pending")
    line = house.line()
    assert (await house.post("/api/voice/callback/initiate", {"ticketId": "K1"}))["success"]
    await house.until_talking(agent, line)
    refused = await house.client.post("/api/voice/callback/cancel", json={"ticketId": "K1"})
    assert problem(refused)[:2] == (409, "callback_is_calling")
    line.hangup()
    await house.until_status(row["id"], "completed")
    closed = await house.client.post("/api/voice/callback/cancel", json={"ticketId": "K1"})
    assert problem(closed)[:2] == (409, "callback_is_closed")
    for path, more in (("accept", {}), ("cancel", {}), ("snooze", {"minutes": 5}), ("initiate", {})):
        response = await house.client.post(f"/api/voice/callback/{path}", json={"ticketId": "K2", **more})
        assert problem(response)[:2] == (404, "no_such_callback")
    await house.until_free()
    again = house.line(number=OTHER)
    body = {"ticketId": "K9", "clientNumber": OTHER, "extension": "1001", "domainUuid": str(DOMAIN)}
    assert (await house.post("/api/voice/callback/initiate", body))["success"]
    await house.until_talking(agent, again)


async def test_what_is_closed_stays_closed(house: House) -> None:
    row = await house.promise()
    path = f"/api/callbacks/{row['id']}"
    await house.post(f"{path}/cancel")
    bodies = {"snooze": {"minutes": 5}, "reassign": {"extension": "1002"}}
    for action in ("accept", "agree", "notified", "snooze", "cancel", "reassign"):
        response = await house.client.post(f"{path}/{action}", json=bodies.get(action, {}))
        assert problem(response)[:2] == (409, "callback_is_closed"), action
    assert (await house.look(row["id"]))["status"] == "canceled"


async def test_reassigned_it_is_the_other_ones(house: House) -> None:
    row = await house.promise()
    path = f"/api/callbacks/{row['id']}/reassign"
    assert problem(await house.client.post(path, json={})) == (422, "nobody_to_call", "extension")
    assert problem(await house.client.post(path, json={"extension": "a b"})) == (422, "invalid", "extension")
    house.switch.phone("1002", Manner.ANSWER, 0.05)
    await house.until_free("1002")
    row = await house.post(path, {"extension": "1002", "intendedFor": "Bruno"})
    assert (row["extension"], row["intended_for"]) == ("1002", "Bruno")
    await house.until_told("reassigned", "notify")
    assert house.backend.accepted[-1].payload["extension"] == "1002"


async def test_nobody_to_call_is_said(house: House) -> None:
    for department in ("", " "):
        body = {"domain_uuid": str(DOMAIN), "number": CLIENT, "department": department}
        response = await house.client.post("/api/callbacks", json=body)
        assert problem(response) == (422, "nobody_to_call", "extension")
    originate = {"domain_uuid": str(DOMAIN), "client_number": CLIENT}
    response = await house.client.post("/api/callback/originate", json=originate)
    assert problem(response) == (422, "nobody_to_call", "extension")
    row = await house.promise(extension="", department="Financeiro")
    response = await house.client.post(f"/api/callbacks/{row['id']}/accept")
    assert problem(response) == (422, "nobody_to_call", "extension")
    for minutes in (0, -5, 10**9, "soon"):
        path = f"/api/callbacks/{row['id']}/snooze"
        response = await house.client.post(path, json={"minutes": minutes})
        assert problem(response) == (422, "invalid", "minutes")


# -- CSV and figures --------------------------------------------------------------------------------------


def read_csv(content: bytes) -> list[dict[str, str]]:
    """As a spreadsheet in pt-BR opens it."""
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";"))


async def test_the_csv_opens_in_a_spreadsheet(house: House) -> None:
    names = ['=HYPERLINK("http://evil")', "+1+1", "-2", "@SUM(A1)", "\tx", "José, \"o 'bom'\"\nSilva", "＝1"]
    for n, name in enumerate(names):
        await house.promise(f"+55219888877{n:02}", contact_name=name, reason=name, department="Suporte")
    response = await house.client.get("/api/callbacks/export")
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert "callbacks.csv" in response.headers["content-disposition"]
    assert response.content.startswith(b"\xef\xbb\xbf")
    rows = read_csv(response.content)
    assert [row["contact_name"].removeprefix("'") for row in rows] == names[::-1]
    for row in rows:
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "＝")) for cell in row.values())
        assert row["number"].startswith("'+55")
    for params, count in (
        ({"status": "canceled"}, 0), ({"extension": "1001"}, 7), ({"department": "Suporte"}, 7),
        ({"department": "Vendas"}, 0), ({"to": "2020-01-01T00:00:00Z"}, 0),
    ):  # fmt: skip
        response = await house.client.get("/api/callbacks/export", params=params)
        assert len(read_csv(response.content)) == count, params


async def test_the_csv_is_parted_as_the_language_of_the_spreadsheet_does(house: House) -> None:
    for params, head in (({}, b'"id";"ticket_id"'), ({"locale": "en"}, b'"id","ticket_id"')):
        response = await house.client.get("/api/callbacks/export", params=params)
        assert response.content.removeprefix(b"\xef\xbb\xbf").startswith(head)


async def test_the_csv_is_complete_and_holds_no_connection(
    house: House, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voiced.callback.report._BATCH", 3)
    for n in range(7):
        await house.promise(f"+55219888877{n:02}")
    await pool.execute("update callbacks set created_at = now() where number <> $1", "+5521988887700")
    async with house.client.stream("GET", "/api/callbacks/export") as response:
        numbers = [row["number"] for row in read_csv(await response.aread())]
    assert len(numbers) == len(set(numbers)) == 7


async def test_the_figures(house: House, pool: asyncpg.Pool) -> None:
    begin = house.clock()
    for n in range(6):
        await house.promise(
            f"+55219888877{n:02}", extension="1001" if n < 4 else "1002",
            department="Suporte" if n else "", intended_for=["", "Ana", "ana"][n % 3],
        )  # fmt: skip
    set_to = """update callbacks set status = $2, closed_at = $3, last_attempt_at = created_at + $4
        where number = $1"""
    minutes = timedelta(minutes=1)
    for number, status, wait in (("00", "completed", 2), ("01", "completed", 4), ("02", "failed", 9)):
        await pool.execute(set_to, f"+55219888877{number}", status, begin, wait * minutes)
    await pool.execute(set_to, "+5521988887703", "canceled", begin, None)
    await pool.execute(set_to, "+5521988887704", "needs_review", None, None)
    stats = (await house.client.get("/api/callbacks/stats")).json()
    everything = {name: value for name, value in stats.items() if not name.startswith("by_")}
    assert everything == {
        "total": 6, "pending": 1, "in_progress": 0, "completed": 2, "expired": 0, "canceled": 1, "failed": 1,
        "needs_review": 1, "average_wait_seconds": 180, "completion_rate": 0.5,
        "promises_kept": pytest.approx(2 / 3),
    }  # fmt: skip
    agents = {row["name"]: (row["total"], row["completed"], row["pending"]) for row in stats["by_agent"]}
    assert agents == {"1001": (4, 2, 0), "1002": (2, 0, 1)}
    departments = {row["name"]: (row["total"], row["completed"]) for row in stats["by_department"]}
    assert departments == {"Suporte": (5, 1)}
    destinations = {row["name"].lower(): row["total"] for row in stats["by_destination"]}
    assert destinations == {"ana": 4, "suporte": 1}
    later = (house.clock() + timedelta(hours=1)).isoformat()
    none = (await house.client.get("/api/callbacks/stats", params={"from": later})).json()
    assert set(none) == set(stats)
    assert {name: value for name, value in none.items() if value} == {}
    assert [none[name] for name in ("total", "pending", "completion_rate")] == [0, 0, None]


async def test_a_call_before_its_promised_time_has_waited_for_nothing(
    house: House, pool: asyncpg.Pool
) -> None:
    at = house.clock() + timedelta(hours=3)
    await house.promise(scheduled_at=at.isoformat())
    await house.promise(OTHER)
    await pool.execute(
        """
        update callbacks
        set status = 'completed', closed_at = now(), last_attempt_at = created_at + interval '1 minute'
        """
    )
    stats = (await house.client.get("/api/callbacks/stats")).json()
    assert (stats["average_wait_seconds"], stats["promises_kept"]) == (30, 1)


# -- settings ---------------------------------------------------------------------------------------------


async def test_a_company_changes_some_of_its_settings(house: House) -> None:
    path = f"/api/settings/{COMPANY}"
    before = (await house.client.get(path)).json()
    assert (before["max_attempts"], before["owner"], before["expiration_hours"]) == (3, "voiced", 24)
    answer = await house.client.put(path, json={"maxAttempts": 5, "min_interval_minutes": 2.5})
    assert answer.json() == {**before, "max_attempts": 5, "min_interval_minutes": 2.5}
    answer = await house.client.put(path, json={"window": {"start": "09:00", "end": "18:00"}})
    assert answer.json()["max_attempts"] == 5
    assert (await house.client.get(path)).json() == answer.json()
    row = await house.promise()
    assert (row["max_attempts"], row["min_interval_minutes"]) == (5, 2.5)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"maxAttempts": 0}, "max_attempts"),
    ({"minIntervalMinutes": 0}, "min_interval_minutes"),
    ({"minIntervalMinutes": 0.016}, "min_interval_minutes"),
    ({"minIntervalMinutes": 1441}, "min_interval_minutes"),
    ({"expirationHours": 0}, "expiration_hours"),
    ({"expirationHours": 24 * 90 + 1}, "expiration_hours"),
    ({"maxNotifications": 101}, "max_notifications"),
    ({"retryDelaySeconds": 0.5}, "retry_delay_seconds"),
    ({"maxPerNumberPerDay": 0}, "max_per_number_per_day"),
    ({"ringSeconds": None}, "ring_seconds"),
    ({"max_attempts": "many"}, "max_attempts"),
    ({"owner": "nobody"}, "owner"),
    ({"window": {"monday": "9-18"}}, "window"),
    ({"clientWindow": {"holidays": {"country": "XX"}}}, "client_window"),
    ({"blockedNumbers": ["+55", "55"]}, "blocked_numbers.1"),
    ({"callerId": "x\napi"}, "caller_id"),
    ({"recordingPath": "/tmp/../{id}"}, "recording_path"),
    ({"recordingPath": "/tmp/all.wav"}, "recording_path"),
    ({"noSuchThing": 1}, "no_such_thing"),
]


async def test_settings_that_are_wrong_are_refused_by_their_name(house: House) -> None:
    for change, field in WRONG:
        response = await house.client.put(f"/api/settings/{COMPANY}", json=change)
        assert problem(response) == (422, "invalid", field)
    assert (await house.client.get(f"/api/settings/{COMPANY}")).json()["max_attempts"] == 3


async def test_no_number_that_is_none_becomes_a_setting(house: House) -> None:
    for value in ("NaN", "Infinity", "-1", "1e400"):
        response = await house.client.put(
            f"/api/settings/{COMPANY}", content=f'{{"expirationHours": {value}}}',
            headers={"Content-Type": "application/json"},
        )  # fmt: skip
        assert response.status_code == 422, value
    assert (await house.client.get("/api/settings/nobody")).status_code == 404


async def test_changes_that_are_made_at_once_are_all_kept(house: House) -> None:
    changes: list[dict[str, Any]] = [
        {"max_attempts": 7}, {"max_busy": 8}, {"auto_dial": True}, {"ring_seconds": 20}, {"max_machine": 9},
    ]  # fmt: skip
    await asyncio.gather(*(house.settings(**change) for change in changes))
    kept = (await house.client.get(f"/api/settings/{COMPANY}")).json()
    for change in changes:
        assert {name: kept[name] for name in change} == change


async def test_one_setting_that_is_kept_and_not_allowed_any_more_takes_no_other_with_it(
    house: House, pool: asyncpg.Pool
) -> None:
    kept = {"min_interval_minutes": 0, "max_attempts": 5, "owner": "backend", "blocked_numbers": [OTHER]}
    await pool.execute("insert into callback_settings (company_id, settings) values ($1, $2)", COMPANY, kept)
    row = await house.promise()
    assert (row["max_attempts"], row["min_interval_minutes"]) == (5, 10)
    body = {"domain_uuid": str(DOMAIN), "number": OTHER, "extension": "1001"}
    assert problem(await house.client.post("/api/callbacks", json=body))[1] == "number_blocked"
    assert (await house.client.put(f"/api/settings/{COMPANY}", json={"max_busy": 2})).json()[
        "max_attempts"
    ] == 5


async def test_what_a_company_wants_counts_from_the_first_minute_of_a_machine(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The monotonic clock begins with the machine."""
    kept = {"owner": "backend"}
    await pool.execute("insert into callback_settings (company_id, settings) values ($1, $2)", COMPANY, kept)
    monkeypatch.setattr("voiced.callback.policies.time", SimpleNamespace(monotonic=lambda: 5.0))
    assert (await Policies(pool, Notices(pool), Policy()).of(COMPANY)).owner == "backend"


async def test_settings_of_another_version_do_not_stop_anything(house: House, pool: asyncpg.Pool) -> None:
    await pool.execute(
        "insert into callback_settings (company_id, settings) values ($1, $2)",
        COMPANY,
        {"long_gone": 1, "max_attempts": 5},
    )
    row = await house.promise()
    assert row["max_attempts"] == 5
    await house.until_told("notify")
    changed = await house.client.put(f"/api/settings/{COMPANY}", json={"max_notifications": 2})
    assert changed.status_code == 200, changed.text
    assert changed.json()["max_attempts"] == 5
    kept = await pool.fetchval("select settings from callback_settings where company_id = $1", COMPANY)
    assert kept["long_gone"] == 1, "the other version may come back"


# -- who may do what --------------------------------------------------------------------------------------


@pytest.fixture
async def two(
    switch: Switch, agent: Phone, backend: Backend, start: Start, clock: Clock
) -> AsyncIterator[House]:
    """Two domains, each with a token of its own, and one for all."""
    domains = [
        {"uuid": str(DOMAIN), "name": "pbx.test", "token": "here"},
        {"uuid": str(ELSEWHERE), "name": "other.test", "token": "there"},
    ]
    async with opened(switch, backend, start, clock, http={"token": "all"}, domain=domains) as house:
        yield house


async def test_a_token_of_one_domain_sees_and_changes_nothing_of_another(two: House) -> None:
    here, there = ({"Authorization": f"Bearer {token}"} for token in ("here", "there"))
    client = two.client
    client.headers["Authorization"] = "Bearer all"
    await two.until_free()
    line = two.line(Manner.RING)
    row = await two.promise(ticket_id="K1")
    answer = await two.accept(row)
    await two.switch.until(lambda: line.ringing)
    path = f"/api/callbacks/{row['id']}"

    async def ask(method: str, path: str, body: dict[str, Any] | None = None) -> int:
        given = (await client.request(method, path, json=body, headers=here)).status_code
        denied = await client.request(method, path, json=body, headers=there)
        assert given not in (401, 403, 404), (path, given)
        assert CLIENT not in denied.text
        return denied.status_code

    assert (await client.get(path, headers={"Authorization": "Bearer wrong"})).status_code == 401
    for method, where, body in (
        ("GET", path, None), ("POST", f"{path}/accept", {}), ("POST", f"{path}/agree", {}),
        ("POST", f"{path}/notified", None), ("POST", f"{path}/snooze", {"minutes": 5}),
        ("POST", f"{path}/reassign", {"extension": "1002"}),
        ("POST", "/api/callback/monitor", {"call_uuid": answer["call_uuid"], "ticket_id": "mine"}),
        ("POST", "/api/voice/callback/accept", {"ticketId": "K1"}),
        ("POST", "/api/voice/callback/snooze", {"ticketId": "K1", "minutes": 5}),
        ("POST", "/api/voice/callback/initiate", {"ticketId": "K1"}),
    ):  # fmt: skip
        assert await ask(method, where, body) == 404, where
    promise = {"domain_uuid": str(DOMAIN), "number": OTHER, "extension": "1001"}
    originate = {"domain_uuid": str(DOMAIN), "client_number": OTHER, "extension": "1001"}
    for method, where, body in (
        ("POST", "/api/callbacks", promise), ("POST", "/api/callback/originate", originate),
        ("GET", f"/api/settings/{COMPANY}", None), ("PUT", f"/api/settings/{COMPANY}", {"owner": "voiced"}),
    ):  # fmt: skip
        assert await ask(method, where, body) == 403, where
    for where in ("/api/callbacks", "/api/voice/callbacks", "/api/callback/active"):
        name = "calls" if where.endswith("active") else "callbacks"
        assert (await client.get(where, headers=there)).json()[name] == []
        assert (await client.get(where, headers=here)).json()[name] != []
    # with their own domain, and what is ours: a callback's id, a ticket, a number
    theirs = {"domain_uuid": str(ELSEWHERE), "client_number": CLIENT, "extension": "1001"}
    named = await client.post(
        "/api/callback/originate", json={**theirs, "callback_id": row["id"]}, headers=there
    )  # fmt: skip
    assert named.status_code == 404
    of_ticket = await client.post(
        "/api/callback/originate", json={**theirs, "ticket_id": "K1"}, headers=there
    )  # fmt: skip
    assert of_ticket.json()["error"] == "USER_NOT_REGISTERED", "a call of their own, to an agent of theirs"
    again = {**promise, "domain_uuid": str(ELSEWHERE), "number": CLIENT, "ticket_id": "K1"}
    own = (await client.post("/api/callbacks", json=again, headers=there)).json()
    assert (own["is_new"], own["id"] != row["id"]) == (True, True)
    await client.post(f"/api/callbacks/{own['id']}/cancel", headers=there)
    assert (await two.look(row["id"]))["ticket_ids"] == ["K1", "mine"]
    assert (await client.get("/api/callbacks/stats", headers=there)).json()["total"] == 1, "their own"
    export = (await client.get("/api/callbacks/export", headers=there)).content
    assert export.count(b"\r\n") == 2  # its header, and their own
    assert (await client.post(f"{path}/cancel", headers=there)).status_code == 404
    assert line.ringing
    assert (await client.post(f"{path}/cancel", headers=here)).status_code == 200


async def test_while_the_pbx_is_away_calls_are_503_and_promises_are_taken(house: House) -> None:
    await house.switch.close_door()
    await house.switch.cut()
    async with asyncio.timeout(5):
        while house.api.daemon.pbx.is_connected:
            await asyncio.sleep(0.01)
    row = await house.promise()
    assert problem(await house.client.post(f"/api/callbacks/{row['id']}/accept"))[:2] == (503, "pbx_is_away")
    body = {"domain_uuid": str(DOMAIN), "client_number": OTHER, "extension": "1001"}
    response = await house.client.post("/api/callback/originate", json=body)
    assert problem(response)[:2] == (503, "pbx_is_away")
    await house.until_told("ticket")
    assert "notify" not in house.told()
    await house.switch.open_door()
    await house.until_told("notify")
