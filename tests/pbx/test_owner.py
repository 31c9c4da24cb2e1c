"""One owner for each PBX: whoever dies, sleeps, or loses the database."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest

from tests.gate import Gate
from voiced import database
from voiced.esl.commands import api
from voiced.pbx import owner
from voiced.pbx.owner import Ownership
from voiced.pbx.pbx import Pbx
from voiced.sim import Switch

BEAT, STILL = 0.05, 0.3  # seconds, a tenth of the real ones


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owner, "BEAT_SECONDS", BEAT)
    monkeypatch.setattr(owner, "STILL_SECONDS", STILL)
    monkeypatch.setattr(owner, "ASLEEP_SECONDS", STILL / 2)


@pytest.fixture
async def through(gate: Gate) -> AsyncIterator[asyncpg.Pool]:
    """A pool whose connections go through the gate."""
    async with await database.open_pool(gate.url, size=4) as pool:
        yield pool


class Candidate:
    """A daemon as far as ownership goes."""

    def __init__(self, switch: Switch, pool: asyncpg.Pool, host: str = "") -> None:
        self.pbx = Pbx("pbx", "127.0.0.1", switch.port, "ClueCon")
        self.gained, self.lost = 0, 0
        self.ownership = Ownership(self.pbx, pool, on_gain=self._gain, on_lose=self._lose)
        if host:  # as if on another machine, where nobody sees our process
            self.ownership.id = self.ownership.id.replace(self.ownership.id.partition(":")[0], host)

    async def _gain(self) -> None:
        self.gained += 1

    async def _lose(self) -> None:
        self.lost += 1

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncIterator[Ownership]:
        tasks = [asyncio.create_task(self.pbx.run()), asyncio.create_task(self.ownership.run())]
        try:
            while not self.pbx.questions.is_connected:
                await asyncio.sleep(0.01)
            yield self.ownership
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def until(condition: Callable[[], object], seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def test_the_first_owns_the_pbx_and_the_switch_knows_it(switch: Switch, pool: asyncpg.Pool) -> None:
    async with (
        Candidate(switch, pool).at_work() as first,
        Candidate(switch, pool, "other").at_work() as second,
    ):
        await until(lambda: first.is_owner or second.is_owner)
        await asyncio.sleep(0)
        mine, other = (first, second) if first.is_owner else (second, first)
        await until(lambda: switch.hash == {"voiced_owner": mine.id})
        await asyncio.sleep(3 * STILL)
        assert mine.may_dial()
        assert not other.is_owner


async def test_who_gives_up_is_followed_at_once(switch: Switch, pool: asyncpg.Pool) -> None:
    async with Candidate(switch, pool, "other").at_work() as second:
        await until(lambda: second.is_owner)
        async with Candidate(switch, pool, "third").at_work() as third:
            assert not third.is_owner
    async with Candidate(switch, pool).at_work() as next_one:
        begun = time.monotonic()
        await until(lambda: next_one.is_owner)
        assert time.monotonic() - begun < STILL


async def test_a_standby_takes_over_from_a_dead_owner_of_another_machine(
    switch: Switch, pool: asyncpg.Pool
) -> None:
    await pool.execute("insert into leases (pbx, owner, beat) values ('pbx', 'elsewhere:1:2:abc', 7)")
    begun = time.monotonic()
    async with Candidate(switch, pool).at_work() as standby:
        await until(lambda: standby.is_owner)
        assert STILL - BEAT < time.monotonic() - begun < 3 * STILL + 1


@pytest.mark.parametrize("way", ["shut", "frozen"])
async def test_a_database_that_was_away_does_not_look_like_a_dead_owner(
    switch: Switch, pool: asyncpg.Pool, through: asyncpg.Pool, gate: Gate, way: str
) -> None:
    """The owner cannot beat either; whoever is first back must not take its slowness for its death."""
    await pool.execute("insert into leases (pbx, owner, beat) values ('pbx', 'elsewhere:1:2:abc', 7)")
    standby = Candidate(switch, through)
    async with standby.at_work() as watching:
        await until(lambda: watching._seen is not None)
        if way == "shut":
            await gate.shut()
        else:
            gate.freeze()
        await asyncio.sleep(3 * STILL)
        if way == "shut":
            await gate.open()
        else:
            gate.thaw()
        for beat in range(8, 40):  # the owner is back too, a little later than the standby
            await asyncio.sleep(BEAT)
            await pool.execute("update leases set beat = $1", beat)
        assert standby.gained == 0


async def test_while_the_database_is_away_the_owner_stays_and_does_not_dial(
    switch: Switch, through: asyncpg.Pool, gate: Gate
) -> None:
    candidate = Candidate(switch, through)
    async with candidate.at_work() as mine:
        await until(mine.may_dial)
        await gate.shut()
        await until(lambda: not mine.may_dial())
        await asyncio.wait_for(mine.certain(), 1)  # but acts: nobody can have taken over
        assert (mine.is_owner, candidate.lost) == (True, 0)
        await gate.open()
        await until(mine.may_dial)


async def test_an_owner_that_has_slept_waits_until_it_is_certain(switch: Switch, pool: asyncpg.Pool) -> None:
    candidate = Candidate(switch, pool)
    async with candidate.at_work() as mine:
        await until(mine.may_dial)
        time.sleep(STILL)  # noqa: ASYNC251 - the whole process stands still
        assert not mine.may_dial()
        waiting = asyncio.ensure_future(mine.certain())
        await asyncio.sleep(0)
        assert not waiting.done(), "not before the database has said so"
        await asyncio.wait_for(waiting, 2)
        assert (mine.is_owner, candidate.lost) == (True, 0)


async def test_an_owner_that_was_followed_while_it_slept_gives_up(switch: Switch, pool: asyncpg.Pool) -> None:
    candidate = Candidate(switch, pool)
    async with candidate.at_work() as mine:
        await until(mine.may_dial)
        await pool.execute("update leases set owner = 'elsewhere:1:2:abc', beat = beat + 1")
        time.sleep(STILL)  # noqa: ASYNC251
        await asyncio.wait_for(mine.certain(), 2)
        assert (mine.is_owner, candidate.lost) == (False, 1)


@pytest.mark.parametrize("followed", [False, True])
async def test_without_the_database_the_switch_tells_who_owns_it(
    switch: Switch, through: asyncpg.Pool, gate: Gate, followed: bool
) -> None:
    candidate = Candidate(switch, through)
    async with candidate.at_work() as mine:
        await until(lambda: mine.may_dial() and switch.hash)
        await gate.shut()
        if followed:
            for command in ("delete/voiced/owner", "insert/voiced/owner/elsewhere:1:2:abc"):
                await candidate.pbx.calls.ask(api(f"hash {command}"))
        time.sleep(STILL)  # noqa: ASYNC251
        await asyncio.wait_for(mine.certain(), 3)
        assert (mine.is_owner, candidate.lost) == (not followed, int(followed))
