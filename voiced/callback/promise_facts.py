"""What can happen to a callback (facts, past tense) and what follows from it (effects, verbs)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from voiced.callback.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened."""

    at: datetime


@dataclass(frozen=True, slots=True)
class AskedAgain(Fact):
    """The same client asked for another callback: this one is brought up to date."""

    scheduled_at: datetime | None = None
    extension: str = ""  # '' for these three: not said again
    intended_for: str = ""
    department: str = ""


@dataclass(frozen=True, slots=True)
class AgentFree(Fact):
    """An agent who may take it is free. `opens_at`: when clients may be called, if not now."""

    extension: str
    opens_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NotPlaced(Fact):
    """An agent was free, and the call could not be placed: nobody was dialled."""

    cause: str
    may_wait: bool  # the client is on a call with us; False: this is nothing that can be called


@dataclass(frozen=True, slots=True)
class ClientTold(Fact):
    """The client was written to, and may answer."""


@dataclass(frozen=True, slots=True)
class Agreed(Fact):
    """The client, or an agent (`extension`), wants it now."""

    extension: str = ""


@dataclass(frozen=True, slots=True)
class Due(Fact):
    """A time that the callback waits for has come."""


@dataclass(frozen=True, slots=True)
class Snoozed(Fact):
    """Not now, but at this time."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Reassigned(Fact):
    """Somebody else shall keep the promise: an extension, or anybody of a department."""

    extension: str = ""
    department: str = ""
    intended_for: str = ""


@dataclass(frozen=True, slots=True)
class Canceled(Fact):
    """It is not wanted any more."""

    by: str = "api"


@dataclass(frozen=True, slots=True)
class AttemptBegan(Fact):
    """It is being called."""

    attempt_id: UUID
    extension: str


@dataclass(frozen=True, slots=True)
class AttemptEnded(Fact):
    """The attempt is over."""

    attempt_id: UUID
    outcome: Outcome
    talk_seconds: float = 0.0
    retries: bool = True  # False: whoever asked for the call retries by itself
    recording: str = ""  # the file on the PBX; '' for none


FACTS: Final[tuple[type[Fact], ...]] = (
    AskedAgain, AgentFree, NotPlaced, ClientTold, Agreed, Due, Snoozed, Reassigned, Canceled, AttemptBegan,
    AttemptEnded,
)  # fmt: skip


# -- what follows -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Effect:
    """Something to do once the new status is committed, or with it."""


@dataclass(frozen=True, slots=True)
class Tell(Effect):
    """The backend hears of it: `outcome` is what happened, the rest how."""

    outcome: str
    cause: str = ""
    leg: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Notify(Effect):
    """The agent is told that a client waits for a call."""

    extension: str


@dataclass(frozen=True, slots=True)
class CallNow(Effect):
    """Place the call with this agent."""

    extension: str


@dataclass(frozen=True, slots=True)
class StopCall(Effect):
    """End the attempt under way."""
