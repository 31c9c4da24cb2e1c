"""Each company's policy: the settings' defaults, with what the company has changed on top."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

import asyncpg
import structlog
from pydantic import ValidationError

from voiced.callback.policy import Policy
from voiced.database import ERRORS, query
from voiced.notices import Notices

log = structlog.get_logger(__name__)

KEEP_SECONDS: Final = 60.0  # a change is noticed at once; this is for notices that got lost
SOON: Final = 0.5  # seconds that a caller who waits can spare


class Policies:
    """Reads them from the database, and remembers them for a while."""

    def __init__(self, pool: asyncpg.Pool, notices: Notices, defaults: Policy) -> None:
        self._pool, self.defaults = pool, defaults
        self._known: dict[str, tuple[float, Policy]] = {}
        self._changes = 0
        notices.on("voiced_callback_settings", self._changed)

    async def of(self, company: str, connection: Any = None) -> Policy:
        """The policy of a company; the defaults for one that has changed nothing."""
        known = self._known.get(company)
        if known is not None and time.monotonic() - known[0] < KEEP_SECONDS:
            return known[1]
        changes = self._changes
        changed = await (connection or self._pool).fetchval(query("callback/settings"), company)
        policy = self.merged(company, changed or {})
        if changes == self._changes:  # else it may be what was so before the change
            self._known[company] = (time.monotonic(), policy)
        return policy

    async def promises_calls(self, company: str) -> bool:
        """Whether callers are offered a call. True where it cannot be told soon: somebody waits for it."""
        try:
            async with asyncio.timeout(SOON):
                return (await self.of(company)).enabled
        except ERRORS:
            return True

    def merged(self, company: str, kept: Mapping[str, Any]) -> Policy:
        """The defaults with what is kept, but for what another version of us kept and this one cannot use."""
        known = {name: value for name, value in kept.items() if name in Policy.model_fields}
        defaults = self.defaults.model_dump()
        try:
            return Policy.model_validate({**defaults, **known})
        except ValidationError as error:  # its promises are kept all the same
            log.error("not all of a company's settings can be used", company_id=company, error=str(error))
        usable = {name: value for name, value in known.items() if _is_usable(name, value)}
        return Policy.model_validate({**defaults, **usable})

    async def change(self, company: str, changes: Mapping[str, Any]) -> Policy:
        """Keep these changes, beside earlier ones; what waits is looked at afresh.

        Raises pydantic's ValidationError, and keeps nothing then.
        """
        valid = Policy.model_validate(dict(changes)).model_dump(mode="json", include=set(changes))
        kept = await self._pool.fetchval(query("callback/change_settings"), company, valid)
        self._changed(company)
        await self._pool.execute(query("callback/look_at_all"), company)
        return self.merged(company, kept)

    def _changed(self, company: str) -> None:
        self._changes += 1
        self._known.pop(company, None)


def _is_usable(name: str, value: Any) -> bool:
    try:
        Policy.model_validate({name: value})
    except ValidationError:
        return False
    return True
