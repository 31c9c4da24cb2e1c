"""What became of an attempt: by whose leg, by which cause, and whose budget it costs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from voiced.pbx.causes import Meaning, meaning


class Side(StrEnum):
    """The two who shall talk."""

    AGENT = "agent"
    CLIENT = "client"

    @property
    def other(self) -> Side:
        return Side.CLIENT if self is Side.AGENT else Side.AGENT


class Result(StrEnum):
    """How an attempt ended."""

    COMPLETED = "completed"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    DND = "dnd"
    OFFLINE = "offline"
    REJECTED = "rejected"
    UNAVAILABLE = "unavailable"
    MACHINE = "machine"  # somebody answered, and pressed no key: not a person
    LEFT = "left"  # answered, and hung up before the other one was there
    CANCELLED = "cancelled"
    FAILED = "failed"


class Budget(StrEnum):
    """Whose patience an ending costs; each has a limit of its own."""

    BUSY = "busy"
    NO_ANSWER = "no_answer"
    MACHINE = "machine"
    OTHER = "other"
    AGENT = "agent"  # the agent's misses cost the client nothing
    WINDOW = "window"  # no ending of a call: it was due while nobody may be called
    NONE = "none"


CLIENT_BUDGETS: Final = (Budget.BUSY, Budget.NO_ANSWER, Budget.MACHINE, Budget.OTHER)
_CLIENT: Final = {
    Result.BUSY: Budget.BUSY,
    Result.NO_ANSWER: Budget.NO_ANSWER,
    Result.MACHINE: Budget.MACHINE,
}
_RESTING: Final = {Result.REJECTED, Result.NO_ANSWER, Result.DND, Result.LEFT}


WINDOW_CLOSED: Final = "WINDOW_CLOSED"  # the cause where it was too late to call the client
LOST_TOGETHER: Final = "LOST_TOGETHER"  # the cause where both were on the line while nobody watched


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of an attempt. `leg` is whose ending decided it, '' where it was nobody's."""

    result: Result
    leg: str  # agent, client, or ''
    cause: str  # FreeSWITCH's, or one of ours in its style
    sip_code: str = ""

    @property
    def budget(self) -> Budget:
        """What it costs."""
        if self.result in (Result.COMPLETED, Result.CANCELLED):
            return Budget.NONE
        if self.leg == Side.AGENT:
            return Budget.AGENT
        return _CLIENT.get(self.result, Budget.OTHER) if self.leg == Side.CLIENT else Budget.NONE

    @property
    def agent_wants_rest(self) -> bool:
        """Whether the agent was asked and did not want to: to be left alone for a while."""
        return self.leg == Side.AGENT and self.result in _RESTING


def missed(side: Side, cause: str, sip_code: str = "") -> Outcome:
    """One who was called and did not answer."""
    found = meaning(cause, sip_code)
    if found is Meaning.CANCELLED:  # a phone that says so on its own account
        found = Meaning.FAILED
    return Outcome(Result(found), side, cause, sip_code)
