"""The stage of a kill test: PBX, phones and people, ticketing backend, database, and a daemon or two.

Everything but the daemons lives in this process, and outlives them. What voiced does on the stage is looked
at by kind (`tests/kill/transfers.py` is one): a kind knows its rows, its results and its journal; the stage
knows that no caller may be on hold without an owner, and no leg without a peer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

import asyncpg

from tests.backend import Backend
from tests.kill.daemon import Daemon, Sections, door
from tests.kill.proxy import Proxy
from tests.kill.steps import Blow, Steps
from voiced.sim import Caller, Event, Manner, Phone, Switch

DOMAIN: Final = "11111111-1111-4111-8111-111111111111"
AGENT: Final = "1001"
ASSISTANT: Final = "1050"  # an assistant with a leg of its own; 8000 has none
ASKED: Final = "1009"  # takes calls with a key
_DESTINATIONS: Final = f"""
    insert into v_voice_transfer_destinations
        (domain_uuid, name, destination_type, destination_number, screening, announce)
    values ('{DOMAIN}', 'Atendimento', 'ring_group', '9000', false, false),
           ('{DOMAIN}', 'Suporte', 'queue', '5001', false, false),
           ('{DOMAIN}', 'Diretoria', 'extension', '{ASKED}', true, false)
"""
_TIMES: Final = """
    select column_name from information_schema.columns
    where table_name = $1 and data_type = 'timestamp with time zone'
"""
CUT_SECONDS: Final = 0.5  # the event socket is away after a cut


class Kind(Protocol):
    """Something that voiced does for people, as the database and the backend see it."""

    async def driven(self) -> Mapping[str, str]:
        """What is open and in somebody's hands: ids, as the legs' marks have them, and whose call waits."""
        ...

    async def complaints(self) -> list[str]:
        """What nobody drives, and what the backend should know and does not."""
        ...

    async def open(self) -> list[str]:
        """What is not over, or not told."""
        ...

    async def assert_told_once(self) -> None:
        """One result each, in order, and true."""
        ...

    async def story(self) -> list[str]:
        """All that is known, for who has to find out why a test failed."""
        ...


class Stage:
    """Everything but the daemons, and what has to be so whatever happens to them."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self.steps = Steps()
        self.switch = Switch(domain="pbx.test")
        self.switch.intercept = self.steps.intercept
        self.switch.on_event = self._hear
        self.backend = Backend()
        self.proxy = Proxy(database_url, self.steps)
        self.agent = self.switch.phone(AGENT, delay=0.1)
        self.switch.phone(ASKED, delay=0.1, press="1")
        self.assistant = self.switch.phone(ASSISTANT, delay=0.01)
        self.callers: list[Caller] = []
        self.daemons: list[Daemon] = []
        self.kinds: list[Kind] = []
        self.callback: dict[str, Any] = {}  # settings of the daemons that are started from now on
        self.bridged: set[str] = set()  # calls, and ids of the legs' marks: they have heard an agent
        self.left: set[str] = set()  # calls of those who have hung up by themselves
        self.disturbed: datetime | None = None  # when: from then on only what is taken up again is driven
        self._database_url, self._folder = database_url, folder
        self._tasks: set[asyncio.Task[None]] = set()
        self.database: asyncpg.Pool = None  # type: ignore[assignment]  # set by open

    async def open(self) -> None:
        self.database = await asyncpg.create_pool(self._database_url, min_size=1, max_size=2)
        await self.database.execute(_DESTINATIONS)
        await self.switch.start()
        self.switch.callcenter.agent(f"{AGENT}@pbx.test", "5001@pbx.test", f"user/{AGENT}@pbx.test")
        await self.backend.start()
        await self.proxy.open()

    async def close(self) -> None:
        for daemon in self.daemons:
            await daemon.close()
        for task in self._tasks:
            task.cancel()
        await self.switch.stop()
        await self.backend.stop()
        await self.proxy.shut()
        await self.database.close()

    # -- daemons, and what befalls them -------------------------------------------------------------------

    def sections(self, **transfer: Any) -> Sections:
        """Settings for a daemon on this stage."""
        return {
            "pbx": {"port": self.switch.port},
            "outbound": {"listen": door(len(self.daemons) + 1)},
            "http": {"listen": "127.0.0.1:0"},
            "database": {"url": self.proxy.url},
            "tickets": {"url": self.backend.url},
            "transfer": {
                "ring_timeout_seconds": 10,
                "comfort_seconds": 0,
                "announce": False,
                **transfer,
            },
            "callback": self.callback,
            "domain": [{"uuid": DOMAIN, "name": "pbx.test"}],
        }

    def start(self, limits: Mapping[str, int] | None = None, **transfer: Any) -> Daemon:
        """A daemon as a process. It is not up yet when this returns. `limits`: see Daemon."""
        name = f"daemon-{len(self.daemons) + 1}"
        daemon = Daemon(self.sections(**transfer), self._folder, name, limits or {})
        self.daemons.append(daemon)
        return daemon

    def kill(self, daemon: Daemon) -> Blow:
        """SIGKILL."""

        async def act() -> None:
            self.disturb()
            daemon.kill()

        return Blow(act, ends_pbx=True, ends_database=True)

    def pause(self, daemon: Daemon) -> Blow:
        """SIGSTOP: it is as good as dead, and may wake up at any time."""

        async def act() -> None:
            self.disturb()
            daemon.pause()

        return Blow(act)

    def cut(self, *, sessions: bool = True) -> Blow:
        """Every event-socket connection is aborted, and for a while nobody can connect. The calls go on.

        `sessions`: those of calls routed in too.
        """

        async def act() -> None:
            self.disturb()
            await self.switch.close_door()
            for listener in tuple(self.switch.listeners):
                if sessions or listener.channel is None:
                    listener.abort()
            self.later(CUT_SECONDS, self.switch.open_door)

        return Blow(act, ends_pbx=True)

    def cut_sessions(self) -> Blow:
        """The sessions of calls routed in are aborted, and nothing else."""

        async def act() -> None:
            for listener in tuple(self.switch.listeners):
                if listener.channel is not None:
                    listener.abort()

        return Blow(act)

    def disturb(self) -> None:
        """From now on what is open has to be taken up again."""
        self.disturbed = datetime.now(UTC)

    def later(self, seconds: float, act: Callable[[], Any]) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            await act()

        task = asyncio.create_task(wait())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def owner_beats(self) -> None:
        """Until the owner has raised its beat twice: it knows again that it may dial."""
        beat = "select beat from leases"
        first = await self.database.fetchval(beat)
        async with asyncio.timeout(10):
            while await self.database.fetchval(beat) < first + 2:
                await asyncio.sleep(0.02)

    async def advance(self, seconds: float) -> None:
        """Time passes for messages and callbacks: all their times lie further back. They are looked at."""
        async with self.database.acquire() as connection, connection.transaction():
            for table in ("outbox", "callbacks"):  # locked in the order in which an answer is taken
                columns = [row["column_name"] for row in await connection.fetch(_TIMES, table)]
                earlier = ", ".join(f"{column} = {column} - $1::interval" for column in columns)
                await connection.execute(f"update {table} set {earlier}", timedelta(seconds=seconds))
            pbxs = "select distinct pbx from callbacks"
            await connection.execute(f"select pg_notify('voiced_callbacks', pbx) from ({pbxs}) pbxs")

    def connections_of(self, daemon: Daemon) -> set[int]:
        """The event-socket connections of a daemon that has owned the PBX: there it has said so."""
        return {
            command.connection
            for command in self.switch.commands
            if command.line.startswith("api hash insert") and f":{daemon.process.pid}:" in command.line
        }

    # -- people -------------------------------------------------------------------------------------------

    async def call(self, extension: str = "8000", number: str = "5511999990000") -> Caller:
        """Somebody calls, and hears the assistant."""
        caller = await self.switch.call(extension, number=number, name="Maria Souza")
        self.callers.append(caller)
        await self.switch.until(lambda: self.is_with_assistant(caller))
        return caller

    def leaves(self, caller: Caller) -> None:
        """The caller hangs up."""
        self.left.add(caller.uuid)
        caller.hangup()

    def _hear(self, event: Event) -> None:
        """Who is bridged to a leg of ours; it may be either side of the bridge."""
        if event.name == "CHANNEL_BRIDGE":
            sides = [event.get(f"Bridge-{side}-Unique-ID") or "" for side in "AB"]
            legs = [leg for side in sides if (leg := self.switch.channels.get(side))]
            near = [leg for leg in legs if not leg.name.endswith("-b")]  # the far end of a loopback is nobody
            marks = [mark for leg in near if (mark := leg.variables.get("voiced_attempt"))]
            if marks:
                self.bridged |= {*sides, *(mark.rpartition(".")[0] for mark in marks)}

    def is_with_assistant(self, caller: Caller) -> bool:
        return caller.hears == "assistant" or caller.talks_to is self.assistant

    def talks(self, caller: Caller) -> bool:
        """Whether caller and agent hear each other."""
        agent = caller.talks_to
        return isinstance(agent, Phone) and agent is not self.assistant and agent.talks_to is caller

    def hang_up_talks(self) -> None:
        """The agents of all talks hang up."""
        for caller in self.callers:
            agent = caller.talks_to
            if agent is not None and self.talks(caller):
                agent.hangup()

    def everybody_answers(self) -> None:
        for phone in self.switch.phones:
            phone.manner = Manner.ANSWER

    # -- is all well? -------------------------------------------------------------------------------------

    async def well_by(self, deadline: float) -> float:
        """Until all is well; when that was (monotonic, as the deadline)."""
        while complaints := await self.complaints():
            assert time.monotonic() < deadline, await self.said("\n".join(complaints))
            await asyncio.sleep(0.02)
        return time.monotonic()

    async def complaints(self) -> list[str]:
        """What is not as it should be: callers without an owner, legs without a peer, results not told."""
        driven: dict[str, str] = {}
        for kind in self.kinds:
            driven |= await kind.driven()
        found = self._lost_callers(driven) + self._lone_legs(driven) + self._deaf_assistants(driven)
        for kind in self.kinds:
            found += await kind.complaints()
        return found

    def callers_and_legs(self) -> list[str]:
        """The same where nobody drives anything any more: nobody waits, and nothing of ours is alone."""
        return self._lost_callers({}) + self._lone_legs({})

    def _lost_callers(self, driven: Mapping[str, str]) -> list[str]:
        """Who hears neither an agent nor the assistant, nor music while somebody drives their call."""
        found = []
        for caller in self.callers:
            if not caller.alive:
                if caller.uuid not in self.bridged | self.left:
                    found.append("the caller was dropped")
                continue
            waits = caller.hears == "music" and caller.uuid in driven.values()
            goes_on = caller.hears == "tone"  # in the dialplan that has routed them in
            if not (waits or goes_on or self.talks(caller) or self.is_with_assistant(caller)):
                found.append(f"the caller hears {caller.hears}")
        return found

    def _deaf_assistants(self, driven: Mapping[str, str]) -> list[str]:
        """Who is back at an assistant that was paused and is not resumed."""
        return [
            "the assistant does not listen"
            for caller in self.callers
            if caller.alive and self.is_with_assistant(caller) and caller.uuid not in driven.values()
            if self.switch.channels[caller.uuid].variables.get("fork") == "paused"
        ]

    def _lone_legs(self, driven: Mapping[str, str]) -> list[str]:
        marks = [(leg, leg.variables.get("voiced_attempt") or "") for leg in self.switch.channels.values()]
        return [
            f"{leg.name} of {mark} is alone"
            for leg, mark in marks
            if mark and not leg.down and not leg.flags.bridged and mark.rpartition(".")[0] not in driven
        ]

    async def over_by(self, deadline: float, *, hang_up: bool = False) -> None:
        """Until everything has ended and is told. With `hang_up` the agents end the talks."""
        while True:
            if hang_up:
                self.hang_up_talks()
            left = await self.complaints()
            for kind in self.kinds:
                left += await kind.open()
            if not left:
                return
            assert time.monotonic() < deadline, await self.said("\n".join(left))
            await asyncio.sleep(0.02)

    async def assert_the_story_is_told_once(self) -> None:
        """At most one dial an attempt; one message a key; no daemon has logged a fault."""
        dials = [dial.variables["voiced_attempt"] for dial in self.switch.dials]
        assert len(dials) == len(set(dials)), f"dialled twice: {dials}"
        payloads: dict[str, Any] = {}
        for delivery in self.backend.accepted:
            known = payloads.setdefault(delivery.key, delivery.payload)
            assert known == delivery.payload, f"{delivery.key} is two messages: {known}, {delivery.payload}"
        for kind in self.kinds:
            await kind.assert_told_once()
        for daemon in self.daemons:
            assert not daemon.faults(), daemon.log

    async def said(self, what: str) -> str:
        """What is wrong, with all that is known."""
        lines = [what, f"struck at {self.steps.target} {self.steps.side}: {' '.join(self.steps.seen)}"]
        for kind in self.kinds:
            lines += await kind.story()
        lines += [f"  {delivery.key} {delivery.payload}" for delivery in self.backend.accepted]
        lines += [
            f"  {one.time:.3f} on {one.connection}: {one.line} {one.headers}"[:300]
            for one in self.switch.commands[-60:]
        ]
        return "\n".join([*lines, *(f"  log: {daemon.log}" for daemon in self.daemons)])
