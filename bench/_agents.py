"""A PBX whose extensions come and go, in a process of its own: half by a call, half by their registration.

    python -m bench._agents EXTENSIONS

Prints the port of its event socket. An empty line of standard input is answered when the daemon has asked who
is there; another one is a `Shift` as JSON: it is played, and a line of JSON says what was `Seen`. Times are
seconds since the epoch: the PBX's when its event goes out, the daemon's own (`at` in /api/events, after the
commit) for a notice.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Final

import httpx
import uvloop

from voiced.sim import Event, Switch

FIRST: Final = 2000  # the number of the first extension
QUIET: Final = 0.5  # seconds without a question from the daemon: it knows who is there
PATIENCE: Final = 30.0  # seconds, behind time


@dataclass(frozen=True, slots=True)
class Shift:
    """From `begins_at` on `rate` extensions a second go, each for `away` seconds; `notices` are expected."""

    url: str
    begins_at: float
    rate: float
    away: float
    notices: int


@dataclass(slots=True)
class Seen:
    """When each extension was back, and who was told of which client's callback, when."""

    back: dict[str, float] = field(default_factory=dict)
    notices: list[tuple[str, str, float]] = field(default_factory=list)  # number, extension, time


class House:
    """The switch, and a phone for each extension."""

    def __init__(self, extensions: int) -> None:
        self.switch = Switch(heartbeat=5)
        self.switch.on_event = self._hear
        self._extensions = extensions
        self._seen = Seen()

    async def start(self) -> None:
        await self.switch.start()
        for number in range(self._extensions):
            self.switch.phone(str(FIRST + number))

    async def known(self) -> None:
        """Until the daemon has asked who is there."""
        asked = -1
        while asked < self._extensions or asked != len(self.switch.commands):
            asked = len(self.switch.commands)
            await asyncio.sleep(QUIET)

    async def play(self, shift: Shift) -> Seen:
        """A shift, until all notices have come, or no time is left for them."""
        seen = self._seen = Seen()
        watching = asyncio.create_task(self._watch(shift, seen))
        async with asyncio.TaskGroup() as group:
            for number in range(self._extensions):
                away_at = shift.begins_at + number / shift.rate
                await asyncio.sleep(away_at - time.time())
                group.create_task(self._go(number, away_at + shift.away))
        with suppress(TimeoutError):
            await asyncio.wait_for(watching, PATIENCE)
        self.switch.commands.clear()
        return seen

    async def _go(self, number: int, until: float) -> None:
        phone = self.switch.phones[number]
        if number % 2:
            phone.unregister()
            await asyncio.sleep(until - time.time())
            phone.register()
        else:
            presence = {"presence_id": f"{phone.user}@{self.switch.domain}"}
            call = await self.switch.call("8000", number=phone.user, variables=presence)
            await asyncio.sleep(until - time.time())
            call.hangup()

    async def _watch(self, shift: Shift, seen: Seen) -> None:
        async with (
            httpx.AsyncClient(base_url=shift.url, timeout=PATIENCE) as client,
            client.stream("GET", "/api/events") as steps,
        ):
            async for line in steps.aiter_lines():
                if line == "event: missed":
                    raise RuntimeError("steps were missed")
                if line.startswith("data: "):
                    step = json.loads(line.removeprefix("data: "))
                    seen.notices += [(step["number"], told, step["at"]) for told in step.get("notify", ())]
                    if len(seen.notices) >= shift.notices:
                        return

    def _hear(self, event: Event) -> None:
        if event.name == "CHANNEL_HANGUP":
            extension = (event.get("Channel-Presence-ID") or "").partition("@")[0]
        elif event.subclass == "sofia::register":
            extension = event["from-user"] or ""
        else:
            return
        self._seen.back[extension] = time.time()


async def main(extensions: int) -> None:
    house = House(extensions)
    await house.start()
    print(house.switch.port, flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        if line.strip():
            seen = await house.play(Shift(**json.loads(line)))
            print(json.dumps(asdict(seen)), flush=True)
        else:
            await house.known()
            print("known", flush=True)
    await house.switch.stop()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
