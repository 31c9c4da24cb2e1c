"""`voiced doctor`: each thing that is wrong is one line and what to do about it; the exit code tells."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.backend import Backend
from tests.conftest import DOMAIN, settings_for, url_of
from voiced.doctor import checks, event_socket, examine, second_opinion
from voiced.settings import Settings
from voiced.sim import Received, Switch, Verdict

Doctor = Callable[..., Awaitable[tuple[int, dict[str, str], str]]]
NOBODY = "127.0.0.1:1"


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    backend = Backend()
    await backend.start()
    yield backend
    await backend.stop()


@pytest.fixture
def both(switch: Switch, database_url: str, backend: Backend, capsys: pytest.CaptureFixture[str]) -> Doctor:
    """Examine settings where all is well but for `changes`: exit code, line of each check, everything."""

    async def look(**changes: Any) -> tuple[int, dict[str, str], str]:
        changes = {"tickets": {"url": backend.url, "token": "secret"}, **changes}
        code = await examine(settings_for(switch.port, database_url, **changes))
        told = capsys.readouterr().out
        lines = [line for line in told.splitlines() if line[:4] in ("ok  ", "FAIL")]
        assert len(lines) == (5 if "fusionpbx" in changes else 4), told
        return code, {line[6:24].strip(): f"{line[:4]} {line[24:]}" for line in lines}, told

    return look


@pytest.fixture
def doctor(both: Doctor, monkeypatch: pytest.MonkeyPatch) -> Doctor:
    """The same without greenswitch, whose part our own client plays: it takes a second to start."""
    monkeypatch.setattr(event_socket, "_ask_greenswitch", event_socket._ask_ours)
    return both


def failed(lines: dict[str, str]) -> list[str]:
    return [what for what, line in lines.items() if line.startswith("FAIL")]


async def test_where_everything_is_well_it_says_so_and_exits_with_0(switch: Switch, both: Doctor) -> None:
    switch.phone("1001")
    switch.phone("1002")
    code, lines, told = await both()
    assert code == 0
    assert list(lines) == ["settings", "database", "event socket", "ticketing backend"]
    assert not failed(lines)
    assert "PostgreSQL" in lines["database"]
    assert "schema up to date" in lines["database"]
    assert "is ready; 2 phone(s) registered (two clients agree)" in lines["event socket"]
    assert "→" not in told, "there is nothing to do"


async def test_no_domain_is_wrong(doctor: Doctor) -> None:
    code, lines, told = await doctor(domain=[])
    assert (code, failed(lines)) == (1, ["settings"])
    assert "no [[domain]] is configured" in lines["settings"]
    assert "→ add uuid and name of each domain" in told


async def test_warnings_are_told_and_are_no_failure(doctor: Doctor) -> None:
    code, lines, told = await doctor(http={"listen": "0.0.0.0:8085"})
    assert (code, failed(lines)) == (0, [])
    assert "anybody can transfer calls" in told


# -- the database -----------------------------------------------------------------------------------------


async def test_an_unreachable_database_is_wrong(doctor: Doctor) -> None:
    code, lines, told = await doctor(database={"url": f"postgresql://u:hunter2@{NOBODY}/calls"})
    assert (code, failed(lines)) == (1, ["database"])
    assert "PostgreSQL 'calls' on 127.0.0.1" in lines["database"]
    assert "→ is PostgreSQL running, and is [database] url right?" in told
    assert "hunter2" not in told


async def test_a_database_that_says_nothing_is_wrong(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "PATIENCE", 2.0)
    async with saying() as port:
        code, lines, told = await doctor(database={"url": f"postgresql://u@127.0.0.1:{port}/calls"})
    assert (code, failed(lines)) == (1, ["database"])
    assert "no answer within 2 s" in lines["database"]
    assert "→ is it overloaded, or a firewall in between?" in told


async def test_what_is_no_database_is_wrong(doctor: Doctor) -> None:
    async with saying(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        code, lines, told = await doctor(database={"url": f"postgresql://u@127.0.0.1:{port}/calls"})
    assert (code, failed(lines)) == (1, ["database"])
    assert "→ is PostgreSQL running, and is [database] url right?" in told


async def test_a_check_that_fails_itself_is_a_line_too(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(settings: Settings) -> None:
        raise ZeroDivisionError("a bug\nof ours \udcff")

    monkeypatch.setattr(checks, "_database", fails)
    code, lines, told = await doctor()
    assert (code, failed(lines)) == (1, ["database"])
    assert "ZeroDivisionError: a bug of ours ?" in lines["database"]
    assert "→ the check itself failed: report this" in told


async def test_migrations_that_are_missing_are_told_with_the_command(postgres: str, doctor: Doctor) -> None:
    connection = await asyncpg.connect(postgres)
    await connection.execute("create database of_doctor")
    try:
        code, lines, told = await doctor(database={"url": url_of(postgres, "of_doctor")})
    finally:
        await connection.execute("drop database of_doctor with (force)")
        await connection.close()
    assert (code, failed(lines)) == (0, [])
    assert "migration(s) to apply" in lines["database"]
    assert "→ voiced migrate" in told


async def test_the_embedded_database_is_said_to_be_started_by_run(doctor: Doctor) -> None:
    code, lines, _ = await doctor(database={"url": ""})
    assert code == 0
    assert "embedded, in .voiced/postgres (started by `voiced run`)" in lines["database"]


# -- the event socket -------------------------------------------------------------------------------------


async def test_a_pbx_that_is_not_there_is_wrong(switch: Switch, doctor: Doctor) -> None:
    await switch.close_door()
    code, lines, told = await doctor()
    assert (code, failed(lines)) == (1, ["event socket"])
    assert f"127.0.0.1:{switch.port}" in lines["event socket"]
    assert "→ is FreeSWITCH running, and [pbx] host and port right?" in told


async def test_a_wrong_password_is_wrong(doctor: Doctor) -> None:
    code, lines, told = await doctor(pbx={"password": "hunter2"})
    assert (code, failed(lines)) == (1, ["event socket"])
    assert "refuses the password" in lines["event socket"]
    assert "→ set [pbx] password" in told
    assert "hunter2" not in told


async def test_a_pbx_that_turns_this_machine_away_is_wrong(switch: Switch, doctor: Doctor) -> None:
    switch.faults.rude = True
    code, lines, told = await doctor()
    assert (code, failed(lines)) == (1, ["event socket"])
    assert "→ add this machine to the access list" in told


@asynccontextmanager
async def saying(*words: bytes) -> AsyncIterator[int]:
    """A server that says this to whoever connects, word by word, and then nothing. Yields its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for word in words:
            writer.write(word)
            await asyncio.sleep(0.05)
        await reader.read()  # until the other closes
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@pytest.mark.parametrize(
    ("words", "told_so"),
    [
        ((), "did not answer"),
        ((b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",), "is no event socket's"),
        ((b"HTTP/1.0 400\nContent-Length: x\n\n",), "is no length"),
        ((b"SSH-2.0-OpenSSH_9.2p1\r\n",), "is no event socket's"),
        ((b"x" * 200_000,), "this is no event socket"),
        ((b"Content-Type: auth/request\n\n",), "no reply within|did not answer"),
    ],
    ids=["silent", "http", "a length that is none", "ssh", "endless", "silent after its greeting"],
)
async def test_something_else_on_the_port_is_wrong(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, words: tuple[bytes, ...], told_so: str
) -> None:
    monkeypatch.setattr(event_socket, "CONNECT_SECONDS", 0.5)
    async with saying(*words) as port:
        code, lines, told = await doctor(pbx={"port": port})
    assert (code, failed(lines)) == (1, ["event socket"])
    assert re.search(told_so, lines["event socket"])
    assert f"127.0.0.1:{port}" in lines["event socket"]
    assert "→ is FreeSWITCH running, and [pbx] host and port right?" in told


async def test_a_host_that_is_not_there_is_wrong(doctor: Doctor) -> None:
    code, lines, told = await doctor(pbx={"host": "no-such-host.invalid"})
    assert (code, failed(lines)) == (1, ["event socket"])
    assert "no-such-host.invalid" in lines["event socket"]
    assert "→ is FreeSWITCH running, and [pbx] host and port right?" in told


async def test_a_pbx_that_takes_commands_and_does_not_answer_is_wrong(
    switch: Switch, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_socket, "OURS_SECONDS", 0.05)
    switch.intercept = lambda command: Verdict(lose_reply=True) if command.line == "api status" else None
    code, lines, told = await doctor()
    assert (code, failed(lines)) == (1, ["event socket"])
    assert "no reply within" in lines["event socket"]
    assert "→ FreeSWITCH takes commands and does not answer" in told


@pytest.mark.parametrize("refused", ["api status", "api show registrations as json"])
async def test_a_pbx_that_refuses_a_question_is_wrong(refused: str, switch: Switch, doctor: Doctor) -> None:
    switch.intercept = lambda command: "-ERR permission denied" if command.line == refused else None
    code, lines, told = await doctor()
    assert (code, failed(lines)) == (1, ["event socket"])
    assert f"refuses a question: {refused[4:]}: -ERR permission denied" in lines["event socket"]
    assert "→ allow `status` and `show`" in told


@pytest.mark.parametrize("answer", ["no json", "[]", '{"rows": 5}', '{"rows": [5]}', "null"])
async def test_registrations_that_are_no_table_are_wrong(answer: str, switch: Switch, doctor: Doctor) -> None:
    switch.intercept = lambda command: answer if "registrations" in command.line else None
    code, lines, told = await doctor()
    assert (code, failed(lines)) == (1, ["event socket"])
    assert "`show registrations` is no table" in lines["event socket"]
    assert "→" in told


async def test_a_second_client_that_hangs_is_told_and_ended(
    switch: Switch, both: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_socket, "OTHER_SECONDS", 0.5)
    seen: list[int] = []

    def second_waits(command: Received) -> Verdict | None:
        seen.append(command.connection)
        return Verdict(lose_reply=True) if command.connection != seen[0] else None

    switch.intercept = second_waits
    code, lines, told = await both()
    assert (code, failed(lines)) == (1, ["event socket"])
    assert "greenswitch does not: no answer within 0.5 s" in lines["event socket"]
    assert "→" in told


async def test_a_second_client_that_cannot_go_there_is_not_held_against_the_pbx(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It speaks IPv4 only."""

    async def skipped(settings: Settings) -> dict[str, Any]:
        return second_opinion.ask("::1", 8021, "x", ["status"])

    monkeypatch.setattr(event_socket, "_ask_greenswitch", skipped)
    code, lines, _ = await doctor()
    assert (code, failed(lines)) == (0, [])
    assert "0 phone(s) registered (greenswitch speaks IPv4 only" in lines["event socket"]


async def test_a_switch_that_is_not_ready_is_wrong(switch: Switch, doctor: Doctor) -> None:
    not_ready = "UP 0 years\nFreeSWITCH (Version 1.10) is not ready\n"
    switch.intercept = lambda command: not_ready if command.line == "api status" else None
    code, lines, told = await doctor()
    assert (code, failed(lines)) == (1, ["event socket"])
    assert "FreeSWITCH is not ready: look at its log" in told


@pytest.mark.parametrize("question", ["api status", "api show registrations as json"])
async def test_two_clients_that_do_not_agree_are_wrong(question: str, switch: Switch, both: Doctor) -> None:
    switch.phone("1001")
    asked: list[str] = []

    def differently(command: Received) -> str | None:
        asked.append(command.line)
        if asked.count(question) < 2 or command.line != question:
            return None
        return '{"row_count": 0}' if "registrations" in question else "FreeSWITCH (Version 2) is ready"

    switch.intercept = differently
    code, lines, told = await both()
    assert (code, failed(lines)) == (1, ["event socket"])
    assert "our client says" in lines["event socket"]
    assert "greenswitch" in lines["event socket"]
    assert "→ phones may have come or gone meanwhile: run it again" in told


async def test_a_second_client_that_fails_is_told(switch: Switch, both: Doctor) -> None:
    seen: list[int] = []

    def second_is_cut(command: Received) -> Verdict | None:
        seen.append(command.connection)
        return Verdict(cut="before") if command.connection != seen[0] else None

    switch.intercept = second_is_cut
    code, lines, told = await both()
    assert (code, failed(lines)) == (1, ["event socket"])
    assert "greenswitch does not" in lines["event socket"]
    assert "→ run it again, and report it if it stays so" in told


# -- the ticketing backend --------------------------------------------------------------------------------


async def test_no_backend_is_well(doctor: Doctor) -> None:
    code, lines, told = await doctor(tickets={})
    assert code == 0
    assert "none configured: results are kept" in lines["ticketing backend"]
    assert "→ set [tickets] url to send them" in told


async def test_a_backend_that_is_not_there_is_wrong(doctor: Doctor) -> None:
    code, lines, told = await doctor(tickets={"url": f"http://{NOBODY}"})
    assert (code, failed(lines)) == (1, ["ticketing backend"])
    assert f"http://{NOBODY}" in lines["ticketing backend"]
    assert "→ is it running, and [tickets] url right?" in told


async def test_a_backend_that_is_broken_is_wrong(backend: Backend, doctor: Doctor) -> None:
    backend.answer = lambda delivery: 502
    code, lines, told = await doctor()
    assert (code, failed(lines)) == (1, ["ticketing backend"])
    assert "answers 502" in lines["ticketing backend"]
    assert "→ look at its log" in told


async def test_a_backend_that_does_not_answer_is_wrong(backend: Backend, doctor: Doctor) -> None:
    backend.answer = lambda delivery: "hang"
    code, lines, _ = await doctor(tickets={"url": backend.url, "timeout_seconds": 0.1})
    assert (code, failed(lines)) == (1, ["ticketing backend"])
    assert "Timeout" in lines["ticketing backend"]


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 302 Found\r\nLocation: https://elsewhere.test/\r\n\r\n",
        b"HTTP/1.1 301 Moved Permanently\r\nContent-Length: 0\r\n\r\n",
    ],
)
async def test_a_backend_that_has_moved_is_wrong(head: bytes, doctor: Doctor) -> None:
    async with saying(head) as port:
        code, lines, told = await doctor(tickets={"url": f"http://127.0.0.1:{port}"})
    assert (code, failed(lines)) == (1, ["ticketing backend"])
    assert (
        f"it is at {'https://elsewhere.test/' if b'302' in head else 'nowhere'}" in lines["ticketing backend"]
    )
    assert "→ set [tickets] url to where it is" in told


@pytest.mark.parametrize(
    "words",
    [(b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 40), (b"Content-Type: auth/request\n\n",), (b"\xff" * 99,)],
    ids=["never ends its head", "a PBX", "no HTTP"],
)
async def test_a_backend_that_speaks_otherwise_is_wrong(
    words: tuple[bytes, ...], doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "PATIENCE", 2.0)
    async with saying(*words) as port:
        code, lines, told = await doctor(tickets={"url": f"http://127.0.0.1:{port}", "timeout_seconds": 0.3})
    assert (code, failed(lines)) == (1, ["ticketing backend"])
    assert "→" in told


async def test_a_backend_that_answers_and_then_drips_is_well(doctor: Doctor) -> None:
    async with saying(b"HTTP/1.1 200 OK\r\n\r\n", *[b"."] * 1000) as port:
        code, _, _ = await doctor(tickets={"url": f"http://127.0.0.1:{port}", "token": "x"})
    assert code == 0


async def test_a_missing_token_is_advised(backend: Backend, doctor: Doctor) -> None:
    code, _, told = await doctor(tickets={"url": backend.url})
    assert code == 0
    assert "→ no [tickets] token is set" in told


# -- all of it --------------------------------------------------------------------------------------------


async def test_everything_wrong_at_once_is_told_at_once(switch: Switch, doctor: Doctor) -> None:
    await switch.close_door()
    wrong = {"url": f"postgresql://{NOBODY}/x"}
    code, lines, told = await doctor(domain=[], database=wrong, tickets={"url": f"http://{NOBODY}"})
    assert (code, len(failed(lines))) == (1, 4)
    assert told.count("→") == 4


@pytest.mark.parametrize(("port", "code"), [("", 0), ("1", 1)], ids=["well", "no PBX"])
async def test_the_command_prints_it_and_exits_so(
    port: str, code: int, switch: Switch, database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "voiced.toml").write_text(f'[[domain]]\nuuid = "{DOMAIN}"\nname = "pbx.test"\n')
    environment = {**os.environ, "DATABASE_URL": database_url, "ESL_PORT": port or str(switch.port)}
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "voiced", "doctor"], cwd=tmp_path, text=True,
        capture_output=True, timeout=60, check=False, env={**environment, "PYTHONPATH": str(Path.cwd())},
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stdout.count("\n") >= 4
    assert done.stderr == ""


async def test_a_fusionpbx_database_is_looked_at_where_there_is_one(
    doctor: Doctor, database_url: str, postgres: str
) -> None:
    code, lines, told = await doctor(fusionpbx={"url": database_url})
    assert (code, failed(lines)) == (0, [])
    assert "0 destination(s)" in lines["FusionPBX"]
    assert "do-not-disturb is not known" in told
    code, lines, told = await doctor(fusionpbx={"url": postgres})
    assert (code, failed(lines)) == (1, ["FusionPBX"])
    assert "/sql/fusionpbx/transfer_destinations.sql there" in told
