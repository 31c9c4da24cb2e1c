"""Where the parts are wired together, and nowhere else: start-up and shutdown in one TaskGroup."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final

import structlog
import uvicorn
from prometheus_client.core import GaugeMetricFamily, Metric

from voiced import database, metrics
from voiced.notices import Notices
from voiced.pbx.owner import Ownership
from voiced.pbx.pbx import Pbx
from voiced.relay import Relay
from voiced.scribe import Scribe
from voiced.settings import Settings
from voiced.speech.announcement import Announcer
from voiced.speech.prompts import find as find_prompts
from voiced.table import fact_name
from voiced.tickets.outbox import Outbox
from voiced.transfer.desk import Desk
from voiced.transfer.driver import Manners
from voiced.transfer.facts import Fact
from voiced.transfer.request import Request
from voiced.transfer.service import Transfers
from voiced.transfer.state import Phase, Transfer
from voiced.web import app as web
from voiced.web.live import Hub
from voiced.web.services import Services

log = structlog.get_logger(__name__)

FINISH_SECONDS: Final = 30.0  # for the calls that ring, when the daemon is asked to stop


class CannotStart(Exception):
    """The daemon cannot start; the message is one line that says why and what to do."""


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Daemon]:
    """A daemon for the time of the block. Raises CannotStart."""
    listener = _listen(settings.http.listen)
    try:
        async with contextlib.AsyncExitStack() as stack:
            url = settings.database.url.get_secret_value()
            try:
                if not url:
                    log.info("starting the embedded PostgreSQL", data_dir=str(settings.database.data_dir))
                    url = await stack.enter_async_context(database.embedded(settings.database.data_dir))
                pool = await stack.enter_async_context(await database.open_pool(url))
                await database.migrate(url)
            except (database.DatabaseError, OSError) as error:
                raise CannotStart(f"the database cannot be used: {error}") from error
            daemon = Daemon(settings, pool, listener)
            group = await stack.enter_async_context(asyncio.TaskGroup())
            tasks = [group.create_task(work(), name=name) for name, work in daemon.loops()]
            try:
                yield daemon
            finally:
                await daemon.close()
                for task in reversed(tasks):
                    task.cancel()
    finally:
        listener.close()


class Daemon:
    """One daemon's parts, by hand."""

    def __init__(self, settings: Settings, pool: Any, listener: socket.socket) -> None:
        self.settings, self.pool = settings, pool
        host, port = listener.getsockname()[:2]
        self.url = f"http://{host}:{port}"
        self.metrics = metrics.Metrics()
        self.hub = Hub()
        self.pbx = Pbx(
            settings.pbx.name, settings.pbx.host, settings.pbx.port, settings.pbx.password.get_secret_value()
        )
        self.pbx.calls.stats.observe = self.metrics.command_seconds.observe
        self.scribe = Scribe(pool)
        self.ownership = Ownership(self.pbx, pool, on_gain=self._own, on_lose=self._disown)
        self.transfers = Transfers(
            self.pbx, pool, self.scribe, _manners(settings),
            longest_hold=settings.transfer.longest_hold_seconds, ownership=self.ownership,
            watch=self._saw, reacted=self.metrics.reaction_seconds.observe,
        )  # fmt: skip
        tickets = settings.tickets
        self.outbox = (
            Outbox(pool, tickets.url, tickets.token.get_secret_value(), timeout=tickets.timeout_seconds)
            if tickets.url
            else None
        )
        self.notices = Notices(pool)
        self.relay = Relay(
            pool, self.notices, settings.pbx.name, self.ownership.id, lambda: self.ownership.is_owner
        )
        self.desk = Desk(self.transfers, pool, self.relay, self.ownership)
        services = Services(
            settings=settings, pool=pool, pbx=self.pbx, scribe=self.scribe, transfers=self.transfers,
            desk=self.desk, hub=self.hub, metrics=self.metrics,
        )  # fmt: skip
        config = uvicorn.Config(
            web.create(services),
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._server = QuietServer(config)
        self._listener = listener
        self.metrics.read(self._figures)

    def loops(self) -> list[tuple[str, Callable[[], Any]]]:
        """What runs for as long as the daemon."""
        return [
            ("scribe", self.scribe.run),
            ("pbx", self.pbx.run),
            ("ownership", self.ownership.run),
            ("notices", self.notices.run),
            ("relay", self.relay.run),
            *([("outbox", self.outbox.run)] if self.outbox else []),
            ("http", lambda: self._server.serve([self._listener])),
        ]

    async def close(self) -> None:
        """Take no more requests, let calls that ring come to their end, keep what is known."""
        self.transfers.close_door()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FINISH_SECONDS):
                await self.transfers.settled()
        self._server.should_exit = True
        await self.transfers.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2.0):
                await self.scribe.drained()

    # -- between the parts --------------------------------------------------------------------------------

    async def _own(self) -> None:
        if self.pbx.is_connected:
            self.transfers.pbx_back()

    async def _disown(self) -> None:
        await self.transfers.close()

    def _saw(self, request: Request, before: Transfer, t: Transfer, fact: Fact) -> None:
        """Every step of every transfer: metrics, live events, a push to the outbox."""
        figures = self.metrics
        figures.transfers_in_progress.set(len(self.transfers))
        if t.is_known and fact.at == t.known_at:
            figures.transfers.labels(t.status, request.target(t.attempt).type).inc()
            figures.transfer_seconds.observe(max(0.0, fact.at - t.requested_at))
        if self.outbox and (t.phase in (Phase.BRIDGED, Phase.RETURNING, Phase.ENDED)):
            self.outbox.wake()
        self.hub.publish(
            request.domain_uuid,
            {
                "type": "transfer", "id": str(request.id), "call_uuid": request.caller.uuid,
                "domain_uuid": str(request.domain_uuid), "at": fact.at, "fact": fact_name(type(fact)),
                "phase": t.phase, "status": t.status, "attempt": t.attempt, "ignored": t == before,
                "cause": t.ending.cause if t.ending else "", "destination": request.target(t.attempt).name,
            },
        )  # fmt: skip

    def _figures(self) -> Iterator[Metric]:
        yield from metrics.esl_figures(self.pbx.calls)
        yield GaugeMetricFamily("journal_waiting", "Notes not yet in the database", value=len(self.scribe))
        if self.outbox:
            yield from self.outbox.figures()


class QuietServer(uvicorn.Server):
    """uvicorn inside our loop: signals are the daemon's business."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


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
        await stop.wait()


def _manners(settings: Settings) -> Manners:
    transfer = settings.transfer
    return Manners(
        music=settings.pbx.hold_music, leave_key=transfer.leave_key, comfort_seconds=transfer.comfort_seconds,
        announcer=Announcer(
            find_prompts(settings.speech.prompts_dir, settings.pbx.is_here),
            settings.speech.engine, settings.speech.voice,
        ),
        pause_assistant=transfer.pause_assistant, resume_assistant=transfer.resume_assistant,
    )  # fmt: skip


def _listen(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host.strip("[]"), int(port)), family=family)
    except OSError as error:
        hint = "set [http] listen to another port" if error.errno == 98 else "check [http] listen"
        raise CannotStart(f"http.listen {address}: {error.strerror}; {hint}") from error
