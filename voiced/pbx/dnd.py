"""Who does not want to be disturbed, from FusionPBX's `v_extensions`, at most five seconds old.

One query in the background reads them all; whoever asks is answered from memory. While FusionPBX's database
is away the last that is known stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeAlias

import asyncpg
import structlog

from voiced.database import ERRORS, query
from voiced.pbx.extension import Extension

log = structlog.get_logger(__name__)

PAUSE_SECONDS: Final = 4.0  # between two queries
PATIENCE_SECONDS: Final = 1.0  # for one: the two together are how old an answer can be

Listener: TypeAlias = Callable[[Extension, bool], object]


class DoNotDisturb:
    """The extensions of a PBX with do-not-disturb on; nobody where there is no FusionPBX (`pool` None)."""

    def __init__(self, pool: asyncpg.Pool | None) -> None:
        self._pool = pool
        self._on: frozenset[Extension] = frozenset()
        self._listeners: list[Listener] = []
        self._trouble = ""

    def has(self, extension: Extension) -> bool:
        """Whether it is on for this extension."""
        return extension in self._on

    def on_change(self, listener: Listener) -> None:
        """Call `listener(extension, is_on)` at each change from now on."""
        self._listeners.append(listener)

    async def run(self) -> None:
        """Read them again and again, until cancelled."""
        while self._pool is not None:
            try:
                rows = await _read(self._pool)
            except ERRORS as error:
                self._tell_trouble(_told(error))
            else:
                self._tell_trouble("")
                self._now({Extension(row["extension"], row["domain"]) for row in rows})
            await asyncio.sleep(PAUSE_SECONDS)

    # -- inside -------------------------------------------------------------------------------------------

    def _now(self, on: set[Extension]) -> None:
        before, self._on = self._on, frozenset(on)
        for extension in before ^ self._on:
            for listener in tuple(self._listeners):
                try:
                    listener(extension, extension in self._on)
                except Exception:
                    log.exception("a listener to do-not-disturb failed")

    def _tell_trouble(self, trouble: str) -> None:
        """Log it once, and once that it is over."""
        if trouble and not self._trouble:
            log.warning("do-not-disturb cannot be read, the last that is known stands", error=trouble)
        elif self._trouble and not trouble:
            log.info("do-not-disturb is read again")
        self._trouble = trouble


async def _read(pool: asyncpg.Pool) -> list[asyncpg.Record]:
    """The rows."""
    async with pool.acquire(timeout=PATIENCE_SECONDS) as connection:
        return await connection.fetch(query("fusionpbx/do_not_disturb"), timeout=PATIENCE_SECONDS)


def _told(error: BaseException) -> str:
    if isinstance(error, asyncpg.UndefinedTableError):
        return f"{error}: is [fusionpbx] url FusionPBX's own database?"
    return str(error) or type(error).__name__
