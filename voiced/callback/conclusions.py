"""Conclusions from attempts that have ended: what becomes of their callbacks, what the backend is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from voiced.callback.keeper import Keeper
from voiced.database import is_away
from voiced.scribe import Scribe

log = structlog.get_logger(__name__)

LOOK_AGAIN: Final = 30.0  # seconds, in case an end was missed
RETRY_SECONDS: Final = 1.0  # while the database is away


class Conclusions:
    """Runs where the PBX is owned. `run()` until cancelled."""

    def __init__(self, keeper: Keeper, scribe: Scribe, owns_pbx: Callable[[], bool]) -> None:
        self._keeper, self._scribe, self._owns_pbx = keeper, scribe, owns_pbx
        self._wake = asyncio.Event()
        self.faults = 0  # that were logged

    def wake(self) -> None:
        """An attempt has ended, or may have."""
        self._wake.set()

    async def run(self) -> None:
        """Once at the start too: a daemon may have died between an end and its conclusions."""
        while True:
            self._wake.clear()
            wait = RETRY_SECONDS
            try:
                if self._owns_pbx():
                    await self._draw()
                    wait = LOOK_AGAIN
            except Exception as error:
                if not is_away(error):  # a fault of ours: the daemon's calls must not end for it
                    self.faults += 1
                    wait = LOOK_AGAIN
                    log.exception("no conclusions can be drawn from an attempt")
            try:
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _draw(self) -> None:
        await self._scribe.drained()
        while await self._keeper.settle():
            pass
