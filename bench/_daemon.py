"""A `voiced run` on a core of its own, with its PBX, callers and agents on another, as the suites need it.

Where there is a single core they share it, and the figures say less.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx

from bench._stage import DOMAIN, Scene
from voiced import database

ROOT = Path(__file__).parent.parent
CPUS = sorted(os.sched_getaffinity(0))
PATIENCE = 30  # seconds for a process to be ready


class Process:
    """A program on one core, that ends with the block it was made in."""

    def __init__(self, command: list[str], cpu: int, log: Path) -> None:
        with log.open("wb") as stderr:
            self.process = subprocess.Popen(
                command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr,
                preexec_fn=lambda: os.sched_setaffinity(0, {cpu}),
            )  # fmt: skip
        self.log = log

    def line(self) -> str:
        """The next line that it says."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args!r} has ended:\n{self.log.read_text()[-2000:]}")
        return line

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    @property
    def resident(self) -> int:
        """Bytes of memory."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    @property
    def cpu(self) -> float:
        """Seconds of CPU so far, its threads' too."""
        return _cpu(self.process.pid)

    def end(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.communicate()


class Stage(Process):
    """PBX, callers and agents: `bench/_stage.py`."""

    def __init__(self, folder: Path, socket: str = "127.0.0.1:9") -> None:
        command = [sys.executable, "-m", "bench._stage", "--socket", socket]
        super().__init__(command, CPUS[0], folder / "stage.log")
        self.port = int(self.line())

    def begin(self, scene: Scene) -> None:
        self.tell(json.dumps(asdict(scene)))

    def outcome(self) -> dict[str, Any]:
        """What became of the scene, when it is over."""
        found: dict[str, Any] = json.loads(self.line())
        return found


class Daemon(Process):
    """`voiced run`, ready to transfer calls."""

    def __init__(self, folder: Path, pbx_port: int, database_url: str, **sections: dict[str, Any]) -> None:
        config = folder / "voiced.toml"
        told: dict[str, dict[str, Any]] = {
            "pbx": {"port": pbx_port},
            "http": {"listen": "127.0.0.1:0"},
            "outbound": {"listen": "127.0.0.1:0"},
            "database": {"url": database_url},
            **sections,
        }
        lines = [f"[[domain]]\nuuid = {json.dumps(DOMAIN)}\nname = 'pbx.test'"]
        for name, keys in told.items():
            lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]
        config.write_text("\n".join(lines) + "\n")
        command = [sys.executable, "-m", "voiced", "run", "--config", str(config)]
        super().__init__(command, CPUS[-1], folder / "daemon.log")
        self.url = self._until(self._address)
        self._until(lambda: "this daemon owns the PBX now" in self.log.read_text() and self._is_ready())

    def figures(self) -> dict[str, float]:
        """Its metrics, by name and labels."""
        text = httpx.get(f"{self.url}/metrics", timeout=10).text
        return {name: float(value) for name, value in re.findall(r"^(\w\S*) (\S+)$", text, re.MULTILINE)}

    def _address(self) -> str:
        found = re.search(r'"http": "(http://[^"]+)"', self.log.read_text())
        return found[1] if found else ""

    def _is_ready(self) -> bool:
        return httpx.get(f"{self.url}/readyz", timeout=10).status_code == 200

    def _until(self, condition: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + PATIENCE
        while not (found := condition()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the daemon is not ready:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.02)
        return found


@contextmanager
def ended(process: Process) -> Iterator[Any]:
    """`with ended(Stage(folder)) as stage`."""
    try:
        yield process
    finally:
        process.end()


@contextmanager
def folder_and_database() -> Iterator[tuple[Path, str]]:
    """A folder for logs and settings, and an embedded PostgreSQL on the core that the daemon does not use."""
    with tempfile.TemporaryDirectory(prefix="voiced-bench-") as name, asyncio.Runner() as runner:
        folder, mine = Path(name), os.sched_getaffinity(0)
        stack = AsyncExitStack()
        os.sched_setaffinity(0, {CPUS[0]})
        try:
            url = runner.run(stack.enter_async_context(database.embedded(folder / "postgres")))
            yield folder, url
        finally:
            os.sched_setaffinity(0, mine)
            runner.run(stack.aclose())


def database_cpu(folder: Path) -> float:
    """Seconds of CPU so far of the PostgreSQL of `folder_and_database`: all its processes, ended ones too."""
    server = int((folder / "postgres" / "postmaster.pid").read_text().split()[0])
    children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
    total = _cpu(server, with_ended_children=True)
    for child in map(int, children):
        with suppress(FileNotFoundError):  # it has ended since: the next time it is counted with the server
            total += _cpu(child)
    return total


def _cpu(pid: int, *, with_ended_children: bool = False) -> float:
    """Seconds in user and kernel mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    times = fields[11:15] if with_ended_children else fields[11:13]
    return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")
