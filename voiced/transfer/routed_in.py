"""Calls that the PBX routes in: `socket 127.0.0.1:8084 async full` in a dialplan.

The call waits at its `socket` action while we transfer it like any other. When nobody answers it goes on
with the dialplan's next action, with `voiced_status`, `voiced_cause`, `voiced_offer_callback` and
`voiced_message` set; after a talk it ends.

Before anything else `voiced_status=failed` is set: whatever happens to us from then on, the dialplan knows.
A call that comes with a status has been here before (the switch sends a caller home through the dialplan
when a bridge comes to nothing) and goes on at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import UUID

import structlog

from voiced.esl import EslError, InvalidValue, OutboundServer, Session
from voiced.transfer import messages, wording
from voiced.transfer.driver import Driver
from voiced.transfer.reception import Ask
from voiced.transfer.refusals import Refusal
from voiced.transfer.service import Transfers, Wish
from voiced.transfer.state import Fallback

log = structlog.get_logger(__name__)


class RoutedIn:
    """Serves one outbound session a call. `wish` finds the destination and raises Refusal where it cannot.

    Calls above the limit are told so before they go on; there is room for as many of those again.
    """

    def __init__(self, transfers: Transfers, wish: Callable[[Ask], Awaitable[Wish]], *, limit: int) -> None:
        self._transfers, self._wish, self._limit = transfers, wish, limit
        self.server = OutboundServer(self._serve, limit=2 * limit)

    async def _serve(self, session: Session) -> None:
        """Returning lets the call go on with its dialplan."""
        if session.channel.variable("voiced_status"):
            return
        await session.execute("set", "voiced_status=failed")
        if len(self.server) > self._limit:
            log.warning("too many calls routed in, this one goes on in its dialplan", limit=self._limit)
            await _tell(session, {"voiced_cause": "TOO_MANY_CALLS"})
            return
        if session.channel.get("Answer-State") != "answered":
            await session.execute("answer")
        try:
            wish = await self._wish(_ask(session))
            driver = await self._transfers.request(replace(wish, fallback=Fallback.DIALPLAN))
        except (Refusal, InvalidValue) as refusal:
            code = refusal.code if isinstance(refusal, Refusal) else "invalid"
            log.info("a call routed in goes on", call_uuid=session.unique_id, reason=code)
            said = refusal.messages if isinstance(refusal, Refusal) and refusal.messages else wording.NOT_NOW
            await _tell(session, {"voiced_cause": code.upper(), "voiced_message": said["pt-BR"]})
            return
        goes_on = asyncio.create_task(driver.goes_on.wait(), name=f"routed in {session.unique_id}")
        either: list[asyncio.Future[Any]] = [goes_on, session.ended]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            goes_on.cancel()
        if driver.goes_on.is_set():
            await _tell(session, _result(driver))


def _ask(session: Session) -> Ask:
    """The wish in the channel's variables. Raises InvalidValue for ids that are none."""
    channel = session.channel

    def uuid(name: str) -> UUID | None:
        value = channel.variable(name)
        if not value:
            return None
        try:
            return UUID(value)
        except ValueError:
            raise InvalidValue(f"{name} is no uuid") from None

    domain = uuid("voiced_domain_uuid") or uuid("domain_uuid")  # FusionPBX sets the second
    if domain is None:
        raise InvalidValue("voiced_domain_uuid is not set")
    destination = uuid("voiced_destination_uuid") or channel.variable("voiced_destination") or ""
    return Ask(
        call_uuid=session.unique_id, domain_uuid=domain, destinations=(destination,),
        secretary_uuid=uuid("voiced_secretary_uuid"), reason=channel.variable("voiced_reason") or "",
    )  # fmt: skip


def _result(driver: Driver) -> dict[str, str]:
    told = messages.result(driver.request, driver.transfer)
    return {
        "voiced_status": told["status"],
        "voiced_cause": told["cause"],
        "voiced_offer_callback": "true" if told["offer_callback"] else "false",
        "voiced_message": told["message"],
    }


async def _tell(session: Session, variables: dict[str, str]) -> None:
    """Set the variables for the dialplan's next action. What cannot be told is left out."""
    for name, value in variables.items():
        with suppress(InvalidValue, EslError):
            await session.execute("set", f"{name}={value}")
