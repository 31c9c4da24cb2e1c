"""Each company's policy: the settings' defaults, with what the company has changed on top."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

import asyncpg

from voiced.callback.policy import Policy
from voiced.database import query
from voiced.notices import Notices

KEEP_SECONDS: Final = (
    60.0  # a change through any daemon is noticed at once; this is for notices that got lost
)


class Policies:
    """Reads them from the database, and remembers them for a while."""

    def __init__(self, pool: asyncpg.Pool, notices: Notices, defaults: Policy) -> None:
        self._pool, self.defaults = pool, defaults
        self._known: dict[str, tuple[float, Policy]] = {}
        notices.on("voiced_callback_settings", lambda company: self._known.pop(company, None))

    async def of(self, company: str, connection: Any = None) -> Policy:
        """The policy of a company; the defaults for one that has changed nothing."""
        read_at, policy = self._known.get(company, (0.0, self.defaults))
        if time.monotonic() - read_at < KEEP_SECONDS:
            return policy
        changed = await (connection or self._pool).fetchval(query("callback/settings"), company)
        policy = self.merged(changed or {})
        self._known[company] = (time.monotonic(), policy)
        return policy

    def merged(self, changed: Mapping[str, Any]) -> Policy:
        """The defaults with these changes. Raises pydantic's ValidationError."""
        return Policy.model_validate({**self.defaults.model_dump(), **changed})

    async def change(self, company: str, changes: Mapping[str, Any]) -> Policy:
        """Keep these changes, beside earlier ones. Raises ValidationError, and keeps nothing then."""
        before = await self._pool.fetchval(query("callback/settings"), company) or {}
        kept = {**before, **changes}
        policy = self.merged(kept)
        dumped = policy.model_dump(mode="json")
        await self._pool.execute(
            query("callback/change_settings"), company, {name: dumped[name] for name in kept}
        )
        self._known.pop(company, None)
        return policy
