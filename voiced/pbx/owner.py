"""One owner for each PBX: a lease in PostgreSQL, said on the switch too.

The owner raises a beat every half second. A standby takes over when it has itself seen the same beat in so
many looks, one after the other, that three seconds have passed (no clocks are compared, and a database that
was away does not look like a dead owner), or at once when the owner was a process of this machine that is
gone. On the switch the owner's id stands in `hash voiced/owner`.

While the database is away the owner stays the owner: nobody else can take the lease either. But an owner
whose process or machine was paused may have been followed by another without knowing it: before it acts on
anything it makes certain. The database tells, or the switch's note while the database is away.
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

from voiced.database import ERRORS, query
from voiced.esl import EslError
from voiced.esl.commands import api
from voiced.pbx.pbx import Pbx

log = structlog.get_logger(__name__)

BEAT_SECONDS: Final = 0.5
STILL_SECONDS: Final = 3.0  # the lease's life: callers must not wait on hold for longer than five
ASLEEP_SECONDS: Final = 1.5  # without a turn of our loop: somebody may soon take over


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
        self._last_beat = 0.0  # when the last that the database took was sent, on the monotonic clock
        self._seen: tuple[str, int] | None = None
        self._looks = 0  # that saw the same beat, one after the other
        self._awake_at = self._woke_at = time.monotonic()
        self._certain = asyncio.Event()
        self._certain.set()
        pbx.watch(self)

    def may_dial(self) -> bool:
        """Whether it is certain that nobody else has taken over: our last beat is younger than the lease."""
        return self.is_owner and time.monotonic() - self._last_beat < STILL_SECONDS

    async def certain(self) -> None:
        """At once, but for an owner that was paused: then when it is the owner still, or has given up."""
        self._notice_sleep()
        if not self._certain.is_set():
            await self._certain.wait()

    async def run(self) -> None:
        """Keep, or watch for, the lease until cancelled; then give it back."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._stay_awake(), name="sleep notice")
                while True:
                    try:
                        async with asyncio.timeout(STILL_SECONDS):
                            await (self._keep() if self.is_owner else self._look())
                    except ERRORS:
                        self._looks = 0
                    if not self._certain.is_set():
                        await self._ask_switch()
                    await asyncio.sleep(BEAT_SECONDS)
        finally:
            await self._give_back()

    def pbx_lost(self) -> None:
        """The switch keeps its note of the owner."""

    def pbx_back(self) -> None:
        """Say again what was lost on the way, and who owns the switch: it may have been restarted."""
        if self.is_owner:
            self._pbx.say_again()
            self._say()

    # -- inside -------------------------------------------------------------------------------------------

    async def _look(self) -> None:
        row = await self._pool.fetchrow(query("lease/look"), self._pbx.name)
        seen = (row["owner"], row["beat"]) if row else None
        self._looks = self._looks + 1 if seen == self._seen else 0
        self._seen = seen
        is_still = self._looks * BEAT_SECONDS >= STILL_SECONDS
        if seen is not None and not is_still and not _is_gone(seen[0]):
            return
        owner, beat = seen or ("", 0)
        asked_at = time.monotonic()
        if await self._pool.fetchval(query("lease/claim"), self._pbx.name, self.id, owner, beat) != self.id:
            return
        log.info("this daemon owns the PBX now", pbx=self._pbx.name, before=owner or "nobody")
        self.is_owner, self._last_beat = True, asked_at
        self._say(owner)
        await self._on_gain()

    async def _keep(self) -> None:
        asked_at = time.monotonic()
        if await self._pool.fetchval(query("lease/beat"), self._pbx.name, self.id) is None:
            await self._step_down()
            return
        self._last_beat = asked_at
        if asked_at >= self._woke_at:  # an answer from before the sleep says nothing
            self._certain.set()

    async def _step_down(self) -> None:
        log.error("another daemon owns the PBX now", pbx=self._pbx.name)
        self.is_owner, self._seen = False, None
        self._pbx.forget()
        await self._on_lose()
        self._certain.set()

    async def _stay_awake(self) -> None:
        while True:
            self._notice_sleep()
            await asyncio.sleep(BEAT_SECONDS)

    def _notice_sleep(self) -> None:
        now = time.monotonic()
        if now - self._awake_at > ASLEEP_SECONDS and self.is_owner:
            log.warning("this process was paused, is it the owner still?", seconds=now - self._awake_at)
            self._woke_at = now
            self._certain.clear()
        self._awake_at = now

    async def _ask_switch(self) -> None:
        """The database did not say whether we are the owner: what does the switch's note say?"""
        with suppress(EslError):
            note = await self._pbx.questions.api("hash select/voiced/owner", timeout=1.0)
            if note.text == self.id:
                self._certain.set()
            elif note.ok and note.text:
                await self._step_down()

    async def _give_back(self) -> None:
        if not self.is_owner:
            return
        self.is_owner = False
        with suppress(EslError):
            await self._pbx.questions.api(f"hash delete_ifmatch/voiced/owner/{self.id}", timeout=1.0)
        with suppress(*ERRORS):
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
