"""All attempts of a daemon: accepts orders, runs a driver for each, recovers them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

import structlog

from voiced.callback import store
from voiced.callback.driver import Driver, Tools
from voiced.callback.facts import Fact, PassedOn, PbxLost, Requested
from voiced.callback.order import Order, side_of
from voiced.callback.outcome import Side
from voiced.callback.recovery import missed_facts
from voiced.callback.refusals import AttemptUnderWay
from voiced.callback.state import Attempt
from voiced.esl import EslError, Event, InvalidValue
from voiced.insist import insist
from voiced.pbx import control
from voiced.pbx.channel import Channel
from voiced.pbx.owner import Ownership
from voiced.pbx.pbx import Pbx
from voiced.refusals import DatabaseIsAway, PbxIsAway, Refusal
from voiced.scribe import Scribe
from voiced.tasks import Tasks

log = structlog.get_logger(__name__)

RECORD_SECONDS: Final = 2.0  # for the intention to be kept, or refused
Watch = Callable[[Order, Attempt, Attempt, Fact], object]


class CannotBeCalled(Refusal):
    """This is nothing that can be called."""

    code = "invalid"


class Attempts:
    """The attempts of one PBX. `begin()` starts one; it is recorded when that returns."""

    def __init__(self, pbx: Pbx, scribe: Scribe, pool: Any, ownership: Ownership, tools: Tools) -> None:
        self._pbx, self._scribe, self._pool, self._ownership = pbx, scribe, pool, ownership
        self._tools = replace(
            tools, ask_pbx=lambda driver: self._tasks.start(self._ask(driver), "ask the PBX")
        )
        self._drivers: dict[UUID, Driver] = {}
        self._numbers: set[tuple[UUID, str]] = set()
        self._agents: set[tuple[UUID, str]] = set()
        self._tasks = Tasks()
        self._recovery: asyncio.Task[None] | None = None
        self._closing = False
        pbx.calls.on(self._hear_bridge, name="CHANNEL_BRIDGE")
        pbx.calls.on(self._hear_birth, name="CHANNEL_CREATE")
        pbx.watch(self)

    def __len__(self) -> int:
        return len(self._drivers)

    def __iter__(self) -> Iterator[Driver]:
        return iter(list(self._drivers.values()))

    def get(self, id: UUID) -> Driver | None:
        """The driver of an attempt that has not ended."""
        return self._drivers.get(id)

    def drives(self, id: UUID) -> bool:
        """Whether legs with this id belong to an attempt that runs here."""
        return id in self._drivers

    def calls_agent(self, domain_uuid: UUID, extension: str) -> bool:
        """Whether an attempt for this agent is under way here."""
        return (domain_uuid, extension) in self._agents

    def calls_client(self, domain_uuid: UUID, number: str) -> bool:
        """Whether an attempt for this client (E.164) is under way here."""
        return (domain_uuid, number) in self._numbers

    # -- beginning ----------------------------------------------------------------------------------------

    async def begin(self, order: Order) -> Driver:
        """Call an agent and a client. Raises AttemptUnderWay, PbxIsAway, DatabaseIsAway, CannotBeCalled."""
        if self._closing:
            raise PbxIsAway("this daemon is being stopped")
        if not self._pbx.is_connected:
            raise PbxIsAway
        if not self._ownership.may_dial():
            raise DatabaseIsAway("the database has not said for seconds that this daemon owns the PBX")
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

    def close_door(self) -> None:
        """Begin no more."""
        self._closing = True

    async def settled(self) -> None:
        """Until nobody is being called: only talks are left, and they need nobody."""
        while on_the_way := [driver.settled for driver in self if not driver.settled.done()]:
            await asyncio.wait(on_the_way)

    async def close(self) -> None:
        """Stop driving, without touching any call: whoever owns the PBX next goes on with them."""
        await self._tasks.close()

    # -- the PBX lost and found ---------------------------------------------------------------------------

    def pbx_lost(self) -> None:
        """The event socket is gone."""
        self._stop_recovery()
        for driver in self:
            driver.tell(PbxLost(self._tools.clock()))

    def pbx_back(self) -> None:
        """The event socket is back."""
        self._stop_recovery()
        if self._ownership.is_owner:
            self._recovery = self._tasks.start(self.recover(), "recovery of callbacks")

    def _stop_recovery(self) -> None:
        """What it has not found out is found out by the next."""
        if self._recovery is not None:
            self._recovery.cancel()

    async def recover(self) -> None:
        """Find out what became of every open attempt: first of those that run here, which needs no database;
        then of those that only the database knows; then legs that belong to none of them are ended.
        """
        await insist(self._look_again)
        await insist(self._take_up)
        await insist(self._tidy_up)

    async def _look_again(self) -> None:
        if any(driver.attempt.lost for driver in self):
            legs = (await self._pbx.survey()).legs
            for driver in self:
                if driver.attempt.lost:
                    await self._bring_up_to_date(driver, legs, restarted=driver.is_taken_up)

    async def _take_up(self) -> None:
        await self._scribe.drained()
        for order, attempt, seq in await store.open_attempts(self._pool, self._pbx.name):
            if order.id in self._drivers:
                continue
            log.info("taking up a callback attempt", attempt_id=str(order.id), phase=attempt.phase)
            driver = Driver(order, self._tools, attempt, seq)
            driver.recorded.set_result(None)
            driver.is_taken_up = True
            driver.listen()
            driver.step(PbxLost(self._tools.clock()))
            self._start(driver)
        await self._look_again()

    async def _tidy_up(self) -> None:
        """Legs of attempts that nobody drives."""
        survey = await self._pbx.survey()
        await self._ownership.certain()
        for leg in survey.legs:
            if self._is_orphan(leg.attempt) and not leg.is_bridged:
                log.warning("ending a leg that belongs to no callback", leg=leg.uuid, attempt=leg.attempt)
                self._pbx.say(control.end_legs(leg.attempt))

    def _hear_birth(self, event: Event) -> None:
        """A leg that is born for an attempt which nobody drives any more."""
        attempt = event.variable("voiced_attempt")
        if attempt and self._ownership.may_dial() and self._is_orphan(attempt):
            log.warning("ending a leg that was born too late", leg=event.unique_id, attempt=attempt)
            self._pbx.say(control.end_legs(attempt))

    def _is_orphan(self, attempt: str) -> bool:
        """Whether the mark is a callback's, and nobody drives it."""
        with suppress(ValueError):
            return side_of(attempt) is not None and UUID(attempt.rpartition(".")[0]) not in self._drivers
        return False

    async def _bring_up_to_date(self, driver: Driver, legs: Iterable[Channel], *, restarted: bool) -> None:
        """Tell a driver what it has missed. Raises EslError without an answer."""
        known = driver.attempt.agent.legs | driver.attempt.client.legs
        ours = await self._pbx.legs_of(str(driver.order.id), legs, known)
        driver.is_taken_up = False
        driver.hear(missed_facts(driver.attempt, ours, self._tools.clock(), restarted))

    async def _ask(self, driver: Driver) -> None:
        try:
            survey = await self._pbx.survey()
            await self._bring_up_to_date(driver, survey.legs, restarted=False)
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
