"""What a hangup cause means for the caller: the status, whether a retry may mend it, what to offer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from voiced.pbx.causes import meaning


class Status(StrEnum):
    """A transfer's status. The first three are on the way, the others are results."""

    PENDING = "pending"
    RINGING = "ringing"
    ANSWERED = "answered"
    SUCCESS = "success"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    DND = "dnd"
    OFFLINE = "offline"
    REJECTED = "rejected"
    UNAVAILABLE = "unavailable"
    FAILED = "failed"
    CANCELLED = "cancelled"


CALLBACK_WANTED: Final = "CALLBACK_WANTED"  # the cause where the agent wants to call the caller back
_RETRYABLE: Final = {Status.BUSY, Status.NO_ANSWER, Status.UNAVAILABLE, Status.FAILED}
_BY_THE_AGENT: Final = {Status.BUSY, Status.DND, Status.REJECTED}
_ANSWERED_AND_GONE: Final = {"NORMAL_CLEARING", "NORMAL_UNSPECIFIED"}
_CALLBACK: Final = _RETRYABLE | {Status.DND, Status.OFFLINE, Status.REJECTED}


@dataclass(frozen=True, slots=True)
class Ending:
    """Why an attempt, or a transfer, did not bring the two together."""

    status: Status
    cause: str  # FreeSWITCH's, or one of ours in its style
    sip_code: str = ""
    ended_by: str = ""  # caller, agent, voiced

    @property
    def retryable(self) -> bool:
        """Whether the same destination may answer a little later."""
        return self.status in _RETRYABLE

    @property
    def offer_callback(self) -> bool:
        """Whether the caller should be offered to be called back."""
        return self.status in _CALLBACK


def ending(cause: str, sip_code: str = "") -> Ending:
    """What a hangup cause means. A cause that nobody knows is `failed`, under its own name."""
    status = Status(meaning(cause, sip_code))
    by_the_agent = status in _BY_THE_AGENT or cause in _ANSWERED_AND_GONE
    return Ending(status, cause, sip_code, "agent" if by_the_agent else "voiced")
