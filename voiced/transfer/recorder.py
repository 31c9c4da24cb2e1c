"""What is kept of one transfer: its row before anything is dialled, journal and results behind the call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import asyncpg

from voiced.facts import Action, Cancelled, Fact, Requested
from voiced.scribe import Scribe
from voiced.table import fact_name
from voiced.transfer import messages, store
from voiced.transfer.facts import IntentRecorded, Report, ReportTalk
from voiced.transfer.refusals import CallIsBusy
from voiced.transfer.request import Request
from voiced.transfer.state import Transfer


class Recorder:
    """Hands everything to the scribe, in order. `recorded` is done when there is a row, or cannot be one."""

    def __init__(
        self, request: Request, scribe: Scribe, seq: int, tell: Callable[[Fact], None],
        clock: Callable[[], float], log: Any,
    ) -> None:  # fmt: skip
        self._request, self._scribe, self._seq = request, scribe, seq
        self._tell, self._clock, self._log = tell, clock, log
        self.recorded: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def note(self, t: Transfer, fact: Fact, actions: Iterable[Action]) -> None:
        """A fact, what it made of the transfer, and what the backend is told: written behind the call."""
        if isinstance(fact, Requested) or (self.recorded.done() and self.recorded.exception()):
            return  # the row itself is written by the first intention
        told = [messages.completed(self._request, t) for action in actions if isinstance(action, Report)]
        told += [messages.ended(self._request, t) for action in actions if isinstance(action, ReportTalk)]
        self._seq += 1
        self._scribe.write(store.note(self._request, t, self._seq, fact, told))
        self._log.info(
            "transfer", fact=fact_name(type(fact)), phase=t.phase, status=t.status, attempt=t.attempt,
            cause=t.ending.cause if t.ending else "",
        )  # fmt: skip

    def intend(self, t: Transfer, attempt: int) -> None:
        """Committed first, dialled after: IntentRecorded is told once it is, Cancelled if it cannot be."""
        if attempt == 1:
            note = store.beginning(self._request, t)
        else:
            self._seq += 1
            note = store.note(self._request, t, self._seq, Requested(self._clock()))
        kept = self._scribe.commit(note)

        def done(kept: asyncio.Future[None]) -> None:
            error = None if kept.cancelled() else kept.exception()
            if not self.recorded.done():
                self._conclude(error)
            if error is None:
                self._tell(IntentRecorded(self._clock(), attempt))
            else:
                self._tell(Cancelled(self._clock(), "voiced"))

        kept.add_done_callback(done)

    def _conclude(self, error: BaseException | None) -> None:
        if error is None:
            self.recorded.set_result(None)
            return
        is_busy = isinstance(error, asyncpg.UniqueViolationError)
        self.recorded.set_exception(CallIsBusy() if is_busy else error)
        self.recorded.exception()  # it may be that nobody waits
