"""The inside of the simulated switch: its channels, events, tables, jobs and scheduled tasks."""

from __future__ import annotations

import asyncio
import logging
import random
import time
import uuid as uuids
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from .api import Api
from .applications import Applications
from .callcenter import CallCenter
from .channel import Channel
from .clock import Clock, Waiter
from .core import run
from .dialplan import Dialplan
from .dialstring import DialStringError, parse
from .endpoint import Endpoint
from .events import Events
from .faults import Faults
from .listener import Listener
from .listener_commands import LEVELS
from .sounds import Sounds
from .states import State
from .tables import Tables
from .wire import Event, Pairs

if TYPE_CHECKING:
    from .switch import Switch

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Dialled:
    """One `originate` that was executed: variables, what it dialled, where the leg went, when (monotonic)."""

    variables: dict[str, str]
    target: str
    extension: str
    time: float


class Exchange:
    """What `Switch` is made of; see there."""

    def __init__(
        self, domain: str, dialplan: Dialplan, *, pace: float, seed: int | None, hostname: str
    ) -> None:
        self.domain = domain
        self.hostname = hostname
        self.clock = Clock(pace)
        self.random = random.Random(seed)
        self.faults = Faults(on_command=self.changed)
        self.dialplan = dialplan
        self.applications = Applications()
        self.sounds = Sounds()
        self.api = Api(cast("Switch", self))
        self.on_event: Callable[[Event], None] | None = None
        """Called with each event of the switch."""
        self.dials: list[Dialled] = []
        """Every originate that was executed."""
        self.listeners: list[Listener] = []
        self._changed = Waiter(self.clock)
        self._tasks: set[asyncio.Task[None]] = set()
        self._numbers = {"listener": 0, "task": 0}
        self.begin()

    def begin(self) -> None:
        """What a start makes anew: no channels, an empty hash, another core_uuid."""
        self._channels: dict[str, Channel] = {}
        self.events = Events(self.new_uuid(), self.hostname)
        self.events.listeners.append(self._heard)
        self.tables = Tables(self.clock, self.hostname)
        self.callcenter = CallCenter(cast("Switch", self))
        self.hash: dict[str, str] = {}
        self.globals = {
            "core_uuid": self.events.core_uuid,
            "domain": self.domain,
            "hostname": self.hostname,
            "local_ip_v4": "127.0.0.1",
            "sounds_dir": "/usr/share/freeswitch/sounds",
            "recordings_dir": "/var/lib/freeswitch/recordings",
        }
        self.recordings: dict[str, set[str]] = {}
        """The files being written, by channel."""
        self.scheduled: dict[int, tuple[str, asyncio.TimerHandle]] = {}
        self.sessions_since_start = 0
        self.session_peak = 0
        self.started_at = time.time()

    # ---- what is so --------------------------------------------------------------------------------------

    @property
    def channels(self) -> Mapping[str, Channel]:
        """Every channel by its uuid, also those that are being destroyed."""
        return MappingProxyType(self._channels)

    def changed(self) -> None:
        """Something that `until` may wait for has changed."""
        self._changed.tell()

    def _heard(self, event: Event) -> None:
        if self.on_event is not None:
            self.on_event(event)
        self.changed()

    def new_uuid(self) -> str:
        return str(uuids.UUID(int=self.random.getrandbits(128), version=4))

    def number(self, what: str) -> int:
        """The next number of a `listener` or a `task`."""
        self._numbers[what] += 1
        return self._numbers[what]

    # ---- channels ----------------------------------------------------------------------------------------

    def new_channel(self, name: str, direction: str, endpoint: Endpoint, uuid: str | None = None) -> Channel:
        """Make a channel; its life begins with `launch`."""
        self.sessions_since_start += 1
        channel = Channel(
            cast("Switch", self),
            uuid=uuid or self.new_uuid(),
            name=name,
            direction=direction,
            endpoint=endpoint,
            session_id=self.sessions_since_start,
        )
        self._channels[channel.uuid] = channel
        self.session_peak = max(self.session_peak, len(self._channels))
        return channel

    def launch(self, channel: Channel) -> None:
        """Let the channel's own task begin, once."""
        if not channel.started:
            channel.started = True
            self.spawn(run(channel))

    def locate(self, uuid: str | None) -> Channel | None:
        """The channel of that uuid, if it is up."""
        channel = self._channels.get(uuid) if uuid else None
        return None if channel is None or channel.down else channel

    def rename(self, channel: Channel, uuid: str) -> None:
        """Give a channel another uuid (CHANNEL_UUID), as a loopback a leg gets its `origination_uuid`."""
        if uuid in self._channels:
            return
        old = channel.uuid
        del self._channels[old]
        self._channels[uuid] = channel
        channel.uuid = uuid
        if channel.profile:
            channel.profile.uuid = uuid
        channel.variables.set("uuid", uuid)
        channel.variables.set("call_uuid", uuid)
        channel.fire("CHANNEL_UUID", before=[("Old-Unique-ID", old)])

    def forget(self, channel: Channel) -> None:
        """The channel is destroyed."""
        if self._channels.get(channel.uuid) is channel:
            del self._channels[channel.uuid]
        self.recordings.pop(channel.uuid, None)

    def tell_controllers(self, channel: Channel) -> None:
        """A channel keeps an event for the connection that controls it and nobody else (`divert_events`)."""
        for listener in self.listeners:
            if listener.channel is channel:
                asyncio.get_running_loop().call_soon(listener.take_diverted)

    # ---- jobs and tasks ----------------------------------------------------------------------------------

    def note_dial(self, text: str, extension: str) -> None:
        """An originate is being executed."""
        try:
            parsed = parse(text)
            variables = dict(parsed.variables)
            target = "|".join(",".join(f"{one.endpoint}/{one.data}" for one in g) for g in parsed.groups)
        except DialStringError:
            variables, target = {}, text
        self.dials.append(Dialled(variables, target, extension, time.monotonic()))
        self.changed()

    def run_job(self, name: str, argument: str, uuid: str, owner: str = "") -> None:
        """Run an api command in the background; its output comes as BACKGROUND_JOB."""
        if self.faults.lose_jobs > 0:
            self.faults.lose_jobs -= 1
        else:
            self.spawn(self._job(name, argument, uuid, owner))

    async def _job(self, name: str, argument: str, uuid: str, owner: str) -> None:
        if self.faults.slow_jobs:
            await asyncio.sleep(self.faults.slow_jobs)
        answer = self.api.execute(name, argument)
        text = answer if isinstance(answer, str) else await answer
        about: Pairs = [("Job-UUID", uuid)]
        if owner:
            about.append(("Job-Owner-UUID", owner))
        about.append(("Job-Command", name))
        if argument:
            about.append(("Job-Command-Arg", argument))
        self.events.fire("BACKGROUND_JOB", extra=about, body=text, uuid=owner)

    def spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Run something in a task that belongs to the switch; an exception in it is logged."""
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("a task of the simulated switch failed", exc_info=task.exception())

    def schedule(self, seconds: float, what: str, group: str, act: Callable[[], None]) -> int:
        """Do something in so many real seconds; returns the task's number."""
        number = self.number("task")
        due = str(int(time.time() + seconds))
        about: Pairs = [
            ("Task-ID", str(number)),
            ("Task-Desc", what),
            ("Task-Group", group),
            ("Task-Runtime", due),
        ]

        def run_it() -> None:
            self.scheduled.pop(number, None)
            act()
            self.events.fire("DEL_SCHEDULE", extra=about)

        timer = asyncio.get_running_loop().call_later(max(seconds, 0), run_it)
        self.scheduled[number] = (group, timer)
        self.events.fire("ADD_SCHEDULE", extra=about)
        return number

    def unschedule(self, what: str) -> int:
        """Forget scheduled tasks by number or group; returns how many."""
        numbers = [n for n, (group, _) in self.scheduled.items() if what in (str(n), group)]
        for number in numbers:
            self.scheduled.pop(number)[1].cancel()
        return len(numbers)

    def log(self, level: str, text: str) -> None:
        """A line of the switch's log, for connections that asked with `log`; its own level is WARNING."""
        number = LEVELS.index(level.upper()) if level.upper() in LEVELS else LEVELS.index("DEBUG")
        if number <= LEVELS.index("WARNING"):
            for listener in self.listeners:
                listener.log(number, text)

    async def end(self) -> None:
        """Everything stops where it is; nothing is said."""
        self.events.listeners.clear()
        self.events.by_channel.clear()
        for listener in tuple(self.listeners):
            listener.abort()
        for _, timer in self.scheduled.values():
            timer.cancel()
        for channel in self._channels.values():
            channel.state = State.DESTROY
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._channels.clear()
        self.changed()

    async def heartbeats(self, seconds: float) -> None:
        """A HEARTBEAT event every so many real seconds."""
        while True:
            await asyncio.sleep(seconds)
            up = time.time() - self.started_at
            minutes, rest = divmod(int(up), 60)
            about: Pairs = [
                ("Event-Info", "System Ready"),
                (
                    "Up-Time",
                    f"0 years, 0 days, {minutes // 60} hours, {minutes % 60} minutes, {rest} seconds",
                ),
                ("FreeSWITCH-Version", "1.11.3-dev+git~20260821T141014Z~cc93a683ca~64bit"),
                ("Uptime-msec", str(int(up * 1000))),
                ("Session-Count", str(len(self._channels))),
                ("Max-Sessions", "10000"),
                ("Session-Per-Sec", "2000"),
                ("Session-Per-Sec-Last", "0"),
                ("Session-Per-Sec-Max", "5"),
                ("Session-Per-Sec-FiveMin", "0"),
                ("Session-Since-Startup", str(self.sessions_since_start)),
                ("Session-Peak-Max", str(self.session_peak)),
                ("Session-Peak-FiveMin", str(self.session_peak)),
                ("Idle-CPU", "97.800000"),
                ("Heartbeat-Interval", str(int(seconds))),
            ]
            self.events.fire("HEARTBEAT", extra=about)
