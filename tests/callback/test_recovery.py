"""Attempts that a daemon has left behind, or another version of voiced: taken up, given up, told."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from structlog.testing import capture_logs

from tests.callback.conftest import CLIENT, House, Opens
from tests.conftest import DOMAIN
from voiced.callback import store
from voiced.refusals import PbxIsAway
from voiced.sim import Manner, Phone, Switch

OTHER = "+5521988887777"


async def accepted(house: House, agent: Phone) -> dict[str, Any]:
    """A promise that its agent has accepted, and whose phone rings and is not picked up."""
    agent.manner = Manner.RING
    row = await house.promise()
    await house.accept(row)
    await house.switch.until(lambda: agent.ringing)
    return row


@pytest.mark.parametrize("column", ["state", "request"])
async def test_an_attempt_of_another_version_is_given_up_and_keeps_nobody_from_being_taken_up(
    switch: Switch, agent: Phone, opens: Opens, pool: asyncpg.Pool,
    column: str,
) -> None:  # fmt: skip
    second = switch.phone("1002", Manner.RING)
    agent.manner = Manner.RING
    async with opens() as house:
        await house.until_free(), await house.until_free("1002")
        theirs, ours = await house.promise(), await house.promise(OTHER, extension="1002")
        lost, kept = await house.accept(theirs), await house.accept(ours)
        await switch.until(lambda: agent.ringing and second.ringing)
    changed = f"update callback_attempts set {column} = $2 where id = $1"
    await pool.execute(changed, UUID(lost["call_uuid"]), {"phase": "meditating"} if column == "state" else [])
    with capture_logs() as lines:
        async with opens() as house:
            await switch.until(lambda: not agent.ringing)  # the leg is nobody's
            row = await house.until(theirs["id"], lambda row: row["misses"])
            assert (row["status"], row["attempts"], row["misses"]) == ("ready_to_call", 0, {"none": 1})
            await house.until_told("retry")
            assert (house.result("retry")["cause"], house.result("retry")["attemptId"]) == (
                "LOST", lost["call_uuid"],
            )  # fmt: skip
            line = house.line(number=OTHER)
            second.answer()
            await house.until_talking(second, line)
            gone = {"call_uuid": lost["call_uuid"]}
            assert (await house.post("/api/callback/monitor", gone, 404))["error"] == "no_such_attempt"
            active = (await house.client.get("/api/callback/active")).json()
            assert [call["id"] for call in active["calls"]] == [kept["call_uuid"]]
    given_up = [
        line for line in lines if line["event"] == "a callback attempt cannot be read, it is given up"
    ]
    assert [line["attempt_id"] for line in given_up] == [lost["call_uuid"]]


@pytest.mark.parametrize(
    ("phase", "result", "is_connected", "expected"),
    [
        ("calling", "", False, ("failed", "LOST")),
        ("asking", "", False, ("failed", "LOST")),
        ("joining", "", False, ("failed", "LOST_TOGETHER")),  # they may have talked: a person has to look
        ("bridging", "", False, ("failed", "LOST_TOGETHER")),
        ("connected", "", True, ("completed", "LOST")),
        ("clearing", "busy", False, ("busy", "USER_BUSY")),  # it was known
    ],
)
async def test_what_is_given_up_is_not_guessed(
    pool: asyncpg.Pool, phase: str, result: str, is_connected: bool, expected: tuple[str, str]
) -> None:
    id = uuid4()
    await pool.execute(
        """
        insert into callback_attempts (
            id, pbx, domain_uuid, number, extension, phase, request, state, result, cause, requested_at,
            connected_at
        ) values ($1, 'pbx', $2, $3, '1001', $4, '{}', '{}', $5, $6, now(), case when $7 then now() end)
        """,
        id, DOMAIN, CLIENT, phase, result, "USER_BUSY" if result else "", is_connected,
    )  # fmt: skip
    assert await store.open_attempts(pool, "pbx") == []
    await store.give_up_unreadable(pool, "pbx")
    row = await pool.fetchrow("select * from callback_attempts where id = $1", id)
    assert row is not None
    assert (row["result"], row["cause"]) == expected
    assert (row["phase"], row["ended_at"] is not None, row["settled"]) == ("ended", True, False)


def test_an_ending_that_only_another_version_knows_is_a_failure() -> None:
    row = {"result": "abducted", "leg": "", "cause": "UFO", "sip_code": ""}
    assert store.outcome_of(row).result == "failed"


# -- a cancel that was committed, and whose daemon died before the call was ended -------------------------


async def lost(*_: object) -> None:
    """Whoever took the cancel dies here."""


async def test_a_call_that_was_canceled_is_ended_by_the_next_owner_and_the_client_not_called(
    switch: Switch, agent: Phone, opens: Opens,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    async with opens() as house:
        await house.until_free()
        line = house.line()
        row = await accepted(house, agent)
        monkeypatch.setattr(house.api.daemon.calls, "stop", lost)
        assert (await house.post(f"/api/callbacks/{row['id']}/cancel"))["status"] == "in_progress"
    assert agent.ringing
    async with opens() as house:
        await switch.until(lambda: not agent.ringing)
        await house.until_status(row["id"], "canceled")
        await house.until_told("canceled")
        assert (house.result("canceled")["cause"], line.calls) == ("MANAGER_REQUEST", 0)


async def test_a_cancel_before_a_new_owner_has_taken_the_call_up_is_not_lost(
    switch: Switch, agent: Phone, opens: Opens,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    async with opens() as house:
        await house.until_free()
        line = house.line()
        row = await accepted(house, agent)
    at_it, go_on, read = asyncio.Event(), asyncio.Event(), store.open_attempts

    async def slowly(*which: Any) -> Any:
        found = await read(*which)
        at_it.set()
        await go_on.wait()
        return found

    monkeypatch.setattr(store, "open_attempts", slowly)
    async with opens() as house, asyncio.timeout(15):
        await at_it.wait()
        await house.post(f"/api/callbacks/{row['id']}/cancel")
        await house.until_idle()  # nobody was there to end the call
        assert agent.ringing
        go_on.set()
        await house.until_status(row["id"], "canceled")
        assert (agent.ringing, line.calls) == (False, 0)


async def test_a_talk_that_a_new_owner_finds_is_not_ended_by_a_cancel(
    switch: Switch, agent: Phone, opens: Opens, pool: asyncpg.Pool
) -> None:
    async with opens() as house:
        await house.until_free()
        line = house.line()
        row = await house.promise()
        await house.accept(row)
        await house.until_talking(agent, line)
    await pool.execute("update callbacks set cancel_wanted = true")
    async with opens() as house:
        await house.until(row["id"], lambda row: "'cancelled'" in str(row["attempt_journals"]))
        assert agent.talks_to is line
        line.hangup()
        await house.until_status(row["id"], "completed")


async def test_the_client_is_not_called_for_a_callback_that_was_canceled_while_the_agents_phone_rang(
    switch: Switch, agent: Phone, opens: Opens,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """By a standby, say, which died before it could ask the owner to end the call."""
    async with opens() as house:
        await house.until_free()
        line = house.line()
        row = await accepted(house, agent)
        monkeypatch.setattr(house.api.daemon.calls, "stop", lost)
        await house.post(f"/api/callbacks/{row['id']}/cancel")
        agent.answer()
        await house.until_status(row["id"], "canceled")
        assert line.calls == 0


async def test_a_cancel_that_no_owner_hears_of_is_no_fault(
    house: House, agent: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = await accepted(house, agent)
    asked = asyncio.Event()

    async def nobody(_: UUID) -> None:
        asked.set()
        raise PbxIsAway("no daemon owns this PBX at the moment")

    monkeypatch.setattr(house.api.daemon.calls, "_stop", nobody)
    with capture_logs() as lines:
        await house.post(f"/api/callbacks/{row['id']}/cancel")
        async with asyncio.timeout(5):
            await asked.wait()
        agent.answer()
        await house.until_status(row["id"], "canceled")  # it stands in the row
    assert [line["reason"] for line in lines if "not wanted" in line["event"]] == ["pbx_is_away"]
    assert not [line for line in lines if line["log_level"] == "error"]


# -- an owner who is followed by another while an intention is being written down -------------------------


async def test_an_owner_who_was_followed_meanwhile_writes_no_intention_down(
    switch: Switch, agent: Phone, opens: Opens, pool: asyncpg.Pool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    async with opens() as house:
        await house.until_free()
        row = await house.promise()
        attempts = house.api.daemon.attempts
        tools = attempts._tools

        async def hangs(*what: Any) -> None:
            await pool.execute("update leases set owner = 'another', beat = beat + 1")
            await tools.begin(*what)

        monkeypatch.setattr(attempts, "_tools", replace(tools, begin=hangs))
        refused = await house.post(f"/api/callbacks/{row['id']}/accept", status=503)
        assert refused["error"] == "pbx_is_away"
        assert await pool.fetchval("select count(*) from callback_attempts") == 0
        assert (await house.look(row["id"]))["status"] == "pending"
        assert agent.calls == 0


async def test_an_owner_who_steps_down_while_an_intention_hangs_does_not_commit_it_later(
    switch: Switch, agent: Phone, opens: Opens, pool: asyncpg.Pool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    async with opens() as house:
        await house.until_free()
        row = await house.promise()
        attempts = house.api.daemon.attempts
        tools, hangs, ended = attempts._tools, asyncio.Event(), asyncio.Event()

        async def hang(*what: Any) -> None:
            hangs.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        monkeypatch.setattr(attempts, "_tools", replace(tools, begin=hang))
        asked = asyncio.create_task(house.post(f"/api/callbacks/{row['id']}/accept", status=503))
        async with asyncio.timeout(5):
            await hangs.wait()
            await attempts.close()
            await ended.wait()
        assert (await asked)["error"] == "database_is_away"
        assert await pool.fetchval("select count(*) from callback_attempts") == 0


async def test_an_open_attempt_that_nobody_drives_is_taken_up_at_the_next_look(
    switch: Switch, agent: Phone, opens: Opens,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A former owner's commit that came when the new one had looked already."""
    async with opens() as house:
        await house.until_free()
        row = await accepted(house, agent)
    monkeypatch.setattr("voiced.service.SWEEP_SECONDS", 0.1)

    async def nothing_yet(*_: object) -> list[Any]:
        return []

    with monkeypatch.context() as early:
        early.setattr(store, "open_attempts", nothing_yet)
        async with opens() as house:
            recovery = house.api.daemon.attempts._recovery
            assert recovery is not None
            await recovery
            assert (await house.look(row["id"]))["status"] == "in_progress"
            assert not len(house.api.daemon.attempts)
            early.undo()
            row = await house.until_status(row["id"], "ready_to_call")
            await house.until_told("retry")
            assert house.result("retry")["cause"] == "LOST"


async def test_an_attempt_that_ends_while_strays_are_looked_for_is_none(
    house: House, agent: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.manner = Manner.RING
    attempts, read = house.api.daemon.attempts, store.open_attempts
    await house.originate()
    await house.switch.until(lambda: agent.ringing)
    seen: list[int] = []

    async def late(*which: Any) -> Any:
        found = await read(*which)
        seen.append(len(found))
        for driver in attempts:
            driver.cancel()
        while len(attempts):
            await asyncio.sleep(0.01)
        return found

    monkeypatch.setattr(store, "open_attempts", late)
    with capture_logs() as lines:
        await attempts._take_up()
    assert seen == [1, 0]
    assert [line for line in lines if line["event"] == "taking up a callback attempt"] == []
