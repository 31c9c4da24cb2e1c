"""Callbacks and their calls as the API shows them."""

from __future__ import annotations

from typing import Any

from voiced.callback import store
from voiced.callback.calls import RETRY_AFTER, Placed
from voiced.callback.keeper import Kept
from voiced.callback.order import Order
from voiced.callback.state import Attempt
from voiced.callback.wording import why_not
from voiced.clock import moment
from voiced.web.callback_answers import PlacedCall
from voiced.web.services import Services


async def callback(at: Services, row: dict[str, Any]) -> dict[str, Any]:
    """A callback."""
    return store.shown(row, await at.callbacks.keeper.policies.of(row["company_id"]))


async def changed(at: Services, kept: Kept) -> dict[str, Any]:
    """A callback as a change has left it."""
    return await callback(at, kept.row)


async def promised(at: Services, kept: Kept) -> dict[str, Any]:
    """A callback that was asked for."""
    return {**await callback(at, kept.row), "is_new": kept.before is None}


def placed(order: Placed, locale: str) -> PlacedCall:
    """What came of an order to call. The message is in the language of the domain."""
    message = why_not(order.error, order.leg, locale) if order.error else ""
    return PlacedCall(
        success=not order.error, call_uuid=order.id, error=order.error, message=message,
        should_retry=order.should_retry,
        retry_after_seconds=RETRY_AFTER if order.should_retry else 0.0,
    )  # fmt: skip


def call(order: Order, a: Attempt) -> dict[str, Any]:
    """A call that was placed, as it is now."""
    outcome = a.outcome
    return {
        "id": order.id, "call_uuid": order.id, "callback_id": order.callback_id,
        "ticket_id": order.ticket, "domain_uuid": order.domain_uuid, "extension": order.extension,
        "number": order.number, "phase": a.phase, "requested_at": moment(a.requested_at),
        "connected_at": moment(a.connected_at), "duration_seconds": round(a.talk_seconds, 1),
        "result": outcome.result if outcome else "", "cause": outcome.cause if outcome else "",
        "leg": outcome.leg if outcome else "", "sip_code": outcome.sip_code if outcome else "",
    }  # fmt: skip
