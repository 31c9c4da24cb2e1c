"""All attempts of a daemon: accepts orders, runs a driver for each, recovers them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, Final
from uuid import UUID

import asyncpg
import structlog

from voiced.callback import store
from voiced.callback.driver import Driver
from voiced.callback.facts import PassedOn
from voiced.callback.order import Order, side_of
from voiced.callback.outcome import Side
from voiced.callback.refusals import AttemptUnderWay, CannotBeCalled
from voiced.callback.state import Attempt
from voiced.callback.tools import Tools
from voiced.clock import steady
from voiced.database import ERRORS, query
from voiced.esl import EslError, Event, InvalidValue
from voiced.facts import Fact, PbxLost, Requested
from voiced.logs import brief
from voiced.pbx.channel import Channel
from voiced.pbx.owner import Ownership
from voiced.pbx.pbx import Pbx
from voiced.refusals import DatabaseIsAway
from voiced.scribe import Scribe
from voiced.service import ROOM, Service, strays
from voiced.speech.announcement import Announcer

log = structlog.get_logger(__name__)

RECORD_SECONDS: Final = 2.0  # for the intention to be kept, or refused
TELL_SECONDS: Final = 5.0  # for the database, which has just taken the intention, to tell if it is wanted
Begin = Callable[[Order, Attempt], Awaitable[None]]
Watch = Callable[[Order, Attempt, Attempt, Fact], object]


class Attempts(Service):
    """The attempts of one PBX. `begin()` starts one; it is recorded when that returns."""

    def __init__(
        self, pbx: Pbx, scribe: Scribe, pool: asyncpg.Pool, ownership: Ownership, announcer: Announcer,
        music: str, *, begin: Begin, why_not: Callable[[Order, Side], str], watch: Watch,
        clock: Callable[[], float] = steady,
    ) -> None:  # fmt: skip
        super().__init__(pbx, ownership)
        self._scribe, self._pool = scribe, pool
        self._tools = Tools(
            pbx=pbx, scribe=scribe, announcer=announcer, music=music, begin=begin,
            is_wanted=self._is_wanted, why_not=why_not, ownership=ownership, watch=watch, clock=clock,
            ask_pbx=lambda driver: self._tasks.start(self._ask(driver), "ask the PBX"),
        )  # fmt: skip
        self._drivers: dict[UUID, Driver] = {}
        self._numbers: set[tuple[UUID, str]] = set()
        self._agents: set[tuple[UUID, str]] = set()
        self.on_given_up: Callable[[], object] = lambda: None  # attempts have ended that nobody has driven
        pbx.calls.on(self._hear_bridge, name="CHANNEL_BRIDGE")

    def __len__(self) -> int:
        return len(self._drivers)

    def __iter__(self) -> Iterator[Driver]:
        return iter(list(self._drivers.values()))

    def get(self, id: UUID) -> Driver | None:
        """The driver of an attempt that has not ended."""
        return self._drivers.get(id)

    def calls_agent(self, domain_uuid: UUID, extension: str) -> bool:
        """Whether an attempt for this agent is under way here."""
        return (domain_uuid, extension) in self._agents

    def calls_client(self, domain_uuid: UUID, number: str) -> bool:
        """Whether an attempt for this client (E.164) is under way here."""
        return (domain_uuid, number) in self._numbers

    # -- beginning ----------------------------------------------------------------------------------------

    async def begin(self, order: Order) -> Driver:
        """Call an agent and a client. Raises AttemptUnderWay, PbxIsAway, DatabaseIsAway, CannotBeCalled."""
        self.may_begin()
        domain = order.domain_uuid
        if self.calls_client(domain, order.number) or self.calls_agent(domain, order.extension):
            raise AttemptUnderWay
        try:
            for side in Side:
                order.endpoint(side)  # what cannot be dialled is refused before anything is touched
        except InvalidValue as error:
            raise CannotBeCalled(str(error)) from None
        driver = Driver(order, self._tools, _first_state(order))
        driver.listen()
        driver.tell(Requested(self._tools.clock()))
        self._start(driver)
        done, _ = await asyncio.wait([driver.recorded], timeout=RECORD_SECONDS)
        if not done or driver.recorded.cancelled():
            raise DatabaseIsAway
        driver.recorded.result()
        return driver

    def _start(self, driver: Driver) -> None:
        order = driver.order
        self._drivers[order.id] = driver
        number, agent = (order.domain_uuid, order.number), (order.domain_uuid, order.extension)
        self._numbers.add(number)
        self._agents.add(agent)

        async def drive() -> None:
            try:
                await driver.run()
            finally:
                self._drivers.pop(order.id, None)
                self._numbers.discard(number)
                self._agents.discard(agent)

        self._tasks.start(drive(), f"callback attempt {order.id}")

    # -- the PBX lost and found ---------------------------------------------------------------------------

    def _on_the_way(self) -> list[asyncio.Future[Any]]:
        return [driver.settled for driver in self if not driver.settled.done()]

    def _lose(self) -> None:
        for driver in self:
            driver.tell(PbxLost(self._tools.clock()))

    async def _look_again(self) -> None:
        if any(driver.attempt.lost for driver in self):
            legs = (await self._pbx.survey()).legs
            for driver in self:
                if driver.attempt.lost:
                    await self._bring_up_to_date(driver, legs)

    async def _take_up(self) -> None:
        if await store.give_up_unreadable(self._pool, self._pbx.name):
            self.on_given_up()
        for order, attempt, seq in await strays(self._open, self._drivers, self._scribe):
            log.info("taking up a callback attempt", attempt_id=str(order.id), phase=attempt.phase)
            driver = Driver(order, self._tools, attempt, seq + ROOM)
            driver.recorded.set_result(None)
            driver.is_taken_up = True
            driver.listen()
            driver.step(PbxLost(self._tools.clock()))
            self._start(driver)
        await self._look_again()
        await self._call_off_unwanted()

    async def _open(self) -> list[tuple[Order, Attempt, int]]:
        return await store.open_attempts(self._pool, self._pbx.name)

    async def _call_off_unwanted(self) -> None:
        """Whoever canceled a callback may have found nobody to end its call, or have died before it could."""
        for row in await self._pool.fetch(query("attempt/unwanted"), self._pbx.name, None):
            if driver := self.get(row["id"]):
                driver.cancel()

    async def _is_wanted(self, order: Order) -> bool:
        """Whether its callback was not canceled; True where the database does not tell soon."""
        if order.callback_id is None:
            return True
        try:
            async with asyncio.timeout(TELL_SECONDS):
                unwanted = await self._pool.fetch(query("attempt/unwanted"), self._pbx.name, order.id)
        except ERRORS as error:
            log.warning("not known whether a call is wanted", attempt_id=str(order.id), error=brief(error))
            return True
        return not unwanted

    def _driven(self) -> frozenset[str]:
        return frozenset(str(id) for id in self._drivers)

    def _is_orphan(self, attempt: str) -> bool:
        """Whether the mark is a callback's, and nobody drives it."""
        with suppress(ValueError):
            return side_of(attempt) is not None and UUID(attempt.rpartition(".")[0]) not in self._drivers
        return False

    async def _bring_up_to_date(self, driver: Driver, legs: Iterable[Channel]) -> None:
        """Tell a driver what it has missed. Raises EslError without an answer."""
        known = driver.attempt.agent.legs | driver.attempt.client.legs
        driver.learn(await self._pbx.legs_of(str(driver.order.id), legs, known))

    async def _ask(self, driver: Driver) -> None:
        try:
            survey = await self._pbx.survey()
            await self._bring_up_to_date(driver, survey.legs)
        except EslError as error:
            log.warning("the PBX did not say what is so", attempt_id=str(driver.order.id), error=str(error))

    def _hear_bridge(self, event: Event) -> None:
        """A bridge whose b side is one of our clients: an agent's own transfer."""
        b_side = event.get("Bridge-B-Unique-ID") or ""
        for driver in self._drivers.values():
            if driver.attempt.client.answered == b_side and event.unique_id != driver.attempt.agent.answered:
                driver.tell(PassedOn(self._tools.clock(), event.unique_id))


def _first_state(order: Order) -> Attempt:
    return Attempt(
        str(order.id), order.first, order.client_confirms, order.ring_seconds, order.connect_seconds
    )
