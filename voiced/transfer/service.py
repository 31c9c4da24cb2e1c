"""All transfers of a daemon: accepts requests, runs a driver for each, recovers them, tidies up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import structlog

from voiced.esl import EslError, Event, InvalidValue, values
from voiced.facts import Fact, Requested
from voiced.pbx import control
from voiced.pbx.channel import Channel
from voiced.pbx.owner import Ownership
from voiced.pbx.pbx import Pbx, Survey
from voiced.scribe import Scribe
from voiced.service import ROOM, Service, strays
from voiced.transfer import store
from voiced.transfer.causes import Ending
from voiced.transfer.driver import Driver
from voiced.transfer.hands import MOMENT
from voiced.transfer.holding import assistant_command
from voiced.transfer.outside import Outside
from voiced.transfer.refusals import CallIsBusy, CannotBeDialled, DatabaseIsAway, PbxIsAway, UnknownCall
from voiced.transfer.request import Request, Target
from voiced.transfer.state import Dial, Fallback, Transfer
from voiced.transfer.stranded import Stranded
from voiced.transfer.tenants import Tenants
from voiced.transfer.tools import Manners, Tools

log = structlog.get_logger(__name__)

ANSWER_SECONDS: Final = 2.0  # for the PBX to say whether it knows a call


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for: a call, and where it shall go."""

    call_uuid: str
    domain_uuid: UUID
    targets: tuple[tuple[Target, ...], ...]
    plan: tuple[Dial, ...]
    reason: str = ""
    summary: str = ""
    secretary_uuid: UUID | None = None
    locale: str = "pt-BR"
    story_id: UUID | None = None
    fallback: Fallback = Fallback.ASSISTANT
    mailbox: Target | None = None  # where a fallback to voicemail leads
    closed: Ending | None = None
    closed_messages: dict[str, str] = field(default_factory=dict)  # what to say of a closed destination
    is_limited: bool = False  # who asks may use this domain's calls only
    offers_callback: bool = True  # where nobody can be had; False: the company promises no calls


Watch = Callable[[Request, Transfer, Transfer, Fact], object]


class Transfers(Service):
    """The transfers of one PBX. `run()` keeps recovery going; `request()` begins one."""

    def __init__(
        self, pbx: Pbx, pool: asyncpg.Pool, scribe: Scribe, manners: Manners, *, longest_hold: float,
        ownership: Ownership, tenants: Tenants, outside: Outside, watch: Watch,
        reacted: Callable[[float], object],
    ) -> None:  # fmt: skip
        super().__init__(pbx, ownership)
        self._tenants, self._outside = tenants, outside
        self._pool, self._scribe, self._longest_hold = pool, scribe, longest_hold
        self._queue_members: dict[str, Driver] = {}
        self._tools = Tools(
            pbx=pbx, scribe=scribe, manners=manners, ownership=ownership, watch=watch,
            reacted=reacted, queue_members=self._queue_members, stranded=Stranded(pbx),
            ask_pbx=lambda driver: self._tasks.start(self._look_at(driver), "ask the PBX"),
            count_outside=lambda request, attempt, then: self._tasks.start(
                self._count_outside(request, attempt, then), f"count {request.attempt_id(attempt)}"
            ),
            see_off=lambda uuid: self._tasks.start(self._see_off(uuid), f"see {uuid} off"),
        )  # fmt: skip
        self._drivers: dict[UUID, Driver] = {}
        self._by_caller: dict[str, Driver] = {}
        pbx.calls.on(self._hear_bridge, name=("CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE"))
        pbx.calls.on(self._hear_queue, name="CUSTOM callcenter::info")

    def __len__(self) -> int:
        return len(self._drivers)

    def get(self, id: UUID) -> Driver | None:
        """The driver of a transfer that has not ended."""
        return self._drivers.get(id)

    def of_call(self, call_uuid: str) -> Driver | None:
        """The driver of the transfer that this call is in."""
        return self._by_caller.get(call_uuid)

    # -- asking for one -----------------------------------------------------------------------------------

    async def request(self, wish: Wish, session_ended: asyncio.Future[Any] | None = None) -> Driver:
        """Begin a transfer; it is recorded when this returns. A call routed in says when its session ends.

        Raises UnknownCall, CallIsBusy, CannotBeDialled, PbxIsAway, DatabaseIsAway.
        """
        self.may_begin()
        self._check_free(wish)
        try:
            for target in chain.from_iterable(wish.targets):
                target.endpoint()  # what cannot be dialled is refused before anything is touched
        except InvalidValue as error:
            raise CannotBeDialled(str(error)) from None
        caller = await self._caller(wish)
        self.may_begin()  # still
        driver = self._new_driver(wish, caller)
        driver.listen()
        driver.tell(Requested(self._tools.clock()))
        self._start(driver)
        if session_ended is not None:
            session_ended.add_done_callback(lambda _: driver.let_go())
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_SECONDS):
                futures: list[asyncio.Future[Any]] = [driver.recorded, driver.known]
                await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
        if driver.recorded.done():
            driver.recorded.result()
            return driver
        if driver.known.done() and not driver.transfer.caller_here:
            raise UnknownCall  # any more
        driver.cancel(by="voiced")  # whoever asked has to ask again
        raise DatabaseIsAway

    def _check_free(self, wish: Wish) -> None:
        """Raises CallIsBusy; UnknownCall of a call of another domain, which is as good as none."""
        driver = self._by_caller.get(wish.call_uuid)
        if driver is not None:
            raise UnknownCall if driver.request.domain_uuid != wish.domain_uuid else CallIsBusy

    async def _caller(self, wish: Wish) -> Channel:
        call_uuid = values.channel_uuid(wish.call_uuid)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                channel = await self._pbx.channel(call_uuid)
        except (EslError, TimeoutError) as error:
            raise PbxIsAway(f"the PBX does not answer: {error}") from None
        if channel is None or not self._tenants.owns(wish.domain_uuid, channel, strictly=wish.is_limited):
            raise UnknownCall
        self._check_free(wish)  # still
        return channel

    def _new_driver(self, wish: Wish, caller: Channel) -> Driver:
        id = uuid4()
        request = Request(
            id=id, pbx=self._pbx.name, domain_uuid=wish.domain_uuid, caller=caller, targets=wish.targets,
            plan=wish.plan, story_id=wish.story_id or id, reason=wish.reason, summary=wish.summary,
            secretary_uuid=wish.secretary_uuid, locale=wish.locale, assistant_leg=caller.peer,
            mailbox=wish.mailbox, closed_messages=wish.closed_messages, offers_callback=wish.offers_callback,
        )  # fmt: skip
        state = Transfer(str(id), wish.plan, self._longest_hold, fallback=wish.fallback, closed=wish.closed)
        return Driver(request, self._tools, state)

    # -- running them -------------------------------------------------------------------------------------

    def _start(self, driver: Driver) -> None:
        request = driver.request
        self._drivers[request.id] = driver
        self._by_caller[request.caller.uuid] = driver

        async def drive() -> None:
            try:
                await driver.run()
            finally:
                self._drivers.pop(request.id, None)
                if self._by_caller.get(request.caller.uuid) is driver:
                    del self._by_caller[request.caller.uuid]

        self._tasks.start(drive(), f"transfer {request.id}")

    # -- the PBX lost and found ---------------------------------------------------------------------------

    def _on_the_way(self) -> list[asyncio.Future[Any]]:
        return [driver.known for driver in self._drivers.values() if not driver.known.done()]

    def _lose(self) -> None:
        for driver in list(self._drivers.values()):
            driver.lose_pbx()

    async def _look_again(self) -> None:
        await self._tools.stranded.look_again()
        if await self._pbx.was_restarted():
            for driver in self._drivers.values():
                driver.was_dropped = driver.in_the_dark
        in_the_dark = [driver for driver in self._drivers.values() if driver.in_the_dark]
        if not in_the_dark:
            return
        legs = (await self._pbx.survey()).legs
        for driver in in_the_dark:
            await self._look(driver, legs)

    async def _take_up(self) -> None:
        """Open transfers of the database that nobody drives: a daemon has died, or has lost the PBX to us."""
        for request, state, seq in await strays(self._open, self._drivers, self._scribe):
            driver = Driver(request, self._tools, state, seq + ROOM)
            driver.take_up()
            driver.listen()
            driver.log.info("taking up a transfer", phase=state.phase)
            self._start(driver)
        await self._look_again()

    async def _open(self) -> list[tuple[Request, Transfer, int]]:
        return await store.open_transfers(self._pool, self._pbx.name)

    async def _look(self, driver: Driver, legs: list[Channel]) -> None:
        """Find out what is so for one transfer. Raises EslError without an answer."""
        request, in_the_dark = driver.request, driver.in_the_dark
        caller = await self._pbx.channel(request.caller.uuid)
        ours = await self._pbx.legs_of(str(request.id), legs, driver.transfer.legs)
        if driver.in_the_dark == in_the_dark:  # else the PBX was lost meanwhile, and the answer is old
            driver.learn(caller, ours)

    async def _look_at(self, driver: Driver) -> None:
        """The same for a driver that wants to know; it asks again if it has to."""
        try:
            await self._look(driver, (await self._pbx.survey()).legs)
        except EslError as error:
            driver.log.warning("the PBX did not say what is so", error=str(error))

    async def _see_off(self, call_uuid: str) -> None:
        """A call goes on with its dialplan when nothing of ours holds it, unless a daemon that has lost the
        PBX, and does not know, still has its session.
        """
        try:
            await asyncio.sleep(MOMENT)
            caller = await self._pbx.channel(call_uuid)
            driver = self._by_caller.get(call_uuid)
            is_ours = driver is not None and driver.transfer.caller_here and not driver.transfer.is_home
            if caller is None or is_ours:
                return
            if caller.is_on_its_way and caller.home:  # still: it has got stuck there
                log.warning("a call routed in is in nobody's hands", call_uuid=call_uuid)
                self._pbx.say(control.send_home(call_uuid, caller.home))
            elif caller.waits_behind_us:
                log.warning("a call routed in waits for a daemon that is gone", call_uuid=call_uuid)
                await self._pbx.dismiss(call_uuid)
                await asyncio.sleep(MOMENT)
                self._pbx.say(control.tell(call_uuid, control.SESSION_HOLDS_NOTHING))
        except EslError as error:
            log.warning("a call routed in could not be seen off", call_uuid=call_uuid, error=str(error))

    def _end_orphans(self, survey: Survey, driven: Container[str]) -> None:
        """And callers on hold for nobody go back."""
        super()._end_orphans(survey, driven)
        for caller in survey.held:
            if caller.hold not in driven and not self._drives(caller.hold):
                log.warning("a caller on hold belongs to no transfer, going back", call_uuid=caller.uuid)
                self._pbx.say(control.stop_music(caller.uuid))
                if command := self._tools.manners.resume_assistant:
                    self._pbx.say(assistant_command(command, caller.uuid))

    def _driven(self) -> frozenset[str]:
        return frozenset(str(id) for id in self._drivers)

    def _is_orphan(self, attempt: str) -> bool:
        """Attempts of transfers are numbered; a callback's are not."""
        id, _, number = attempt.rpartition(".")
        return number.isdigit() and not self._drives(id)

    def _drives(self, id: str) -> bool:
        with suppress(ValueError):
            return UUID(id) in self._drivers
        return False

    async def _count_outside(self, request: Request, attempt: int, then: Callable[[str], object]) -> None:
        """Why an attempt may not be dialled, '' if it may, once its numbers outside are counted."""
        numbers = [target.number for target in request.ringing(attempt) if target.is_outside]
        then(await self._outside.why_not(request.attempt_id(attempt), request.domain_uuid, numbers))

    # -- events that belong to no single leg --------------------------------------------------------------

    def _hear_bridge(self, event: Event) -> None:
        """A bridge whose b side is one of our callers: an agent's own transfer."""
        driver = self._by_caller.get(event.get("Bridge-B-Unique-ID") or "")
        if driver is not None and event.unique_id != driver.request.caller.uuid:
            driver.hear_caller(event)

    def _hear_queue(self, event: Event) -> None:
        """A queue tells of a member: perhaps a leg that waits there on a caller's behalf."""
        driver = self._queue_members.get(event.get("CC-Member-Session-UUID") or "")
        if driver is not None:
            driver.hear_queue(event)
