"""`/api/destinations`: every column there and back, every mistake named, nothing of another domain."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from tests.callers import at_the_assistant
from tests.conftest import DOMAIN, Api, Start
from tests.house import add, body
from voiced.sim import Switch

OTHER = UUID("22222222-2222-4222-8222-222222222222")
PATH = "/api/destinations"
DOMAINS = [
    {"uuid": str(DOMAIN), "name": "pbx.test", "token": "one"},
    {"uuid": str(OTHER), "name": "other.test", "token": "two"},
]


# -- there and back ---------------------------------------------------------------------------------------


async def test_every_column_comes_back_as_it_was_written(api: Api) -> None:
    following = await add(api, name="Atendimento", destination_type="ring_group", destination_number="9000")
    full = body(
        secretary_uuid=str(uuid4()), name="Plantão São João", aliases=["emergência", "24 horas"],
        destination_type="external", destination_number="+5511999990000", destination_context="público",
        gateway="trunk", ring_timeout_seconds=25, max_retries=2, retry_delay_seconds=0,
        fallback_action="next", fallback_destination_uuid=following["id"], department="Técnico",
        role="plantonista", description="fora do horário", priority=7, is_default=True, is_enabled=False,
        screening=True, announce=False,
        working_hours={
            "monday": ["08:00-12:00", "13:00-18:00"], "friday": {"start": "22:00", "end": "06:00"},
            "timezone": "America/New_York", "holidays": {"country": "BR", "state": "SP", "dates": ["12-24"]},
        },
    )  # fmt: skip
    full["destination_context"] = "public"
    row = await add(api, **full)
    kept = (await api.client.get(f"{PATH}/{row['id']}")).json()
    assert kept == row
    assert {name: kept[name] for name in full} == full
    changed = {**full, "name": "Plantão", "announce": None, "working_hours": None, "aliases": []}
    again = (await api.client.put(f"{PATH}/{row['id']}", json=changed)).json()
    assert {name: again[name] for name in changed} == changed
    assert again["updated_at"] > row["updated_at"]


async def test_what_is_left_out_has_its_default_and_camel_case_is_understood(api: Api) -> None:
    camel = {"domainUuid": str(DOMAIN), "name": "Maria", "destinationNumber": "1001", "isDefault": True}
    row = (await api.client.post(PATH, json=camel)).json()
    assert row["is_default"] is True
    assert (row["destination_type"], row["aliases"], row["priority"]) == ("extension", [], 100)
    assert (row["ring_timeout_seconds"], row["fallback_action"], row["is_enabled"]) == (
        None,
        "assistant",
        True,
    )


async def test_they_are_listed_by_priority_and_deleted_once(api: Api) -> None:
    last = await add(api, name="B", priority=9)
    first = await add(api, name="A", priority=1)
    listed = (await api.client.get(PATH, params={"limit": 1})).json()
    assert ([row["id"] for row in listed["destinations"]], listed["total"]) == ([first["id"]], 2)
    second = (await api.client.get(PATH, params={"limit": 1, "page": 2})).json()
    assert [row["id"] for row in second["destinations"]] == [last["id"]]
    assert (await api.client.delete(f"{PATH}/{first['id']}")).status_code == 204
    assert (await api.client.delete(f"{PATH}/{first['id']}")).status_code == 404
    assert (await api.client.get(f"{PATH}/{first['id']}")).json()["error"] == "unknown_destination"
    assert (await api.client.put(f"{PATH}/{first['id']}", json=body())).status_code == 404


async def test_a_new_default_takes_the_place_of_the_old_one_of_its_secretary_only(api: Api) -> None:
    secretary = str(uuid4())
    old = await add(api, name="A", is_default=True)
    hers = await add(api, name="B", is_default=True, secretary_uuid=secretary)
    new = await add(api, name="C", is_default=True)
    rows = (await api.client.get(PATH)).json()["destinations"]
    assert {row["id"] for row in rows if row["is_default"]} == {hers["id"], new["id"]}
    assert old["id"] in {row["id"] for row in rows}


async def test_defaults_that_are_made_at_the_same_moment_leave_one(api: Api) -> None:
    await asyncio.gather(*(add(api, name=f"D{n}", is_default=True) for n in range(6)))
    rows = (await api.client.get(PATH)).json()["destinations"]
    assert len([row for row in rows if row["is_default"]]) == 1


async def test_a_row_that_somebody_wrote_in_sql_is_shown_with_defaults_and_with_its_mistakes(
    api: Api, pool: asyncpg.Pool
) -> None:
    empty = await pool.fetchval(
        """insert into v_voice_transfer_destinations (domain_uuid, name, destination_number, aliases,
        destination_context, gateway, fallback_action, department, role, description, priority, is_default,
        is_enabled, screening) values ($1, 'A', '1001', null, null, null, null, null, null, null, null, null,
        null, null) returning transfer_destination_uuid""",
        DOMAIN,
    )
    wrong = await pool.fetchval(
        """insert into v_voice_transfer_destinations (domain_uuid, name, destination_number, destination_type,
        ring_timeout_seconds) values ($1, '', '1001', 'fax', 100000) returning transfer_destination_uuid""",
        DOMAIN,
    )
    fresh = (await api.client.get(f"{PATH}/{empty}")).json()
    asked_for = await add(api, name="A")
    assert {name: fresh[name] for name in body()} == body(name="A")
    same = set(fresh) - {"id", "created_at", "updated_at"}
    assert {name: fresh[name] for name in same} == {name: asked_for[name] for name in same}
    odd = (await api.client.get(f"{PATH}/{wrong}")).json()
    assert (odd["name"], odd["destination_type"], odd["ring_timeout_seconds"]) == ("", "fax", 100000)
    listed = (await api.client.get(PATH)).json()["destinations"]
    assert {row["id"]: row for row in listed} == {row["id"]: row for row in (fresh, odd, asked_for)}


# -- mistakes ---------------------------------------------------------------------------------------------

HOSTILE = [
    "1001@evil",
    "1001,user/1002",
    "{x=1}1001",
    "10 01",
    "1001\n\nexit",
    "${system id}",
    "1001'",
    "😀",
    "",
]


@pytest.mark.parametrize("number", HOSTILE, ids=ascii)
@pytest.mark.parametrize("kind", ["extension", "ring_group", "queue", "external", "voicemail"])
async def test_no_number_that_is_dial_string_syntax_is_kept(api: Api, kind: str, number: str) -> None:
    wrong = body(destination_type=kind, destination_number=number)
    await refused(api, wrong, "destination_number")


async def refused(api: Api, wrong: dict[str, Any], field: str) -> None:
    response = await api.client.post(PATH, json=wrong)
    assert response.status_code == 422, response.text
    answer = response.json()
    assert answer["field"].split(".")[0] == field, answer
    assert answer["message"]
    assert (await api.client.get(PATH)).json()["total"] == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"destination_type": "external", "destination_number": "0800-FLOWERS"}, "destination_number"),
        ({"destination_type": "external", "destination_number": "+55119999", "gateway": "a/b"}, "gateway"),
        ({"destination_type": "queue", "destination_context": "a b"}, "destination_context"),
        ({"destination_type": "fax"}, "destination_type"),
        ({"domain_uuid": str(OTHER)}, "domain_uuid"),
        ({"domain_uuid": "pbx.test"}, "domain_uuid"),
        ({"secretary_uuid": "x"}, "secretary_uuid"),
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "\0"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"aliases": "cobrança"}, "aliases"),
        ({"aliases": ["x" * 101]}, "aliases"),
        ({"ring_timeout_seconds": 0}, "ring_timeout_seconds"),
        ({"max_retries": 11}, "max_retries"),
        ({"retry_delay_seconds": -1}, "retry_delay_seconds"),
        ({"fallback_action": "explode"}, "fallback_action"),
        ({"fallback_action": "next"}, "fallback_destination_uuid"),
        ({"fallback_destination_uuid": str(OTHER)}, "fallback_destination_uuid"),
        ({"priority": 1 << 40}, "priority"),
        ({"working_hours": {"mon": ["08:00-12:00"]}}, "working_hours"),
        ({"working_hours": {"monday": ["8-12"]}}, "working_hours"),
        ({"working_hours": {"monday": ["08:00-25:00"]}}, "working_hours"),
        ({"working_hours": {"monday": {"from": 8}}}, "working_hours"),
        ({"working_hours": {"timezone": "Mars/Olympus"}}, "working_hours"),
        ({"working_hours": {"timezone": 7}}, "working_hours"),
        ({"working_hours": {"start": "08:00", "end": "18:00", "days": [0]}}, "working_hours"),
        ({"working_hours": {"holidays": {"country": "XX"}}}, "working_hours"),
        ({"working_hours": {"holidays": {"country": "BR", "state": "ZZ"}}}, "working_hours"),
        ({"working_hours": {"holidays": {"dates": ["2026-02-30"]}}}, "working_hours"),
        ({"working_hours": {"holidays": {"dates": 7}}}, "working_hours"),
        ({"working_hours": {"holidays": {"dates": [["12-24"]]}}}, "working_hours"),
        ({"working_hours": {"holidays": {"country": ["BR"]}}}, "working_hours"),
        ({"working_hours": {"holidays": {"country": "BR", "state": {"a": 1}}}}, "working_hours"),
        ({"working_hours": []}, "working_hours"),
        ({"color": "red"}, "color"),
    ],
    ids=str,
)  # fmt: skip
async def test_a_mistake_is_422_and_names_its_field(api: Api, change: dict[str, Any], field: str) -> None:
    await refused(api, body(**change), field)


# -- tokens -----------------------------------------------------------------------------------------------


async def test_a_token_of_one_domain_sees_and_changes_nothing_of_another(
    switch: Switch, start: Start
) -> None:
    async with start(domain=DOMAINS, http={"token": "all"}) as api:

        def by(token: str) -> httpx.AsyncClient:
            return httpx.AsyncClient(
                base_url=api.daemon.url, headers={"Authorization": f"Bearer {token}"}, timeout=30
            )

        async with by("one") as one, by("two") as two, by("all") as both:
            row = (await two.post(PATH, json=body(domain_uuid=str(OTHER), name="Segredo"))).json()
            path = f"{PATH}/{row['id']}"
            assert (await one.get(path)).status_code == 404
            assert (await one.put(path, json=body())).status_code == 404
            assert (await one.delete(path)).status_code == 404
            assert (await one.put(path, json=body(domain_uuid=str(OTHER)))).status_code == 403
            assert (await one.post(PATH, json=body(domain_uuid=str(OTHER)))).status_code == 403
            assert (await one.get(PATH)).json()["total"] == 0
            assert (await one.get(PATH, params={"domain_uuid": str(OTHER)})).status_code == 403
            asked = {"domain_uuid": str(OTHER), "text": "segredo"}
            assert (await one.get(f"{PATH}/match", params=asked)).status_code == 403
            assert (await one.get("/api/handoff/function", params=asked)).status_code == 403
            taken = body(fallback_action="next", fallback_destination_uuid=row["id"])
            assert (await one.post(PATH, json=taken)).json()["field"] == "fallback_destination_uuid"
            caller = await at_the_assistant(switch)
            wanted = {"call_uuid": caller.uuid, "domain_uuid": str(DOMAIN), "destination_uuid": row["id"]}
            answer = (await one.post("/api/transfers", json=wanted)).json()
            assert (answer["error"], answer["field"]) == ("no_such_destination", "destination_uuid")
            theirs = {**wanted, "domain_uuid": str(OTHER)}
            assert (await one.post("/api/transfers", json=theirs)).status_code == 403
            assert (await one.post("/api/handoff", json=theirs)).status_code == 403
            assert (await both.get(path)).json() == row


async def test_a_token_of_one_domain_cannot_dial_by_anothers_context_or_gateway(start: Start) -> None:
    domains = [{**DOMAINS[0], "gateway": "trunk", "context": "house"}, DOMAINS[1]]
    async with start(domain=domains, http={"token": "all"}) as api:

        async def write(token: str, method: str = "POST", id: str = "", **changes: Any) -> httpx.Response:
            changed = body(destination_type="ring_group", destination_number="9000", **changes)
            headers = {"Authorization": f"Bearer {token}"}
            return await api.client.request(method, f"{PATH}{id}", json=changed, headers=headers)

        for column, foreign, own in (
            ("destination_context", "other.test", ("", "pbx.test", "house")),
            ("gateway", "their-trunk", ("", "trunk")),
        ):
            refused = await write("one", **{column: foreign})
            assert (refused.status_code, refused.json()["field"]) == (403, column)
            for value in own:
                assert (await write("one", **{column: value})).status_code == 201, (column, value)
            row = (await write("all", **{column: foreign})).json()
            id = f"/{row['id']}"
            assert (await write("one", "PUT", id, **{column: foreign}, name="Outro nome")).status_code == 200
            assert (await write("one", "PUT", id, **{column: f"{foreign}2"})).status_code == 403


# -- they count at once -----------------------------------------------------------------------------------


async def matched(api: Api, text: str, secretary: str | None = None) -> dict[str, Any]:
    params = {"domain_uuid": str(DOMAIN), "text": text}
    if secretary:
        params["secretary_uuid"] = secretary
    response = await api.client.get(f"{PATH}/match", params=params)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def test_a_change_counts_for_the_very_next_phrase(api: Api) -> None:
    assert (await matched(api, "financeiro"))["match"] == "nobody"
    row = await add(api)
    found = await matched(api, "quero falar com o financeiro")
    assert (found["match"], found["by"], found["destinations"][0]["id"]) == ("found", "name", row["id"])
    await api.client.put(f"{PATH}/{row['id']}", json=body(name="Contas"))
    assert (await matched(api, "financeiro"))["match"] == "nobody"
    assert (await matched(api, "contas"))["match"] == "found"
    await api.client.delete(f"{PATH}/{row['id']}")
    assert (await matched(api, "contas"))["match"] == "nobody"


async def test_a_change_by_somebody_else_is_heard_of(api: Api, pool: asyncpg.Pool) -> None:
    row = await add(api)
    assert (await matched(api, "financeiro"))["match"] == "found"
    await pool.execute("update v_voice_transfer_destinations set name = 'Cobrança'")
    async with asyncio.timeout(5):
        while (await matched(api, "cobrança"))["match"] != "found":
            await asyncio.sleep(0.02)
    await pool.execute("delete from v_voice_transfer_destinations")
    async with asyncio.timeout(5):
        while (await matched(api, "cobrança"))["match"] != "nobody":
            await asyncio.sleep(0.02)
    assert (await api.client.get(f"{PATH}/{row['id']}")).status_code == 404


async def test_a_match_says_what_it_is(api: Api) -> None:
    secretary = str(uuid4())
    await add(api, name="Maria Souza", department="Vendas")
    await add(api, name="Maria Clara", department="Compras", destination_number="1002")
    await add(api, name="Atendimento", is_default=True, destination_type="ring_group")
    await add(api, name="Diretoria", secretary_uuid=secretary)
    await add(api, name="Arquivo", is_enabled=False)
    question = await matched(api, "a maria")
    assert question["match"] == "question"
    assert question["messages"] == {
        "pt-BR": "Você quer falar com Maria Clara (Compras) ou Maria Souza (Vendas)?",
        "en": "Would you like to speak to Maria Clara (Compras) or Maria Souza (Vendas)?",
    }
    assert (await matched(api, ""))["match"] == "default"
    assert (await matched(api, "ramal 1077")) == {
        "match": "number", "by": "", "destinations": [], "number": "1077", "messages": {},
    }  # fmt: skip
    assert (await matched(api, "diretoria"))["match"] == "nobody"
    assert (await matched(api, "diretoria", secretary))["match"] == "found"
    assert (await matched(api, "arquivo"))["match"] == "nobody"
