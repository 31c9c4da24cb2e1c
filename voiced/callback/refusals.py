"""Why a request about a callback is refused, as types with a code that programs can rely on."""

from __future__ import annotations

from voiced.refusals import Refusal


class CallbacksDisabled(Refusal):
    """Callbacks are switched off for this company."""

    code = "callbacks_disabled"


class BadNumber(Refusal):
    """This is no telephone number that can be called."""

    code, field = "bad_number", "number"


class NumberBlocked(Refusal):
    """This number is not to be called."""

    code, field = "number_blocked", "number"


class PrefixNotAllowed(Refusal):
    """Numbers with this prefix are not called here."""

    code, field = "prefix_not_allowed", "number"


class CostlyNumber(Refusal):
    """Calls to such a number cost more than others: nobody is called back there."""

    code, field = "costly_number", "number"


class TooManyForNumber(Refusal):
    """Too many callbacks were asked for with this number."""

    code, field = "too_many_for_number", "number"


class TooManyTickets(Refusal):
    """The callback has as many tickets as can be told of it."""

    code, field = "too_many_tickets", "ticket_id"


class NoSuchCallback(Refusal):
    """There is no such callback."""

    code = "no_such_callback"


class NoSuchAttempt(Refusal):
    """There is no such call."""

    code, field = "no_such_attempt", "call_uuid"


class CallbackIsCalling(Refusal):
    """The callback is being called right now."""

    code = "callback_is_calling"


class CallbackIsClosed(Refusal):
    """The callback is closed."""

    code = "callback_is_closed"


class AlreadyCompleted(CallbackIsClosed):
    """The promise is kept: the two have talked."""

    code = "already_completed"


class NumberMismatch(Refusal):
    """The callback is of a client with another number."""

    code, field = "number_mismatch", "client_number"


class AttemptUnderWay(Refusal):
    """The client, or the agent, is being called already."""

    code = "attempt_under_way"


class AgentNotAvailable(Refusal):
    """The agent cannot take a call now."""

    code = "agent_not_available"


class NobodyToCall(Refusal):
    """It is not said which extension shall take the call."""

    code, field = "nobody_to_call", "extension"


class BadTime(Refusal):
    """A callback lies ahead, and not more than a year."""

    code, field = "bad_time", "scheduled_at"


class CannotBeCalled(Refusal):
    """This is nothing that can be called."""

    code = "invalid"


class NoCallbackOffered(Refusal):
    """This transfer offers no callback."""

    code = "no_callback_offered"


class NoSuchCompany(Refusal):
    """No [[domain]] belongs to this company."""

    code, field = "no_such_company", "company_id"
