"""One transfer, driven: wait for a fact or the deadline, decide, record, act.

    event, reply or clock → fact → decide → journal (behind the call) and actions

A driver waits for nothing but its inbox. Commands are written and their replies come back as facts; the
journal is handed to the scribe; whatever takes longer runs as a task of its own and ends in a fact.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Final

import asyncpg
import structlog

from voiced.esl import Event, Handle, Reply
from voiced.esl.commands import Command
from voiced.facts import LOST, Action, AskPbx, Cancelled, Deadline, Fact, PbxBack, PbxLost, Requested
from voiced.inbox import Inbox
from voiced.pbx import control
from voiced.pbx.channel import Channel
from voiced.pbx.owner import Ownership
from voiced.pbx.pbx import Pbx
from voiced.scribe import Scribe
from voiced.speech.announcement import NO_ANNOUNCER, Announcer
from voiced.speech.prompts import Prompt
from voiced.table import fact_name
from voiced.transfer import messages, store
from voiced.transfer.facts import (
    Accepted,
    BridgeLegs,
    BridgeRefused,
    CallerEnded,
    DialAgent,
    EndLegs,
    FallBack,
    HoldCaller,
    HoldFailed,
    HoldStarted,
    IntentRecorded,
    JobFailed,
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
from voiced.transfer.hearing import CALLER_EVENTS, LEG_EVENTS, AttemptEar, CallerEar, assistant_fact
from voiced.transfer.machine import decide
from voiced.transfer.recovery import attempt_of, missed_facts
from voiced.transfer.refusals import CallIsBusy
from voiced.transfer.request import DestinationType, Request
from voiced.transfer.state import Fallback, Music, Phase, Transfer

log = structlog.get_logger(__name__)

_IN_THE_DARK: Final = (  # what counts while the PBX is lost
    PbxBack, PbxLost, Deadline, Cancelled, IntentRecorded,
)  # fmt: skip
MOMENT: Final = 0.2  # seconds, for the end of a session to be heard and a dialplan to go on
AWAY_SECONDS: Final = 5.0  # without the event socket, until a call routed in goes on with its dialplan
_WAITING: Final = (Phase.DIALING, Phase.RINGING, Phase.RETRYING)


@dataclass(frozen=True, slots=True)
class Manners:
    """How callers are held and agents let go. Settings, the same for every transfer."""

    music: str = "local_stream://moh"
    leave_key: str = "*"
    announcer: Announcer = NO_ANNOUNCER
    comfort_seconds: float = 0.0  # between two prompts to a caller who waits; 0 for none
    pause_assistant: str = ""  # an api command with {uuid}; '' where there is nothing to pause
    resume_assistant: str = ""


@dataclass(frozen=True, slots=True)
class Tools:
    """What every driver works with."""

    pbx: Pbx
    scribe: Scribe
    manners: Manners
    ask_pbx: Callable[[Driver], object]  # find out what is so, and tell the driver
    see_off: Callable[[str], object]  # see to it that this call goes on with its dialplan
    queue_members: dict[str, Driver]  # legs that wait in a queue, and whose they are
    ownership: Ownership  # may this daemon dial, is it certain that it may act?
    watch: Callable[[Request, Transfer, Transfer, Fact], object]  # sees every step, before and after
    reacted: Callable[[float], object]  # seconds from an answer to its bridge command
    clock: Callable[[], float] = time.time


class Driver:
    """Runs one transfer to its end. `known` is done when the result is known and the caller is back."""

    def __init__(self, request: Request, tools: Tools, transfer: Transfer, seq: int = 0) -> None:
        self.request, self.transfer = request, transfer
        self.in_the_dark = False  # what has happened on the PBX meanwhile is still to be asked
        self.is_taken_up = False
        self.known: asyncio.Future[Transfer] = asyncio.get_running_loop().create_future()
        self.recorded: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tools, self._seq = tools, seq
        self._was_lost = False  # what was sent may not have arrived
        self._inbox: Inbox[Fact] = Inbox(tools.clock, self._overflowed)
        self._handles: list[Handle] = []
        self._ears: dict[int, AttemptEar] = {}
        self.goes_on = asyncio.Event()  # set when the session of a call routed in shall end, or has ended
        self._told: asyncio.Future[Reply] | None = None  # what the dialplan needs to know
        self._is_prepared = transfer.adrift  # the caller, for a bridge
        self._comfort_at = tools.clock() + tools.manners.comfort_seconds
        self._ear = CallerEar(str(request.id), request.caller.uuid, request.assistant_leg)
        self.log = log.bind(
            transfer_id=str(request.id), call_uuid=request.caller.uuid, domain=str(request.domain_uuid)
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
        self.in_the_dark = self._was_lost = True
        self.tell(PbxLost(self._tools.clock()))
        asyncio.get_running_loop().call_later(AWAY_SECONDS, self._still_away)

    def _still_away(self) -> None:
        if self.in_the_dark:
            self.let_go()

    def take_up(self) -> None:
        """Nobody has listened until now: the state is the database's, which may know less than was done."""
        self.recorded.set_result(None)
        self.in_the_dark = self._was_lost = self.is_taken_up = True
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
            if ear is not None and ear.is_queue:
                self._tools.queue_members[leg.uuid] = self
                if leg.answered and not leg.is_far_end:
                    ear.waits(leg.uuid, leg.dialled)
            if self.transfer.phase is Phase.SCREENING and leg.uuid == self.transfer.agent and not leg.key:
                self._ask_again(leg)
        if caller is not None and self._is_routed_in:
            self._see_off(caller)
        has_session = not (self._is_routed_in and self.goes_on.is_set())
        for fact in missed_facts(
            self.request, self.transfer, caller, legs, now, self.is_taken_up, has_session=has_session
        ):
            self.tell(fact)
        self.in_the_dark = self.is_taken_up = False

    def cancel(self, by: str = "api") -> None:
        """Call it off."""
        self.tell(Cancelled(self._tools.clock(), by))

    def hear_caller(self, event: Event) -> None:
        """An event of the caller's leg, or of a bridge that the caller is the b side of."""
        if fact := self._ear.fact(event, self._tools.clock()):
            self.tell(fact)

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
            if not self.known.done():
                self.known.set_result(self.transfer)

    def step(self, fact: Fact) -> None:
        """One fact: decide, record, act."""
        before = self.transfer
        self.transfer, actions = decide(before, fact)
        self._record(fact, actions)
        for action in actions:
            self._act(action)
        if self.transfer.phase is Phase.BRIDGED:
            self.goes_on.set()  # a talk needs no session
        self._tools.watch(self.request, before, self.transfer, fact)
        self._ear.has_talked = self.transfer.phase is Phase.BRIDGED
        if self.transfer.is_settled and not self.known.done():
            self.known.set_result(self.transfer)

    async def _next_fact(self) -> Fact:
        """What happened next, or the deadline. Prompts for a caller who waits are played meanwhile."""
        while True:
            until, comfort_at = self.transfer.until, self._comfort_is_due()
            is_comfort = 0 < comfort_at < (until or math.inf)
            fact = await self._inbox.next(comfort_at if is_comfort else until)
            await self._tools.ownership.certain()
            if fact is not None:
                return fact
            if not is_comfort:
                return Deadline(self._tools.clock())
            self._comfort()

    # -- recording ----------------------------------------------------------------------------------------

    def _record(self, fact: Fact, actions: tuple[Action, ...]) -> None:
        """The journal follows behind the call; the row itself is written by the first intention."""
        t = self.transfer
        if isinstance(fact, Requested) or (self.recorded.done() and self.recorded.exception()):
            return
        told = [messages.completed(self.request, t) for action in actions if isinstance(action, Report)]
        told += [messages.ended(self.request, t) for action in actions if isinstance(action, ReportTalk)]
        self._seq += 1
        self._tools.scribe.write(store.note(self.request, t, self._seq, fact, told))
        self.log.info(
            "transfer", fact=fact_name(type(fact)), phase=t.phase, status=t.status, attempt=t.attempt,
            cause=t.ending.cause if t.ending else "",
        )  # fmt: skip

    def _record_intent(self, attempt: int) -> None:
        """Committed first, dialled after."""
        if attempt == 1:
            note = store.beginning(self.request, self.transfer)
        else:
            self._seq += 1
            note = store.note(self.request, self.transfer, self._seq, Requested(self._tools.clock()))
        kept = self._tools.scribe.commit(note)

        def recorded(done: asyncio.Future[None]) -> None:
            error = None if done.cancelled() else done.exception()
            if not self.recorded.done():
                if isinstance(error, asyncpg.UniqueViolationError):
                    self.recorded.set_exception(CallIsBusy())
                elif error is not None:
                    self.recorded.set_exception(error)
                else:
                    self.recorded.set_result(None)
                self.recorded.exception()
            if error is None:
                self.tell(IntentRecorded(self._tools.clock(), attempt))
            else:
                self.cancel(by="voiced")

        kept.add_done_callback(recorded)

    # -- acting -------------------------------------------------------------------------------------------

    def _act(self, action: Action) -> None:
        caller, manners = self.request.caller, self._tools.manners
        match action:
            case RecordIntent(attempt):
                self._record_intent(attempt)
            case HoldCaller() if self._is_routed_in and self.transfer.music_at:
                self._hold_again()
            case HoldCaller():
                self._hold()
            case StopMusic():
                self._send(control.stop_music(caller.uuid))
            case ResumeAssistant():
                self._api(manners.resume_assistant)
                self._take_settings_off()
            case SendHome():
                self._take_settings_off()
                if caller.home is not None:
                    self._send(control.send_home(caller.uuid, caller.home))
            case TellDialplan():
                self._tell_dialplan()
            case FallBack():
                self._take_settings_off()
                self._fall_back()
            case DialAgent(attempt):
                self._dial(attempt)
            case EndLegs(attempt):
                self._send(control.end_legs(self.request.attempt_id(attempt)))
            case BridgeLegs(attempt, leg):
                self._bridge(attempt, leg)
            case ReleaseAgent(leg):
                goodbye = manners.announcer.prompts.path(Prompt.CALLER_LEFT, self.request.locale)
                for command in control.release(leg, goodbye):
                    self._send(command)
            case AskPbx():
                self._tools.ask_pbx(self)
            case Report() | ReportTalk():
                pass  # recorded with the fact that made them
            case ScreenAgent(attempt, leg):
                self._screen(attempt, leg)

    def _hold(self, *, comfort: bool = False) -> None:
        request, manners, t = self.request, self._tools.manners, self.transfer
        if not comfort:
            self._api(manners.pause_assistant)
        left = max(1.0, t.hold_until - self._tools.clock())
        music = manners.music
        prompt = manners.announcer.prompts.path(Prompt.PLEASE_WAIT, request.locale)
        if comfort and prompt:
            music = f"file_string://{prompt}!{music}"  # one playback: nothing is left in the queue behind it
        self._comfort_at = self._tools.clock() + manners.comfort_seconds
        commands = control.hold(
            request.caller.uuid, str(request.id), self._ear.next_hold(), music, left, manners.leave_key,
            None if self._is_routed_in else request.caller.home, request.caller.before,
        )  # fmt: skip
        for command in commands:
            self._send(command, refused=self._hold_refused)

    def _hold_again(self) -> None:
        """Music has ended by itself; or with its session, and that we shall hear in a moment."""

        def hold() -> None:
            if not self.goes_on.is_set():
                self._hold()
            else:
                self.tell(HoldFailed(self._tools.clock(), "the session is gone"))

        asyncio.get_running_loop().call_later(MOMENT, hold)

    def _comfort(self) -> None:
        """A prompt for the caller who waits: queue it with the music behind it, then stop what plays."""
        self._hold(comfort=True)
        self._send(control.stop_music(self.request.caller.uuid))

    def _comfort_is_due(self) -> float:
        """When the next prompt for a caller who waits is to come; 0 where there is none to come."""
        t, manners = self.transfer, self._tools.manners
        waits = t.music is Music.ON and t.phase in _WAITING and not t.lost
        has_prompt = manners.comfort_seconds and manners.announcer.prompts.directory
        return self._comfort_at if waits and has_prompt else 0.0

    def _hold_refused(self, text: str) -> Fact:
        now = self._tools.clock()
        if "invalid session id" in text:  # the caller left before we listened
            return CallerEnded(now, LOST)
        return HoldFailed(now, text)

    def _dial(self, attempt: int) -> None:
        now = self._tools.clock()
        if not self._tools.ownership.may_dial():
            self.tell(JobFailed(now, attempt, "NOT_OWNER"))
            return
        self._listen_to_legs(attempt)
        request, ringing = self.request, self.request.ringing(attempt)
        originate = control.dial(
            request.attempt_id(attempt), str(request.id), [target.endpoint() for target in ringing],
            self.transfer.this_dial.ring_seconds, request.caller.number, request.caller.name,
        )  # fmt: skip
        self._tools.pbx.dial(
            originate, lambda cause: self.tell(JobFailed(self._tools.clock(), attempt, cause))
        )

    def _screen(self, attempt: int, leg: str) -> None:
        request, target = self.request, self.request.target(attempt, self.transfer.agent_number)
        caller, announcer = request.caller, self._tools.manners.announcer
        told = announcer.announce(
            request.locale,
            caller.number,
            caller.name,
            request.reason,
            who=target.announce,
            key=target.screening,
        )
        commands = control.screen(
            leg, request.attempt_id(attempt), told.sounds, told.speech, with_key=target.screening
        )
        for command in commands:
            self._send(command)
        if not commands:  # nothing to be told with: the call is what counts
            self.tell(Accepted(self._tools.clock(), attempt))

    def _ask_again(self, leg: Channel) -> None:
        """The agent sits in silence: they were never asked, since the question was lost on the way."""
        attempt = attempt_of(leg)
        if leg.application == "park" and self.request.target(attempt, leg.dialled).screening:
            self._screen(attempt, leg.uuid)

    def _fall_back(self) -> None:
        """The caller is back, and goes on to where the destination wants them."""
        request, caller = self.request, self.request.caller
        match self.transfer.fallback:
            case Fallback.VOICEMAIL:
                box = replace(request.target(self.transfer.attempt), type=DestinationType.VOICEMAIL)
                self._send(control.send_to(caller.uuid, box.endpoint()))
            case Fallback.HANGUP:
                farewell = self._tools.manners.announcer.prompts.path(Prompt.NOBODY_AVAILABLE, request.locale)
                for command in control.release(caller.uuid, farewell):
                    self._send(command)
            case Fallback.DIALPLAN if self.goes_on.is_set():
                self._tools.see_off(caller.uuid)
            case Fallback.DIALPLAN if self._told is not None:
                self._told.add_done_callback(lambda _: self.goes_on.set())
            case Fallback.DIALPLAN:
                self.goes_on.set()

    @property
    def _is_routed_in(self) -> bool:
        return self.transfer.fallback is Fallback.DIALPLAN

    def _tell_dialplan(self) -> None:
        """By the event socket, and before the music stops: by then the session may be gone, or go."""
        caller, t = self.request.caller, self.transfer
        variables = messages.for_dialplan(self.request, t)
        if not t.adrift and (t.answered_at or self._was_lost):
            variables = control.unprepared(caller.before, is_routed_in=True) | variables
            self._is_prepared = False
        self._told = self._tools.pbx.calls.send(control.tell(caller.uuid, variables))

    def _see_off(self, caller: Channel) -> None:
        """A call that has gone on takes nothing of ours with it, and does go on, whoever has its session."""
        t, request = self.transfer, self.request
        talks = caller.is_bridged or t.phase in (Phase.BRIDGING, Phase.BRIDGED) or t.adrift
        if not self.goes_on.is_set() or caller.hold == str(request.id) or talks:
            return
        if left := control.left_behind(caller, request.caller.before, str(request.id)):
            self._send(control.tell(caller.uuid, left))
        if caller.waits_behind_us:
            self._tools.see_off(caller.uuid)

    def _bridge(self, attempt: int, leg: str) -> None:
        caller = self.request.caller
        extra = control.routed_in(caller.home) if self._is_routed_in else None
        *settings, bridge = control.bridge(caller.uuid, leg, extra)
        self._is_prepared = True
        for command in settings:
            self._send(command)
        self._send(bridge, refused=lambda text: BridgeRefused(self._tools.clock(), attempt, text))
        self._tools.reacted(self._tools.clock() - self.transfer.answered_at)

    def _take_settings_off(self) -> None:
        """The caller is not ours any more. The hold's own settings go with it, if it was sent as a whole."""
        caller = self.request.caller
        is_prepared = self._is_prepared if self._is_routed_in else self.transfer.answered_at > 0
        if is_prepared:
            routed_in = self._is_routed_in
            self._send(control.unprepare_bridge(caller.uuid, caller.before, is_routed_in=routed_in))
        if self._was_lost and not self._is_routed_in:
            self._send(control.unmark(caller.uuid, str(self.request.id), 0, caller.before))

    def _api(self, template: str) -> None:
        """An api command of the settings, with the caller's uuid in it."""
        if template:
            self._send(Command(f"api {template.replace('{uuid}', self.request.caller.uuid)}"))

    def _send(self, command: Command, refused: Callable[[str], Fact] | None = None) -> None:
        """Write it; a refusal may be a fact."""
        told = (lambda text: self.tell(refused(text))) if refused else None
        self._tools.pbx.say(command, told, self.log)

    # -- hearing ------------------------------------------------------------------------------------------

    def _listen_to_legs(self, attempt: int) -> None:
        queue = any(target.is_queue for target in self.request.ringing(attempt))
        mark = self.request.attempt_id(attempt)
        ear = self._ears[attempt] = AttemptEar(attempt, mark, is_queue=queue)

        def hear(event: Event) -> None:
            if queue and event.name == "CHANNEL_CREATE":
                self._tools.queue_members[event.unique_id] = self
            for fact in ear.facts(event, self._tools.clock()):
                self.tell(fact)

        variable = ("voiced_attempt", mark)
        self._handles.append(self._tools.pbx.calls.on(hear, variable=variable, name=LEG_EVENTS))

    def hear_queue(self, event: Event) -> None:
        """A queue tells of a member that is a leg of ours."""
        ear = self._ears.get(self.transfer.attempt)
        for fact in ear.queue_facts(event, self._tools.clock()) if ear else []:
            self.tell(fact)

    def _overflowed(self) -> None:
        self.log.error("facts overflow: asking the PBX what is so")
        self._tools.ask_pbx(self)

    def _hear_assistant(self, event: Event) -> None:
        if fact := assistant_fact(event, self._tools.clock()):
            self.tell(fact)
