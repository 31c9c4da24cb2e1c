"""What is kept of the tables: for five minutes, or until they change; and the tables themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.callers import at_the_assistant
from tests.conftest import DOMAIN, Start, url_of
from tests.gate import Gate
from tests.house import add
from voiced import database, notices
from voiced.database import SQL, open_pool
from voiced.notices import Notices
from voiced.ports import CannotStart
from voiced.sim import Switch
from voiced.transfer.directory import Directory
from voiced.transfer.kept import KEPT_SECONDS
from voiced.transfer.refusals import DatabaseIsAway

SCRIPT = (SQL / "fusionpbx" / "transfer_destinations.sql").read_text()
SAMPLES = (SQL / "fusionpbx" / "sample_destinations.sql").read_text()


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def directory(pool: asyncpg.Pool, clock: Clock) -> Directory:
    """Nobody runs its notices: it hears of nothing by itself."""
    return Directory(pool, Notices(pool), {DOMAIN: "America/Sao_Paulo"}, clock)


async def put(pool: asyncpg.Pool, name: str = "Vendas", number: str = "1001", **columns: Any) -> UUID:
    """A row as FusionPBX writes it."""
    row = {
        "domain_uuid": DOMAIN, "name": name, "destination_number": number, "destination_type": "extension",
        **columns,
    }  # fmt: skip
    places = ", ".join(f"${at}" for at in range(1, len(row) + 1))
    id: UUID = await pool.fetchval(
        f"insert into v_voice_transfer_destinations ({', '.join(row)}) values ({places})"
        " returning transfer_destination_uuid",
        *row.values(),
    )
    return id


async def names(directory: Directory, domain: UUID = DOMAIN, secretary: UUID | None = None) -> list[str]:
    return [one.name for one in (await directory.book(domain, secretary)).destinations.values()]


# -- the cache --------------------------------------------------------------------------------------------


async def test_what_was_read_is_kept_for_five_minutes(
    pool: asyncpg.Pool, directory: Directory, clock: Clock
) -> None:
    await put(pool)
    assert await names(directory) == ["Vendas"]
    await put(pool, "Compras")
    clock.now += KEPT_SECONDS - 1
    assert await names(directory) == ["Vendas"]
    clock.now += 1
    assert await names(directory) == ["Compras", "Vendas"]


async def test_a_dropped_domain_is_read_again_and_no_other(pool: asyncpg.Pool, directory: Directory) -> None:
    other = uuid4()
    for domain in (DOMAIN, other):
        await put(pool, domain_uuid=domain)
        await names(directory, domain)
    await pool.execute("update v_voice_transfer_destinations set name = 'Compras'")
    directory.drop(DOMAIN)
    assert await names(directory) == ["Compras"]
    assert await names(directory, other) == ["Vendas"]


async def test_what_is_being_read_while_it_changes_is_not_kept(
    pool: asyncpg.Pool, directory: Directory
) -> None:
    await put(pool)
    reading = asyncio.create_task(names(directory))
    await asyncio.sleep(0)
    directory.drop(DOMAIN)
    await pool.execute("update v_voice_transfer_destinations set name = 'Compras'")
    await reading
    assert await names(directory) == ["Compras"]


async def test_a_thousand_who_ask_at_once_read_once(database_url: str, clock: Clock) -> None:
    async with await database.open_pool(database_url, size=2) as pool:
        await put(pool)
        directory = Directory(pool, Notices(pool), {}, clock)
        books = await asyncio.gather(*(directory.book(DOMAIN) for _ in range(1000)))
        assert len({id(book) for book in books}) == 1


async def test_a_secretary_has_her_own_and_the_domains(pool: asyncpg.Pool, directory: Directory) -> None:
    hers, other = uuid4(), uuid4()
    await put(pool, "Todos")
    await put(pool, "Dela", secretary_uuid=hers)
    assert await names(directory) == ["Todos"]
    assert await names(directory, secretary=hers) == ["Dela", "Todos"]
    assert await names(directory, secretary=other) == ["Todos"]


async def test_a_department_has_the_agents_of_every_secretary(
    pool: asyncpg.Pool, directory: Directory
) -> None:
    await put(pool, "Ana", "1001", department="Financeiro", priority=2)
    await put(pool, "Bruno", "1002", department="FINANCEIRO ", secretary_uuid=uuid4(), priority=1)
    await put(pool, "Bruno aqui", "1002", department="financeiro", secretary_uuid=uuid4(), priority=3)
    await put(pool, "Clara", "1003", department="Financeiro", is_enabled=False)
    await put(pool, "Grupo", "600", department="Financeiro", destination_type="ring_group")
    await put(pool, "Davi", "1004", department="Financeiro", domain_uuid=uuid4())
    assert await directory.agents_of(DOMAIN, "financeiro") == ["1002", "1001"]
    assert await directory.departments_of(DOMAIN, "1002") == ["FINANCEIRO ", "financeiro"]
    assert await directory.departments_of(DOMAIN, "1003") == []
    assert await directory.agents_of(DOMAIN, " ") == []
    await put(pool, "Eva", "1005", department="Financeiro")
    directory.drop(DOMAIN)
    assert "1005" in await directory.agents_of(DOMAIN, "Financeiro")


async def test_with_the_database_away_what_is_kept_goes_on_being_used(gate: Gate, clock: Clock) -> None:
    async with await database.open_pool(gate.url, size=2) as pool:
        await put(pool)
        directory = Directory(pool, Notices(pool), {}, clock)
        assert await names(directory) == ["Vendas"]
        await gate.shut()
        clock.now += KEPT_SECONDS
        assert await names(directory) == ["Vendas"]
        with pytest.raises(DatabaseIsAway):
            await directory.book(uuid4())


async def test_a_change_that_nobody_heard_is_seen_when_notices_are_heard_again(
    gate: Gate, pool: asyncpg.Pool, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "PAUSE", 0.05)
    async with await open_pool(gate.url, size=1) as through:
        ears = Notices(through)
        directory = Directory(pool, ears, {DOMAIN: "America/Sao_Paulo"}, clock)
        heard = asyncio.create_task(ears.run())
        await put(pool, "Vendas")
        async with asyncio.timeout(5):
            while await names(directory) != ["Vendas"]:
                await asyncio.sleep(0.01)
            await gate.shut()
            await put(pool, "Suporte")
            await gate.open()
            while await names(directory) != ["Suporte", "Vendas"]:
                await asyncio.sleep(0.01)
        heard.cancel()
        await asyncio.gather(heard, return_exceptions=True)


async def test_a_row_that_is_wrong_is_left_out_and_the_others_count(
    pool: asyncpg.Pool, directory: Directory
) -> None:
    await put(pool)
    await put(pool, "A", number="1001,user/1002")
    await put(pool, "B", destination_type="fax")
    await put(pool, "C", working_hours={"monday": "8-12"})
    await put(pool, "D", working_hours=[1])
    await put(pool, "E", aliases={"a": 1})
    await put(pool, "F", fallback_action="next")
    assert await names(directory) == ["Vendas"]


async def test_rows_with_holes_and_names_in_use_before_are_understood(
    pool: asyncpg.Pool, directory: Directory
) -> None:
    holes = dict.fromkeys(
        ("aliases", "fallback_action", "department", "role", "description", "priority", "is_default",
         "is_enabled", "screening", "destination_context", "gateway"),
    )  # fmt: skip
    await put(pool, "Buracos", **holes)
    before = {"start": "08:00", "end": "18:00", "days": [1, 2, 3, 4, 5], "timezone": "America/Sao_Paulo"}
    await put(
        pool, "Antigo", working_hours=before, fallback_action="offer_ticket", destination_context="default"
    )
    found = {one.name: one for one in (await directory.book(DOMAIN)).destinations.values()}
    assert set(found) == {"Buracos", "Antigo"}
    assert (found["Antigo"].fallback_action, found["Antigo"].context) == ("callback", "default")
    assert found["Antigo"].working_hours is not None


async def test_while_the_database_is_away_again_what_may_be_old_is_better_than_nothing(
    gate: Gate, clock: Clock
) -> None:
    async with await database.open_pool(gate.url, size=2) as pool:
        await put(pool)
        directory = Directory(pool, notices := Notices(pool), {}, clock)
        assert await names(directory) == ["Vendas"]
        await gate.shut()
        for listener in notices._doubters:
            listener()
        assert await names(directory) == ["Vendas"]


# -- the tables -------------------------------------------------------------------------------------------


@pytest.fixture
async def fusionpbx(postgres: str) -> AsyncIterator[str]:
    """The URL of an empty database that looks like FusionPBX's."""
    name = f"fusionpbx_{uuid4().hex[:8]}"
    connection = await asyncpg.connect(postgres)
    await connection.execute(f"create database {name}")
    theirs = await asyncpg.connect(url_of(postgres, name))
    await theirs.execute("create table v_domains (domain_uuid uuid primary key, domain_name text)")
    await theirs.execute("insert into v_domains values ($1, 'pbx.test')", DOMAIN)
    await theirs.close()
    yield url_of(postgres, name)
    await connection.execute(f"drop database {name} with (force)")
    await connection.close()


async def shape(connection: Any, table: str) -> list[Any]:
    columns = await connection.fetch(
        "select column_name, data_type, is_nullable, column_default from information_schema.columns"
        " where table_name = $1 and table_schema = 'public' order by 1",
        table,
    )
    indexes = await connection.fetch("select indexdef from pg_indexes where tablename = $1 order by 1", table)
    triggers = await connection.fetch(
        "select trigger_name, event_manipulation from information_schema.triggers"
        " where event_object_table = $1 order by 1, 2",
        table,
    )
    return [*map(tuple, columns), *map(tuple, indexes), *map(tuple, triggers)]


async def test_fusionpbxs_tables_and_ours_are_the_same(fusionpbx: str, pool: asyncpg.Pool) -> None:
    connection = await asyncpg.connect(fusionpbx)
    await connection.execute(
        "create table v_voice_secretaries (voice_secretary_uuid uuid primary key default gen_random_uuid(),"
        " domain_uuid uuid not null)"
    )
    for _ in range(3):
        await connection.execute(SCRIPT)
    for table in ("v_voice_transfer_destinations", "v_voice_secretaries"):
        assert await shape(connection, table) == await shape(pool, table)
    await connection.close()


async def test_the_script_leaves_a_table_that_is_there_its_rows_and_adds_what_it_lacks(
    fusionpbx: str,
) -> None:
    connection = await asyncpg.connect(fusionpbx)
    await connection.execute(
        """
        create table v_voice_transfer_destinations (
            transfer_destination_uuid uuid primary key default gen_random_uuid(), domain_uuid uuid not null,
            secretary_uuid uuid, name varchar(100) not null, aliases jsonb default '[]',
            destination_type varchar(20) not null, destination_number varchar(50) not null,
            fallback_action varchar(30) default 'offer_ticket',
            constraint chk_fallback_action check (fallback_action in ('offer_ticket', 'hangup')));
        insert into v_voice_transfer_destinations (domain_uuid, name, destination_type, destination_number)
        values ('11111111-1111-4111-8111-111111111111', 'Vendas', 'queue', '5001');
        """
    )
    await connection.execute(SCRIPT)
    [row] = await connection.fetch("select * from v_voice_transfer_destinations")
    assert (row["name"], row["is_enabled"], row["fallback_action"]) == ("Vendas", True, "offer_ticket")
    await connection.execute("update v_voice_transfer_destinations set fallback_action = 'assistant'")
    await connection.close()


async def test_the_script_makes_one_default_of_several_and_keeps_it_so(fusionpbx: str) -> None:
    connection = await asyncpg.connect(fusionpbx)
    await connection.execute(
        """
        create table v_voice_transfer_destinations (
            transfer_destination_uuid uuid primary key default gen_random_uuid(), domain_uuid uuid not null,
            name text not null, destination_number text not null, is_default boolean, is_enabled boolean,
            priority integer);
        insert into v_voice_transfer_destinations
            (domain_uuid, name, destination_number, is_default, is_enabled, priority)
        select '11111111-1111-4111-8111-111111111111', name, '1001', true, is_enabled, priority
        from (values ('off', false, 1), ('B', true, 5), ('A', null, 5), ('C', true, null))
            as given (name, is_enabled, priority);
        """
    )
    for _ in range(2):
        await connection.execute(SCRIPT)
        rows = await connection.fetch("select name from v_voice_transfer_destinations where is_default")
        assert [row["name"] for row in rows] == ["A"]
    with pytest.raises(asyncpg.UniqueViolationError, match="voiced_destinations_default"):
        await connection.execute("update v_voice_transfer_destinations set is_default = true")
    secretary = uuid4()
    for _ in range(2):  # one of each secretary besides
        await connection.execute(
            "update v_voice_transfer_destinations set is_default = true, secretary_uuid = $1"
            " where name = 'B'",
            secretary,
        )
    await connection.close()


async def test_the_migration_makes_one_default_of_several(pool: asyncpg.Pool) -> None:
    await pool.execute("drop index voiced_destinations_default")
    for name, priority in (("C", 1), ("B", 1), ("A", 2)):
        await put(pool, name, is_default=True, priority=priority)
    await pool.execute((SQL / "migrations" / "0031_one_default.sql").read_text())
    assert await pool.fetchval("select name from v_voice_transfer_destinations where is_default") == "B"


async def test_the_samples_come_once_and_only_to_a_domain_that_has_none(fusionpbx: str) -> None:
    connection = await asyncpg.connect(fusionpbx)
    for _ in range(2):
        await connection.execute(SCRIPT)
        await connection.execute(SAMPLES)
    rows = await connection.fetch(
        "select name, destination_type, destination_number, is_default"
        " from v_voice_transfer_destinations order by 1"
    )
    assert list(map(tuple, rows)) == [
        ("Atendimento", "ring_group", "9000", True), ("Suporte", "queue", "5001", False),
    ]  # fmt: skip
    await connection.close()


async def test_a_daemon_reads_and_writes_fusionpbxs_database_and_hears_its_changes(
    switch: Switch, start: Start, fusionpbx: str, pool: asyncpg.Pool
) -> None:
    connection = await asyncpg.connect(fusionpbx)
    await connection.execute(SCRIPT + SAMPLES)
    async with start(fusionpbx={"url": fusionpbx}) as api:
        switch.phone("1001", delay=0.05)
        caller = await at_the_assistant(switch)
        secretary = str(uuid4())  # there is no v_voice_secretaries here
        answer = await api.transfer(caller.uuid, "quero um atendente", secretary_uuid=secretary)
        assert (answer["status"], answer["destination"]["name"]) == ("success", "Atendimento")
        caller.hangup()
        await connection.execute(
            "update v_voice_transfer_destinations set name = 'Recepção' where is_default"
        )
        caller = await at_the_assistant(switch)
        async with asyncio.timeout(5):
            while (await api.ask(caller.uuid, "recepção", wait=0)).status_code != 202:
                await asyncio.sleep(0.02)
        row = await add(api, name="Compras")
        assert await connection.fetchval(
            "select name from v_voice_transfer_destinations where transfer_destination_uuid = $1",
            UUID(row["id"]),
        )
    assert not await pool.fetchval("select count(*) from v_voice_transfer_destinations")
    await connection.close()


async def test_without_fusionpbxs_database_or_its_tables_the_daemon_says_what_to_do(
    start: Start, fusionpbx: str
) -> None:
    with pytest.raises(CannotStart, match="nothing_"):
        async with start(fusionpbx={"url": fusionpbx.replace("/fusionpbx_", "/nothing_")}):
            pass
    with pytest.raises(CannotStart, match=r"sql/fusionpbx/transfer_destinations\.sql"):
        async with start(fusionpbx={"url": fusionpbx}):
            pass
