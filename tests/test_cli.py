"""The command line, as a process: what cannot start says why in one line and exits with 2; what can come is
waited for."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from tests.conftest import DOMAIN, url_of
from voiced import __version__
from voiced.sim import Manner, Switch

SECRET = "hunter2hunter2"
NOBODY = "127.0.0.1:1"  # a port that nobody listens on


def voiced(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "voiced", *arguments], cwd=cwd, env=clean(environment), text=True,
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip


def clean(environment: dict[str, str]) -> dict[str, str]:
    """Ours, without what would set something."""
    kept = {name: value for name, value in os.environ.items() if "__" not in name and "URL" not in name}
    return {**kept, "PYTHONPATH": str(Path(__file__).resolve().parent.parent), **environment}


def fails(done: subprocess.CompletedProcess[str], *says: str) -> None:
    """Exit code 2, and one line of ours at the end, with these in it."""
    assert done.returncode == 2, done.stderr
    *before, last = done.stderr.splitlines()
    assert all(json.loads(line)["level"] in ("info", "warning") for line in before), done.stderr
    assert last.startswith("voiced: ")
    assert not [text for text in says if text not in last], last
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stderr + done.stdout


@pytest.fixture
def taken() -> Iterator[str]:
    """An address that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        yield f"127.0.0.1:{somebody.getsockname()[1]}"


# -- what cannot start ------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["run", "doctor", "migrate"])
def test_a_wrong_key_is_one_line_that_names_file_and_key(command: str, tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_text("[pbx]\nhots = 'x'\n")
    fails(voiced(command, "--config", "wrong.toml", cwd=tmp_path), "wrong.toml: pbx.hots", "no such setting")


def test_without_config_the_voiced_toml_of_the_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "voiced.toml").write_text("[pbx]\nport = 'x'\n")
    fails(voiced("run", cwd=tmp_path), "voiced.toml: pbx.port", "not 'x'")


def test_a_wrong_variable_is_named(tmp_path: Path) -> None:
    fails(voiced("run", cwd=tmp_path, ESL_PORT="x"), "ESL_PORT (environment)", "not 'x'")


@pytest.mark.parametrize("section", ["http", "outbound"])
def test_a_port_in_use_is_one_line_that_says_which_setting(
    section: str, taken: str, postgres: str, tmp_path: Path
) -> None:
    listen = {"VOICED_HTTP__LISTEN": "127.0.0.1:0", "VOICED_OUTBOUND__LISTEN": ""}
    listen[f"VOICED_{section.upper()}__LISTEN"] = taken
    done = voiced("run", cwd=tmp_path, DATABASE_URL=url_of(postgres, "voiced_template"), **listen)
    fails(done, f"{section}.listen {taken}: Address already in use", f"set [{section}] listen")


@pytest.mark.parametrize("command", ["run", "migrate"])
@pytest.mark.parametrize(
    ("url", "says"),
    [
        (f"postgresql://u:{SECRET}@{NOBODY}/calls", "'calls' on 127.0.0.1"),
        (f"postgresql://u:{SECRET}@host.invalid/calls", "'calls' on host.invalid"),
        (f"mysql://u:{SECRET}@h/calls", "its URL is not understood"),
    ],
    ids=["nobody listens", "no such host", "no PostgreSQL"],
)
def test_an_unreachable_database_is_one_line(command: str, url: str, says: str, tmp_path: Path) -> None:
    done = voiced(command, cwd=tmp_path, DATABASE_URL=url, VOICED_HTTP__LISTEN="127.0.0.1:0", ESL_PORT="1")
    fails(done, "the database cannot be used", says)


def test_a_database_that_does_not_exist_is_one_line(postgres: str, tmp_path: Path) -> None:
    done = voiced("migrate", cwd=tmp_path, DATABASE_URL=url_of(postgres, "nowhere"))
    fails(done, 'database "nowhere" does not exist')


def test_an_option_that_does_not_exist_is_exit_code_2(tmp_path: Path) -> None:
    done = voiced("run", "--nonsense", cwd=tmp_path)
    assert done.returncode == 2
    assert "No such option" in done.stderr


# -- what can come ----------------------------------------------------------------------------------------


class Running:
    """`voiced run` as a process."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, client: httpx.AsyncClient) -> None:
        self.process, self.client, self._log = process, client, log

    def said(self) -> list[dict[str, Any]]:
        """Its log lines so far."""
        return [
            json.loads(line) for line in self._log.read_text().splitlines(keepends=True) if line[-1] == "\n"
        ]

    async def says(self, event: str) -> dict[str, Any]:
        """The first log line with this event, once it is there."""
        async with asyncio.timeout(15):
            while True:
                for line in self.said():
                    if line["event"] == event:
                        return line
                await asyncio.sleep(0.02)

    async def ended(self) -> int:
        """Its exit code."""
        return await asyncio.wait_for(asyncio.to_thread(self.process.wait), 15)


@contextlib.asynccontextmanager
async def running(tmp_path: Path, database_url: str, pbx_port: int) -> AsyncIterator[Running]:
    config = tmp_path / "voiced.toml"
    config.write_text(f"""
        [pbx]
        port = {pbx_port}
        [http]
        listen = "127.0.0.1:0"
        [outbound]
        listen = ""
        [database]
        url = "{database_url}"
        [transfer]
        announce = false
        [[domain]]
        uuid = "{DOMAIN}"
        name = "pbx.test"
    """)
    path = tmp_path / "log"
    with path.open("wb") as log:
        process = subprocess.Popen(  # noqa: ASYNC220
            [sys.executable, "-m", "voiced", "run", "--config", str(config)], stderr=log, env=clean({})
        )
    try:
        async with httpx.AsyncClient() as client:
            daemon = Running(process, path, client)
            client.base_url = httpx.URL((await daemon.says("voiced is up"))["http"])
            yield daemon
    finally:
        process.kill()
        process.wait()


async def test_an_unreachable_pbx_is_waited_for_with_a_warning_and_used_when_it_comes(
    switch: Switch, database_url: str, tmp_path: Path
) -> None:
    port = switch.port
    await switch.stop()
    async with running(tmp_path, database_url, port) as daemon:
        warning = await daemon.says("cannot connect to the PBX")
        assert warning["level"] == "warning"
        assert f"127.0.0.1:{port}" in warning["pbx"]
        assert (await daemon.client.get("/healthz")).status_code == 200
        response = await daemon.client.get("/readyz")
        assert (response.status_code, response.json()["pbx"]) == (503, "not connected")
        body = {"call_uuid": "c", "domain_uuid": str(DOMAIN), "destination": "1001"}
        response = await daemon.client.post("/api/transfers", json=body)
        assert (response.status_code, response.json()["error"]) == (503, "pbx_is_away")
        await switch.restart()
        switch.phone("1001", Manner.BUSY, delay=0.01)
        async with asyncio.timeout(10):
            while (await daemon.client.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.02)
        caller = await switch.call("8000")
        await switch.until(lambda: caller.hears == "assistant")
        async with asyncio.timeout(10):
            body["call_uuid"] = caller.uuid
            response = await daemon.client.post("/api/transfers", params={"wait": 10}, json=body)
        assert response.json().get("status") == "busy", response.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_cleanly(
    number: signal.Signals, switch: Switch, database_url: str, tmp_path: Path
) -> None:
    async with running(tmp_path, database_url, switch.port) as daemon:
        await daemon.says("connected to the PBX")
        daemon.process.send_signal(number)
        assert await daemon.ended() == 0
        assert [line for line in daemon.said() if line["level"] == "error"] == []


async def test_a_signal_waits_for_calls_that_ring_and_a_second_one_does_not(
    switch: Switch, database_url: str, tmp_path: Path
) -> None:
    switch.phone("1001", Manner.RING)
    caller = await switch.call("8000")
    await switch.until(lambda: caller.hears == "assistant")
    async with running(tmp_path, database_url, switch.port) as daemon:
        await daemon.says("connected to the PBX")
        body = {"call_uuid": caller.uuid, "domain_uuid": str(DOMAIN), "destination": "1001"}
        async with asyncio.timeout(10):
            while (await daemon.client.post("/api/transfers", json=body)).status_code != 202:
                await asyncio.sleep(0.02)
        await switch.until(lambda: switch.phones[0].ringing)
        daemon.process.send_signal(signal.SIGTERM)
        await daemon.says("stopping: calls that ring come to their end first (again to stop at once)")
        assert daemon.process.poll() is None
        daemon.process.send_signal(signal.SIGTERM)
        assert await daemon.ended() == 130


async def test_who_waits_for_a_result_when_it_is_stopped_is_answered(
    switch: Switch, database_url: str, tmp_path: Path
) -> None:
    phone = switch.phone("1001", Manner.RING)
    caller = await switch.call("8000")
    await switch.until(lambda: caller.hears == "assistant")
    async with running(tmp_path, database_url, switch.port) as daemon:
        await daemon.says("this daemon owns the PBX now")
        await daemon.says("connected to the PBX")
        async with asyncio.timeout(10):
            while (await daemon.client.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.02)
        body = {"call_uuid": caller.uuid, "domain_uuid": str(DOMAIN), "destination": "1001"}
        waiting = asyncio.create_task(
            daemon.client.post("/api/transfers", params={"wait": 30}, json=body, timeout=30)
        )
        await switch.until(lambda: phone.ringing)
        daemon.process.send_signal(signal.SIGTERM)
        await daemon.says("stopping: calls that ring come to their end first (again to stop at once)")
        phone.answer()
        response = await waiting
        assert (response.status_code, response.json()["status"]) == (200, "success")
        assert await daemon.ended() == 0


# -- migrate and version ----------------------------------------------------------------------------------


async def test_migrate_applies_what_is_missing_and_then_nothing(postgres: str, tmp_path: Path) -> None:
    connection = await asyncpg.connect(postgres)
    await connection.execute("create database to_migrate")
    try:
        url = url_of(postgres, "to_migrate")
        first = await asyncio.to_thread(voiced, "migrate", cwd=tmp_path, DATABASE_URL=url)
        again = await asyncio.to_thread(voiced, "migrate", cwd=tmp_path, DATABASE_URL=url)
    finally:
        await connection.execute("drop database to_migrate with (force)")
        await connection.close()
    names = [path.stem for path in sorted(Path("sql/migrations").glob("*.sql"))]
    assert (first.returncode, first.stdout.splitlines()) == (0, [f"applied {name}" for name in names])
    assert (again.returncode, again.stdout) == (0, "nothing to do\n")


def test_migrate_without_a_url_says_who_migrates_the_embedded_database(tmp_path: Path) -> None:
    fails(voiced("migrate", cwd=tmp_path), "database.url is empty", "voiced run")


def test_version(tmp_path: Path) -> None:
    done = voiced("version", cwd=tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, __version__)


@pytest.mark.parametrize("command", ["run", "demo", "doctor", "migrate", "version"])
def test_help_names_every_command_and_shows_an_example_of_each(command: str, tmp_path: Path) -> None:
    assert command in voiced("--help", cwd=tmp_path).stdout
    shown = voiced(command, "--help", cwd=tmp_path)
    assert shown.returncode == 0
    assert command == "version" or "Examples" in shown.stdout
