"""Keeps promises: every change of a callback is decided by the table, under a lock on its row.

A decision, its line in the journal and what the backend is told of it are one transaction. What is to be
done in the world (a call, a notice on a screen) follows the commit, and is done by whoever listens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

import asyncpg
import structlog

from voiced.callback import messages, promise, store
from voiced.callback.callback import Status
from voiced.callback.order import Order
from voiced.callback.policies import Policies
from voiced.callback.policy import Policy
from voiced.callback.promise_facts import (
    AgentFree,
    AttemptBegan,
    AttemptEnded,
    Due,
    Effect,
    Fact,
    Notify,
    Tell,
)
from voiced.callback.refusals import (
    AttemptUnderWay,
    CallbackIsCalling,
    CallbackIsClosed,
    NoSuchCallback,
    TooManyTickets,
)
from voiced.callback.state import Attempt
from voiced.database import query, text
from voiced.folding import fold
from voiced.refusals import PbxIsAway, Refusal
from voiced.table import fact_name
from voiced.tickets.message import Message

log = structlog.get_logger(__name__)

MOST_TICKETS: Final = 20  # of one callback: each is told of every change

_REFUSALS: Final[dict[str, type[Refusal]]] = {
    ".calling": CallbackIsCalling,
    ".closed": CallbackIsClosed,
}


@dataclass(frozen=True, slots=True)
class Kept:
    """A change that is committed: the row as it is now, and what is to be done."""

    row: dict[str, Any]
    before: Status | None  # None: it is new
    fact: str
    effects: tuple[Effect, ...] = ()
    was_due: bool = False  # a look at it was due, and this was it


Watch: TypeAlias = Callable[[Kept], object]


class Keeper:
    """All changes of callbacks. `watch(kept)` hears of each after its commit."""

    def __init__(
        self, pool: asyncpg.Pool, pbx: str, policies: Policies, clock: Callable[[], datetime], watch: Watch,
        daemon: str,
    ) -> None:  # fmt: skip
        """`daemon`: the owner that this daemon is, when it is one."""
        self._pool, self._pbx, self._clock, self.watch = pool, pbx, clock, watch
        self._daemon = daemon
        self.policies = policies
        self.on_put: Callable[[], object] = lambda: None  # the outbox has what `watch` does not tell

    def now(self) -> datetime:
        """The time that promises are kept by."""
        return self._clock()

    async def find(self, id: UUID | None, ticket: str, domain: UUID | None) -> dict[str, Any]:
        """A callback by its id or its ticket's; of `domain` only, if given. Raises NoSuchCallback."""
        if id is not None:
            row = await self._pool.fetchrow(query("callback/read"), id, domain)
        else:
            row = await self._pool.fetchrow(query("callback/of_ticket"), ticket, domain)
        if row is None:
            raise NoSuchCallback
        return dict(row)

    # -- what happens to a promise ------------------------------------------------------------------------

    async def tell(self, id: UUID, fact: Fact, *, domain: UUID | None = None) -> Kept:
        """Something happened to a callback. Raises NoSuchCallback, CallbackIsCalling, CallbackIsClosed."""
        async with self._pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(query("callback/lock"), id)
            if row is None or domain not in (None, row["domain_uuid"]):
                raise NoSuchCallback
            allow(row, type(fact))
            kept = await self.decide(connection, row, fact, await self._policy(connection, row))
        self.watch(kept)
        return kept

    async def offer(
        self, domain_uuid: UUID, extension: str, departments: Iterable[str],
        opens_at: Callable[[Policy, str, datetime], datetime | None],
    ) -> Kept | None:  # fmt: skip
        """Offer a free agent the promise that has been due longest; None where there is none."""
        async with self._pool.acquire() as connection, connection.transaction():
            now = self._clock()
            keys = sorted({fold(name) for name in departments} - {""})
            row = await connection.fetchrow(query("callback/for_agent"), domain_uuid, extension, keys, now)
            if row is None:
                return None
            policy = await self._policy(connection, row)
            fact = AgentFree(now, extension, opens_at(policy, row["number"], now))
            kept = await self.decide(connection, row, fact, policy)
            was_due = row["look_at"] is not None and row["look_at"] <= now
        self.watch(kept)
        return replace(kept, was_due=was_due)

    async def look(self, limit: int) -> list[Kept]:
        """Whatever time alone has changed. [] where nothing is due."""
        async with self._pool.acquire() as connection, connection.transaction():
            now = self._clock()
            rows = await connection.fetch(query("callback/due"), self._pbx, now, limit)
            kept = [
                await self.decide(connection, row, Due(now), await self._policy(connection, row))
                for row in rows
            ]
        for each in kept:
            self.watch(each)
        return kept

    async def add_ticket(self, id: UUID, ticket: str, connection: Any = None) -> None:
        """One more ticket of a callback: it is found by it, and told of to it, from now on.

        Raises TooManyTickets.
        """
        database = connection or self._pool
        if not await database.fetchval(query("callback/add_ticket"), id, text(ticket), MOST_TICKETS - 1):
            raise TooManyTickets

    # -- attempts -----------------------------------------------------------------------------------------

    async def begin(self, order: Order, a: Attempt) -> None:
        """Write down that a call will be placed.

        Raises AttemptUnderWay, NoSuchCallback, CallbackIsClosed; PbxIsAway where another daemon owns the PBX.
        """
        kept = None
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                if order.callback_id is not None:
                    row = await connection.fetchrow(query("callback/lock"), order.callback_id)
                    if row is None:
                        raise NoSuchCallback
                    if promise.refused(store.callback_of(row), AttemptBegan) == ".calling":
                        raise AttemptUnderWay
                    allow(row, AttemptBegan)
                    fact = AttemptBegan(self._clock(), order.id, order.extension)
                    kept = await self.decide(connection, row, fact, await self._policy(connection, row))
                elif order.ticket_id:
                    await connection.execute(query("attempt/lock_ticket"), order.domain_uuid, order.ticket_id)
                    if await self.calls_ticket(order.domain_uuid, order.ticket_id, connection):
                        raise AttemptUnderWay
                name, arguments = store.intention(order, a, self._daemon)
                if await connection.fetchval(query(name), *arguments) is None:
                    raise PbxIsAway("another daemon owns the PBX now")
        except asyncpg.UniqueViolationError:
            raise AttemptUnderWay from None
        if kept is not None:
            self.watch(kept)

    async def calls_ticket(self, domain: UUID, ticket: str, connection: Any = None) -> bool:
        """Whether a call for a ticket that belongs to no callback is under way."""
        database = connection or self._pool
        return bool(await database.fetchval(query("attempt/calls_ticket"), domain, text(ticket)))

    async def settle(self) -> bool:
        """Draw the conclusions from one attempt that has ended. False where there is none."""
        kept = None
        async with self._pool.acquire() as connection, connection.transaction():
            ended = await connection.fetchrow(query("attempt/unsettled"), self._pbx)
            if ended is None:
                return False
            if ended["callback_id"] is None:
                await self.put(connection, [messages.attempt_ended(ended)])
            else:
                row = await connection.fetchrow(query("callback/lock"), ended["callback_id"])
                fact = AttemptEnded(
                    self._clock(), ended["id"], store.outcome_of(ended), ended["talk_seconds"],
                    ended["retries"], ended["recording"],
                )  # fmt: skip
                kept = await self.decide(connection, row, fact, await self._policy(connection, row))
            await connection.execute(query("attempt/settled"), ended["id"])
        if kept is not None:
            self.watch(kept)
        else:
            self.on_put()
        return True

    # -- the backend's answers ----------------------------------------------------------------------------

    async def ticket_made(self, connection: Any, key: str, path: str, answer: dict[str, Any]) -> None:
        """The backend has made a ticket of a callback: its id belongs to the callback from now on."""
        if path != messages.MAKE_TICKET:
            return
        ticket = text(str(answer.get("ticketId") or ""))[:200]
        if not ticket:
            log.warning("the backend made a ticket and did not say which", key=key)
            return
        id = UUID(key.partition(":")[0])
        uuid = text(str(answer.get("ticketUuid") or ""))[:200]
        await connection.fetchval(query("callback/ticket_made"), id, ticket, uuid)

    # -- inside a transaction -----------------------------------------------------------------------------

    async def _policy(self, connection: Any, row: Any) -> Policy:
        return await self.policies.of(row["company_id"], connection)

    async def decide(self, connection: Any, row: Any, fact: Fact, policy: Policy) -> Kept:
        """What a fact makes of a callback whose row is locked; whoever commits it tells `watch`."""
        before = store.callback_of(row)
        after, effects = promise.decide(before, fact, policy)
        name = fact_name(type(fact))
        if after == before and not effects:  # no line in the journal for a look that found nothing
            await connection.execute(query("callback/look_again"), before.id, after.looks_at(policy, fact.at))
            return Kept(dict(row), before.status, name)
        now = await store.save(connection, row, after, fact, policy)
        told = [messages.change(now, effect, fact) for effect in effects if isinstance(effect, Tell)]
        told += [
            messages.notice(now, effect.extension, fact.at)
            for effect in effects
            if isinstance(effect, Notify)
        ]
        await self.put(connection, told)
        return Kept(now, before.status, name, effects)

    async def put(self, connection: Any, told: Iterable[Message]) -> None:
        """Messages to the backend, with what they tell of."""
        for message in told:
            name, arguments = message.put()
            await connection.execute(query(name), *arguments)
        await connection.execute("select pg_notify('voiced_callbacks', $1)", self._pbx)


def allow(row: Any, kind: type[Fact]) -> None:
    """Raises the refusal for a fact that would change nothing now."""
    why = promise.refused(store.callback_of(row), kind)
    if why in _REFUSALS:
        raise _REFUSALS[why]
