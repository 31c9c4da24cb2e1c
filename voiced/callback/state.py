"""What is known of an attempt at one moment."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from voiced.callback.outcome import Outcome, Side


class Phase(StrEnum):
    """Where an attempt stands."""

    PENDING = "pending"
    CALLING = "calling"
    ASKING = "asking"
    JOINING = "joining"
    BRIDGING = "bridging"
    CONNECTED = "connected"
    CLEARING = "clearing"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Line:
    """One side: the legs that ring for it, and the one that answered."""

    legs: frozenset[str] = frozenset()
    answered: str = ""
    dialled: bool = False  # its originate is under way: legs may yet be born
    job_lost: bool = False  # its result will never come: the connection that asked for it is gone
    cause: str = ""  # of the last leg that ended without answering, and its SIP code
    sip_code: str = ""

    @property
    def is_on(self) -> bool:
        """Whether somebody is on the line."""
        return self.answered in self.legs

    @property
    def is_quiet(self) -> bool:
        """Whether nothing of it is left, and nothing can come."""
        return not self.legs and not self.dialled


@dataclass(frozen=True, slots=True)
class Attempt:
    """All that the machine knows. `…_at` and `until` are seconds since the epoch, the others durations."""

    id: str
    first: Side = Side.AGENT
    client_confirms: bool = False  # the client takes the call with a key: a machine has none
    ring_seconds: float = 30.0  # for each side
    connect_seconds: float = 60.0  # for the two to be connected, from the first ring
    phase: Phase = Phase.PENDING
    agent: Line = field(default_factory=Line)
    client: Line = field(default_factory=Line)
    confirmed: bool = False  # the client has pressed it
    lost: bool = False  # no connection to the PBX
    outcome: Outcome | None = None
    until: float = 0.0  # this phase's deadline
    paused_until: float = 0.0  # the same, while the PBX is lost
    requested_at: float = 0.0
    called_at: float = 0.0  # when the first side was dialled
    ringing_at: float = 0.0
    answered_at: float = 0.0  # by the first side
    connected_at: float = 0.0
    parted_at: float = 0.0  # when the talk was over, or the attempt given up
    ended_at: float = 0.0

    def line(self, side: Side) -> Line:
        """One side's line."""
        return self.agent if side is Side.AGENT else self.client

    def with_line(self, side: Side, **changes: Any) -> Attempt:
        """The same with a line changed."""
        line = replace(self.line(side), **changes)
        return replace(self, agent=line) if side is Side.AGENT else replace(self, client=line)

    @property
    def second(self) -> Side:
        return self.first.other

    @property
    def is_quiet(self) -> bool:
        """Whether no leg is left, and none can come."""
        return self.agent.is_quiet and self.client.is_quiet

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is left on the PBX."""
        return self.phase is Phase.ENDED

    @property
    def talk_seconds(self) -> float:
        """How long the two talked; 0 where they did not."""
        return max(0.0, self.parted_at - self.connected_at) if self.connected_at else 0.0
