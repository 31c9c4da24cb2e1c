"""What the services of transfers and of callback attempts share: when they may begin, how they recover.

A service drives everything of its kind on one PBX. It finds out what it has missed after a loss of the PBX,
takes up what only the database knows when a daemon has died, and ends the legs that belong to nobody.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Container
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID

import structlog

from voiced.database import ERRORS
from voiced.esl import EslError, Event
from voiced.insist import insist
from voiced.logs import brief
from voiced.pbx import control
from voiced.pbx.owner import Ownership
from voiced.pbx.pbx import Pbx, Survey
from voiced.refusals import DatabaseIsAway, PbxIsAway
from voiced.scribe import Scribe
from voiced.tasks import Tasks

log = structlog.get_logger(__name__)

ROOM: Final = 1000  # numbers of a journal that are left to a former owner: its last lines may still come
SWEEP_SECONDS: Final = 30.0  # between two looks for what nobody drives
TABLES_LAG: Final = 1.0  # seconds within which the PBX's tables show what its events have told


class Named(Protocol):
    """What is driven: a request, an order."""

    @property
    def id(self) -> UUID: ...


T = TypeVar("T", bound=Named)
S = TypeVar("S")


async def strays(
    read: Callable[[], Awaitable[list[tuple[T, S, int]]]], driven: Container[UUID], scribe: Scribe
) -> list[tuple[T, S, int]]:
    """What is open in the database and driven by nobody: each with its state and its last journal number.

    What has ended here a moment ago may still be open there: so there are two looks, and the end of whatever
    was driven at the first is written down before the second.
    """
    seen = {one.id for one, _, _ in await read() if one.id not in driven}
    if not seen:
        return []
    await scribe.drained()
    return [found for found in await read() if found[0].id in seen and found[0].id not in driven]


class Service(ABC):
    """Drives one kind of thing on one PBX. What a kind does itself stands in the methods at the end."""

    def __init__(self, pbx: Pbx, ownership: Ownership) -> None:
        self._pbx, self._ownership = pbx, ownership
        self._tasks = Tasks()
        self._recovery: asyncio.Task[None] | None = None
        self._closing = False
        self._born: list[str] | None = []  # attempts of legs born while not everything is taken up; else None
        pbx.calls.on(self._hear_birth, name="CHANNEL_CREATE")
        pbx.watch(self)

    def may_begin(self) -> None:
        """Raises PbxIsAway or DatabaseIsAway when nothing new can be begun."""
        if self._closing:
            raise PbxIsAway("this daemon is being stopped")
        if not self._pbx.is_connected:
            raise PbxIsAway
        if not self._ownership.may_dial():
            raise DatabaseIsAway("the database has not said for seconds that this daemon owns the PBX")

    def close_door(self) -> None:
        """Begin no more."""
        self._closing = True

    @property
    def has_taken_up(self) -> bool:
        """Whether everything that is open on this PBX is driven here."""
        return self._born is None

    async def settled(self) -> None:
        """Until nothing is on its way: only talks are left, and they need nobody."""
        while on_the_way := self._on_the_way():
            await asyncio.wait(on_the_way)

    async def close(self) -> None:
        """Stop driving, without touching any call: whoever owns the PBX next goes on with them."""
        self._born = []
        await self._tasks.close()

    # -- the PBX lost and found ---------------------------------------------------------------------------

    def pbx_lost(self) -> None:
        """The event socket is gone."""
        self._stop_recovery()
        self._born = []
        self._lose()

    def pbx_back(self) -> None:
        """The event socket is back."""
        self._stop_recovery()
        if self._ownership.is_owner:
            self._recovery = self._tasks.start(self.recover(), f"recovery, {type(self).__name__}")

    def _stop_recovery(self) -> None:
        """What it has not found out is found out by the next."""
        if self._recovery is not None:
            self._recovery.cancel()

    async def recover(self) -> None:
        """Find out what became of everything that is open, until PBX and database have answered.

        First of what runs here, which needs no database; then what only the database knows is taken up;
        then what belongs to none of it is ended; and once more, as the PBX's tables lag.
        """
        await insist(self._look_again)
        try:
            await insist(self._take_up)
        except Exception:  # a fault of ours: what nobody drives must not wait for it
            log.exception("not everything that is open could be taken up")
        born, self._born = self._born or [], None
        for attempt in born:
            self._born_for(attempt)
        await insist(self._tidy_up)
        await asyncio.sleep(TABLES_LAG)
        await insist(self._tidy_up)

    async def run(self) -> None:
        """Take up, now and then, what nobody drives. Until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            has_recovered = self._recovery is not None and self._recovery.done()
            if self._ownership.is_owner and self._pbx.is_connected and has_recovered:
                await asyncio.wait([self._tasks.start(self._sweep(), f"sweep, {type(self).__name__}")])

    async def _sweep(self) -> None:
        """A former owner's last commit may come when this one has looked already; nobody else ever would."""
        try:
            await self._take_up()
        except (EslError, *ERRORS) as error:
            log.warning("not known whether anything is driven by nobody", error=brief(error))

    async def _tidy_up(self) -> None:
        driven = self._driven()  # what ends while the PBX answers was in good hands, and is not touched again
        survey = await self._pbx.survey()
        await self._ownership.certain()
        self._end_orphans(survey, driven)

    def _end_orphans(self, survey: Survey, driven: Container[str]) -> None:
        """Legs of attempts that nobody drives are ended; who talks goes on. `driven`: before the survey."""
        for leg in survey.legs:
            owner = leg.attempt.rpartition(".")[0]
            if owner not in driven and self._is_orphan(leg.attempt) and not leg.is_bridged:
                log.warning("ending a leg that belongs to nobody", leg=leg.uuid, attempt=leg.attempt)
                self._pbx.say(control.end_legs(leg.attempt))

    def _hear_birth(self, event: Event) -> None:
        attempt = event.variable("voiced_attempt")
        if attempt and self._ownership.may_dial():
            if self._born is None:
                self._born_for(attempt)
            else:
                self._born.append(attempt)  # whose it is will be known soon

    def _born_for(self, attempt: str) -> None:
        """A leg was born: if nobody drives its attempt any more, it is ended."""
        if self._is_orphan(attempt):
            log.warning("ending a leg that was born too late", attempt=attempt)
            self._pbx.say(control.end_legs(attempt))

    # -- what each kind does itself -----------------------------------------------------------------------

    @abstractmethod
    def _on_the_way(self) -> list[asyncio.Future[Any]]:
        """What is to be waited for before the daemon may stop."""

    @abstractmethod
    def _lose(self) -> None:
        """Tell every driver that the PBX is lost."""

    @abstractmethod
    async def _look_again(self) -> None:
        """Bring those that run here and were in the dark up to date. Raises EslError without an answer."""

    @abstractmethod
    async def _take_up(self) -> None:
        """Drive what only the database knows. Raises what PBX and database raise."""

    @abstractmethod
    def _driven(self) -> Container[str]:
        """The ids of everything that is driven now."""

    @abstractmethod
    def _is_orphan(self, attempt: str) -> bool:
        """Whether this mark of a leg is of the service's kind, and nobody drives it."""
