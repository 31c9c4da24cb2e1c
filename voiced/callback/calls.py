"""Calls between an agent and a client: ordered here, placed here or by the daemon that owns the PBX."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import structlog
from pydantic import TypeAdapter

from voiced.callback import numbers, promise, store, window
from voiced.callback.callback import Status
from voiced.callback.keeper import Keeper, Kept
from voiced.callback.order import Order
from voiced.callback.outcome import Side
from voiced.callback.policy import Policy
from voiced.callback.promise_facts import AttemptBegan, StopCall
from voiced.callback.refusals import (
    AgentNotAvailable,
    AlreadyCompleted,
    AttemptUnderWay,
    CallbackIsClosed,
    NobodyToCall,
    NoSuchAttempt,
    NoSuchCallback,
    NumberMismatch,
)
from voiced.callback.service import Attempts
from voiced.callback.state import Attempt
from voiced.database import query
from voiced.pbx.causes import DO_NOT_DISTURB
from voiced.pbx.owner import Ownership
from voiced.pbx.presence import Extension, Presence, State
from voiced.refusals import Refusal
from voiced.relay import Relay
from voiced.settings import DomainSettings, Settings

log = structlog.get_logger(__name__)

SIGN_SECONDS: Final = 2.0  # for a phone to say whether it rings
RETRY_AFTER: Final = 30.0  # seconds, said to whoever may try again
CAUSES: Final = {
    State.IN_CALL: "USER_BUSY",
    State.RINGING: "USER_BUSY",
    State.DND: DO_NOT_DISTURB,
    State.OFFLINE: "USER_NOT_REGISTERED",
}


@dataclass(frozen=True, slots=True)
class Placed:
    """The answer to an order: `error` is '' for a call that is on its way."""

    id: UUID | None
    error: str = ""
    should_retry: bool = False
    leg: str = Side.AGENT  # whose ending the error is; '' for nobody's


@dataclass(frozen=True, slots=True)
class CallWanted:
    """A call that is ordered now. `number` is as it was written; extension '' is the callback's agent."""

    extension: str
    number: str
    callback_id: UUID | None = None
    ticket_id: str = ""
    reason: str = ""
    contact_name: str = ""


_ORDER: Final = TypeAdapter(Order)
_PLACED: Final = TypeAdapter(Placed)
_UNDER_WAY: Final = Placed(None, "ATTEMPT_UNDER_WAY", should_retry=True)


class Calls:
    """Everything that can be asked about calls. Raises Refusal."""

    def __init__(
        self, settings: Settings, pool: asyncpg.Pool, keeper: Keeper, attempts: Attempts, presence: Presence,
        relay: Relay, ownership: Ownership,
    ) -> None:  # fmt: skip
        self._settings, self._pool, self._keeper = settings, pool, keeper
        self._presence, self._relay, self._ownership = presence, relay, ownership
        self.attempts = attempts
        relay.serve("callback/place", self._place_for_another)
        relay.serve("callback/stop", self._stop_for_another)

    async def accept(self, row: dict[str, Any], extension: str) -> Placed:
        """An agent takes a callback: call now, whatever the hour. Raises NobodyToCall, AgentNotAvailable."""
        extension = extension or row["extension"]
        if not extension:
            raise NobodyToCall
        if why := promise.refused(store.callback_of(row), AttemptBegan):
            raise AttemptUnderWay if why == ".calling" else CallbackIsClosed
        return await self.place(await self.order_for(row, extension))

    async def originate(self, domain: DomainSettings, wanted: CallWanted) -> Placed:
        """A call that the backend wants now: of the callback that it names, its ticket's, or the number's.

        It is never retried by us: the answer says whether it should be. Raises NumberMismatch,
        AlreadyCompleted, CallbackIsClosed, NoSuchCallback, NobodyToCall, BadNumber, NumberBlocked,
        PrefixNotAllowed, TooManyTickets.
        """
        policy = await self._keeper.policies.of(domain.company)
        number = numbers.e164(wanted.number, domain.region)
        numbers.check(number, policy)
        row = await self._callback_of(domain.uuid, number, wanted)
        extension = wanted.extension or (row["extension"] if row else "")
        if row is not None and row["status"] == Status.IN_PROGRESS:
            return _UNDER_WAY
        ticket = wanted.ticket_id if row is None else ""
        if ticket and await self._keeper.calls_ticket(domain.uuid, ticket):
            return _UNDER_WAY  # and not that its agent is busy, with this very call
        if row is not None and row["number"] != number:
            raise NumberMismatch
        if not extension:
            raise NobodyToCall
        if row is not None:
            if wanted.ticket_id:
                await self._keeper.add_ticket(row["id"], wanted.ticket_id)
            order = await self.order_for(row, extension)
        else:
            id = uuid4()
            order = self._order(
                id, domain, policy, extension, number, story_id=id, ticket_id=wanted.ticket_id,
                contact_name=wanted.contact_name, reason=wanted.reason,
            )  # fmt: skip
        try:
            return await self.place(replace(order, retries=False))
        except AgentNotAvailable as error:
            return Placed(None, str(error), should_retry=True)
        except AttemptUnderWay:
            return _UNDER_WAY

    async def _callback_of(self, domain: UUID, number: str, wanted: CallWanted) -> dict[str, Any] | None:
        """The open callback that an ordered call belongs to."""
        if wanted.callback_id is not None:
            named = await self._keeper.find(wanted.callback_id, "", domain)
            if named["closed_at"] is not None:
                raise AlreadyCompleted if named["status"] == Status.COMPLETED else CallbackIsClosed
            return named
        if wanted.ticket_id:
            row = await self._pool.fetchrow(query("callback/of_ticket"), wanted.ticket_id, domain)
            if row is not None and row["closed_at"] is None:
                return dict(row)
        row = await self._pool.fetchrow(query("callback/open_of_number"), domain, number)
        return await self._keeper.find(row["id"], "", domain) if row else None

    async def order_for(self, row: dict[str, Any], extension: str, *, in_window: bool = False) -> Order:
        """The order of a callback's next call: at any hour, or while the window that is open now is open.

        Raises NoSuchCallback for a domain that is not configured, NumberBlocked, PrefixNotAllowed.
        """
        domain = self._settings.domain_of(row["domain_uuid"])
        if domain is None:
            raise NoSuchCallback("its domain is not configured here any more")
        policy = await self._keeper.policies.of(row["company_id"])
        numbers.check(row["number"], policy)  # it may be blocked by now
        order = self._order(
            uuid4(), domain, policy, extension, row["number"], story_id=row["story_id"],
            ticket_id=row["ticket_id"], callback_id=row["id"], contact_name=row["contact_name"],
            reason=row["reason"],
        )  # fmt: skip
        if not in_window:
            return order
        closes = window.closes_at(policy, row["number"], domain.timezone, self._keeper.now())
        return replace(order, call_until=closes)

    async def place(self, order: Order) -> Placed:
        """Call, if the agent can take it. Raises AgentNotAvailable, AttemptUnderWay, PbxIsAway."""
        if not self._ownership.is_owner:
            answer = await self._relay.ask("callback/place", _ORDER.dump_python(order, mode="json"))
            return _PLACED.validate_python(answer)
        if self.attempts.calls_client(order.domain_uuid, order.number):
            raise AttemptUnderWay  # and not that the agent is busy, with this very call
        state = self._presence.state(Extension(order.extension, order.domain))
        if state is not State.AVAILABLE:
            raise AgentNotAvailable(CAUSES[state])
        driver = await self.attempts.begin(order)
        await asyncio.wait([driver.sign], timeout=SIGN_SECONDS)
        outcome = driver.attempt.outcome
        if outcome is not None and not driver.attempt.connected_at:
            return Placed(order.id, outcome.cause, should_retry=True, leg=outcome.leg)
        return Placed(order.id)

    async def monitor(self, id: UUID, ticket_id: str, domain: UUID | None) -> tuple[Order, Attempt]:
        """How far a call is; a ticket that it, or its callback, did not have is noted.

        Raises NoSuchAttempt, TooManyTickets.
        """
        found = await self.look(id, domain)
        if found is None:
            raise NoSuchAttempt
        if ticket_id and found[0].callback_id is not None:
            await self._keeper.add_ticket(found[0].callback_id, ticket_id)
        if ticket_id and not found[0].ticket:
            await self._pool.execute(query("attempt/name_ticket"), id, ticket_id)
            if driver := self.attempts.get(id):
                driver.order = replace(driver.order, named_ticket=ticket_id)
            found = await self.look(id, domain) or found
        return found

    async def look(self, id: UUID, domain: UUID | None) -> tuple[Order, Attempt] | None:
        """A call as it is now; None where there is none (or none of this domain)."""
        driver = self.attempts.get(id)
        if driver is not None:
            return (driver.order, driver.attempt) if domain in (None, driver.order.domain_uuid) else None
        found = await store.load_attempt(self._pool, id, domain)
        return found[:2] if found else None

    async def active(self, domain: UUID | None) -> list[tuple[Order, Attempt]]:
        """Every call that is on its way, or a talk."""
        rows = await store.open_attempts(self._pool, self._settings.pbx.name)
        return [
            await self.look(order.id, None) or (order, attempt)
            for order, attempt, _ in rows
            if domain in (None, order.domain_uuid)
        ]

    async def stop(self, kept: Kept) -> None:
        """End the calls that a change asks to end. Where no owner hears of it, the next one reads the row."""
        id = kept.row["attempt_id"]
        for effect in kept.effects:
            if isinstance(effect, StopCall):
                try:
                    await self._stop(id)
                except Refusal as refusal:
                    log.info(
                        "no owner hears that a call is not wanted", attempt_id=str(id), reason=refusal.code
                    )

    # -- inside -------------------------------------------------------------------------------------------

    def _order(
        self, id: UUID, domain: DomainSettings, policy: Policy, extension: str, number: str, *,
        story_id: UUID, ticket_id: str = "", callback_id: UUID | None = None, contact_name: str = "",
        reason: str = "",
    ) -> Order:  # fmt: skip
        return Order(
            id, self._settings.pbx.name, domain.uuid, domain.name, extension, number,
            self._settings.gateway_of(domain), story_id, callback_id, ticket_id, contact_name, reason,
            policy.caller_id, domain.locale, policy.first, policy.is_confirmed_by_key, policy.announce,
            policy.recording_path.replace("{id}", str(id)), policy.ring_seconds, policy.connect_seconds,
            policy.agent_rest_seconds,
        )  # fmt: skip

    async def _stop(self, id: UUID) -> None:
        driver = self.attempts.get(id)
        if driver is not None:
            driver.cancel()  # an owner who has not taken it up yet will find that it is not wanted
        elif not self._ownership.is_owner:
            await self._relay.ask("callback/stop", {"id": str(id)})

    async def _place_for_another(self, body: dict[str, Any]) -> dict[str, Any]:
        placed = await self.place(_ORDER.validate_python(body))
        return dict(_PLACED.dump_python(placed, mode="json"))

    async def _stop_for_another(self, body: dict[str, Any]) -> dict[str, Any]:
        await self._stop(UUID(body["id"]))
        return {}
