"""Each company's policy: the settings' defaults, with what the company has changed on top."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

import asyncpg
import structlog
from pydantic import ValidationError

from voiced.callback.policy import Policy
from voiced.database import query
from voiced.notices import Notices

log = structlog.get_logger(__name__)

KEEP_SECONDS: Final = (
    60.0  # a change through any daemon is noticed at once; this is for notices that got lost
)


class Policies:
    """Reads them from the database, and remembers them for a while."""

    def __init__(self, pool: asyncpg.Pool, notices: Notices, defaults: Policy) -> None:
        self._pool, self.defaults = pool, defaults
        self._known: dict[str, tuple[float, Policy]] = {}
        self._changes = 0
        notices.on("voiced_callback_settings", self._changed)

    async def of(self, company: str, connection: Any = None) -> Policy:
        """The policy of a company; the defaults for one that has changed nothing."""
        read_at, policy = self._known.get(company, (0.0, self.defaults))
        if time.monotonic() - read_at < KEEP_SECONDS:
            return policy
        changes = self._changes
        changed = await (connection or self._pool).fetchval(query("callback/settings"), company)
        try:
            policy = self.merged(changed or {})
        except ValidationError as error:  # kept by another version: its promises are kept all the same
            log.error("a company's settings cannot be used", company_id=company, error=str(error))
            policy = self.defaults
        if changes == self._changes:  # else it may be what was so before the change
            self._known[company] = (time.monotonic(), policy)
        return policy

    def merged(self, changed: Mapping[str, Any]) -> Policy:
        """The defaults with these changes, but for settings that only another version of us has.

        Raises pydantic's ValidationError.
        """
        known = {name: value for name, value in changed.items() if name in Policy.model_fields}
        return Policy.model_validate({**self.defaults.model_dump(), **known})

    async def change(self, company: str, changes: Mapping[str, Any]) -> Policy:
        """Keep these changes, beside earlier ones; what waits is looked at afresh.

        Raises ValidationError, and keeps nothing then.
        """
        before = await self._pool.fetchval(query("callback/settings"), company) or {}
        kept = {**before, **changes}
        policy = self.merged(kept)
        dumped = policy.model_dump(mode="json")
        await self._pool.execute(
            query("callback/change_settings"),
            company,
            {**kept, **{name: dumped[name] for name in kept if name in dumped}},
        )
        self._changed(company)
        await self._pool.execute(query("callback/look_at_all"), company)
        return policy

    def _changed(self, company: str) -> None:
        self._changes += 1
        self._known.pop(company, None)
