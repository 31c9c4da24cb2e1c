"""The scribe: everything in order, nothing lost, nobody waits, whatever the database does."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from structlog.testing import capture_logs

from tests.callers import Stopwatch
from tests.gate import Gate
from tests.transfer.world import World
from voiced import database, scribe
from voiced.scribe import Note, Scribe
from voiced.transfer import store
from voiced.transfer.state import Dial


def a_note(key: str, droppable: bool = False, path: str | None = "/") -> Note:
    return Note([("outbox/put", ("stream", key, path, {}, None))], droppable)


@contextlib.asynccontextmanager
async def at_work(writer: Scribe) -> AsyncIterator[Scribe]:
    task = asyncio.create_task(writer.run())
    try:
        yield writer
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task  # whatever it meets: a writer that has died raises here


async def keys(pool: asyncpg.Pool) -> list[str]:
    return [row["idempotency_key"] for row in await pool.fetch("select * from outbox order by id")]


async def until(condition: Any, seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def test_everything_is_kept_in_the_order_it_was_given_in_few_transactions(pool: asyncpg.Pool) -> None:
    names = [str(number) for number in range(1200)]
    async with at_work(Scribe(pool)) as writer:
        for name in names:
            writer.write(a_note(name))
        assert len(writer) == 1200, "write never waits"
        await writer.drained()
        assert len(writer) == 0
    assert await keys(pool) == names
    transactions = await pool.fetchval("select count(distinct xmin::text) from outbox")
    assert transactions == 3, "batches of 500"


async def test_a_note_is_all_or_nothing(pool: asyncpg.Pool) -> None:
    torn = Note([*a_note("first").statements, *a_note("second", path=None).statements])
    async with at_work(Scribe(pool)) as writer:
        writer.write(torn)
        await writer.drained()
    assert await keys(pool) == []


async def test_one_refused_note_holds_up_nobody_and_is_told(pool: asyncpg.Pool) -> None:
    async with at_work(Scribe(pool)) as writer:
        with capture_logs() as logs:
            before = writer.commit(a_note("before"))
            refused = writer.commit(a_note("refused", path=None))
            writer.write(a_note("refused too", path=None))
            after = writer.commit(a_note("after"))
            await asyncio.wait_for(after, 5)
        assert before.done()
        with pytest.raises(asyncpg.NotNullViolationError):
            await refused
    assert await keys(pool) == ["before", "after"]
    (told,) = [line for line in logs if line["log_level"] == "error"]
    assert (told["event"], told["statements"]) == ("the database refuses a note", ["outbox/put"])
    assert "refused too" not in told["error"], "the row that is refused holds names and numbers"


async def test_a_commitment_is_done_when_it_is_committed_and_not_before(
    gate: Gate, pool: asyncpg.Pool
) -> None:
    async with await database.open_pool(gate.url, size=2) as through, at_work(Scribe(through)) as writer:
        gate.freeze()
        kept = writer.commit(a_note("one"))
        await asyncio.sleep(0.05)
        assert not kept.done()
        gate.thaw()
        await asyncio.wait_for(kept, 5)
        assert await keys(pool) == ["one"]


async def test_the_outbox_is_told_of_something_new_when_it_is_committed(pool: asyncpg.Pool) -> None:
    told: list[list[str]] = []
    async with at_work(Scribe(pool)) as writer:
        writer.on_put = lambda: told.append([])
        await asyncio.wait_for(writer.commit(Note([])), 5)
        assert told == [], "nothing was put"
        await asyncio.wait_for(writer.commit(a_note("one")), 5)
        assert len(told) == 1
        assert await keys(pool) == ["one"]


async def test_a_waiter_who_has_gone_is_no_trouble(pool: asyncpg.Pool) -> None:
    async with at_work(Scribe(pool)) as writer:
        writer.commit(a_note("one")).cancel()
        writer.commit(a_note("two", path=None)).cancel()
        await asyncio.wait_for(writer.commit(a_note("three")), 5)
    assert await keys(pool) == ["one", "three"]


async def test_while_the_database_is_away_everything_waits_and_then_follows_in_order(
    gate: Gate, pool: asyncpg.Pool
) -> None:
    async with await database.open_pool(gate.url, size=2) as through, at_work(Scribe(through)) as writer:
        await writer.commit(a_note("0"))
        await gate.shut()
        with capture_logs() as logs:
            watch = Stopwatch()
            for number in range(1, 700):
                writer.write(a_note(str(number)))
            assert watch.seconds < 0.5
            await until(lambda: writer.is_away)
            assert len(writer) == 699
            await gate.open()
            await asyncio.wait_for(writer.drained(), 8)
        assert not writer.is_away
    assert await keys(pool) == [str(number) for number in range(700)]
    said = [line["event"] for line in logs]
    assert said.count("the database is away, writing goes on later") == 1, "once, not at each try"
    assert said.count("the database is back") == 1


async def test_connections_that_are_cut_again_and_again_lose_nothing_and_double_nothing(
    gate: Gate, pool: asyncpg.Pool
) -> None:
    async with await database.open_pool(gate.url, size=2) as through, at_work(Scribe(through)) as writer:
        for number in range(300):
            writer.write(a_note(str(number)))
            if number % 20 == 0:
                await gate.cut()
            await asyncio.sleep(0)
        await asyncio.wait_for(writer.drained(), 10)
    assert await keys(pool) == [str(number) for number in range(300)]


async def test_a_server_that_takes_no_connections_for_now_is_away_and_refuses_nothing(
    postgres: str, database_url: str, pool: asyncpg.Pool
) -> None:
    admin = await asyncpg.connect(postgres)
    name = database_url.partition("?")[0].rpartition("/")[2]
    async with await database.open_pool(database_url, size=2) as through, at_work(Scribe(through)) as writer:
        await admin.execute(f"alter database {name} allow_connections false")
        there = "from pg_stat_activity where datname = $1"
        await admin.execute(f"select pg_terminate_backend(pid) {there}", name)
        while await admin.fetchval(f"select count(*) {there}", name):  # they are asked to go, and go soon
            await asyncio.sleep(0.01)
        kept = writer.commit(a_note("one"))
        await until(lambda: writer.is_away)
        await admin.execute(f"alter database {name} allow_connections true")
        await asyncio.wait_for(kept, 8)
    await admin.close()
    assert await keys(pool) == ["one"]


async def test_a_database_that_only_reads_for_now_is_away_and_refuses_nothing(
    database_url: str, pool: asyncpg.Pool
) -> None:
    await pool.execute("create function refuse() returns trigger language plpgsql as "
                       "$$ begin raise sqlstate '25006'; end $$")  # fmt: skip
    await pool.execute("create trigger refuse before insert on outbox execute function refuse()")
    async with at_work(Scribe(pool)) as writer:
        kept = writer.commit(a_note("one"))
        await until(lambda: writer.is_away)
        await pool.execute("drop trigger refuse on outbox")
        await asyncio.wait_for(kept, 8)
    assert await keys(pool) == ["one"]


async def test_only_what_may_be_dropped_is_dropped_the_oldest_first_and_counted(
    gate: Gate, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scribe, "MOST_WAITING", 30)
    monkeypatch.setattr(scribe, "BATCH", 10)
    async with await database.open_pool(gate.url, size=2) as through, at_work(Scribe(through)) as writer:
        await gate.shut()
        with capture_logs() as logs:
            for number in range(40):
                writer.write(a_note(str(number), droppable=number % 2 == 0))
                if number == 9:
                    await until(lambda: writer.is_away)  # these ten are being written
            promised = writer.commit(a_note("promised", droppable=True))
            for number in range(41, 44):
                writer.write(a_note(str(number)))
        assert writer.dropped == 14
        assert any("journal lines are dropped" in line["event"] for line in logs)
        await gate.open()
        await asyncio.wait_for(writer.drained(), 8)
        assert promised.done()
    dropped = [str(number) for number in range(10, 38, 2)]
    everything = [*map(str, range(40)), "promised", "41", "42", "43"]
    assert await keys(pool) == [name for name in everything if name not in dropped]


async def test_dropping_costs_the_same_however_much_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred thousand notes wait and none may be dropped but the last: looking for it takes no time."""
    writer = Scribe(None)  # type: ignore[arg-type]  # it writes nothing here
    monkeypatch.setattr(scribe, "MOST_WAITING", 100_000)
    for _ in range(100_000):
        writer.write(Note([]))
    watch = Stopwatch()
    for _ in range(2_000):
        writer.write(Note([], droppable=True))
    assert watch.seconds < 0.5
    assert writer.dropped == 2_000
    assert len(writer) == 100_000


async def test_with_nothing_left_to_drop_everything_is_kept(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scribe, "MOST_WAITING", 10)
    async with await database.open_pool(gate.url, size=2) as through:
        writer = Scribe(through)
        for number in range(30):
            writer.write(a_note(str(number)))
        assert (len(writer), writer.dropped) == (30, 0)


# -- transfers --------------------------------------------------------------------------------------------


def the_beginning(call: str = "caller-1") -> Note:
    world = World((Dial(),))
    caller = dataclasses.replace(world.request.caller, uuid=call)
    return store.beginning(dataclasses.replace(world.request, id=uuid4(), caller=caller), world.t)


async def test_an_intention_whose_commit_was_not_confirmed_is_written_again_and_is_the_same(
    pool: asyncpg.Pool,
) -> None:
    note = the_beginning()
    async with at_work(Scribe(pool)) as writer:
        await writer.commit(note)
        await writer.commit(dataclasses.replace(note))
    assert await pool.fetchval("select count(*) from transfers") == 1


async def test_a_second_open_transfer_of_one_call_is_refused_by_the_database_itself(
    pool: asyncpg.Pool,
) -> None:
    async with at_work(Scribe(pool)) as writer:
        first, second, other = (writer.commit(the_beginning(call)) for call in ("a", "a", "b"))
        await asyncio.wait([first, second, other])
        assert first.exception() is None
        assert other.exception() is None
        assert isinstance(second.exception(), asyncpg.UniqueViolationError)


async def test_lines_of_the_journal_may_be_dropped_but_no_result_and_no_end() -> None:
    from voiced.transfer import facts as f
    from voiced.transfer.messages import completed
    from voiced.transfer.state import Phase, Transfer

    world = World((Dial(),))
    rings = Transfer("t", (Dial(),), phase=Phase.RINGING, attempt=1)
    line = f.Ringing(1000.0, 1, "leg")
    assert store.note(world.request, rings, 2, line).droppable
    assert not store.note(world.request, rings, 2, line, [completed(world.request, rings)]).droppable
    over = dataclasses.replace(rings, phase=Phase.ENDED)
    assert not store.note(world.request, over, 3, line).droppable
