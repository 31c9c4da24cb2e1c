"""Departments are found however their names are written: with accents or without, in whatever case."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from tests.callback.conftest import CLIENT, House
from tests.callers import at_the_assistant
from tests.conftest import DOMAIN, url_of
from tests.house import add
from voiced import database
from voiced.folding import fold
from voiced.sim import Manner, Phone

OTHER = "+5521988887777"


async def test_one_of_the_department_who_is_free_already_is_told_at_once(house: House) -> None:
    await add(house.api, name="Ana", destination_number="1001", department="Técnico")
    await house.promise(extension="", department="TECNICO")
    await house.until_told("ticket", "notify")
    assert house.backend.accepted[-1].payload["extension"] == "1001"
    assert house.backend.accepted[0].payload["destinationDepartment"] == "TECNICO", "as it was written"


async def test_one_of_the_department_who_becomes_free_takes_the_one_that_is_due_longest(
    house: House, agent: Phone
) -> None:
    await house.settings(auto_dial=True)
    await add(house.api, name="Ana", destination_number="1001", department="recepção")
    caller = await house.switch.call("1001", number="5511900000000")
    await house.switch.until(lambda: agent.talks_to is caller)
    first, second = house.line(), house.line(number=OTHER)
    await house.promise(extension="", department=" Recepcao")
    await house.promise(OTHER, extension="", department="RECEPÇÃO")
    caller.hangup()
    await house.until_talking(agent, first)
    agent.hangup()
    await house.until_talking(agent, second)


async def test_a_promise_passes_to_a_department_that_is_written_otherwise(house: House, agent: Phone) -> None:
    await house.settings(department_after_minutes=30)
    await add(house.api, name="Bruno", destination_number="1002", department="FINANCAS")
    agent.unregister()
    house.switch.phone("1002", Manner.ANSWER, 0.05)
    await house.until_free("1002")
    row = await house.promise(department="Finanças")
    house.after(minutes=31)
    await house.until_told("ticket", "passed_on", "notify")
    assert (await house.look(row["id"]))["department"] == "Finanças"
    assert "department_key" not in await house.look(row["id"])


async def test_they_are_listed_and_counted_together(house: House) -> None:
    written = ["Finanças", "Finanças", "FINANCAS", "finanças ", "Suporte"]
    rows = [
        await house.promise(f"+55219888877{n:02}", extension="", department=name)
        for n, name in enumerate(written)
    ]
    await house.post(f"/api/callbacks/{rows[4]['id']}/reassign", {"department": "financas"})
    for name, count in (("FINANÇAS", 5), ("Suporte", 0), ("", 0)):
        found = (await house.client.get("/api/callbacks", params={"department": name})).json()
        assert found["total"] == count
        exported = await house.client.get("/api/callbacks/export", params={"department": name})
        assert exported.content.count(b"\r\n") == 1 + count
    stats = (await house.client.get("/api/callbacks/stats")).json()
    assert [(row["name"], row["total"]) for row in stats["by_department"]] == [("Finanças", 5)]


async def test_a_name_of_blanks_is_no_department(house: House) -> None:
    await add(house.api, name="Ana", destination_number="1001", department=" ")
    await house.settings(owner="backend")  # who may know whom to call
    row = await house.promise(extension="", department=" ")
    await house.settings(owner="voiced")
    await house.until_told("ticket")
    await house.until_idle()
    assert (await house.look(row["id"]))["notification_count"] == 0


async def test_a_secretarys_agents_are_of_the_department_too(house: House) -> None:
    await add(
        house.api, name="Ana", destination_number="1001", department="Vendas", secretary_uuid=str(uuid4())
    )
    await house.promise(extension="", department="vendas")
    await house.until_told("ticket", "notify")
    assert house.backend.accepted[-1].payload["extension"] == "1001"


async def test_a_department_without_anybody_is_for_a_person_at_once(house: House, agent: Phone) -> None:
    await add(house.api, name="Ana", destination_number="1001", department="Vendas")
    row = await house.promise(extension="", department="Compras")
    row = await house.until_status(row["id"], "needs_review")
    await house.until_told("ticket", "needs_review")
    result = house.result("needs_review")
    assert (result["cause"], result["department"]) == ("NOBODY_IN_DEPARTMENT", "Compras")
    line = house.line()
    assert (await house.accept(row, "1001"))["success"], "it can be taken from the list"
    await house.until_talking(agent, line)


async def test_a_callers_yes_to_a_group_without_agents_is_for_a_person_at_once(house: House) -> None:
    house.line(Manner.BUSY, "+5511888880000")
    await add(house.api, name="Plantão", destination_type="external", destination_number="5511888880000")
    caller = await at_the_assistant(house.switch)
    transfer = await house.api.transfer(caller.uuid, "Plantão")
    row = await house.post(f"/api/transfers/{transfer['id']}/callback", status=201)
    await house.until_status(row["id"], "needs_review")
    await house.until_told("ticket", "needs_review")


async def test_a_promise_that_is_given_to_a_department_without_anybody_is_for_a_person(house: House) -> None:
    row = await house.promise()
    await house.post(f"/api/callbacks/{row['id']}/reassign", {"department": "Compras"})
    await house.until_status(row["id"], "needs_review")
    await add(house.api, name="Bruno", destination_number="1001", department="Compras")
    await house.post(f"/api/callbacks/{row['id']}/reassign", {"department": "Compras"})
    await house.until(row["id"], lambda row: row["notification_count"] == 1)


async def test_a_department_without_anybody_is_the_backends_affair_where_it_keeps_the_promise(
    house: House,
) -> None:
    await house.settings(owner="backend")
    row = await house.promise(extension="", department="Compras")
    await house.post(f"/api/callbacks/{row['id']}/agree")
    await house.settings(max_notifications=4)  # all that waits is looked at
    await house.until_idle()
    assert (await house.look(row["id"]))["status"] == "ready_to_call"


async def test_a_name_of_blanks_takes_a_promise_from_nobody(house: House) -> None:
    row = await house.promise(department="Vendas")
    again = await house.promise(extension="", department=" ")
    assert (again["id"], again["extension"], again["department"]) == (row["id"], "1001", "Vendas")
    refused = await house.post(f"/api/callbacks/{row['id']}/reassign", {"department": " "}, status=422)
    assert refused["error"] == "nobody_to_call"


async def test_what_waits_already_is_found_after_the_migration(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = await asyncpg.connect(postgres)
    await connection.execute("create database before_departments")
    await connection.close()
    url = url_of(postgres, "before_departments")
    (tmp_path / "migrations").mkdir()
    for path in (database.SQL / "migrations").glob("000[1-7]*"):
        shutil.copy(path, tmp_path / "migrations")
    with monkeypatch.context() as old:
        old.setattr(database, "SQL", tmp_path)
        await database.migrate(url)
    written = ["Técnico", " RECEPÇÃO  central", "", "suporte", "Pós-venda", "ＲＨ", "Ünïcode"]
    async with await database.open_pool(url, size=1) as pool:
        for n, name in enumerate(written):
            await pool.execute(
                """
                insert into callbacks (id, pbx, company_id, domain_uuid, story_id, number, department, status,
                                       created_at, expires_at, not_before)
                values ($1, 'pbx', 'c', $2, $1, $3, $4, 'pending', now(), now() + $5, now())
                """,
                uuid4(), DOMAIN, f"{CLIENT}{n}", name, timedelta(days=1),
            )  # fmt: skip
        assert "0008_departments" in await database.migrate(url)
        rows = await pool.fetch("select department, department_key from callbacks")
    assert {row["department"]: row["department_key"] for row in rows} == {
        name: fold(name) for name in written
    }
    connection = await asyncpg.connect(postgres)
    await connection.execute("drop database before_departments with (force)")
    await connection.close()
