"""Why a request about a transfer is refused, as types with a code that programs can rely on."""

from __future__ import annotations

from voiced.refusals import DatabaseIsAway, PbxIsAway, Refusal

__all__ = ["DatabaseIsAway", "PbxIsAway", "Refusal"]  # the common ones, beside those of transfers


class CannotBeDialled(Refusal):
    """This is nothing that can be dialled."""

    code, field = "invalid", "destination"


class NoSuchDomain(Refusal):
    """No [[domain]] with this uuid is configured."""

    code, field = "no_such_domain", "domain_uuid"


class NoSuchDestination(Refusal):
    """There is no such destination in this domain."""

    code, field = "no_such_destination", "destination"


class UnknownDestination(Refusal):
    """There is no destination with this id."""

    code, field = "unknown_destination", "id"


class IsAmbiguous(Refusal):
    """Several destinations are meant as likely: the message asks which."""

    code, field = "ambiguous", "destination"


class TransfersDisabled(Refusal):
    """Transfers are switched off here ([transfer] enabled = false)."""

    code = "transfers_disabled"


class TooManyOutside(Refusal):
    """Too many numbers outside were dialled within a minute; try again later."""

    code, field = "too_many_outside_calls", "destination"


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
