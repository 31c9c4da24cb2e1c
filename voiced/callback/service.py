"""All attempts of a daemon: accepts orders, runs a driver for each, recovers them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

import structlog

from voiced.callback import store
from voiced.callback.driver import Driver, Tools
from voiced.callback.facts import Fact, PassedOn, PbxLost, Requested
from voiced.callback.order import Order
from voiced.callback.outcome import Side
from voiced.callback.recovery import missed_facts
from voiced.callback.refusals import AttemptUnderWay
from voiced.callback.state import Attempt
from voiced.esl import EslError, Event, InvalidValue
from voiced.pbx.channel import Channel
from voiced.pbx.pbx import Pbx, Survey
from voiced.refusals import DatabaseIsAway, PbxIsAway, Refusal
from voiced.scribe import Scribe

log = structlog.get_logger(__name__)

RECORD_SECONDS: Final = 2.0  # for the intention to be kept, or refused
Watch = Callable[[Order, Attempt, Attempt, Fact], object]


class CannotBeCalled(Refusal):
    """This is nothing that can be called."""

    code = "invalid"


class Attempts:
    """The attempts of one PBX. `begin()` starts one; it is recorded when that returns."""

    def __init__(self, pbx: Pbx, scribe: Scribe, pool: Any, tools: Tools) -> None:
        self._pbx, self._scribe, self._pool = pbx, scribe, pool
        self._tools = replace(tools, ask_pbx=lambda driver: self._spawn(self._ask(driver), "ask the PBX"))
        self._drivers: dict[UUID, Driver] = {}
        self._numbers: set[tuple[UUID, str]] = set()
        self._agents: set[tuple[UUID, str]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False
        pbx.calls.on(self._hear_bridge, name="CHANNEL_BRIDGE")

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

    # -- beginning ----------------------------------------------------------------------------------------

    async def begin(self, order: Order) -> Driver:
        """Call an agent and a client. Raises AttemptUnderWay, PbxIsAway, DatabaseIsAway, CannotBeCalled."""
        if self._closing:
            raise PbxIsAway("this daemon is being stopped")
        if not self._pbx.is_connected:
            raise PbxIsAway
        if not self._tools.owns_pbx():
            raise DatabaseIsAway("the database has not said for seconds that this daemon owns the PBX")
        if (order.domain_uuid, order.number) in self._numbers or self.calls_agent(
            order.domain_uuid, order.extension
        ):
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

        self._spawn(drive(), f"callback attempt {order.id}")

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("a task of the callbacks failed", task=task.get_name(), exc_info=error)

    def close_door(self) -> None:
        """Begin no more."""
        self._closing = True

    async def settled(self) -> None:
        """Until nobody is being called: only talks are left, and they need nobody."""
        while on_the_way := [driver.settled for driver in self if not driver.settled.done()]:
            await asyncio.wait(on_the_way)

    async def close(self) -> None:
        """Stop driving, without touching any call: whoever owns the PBX next goes on with them."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- the PBX lost and found ---------------------------------------------------------------------------

    def pbx_lost(self) -> None:
        """The event socket is gone."""
        for driver in self:
            driver.tell(PbxLost(self._tools.clock()))

    async def recover(self, survey: Survey) -> None:
        """Take up every open attempt: those that run here, and those that only the database knows.

        Raises EslError where the PBX is lost again meanwhile.
        """
        for driver in self:
            if driver.attempt.lost:
                self._bring_up_to_date(driver, survey.legs, restarted=False)
        await self._scribe.drained()
        for order, attempt, seq in await store.open_attempts(self._pool, self._pbx.name):
            if order.id in self._drivers:
                continue
            log.info("taking up a callback attempt", attempt_id=str(order.id), phase=attempt.phase)
            driver = Driver(order, self._tools, attempt, seq)
            driver.recorded.set_result(None)
            driver.listen()
            self._start(driver)
            self._bring_up_to_date(driver, survey.legs, restarted=True)

    def _bring_up_to_date(self, driver: Driver, legs: Iterable[Channel], *, restarted: bool) -> None:
        ours = [leg for leg in legs if leg.attempt.rpartition(".")[0] == str(driver.order.id)]
        driver.hear(missed_facts(driver.attempt, ours, self._tools.clock(), restarted))

    async def _ask(self, driver: Driver) -> None:
        try:
            survey = await self._pbx.survey()
        except EslError as error:
            log.warning("the PBX did not say what is so", attempt_id=str(driver.order.id), error=str(error))
            return
        self._bring_up_to_date(driver, survey.legs, restarted=False)

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
