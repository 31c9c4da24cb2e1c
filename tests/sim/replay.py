"""Replays a recording against the simulated switch: its own commands, at its own moments.

What the recorded client sent is sent again, with the simulated switch's ids in place of the recorded ones.
What callers and phones did is read off the recording: who called, after how long a phone answered or refused,
who hung up or pressed a key and when. Each step waits until everything has happened that had happened before
it in the recording, and then for the recorded pause.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from tests.recordings import load
from voiced.sim import Caller, Manner, Party, Switch

from .legs import Legs, Tally
from .recorded import UUID, FrameReader, Said, timeline

PATIENCE = 6.0
"""Seconds that a step waits for what must come before it."""
_MANNERS = {
    "486": Manner.BUSY,
    "603": Manner.DECLINE,
    "480": Manner.UNAVAILABLE,
    "500": Manner.ERROR,
    "404": Manner.NOT_FOUND,
}


@dataclass
class Step:
    """Something done to the switch, once what is `wanted` has been said, and `pause` seconds later."""

    said: Said
    wanted: Counter[tuple[str, str]]
    pause: float
    act: Callable[[], object]


@dataclass
class Replay:
    """One run of a scenario; `heard` is what the simulated switch said, in the form of a recording."""

    name: str
    switch: Switch = field(default_factory=lambda: Switch(seed=7, heartbeat=2.7))
    heard: list[Said] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.header, frames = load(self.name)
        self.recorded = timeline(frames)
        self.legs = Legs(self.recorded)
        self.tally = Tally()
        self.parties: dict[str, Party] = {}
        self.callers: list[Caller] = []
        self.writer: asyncio.StreamWriter | None = None
        self.connection = -1
        self._reading: list[asyncio.Task[None]] = []
        self._outbound: asyncio.Server | None = None

    async def run(self) -> Replay:
        outbound = self.recorded[0].text.startswith("connect")
        if outbound:
            await self._serve_outbound()
        await self.switch.start()
        self._phones()
        if outbound:
            key = self.legs.order[0]
            await self._call(key, self.legs.first_with(key, "Caller-Destination-Number"))
            await self.switch.until(lambda: self.writer is not None)
        else:
            await self._connect()
        try:
            for step in self._steps():
                await self._step(step)
            await self._settle()
        finally:
            for task in self._reading:
                task.cancel()
            if self.writer is not None:
                self.writer.close()
            if self._outbound is not None:
                self._outbound.close()
            await self.switch.stop()
        return self

    # ---- the connection ----------------------------------------------------------------------------------

    async def _connect(self) -> None:
        reader, self.writer = await asyncio.open_connection("127.0.0.1", self.switch.port)
        self.connection += 1
        self._reading.append(asyncio.ensure_future(self._read(reader, self.connection)))

    async def _serve_outbound(self) -> None:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.writer = writer
            self.connection += 1
            self.switch.changed()
            await self._read(reader, self.connection)

        self._outbound = await asyncio.start_server(connected, "127.0.0.1", 0)
        port = self._outbound.sockets[0].getsockname()[1]
        self.switch.dialplan.add(
            "default", "to_us", "^8100$", ("socket", f"127.0.0.1:{port} async full"), first=True
        )

    async def _read(self, reader: asyncio.StreamReader, connection: int) -> None:
        frames, loop = FrameReader(), asyncio.get_running_loop()
        while data := await reader.read(65536):
            for said in frames.feed(data, loop.time()):
                said.connection = connection
                self.heard.append(said)
                self.tally.add(said)
            self.switch.changed()

    def _write(self, text: str) -> None:
        assert self.writer is not None
        mapped = self._mapped(text)
        self.writer.write(mapped.encode("utf-8", "surrogateescape"))
        self.heard.append(Said("command", 0, text=mapped, connection=self.connection))

    def _mapped(self, text: str) -> str:
        """The recorded ids of legs that are there already become the simulated ones; others stay."""
        pairs = self.legs.pairs(self.tally.legs)
        return UUID.sub(lambda match: pairs.get(match[0], match[0]), text)

    # ---- steps -------------------------------------------------------------------------------------------

    def _steps(self) -> list[Step]:
        steps: list[Step] = []
        before = Tally()
        last = 0.0
        commands = auths = 0
        for said in self.recorded:
            wanted = before.counts.copy()
            pause = said.time - last if said.time - last > 0.03 else 0
            act = self._act(said)
            unseen = UNSEEN.get((self.name, said.text.strip()))
            if unseen is not None:
                steps.append(Step(said, wanted, 0, partial(unseen, self)))
            if said.headers.get("Content-Type") == "auth/request":
                auths += 1
                if auths > 1:
                    steps.append(Step(said, wanted, 0, self._connect))
            if act is not None:
                if said.kind == "command" and commands > wanted["reply", ""]:
                    del wanted["reply", ""]  # it was sent before the reply to the one before had come
                steps.append(Step(said, wanted, pause, act))
            commands += said.kind == "command"
            before.add(said)
            if said.kind != "command" or said.text:
                last = said.time
        self.everything = before.counts
        return steps

    def _act(self, said: Said) -> Callable[[], object] | None:
        if said.kind == "command":
            return lambda: self._write(said.text)
        key = said.uuid
        if said.name == "CHANNEL_STATE" and said.get("Channel-State") == "CS_NEW":
            first = self.legs.first_with(key, "Caller-Destination-Number")
            return lambda: self._call(key, first)
        if said.name == "CHANNEL_HANGUP" and said.get("variable_sip_term_status") == "200":
            return lambda: self.party(key).hangup()
        if said.name == "DTMF" and said.get("DTMF-Source") == "RTP":
            return lambda: self.party(key).keys(said.get("DTMF-Digit"))
        if said.get("Event-Subclass") == "sofia::register":
            user = said.get("from-user")
            return lambda: self.switch.phone(user)
        if said.get("Event-Subclass") == "sofia::unregister":
            return lambda: self.switch.phones[-1].unregister()
        return None

    async def _call(self, key: str, first: Said) -> None:
        caller = await self.switch.call(
            first.get("Caller-Destination-Number"),
            number=first.get("Caller-Caller-ID-Number"),
            name=first.get("Caller-Caller-ID-Name"),
        )
        self.callers.append(caller)
        self.parties[key] = caller

    async def _step(self, step: Step) -> None:
        try:
            await self.switch.until(lambda: not self.tally.missing(step.wanted), PATIENCE)
        except TimeoutError:
            doing = step.said.text or step.said.name
            missing = self.tally.missing(step.wanted)
            raise AssertionError(f"{self.name}: before {doing!r} there should be {missing}") from None
        if step.pause:
            await asyncio.sleep(step.pause)
        result = step.act()
        if asyncio.iscoroutine(result):
            await result

    async def _settle(self) -> None:
        """Wait for what must still come, and a moment for what must not."""
        try:
            await self.switch.until(lambda: not self.tally.missing(self.everything), PATIENCE + 3)
        except TimeoutError:
            return
        await asyncio.sleep(0.04)

    # ---- who is out there --------------------------------------------------------------------------------

    def party(self, key: str) -> Party:
        """The caller or phone behind a recorded leg."""
        if key in self.parties:
            return self.parties[key]
        uuid = self.legs.pairs(self.tally.legs)[key]
        endpoint = self.switch.channels[uuid].endpoint
        party: Party | None = getattr(endpoint, "party", None)
        assert party is not None
        return party

    def _phones(self) -> None:
        """Register the phones that the recording's legs went to, with the manners they showed."""
        registers_itself = any(said.get("Event-Subclass") == "sofia::register" for said in self.recorded)
        if registers_itself:
            return
        for key in self.legs.order:
            name = self.legs.name(key)
            match = re.match(r"sofia/internal/(\d+)@127\.0\.0\.1:\d+$", name)
            outside = re.match(r"sofia/internal/(\d+)$", name)
            manner, delay = self._manner(key)
            if match:
                self.switch.phone(match[1], manner, delay)
            elif outside:
                self.switch.outside_number(outside[1], manner, delay)
        for user in EXTRA_PHONES.get(self.name, ()):
            self.switch.phone(user, Manner.ANSWER, 60)

    def _manner(self, key: str) -> tuple[Manner, float]:
        events = self.legs.events(key)
        created = next(
            (said.time for said in events if said.name in ("CHANNEL_ORIGINATE", "CHANNEL_CREATE")), 0
        )
        for said in events:
            if said.name == "CHANNEL_ANSWER":
                return Manner.ANSWER, max(said.time - created, 0.02)
            status = said.get("variable_sip_term_status")
            if said.name == "CHANNEL_HANGUP" and status in _MANNERS:
                return _MANNERS[status], max(said.time - created, 0.02)
        rang = any(said.name == "CHANNEL_PROGRESS" for said in events)
        return (Manner.RING if rang else Manner.SILENT), 0.0


EXTRA_PHONES = {
    "two_phones_one_user_origination_uuid": ("1001",),
    "availability_queries": ("1001",),
}
"""Phones that were registered although no leg ever reached them."""


async def _somebody_calls_1001(replay: Replay) -> None:
    replay.callers.append(await replay.switch.call("1001", name="Caller"))


async def _nobody_calls(replay: Replay) -> None:
    for caller in replay.callers:
        caller.hangup()


UNSEEN: dict[tuple[str, str], Callable[[Replay], Awaitable[None]]] = {
    ("availability_queries", "api show channels"): _somebody_calls_1001,
    ("availability_queries", "api status"): _nobody_calls,
}
"""What happened before a command although the recording has no event of it."""

NOT_OURS = {
    ("two_phones_one_user_by_variable", 4): "the table of channels still shows a leg of the recording before",
}
"""Replies that are not compared, by their number, and why."""
