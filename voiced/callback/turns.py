"""Whose turn it is: of several agents who are free, the one who was asked the longest ago.

Asked is who was told of a callback, or called for it. Kept in memory: a daemon that has just begun to own the
PBX has asked nobody yet.
"""

from __future__ import annotations

from itertools import count
from typing import Final
from uuid import UUID

from voiced.pbx.presence import Extension

MOST: Final = 10_000  # callbacks that are remembered: one that another daemon has closed is not heard of


class Turns:
    """When each agent was asked last, of anything and of each open callback."""

    def __init__(self) -> None:
        self._count = count(1)
        self._asked: dict[Extension, int] = {}
        self._asked_of: dict[UUID, dict[Extension, int]] = {}

    def asked(self, callback: UUID, agent: Extension) -> None:
        """The agent is told of it, or was called for it."""
        if callback not in self._asked_of and len(self._asked_of) >= MOST:
            del self._asked_of[next(iter(self._asked_of))]
        self._asked[agent] = self._asked_of.setdefault(callback, {})[agent] = next(self._count)

    def closed(self, callback: UUID) -> None:
        """Nobody is asked of it any more."""
        self._asked_of.pop(callback, None)

    def latest(self, callback: UUID, agent: Extension) -> tuple[int, int]:
        """For comparing: the least is who was asked of this callback the longest ago, and then of any."""
        return self._asked_of.get(callback, {}).get(agent, 0), self._asked.get(agent, 0)
