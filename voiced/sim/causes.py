"""Hangup causes: names, Q.850 numbers, and the SIP answers that lead to them.

The pairs of SIP code and cause are those of the recordings `transfer_*` (486, 603, 480, 500, 404); the rest
follow mod_sofia.
"""

from __future__ import annotations

CAUSES: dict[str, int] = {
    "NONE": 0,
    "UNALLOCATED_NUMBER": 1,
    "NO_ROUTE_TRANSIT_NET": 2,
    "NO_ROUTE_DESTINATION": 3,
    "CHANNEL_UNACCEPTABLE": 6,
    "CALL_AWARDED_DELIVERED": 7,
    "NORMAL_CLEARING": 16,
    "USER_BUSY": 17,
    "NO_USER_RESPONSE": 18,
    "NO_ANSWER": 19,
    "SUBSCRIBER_ABSENT": 20,
    "CALL_REJECTED": 21,
    "NUMBER_CHANGED": 22,
    "REDIRECTION_TO_NEW_DESTINATION": 23,
    "EXCHANGE_ROUTING_ERROR": 25,
    "DESTINATION_OUT_OF_ORDER": 27,
    "INVALID_NUMBER_FORMAT": 28,
    "FACILITY_REJECTED": 29,
    "NORMAL_UNSPECIFIED": 31,
    "NORMAL_CIRCUIT_CONGESTION": 34,
    "NETWORK_OUT_OF_ORDER": 38,
    "NORMAL_TEMPORARY_FAILURE": 41,
    "SWITCH_CONGESTION": 42,
    "REQUESTED_CHAN_UNAVAIL": 44,
    "BEARERCAPABILITY_NOTAUTH": 57,
    "BEARERCAPABILITY_NOTAVAIL": 58,
    "SERVICE_UNAVAILABLE": 63,
    "CHAN_NOT_IMPLEMENTED": 66,
    "FACILITY_NOT_IMPLEMENTED": 69,
    "SERVICE_NOT_IMPLEMENTED": 79,
    "INCOMPATIBLE_DESTINATION": 88,
    "MANDATORY_IE_MISSING": 96,
    "INVALID_IE_CONTENTS": 100,
    "WRONG_CALL_STATE": 101,
    "RECOVERY_ON_TIMER_EXPIRE": 102,
    "INTERWORKING": 127,
    "SUCCESS": 142,
    "ORIGINATOR_CANCEL": 487,
    "CRASH": 700,
    "SYSTEM_SHUTDOWN": 701,
    "LOSE_RACE": 702,
    "MANAGER_REQUEST": 703,
    "BLIND_TRANSFER": 800,
    "ATTENDED_TRANSFER": 801,
    "ALLOTTED_TIMEOUT": 802,
    "USER_CHALLENGE": 803,
    "MEDIA_TIMEOUT": 804,
    "PICKED_OFF": 805,
    "USER_NOT_REGISTERED": 806,
    "PROGRESS_TIMEOUT": 807,
    "INVALID_GATEWAY": 808,
    "GATEWAY_DOWN": 809,
    "INVALID_URL": 810,
    "INVALID_PROFILE": 811,
    "NO_PICKUP": 812,
}

_BY_NUMBER = {number: name for name, number in CAUSES.items()}

SIP_REASONS: dict[int, tuple[str, str]] = {
    404: ("UNALLOCATED_NUMBER", "Not Found"),
    408: ("RECOVERY_ON_TIMER_EXPIRE", "Request Timeout"),
    480: ("NO_USER_RESPONSE", "Temporarily Unavailable"),
    486: ("USER_BUSY", "Busy Here"),
    487: ("ORIGINATOR_CANCEL", "Request Cancelled"),
    488: ("INCOMPATIBLE_DESTINATION", "Not Acceptable Here"),
    500: ("NORMAL_TEMPORARY_FAILURE", "Server Internal Error"),
    503: ("NORMAL_TEMPORARY_FAILURE", "Service Unavailable"),
    600: ("USER_BUSY", "Busy Everywhere"),
    603: ("CALL_REJECTED", "Decline"),
}


def cause_named(text: str | None) -> str:
    """A cause from a name in any case, or from a number; what is unknown is NORMAL_CLEARING."""
    if not text:
        return "NORMAL_CLEARING"
    if text[0].isdigit():
        digits = text.split()[0]
        return _BY_NUMBER.get(int(digits) if digits.isdigit() else 0, "NORMAL_CLEARING")
    return text.upper() if text.upper() in CAUSES else "NORMAL_CLEARING"


def q850(cause: str) -> int:
    """The Q.850 number that ``hangup_cause_q850`` shows: FreeSWITCH's own causes are NORMAL_CLEARING's."""
    number = CAUSES.get(cause, 16)
    return number if number <= 127 else 16
