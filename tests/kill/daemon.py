"""The daemon as a process: started, killed, stopped and continued."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

Sections = dict[str, Any]  # of voiced.toml


class Daemon:
    """`voiced run` with these settings. Its log is a file; what it says there is read back."""

    def __init__(self, sections: Sections, folder: Path, name: str) -> None:
        self.name, self.log = name, folder / f"{name}.log"
        config = folder / f"{name}.toml"
        config.write_text(_toml(sections))
        self.started = time.monotonic()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "voiced", "run", "--config", str(config)], stderr=log
            )
        self.client = httpx.AsyncClient(timeout=30)

    async def ready(self) -> None:
        """Until it can transfer calls."""
        await self.reached()
        async with asyncio.timeout(10):
            while (await self.client.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.01)

    async def owns(self) -> None:
        """Until it owns its PBX, and is ready."""
        async with asyncio.timeout(10):
            while not any(line["event"] == "this daemon owns the PBX now" for line in self.said()):
                await asyncio.sleep(0.01)
        await self.ready()

    async def reached(self) -> None:
        """Until its HTTP port is known."""
        async with asyncio.timeout(10):
            while not (up := [line for line in self.said() if line["event"] == "voiced is up"]):
                assert self.process.poll() is None, self.log.read_text()
                await asyncio.sleep(0.01)
        self.client.base_url = httpx.URL(up[0]["http"])

    def said(self) -> list[dict[str, Any]]:
        """Its log so far."""
        lines = self.log.read_text(errors="replace").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}\n")]

    def faults(self) -> list[str]:
        """What it logged as an error, and whatever is no log line (a traceback)."""
        lines = self.log.read_text(errors="replace").splitlines()
        wrong = [line for line in lines if not line.startswith("{")]
        return wrong + [str(line) for line in self.said() if line["level"] in ("error", "critical")]

    def kill(self) -> None:
        """SIGKILL. It is gone when this returns."""
        self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    async def close(self) -> None:
        self.kill()
        await self.client.aclose()


def _toml(sections: Sections) -> str:
    """`[[name]]` for what there may be several of, `[name]` for the others."""
    lines = []
    for name, one_or_many in sections.items():
        title = f"[[{name}]]" if isinstance(one_or_many, list) else f"[{name}]"
        for keys in one_or_many if isinstance(one_or_many, list) else [one_or_many]:
            lines += [title, *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]
    return "\n".join(lines) + "\n"
