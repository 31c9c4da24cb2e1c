"""A daemon that starts, stops, or loses the PBX to another: who waits is not forgotten, nor told untruths."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import asyncpg
import httpx
import pytest
from structlog.testing import capture_logs

from tests.callers import at_the_assistant, back_at_the_assistant, stays_at_the_assistant
from tests.conftest import Start
from tests.house import add
from voiced import app
from voiced.pbx.pbx import Survey
from voiced.sim import Manner, Received, Switch, Verdict
from voiced.transfer import store

RINGS = {"ring_timeout_seconds": 20, "announce": False}
# the same transfer once more, of another call, in a phase that no version here knows
FOREIGN = """
    insert into transfers select (jsonb_populate_record(t, jsonb_build_object(
        'id', gen_random_uuid(), 'call_uuid', 'a-call-of-yesterday',
        'state', jsonb_set(state, '{phase}', '"meditating"')
    ))).* from transfers t
"""


async def test_a_row_of_another_version_keeps_nobody_else_on_hold(
    switch: Switch, start: Start, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = switch.phone("1001", Manner.RING)
    caller = await at_the_assistant(switch)
    monkeypatch.setattr(app, "FINISH_SECONDS", 0.1)
    async with start(transfer=RINGS) as api:
        id = (await api.transfer(caller.uuid, "1001", wait=0))["id"]
        await switch.until(lambda: phone.ringing and caller.hears == "music")
    await pool.execute(FOREIGN)
    with capture_logs() as lines:
        async with start(transfer=RINGS) as api:
            await switch.until(lambda: len(api.daemon.transfers) == 1)
            phone.answer()
            await switch.until(lambda: caller.talks_to is phone)
            foreign = await pool.fetchrow("select * from transfers where id <> $1", id)
            assert foreign is not None
            assert (foreign["status"], foreign["cause"], foreign["phase"]) == ("failed", "LOST", "ended")
            told = await pool.fetchrow("select * from outbox where stream = 'call:a-call-of-yesterday'")
            assert told is not None
            assert (told["payload"]["status"], told["payload"]["transferId"]) == (
                "failed",
                str(foreign["id"]),
            )
            assert (await api.client.get(f"/api/transfers/{foreign['id']}")).status_code == 404
            assert (await api.client.get("/api/transfers")).json()["total"] == 2
            caller.hangup()
            await api.ended(id)
    [line] = [line for line in lines if line["event"] == "a transfer cannot be read, it is given up"]
    assert (line["call_uuid"], line["transfer_id"]) == ("a-call-of-yesterday", str(foreign["id"]))


async def test_who_waits_for_a_result_gets_it_from_the_database_when_the_pbx_is_anothers(
    switch: Switch, start: Start
) -> None:
    phone = switch.phone("1001", Manner.RING)
    async with start(transfer=RINGS) as api:
        caller = await at_the_assistant(switch)
        asked = asyncio.create_task(api.ask(caller.uuid, "1001", wait=1.5))
        await switch.until(lambda: phone.ringing)
        await api.daemon.scribe.drained()
        await api.daemon.pool.execute("update leases set owner = 'another', beat = beat + 1")
        await switch.until(lambda: not api.daemon.ownership.is_owner)
        answer = await asked
        assert (answer.status_code, answer.json()["success"]) == (202, False), "it is not known yet"
        await api.daemon.pool.execute("delete from leases")  # the other one has died
        await switch.until(lambda: api.daemon.ownership.is_owner, 10)
        caller.hangup()
        await api.ended(answer.json()["id"])


async def test_a_request_that_is_under_way_when_the_daemon_stops_touches_nobody(
    switch: Switch, start: Start
) -> None:
    phone = switch.phone("1001", Manner.RING)
    asked: asyncio.Task[httpx.Response]
    async with start(transfer=RINGS) as api:
        caller = await at_the_assistant(switch)
        under_way = asyncio.Event()

        def slow(received: Received) -> Verdict | None:
            if "uuid_dump" not in received.words:
                return None
            under_way.set()
            return Verdict(delay=0.5)

        switch.intercept = slow
        asked = asyncio.create_task(api.ask(caller.uuid, "1001", wait=0))
        await under_way.wait()
    [answer] = await asyncio.gather(asked, return_exceptions=True)
    assert isinstance(answer, httpx.HTTPError) or answer.status_code == 503  # as far as HTTP still answers
    assert not [command for command in switch.commands if "originate" in command.line]
    assert (caller.hears, phone.ringing) == ("assistant", False)


async def test_a_person_outside_who_wants_to_call_back_gives_the_caller_back_to_the_assistant(
    switch: Switch, start: Start
) -> None:
    """Whatever the fallback: the assistant is to offer the callback that was promised."""
    switch.gateways.add("default")
    switch.outside_number("+5511988887777", delay=0.05, press="3")
    async with start(transfer=RINGS) as api:
        maria = await add(api, name="Maria", fallback_action="voicemail")
        await add(
            api, name="Fora", destination_type="external", destination_number="+5511988887777",
            screening=True, fallback_action="next", fallback_destination_uuid=maria["id"],
        )  # fmt: skip
        caller = await at_the_assistant(switch)
        answer = await api.transfer(caller.uuid, "fora")
        await api.ended(answer["id"])
        await back_at_the_assistant(switch, caller)
        assert (answer["status"], answer["cause"]) == ("rejected", "CALLBACK_WANTED")
        assert (answer["next"], answer["offer_callback"]) == ("assistant", True)


async def test_a_caller_who_has_gone_back_while_the_pbx_answered_is_not_taken_from_the_assistant(
    switch: Switch, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = switch.phone("1001", Manner.RING)
    caller = await at_the_assistant(switch)
    async with start(transfer=RINGS) as api:
        survey, looks = api.daemon.pbx.survey, itertools.count(1)

        async def slow() -> Survey:
            found = await survey()
            task = asyncio.current_task()
            is_ours = task is not None and task.get_name() == "recovery, Transfers"
            if is_ours and next(looks) == 2:  # for what belongs to nobody; the first is at what runs here
                assert found.held
                phone.hangup()
                await api.ended(id)
            return found

        id = (await api.transfer(caller.uuid, "1001", wait=0))["id"]
        await switch.until(lambda: phone.ringing and caller.hears == "music")
        await asyncio.sleep(1.1)  # else the tables do not show it yet
        monkeypatch.setattr(api.daemon.pbx, "survey", slow)
        await switch.cut()
        await api.ended(id)
        await stays_at_the_assistant(switch, caller)
        assert next(looks) > 2


async def test_an_open_transfer_that_nobody_drives_is_taken_up_at_the_next_look(
    switch: Switch, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A former owner's commit that came when the new one had looked already."""
    phone = switch.phone("1001", Manner.RING)
    monkeypatch.setattr(app, "FINISH_SECONDS", 0.1)
    caller = await at_the_assistant(switch)
    async with start(transfer=RINGS) as api:
        id = (await api.transfer(caller.uuid, "1001", wait=0))["id"]
        await switch.until(lambda: phone.ringing)
    monkeypatch.setattr("voiced.service.SWEEP_SECONDS", 0.1)

    async def nothing_yet(*_: object) -> list[Any]:
        return []

    with monkeypatch.context() as early:
        early.setattr(store, "open_transfers", nothing_yet)
        async with start(transfer=RINGS) as api:
            recovery = api.daemon.transfers._recovery
            assert recovery is not None
            await recovery
            assert not len(api.daemon.transfers)
            early.undo()
            assert (await api.ended(id))["status"] == "failed"
            await back_at_the_assistant(switch, caller)
