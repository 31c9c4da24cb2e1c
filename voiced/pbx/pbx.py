"""A PBX: one event-socket connection for events and calls, another for questions.

An api command runs inside the listener and holds up its events, so what may be slow (`show channels` of a
large PBX) is asked on the second connection. What happens on the first is told to everybody who watches.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import structlog

from voiced.esl import Accepted, Client, CommandRefused, EslError, Reply, Unconfirmed, commands, values
from voiced.pbx.channel import Channel, from_dump

log = structlog.get_logger(__name__)

EVENTS: Final = (
    "CHANNEL_CREATE", "CHANNEL_PROGRESS", "CHANNEL_PROGRESS_MEDIA", "CHANNEL_ANSWER", "CHANNEL_PARK",
    "CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE", "CHANNEL_HANGUP", "CHANNEL_DESTROY", "CHANNEL_UUID",
    "CHANNEL_EXECUTE_COMPLETE", "PLAYBACK_START", "HEARTBEAT", "CUSTOM callcenter::info",
    "CUSTOM sofia::register", "CUSTOM sofia::unregister", "CUSTOM sofia::expire",
)  # fmt: skip


LONGEST_DIAL: Final = 7200.0  # seconds: ringing ends within an hour, and a job may be taken and never run
DISMISS_SECONDS: Final = 5.0  # for a connection of its own


class Watcher(Protocol):
    """Who wants to know when the PBX is lost and back."""

    def pbx_lost(self) -> None: ...

    def pbx_back(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Survey:
    """The channels that carry a mark of ours: dialled legs, and callers who hear our music now."""

    legs: list[Channel]
    held: list[Channel]


class Pbx:
    """One switch. `calls` has its events and takes commands; the questions are methods here."""

    def __init__(
        self, name: str, host: str, port: int, password: str, *, extra_events: tuple[str, ...] = ()
    ) -> None:
        self.name = name
        self.calls = Client(
            host, port, password, events=(*EVENTS, *extra_events), on_lost=self._lost, on_back=self._back
        )
        self.questions = Client(host, port, password)
        self._address = host, port, password
        self._watchers: list[Watcher] = []
        self._core = ""  # the id of the switch's process
        self._unsaid: list[commands.Command] = []  # lost on the way, to be said again

    @property
    def is_connected(self) -> bool:
        """Whether calls can be made and followed."""
        return self.calls.is_connected

    def watch(self, watcher: Watcher) -> None:
        """Tell it of every loss and return from now on."""
        self._watchers.append(watcher)

    async def run(self) -> None:
        """Keep both connections for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.calls.run(), name="event socket: calls")
            group.create_task(self.questions.run(), name="event socket: questions")

    def say(
        self, command: commands.Command, refused: Callable[[str], object] | None = None, log: Any = log,
        *, again: bool = False, lost: Callable[[], object] | None = None,
    ) -> None:  # fmt: skip
        """Write a command; `refused` hears why the PBX will not. A loss is told by the connection itself.

        `again`: it does no harm twice, and if the connection is lost before the reply it is kept for
        `say_again`. `lost` hears that it may not have arrived.
        """

        def replied(reply: asyncio.Future[Reply]) -> None:
            if reply.cancelled():
                return
            if reply.exception() is not None:
                if again:
                    self._unsaid.append(command)
                if lost is not None:
                    lost()
                return
            if reply.result().ok:
                return
            log.info("the PBX refused", command=repr(command), reply=reply.result().text)
            if refused is not None:
                refused(reply.result().text)

        self.calls.send(command).add_done_callback(replied)

    def say_again(self) -> None:
        """The connection is back: say what was lost on the way. What is lost again is kept again."""
        unsaid, self._unsaid = self._unsaid, []
        for command in unsaid:
            self.say(command, again=True)

    def forget(self) -> None:
        """What was lost on the way is not ours to say any more."""
        self._unsaid.clear()

    def dial(self, originate: str, failed: Callable[[str], object]) -> None:
        """Start an originate; `failed` hears the cause when nobody answers, `NOT_SENT` if it never left.

        When the connection is lost meanwhile it hears nothing: what became of it is found out afterwards.
        """

        def done(result: asyncio.Future[Reply]) -> None:
            if result.cancelled():
                return
            error = result.exception()
            if error is None:
                if not result.result().ok:
                    failed(result.result().text.removeprefix("-ERR").strip() or "UNKNOWN")
            elif not isinstance(error, Accepted | Unconfirmed):
                failed("NOT_SENT")

        self.calls.start_job(originate, timeout=LONGEST_DIAL).result.add_done_callback(done)

    async def dismiss(self, uuid: str) -> None:
        """Let a call routed in go on with its dialplan, whoever holds its session. Raises EslError.

        A connection that has taken a call by `myevents` gives it back when it ends (measured, 1.11).
        """
        connected = asyncio.Event()
        client = Client(*self._address, on_back=connected.set)
        running = asyncio.create_task(client.run(), name="event socket: dismiss")
        try:
            async with asyncio.timeout(DISMISS_SECONDS):
                await connected.wait()
                await client.ask(commands.Command(f"myevents {values.channel_uuid(uuid)}"))
        except TimeoutError:
            raise Unconfirmed(f"the PBX did not dismiss {uuid}") from None
        finally:
            await client.close()
            await asyncio.wait([running])

    # -- questions ----------------------------------------------------------------------------------------

    async def channel(self, uuid: str) -> Channel | None:
        """A channel as it is now; None where the PBX does not know it. Raises EslError without an answer."""
        reply = await self._ask(commands.api(f"uuid_dump {values.channel_uuid(uuid)}"))
        return from_dump(reply) if reply is not None else None

    async def survey(self) -> Survey:
        """What on the PBX is ours, dialled legs and held callers. Raises EslError without an answer."""
        rows = await self.table("channels")
        legs = [row["uuid"] for row in rows if str(row.get("presence_data", "")).startswith("voiced:")]
        held = [
            row["uuid"]
            for row in rows  # an application's name stays when it is over; the channel's own mark decides
            if row.get("application") == "playback"
            and str(row.get("application_data", "")).startswith("{timeout=")
        ]
        found = await asyncio.gather(*(self.channel(uuid) for uuid in (*legs, *held)))
        channels = [channel for channel in found if channel is not None]
        return Survey(
            [channel for channel in channels if channel.attempt],
            [channel for channel in channels if channel.hold],
        )

    async def legs_of(self, owner: str, found: Iterable[Channel], known: Iterable[str]) -> list[Channel]:
        """The legs of one transfer or attempt: those that a survey has found, and those of the `known` that
        its table does not show yet, as it lags. Raises EslError without an answer.
        """
        ours = [leg for leg in found if leg.attempt.rpartition(".")[0] == owner]
        unseen = sorted(set(known) - {leg.uuid for leg in ours})
        told = await asyncio.gather(*(self.channel(uuid) for uuid in unseen))
        legs = [*ours, *(leg for leg in told if leg is not None)]
        return list(await asyncio.gather(*map(self._with_person, legs)))

    async def _with_person(self, leg: Channel) -> Channel:
        """A loopback's far end with what its peer says: as the a side of a bridge it looks as before."""
        if not leg.is_far_end:
            return leg
        peer = await self.channel(leg.peer) if leg.peer else None
        is_taken = peer is not None and peer.answered and peer.is_bridged_to(leg.uuid)
        return replace(leg, has_person=is_taken or leg.is_bridged)

    async def table(self, what: str) -> list[dict[str, Any]]:
        """`show WHAT as json`, its rows. All values are strings. Raises EslError without an answer."""
        reply = await self.questions.ask(commands.api(f"show {what} as json"))
        if not reply.ok:
            raise CommandRefused(reply.text)
        return list(json.loads(reply.text).get("rows", []))  # an empty table has no `rows`

    async def was_restarted(self) -> bool:
        """Whether the switch's process is another one than when this was asked last. Raises EslError."""
        known, self._core = self._core, await self._ask(commands.api("global_getvar core_uuid")) or ""
        return known not in ("", self._core)

    async def _ask(self, command: commands.Command) -> str | None:
        reply = await self.questions.ask(command)
        return reply.text if reply.ok else None

    # -- inside -------------------------------------------------------------------------------------------

    def _lost(self, reason: EslError) -> None:
        self._tell(lambda watcher: watcher.pbx_lost())

    def _back(self) -> None:
        log.info("connected to the PBX", pbx=self.name)
        self._tell(lambda watcher: watcher.pbx_back())

    def _tell(self, what: Callable[[Watcher], None]) -> None:
        for watcher in list(self._watchers):
            what(watcher)
