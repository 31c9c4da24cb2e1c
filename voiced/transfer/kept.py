"""What is read of a domain, and of one secretary of it, kept for five minutes.

What is dropped while it is being read is not kept: it may be what was so before a change. While the database
is away, what is kept goes on being used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, Generic, TypeAlias, TypeVar
from uuid import UUID

import structlog

from voiced.database import is_away
from voiced.logs import brief
from voiced.transfer.refusals import DatabaseIsAway

log = structlog.get_logger(__name__)

KEPT_SECONDS: Final = 300.0
READ_SECONDS: Final = 1.0  # a caller waits for it; what comes later is kept for the next one
MOST_KEPT: Final = 1000  # pairs of domain and secretary

Key: TypeAlias = tuple[UUID, UUID | None]
T = TypeVar("T")


class Kept(Generic[T]):
    """One kind of thing by domain and secretary (None: for none, or for all). `read` reads it."""

    def __init__(
        self, read: Callable[[UUID, UUID | None], Coroutine[Any, Any, T]], clock: Callable[[], float]
    ) -> None:
        self._read, self._clock = read, clock
        self._kept: dict[Key, tuple[float, T]] = {}
        self._loading: dict[Key, asyncio.Task[T]] = {}

    async def get(self, domain: UUID, secretary: UUID | None = None) -> T:
        """As it was read within the last five minutes. Raises DatabaseIsAway."""
        key = (domain, secretary)
        kept = self._kept.get(key)
        if kept is not None and self._clock() < kept[0]:
            return kept[1]
        task = self._loading.get(key)
        if task is None:  # a thousand calls at once load it once
            task = self._loading[key] = asyncio.create_task(
                self._read(*key), name=f"destinations of {domain}"
            )
            task.add_done_callback(lambda done: self._loaded(key, done))
        try:
            async with asyncio.timeout(READ_SECONDS):
                return await asyncio.shield(task)
        except Exception as error:
            if not is_away(error):
                raise
            if kept is None:
                raise DatabaseIsAway("the destinations cannot be read; try again later") from error
            log.warning("destinations cannot be read, the old ones are used", error=brief(error))
            return kept[1]

    def drop(self, domain: UUID) -> None:
        """Forget what is kept of a domain, also what is being read at this moment."""
        for key in [key for key in (*self._kept, *self._loading) if key[0] == domain]:
            self._kept.pop(key, None)
            self._loading.pop(key, None)

    def doubt(self) -> None:
        """Something may have changed unheard: everything is read again, and kept for as long as it cannot."""
        self._kept = {key: (0.0, value) for key, (_, value) in self._kept.items()}
        self._loading.clear()

    def _loaded(self, key: Key, done: asyncio.Task[T]) -> None:
        if self._loading.get(key) is not done:
            return  # dropped meanwhile: it may be what was so before the change
        del self._loading[key]
        if not done.cancelled() and done.exception() is None:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[key] = (self._clock() + KEPT_SECONDS, done.result())
