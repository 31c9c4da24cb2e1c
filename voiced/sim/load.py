"""A simulated switch under load, as a process of its own for the benchmark.

    python -m voiced.sim.load --port 8021 --callers 1000 --rate 50 --talk 30 --noise 2000

keeps up to a thousand callers in extension 8000, fifty new ones a second, each for thirty seconds, and sends
two thousand events a second of other calls besides. Those other calls are a real one of the simulated switch,
said over and over with other uuids.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import logging
import math
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .switch import Switch
from .wire import Block, Event, Value

if TYPE_CHECKING:
    from .phones import Caller

log = logging.getLogger(__name__)

NOISE_CALLS = 50
"""How many different other calls there are."""
NOISE_BEAT = 0.01
"""Seconds between two handfuls of noise events."""


@dataclass
class Load:
    """Callers who come and go, and events of other calls.

    `callers` is how many there are at most at once, `rate` how many come in a second, `talk` the seconds each
    stays, `noise` the events of other calls a second, of these `names` only if there are any. `arrived` is
    told of each caller.
    """

    switch: Switch
    callers: int = 1000
    rate: float = 50.0
    talk: float = 30.0
    noise: float = 0.0
    extension: str = "8000"
    names: Collection[str] = ()
    arrived: Callable[[Caller], object] = lambda caller: None
    started: int = 0
    ended: int = 0
    noises: int = 0
    present: set[Caller] = field(default_factory=set)

    async def run(self, seconds: float | None = None) -> None:
        """Go on for so many seconds, or until cancelled; then everybody who is left hangs up."""
        tasks = [self._arrivals()]
        if self.noise:
            events = await noise_events(NOISE_CALLS)
            tasks.append(self._noise([one for one in events if not self.names or one.name in self.names]))
        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(*tasks)
        except TimeoutError:
            pass
        finally:
            for caller in tuple(self.present):
                self._leave(caller)

    async def _arrivals(self) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for number in itertools.count(1):
            await asyncio.sleep(begun + number / self.rate - loop.time())
            if len(self.present) >= self.callers:
                continue
            phone = f"55119{number % 10**8:08d}"
            caller = await self.switch.call(self.extension, number=phone, name=f"Caller {number}")
            self.started += 1
            self.present.add(caller)
            self.arrived(caller)
            loop.call_later(self.talk, self._leave, caller)

    def _leave(self, caller: Caller) -> None:
        if caller in self.present:
            self.present.discard(caller)
            self.ended += 1
            caller.hangup()

    async def _noise(self, events: list[Event]) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for event in itertools.cycle(events):
            due = math.floor((loop.time() - begun) * self.noise)
            while self.noises >= due:
                await asyncio.sleep(NOISE_BEAT)
                due = math.floor((loop.time() - begun) * self.noise)
            self.noises += 1
            self.switch.events.deliver(event)


async def noise_events(calls: int) -> list[Event]:
    """The events of some calls, in turns: each call's in their order, written down once and for all."""
    call = await _one_call()
    uuid = next(found for event in call if (found := event.get("Unique-ID")))
    maker = Switch()
    said = [_said_by_another(call, uuid, maker.new_uuid()) for _ in range(calls)]
    return [event for turn in zip(*said, strict=True) for event in turn]


async def _one_call() -> list[Event]:
    """Somebody calls, listens and hangs up."""
    switch = Switch(pace=0.001, heartbeat=0)
    events: list[Event] = []
    switch.on_event = events.append
    caller = await switch.call("8000", number="5521988880000", name="Somebody Else")
    await switch.until(lambda: caller.hears == "assistant")
    caller.hangup()
    await switch.until(lambda: not switch.channels and events[-1].name == "CHANNEL_STATE")
    await switch.stop()
    return events


def _said_by_another(events: list[Event], old: str, new: str) -> Iterator[Event]:
    for event in events:
        pairs: list[tuple[str, Value]] = [
            (name, value.replace(old, new) if isinstance(value, str) else value)
            for name, value in event.pairs()
        ]
        again = Event(event.name, [Block(pairs)], event.body, event.subclass)
        again.plain()
        yield again


# ---- as a process ----------------------------------------------------------------------------------------


def parser() -> argparse.ArgumentParser:
    described = argparse.ArgumentParser(
        prog="python -m voiced.sim.load",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    described.add_argument("--host", default="127.0.0.1")
    described.add_argument("--port", type=int, default=8021, help="of the event socket; 0: any (it is said)")
    described.add_argument("--callers", type=int, default=1000, help="at most so many at once (1000)")
    described.add_argument("--rate", type=float, default=50, help="new callers a second (50)")
    described.add_argument("--talk", type=float, default=30, help="seconds that each stays (30)")
    described.add_argument("--noise", type=float, default=0, help="events of other calls a second (0)")
    described.add_argument("--extension", default="8000", help="what they call (8000)")
    described.add_argument("--seconds", type=float, help="stop after so long")
    described.add_argument("--phones", type=int, default=10, help="answering phones 1000, 1001 … (10)")
    return described


async def main(arguments: list[str]) -> None:
    options = parser().parse_args(arguments)
    switch = Switch()
    await switch.start(options.host, options.port)
    for number in range(options.phones):
        switch.phone(str(1000 + number))
    log.info("event socket %s:%s", options.host, switch.port)
    load = Load(switch, options.callers, options.rate, options.talk, options.noise, options.extension)
    reporting = asyncio.ensure_future(_report(load))
    try:
        await load.run(options.seconds)
    finally:
        reporting.cancel()
        await switch.stop()


async def _report(load: Load) -> None:
    while True:
        before = load.switch.events.count
        await asyncio.sleep(5)
        log.info(
            "%d callers, %d have come, %d have gone, %.0f events a second",
            len(load.present),
            load.started,
            load.ended,
            (load.switch.events.count - before) / 5,
        )


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        asyncio.run(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
