"""How the demo is stopped."""

from __future__ import annotations

import asyncio
import signal


class Stop:
    """Ctrl-C. The first one stops the story, or the stay after it; the others change nothing."""

    def __init__(self) -> None:
        self._story, self._asked, self._is_staying = asyncio.current_task(), asyncio.Event(), False
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._ask)

    async def asked(self) -> None:
        """Stay until it is asked for."""
        self._is_staying = True
        await self._asked.wait()

    def _ask(self) -> None:
        if not self._asked.is_set() and not self._is_staying and self._story is not None:
            self._story.cancel()
        self._asked.set()
