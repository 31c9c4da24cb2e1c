"""Where the parts are wired together, and nowhere else: start-up and shutdown in one TaskGroup."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import structlog
import uvicorn
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from voiced import database, metrics
from voiced.callback.calls import CAUSES, Calls
from voiced.callback.desk import Desk as CallbackDesk
from voiced.callback.keeper import Keeper, Kept
from voiced.callback.maker import Maker
from voiced.callback.order import Order
from voiced.callback.outcome import WINDOW_CLOSED, Side
from voiced.callback.policies import Policies
from voiced.callback.policy import Policy
from voiced.callback.scheduler import Scheduler
from voiced.callback.service import Attempts
from voiced.callback.state import Attempt
from voiced.databases import Databases, connected
from voiced.facts import Fact as AttemptFact
from voiced.notices import Notices
from voiced.pbx.dnd import DoNotDisturb
from voiced.pbx.owner import Ownership
from voiced.pbx.pbx import Pbx
from voiced.pbx.presence import Extension, Presence, PresenceUnknown
from voiced.ports import CannotStart, take, why
from voiced.relay import Relay
from voiced.retention import Retention
from voiced.scribe import Scribe
from voiced.settings import Settings
from voiced.speech.announcement import Announcer
from voiced.speech.prompts import find as find_prompts
from voiced.tickets.outbox import Outbox
from voiced.transfer.catalogue import Catalogue
from voiced.transfer.desk import Desk
from voiced.transfer.directory import Directory
from voiced.transfer.outside import Outside
from voiced.transfer.reception import Reception
from voiced.transfer.routed_in import RoutedIn
from voiced.transfer.service import Transfers
from voiced.transfer.tenants import Tenants
from voiced.transfer.tools import Manners
from voiced.watching import Watching
from voiced.web import app as web
from voiced.web.live import Hub
from voiced.web.others import Others
from voiced.web.server import QuietServer, take_http
from voiced.web.services import Services

log = structlog.get_logger(__name__)

FINISH_SECONDS: Final = 30.0  # for the calls that ring, when the daemon is asked to stop


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Daemon]:
    """A daemon for the time of the block. Raises CannotStart."""
    async with contextlib.AsyncExitStack() as stack:
        http = stack.enter_context(take_http(settings.http.listen))
        outbound = None
        if address := settings.outbound.listen:
            advice = "set [outbound] listen to another port, or to none"
            outbound = stack.enter_context(take("outbound.listen", address, advice))
        try:
            databases = await stack.enter_async_context(connected(settings))
        except (database.DatabaseError, *database.ERRORS) as error:
            raise CannotStart(f"the database cannot be used: {error}") from error
        daemon = Daemon(settings, databases, http)
        if outbound is not None:
            daemon.outbound_port = await daemon.routed_in.server.start(
                bound=outbound, listening=daemon.ownership.is_owner
            )
        group = await stack.enter_async_context(asyncio.TaskGroup())
        tasks = [group.create_task(work(), name=name) for name, work in daemon.loops()]
        try:
            yield daemon
        finally:
            await daemon.close()
            for task in reversed(tasks):  # one after the other: the owner says goodbye to the PBX
                task.cancel()
                await asyncio.wait([task])


class Daemon:
    """One daemon's parts, by hand."""

    outbound_port = 0  # where calls are routed in; 0: nowhere

    def __init__(self, settings: Settings, databases: Databases, listener: socket.socket) -> None:
        pool, fusionpbx = databases.pool, databases.fusionpbx
        self.settings, self.pool = settings, pool
        host, port = listener.getsockname()[:2]
        self.url = f"http://{host}:{port}"
        self.metrics = metrics.Metrics()
        self.hub = Hub()
        self.watching = Watching(self.metrics, self.hub)
        self.pbx = Pbx(
            settings.pbx.name, settings.pbx.host, settings.pbx.port, settings.pbx.password.get_secret_value()
        )
        self.pbx.calls.stats.observe = self.metrics.command_seconds.observe
        self.dnd = DoNotDisturb(None if fusionpbx is pool else fusionpbx)
        self.presence = Presence(self.pbx, self.dnd, settle_seconds=settings.callback.settle_seconds)
        self.scribe = Scribe(databases.scribe)
        self.ownership = Ownership(self.pbx, databases.lease, on_gain=self._own, on_lose=self._disown)
        manners, tenants = _manners(settings), Tenants(settings.domain)
        outside = Outside(pool, settings.transfer.outside_per_minute)
        self.transfers = Transfers(
            self.pbx, pool, self.scribe, manners,
            longest_hold=settings.transfer.longest_hold_seconds, ownership=self.ownership,
            tenants=tenants, outside=outside, watch=self.watching.transfer,
            reacted=self.metrics.reaction_seconds.observe,
        )  # fmt: skip
        self.notices = Notices(databases.notices)
        self.others = Others(pool, self.notices, self.hub, self.ownership.id)
        policies = Policies(pool, self.notices, _policy(settings))
        keeper = Keeper(pool, settings.pbx.name, policies, _now, self._kept, self.ownership.id)
        tickets = settings.tickets
        self.outbox = (
            Outbox(
                databases.outbox, tickets.url, tickets.token.get_secret_value(),
                timeout=tickets.timeout_seconds, answered=keeper.ticket_made,
            )
            if tickets.url
            else None
        )  # fmt: skip
        if self.outbox:
            self.scribe.on_put = keeper.on_put = self.outbox.wake
        self.relay = Relay(
            pool, self.notices, settings.pbx.name, self.ownership.id, lambda: self.ownership.is_owner
        )
        self.desk = Desk(self.transfers, pool, self.relay, self.ownership)
        self.notices_of_fusionpbx = self.notices if fusionpbx is pool else Notices(fusionpbx)
        self.directory = Directory(
            fusionpbx, self.notices_of_fusionpbx, {domain.uuid: domain.timezone for domain in settings.domain}
        )
        self.reception = Reception(
            settings, self.directory, outside, can_announce=manners.announcer.can_speak,
            offers_callbacks=lambda domain: policies.promises_calls(domain.company),
        )  # fmt: skip
        self.routed_in = RoutedIn(self.transfers, self.reception.wish, tenants, limit=settings.outbound.limit)
        self.attempts = Attempts(
            self.pbx, self.scribe, pool, self.ownership, manners.announcer, manners.music,
            begin=keeper.begin, why_not=self._why_not, watch=self._saw_attempt,
        )  # fmt: skip
        self.calls = Calls(
            settings, pool, keeper, self.attempts, self.presence, self.relay, self.ownership
        )  # fmt: skip
        maker = Maker(pool, settings.pbx.name, keeper)
        self.callbacks = CallbackDesk(settings, pool, keeper, maker, self.calls, _now)
        self.scheduler = Scheduler(
            pool, settings.pbx.name, keeper, self.calls, self.presence, self.scribe, self.notices,
            {domain.name.lower(): domain for domain in settings.domain},
            departments=self.directory.departments_of, agents=self.directory.agents_of,
            owns_pbx=self.ownership.may_dial,
        )  # fmt: skip
        self.attempts.on_given_up = self.scheduler.own  # it draws the conclusions
        services = Services(
            settings=settings, pool=databases.reports, pbx=self.pbx, ownership=self.ownership,
            presence=self.presence, scribe=self.scribe, transfers=self.transfers, desk=self.desk,
            callbacks=self.callbacks, calls=self.calls, reception=self.reception, directory=self.directory,
            catalogue=Catalogue(fusionpbx), hub=self.hub, metrics=self.metrics, tenants=tenants,
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
        self._http_ended = asyncio.Event()
        self.metrics.read(self._figures)

    def loops(self) -> list[tuple[str, Callable[[], Any]]]:
        """What runs for as long as the daemon."""
        retention = Retention(
            self.pool, self.settings.database.retention_days, tells_nobody=self.outbox is None
        )
        return [
            ("scribe", self.scribe.run),
            ("pbx", self.pbx.run),
            ("presence", self.presence.run),
            ("do-not-disturb", self.dnd.run),
            ("ownership", self.ownership.run),
            *(
                (f"notices {at}", notices.run)
                for at, notices in enumerate({self.notices, self.notices_of_fusionpbx})
            ),
            ("relay", self.relay.run),
            ("other daemons", self.others.run),
            ("retention", retention.run),
            ("transfers that nobody drives", self.transfers.run),
            ("callback attempts that nobody drives", self.attempts.run),
            ("callbacks", self.scheduler.run),
            *([("outbox", self.outbox.run)] if self.outbox else []),
            ("http", self._serve_http),
        ]

    async def close(self) -> None:
        """Take no more requests, let calls that ring come to their end, keep what is known."""
        self.transfers.close_door()
        self.attempts.close_door()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FINISH_SECONDS):
                await asyncio.gather(self.transfers.settled(), self.attempts.settled())
        self._server.should_exit = True
        await self.routed_in.server.close()
        await self.transfers.close()
        await self.attempts.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2.0):
                await self._http_ended.wait()  # who waits for a result is answered
                await self.scribe.drained()

    async def _serve_http(self) -> None:
        try:
            await self._server.serve([self._listener])
        finally:
            self._http_ended.set()

    # -- between the parts --------------------------------------------------------------------------------

    async def _own(self) -> None:
        if self.pbx.is_connected:
            self.transfers.pbx_back()
            self.attempts.pbx_back()
        self.scheduler.own()
        try:
            await self.routed_in.server.listen()
        except OSError as error:
            log.error("no calls can be routed in", outbound=self.settings.outbound.listen, why=why(error))

    async def _disown(self) -> None:
        self.routed_in.server.refuse()
        await self.transfers.close()
        await self.attempts.close()

    def _why_not(self, order: Order, side: Side) -> str:
        """Why a side cannot be called now (a cause); '' where it can, and where that is not known."""
        if side is Side.CLIENT:
            return WINDOW_CLOSED if order.call_until and _now() >= order.call_until else ""
        try:
            return CAUSES.get(self.presence.state(Extension(order.extension, order.domain)), "")
        except PresenceUnknown:
            return ""

    def _kept(self, kept: Kept) -> None:
        """Every change of every callback."""
        self.watching.callback(kept)
        if self.outbox:
            self.outbox.wake()
        self.scheduler.kept(kept)

    def _saw_attempt(self, order: Order, before: Attempt, a: Attempt, fact: AttemptFact) -> None:
        """Every step of every attempt to call back."""
        if a.is_over and not before.is_over:
            self.scheduler.attempt_ended(order, a)
        self.watching.attempt(order, before, a, fact)

    def _figures(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("voice_callbacks_pending", "Waiting callbacks", value=self.scheduler.waiting)
        yield CounterMetricFamily(
            "voice_callback_faults", "Faults that were logged, not ended for", value=self.scheduler.faults
        )
        yield from metrics.esl_figures(self.pbx.calls)
        yield GaugeMetricFamily(
            "voice_transfers_in_progress", "Not ended, talks included", value=len(self.transfers)
        )
        yield GaugeMetricFamily("journal_waiting", "Notes not yet in the database", value=len(self.scribe))
        if self.outbox:
            yield from self.outbox.figures()


def _now() -> datetime:
    return datetime.now(UTC)


def _policy(settings: Settings) -> Policy:
    return Policy.model_validate(settings.callback.model_dump(exclude={"settle_seconds"}))


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
