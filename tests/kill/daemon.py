"""The daemon as a process: started, killed, stopped and continued."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import httpx

from tests.kill import nursery

Sections = dict[str, Any]  # of voiced.toml
FOLLOWED: Final = "another daemon owns the PBX now"
_OWNS: Final = "this daemon owns the PBX now"


class Daemon:
    """`voiced run` with these settings. Its log is a file; what it says there is read back.

    `limits` are seconds that are no settings: those of the switch's own limits (constants of pbx/control.py).
    """

    def __init__(self, sections: Sections, folder: Path, name: str, limits: Mapping[str, int]) -> None:
        self.name, self.log = name, folder / f"{name}.log"
        self.log.touch()  # it may be looked at before the process has begun
        config = folder / f"{name}.toml"
        config.write_text(_toml(sections))
        self.was_paused = False
        self.process = nursery.Process(nursery.Birth(str(config), str(self.log), limits))
        self.client = httpx.AsyncClient(timeout=30)

    async def ready(self) -> None:
        """Until it can transfer calls."""
        await self.reached()
        async with asyncio.timeout(10):
            while (await self.client.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.01)

    async def owns(self) -> None:
        """Until it owns its PBX, and is ready."""
        await self.has_said(_OWNS)
        await self.ready()

    @property
    def owned(self) -> bool:
        """Whether it has ever owned its PBX."""
        return any(line["event"] == _OWNS for line in self.said())

    async def has_said(self, event: str) -> None:
        """Until this is in its log."""
        async with asyncio.timeout(10):
            while not any(line["event"] == event for line in self.said()):
                await asyncio.sleep(0.01)

    async def reached(self) -> None:
        """Until its HTTP port is known."""
        async with asyncio.timeout(10):
            while not (up := [line for line in self.said() if line["event"] == "voiced is up"]):
                assert not self.process.is_gone, self.log.read_text()
                await asyncio.sleep(0.01)
        self.client.base_url = httpx.URL(up[0]["http"])

    def said(self) -> list[dict[str, Any]]:
        """Its log so far."""
        lines = self.log.read_text(errors="replace").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}\n")]

    def faults(self) -> list[str]:
        """What it logged as an error, and whatever is no log line (a traceback)."""
        lines = self.log.read_text(errors="replace").splitlines()
        # a client of some other test may try to reach a port that was its server's, and is ours now
        wrong = [line for line in lines if not line.startswith("{") and "Invalid HTTP request" not in line]
        bad = [line for line in self.said() if line["level"] in ("error", "critical")]
        return wrong + [str(line) for line in bad if not (self.was_paused and line["event"] == FOLLOWED)]

    def kill(self) -> None:
        """SIGKILL. It is gone when this returns."""
        self.process.kill()

    def pause(self) -> None:
        self.was_paused = True
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    async def close(self) -> None:
        self.kill()
        self.process.close()
        await self.client.aclose()


def _toml(sections: Sections) -> str:
    """`[[name]]` for what there may be several of, `[name]` for the others."""
    lines = []
    for name, one_or_many in sections.items():
        title = f"[[{name}]]" if isinstance(one_or_many, list) else f"[{name}]"
        for keys in one_or_many if isinstance(one_or_many, list) else [one_or_many]:
            lines += [title, *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]
    return "\n".join(lines) + "\n"


def door(number: int) -> str:
    """Where the nth daemon of a test listens: nobody else on this machine does."""
    pid = os.getpid()
    return f"127.{1 + (pid >> 8) % 200}.{pid % 256}.{number}:8084"
