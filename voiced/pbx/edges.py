"""When an extension's state changes, and when it has been free for a while: whoever wants to know is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import TypeAlias

import structlog

from voiced.pbx.extension import Extension

log = structlog.get_logger(__name__)


class State(StrEnum):
    """What an extension does. Of several that are true the first in this order counts:
    offline, in_call, ringing, dnd, available."""

    AVAILABLE = "available"
    IN_CALL = "in_call"
    RINGING = "ringing"
    DND = "dnd"
    OFFLINE = "offline"


FreeListener: TypeAlias = Callable[[Extension], object]
ChangeListener: TypeAlias = Callable[[Extension, State, State], object]


class Edges:
    """Who is free: available, and for `settle_seconds` already. A listener that raises is logged."""

    def __init__(self, settle_seconds: float) -> None:
        self._settle_seconds = settle_seconds
        self._settling: dict[Extension, asyncio.TimerHandle] = {}
        self._free: dict[str, dict[Extension, None]] = {}  # by domain, the longest first
        self.on_free: list[FreeListener] = []
        self.on_change: list[ChangeListener] = []

    def is_free(self, extension: Extension) -> bool:
        """Available, and settled."""
        return extension in self._free.get(extension.domain, ())

    def free(self, domain: str) -> Iterable[Extension]:
        """Everybody of a domain (its name) who is free now, the longest first."""
        return tuple(self._free.get(domain.lower(), ()))

    def changed(self, extension: Extension, before: State, now: State) -> None:
        """It does something else now."""
        if timer := self._settling.pop(extension, None):
            timer.cancel()
        self._free.get(extension.domain, {}).pop(extension, None)
        if now is State.AVAILABLE:
            self.settle(extension)
        self._tell(self.on_change, extension, before, now)

    def settle(self, extension: Extension) -> None:
        """It is available: free after a while, if that lasts."""
        if extension not in self._settling:
            loop = asyncio.get_running_loop()
            self._settling[extension] = loop.call_later(self._settle_seconds, self._settled, extension)

    def forget(self) -> None:
        """Nothing is known any more, and nobody is free."""
        for timer in self._settling.values():
            timer.cancel()
        self._settling.clear()
        self._free.clear()

    def _settled(self, extension: Extension) -> None:
        del self._settling[extension]
        self._free.setdefault(extension.domain, {})[extension] = None
        self._tell(self.on_free, extension)

    def _tell(self, listeners: Iterable[Callable[..., object]], *what: object) -> None:
        for listener in tuple(listeners):
            try:
                listener(*what)
            except Exception:
                log.exception("a listener to presence failed")
