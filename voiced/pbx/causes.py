"""What a hangup cause means for whoever was called.

The causes are FreeSWITCH's (switch_types.h, after Q.850). Where a cause is vague the SIP code decides: 480
comes as NO_USER_RESPONSE, and so does nothing else; a 603 is CALL_REJECTED, a 486 USER_BUSY, a 404
UNALLOCATED_NUMBER, a 500 NORMAL_TEMPORARY_FAILURE (measured: recordings transfer_*).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Meaning(StrEnum):
    """Why somebody who was called is not on the line."""

    BUSY = "busy"
    NO_ANSWER = "no_answer"
    DND = "dnd"
    OFFLINE = "offline"
    REJECTED = "rejected"
    UNAVAILABLE = "unavailable"
    FAILED = "failed"
    CANCELLED = "cancelled"


_BY_CAUSE: Final[dict[str, Meaning]] = {
    # the agent is on the phone
    "USER_BUSY": Meaning.BUSY,
    "SWITCH_CONGESTION": Meaning.UNAVAILABLE,
    "BUSY_EVERYWHERE": Meaning.BUSY,
    # nobody took it
    "NO_ANSWER": Meaning.NO_ANSWER,
    "NO_USER_RESPONSE": Meaning.NO_ANSWER,
    "ALLOTTED_TIMEOUT": Meaning.NO_ANSWER,
    "PROGRESS_TIMEOUT": Meaning.NO_ANSWER,
    "NO_PICKUP": Meaning.NO_ANSWER,
    "MEDIA_TIMEOUT": Meaning.FAILED,
    "RECOVERY_ON_TIMER_EXPIRE": Meaning.UNAVAILABLE,
    # refused by a person
    "CALL_REJECTED": Meaning.REJECTED,
    "DECLINE": Meaning.REJECTED,
    "REJECT_ALL": Meaning.REJECTED,
    "UNWANTED": Meaning.REJECTED,
    "USER_CHALLENGE": Meaning.FAILED,
    # no phone there
    "USER_NOT_REGISTERED": Meaning.OFFLINE,
    "SUBSCRIBER_ABSENT": Meaning.OFFLINE,
    "DESTINATION_OUT_OF_ORDER": Meaning.OFFLINE,
    "GATEWAY_DOWN": Meaning.OFFLINE,
    "NETWORK_OUT_OF_ORDER": Meaning.OFFLINE,
    # no such destination
    "UNALLOCATED_NUMBER": Meaning.UNAVAILABLE,
    "DOES_NOT_EXIST_ANYWHERE": Meaning.UNAVAILABLE,
    "INVALID_NUMBER_FORMAT": Meaning.UNAVAILABLE,
    "NO_ROUTE_DESTINATION": Meaning.UNAVAILABLE,
    "NO_ROUTE_TRANSIT_NET": Meaning.UNAVAILABLE,
    "NUMBER_CHANGED": Meaning.UNAVAILABLE,
    "REDIRECTION_TO_NEW_DESTINATION": Meaning.UNAVAILABLE,
    "EXCHANGE_ROUTING_ERROR": Meaning.UNAVAILABLE,
    "INVALID_GATEWAY": Meaning.UNAVAILABLE,
    "INVALID_PROFILE": Meaning.UNAVAILABLE,
    "INVALID_URL": Meaning.UNAVAILABLE,
    # the network or the PBX cannot, now
    "NORMAL_CIRCUIT_CONGESTION": Meaning.UNAVAILABLE,
    "NORMAL_TEMPORARY_FAILURE": Meaning.UNAVAILABLE,
    "REQUESTED_CHAN_UNAVAIL": Meaning.UNAVAILABLE,
    "FACILITY_REJECTED": Meaning.UNAVAILABLE,
    "OUTGOING_CALL_BARRED": Meaning.UNAVAILABLE,
    "INCOMING_CALL_BARRED": Meaning.UNAVAILABLE,
    "BEARERCAPABILITY_NOTAUTH": Meaning.UNAVAILABLE,
    "BEARERCAPABILITY_NOTAVAIL": Meaning.UNAVAILABLE,
    "SERVICE_UNAVAILABLE": Meaning.UNAVAILABLE,
    "SERVICE_NOT_IMPLEMENTED": Meaning.UNAVAILABLE,
    "CHAN_NOT_IMPLEMENTED": Meaning.UNAVAILABLE,
    "INCOMPATIBLE_DESTINATION": Meaning.UNAVAILABLE,
    "NOT_ACCEPTABLE": Meaning.UNAVAILABLE,
    "INTERWORKING": Meaning.UNAVAILABLE,
    "CRASH": Meaning.FAILED,
    "SYSTEM_SHUTDOWN": Meaning.FAILED,
    # somebody called it off
    "ORIGINATOR_CANCEL": Meaning.CANCELLED,
    "MANAGER_REQUEST": Meaning.CANCELLED,
    "PICKED_OFF": Meaning.CANCELLED,
    # answered and gone before the bridge
    "NORMAL_CLEARING": Meaning.FAILED,
    "NORMAL_UNSPECIFIED": Meaning.FAILED,
}

# Of our own, in the style of FreeSWITCH's.
DO_NOT_DISTURB: Final = "DO_NOT_DISTURB"  # such a phone is not rung
TOO_MANY_OUTSIDE: Final = "TOO_MANY_OUTSIDE_CALLS"  # above [transfer] outside_per_minute
_OURS: Final = {DO_NOT_DISTURB: Meaning.DND, TOO_MANY_OUTSIDE: Meaning.UNAVAILABLE}

_BY_SIP_CODE: Final[dict[str, Meaning]] = {
    "403": Meaning.UNAVAILABLE,
    "404": Meaning.UNAVAILABLE,
    "408": Meaning.NO_ANSWER,
    "480": Meaning.DND,  # "Temporarily Unavailable": what phones answer whose user asked not to be disturbed
    "486": Meaning.BUSY,
    "487": Meaning.CANCELLED,
    "600": Meaning.BUSY,
    "603": Meaning.REJECTED,
    "604": Meaning.UNAVAILABLE,
    "606": Meaning.UNAVAILABLE,
    "607": Meaning.REJECTED,
    "608": Meaning.REJECTED,
}
_VAGUE: Final = {
    "NO_USER_RESPONSE", "NORMAL_UNSPECIFIED", "NORMAL_TEMPORARY_FAILURE", "INTERWORKING",
    "REQUESTED_CHAN_UNAVAIL", "CALL_REJECTED",
}  # fmt: skip


def meaning(cause: str, sip_code: str = "") -> Meaning:
    """What a hangup cause means. One that nobody knows is `failed`."""
    if cause in _VAGUE and sip_code in _BY_SIP_CODE:
        return _BY_SIP_CODE[sip_code]
    return _BY_CAUSE.get(cause) or _OURS.get(cause, Meaning.FAILED)
