"""The people and their switch: a simulated PBX with callers and agents, in a process of its own.

    python -m bench._stage [--cpu K]

Prints the port of its event socket. Then each line of standard input is a scene (a `Scene` as JSON), played
until its seconds are over or another line comes; a line of JSON says what became of it.

What is measured is the same for whoever serves the callers, and by this PBX's clock: from the moment at
which it says that an agent's leg is parked (CHANNEL_PARK, the agent has answered) to the moment at which the
command to bridge has come; and from the moment at which a transfer is asked for to the caller's music.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import httpx

from voiced.pbx.pbx import EVENTS
from voiced.sim import Caller, Event, Switch
from voiced.sim.load import Load

DOMAIN = "11111111-1111-4111-8111-111111111111"
AGENTS = 50
ROUTED_IN = "81011000"  # a call that the dialplan routes to the outbound socket, for extension 1000
TIDY = 20.0  # seconds after which legs that nobody has ended are counted, and ended
SETTLE = 0.1  # seconds that a caller talks with the assistant before asking for a person


@dataclass(frozen=True, slots=True)
class Scene:
    """`rate` callers a second for `seconds`, at most `callers` at once; `talk` seconds with the agent.

    An agent's phone rings for `ring` seconds. `begin` says who asks for the transfer: the stage by HTTP at
    `url`, the caller's dialplan by its outbound socket, or an event CUSTOM bench::ask.
    """

    rate: float
    seconds: float
    ring: float
    talk: float = 2.0
    callers: int = 100_000
    noise: float = 0.0
    begin: Literal["http", "socket", "event"] = "http"
    url: str = ""


@dataclass(slots=True)
class Outcome:
    """What became of a scene. `left` are legs that nobody ended, `cpu` the PBX's share of its core.

    `reactions` are seconds from an agent's answer to the command to bridge, `holds` those from the request
    to the music.
    """

    asked: int = 0
    refused: int = 0
    bridged: int = 0
    left: int = 0
    cpu: float = 0.0
    reactions: list[float] = field(default_factory=list)
    holds: list[float] = field(default_factory=list)


class Stage:
    def __init__(self, socket: str) -> None:
        self.switch = Switch(socket=socket)
        self.switch.on_event = self._hear
        self.agents = [self.switch.phone(str(1000 + number)) for number in range(AGENTS)]
        self._asked: dict[str, float] = {}  # callers who have asked and hear no music yet, and since when
        self._parked: dict[str, float] = {}  # agents' legs, and since when
        self._outcome = Outcome()
        self._tasks: set[asyncio.Task[None]] = set()

    async def play(self, scene: Scene, end: asyncio.Event) -> Outcome:
        """One scene. It is over when everybody has left."""
        outcome = self._outcome = Outcome()
        self._parked.clear()
        self._asked.clear()
        self.switch.commands.clear()
        for agent in self.agents:
            agent.delay = scene.ring
        wall, cpu = time.perf_counter(), time.process_time()
        async with httpx.AsyncClient(base_url=scene.url, timeout=30) as client:
            numbers = iter(range(10**9))

            def arrived(caller: Caller) -> None:
                task = asyncio.create_task(self._ask(scene, client, caller, next(numbers)))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

            load = Load(
                self.switch, scene.callers, scene.rate, scene.ring + scene.talk, scene.noise,
                extension=ROUTED_IN if scene.begin == "socket" else "8000",
                names=[name.partition(" ")[0] for name in EVENTS], arrived=arrived,
            )  # fmt: skip
            playing = asyncio.create_task(load.run(scene.seconds))
            ending = asyncio.create_task(end.wait())
            await asyncio.wait([playing, ending], return_when=asyncio.FIRST_COMPLETED)
            outcome.cpu = (time.process_time() - cpu) / (time.perf_counter() - wall)
            ending.cancel()
            playing.cancel()
            await asyncio.wait([playing])
            await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._clear(outcome)
        bridges = {each.words[3]: each.time for each in self.switch.commands if _is_bridge(each.words)}
        outcome.reactions = [bridges[leg] - at for leg, at in self._parked.items() if leg in bridges]
        return outcome

    async def _clear(self, outcome: Outcome) -> None:
        """Everybody has left: whoever serves them has some seconds to end the agents' legs."""
        try:
            await self.switch.until(lambda: not self.switch.channels, timeout=TIDY)
        except TimeoutError:
            for channel in tuple(self.switch.channels.values()):
                outcome.left += not channel.down
                channel.hangup("NORMAL_CLEARING")
            await self.switch.until(lambda: not self.switch.channels, timeout=60)

    async def _ask(self, scene: Scene, client: httpx.AsyncClient, caller: Caller, number: int) -> None:
        if scene.begin != "socket":
            await asyncio.sleep(SETTLE)
            if not caller.alive:  # the scene has ended
                return
        extension = str(1000 + number % AGENTS)
        self._outcome.asked += 1
        self._asked[caller.uuid] = time.monotonic()
        if scene.begin == "event":
            about: list[tuple[str, Any]] = [("Unique-ID", caller.uuid), ("Bench-Agent", extension)]
            self.switch.events.fire("CUSTOM", subclass="bench::ask", extra=about)
        elif scene.begin == "http":
            body = {"call_uuid": caller.uuid, "domain_uuid": DOMAIN, "destination": extension}
            answer = await client.post("/api/transfers", json=body)
            if answer.status_code != 202 and caller.alive:
                self._outcome.refused += 1
                print(answer.text, file=sys.stderr)

    def _hear(self, event: Event) -> None:
        if event.name == "CHANNEL_PARK" and "variable_voiced_attempt" in event:
            self._parked[event["Unique-ID"]] = time.monotonic()
        elif event.name == "PLAYBACK_START" and event["Unique-ID"] in self._asked:
            self._outcome.holds.append(time.monotonic() - self._asked.pop(event["Unique-ID"]))
        elif event.name == "CHANNEL_BRIDGE":
            self._outcome.bridged += 1


def _is_bridge(words: list[str]) -> bool:
    return words[:2] == ["api", "uuid_bridge"] and len(words) == 4


async def main(socket: str) -> None:
    stage = Stage(socket)
    await stage.switch.start()
    print(stage.switch.port, flush=True)
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    line = await lines.readline()
    while line:
        end = asyncio.Event()
        playing = asyncio.create_task(stage.play(Scene(**json.loads(line)), end))
        following = asyncio.create_task(lines.readline())
        await asyncio.wait([playing, following], return_when=asyncio.FIRST_COMPLETED)
        end.set()
        print(json.dumps(asdict(await playing)), flush=True)
        line = await following
        if not line.strip():
            line = await lines.readline()
    await stage.switch.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--cpu", type=int)
    parser.add_argument("--socket", default="127.0.0.1:8084", help="where calls are routed to")
    options = parser.parse_args()
    if options.cpu is not None:
        os.sched_setaffinity(0, {options.cpu})
    asyncio.run(main(options.socket))
