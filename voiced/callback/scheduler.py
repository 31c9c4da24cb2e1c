"""Brings free agents and waiting clients together: by the moment an agent becomes free, and by the clock.

Nothing is polled. An agent is served when they have been free for some seconds, and again for each promise of
theirs that comes due while they are, and a notice's pause after each notice. One who is served is offered one
promise: first what somebody has said yes to, then the rest; of each the one that has been due longest. A call
that cannot be placed waits, and the next has its turn. One free agent is one call, so there are never more
calls than agents. Until when a promise waits stands in the database, for whichever daemon comes next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import structlog

from voiced.callback import window
from voiced.callback.agents import Agents, AgentsOf, DepartmentsOf
from voiced.callback.callback import WAITING
from voiced.callback.calls import Calls
from voiced.callback.conclusions import Conclusions
from voiced.callback.keeper import Keeper, Kept
from voiced.callback.order import Order
from voiced.callback.policy import Owner, Policy
from voiced.callback.promise_facts import CallNow, Notify, NotPlaced, StopCall
from voiced.callback.refusals import AttemptUnderWay
from voiced.callback.state import Attempt
from voiced.database import ERRORS, is_away, query
from voiced.logs import brief
from voiced.notices import Notices
from voiced.pbx.presence import Extension, Presence
from voiced.refusals import DatabaseIsAway, Refusal
from voiced.scribe import Scribe
from voiced.settings import DomainSettings
from voiced.tasks import Tasks

log = structlog.get_logger(__name__)

BATCH: Final = 100  # promises looked at in one transaction
SOONEST: Final = 0.02  # seconds: what is due and was not looked at is being changed by somebody
LOOK_AGAIN: Final = 30.0  # seconds, in case a notice was missed
RETRY_SECONDS: Final = 1.0  # while the database is away
COUNT_SECONDS: Final = 15.0  # between two counts of what waits
NOBODY: Final = "NOBODY_IN_DEPARTMENT"  # the cause where no agent can ever be offered it
_AGENT: Final = ("agent_not_available", "pbx_is_away")  # no reason to put the promise off: others may be free


class Scheduler:
    """Runs where the PBX is owned. `run()` until cancelled."""

    def __init__(
        self, pool: asyncpg.Pool, pbx: str, keeper: Keeper, calls: Calls, presence: Presence, scribe: Scribe,
        notices: Notices, domains: Mapping[str, DomainSettings], *, departments: DepartmentsOf,
        agents: AgentsOf, owns_pbx: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._pool, self._pbx, self._keeper, self._calls = pool, pbx, keeper, calls
        self._domains, self._owns_pbx = domains, owns_pbx
        self._agents = Agents(presence, calls.attempts, departments, agents, self.freed)
        self._by_uuid = {domain.uuid: domain for domain in domains.values()}
        self._wake, self._conclusions = asyncio.Event(), Conclusions(keeper, scribe, owns_pbx)
        self._due: dict[Extension, int] = {}  # promises that came due while the agent was free
        self._serving: dict[Extension, bool] = {}  # whether to serve them once more
        self._has_missed = False  # a moment that came while it was not certain that the PBX is ours
        self._tasks = Tasks()
        self._is_stopped = self._is_waiting = False
        self._faults = 0
        self.waiting = 0  # callbacks, when they were last counted
        presence.on_free(self.freed)
        notices.on("voiced_callbacks", lambda pbx: self.wake() if pbx == self._pbx else None)

    async def run(self) -> None:
        """Keep time, and draw conclusions from what has ended."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_time(), name="callbacks by the clock")
                group.create_task(self._conclusions.run(), name="callbacks whose call has ended")
                group.create_task(self._count(), name="callbacks that wait")
        finally:
            self._is_stopped = True
            await self._tasks.close()

    @property
    def is_idle(self) -> bool:
        """Whether all that was due is looked at and offered: it waits for a moment, or for a time."""
        return self._is_waiting and not self._wake.is_set() and not self._serving

    @property
    def faults(self) -> int:
        """Looks, offers and conclusions that failed, but for an absence of the database. Each was logged."""
        return self._faults + self._conclusions.faults

    def wake(self) -> None:
        """Something may be due now."""
        self._wake.set()

    def own(self) -> None:
        """The PBX is ours from now on."""
        self._wake.set()
        self._conclusions.wake()

    def kept(self, kept: Kept) -> None:
        """A callback has changed: it may be due now, and its call may have to end."""
        self._wake.set()
        if kept.row["closed_at"] is not None:
            self._agents.closed(kept.row["id"])
        if any(isinstance(effect, StopCall) for effect in kept.effects):
            self._tasks.start(self._calls.stop(kept), f"stop calling {kept.row['id']}")

    def attempt_ended(self, order: Order, attempt: Attempt) -> None:
        """An attempt is over: conclusions are to be drawn, and its agent may want a rest."""
        self._agents.was_called(order, attempt)
        self._conclusions.wake()

    # -- agents -------------------------------------------------------------------------------------------

    def freed(self, extension: Extension) -> None:
        """An agent has been free for some seconds."""
        if extension.domain not in self._domains or self._is_stopped:
            return
        if not self._owns_pbx():
            self._has_missed = True
            self.wake()
            return
        if extension in self._serving:
            self._serving[extension] = True
            return
        self._serving[extension] = False
        self._tasks.start(self._serve(extension), f"offer to {extension}")

    async def _serve(self, extension: Extension) -> None:
        try:
            await self._offer(extension)
        except Exception as error:
            again = RETRY_SECONDS
            if not self._is_away(error):
                again = LOOK_AGAIN
                self._fault("an agent could not be served", agent=str(extension))
            self._agents.serve_again(extension, again)
        finally:
            if self._serving.pop(extension):  # something was made or came due meanwhile
                self.freed(extension)

    async def _offer(self, extension: Extension) -> None:
        domain = self._domains[extension.domain]
        if not self._agents.is_free(extension, domain):
            self._due.pop(extension, None)
            return
        kept = await self._keeper.offer(
            domain.uuid, extension.number, await self._departments_of(domain.uuid, extension),
            lambda policy, client, now: self._opens_at(policy, client, domain, now),
        )  # fmt: skip
        turns = self._due.pop(extension, 0)
        if kept is None:
            return
        if any(isinstance(effect, CallNow) for effect in kept.effects):
            await self._call(kept, extension)
            return
        is_told = any(isinstance(effect, Notify) for effect in kept.effects)
        if is_told:
            pause = kept.row["not_before"] - self._keeper.now()
            self._agents.was_told(kept.row["id"], extension, pause.total_seconds())
        was_put_off = kept.effects and not is_told
        # one that was offered before its own look has taken the turn of another
        turns -= 0 if was_put_off or kept.was_due else 1
        if turns > 0 or was_put_off:
            self._due[extension] = self._due.get(extension, 0) + turns
            self._serving[extension] = True

    async def _call(self, kept: Kept, extension: Extension) -> None:
        id = kept.row["id"]
        try:
            order = await self._calls.order_for(kept.row, extension.number, in_window=True)
            placed = await self._calls.place(order)
        except DatabaseIsAway:
            raise
        except Refusal as refusal:
            log.info("a callback could not be placed", callback_id=str(id), reason=refusal.code)
            if refusal.code in _AGENT:
                return
            may_wait = isinstance(refusal, AttemptUnderWay)
            await self._put_off(id, NotPlaced(self._keeper.now(), refusal.code.upper(), may_wait))
            self._serving[extension] = True
        else:
            log.info("callback placed", callback_id=str(id), error=placed.error)

    async def _put_off(self, id: UUID, why: NotPlaced) -> None:
        with suppress(Refusal):  # it may be closed meanwhile
            await self._keeper.tell(id, why)

    def _opens_at(
        self, policy: Policy, client: str, domain: DomainSettings, now: datetime
    ) -> datetime | None:
        return window.opens_at(policy, client, domain.timezone, now)

    # -- time ---------------------------------------------------------------------------------------------

    async def _keep_time(self) -> None:
        owned = False
        while True:
            self._wake.clear()
            wait = RETRY_SECONDS
            try:
                owned, owned_before = self._owns_pbx(), owned
                if owned and (self._has_missed or not owned_before):
                    self._has_missed = False
                    self._serve_all()
                if owned:
                    wait = await self._look()
            except Exception as error:
                self._has_missed = True  # what was looked at may not have been offered to anybody
                if not self._is_away(error):
                    wait = LOOK_AGAIN
                    self._fault("callbacks could not be looked at")
            self._is_waiting = True
            try:
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._is_waiting = False

    async def _look(self) -> float:
        """Look at all that is due. Returns the seconds until something is again."""
        while kept := await self._keeper.look(BATCH):
            for each in kept:
                if each.row["status"] in WAITING:
                    await self._find_agent(each.row)
        due = await self._pool.fetchval(query("callback/next_look"), self._pbx, self._keeper.now())
        return LOOK_AGAIN if due is None else min(LOOK_AGAIN, max(SOONEST, due))

    def _serve_all(self) -> None:
        """Whoever is free already: their moments were another daemon's, or nobody's."""
        for name in self._domains:
            for extension in self._agents.all_free(name):
                self.freed(extension)

    async def _find_agent(self, row: dict[str, Any]) -> None:
        """Somebody who is free already: no moment of theirs will come. A department without anybody never
        has one."""
        domain = self._by_uuid.get(row["domain_uuid"])
        if domain is None or (await self._keeper.policies.of(row["company_id"])).owner is Owner.BACKEND:
            return
        numbers = await self._agents.of(row)
        if not numbers:
            await self._put_off(row["id"], NotPlaced(self._keeper.now(), NOBODY, may_wait=False))
        agent = self._agents.next_of(row["id"], numbers, domain, self._serving)
        if agent is not None:
            self._due[agent] = self._due.get(agent, 0) + 1
            self.freed(agent)

    # -- inside -------------------------------------------------------------------------------------------

    async def _count(self) -> None:
        while True:
            with suppress(*ERRORS):
                self.waiting = await self._pool.fetchval(query("callback/waiting"), self._pbx)
            await asyncio.sleep(COUNT_SECONDS)

    async def _departments_of(self, domain: UUID, agent: Extension) -> list[str]:
        """[] where FusionPBX's tables are not as they should be: they are offered what is theirs alone."""
        try:
            return await self._agents.departments_of(domain, agent.number)
        except asyncpg.PostgresError as error:
            if is_away(error):
                raise
            self._fault("the departments of an agent cannot be read", agent=str(agent))
            self._agents.serve_again(agent, LOOK_AGAIN)
            return []

    def _is_away(self, error: Exception) -> bool:
        is_so = is_away(error) or isinstance(error, DatabaseIsAway)
        if is_so:
            log.warning("the database is away, callbacks wait", error=brief(error))
        return is_so

    def _fault(self, event: str, **about: str) -> None:
        """Of ours, or of the tables: told, counted, and everything else goes on."""
        self._faults += 1
        log.exception(event, **about)
