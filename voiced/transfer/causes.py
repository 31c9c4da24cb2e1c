"""Hangup causes to what they mean for the caller: the status, whether a retry may mend it, what to offer.

The causes are FreeSWITCH's (switch_types.h, after Q.850). Where a cause is vague the SIP code decides: 480
comes as NO_USER_RESPONSE, and so does nothing else; a 603 is CALL_REJECTED, a 486 USER_BUSY, a 404
UNALLOCATED_NUMBER, a 500 NORMAL_TEMPORARY_FAILURE (measured: recordings transfer_*).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


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


_BY_CAUSE: Final[dict[str, Status]] = {
    # the agent is on the phone
    "USER_BUSY": Status.BUSY,
    "SWITCH_CONGESTION": Status.UNAVAILABLE,
    "BUSY_EVERYWHERE": Status.BUSY,
    # nobody took it
    "NO_ANSWER": Status.NO_ANSWER,
    "NO_USER_RESPONSE": Status.NO_ANSWER,
    "ALLOTTED_TIMEOUT": Status.NO_ANSWER,
    "PROGRESS_TIMEOUT": Status.NO_ANSWER,
    "NO_PICKUP": Status.NO_ANSWER,
    "MEDIA_TIMEOUT": Status.FAILED,
    "RECOVERY_ON_TIMER_EXPIRE": Status.UNAVAILABLE,
    # refused by a person
    "CALL_REJECTED": Status.REJECTED,
    "DECLINE": Status.REJECTED,
    "REJECT_ALL": Status.REJECTED,
    "UNWANTED": Status.REJECTED,
    "USER_CHALLENGE": Status.FAILED,
    # no phone there
    "USER_NOT_REGISTERED": Status.OFFLINE,
    "SUBSCRIBER_ABSENT": Status.OFFLINE,
    "DESTINATION_OUT_OF_ORDER": Status.OFFLINE,
    "GATEWAY_DOWN": Status.OFFLINE,
    "NETWORK_OUT_OF_ORDER": Status.OFFLINE,
    # no such destination
    "UNALLOCATED_NUMBER": Status.UNAVAILABLE,
    "DOES_NOT_EXIST_ANYWHERE": Status.UNAVAILABLE,
    "INVALID_NUMBER_FORMAT": Status.UNAVAILABLE,
    "NO_ROUTE_DESTINATION": Status.UNAVAILABLE,
    "NO_ROUTE_TRANSIT_NET": Status.UNAVAILABLE,
    "NUMBER_CHANGED": Status.UNAVAILABLE,
    "REDIRECTION_TO_NEW_DESTINATION": Status.UNAVAILABLE,
    "EXCHANGE_ROUTING_ERROR": Status.UNAVAILABLE,
    "INVALID_GATEWAY": Status.UNAVAILABLE,
    "INVALID_PROFILE": Status.UNAVAILABLE,
    "INVALID_URL": Status.UNAVAILABLE,
    # the network or the PBX cannot, now
    "NORMAL_CIRCUIT_CONGESTION": Status.UNAVAILABLE,
    "NORMAL_TEMPORARY_FAILURE": Status.UNAVAILABLE,
    "REQUESTED_CHAN_UNAVAIL": Status.UNAVAILABLE,
    "FACILITY_REJECTED": Status.UNAVAILABLE,
    "OUTGOING_CALL_BARRED": Status.UNAVAILABLE,
    "INCOMING_CALL_BARRED": Status.UNAVAILABLE,
    "BEARERCAPABILITY_NOTAUTH": Status.UNAVAILABLE,
    "BEARERCAPABILITY_NOTAVAIL": Status.UNAVAILABLE,
    "SERVICE_UNAVAILABLE": Status.UNAVAILABLE,
    "SERVICE_NOT_IMPLEMENTED": Status.UNAVAILABLE,
    "CHAN_NOT_IMPLEMENTED": Status.UNAVAILABLE,
    "INCOMPATIBLE_DESTINATION": Status.UNAVAILABLE,
    "NOT_ACCEPTABLE": Status.UNAVAILABLE,
    "INTERWORKING": Status.UNAVAILABLE,
    "CRASH": Status.FAILED,
    "SYSTEM_SHUTDOWN": Status.FAILED,
    # somebody called it off
    "ORIGINATOR_CANCEL": Status.CANCELLED,
    "MANAGER_REQUEST": Status.CANCELLED,
    "PICKED_OFF": Status.CANCELLED,
    # answered and gone before the bridge
    "NORMAL_CLEARING": Status.FAILED,
    "NORMAL_UNSPECIFIED": Status.FAILED,
}

_BY_SIP_CODE: Final[dict[str, Status]] = {
    "403": Status.UNAVAILABLE,
    "404": Status.UNAVAILABLE,
    "408": Status.NO_ANSWER,
    "480": Status.DND,  # "Temporarily Unavailable": what phones answer whose user asked not to be disturbed
    "486": Status.BUSY,
    "487": Status.CANCELLED,
    "600": Status.BUSY,
    "603": Status.REJECTED,
    "604": Status.UNAVAILABLE,
    "606": Status.UNAVAILABLE,
    "607": Status.REJECTED,
    "608": Status.REJECTED,
}
_VAGUE: Final = {
    "NO_USER_RESPONSE", "NORMAL_UNSPECIFIED", "NORMAL_TEMPORARY_FAILURE", "INTERWORKING",
    "REQUESTED_CHAN_UNAVAIL", "CALL_REJECTED",
}  # fmt: skip

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
    status = _BY_CAUSE.get(cause, Status.FAILED)
    if cause in _VAGUE and sip_code in _BY_SIP_CODE:
        status = _BY_SIP_CODE[sip_code]
    by_the_agent = status in _BY_THE_AGENT or cause in _ANSWERED_AND_GONE
    return Ending(status, cause, sip_code, "agent" if by_the_agent else "voiced")
