"""A daemon as a process of its own: it runs until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import signal

import structlog

from voiced.app import running
from voiced.settings import Settings

log = structlog.get_logger(__name__)


async def serve(settings: Settings) -> None:
    """Run a daemon until SIGTERM or SIGINT; a second one forces the exit. Raises CannotStart."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def asked() -> None:
        if stop.is_set():
            raise SystemExit(130)
        log.info("stopping: calls that ring come to their end first (again to stop at once)")
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked)
    for warning in settings.warnings():
        log.warning(warning)
    async with running(settings) as daemon:
        log.info("voiced is up", http=daemon.url, pbx=f"{settings.pbx.host}:{settings.pbx.port}")
        gc.freeze()  # what was loaded is no garbage: a full collection walked it for up to 90 ms, in mid-call
        await stop.wait()
