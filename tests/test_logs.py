"""Logs: JSON for machines; every line of a transfer says which one, whose call, and in what domain."""

from __future__ import annotations

import json
from typing import Any

import asyncpg
import pytest
import structlog
from pydantic import ValidationError
from structlog.testing import capture_logs

from tests.backend import Backend
from tests.callers import at_the_assistant
from tests.conftest import DOMAIN, Start
from voiced import app, logs
from voiced.settings import LogSettings
from voiced.sim import Caller, Manner, Switch
from voiced.web import transfers

WHICH = ("transfer_id", "call_uuid", "domain")


def lines_of(lines: list[Any], id: str, caller: Caller) -> list[Any]:
    """The lines of a transfer. Every line that names any of its ids has to name all three."""
    about = [line for line in lines if id in str(line) or caller.uuid in str(line)]
    for line in about:
        assert tuple(line.get(name) for name in WHICH) == (id, caller.uuid, str(DOMAIN)), line
    return about


@pytest.mark.parametrize("manner", [Manner.ANSWER, Manner.BUSY, Manner.DECLINE])
async def test_every_line_of_a_transfer_says_which_whose_and_where(
    manner: Manner, switch: Switch, start: Start
) -> None:
    switch.phone("1001", manner, delay=0.02)
    with capture_logs() as lines:
        async with start() as api:
            caller = await at_the_assistant(switch)
            id = (await api.transfer(caller.uuid, "1001"))["id"]
            caller.hangup()
            await api.ended(id)
    facts = [line["fact"] for line in lines_of(lines, id, caller) if line["event"] == "transfer"]
    assert facts[:2] == ["intent_recorded", "hold_started"]
    assert len(facts) >= 4


async def test_so_do_the_lines_of_what_goes_wrong(switch: Switch, start: Start) -> None:
    switch.phone("1001", delay=0.02)
    switch.intercept = lambda received: "-ERR no" if "uuid_bridge" in received.line else None
    with capture_logs() as lines:
        async with start() as api:
            caller = await at_the_assistant(switch)
            answer = await api.transfer(caller.uuid, "1001")
            assert answer["status"] == "failed"
            await api.ended(answer["id"])
    about = lines_of(lines, answer["id"], caller)
    assert "the PBX refused" in {line["event"] for line in about}


async def test_so_do_the_lines_of_a_daemon_that_takes_a_transfer_up(
    switch: Switch, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "FINISH_SECONDS", 0.1)
    switch.phone("1001", Manner.RING)
    caller = await at_the_assistant(switch)
    async with start() as api:
        id = (await api.ask(caller.uuid, "1001", wait=0)).json()["id"]
        await switch.until(lambda: switch.phones[0].ringing)
    with capture_logs() as lines:
        async with start() as api:
            await api.client.delete(f"/api/transfers/{id}")
            await api.ended(id)
    about = lines_of(lines, id, caller)
    assert about[0]["event"] == "taking up a transfer"
    assert len(about) > 3


@pytest.fixture
def configured() -> Any:
    yield logs.configure
    structlog.reset_defaults()


def test_a_machine_gets_one_json_object_a_line_with_text_as_it_is(
    configured: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    configured(LogSettings(format="json"))
    log = structlog.get_logger("x").bind(call_uuid="c")
    log.info("ligação", name="José\nX-Evil: 1")
    try:
        raise ValueError("broken")
    except ValueError:
        log.exception("a fault")
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert (first["event"], first["level"], first["call_uuid"]) == ("ligação", "info", "c")
    assert first["name"] == "José\nX-Evil: 1"
    assert first["timestamp"].endswith("Z")
    assert second["exception"][0]["exc_value"] == "broken"


@pytest.mark.parametrize("format", ["json", "console"])
def test_a_traceback_says_where_and_not_with_what(
    format: Any, configured: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    configured(LogSettings(format=format))

    def connect(password: str) -> None:
        row = asyncpg.PostgresError("duplicate key")
        row.detail = "Key (number)=(+5511999990000) already exists."
        try:
            raise row
        except asyncpg.PostgresError as error:
            raise ExceptionGroup("several", [error]) from error

    try:
        connect("hunter2" + "hunter2")
    except ExceptionGroup:
        structlog.get_logger("x").exception("a fault")
    told = capsys.readouterr().err
    assert "duplicate key" in told
    assert "test_logs.py" in told
    assert "hunter2hunter2" not in told
    assert "+5511999990000" not in told


def test_what_went_wrong_is_said_without_the_data() -> None:
    refused = asyncpg.PostgresError("duplicate key")
    refused.detail = "Key (number)=(+5511999990000) already exists."
    assert logs.brief(refused) == "duplicate key"
    with pytest.raises(ValidationError) as invalid:
        LogSettings.model_validate({"level": "+5511999990000"})
    assert logs.brief(invalid.value) == "level: literal_error"
    assert logs.brief(TimeoutError()) == "TimeoutError"


async def test_so_do_the_lines_of_a_request_that_fails(
    switch: Switch, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch.phone("1001", Manner.RING)
    with capture_logs([structlog.contextvars.merge_contextvars]) as lines:
        async with start() as api:
            caller = await at_the_assistant(switch)
            id = (await api.ask(caller.uuid, "1001", wait=0)).json()["id"]
            monkeypatch.setattr(transfers.messages, "result", lambda *_: 1 / 0)
            assert (await api.client.get(f"/api/transfers/{id}")).status_code == 500
            monkeypatch.undo()
            await api.client.delete(f"/api/transfers/{id}")
            await api.ended(id)
    assert "a request failed" in {line["event"] for line in lines_of(lines, id, caller)}


async def test_so_do_the_lines_of_a_result_that_is_held(switch: Switch, start: Start) -> None:
    backend = Backend(lambda _: 400)
    await backend.start()
    switch.phone("1001", Manner.BUSY, delay=0.02)
    with capture_logs() as lines:
        async with start(tickets={"url": backend.url}) as api:
            caller = await at_the_assistant(switch)
            id = (await api.transfer(caller.uuid, "1001"))["id"]
            await backend.until(lambda: any(line["event"] == "a message is held" for line in lines))
    await backend.stop()
    lines_of(lines, id, caller)


def test_what_is_below_the_level_is_not_said(configured: Any, capsys: pytest.CaptureFixture[str]) -> None:
    configured(LogSettings(level="warning", format="json"))
    log = structlog.get_logger("x")
    log.info("quiet")
    log.warning("loud")
    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == ["loud"]


def test_a_person_gets_plain_lines_where_there_is_no_terminal(
    configured: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    configured(LogSettings(format="console"))
    structlog.get_logger("x").info("hello", call_uuid="c")
    told = capsys.readouterr().err
    assert "hello" in told
    assert "call_uuid=c" in told
    assert "\x1b" not in told
