"""One owner for each PBX: a lease in PostgreSQL, said on the switch too.

The owner raises a beat every half second. A standby takes over when it has itself watched the beat stand
still for three seconds (no clocks are compared, and a database that was away does not look like a dead
owner), or at once when the owner was a process of this machine that is gone. On the switch the owner's id
stands in `hash voiced/owner`; it tells who owns it when database and daemons disagree.

While the database is away the owner stays the owner: nobody else can take the lease either.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import asyncpg
import structlog

from voiced.database import query
from voiced.esl import EslError
from voiced.esl.commands import api
from voiced.pbx.pbx import Pbx

log = structlog.get_logger(__name__)

BEAT_SECONDS: Final = 0.5
STILL_SECONDS: Final = 3.0  # the lease's life: callers must not wait on hold for longer than five


class Ownership:
    """Whether this daemon owns its PBX. `on_gain` is awaited when it does from now on, `on_lose` when not."""

    def __init__(
        self, pbx: Pbx, pool: asyncpg.Pool, *, on_gain: Callable[[], Awaitable[None]],
        on_lose: Callable[[], Awaitable[None]],
    ) -> None:  # fmt: skip
        self._pbx, self._pool = pbx, pool
        self._on_gain, self._on_lose = on_gain, on_lose
        self.id = f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}:{secrets.token_hex(3)}"
        self.is_owner = False
        self._last_beat = 0.0  # of ours that the database took, on the monotonic clock
        self._seen: tuple[str, int] | None = None
        self._seen_since = 0.0
        pbx.watch(self)

    def may_dial(self) -> bool:
        """Whether it is certain that nobody else has taken over: our last beat is younger than the lease."""
        return self.is_owner and time.monotonic() - self._last_beat < STILL_SECONDS

    async def run(self) -> None:
        """Keep, or watch for, the lease until cancelled; then give it back."""
        try:
            while True:
                with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    await (self._keep() if self.is_owner else self._look())
                await asyncio.sleep(BEAT_SECONDS)
        finally:
            await self._give_back()

    def pbx_lost(self) -> None:
        """The switch keeps its note of the owner."""

    def pbx_back(self) -> None:
        """The switch may have been restarted: say again who owns it."""
        if self.is_owner:
            self._say()

    # -- inside -------------------------------------------------------------------------------------------

    async def _look(self) -> None:
        row = await self._pool.fetchrow(query("lease/look"), self._pbx.name)
        seen = (row["owner"], row["beat"]) if row else None
        if seen != self._seen:
            self._seen, self._seen_since = seen, time.monotonic()
        still = time.monotonic() - self._seen_since
        if seen is not None and still < STILL_SECONDS and not _is_gone(seen[0]):
            return
        owner, beat = seen or ("", 0)
        if await self._pool.fetchval(query("lease/claim"), self._pbx.name, self.id, owner, beat) != self.id:
            return
        log.info("this daemon owns the PBX now", pbx=self._pbx.name, before=owner or "nobody")
        self.is_owner, self._last_beat = True, time.monotonic()
        self._say(owner)
        await self._on_gain()

    async def _keep(self) -> None:
        if await self._pool.fetchval(query("lease/beat"), self._pbx.name, self.id) is not None:
            self._last_beat = time.monotonic()
            return
        log.error("another daemon owns the PBX now", pbx=self._pbx.name)
        self.is_owner, self._seen = False, None
        await self._on_lose()

    async def _give_back(self) -> None:
        if not self.is_owner:
            return
        self.is_owner = False
        with suppress(EslError):
            await self._pbx.questions.api(f"hash delete_ifmatch/voiced/owner/{self.id}", timeout=1.0)
        with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            async with asyncio.timeout(1.0):
                await self._pool.execute(query("lease/give_back"), self._pbx.name, self.id)

    def _say(self, before: str = "") -> None:
        """Note the owner on the switch; nobody waits for it."""
        if before:
            self._pbx.say(api(f"hash delete_ifmatch/voiced/owner/{before}"))
        self._pbx.say(api(f"hash insert_ifempty/voiced/owner/{self.id}"))


def _started(pid: int) -> str:
    """When a process of this machine started, in clock ticks since boot; '' if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _is_gone(owner: str) -> bool:
    """Whether the owner was a process of this machine that does not run any more."""
    host, _, rest = owner.partition(":")
    pid, _, rest = rest.partition(":")
    started = rest.partition(":")[0]
    return host == socket.gethostname() and pid.isdigit() and _started(int(pid)) != started
