"""Callbacks and their calls as the API shows them."""

from __future__ import annotations

from typing import Any, Final

from voiced.callback import store
from voiced.callback.calls import RETRY_AFTER, Placed
from voiced.callback.keeper import Kept
from voiced.callback.order import Order
from voiced.callback.state import Attempt
from voiced.web.callback_answers import PlacedCall
from voiced.web.services import Services

_MESSAGES: Final = {  # why a call was not placed: pt-BR for people
    "USER_BUSY": "O ramal está em outra ligação.",
    "DO_NOT_DISTURB": "O ramal está em não perturbe.",
    "USER_NOT_REGISTERED": "O ramal não está conectado.",
    "ATTEMPT_UNDER_WAY": "Já há uma ligação em andamento para este cliente ou este ramal.",
}


async def callback(at: Services, row: dict[str, Any]) -> dict[str, Any]:
    """A callback."""
    return store.shown(row, await at.callbacks.keeper.policies.of(row["company_id"]))


async def changed(at: Services, kept: Kept) -> dict[str, Any]:
    """A callback as a change has left it."""
    return await callback(at, kept.row)


async def promised(at: Services, kept: Kept) -> dict[str, Any]:
    """A callback that was asked for."""
    return {**await callback(at, kept.row), "is_new": kept.before is None}


def placed(order: Placed) -> PlacedCall:
    """What came of an order to call."""
    return PlacedCall(
        success=not order.error, call_uuid=order.id, error=order.error,
        message=_MESSAGES.get(order.error, order.error), should_retry=order.should_retry,
        retry_after_seconds=RETRY_AFTER if order.should_retry else 0.0,
    )  # fmt: skip


def call(order: Order, a: Attempt) -> dict[str, Any]:
    """A call that was placed, as it is now."""
    outcome = a.outcome
    return {
        "id": order.id, "call_uuid": order.id, "callback_id": order.callback_id,
        "ticket_id": order.ticket, "domain_uuid": order.domain_uuid, "extension": order.extension,
        "number": order.number, "phase": a.phase, "requested_at": store.moment(a.requested_at),
        "connected_at": store.moment(a.connected_at), "duration_seconds": round(a.talk_seconds, 1),
        "result": outcome.result if outcome else "", "cause": outcome.cause if outcome else "",
        "leg": outcome.leg if outcome else "", "sip_code": outcome.sip_code if outcome else "",
    }  # fmt: skip
