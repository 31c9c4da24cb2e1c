"""Why a request about a transfer is refused, as types with a code that programs can rely on."""

from __future__ import annotations


class Refusal(Exception):
    """Base of them all. `field` names what in the request is at fault, '' for nothing."""

    code = "refused"
    field = ""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (self.__doc__ or "").strip())


class CannotBeDialled(Refusal):
    """This is nothing that can be dialled."""

    code, field = "invalid", "destination"


class UnknownCall(Refusal):
    """The PBX has no such call."""

    code, field = "no_such_call", "call_uuid"


class CallIsBusy(Refusal):
    """This call is being transferred already."""

    code, field = "call_is_busy", "call_uuid"


class PbxIsAway(Refusal):
    """There is no connection to the PBX."""

    code = "pbx_is_away"


class DatabaseIsAway(Refusal):
    """The database did not take the request in time; the caller was not touched."""

    code = "database_is_away"


class NoSuchTransfer(Refusal):
    """There is no such transfer."""

    code = "no_such_transfer"


class HasEnded(Refusal):
    """The transfer has ended."""

    code = "has_ended"


class IsTalking(Refusal):
    """The two are talking: only they can end it."""

    code = "is_talking"


BY_CODE = {kind.code: kind for kind in Refusal.__subclasses__()}
