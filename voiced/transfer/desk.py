"""Where requests about transfers arrive: carried out here, or by the daemon that owns the PBX."""

from __future__ import annotations

import asyncio
from typing import Any, Final
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter

from voiced.logs import about
from voiced.pbx.owner import Ownership
from voiced.refusals import PbxIsAway
from voiced.relay import Relay
from voiced.transfer import store
from voiced.transfer.refusals import HasEnded, IsTalking, NoSuchTransfer
from voiced.transfer.request import Request
from voiced.transfer.service import Transfers, Wish
from voiced.transfer.state import Phase, Transfer

_WISH: Final = TypeAdapter(Wish)
_LOOK_AGAIN: Final = 0.1  # seconds, for the result of a transfer that another daemon drives
_CANCEL_SECONDS: Final = 2.0  # for a cancelled transfer's caller to be back


class Desk:
    """Begin, follow and cancel transfers, whichever daemon drives them. Raises Refusal."""

    def __init__(self, transfers: Transfers, pool: asyncpg.Pool, relay: Relay, ownership: Ownership) -> None:
        self._transfers, self._pool, self._relay, self._ownership = transfers, pool, relay, ownership
        relay.serve("transfer/begin", self._carry_out)
        relay.serve("transfer/cancel", self._call_off)

    async def begin(self, wish: Wish) -> tuple[Request, Transfer]:
        """Begin a transfer: recorded when this returns."""
        about(call_uuid=wish.call_uuid, domain=wish.domain_uuid)
        if self._ownership.is_owner:
            driver = await self._transfers.request(wish)
            return driver.request, driver.transfer
        answer = await self._relay.ask("transfer/begin", _WISH.dump_python(wish, mode="json"))
        return await self._load(UUID(answer["id"]), None)

    async def look(self, id: UUID, domain: UUID | None) -> tuple[Request, Transfer]:
        """A transfer as it is now; of `domain` only, if given."""
        driver = self._transfers.get(id)
        if driver is None:
            request, t = await self._load(id, domain)
        elif domain not in (None, driver.request.domain_uuid):
            raise NoSuchTransfer
        else:
            request, t = driver.request, driver.transfer
        about(transfer_id=id, call_uuid=request.caller.uuid, domain=request.domain_uuid)
        return request, t

    async def outcome(self, id: UUID, seconds: float) -> tuple[Request, Transfer, bool]:
        """Wait for the result, and for a failed transfer's caller to be back. Whether it is known by then."""
        until = asyncio.get_running_loop().time() + seconds
        driver = self._transfers.get(id)
        if driver is not None:
            await asyncio.wait([driver.known], timeout=seconds)
            if not driver.known.cancelled():  # else another daemon drives it from now on
                return driver.request, driver.transfer, driver.known.done()
        request, t = await self._load(id, None)
        try:
            async with asyncio.timeout_at(until):
                while not t.is_settled:
                    await asyncio.sleep(_LOOK_AGAIN)
                    request, t = await self._load(id, None)
        except TimeoutError:
            pass
        return request, t, t.is_settled

    async def cancel(self, id: UUID, domain: UUID | None) -> tuple[Request, Transfer]:
        """Cancel a transfer; returns when the caller is back, or after two seconds.

        Raises HasEnded, and IsTalking where the two were quicker.
        """
        request, t = await self.look(id, domain)
        if t.phase is Phase.ENDED:
            raise HasEnded
        if t.phase is Phase.BRIDGED:
            raise IsTalking
        driver = self._transfers.get(id)
        if driver is not None:
            driver.cancel()
        else:
            await self._relay.ask("transfer/cancel", {"id": str(id)})
        request, t, _ = await self.outcome(id, _CANCEL_SECONDS)
        if t.bridged_at:
            raise IsTalking
        return request, t

    # -- inside -------------------------------------------------------------------------------------------

    async def _load(self, id: UUID, domain: UUID | None) -> tuple[Request, Transfer]:
        found = await store.load(self._pool, id, domain)
        if found is None:
            raise NoSuchTransfer
        return found

    # -- for another daemon, which was asked, while we own the PBX ------------------------------------------

    async def _carry_out(self, body: dict[str, Any]) -> dict[str, Any]:
        driver = await self._transfers.request(_WISH.validate_python(body))
        return {"id": str(driver.request.id)}

    async def _call_off(self, body: dict[str, Any]) -> dict[str, Any]:
        driver = self._transfers.get(UUID(body["id"]))
        if driver is None:
            raise HasEnded if self._transfers.has_taken_up else PbxIsAway("it is being taken up; ask again")
        driver.cancel()
        return {"id": body["id"]}
