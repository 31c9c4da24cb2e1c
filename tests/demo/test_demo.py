"""`voiced demo` as a newcomer starts it: a process, its output, its addresses, Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

Starter = Callable[..., "Demo"]
PATIENCE = 60.0  # seconds for a whole demo on a machine that is busy


def _hears_ctrl_c() -> None:
    """Whoever runs the tests in the background has SIGINT ignored, and children inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Demo:
    """The process, with what it has printed so far."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._out = folder / "out"
        self.temporary = folder
        with self._out.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "voiced", "demo", *options], stdout=out, stderr=out,
                env={**os.environ, "TMPDIR": str(self.temporary)}, start_new_session=True,
                preexec_fn=_hears_ctrl_c,
            )  # fmt: skip

    @property
    def text(self) -> str:
        return self._out.read_text()

    def until(self, text: str) -> str:
        """Everything printed, once this is there."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.text:
            assert time.monotonic() < deadline, self.text
            assert self.process.poll() is None or text in self.text, self.text
            time.sleep(0.05)
        return self.text

    def ended(self) -> int:
        """Its exit code; nothing of it may be left."""
        code = self.process.wait(PATIENCE)
        assert "Traceback" not in self.text
        assert list(self.temporary.glob("voiced-demo-*")) == [], "its database is gone"
        assert not self.processes_left()
        return code

    def processes_left(self) -> list[str]:
        """PostgreSQL and whatever else runs in its folder."""
        left = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                command = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if str(self.temporary) in command:
                    left.append(command)
        return left

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@pytest.fixture
def folder() -> Iterator[Path]:
    """With a short name, which sockets need, and not pytest's, which other sessions clear away."""
    with tempfile.TemporaryDirectory(prefix="demo-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture
def start(folder: Path) -> Iterator[Starter]:
    demos: list[Demo] = []

    def begin(*options: str) -> Demo:
        demos.append(Demo(folder, *options))
        return demos[-1]

    yield begin
    for demo in demos:
        demo.kill()


STORY = [
    "voiced demo: ",
    "1. Maria talks to the assistant and wants extension 1001, which answers",
    "Maria Souza (5511999990000) hears the assistant",
    "POST /api/transfers",
    "the caller is put on hold",
    "the agent's phone rings",
    "the agent answers",
    "bridged     CHANNEL_BRIDGE",
    '"status": "success"',
    "Você está falando com o ramal 1001.",
    "agent     hangs up",
    "/api/voice/transfer/ended",
    "2. João wants extension 1002, which is busy",
    "nobody was reached (USER_BUSY)",
    "hears the assistant again",
    '"status": "busy"',
    "O ramal 1002 está em outra ligação no momento.",
    "3. João says yes; when extension 1002 is free, the promise is kept",
    "1002 is on the phone with a colleague",
    '"status": "pending"',
    "1002 hangs up, and is free",
    "the agent is free",
    "the agent answers, hears whom it is for",
    "the client answers",
    "they hear each other",
    "hangs up",
    '"outcome": "completed"',
    "Good-bye.",
]


def test_once_it_tells_two_transfers_and_a_callback_as_they_happen_and_stops(start: Starter) -> None:
    demo = start("--once", "--plain")
    early = demo.until("hears hold music")
    assert "Good-bye" not in early, "it is told while it happens"
    assert demo.ended() == 0
    told = demo.text
    position = 0
    for line in STORY:
        assert line in told[position:], line
        position = told.index(line, position)
    assert "\x1b" not in told
    assert "ERROR" not in told
    assert max(map(len, told.splitlines())) < 140
    assert "It stays up" not in told


def test_it_stays_up_with_its_addresses_on_free_ports_until_ctrl_c(start: Starter) -> None:
    with contextlib.ExitStack() as stack:
        held = set()
        for port in (8085, 8090, 8021):
            with contextlib.suppress(OSError):  # somebody else has it, and may let it go meanwhile
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
                held.add(port)
        demo = start("--plain")
        told = demo.until("curl -s ")
        demo.until('"1001"}\'')
        addresses = told[told.index("It stays up") :]
        places = [addresses.index(who) for who in ("  voiced ", "ticketing backend", "simulated PBX")]
        assert places == sorted(places)
        urls = re.findall(r"http://127\.0\.0\.1:\d+[/\w]*", addresses)
        ports = {int(found) for found in re.findall(r"127\.0\.0\.1:(\d+)", addresses)}
        assert not ports & held
        with httpx.Client(trust_env=False, timeout=30, follow_redirects=True) as client:
            for url in urls:
                with client.stream("GET", url) as response:
                    assert response.status_code in (200, 405), url
            command = next(line for line in demo.text.splitlines() if "curl -s" in line)
            _, _, url, _, header, _, body = shlex.split(command)
            name, _, value = header.partition(": ")
            answer = client.post(url, headers={name: value}, content=body).json()
            assert answer["status"] == "success"
        assert demo.process.poll() is None
        demo.process.send_signal(signal.SIGINT)
        assert demo.ended() == 0
        assert demo.text.rstrip().endswith("Good-bye.")


@pytest.mark.parametrize("when", ["Starting", "hears hold music", "the two are bridged"])
def test_ctrl_c_at_any_time_leaves_nothing_behind(start: Starter, when: str) -> None:
    """Pressed by somebody who is impatient, on a terminal, which tells every process of the demo."""
    demo = start("--plain")
    demo.until(when)
    while demo.process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(demo.process.pid, signal.SIGINT)
        time.sleep(0.05)
    assert demo.ended() == 130


def test_ctrl_c_while_it_is_being_loaded_says_nothing(start: Starter) -> None:
    demo = start("--plain")
    status = Path(f"/proc/{demo.process.pid}/status")

    def hears() -> bool:
        caught = re.search(r"SigCgt:\t(\w+)", status.read_text())
        return caught is not None and bool(int(caught[1], 16) & 1 << signal.SIGINT - 1)

    for state in (True, False):  # Python's own way of hearing it begins, and then ends with our first line
        deadline = time.monotonic() + PATIENCE
        while hears() is not state:
            assert time.monotonic() < deadline
            time.sleep(0.001)
    demo.process.send_signal(signal.SIGINT)
    assert demo.ended() == -signal.SIGINT
    assert demo.text == ""


def test_on_a_terminal_it_has_colours(folder: Path) -> None:
    master, slave = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "voiced", "demo", "--once"], stdout=slave, stderr=slave,
        env={**os.environ, "TERM": "xterm-256color", "TMPDIR": str(folder)},
    )  # fmt: skip
    os.close(slave)
    told = b""
    with contextlib.suppress(OSError):  # the end of a terminal's output
        while part := os.read(master, 65536):
            told += part
    os.close(master)
    assert process.wait(PATIENCE) == 0
    assert b"\x1b[" in told
    assert b"Good-bye." in told
