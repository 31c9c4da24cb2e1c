"""Calls that the PBX routes in: `socket 127.0.0.1:8084 async full` in a dialplan.

The call waits at its `socket` action while we transfer it like any other. When nobody answers it goes on
with the dialplan's next action, with `voiced_status`, `voiced_cause`, `voiced_offer_callback` and
`voiced_message` set; after a talk it ends.

Before it is held `voiced_status=failed` is set: whatever happens to us from then on, the dialplan knows. By
an api command, which takes effect at once: an application waits for its turn, and came behind the result of
a destination that is closed. (`voiced_routed_in` is one, by which a call that idles is known as ours.) A call
that comes with a status has been here before (the switch sends a caller home through the dialplan when a
bridge comes to nothing) and goes on at once.

**Whose it is.** The call belongs to its dialplan. It is ours while its session stands, and not any more
when the session is gone, whatever ended it: `socket_resume` has the switch break the music off and go on
with the dialplan at once, with `failed`. The transfer ends as `failed`, `WENT_ON`; legs that ring are
ended, an agent who has answered is told that the caller left; the call is not held, not bridged and not
told anything any more. Who talks is the exception: `socket_resume` is taken off with the command that
bridges the two, the session ends when they hear each other, and the talk goes on whatever becomes of us.

We end the session ourselves when we cannot answer for the call: the event socket stays away for
`driver.AWAY_SECONDS`, or the PBX belongs to another daemon. A process that sleeps keeps its sessions, and
would leave a caller in silence whose music has ended: who follows it has the switch dismiss them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

import structlog

from voiced.esl import EslError, InvalidValue, OutboundServer, Session, values
from voiced.transfer import wording
from voiced.transfer.reception import Ask
from voiced.transfer.refusals import Refusal
from voiced.transfer.service import Transfers, Wish
from voiced.transfer.state import Fallback
from voiced.transfer.tenants import Tenants

log = structlog.get_logger(__name__)


class RoutedIn:
    """Serves one outbound session a call. `wish` finds the destination and raises Refusal where it cannot.

    Calls above the limit are told so before they go on; there is room for as many of those again.
    """

    def __init__(
        self, transfers: Transfers, wish: Callable[[Ask], Awaitable[Wish]], tenants: Tenants, *, limit: int
    ) -> None:
        self._transfers, self._wish, self._tenants, self._limit = transfers, wish, tenants, limit
        self.server = OutboundServer(self._serve, limit=2 * limit)

    async def _serve(self, session: Session) -> None:
        """Returning lets the call go on with its dialplan."""
        if session.channel.variable("voiced_status"):
            return
        is_one_too_many = len(self.server) > self._limit
        if session.channel.get("Answer-State") != "answered":
            await session.execute("answer")
        await session.ask(f"api uuid_setvar {values.channel_uuid(session.unique_id)} voiced_status failed")
        await session.execute("set", "voiced_routed_in=true")
        if is_one_too_many:
            log.warning("too many calls routed in, this one goes on in its dialplan", limit=self._limit)
            await _tell(session, _refused("TOO_MANY_CALLS", wording.NOT_NOW))
            return
        try:
            wish = await self._wish(_ask(session, self._tenants))
            driver = await self._transfers.request(replace(wish, fallback=Fallback.DIALPLAN), session.ended)
            await driver.goes_on.wait()
        except (Refusal, InvalidValue) as refusal:
            code = refusal.code if isinstance(refusal, Refusal) else "invalid"
            log.info("a call routed in goes on", call_uuid=session.unique_id, reason=code)
            said = refusal.messages if isinstance(refusal, Refusal) and refusal.messages else wording.NOT_NOW
            await _tell(session, _refused(code.upper(), said))


def _ask(session: Session, tenants: Tenants) -> Ask:
    """The wish in the channel's variables. Raises InvalidValue for ids that are none.

    The domain is the one that the dialplan says, else the channel's own; that they are not two is checked
    with the call (`Transfers.request`).
    """
    channel = session.channel

    def uuid(name: str) -> UUID | None:
        value = channel.variable(name)
        if not value:
            return None
        try:
            return UUID(value)
        except ValueError:
            raise InvalidValue(f"{name} is no uuid") from None

    domain = (
        uuid("voiced_domain_uuid")
        or uuid("domain_uuid")
        or tenants.named("", channel.variable("domain_name") or "", channel.get("Caller-Context") or "")
    )
    if domain is None:
        raise InvalidValue("voiced_domain_uuid is not set, and no domain is known of the call")
    destination = uuid("voiced_destination_uuid") or channel.variable("voiced_destination") or ""
    return Ask(
        call_uuid=session.unique_id, domain_uuid=domain, destinations=(destination,),
        secretary_uuid=uuid("voiced_secretary_uuid"), reason=channel.variable("voiced_reason") or "",
    )  # fmt: skip


def _refused(cause: str, said: dict[str, str]) -> dict[str, str]:
    """The variables of a call that is not transferred at all."""
    return {"voiced_cause": cause, "voiced_offer_callback": "false", "voiced_message": said["pt-BR"]}


async def _tell(session: Session, variables: dict[str, str]) -> None:
    """Set the variables for the dialplan's next action. What cannot be told is left out."""
    for name, value in variables.items():
        with suppress(InvalidValue, EslError):
            await session.execute("set", f"{name}={value}")
