"""Agents: who may keep which promise, who of them is free, and whose turn it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Container
from typing import Any, Final, TypeAlias
from uuid import UUID

from voiced.callback.alarms import Alarms
from voiced.callback.order import Order
from voiced.callback.service import Attempts
from voiced.callback.state import Attempt
from voiced.callback.turns import Turns
from voiced.pbx.presence import Extension, Presence
from voiced.settings import DomainSettings

OTHERS_FIRST: Final = 0.5  # seconds: what is due when a pause ends is first for whoever was not asked of it

DepartmentsOf: TypeAlias = Callable[[UUID, str], Awaitable[list[str]]]  # those that an extension works for
AgentsOf: TypeAlias = Callable[[UUID, str], Awaitable[list[str]]]  # the extensions of a department


class Agents:
    """`freed(agent)` is called for moments that are not the PBX's: after a pause, a rest, a call."""

    def __init__(
        self, presence: Presence, attempts: Attempts, departments_of: DepartmentsOf, agents_of: AgentsOf,
        freed: Callable[[Extension], object],
    ) -> None:  # fmt: skip
        self._presence, self._attempts, self._freed = presence, attempts, freed
        self.departments_of, self._agents_of = departments_of, agents_of
        self._loop = asyncio.get_running_loop()
        self._resting = Alarms(freed)
        self._told = Alarms(freed)  # their next turn comes after a pause
        self._unserved = Alarms(freed)
        self._turns = Turns()

    def is_free(self, agent: Extension, domain: DomainSettings) -> bool:
        """Whether a callback may be offered to this agent now."""
        is_called = self._attempts.calls_agent(domain.uuid, agent.number)
        return self._presence.is_free(agent) and agent not in self._resting and not is_called

    def all_free(self, domain: str) -> list[Extension]:
        """Whoever of a domain has been free for some seconds."""
        return list(self._presence.free(domain))

    async def of(self, row: dict[str, Any]) -> list[str]:
        """The extensions that may keep a callback; [] where there is none at all."""
        if row["extension"]:
            return [row["extension"]]
        return await self._agents_of(row["domain_uuid"], row["department"])

    def next_of(
        self, callback: UUID, numbers: list[str], domain: DomainSettings, busy: Container[Extension]
    ) -> Extension | None:
        """The one whose turn it is, of these extensions that are free: rather not one of `busy`."""
        agents = [Extension(number, domain.name) for number in numbers]
        return min(
            (one for one in agents if self.is_free(one, domain)),
            key=lambda one: (one in busy, self._turns.latest(callback, one)),
            default=None,
        )

    # -- what was asked of them ---------------------------------------------------------------------------

    def was_told(self, callback: UUID, agent: Extension, pause: float) -> None:
        """They are told of the next after `pause` seconds, whatever becomes of this one."""
        self._turns.asked(callback, agent)
        self._told.set(agent, pause + OTHERS_FIRST)

    def was_called(self, order: Order, attempt: Attempt) -> None:
        """A call of theirs is over: they may want a rest."""
        agent = Extension(order.extension, order.domain)
        if order.callback_id is not None:
            self._turns.asked(order.callback_id, agent)
        if attempt.outcome is not None and attempt.outcome.agent_wants_rest and order.rest_seconds:
            self._resting.set(agent, order.rest_seconds + OTHERS_FIRST)
        else:
            self._loop.call_soon(self._freed, agent)  # one who was never called was free all the time

    def serve_again(self, agent: Extension, seconds: float) -> None:
        """They could not be served: once more, in so many seconds."""
        self._unserved.set(agent, seconds)

    def closed(self, callback: UUID) -> None:
        """Nobody is asked of it any more."""
        self._turns.closed(callback)
