"""The count of numbers outside: each attempt once, each domain for itself, whoever counts."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import asyncpg

from voiced.pbx.causes import TOO_MANY_OUTSIDE
from voiced.transfer.causes import Status, ending
from voiced.transfer.outside import UNCOUNTED, Outside

HERE, THERE = uuid4(), uuid4()


async def test_a_domain_dials_so_many_within_a_minute_and_no_other_pays_for_it(pool: asyncpg.Pool) -> None:
    outside = Outside(pool, 2)
    assert [await outside.why_not(f"a.{n}", HERE, ["1"]) for n in (1, 2, 3)] == ["", "", TOO_MANY_OUTSIDE]
    assert await outside.is_full(HERE)
    assert (await outside.why_not("b.1", THERE, ["1"]), await outside.is_full(THERE)) == ("", False)
    await pool.execute("update outside_calls set dialled_at = dialled_at - interval '1 minute'")
    assert await outside.why_not("a.4", HERE, ["1"]) == ""


async def test_an_attempt_is_counted_once(pool: asyncpg.Pool) -> None:
    outside = Outside(pool, 1)
    for _ in range(3):
        assert await outside.why_not("a.1", HERE, ["1"]) == ""
    assert await outside.why_not("a.2", HERE, ["1"]) == TOO_MANY_OUTSIDE


async def test_several_that_ring_together_are_all_counted_or_none(pool: asyncpg.Pool) -> None:
    outside = Outside(pool, 3)
    assert await outside.why_not("a.1", HERE, ["1", "2"]) == ""
    assert await outside.why_not("a.2", HERE, ["1", "2"]) == TOO_MANY_OUTSIDE
    assert await outside.why_not("a.3", HERE, ["1"]) == ""


async def test_daemons_that_count_at_once_count_together(pool: asyncpg.Pool) -> None:
    daemons = [Outside(pool, 5), Outside(pool, 5)]
    found = await asyncio.gather(*(daemons[n % 2].why_not(f"a.{n}", HERE, ["1"]) for n in range(20)))
    assert found.count("") == 5


async def test_what_cannot_be_counted_is_not_dialled(pool: asyncpg.Pool) -> None:
    await pool.execute("drop table outside_calls")
    assert await Outside(pool, 5).why_not("a.1", HERE, ["1"]) == UNCOUNTED


async def test_what_was_dialled_long_ago_is_forgotten(pool: asyncpg.Pool) -> None:
    outside = Outside(pool, 5)
    await outside.why_not("a.1", HERE, ["1"])
    await pool.execute("update outside_calls set dialled_at = dialled_at - interval '25 hours'")
    await outside.why_not("a.2", HERE, ["1"])
    assert await pool.fetchval("select array_agg(attempt) from outside_calls") == ["a.2"]


def test_an_attempt_above_the_rate_is_unavailable_and_may_be_tried_again() -> None:
    found = ending(TOO_MANY_OUTSIDE)
    assert (found.status, found.retryable, found.offer_callback) == (Status.UNAVAILABLE, True, True)
