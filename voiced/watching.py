"""Every step of everything, for those who watch: metrics, live events, the log."""

from __future__ import annotations

import time

import structlog

from voiced.callback.callback import Status
from voiced.callback.keeper import Kept
from voiced.callback.order import Order
from voiced.callback.promise_facts import Notify
from voiced.callback.state import Attempt
from voiced.facts import Fact
from voiced.facts import Fact as AttemptFact
from voiced.metrics import Metrics
from voiced.table import fact_name
from voiced.transfer.request import Request
from voiced.transfer.state import Transfer
from voiced.web.live import Hub

log = structlog.get_logger(__name__)


class Watching:
    """Is told of each step, the state before it and after it."""

    def __init__(self, metrics: Metrics, hub: Hub) -> None:
        self._metrics, self._hub = metrics, hub

    def transfer(self, request: Request, before: Transfer, t: Transfer, fact: Fact) -> None:
        """A transfer's step."""
        if t.is_known and not before.is_known:
            self._metrics.transfers.labels(t.status, request.target(t.attempt).type).inc()
            self._metrics.transfer_seconds.observe(max(0.0, fact.at - t.requested_at))
        self._hub.publish(
            request.domain_uuid,
            {
                "type": "transfer", "id": str(request.id), "call_uuid": request.caller.uuid,
                "domain_uuid": str(request.domain_uuid), "at": fact.at, "fact": fact_name(type(fact)),
                "phase": t.phase, "status": t.status, "attempt": t.attempt, "ignored": t == before,
                "cause": t.ending.cause if t.ending else "", "destination": request.target(t.attempt).name,
            },
        )  # fmt: skip

    def callback(self, kept: Kept) -> None:
        """A callback's change."""
        row = kept.row
        if kept.before != row["status"]:
            self._metrics.callbacks.labels(row["status"]).inc()
            if row["status"] == Status.COMPLETED and row["last_attempt_at"]:
                promised = max(row["created_at"], row["scheduled_at"] or row["created_at"])
                waited = (row["last_attempt_at"] - promised).total_seconds()
                self._metrics.promise_seconds.observe(max(0.0, waited))
        ids = {"callback_id": str(row["id"]), "ticket_id": row["ticket_id"], "status": row["status"]}
        log.info("callback", fact=kept.fact, domain=str(row["domain_uuid"]), **ids)
        told = [effect.extension for effect in kept.effects if isinstance(effect, Notify)]
        self._hub.publish(
            row["domain_uuid"],
            {
                "type": "callback", "id": str(row["id"]), "domain_uuid": str(row["domain_uuid"]),
                "at": time.time(), "fact": kept.fact, "status": row["status"], "number": row["number"],
                "ticket_id": row["ticket_id"], "extension": row["extension"], "notify": told,
            },
        )  # fmt: skip

    def attempt(self, order: Order, before: Attempt, a: Attempt, fact: AttemptFact) -> None:
        """A step of an attempt to call back."""
        if a.outcome is not None and before.outcome is None:
            self._metrics.callback_attempts.labels(a.outcome.result).inc()
        self._hub.publish(
            order.domain_uuid,
            {
                "type": "callback_attempt", "id": str(order.id), "callback_id": str(order.callback_id or ""),
                "domain_uuid": str(order.domain_uuid), "at": fact.at, "fact": fact_name(type(fact)),
                "phase": a.phase, "result": a.outcome.result if a.outcome else "",
                "cause": a.outcome.cause if a.outcome else "", "extension": order.extension,
                "ticket_id": order.ticket_id,
            },
        )  # fmt: skip
