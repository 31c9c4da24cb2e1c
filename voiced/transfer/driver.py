"""One transfer, driven: wait for a fact or the deadline, decide, record, act.

    event, reply or clock → fact → decide → journal (behind the call) and actions

A driver waits for nothing but its inbox. Commands are written and their replies come back as facts; the
journal is handed to the scribe; whatever takes longer runs as a task of its own and ends in a fact.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection
from typing import Final

import structlog

from voiced.esl import Event, Handle
from voiced.facts import Action, AskPbx, Cancelled, Deadline, Fact, PbxBack, PbxLost
from voiced.inbox import Inbox
from voiced.pbx.channel import Channel
from voiced.transfer.facts import (
    BridgeLegs,
    DialAgent,
    EndLegs,
    FallBack,
    HoldCaller,
    HoldStarted,
    IntentRecorded,
    RecordIntent,
    ReleaseAgent,
    Report,
    ReportTalk,
    ResumeAssistant,
    ScreenAgent,
    SendHome,
    SessionEnded,
    StopMusic,
    TellDialplan,
)
from voiced.transfer.hands import Hands
from voiced.transfer.hearing import CALLER_EVENTS, LEG_EVENTS, AttemptEar, CallerEar, assistant_fact
from voiced.transfer.machine import decide
from voiced.transfer.recorder import Recorder
from voiced.transfer.recovery import attempt_of, missed_facts
from voiced.transfer.request import Request
from voiced.transfer.state import Fallback, Phase, Transfer
from voiced.transfer.tools import Tools

log = structlog.get_logger(__name__)

_IN_THE_DARK: Final = (PbxBack, PbxLost, Deadline, IntentRecorded)  # what counts while the PBX is lost
AWAY_SECONDS: Final = 5.0  # without the event socket, until a call routed in goes on with its dialplan


class Driver:
    """Runs one transfer to its end. `known` is done when the result is known and the caller is back."""

    def __init__(self, request: Request, tools: Tools, transfer: Transfer, seq: int = 0) -> None:
        self.request, self.transfer = request, transfer
        self.in_the_dark = False  # what has happened on the PBX meanwhile is still to be asked
        self.is_taken_up = False
        self.was_dropped = False  # the caller, by the switch, which was restarted
        self.known: asyncio.Future[Transfer] = asyncio.get_running_loop().create_future()
        self._tools = tools
        self._inbox: Inbox[Fact] = Inbox(tools.clock, self._overflowed)
        self._handles: list[Handle] = []
        self._ears: dict[int, AttemptEar] = {}
        self.goes_on = asyncio.Event()  # set when the session of a call routed in shall end, or has ended
        self._ear = CallerEar(str(request.id), request.caller.uuid, request.assistant_leg)
        self.log = log.bind(
            transfer_id=str(request.id), call_uuid=request.caller.uuid, domain=str(request.domain_uuid)
        )
        self._recorder = Recorder(request, tools.scribe, seq, self.tell, tools.clock, self.log)
        self.recorded = self._recorder.recorded
        self._hands = Hands(
            request, tools, self._ear, lambda: self.transfer, self.tell, self.goes_on, self.log
        )

    # -- from outside -------------------------------------------------------------------------------------

    def listen(self) -> None:
        """Hear the caller from now on, and the legs of attempts that may have been dialled already."""
        calls, caller = self._tools.pbx.calls, self.request.caller.uuid
        self._handles.append(calls.on(self.hear_caller, unique_id=caller, name=CALLER_EVENTS))
        if self.request.assistant_leg:
            leg = self.request.assistant_leg
            self._handles.append(calls.on(self._hear_assistant, unique_id=leg, name="CHANNEL_HANGUP"))
        for attempt in range(1, self.transfer.attempt + 1):
            self._listen_to_legs(attempt)

    def tell(self, fact: Fact) -> None:
        """Something happened."""
        if isinstance(fact, HoldStarted):
            self._ear.music_plays = True  # it may be made up, after a reconnect
        self._inbox.put(fact)

    def lose_pbx(self) -> None:
        """The event socket is gone. A call routed in is answered for a little longer, and then goes on."""
        self.in_the_dark = self._hands.has_missed = True
        self.tell(PbxLost(self._tools.clock()))
        asyncio.get_running_loop().call_later(AWAY_SECONDS, self._still_away)

    def _still_away(self) -> None:
        if self.in_the_dark:
            self.let_go()

    def take_up(self) -> None:
        """Nobody has listened until now: the state is the database's, which may know less than was done."""
        self.recorded.set_result(None)
        self.in_the_dark = self._hands.has_missed = self.is_taken_up = True
        self.tell(PbxLost(self._tools.clock()))
        self.let_go()

    def let_go(self) -> None:
        """The outbound session of a call routed in ends, or has ended, before this is at its end."""
        if self._is_routed_in and not self.goes_on.is_set():
            self.goes_on.set()
            if not self.in_the_dark:  # else it is told with what is so
                self.tell(SessionEnded(self._tools.clock()))

    def learn(self, caller: Channel | None, legs: Collection[Channel]) -> None:
        """What the PBX says is so: the caller's channel (None: gone), every marked leg of the transfer."""
        now = self._tools.clock()
        for leg in legs:
            ear = self._ears.get(attempt_of(leg))
            target = self.request.target(attempt_of(leg), leg.dialled)
            if target.is_queue:
                self._tools.queue_members[leg.uuid] = self
            if ear is not None and target.answers_itself and leg.answered and not leg.is_far_end:
                ear.waits(leg.uuid, leg.dialled)
            if self.transfer.phase is Phase.SCREENING and leg.uuid == self.transfer.agent and not leg.key:
                self._hands.ask_again(leg)
        if caller is not None and self._is_routed_in:
            self._hands.see_off(caller)
        has_session = not (self._is_routed_in and self.goes_on.is_set())
        for fact in missed_facts(
            self.request, self.transfer, caller, legs, now, self.is_taken_up, has_session=has_session,
            was_dropped=self.was_dropped,
        ):  # fmt: skip
            self.tell(fact)
        self.in_the_dark = self.is_taken_up = self.was_dropped = False

    def cancel(self, by: str = "api") -> None:
        """Call it off."""
        self.tell(Cancelled(self._tools.clock(), by))

    def hear_caller(self, event: Event) -> None:
        """An event of the caller's leg, or of a bridge that the caller is the b side of."""
        if fact := self._ear.fact(event, self._tools.clock()):
            self.tell(fact)
            if isinstance(fact, HoldStarted):
                self._hands.holding.has_begun()

    # -- the loop -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until the transfer has ended."""
        try:
            while self.transfer.phase is not Phase.ENDED:
                fact = await self._next_fact()
                if self.transfer.lost and not isinstance(fact, _IN_THE_DARK):
                    self._inbox.put_off(fact)  # what is so is being asked: it comes after the answer
                    continue
                if isinstance(fact, PbxBack):
                    self._inbox.resume()
                try:
                    self.step(fact)
                except Exception:  # a fault of ours: one fact is lost, not the caller
                    self.log.exception("a fact could not be acted on", fact=repr(fact))
        finally:
            self.goes_on.set()
            for handle in self._handles:
                handle.off()
            for leg in [leg for leg, driver in self._tools.queue_members.items() if driver is self]:
                del self._tools.queue_members[leg]
            if self.transfer.phase is not Phase.ENDED:  # another daemon will know
                self.known.cancel()

    def step(self, fact: Fact) -> None:
        """One fact: decide, record, act."""
        before = self.transfer
        self.transfer, actions = decide(before, fact)
        self._recorder.note(self.transfer, fact, actions)
        for action in actions:
            try:
                self._act(action)
            except Exception:  # a fault of ours: one action is lost, not the caller
                self.log.exception("an action could not be taken", action=repr(action))
        if self.transfer.phase is Phase.BRIDGED:
            self.goes_on.set()  # a talk needs no session
        self._tools.watch(self.request, before, self.transfer, fact)
        self._ear.has_talked = self.transfer.phase is Phase.BRIDGED
        if self.transfer.is_settled and not self.known.done():
            self.known.set_result(self.transfer)

    async def _next_fact(self) -> Fact:
        """What happened next, or the deadline. Prompts for a caller who waits are played meanwhile."""
        while True:
            until, comfort_at = self.transfer.until, self._hands.holding.comfort_is_due(self.transfer)
            is_comfort = 0 < comfort_at < (until or math.inf)
            fact = await self._inbox.next(comfort_at if is_comfort else until)
            await self._tools.ownership.certain()
            if fact is not None:
                return fact
            if not is_comfort:
                return Deadline(self._tools.clock())
            self._hands.holding.comfort(self.transfer)

    # -- acting -------------------------------------------------------------------------------------------

    def _act(self, action: Action) -> None:
        hands = self._hands
        match action:
            case RecordIntent(attempt):
                self._recorder.intend(self.transfer, attempt)
            case HoldCaller():
                hands.hold()
            case StopMusic():
                hands.stop_music()
            case ResumeAssistant():
                hands.resume_assistant()
            case SendHome():
                hands.send_home()
            case TellDialplan():
                hands.tell_dialplan()
            case FallBack():
                hands.fall_back()
            case DialAgent(attempt):
                self._listen_to_legs(attempt)
                hands.dial(attempt)
            case EndLegs(attempt):
                hands.end_legs(attempt)
            case ScreenAgent(attempt, leg):
                hands.screen(attempt, leg)
            case BridgeLegs(attempt, leg):
                hands.bridge(attempt, leg)
            case ReleaseAgent(leg, is_asked):
                hands.release(leg, is_asked)
            case AskPbx():
                self._tools.ask_pbx(self)
            case Report() | ReportTalk():
                pass  # recorded with the fact that made them

    # -- hearing ------------------------------------------------------------------------------------------

    def _listen_to_legs(self, attempt: int) -> None:
        ringing, calls = self.request.ringing(attempt), self._tools.pbx.calls
        queue = any(target.is_queue for target in ringing)
        groups = {target.number for target in ringing if target.is_group}
        mark = self.request.attempt_id(attempt)
        ear = self._ears[attempt] = AttemptEar(attempt, mark, is_queue=queue, groups=groups)

        def hear(event: Event) -> None:
            if queue and event.name == "CHANNEL_CREATE":
                self._tools.queue_members[event.unique_id] = self
            for fact in ear.facts(event, self._tools.clock()):
                self.tell(fact)
            if phone := ear.phone_to_hear(event):
                self._handles.append(calls.on(hear, unique_id=phone, name="CHANNEL_ANSWER"))

        variable = ("voiced_attempt", mark)
        self._handles.append(calls.on(hear, variable=variable, name=LEG_EVENTS))

    def hear_queue(self, event: Event) -> None:
        """A queue tells of a member that is a leg of ours."""
        ear = self._ears.get(self.transfer.attempt)
        for fact in ear.queue_facts(event, self._tools.clock()) if ear else []:
            self.tell(fact)

    @property
    def _is_routed_in(self) -> bool:
        return self.transfer.fallback is Fallback.DIALPLAN

    def _overflowed(self) -> None:
        self.log.error("facts overflow: asking the PBX what is so")
        self._tools.ask_pbx(self)

    def _hear_assistant(self, event: Event) -> None:
        if fact := assistant_fact(event, self._tools.clock()):
            self.tell(fact)
