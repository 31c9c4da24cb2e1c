"""Why a request about a transfer is refused, as types with a code that programs can rely on."""

from __future__ import annotations

from voiced.refusals import DatabaseIsAway, PbxIsAway, Refusal

__all__ = ["DatabaseIsAway", "PbxIsAway", "Refusal"]  # the common ones, beside those of transfers


class CannotBeDialled(Refusal):
    """This is nothing that can be dialled."""

    code, field = "invalid", "destination"


class UnknownCall(Refusal):
    """The PBX has no such call."""

    code, field = "no_such_call", "call_uuid"


class CallIsBusy(Refusal):
    """This call is being transferred already."""

    code, field = "call_is_busy", "call_uuid"


class NoSuchTransfer(Refusal):
    """There is no such transfer."""

    code = "no_such_transfer"


class HasEnded(Refusal):
    """The transfer has ended."""

    code = "has_ended"


class IsTalking(Refusal):
    """The two are talking: only they can end it."""

    code = "is_talking"
