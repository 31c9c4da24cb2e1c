"""What the table has decided, done: each action of one transfer as commands to the PBX.

Nothing here waits. What comes of a command is a fact again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from voiced.esl import Reply
from voiced.esl.commands import Command
from voiced.facts import Fact
from voiced.pbx import control
from voiced.pbx.channel import Channel
from voiced.speech.prompts import Prompt
from voiced.transfer import messages
from voiced.transfer.facts import Accepted, BridgeRefused, HoldFailed, JobFailed
from voiced.transfer.hearing import CallerEar
from voiced.transfer.holding import Holding
from voiced.transfer.recovery import attempt_of
from voiced.transfer.request import Request
from voiced.transfer.state import Fallback, Phase, Transfer
from voiced.transfer.tools import Tools

MOMENT: Final = 0.2  # seconds, for the end of a session to be heard and a dialplan to go on


class Hands:
    """Acts for one transfer. `now()` is its state; `tell` takes facts; `goes_on` ends a routed-in session."""

    def __init__(
        self, request: Request, tools: Tools, ear: CallerEar, now: Callable[[], Transfer],
        tell: Callable[[Fact], None], goes_on: asyncio.Event, log: Any,
    ) -> None:  # fmt: skip
        self._request, self._tools, self._now, self._tell = request, tools, now, tell
        self._goes_on, self._log = goes_on, log
        self.holding = Holding(request, tools, ear, self._send, self._say_surely)
        self.has_missed = False  # what was sent may not have arrived
        self._is_prepared = now().adrift  # the caller, for a bridge
        self._told: asyncio.Future[Reply] | None = None  # what the dialplan needs to know

    # -- the caller on hold, and back ---------------------------------------------------------------------

    def hold(self) -> None:
        """Music. A call routed in whose music has ended may have lost its session: that is heard first."""
        if not (self._is_routed_in and self._now().music_at):
            self.holding.hold(self._now())
            return

        def hold_again() -> None:
            if not self._goes_on.is_set():
                self.holding.hold(self._now())
            else:
                self._tell(HoldFailed(self._tools.clock(), "the session is gone"))

        asyncio.get_running_loop().call_later(MOMENT, hold_again)

    def stop_music(self) -> None:
        """The caller is back when it has stopped."""
        self._send(control.stop_music(self._request.caller.uuid))

    def resume_assistant(self) -> None:
        """The caller is back with the assistant."""
        self.holding.resume_assistant()
        self._take_settings_off()

    def send_home(self) -> None:
        """Through the dialplan to the assistant."""
        self.resume_assistant()
        self._tools.stranded.send_home(self._request.caller)

    def fall_back(self) -> None:
        """The caller is back, and goes on to where the destination wants them.

        An assistant that was paused stays so where it shall not listen: at a voicemail, at a farewell.
        """
        self._take_settings_off()
        request, caller = self._request, self._request.caller
        match self._now().goes_to:
            case Fallback.VOICEMAIL:
                self._to_voicemail()
            case Fallback.HANGUP:
                farewell = self._prompt(Prompt.NOBODY_AVAILABLE)
                for command in control.release(caller.uuid, farewell):
                    self._part_with(command)
            case Fallback.DIALPLAN:
                self.holding.resume_assistant()
                if self._goes_on.is_set():
                    self._tools.see_off(request.caller.uuid)
                elif self._told is not None:
                    self._told.add_done_callback(lambda _: self._goes_on.set())
                else:
                    self._goes_on.set()

    def _to_voicemail(self) -> None:
        request, caller = self._request, self._request.caller
        if request.mailbox is None:  # a row of another version: the caller stays where they can be helped
            self._log.error("no voicemail box is known, the assistant goes on")
            self.holding.resume_assistant()
            return
        if not caller.domain_name:  # boxes are a domain's
            self._send(control.tell(caller.uuid, control.of_domain(request.domain, request.domain_uuid)))
        self._part_with(control.send_to(caller.uuid, request.mailbox.endpoint()))

    def _part_with(self, command: Command) -> None:
        """Write what takes the caller elsewhere; where it is lost they are still with the assistant."""
        self._tools.pbx.say(command, log=self._log, lost=self.holding.resume_assistant)

    def tell_dialplan(self) -> None:
        """By the event socket, and before the music stops: by then the session may be gone, or go."""
        caller, t = self._request.caller, self._now()
        variables = messages.for_dialplan(self._request, t)
        if not t.adrift and (t.answered_at or self.has_missed):
            variables = control.unprepared(caller.before, is_routed_in=True) | variables
            self._is_prepared = False
        self._told = self._tools.pbx.calls.send(control.tell(caller.uuid, variables))

    def see_off(self, caller: Channel) -> None:
        """A call that has gone on takes nothing of ours with it, and does go on, whoever has its session."""
        t, request = self._now(), self._request
        talks = caller.is_bridged or t.phase in (Phase.BRIDGING, Phase.BRIDGED) or t.adrift
        if not self._goes_on.is_set() or caller.hold == str(request.id) or talks:
            return
        if left := control.left_behind(caller, request.caller.before, str(request.id)):
            self._say_surely(control.tell(caller.uuid, left))
        if caller.waits_behind_us:
            self._tools.see_off(caller.uuid)

    def _take_settings_off(self) -> None:
        """The caller is not ours any more. The hold's own settings go with it, if it was sent as a whole."""
        caller, is_routed_in = self._request.caller, self._is_routed_in
        is_prepared = self._is_prepared if is_routed_in else self._now().answered_at > 0
        if is_prepared:
            self._say_surely(control.unprepare_bridge(caller.uuid, caller.before, is_routed_in=is_routed_in))
        if self.has_missed and not is_routed_in:
            self._send(control.unmark(caller.uuid, str(self._request.id), 0, caller.before))

    # -- the agent ----------------------------------------------------------------------------------------

    def dial(self, attempt: int) -> None:
        """Originate; numbers outside are counted first."""
        if any(target.is_outside for target in self._request.ringing(attempt)):
            self._tools.count_outside(self._request, attempt, lambda why: self._dial(attempt, why))
        else:
            self._dial(attempt)

    def _dial(self, attempt: int, why_not: str = "") -> None:
        """Only who owns the PBX may, and only while the attempt is wanted."""
        t, request = self._now(), self._request
        if t.phase is not Phase.DIALING or t.attempt != attempt:
            why_not = "ORIGINATOR_CANCEL"  # meanwhile
        elif not self._tools.ownership.may_dial():
            why_not = "NOT_OWNER"
        if why_not:
            self._tell(JobFailed(self._tools.clock(), attempt, why_not))
            return
        originate = control.dial(
            request.attempt_id(attempt), str(request.id),
            [target.endpoint() for target in request.ringing(attempt)],
            t.this_dial.ring_seconds, request.caller.number, request.caller.name,
            extra=control.of_domain(request.domain, request.domain_uuid),
        )  # fmt: skip
        self._tools.pbx.dial(
            originate, lambda cause: self._tell(JobFailed(self._tools.clock(), attempt, cause))
        )

    def screen(self, attempt: int, leg: str) -> None:
        """Tell the agent who calls, and ask for the key where the destination wants one."""
        request, target = self._request, self._request.target(attempt, self._now().agent_number)
        caller = request.caller
        told = self._tools.manners.announcer.announce(
            request.locale, caller.number, caller.name, request.reason, who=target.announce,
            key=target.screening,
        )  # fmt: skip
        commands = control.screen(
            leg, request.attempt_id(attempt), told.sounds, told.speech, with_key=target.screening
        )
        for command in commands:
            self._send(command)
        if not commands:  # nothing to be told with: the call is what counts
            self._tell(Accepted(self._tools.clock(), attempt))

    def ask_again(self, leg: Channel) -> None:
        """The agent sits in silence: they were never asked, since the question was lost on the way."""
        attempt = attempt_of(leg)
        if leg.application == "park" and self._request.target(attempt, leg.dialled).screening:
            self.screen(attempt, leg.uuid)

    def bridge(self, attempt: int, leg: str) -> None:
        """Bridge the two, unless one of them goes while a prompt begins."""

        def bridge() -> None:
            t = self._now()
            if t.phase is Phase.BRIDGING and t.agent == leg:
                self._bridge(attempt, leg)

        self.holding.when_it_plays(bridge)

    def _bridge(self, attempt: int, leg: str) -> None:
        caller = self._request.caller
        extra = control.routed_in(caller.home) if self._is_routed_in else None
        *settings, bridge = control.bridge(caller.uuid, leg, extra)
        self._is_prepared = True
        for command in settings:
            self._send(command)
        self._send(bridge, lambda text: BridgeRefused(self._tools.clock(), attempt, text))
        self._tools.reacted(self._tools.clock() - self._now().taken_at)

    def release(self, leg: str, is_asked: bool) -> None:
        """Tell an agent who has answered that nobody is there, and hang up; a question is cut short."""
        prompt = self._prompt(Prompt.CALLER_LEFT)
        for command in control.interrupt(leg, prompt) if is_asked else control.release(leg, prompt):
            self._send(command)

    def end_legs(self, attempt: int) -> None:
        """Hang up every leg of an attempt."""
        self._send(control.end_legs(self._request.attempt_id(attempt)))

    # -- inside -------------------------------------------------------------------------------------------

    @property
    def _is_routed_in(self) -> bool:
        return self._now().fallback is Fallback.DIALPLAN

    def _prompt(self, prompt: Prompt) -> str:
        return self._tools.manners.announcer.prompts.path(prompt, self._request.locale)

    def _send(self, command: Command, refused: Callable[[str], Fact] | None = None) -> None:
        """Write it; a refusal may be a fact."""
        told = (lambda text: self._tell(refused(text))) if refused else None
        self._tools.pbx.say(command, told, self._log)

    def _say_surely(self, command: Command) -> None:
        """Write what the call needs when it is not ours any more; again, if the PBX is lost on the way."""
        self._tools.pbx.say(command, log=self._log, again=True)
