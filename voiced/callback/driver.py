"""One attempt, driven: wait for a fact or the deadline, decide, record, act.

    event, reply or clock → fact → decide → journal (behind the call) and actions

A driver waits for nothing but its inbox. Both intentions to dial are committed before their originate is
written; all else is recorded behind the call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine
from contextlib import suppress
from typing import Any, Final

import structlog

from voiced.callback import messages, store
from voiced.callback.facts import (
    AskKey,
    BridgeLegs,
    Dial,
    EndLegs,
    IntentRecorded,
    PlayTone,
    RecordIntent,
    Release,
    ReportConnected,
    ReportEnd,
    Ringing,
    StopTone,
)
from voiced.callback.hands import Hands
from voiced.callback.hearing import LEG_EVENTS, heard
from voiced.callback.machine import decide
from voiced.callback.order import Order
from voiced.callback.outcome import Side
from voiced.callback.recovery import missed_facts
from voiced.callback.state import Attempt, Phase
from voiced.callback.tools import Tools
from voiced.database import ERRORS
from voiced.esl import Event, Handle
from voiced.facts import Action, AskPbx, Cancelled, Deadline, Fact, PbxBack, PbxLost, Requested
from voiced.inbox import Inbox
from voiced.logs import brief
from voiced.pbx.channel import Channel
from voiced.refusals import Refusal
from voiced.scribe import Note
from voiced.table import fact_name

log = structlog.get_logger(__name__)

_IN_THE_DARK: Final = (PbxBack, PbxLost, Deadline, Cancelled, IntentRecorded)  # what counts while it is lost


class Driver:
    """Drives one attempt. `recorded`: its intention is kept. `sign`: a phone has answered, or will not."""

    def __init__(self, order: Order, tools: Tools, attempt: Attempt, seq: int = 0) -> None:
        self.order, self.attempt = order, attempt
        self._tools, self._seq = tools, seq
        self._inbox: Inbox[Fact] = Inbox(tools.clock, self._overflowed)
        self._handles: list[Handle] = []
        loop = asyncio.get_running_loop()
        self.recorded: asyncio.Future[None] = loop.create_future()
        self.sign: asyncio.Future[None] = loop.create_future()
        self.settled: asyncio.Future[None] = loop.create_future()  # they talk, or it is over
        self.is_taken_up = False  # from the database, and not yet compared with the PBX
        self._held: list[Note] = []  # until it is known whether there is a row
        self._second: asyncio.Task[None] | None = None  # its intention to dial the second side
        self._tasks: set[asyncio.Task[None]] = set()
        self._log = log.bind(
            attempt_id=str(order.id), callback_id=str(order.callback_id or ""), ticket_id=order.ticket_id,
            story_id=str(order.story_id), domain=order.domain, extension=order.extension,
        )  # fmt: skip
        self._hands = Hands(tools, lambda: self.order, lambda: self.attempt, self.tell, self._log)

    def listen(self) -> None:
        """Hear the legs of both sides from now on."""
        for side in Side:
            mark = self.order.mark(side)

            def hear(event: Event, side: Side = side, mark: str = mark) -> None:
                fact = heard(event, side, mark, self.attempt, self._tools.clock())
                if fact is not None:
                    self.tell(fact)

            variable = ("voiced_attempt", mark)
            self._handles.append(self._tools.pbx.calls.on(hear, variable=variable, name=LEG_EVENTS))

    def tell(self, fact: Fact) -> None:
        """Something happened."""
        self._inbox.put(fact)

    def cancel(self, by: str = "api") -> None:
        """Call it off."""
        self.tell(Cancelled(self._tools.clock(), by))

    async def run(self) -> None:
        """Until the attempt has ended, and its end is handed to the scribe."""
        try:
            while self.attempt.phase is not Phase.ENDED:
                fact = await self._inbox.next(self.attempt.until) or Deadline(self._tools.clock())
                await self._tools.ownership.certain()
                if self.attempt.lost and not isinstance(fact, _IN_THE_DARK):
                    self._inbox.put_off(fact)  # what is so is being asked: it comes after the answer
                    continue
                if isinstance(fact, PbxBack):
                    self._inbox.resume()
                try:
                    self.step(fact)
                except Exception:  # a fault of ours: one fact is lost, not the call
                    self._log.exception("a fact could not be acted on", fact=repr(fact))
            while self._tasks:
                await asyncio.wait(self._tasks)
        finally:
            for handle in self._handles:
                handle.off()
            if self._second is not None:
                self._second.cancel()
            for task in self._tasks:  # not ours any more: what is not committed by now must not be
                task.cancel()
            for future in (self.recorded, self.sign, self.settled):
                if not future.done():
                    future.cancel()

    def step(self, fact: Fact) -> None:
        """One fact: decide, record, act."""
        before = self.attempt
        self.attempt, actions = decide(before, fact)
        self._record(fact, actions)
        for action in actions:
            self._act(action)
        self._tools.watch(self.order, before, self.attempt, fact)
        shows = isinstance(fact, Ringing) or self.attempt.outcome or self.attempt.answered_at
        if shows and not self.sign.done():
            self.sign.set_result(None)
        if (self.attempt.connected_at or self.attempt.is_over) and not self.settled.done():
            self.settled.set_result(None)

    # -- recording ----------------------------------------------------------------------------------------

    def _record(self, fact: Fact, actions: tuple[Action, ...]) -> None:
        """The journal follows behind the call; the row itself is written by the first intention."""
        a = self.attempt
        if isinstance(fact, Requested):
            return
        told = [
            messages.connected(self.order, a.connected_at, a.connected_at - a.requested_at)
            for action in actions
            if isinstance(action, ReportConnected)
        ]
        self._seq += 1
        note = store.note(self.order, a, self._seq, fact, told)
        if self.recorded.done():
            self._keep(note)
        else:
            self._held.append(note)
        self._log.info(
            "callback attempt", fact=fact_name(type(fact)), phase=a.phase,
            result=a.outcome.result if a.outcome else "", cause=a.outcome.cause if a.outcome else "",
        )  # fmt: skip

    def _keep(self, note: Note) -> None:
        """Hand it to the scribe, unless there is no row to note it on."""
        if not self.recorded.cancelled() and self.recorded.exception() is None:
            self._tools.scribe.write(note)

    def _record_intent(self, side: Side) -> None:
        """Committed first, dialled after."""
        if side is self.attempt.first and not self.recorded.done():
            self._spawn(self._record_first())
            return
        self._seq += 1
        note = store.note(self.order, self.attempt, self._seq, Requested(self._tools.clock()), ())
        kept = self._tools.scribe.commit(note)
        self._second = asyncio.create_task(self._recorded_second(kept, side), name=f"second {self.order.id}")

    async def _recorded_second(self, kept: asyncio.Future[None], side: Side) -> None:
        """A cancel that was committed and never came here is heard of now: nobody else is called for it."""
        with suppress(*ERRORS):  # refused for good: the phase's deadline ends the attempt
            await kept
            if await self._tools.is_wanted(self.order):
                self.tell(IntentRecorded(self._tools.clock(), side))
            else:
                self.cancel()

    async def _record_first(self) -> None:
        """What was not committed for certain is noted on all the same: the note then finds no row."""
        try:
            await self._tools.begin(self.order, self.attempt)
        except Refusal as refusal:
            self.recorded.set_exception(refusal)
            self.recorded.exception()
            self.cancel(by="voiced")
        except ERRORS as error:
            self._log.warning("the database did not take an attempt", error=brief(error))
            self.recorded.set_result(None)
            self.cancel(by="voiced")
        else:
            self.recorded.set_result(None)
            self.tell(IntentRecorded(self._tools.clock(), self.attempt.first))
        for note in self._held:
            self._keep(note)
        self._held = []

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=f"record attempt {self.order.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- acting -------------------------------------------------------------------------------------------

    def _act(self, action: Action) -> None:
        hands = self._hands
        match action:
            case RecordIntent(side):
                self._record_intent(side)
            case Dial(side):
                hands.dial(side)
            case PlayTone(side, leg):
                hands.play_tone(side, leg)
            case StopTone(leg):
                hands.stop_tone(leg)
            case AskKey(leg):
                hands.ask_key(leg)
            case BridgeLegs(client, agent):
                hands.bridge(client, agent)
            case Release(side, leg):
                hands.release(side, leg)
            case EndLegs(side):
                hands.end_legs(side)
            case AskPbx():
                self._tools.ask_pbx(self)
            case ReportConnected() | ReportEnd():
                pass  # recorded with the fact that made them

    def _overflowed(self) -> None:
        self._log.error("facts overflow: asking the PBX what is so")
        self._tools.ask_pbx(self)

    def learn(self, legs: Collection[Channel]) -> None:
        """What the PBX says is so: every marked leg of the attempt. What was missed becomes facts."""
        a, now = self.attempt, self._tools.clock()
        was_asking = a.lost and a.phase is Phase.ASKING
        for leg in legs:
            if was_asking and leg.uuid == a.client.answered and leg.application == "park" and not leg.key:
                self._hands.ask_key(leg.uuid)  # they sit in silence: the question was lost on the way
        for fact in missed_facts(a, legs, now, self.is_taken_up):
            self.tell(fact)
        self.is_taken_up = False
