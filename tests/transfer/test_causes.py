"""Hangup causes: what each means for the caller, and that there is something to say for all of it."""

from __future__ import annotations

from uuid import UUID

import pytest
from pydantic.alias_generators import to_camel

from voiced.esl import values
from voiced.pbx.causes import _BY_CAUSE, _BY_SIP_CODE
from voiced.pbx.channel import Channel
from voiced.sim.causes import CAUSES as IN_THE_SIMULATED_SWITCH
from voiced.transfer import messages
from voiced.transfer.causes import Ending, Status, ending
from voiced.transfer.request import DestinationType, Request, Target
from voiced.transfer.state import Dial, Phase, Transfer

# CAUSE_CHART of FreeSWITCH's switch_channel.c (1.11): every name that a hangup can have.
_CHART = """
    NONE UNALLOCATED_NUMBER NO_ROUTE_TRANSIT_NET NO_ROUTE_DESTINATION CHANNEL_UNACCEPTABLE
    CALL_AWARDED_DELIVERED NORMAL_CLEARING USER_BUSY NO_USER_RESPONSE NO_ANSWER SUBSCRIBER_ABSENT
    CALL_REJECTED NUMBER_CHANGED REDIRECTION_TO_NEW_DESTINATION EXCHANGE_ROUTING_ERROR
    DESTINATION_OUT_OF_ORDER INVALID_NUMBER_FORMAT FACILITY_REJECTED RESPONSE_TO_STATUS_ENQUIRY
    NORMAL_UNSPECIFIED NORMAL_CIRCUIT_CONGESTION NETWORK_OUT_OF_ORDER NORMAL_TEMPORARY_FAILURE
    SWITCH_CONGESTION ACCESS_INFO_DISCARDED REQUESTED_CHAN_UNAVAIL PRE_EMPTED FACILITY_NOT_SUBSCRIBED
    OUTGOING_CALL_BARRED INCOMING_CALL_BARRED BEARERCAPABILITY_NOTAUTH BEARERCAPABILITY_NOTAVAIL
    SERVICE_UNAVAILABLE BEARERCAPABILITY_NOTIMPL CHAN_NOT_IMPLEMENTED FACILITY_NOT_IMPLEMENTED
    SERVICE_NOT_IMPLEMENTED INVALID_CALL_REFERENCE INCOMPATIBLE_DESTINATION INVALID_MSG_UNSPECIFIED
    MANDATORY_IE_MISSING MESSAGE_TYPE_NONEXIST WRONG_MESSAGE IE_NONEXIST INVALID_IE_CONTENTS
    WRONG_CALL_STATE RECOVERY_ON_TIMER_EXPIRE MANDATORY_IE_LENGTH_ERROR PROTOCOL_ERROR INTERWORKING
    SUCCESS ORIGINATOR_CANCEL CRASH SYSTEM_SHUTDOWN LOSE_RACE MANAGER_REQUEST BLIND_TRANSFER
    ATTENDED_TRANSFER ALLOTTED_TIMEOUT USER_CHALLENGE MEDIA_TIMEOUT PICKED_OFF USER_NOT_REGISTERED
    PROGRESS_TIMEOUT INVALID_GATEWAY GATEWAY_DOWN INVALID_URL INVALID_PROFILE NO_PICKUP SRTP_READ_ERROR
    BOWOUT BUSY_EVERYWHERE DECLINE DOES_NOT_EXIST_ANYWHERE NOT_ACCEPTABLE UNWANTED NO_IDENTITY
    BAD_IDENTITY_INFO UNSUPPORTED_CERTIFICATE INVALID_IDENTITY STALE_DATE REJECT_ALL
"""
CAUSE_CHART = _CHART.split()
# sofia_glue_sip_cause_to_freeswitch of mod_sofia: the cause that comes with each of a phone's answers.
SIP_CAUSE = {
    "400": "NORMAL_TEMPORARY_FAILURE", "403": "CALL_REJECTED", "404": "UNALLOCATED_NUMBER", "408":
    "RECOVERY_ON_TIMER_EXPIRE", "410": "NUMBER_CHANGED", "480": "NO_USER_RESPONSE", "484":
    "INVALID_NUMBER_FORMAT", "486": "USER_BUSY", "487": "ORIGINATOR_CANCEL", "488":
    "INCOMPATIBLE_DESTINATION", "500": "NORMAL_TEMPORARY_FAILURE", "502": "NETWORK_OUT_OF_ORDER", "503":
    "NORMAL_TEMPORARY_FAILURE", "504": "RECOVERY_ON_TIMER_EXPIRE", "600": "USER_BUSY", "603":
    "CALL_REJECTED", "604": "NO_ROUTE_DESTINATION", "606": "INCOMPATIBLE_DESTINATION", "607":
    "UNWANTED", "608": "CALL_REJECTED",
}  # fmt: skip
RESULTS = set(Status) - {Status.PENDING, Status.RINGING, Status.ANSWERED}


def test_at_least_thirty_causes_are_known_and_each_is_one_that_freeswitch_has() -> None:
    assert len(_BY_CAUSE) >= 30
    assert set(_BY_CAUSE) - {"DO_NOT_DISTURB"} <= set(CAUSE_CHART), "one is ours: such a phone is not rung"
    assert all(values.hangup_cause(cause) for cause in CAUSE_CHART)
    assert set(_BY_CAUSE.values()) <= RESULTS - {Status.SUCCESS}


def test_the_simulated_switch_has_no_cause_of_its_own() -> None:
    assert set(IN_THE_SIMULATED_SWITCH) <= set(CAUSE_CHART)


@pytest.mark.parametrize(
    ("cause", "status", "ended_by"),
    [
        ("USER_BUSY", "busy", "agent"),
        ("BUSY_EVERYWHERE", "busy", "agent"),
        ("NO_ANSWER", "no_answer", "voiced"),
        ("NO_USER_RESPONSE", "no_answer", "voiced"),
        ("ALLOTTED_TIMEOUT", "no_answer", "voiced"),
        ("PROGRESS_TIMEOUT", "no_answer", "voiced"),
        ("CALL_REJECTED", "rejected", "agent"),
        ("DECLINE", "rejected", "agent"),
        ("UNWANTED", "rejected", "agent"),
        ("USER_NOT_REGISTERED", "offline", "voiced"),
        ("SUBSCRIBER_ABSENT", "offline", "voiced"),
        ("GATEWAY_DOWN", "offline", "voiced"),
        ("DESTINATION_OUT_OF_ORDER", "offline", "voiced"),
        ("UNALLOCATED_NUMBER", "unavailable", "voiced"),
        ("NO_ROUTE_DESTINATION", "unavailable", "voiced"),
        ("DOES_NOT_EXIST_ANYWHERE", "unavailable", "voiced"),
        ("CHAN_NOT_IMPLEMENTED", "unavailable", "voiced"),
        ("NORMAL_TEMPORARY_FAILURE", "unavailable", "voiced"),
        ("NORMAL_CIRCUIT_CONGESTION", "unavailable", "voiced"),
        ("ORIGINATOR_CANCEL", "cancelled", "voiced"),
        ("MANAGER_REQUEST", "cancelled", "voiced"),
        ("NORMAL_CLEARING", "failed", "agent"),
        ("NOT_SENT", "failed", "voiced"),
        ("NOT_OWNER", "failed", "voiced"),
        ("SYSTEM_SHUTDOWN", "failed", "voiced"),
        ("A_CAUSE_OF_TOMORROW", "failed", "voiced"),
    ],
)
def test_a_cause_means(cause: str, status: str, ended_by: str) -> None:
    found = ending(cause)
    assert (found.status, found.cause, found.ended_by) == (status, cause, ended_by)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("403", "unavailable"), ("404", "unavailable"), ("480", "dnd"), ("486", "busy"), ("487", "cancelled"),
        ("488", "unavailable"), ("500", "unavailable"), ("503", "unavailable"), ("600", "busy"),
        ("603", "rejected"), ("604", "unavailable"), ("606", "unavailable"), ("607", "rejected"),
        ("608", "rejected"),
    ],
)  # fmt: skip
def test_a_phones_answer_means(code: str, status: str) -> None:
    found = ending(SIP_CAUSE[code], code)
    assert (found.status, found.sip_code) == (status, code)


@pytest.mark.parametrize(("code", "status"), sorted(_BY_SIP_CODE.items()))
def test_where_the_cause_is_vague_the_code_decides(code: str, status: Status) -> None:
    for vague in ("NORMAL_UNSPECIFIED", "INTERWORKING", "NO_USER_RESPONSE"):
        assert ending(vague, code).status == status
    assert ending("USER_BUSY", code).status is Status.BUSY, "a clear cause stays what it says"


def test_a_callback_is_offered_wherever_calling_again_may_help() -> None:
    offered = {status for status in RESULTS if Ending(status, "X").offer_callback}
    assert offered == RESULTS - {Status.SUCCESS, Status.CANCELLED}


def test_only_who_may_answer_a_little_later_is_tried_again() -> None:
    retried = {status for status in RESULTS if Ending(status, "X").retryable}
    assert retried == {Status.BUSY, Status.NO_ANSWER, Status.UNAVAILABLE, Status.FAILED}


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("target_name", ["Suporte {ops}", ""], ids=["named", "an extension"])
def test_every_status_has_a_sentence_in_both_languages(status: Status, target_name: str) -> None:
    target = Target(target_name, DestinationType.EXTENSION, "1001", "pbx.test")
    told = messages.sentences(status, target)
    assert set(told) == {"pt-BR", "en"}
    for text in told.values():
        assert text[0].isupper()
        assert text.endswith(".")
        assert status is Status.CANCELLED or (target_name or "1001") in text
    assert told["pt-BR"] != told["en"]


@pytest.mark.parametrize("status", sorted(RESULTS - {Status.SUCCESS}))
def test_the_result_tells_who_asked_and_the_backend_the_same(status: Status) -> None:
    id = UUID(int=1)
    target = Target("Suporte", DestinationType.EXTENSION, "1001", "pbx.test")
    caller = Channel("caller-1", "CS_EXECUTE", True, number="5511999990000")
    request = Request(id, "pbx", id, caller, ((target,),), (Dial(),), id)
    why = Ending(status, "SOME_CAUSE", "499", "agent")
    t = Transfer(str(id), (Dial(),), phase=Phase.ENDED, attempt=1, ending=why, known_at=1.0)
    answered, told = messages.result(request, t), messages.completed(request, t).payload
    assert (answered["status"], answered["success"]) == (status, False)
    same = ("status", "cause", "sip_code", "ended_by", "attempts", "offer_callback", "transfer_id")
    for name in (*same, "ring_seconds", "call_uuid", "story_id"):
        assert answered[name] == told[to_camel(name)]
