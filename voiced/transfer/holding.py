"""The caller's music: asked for, renewed, interrupted by a prompt; the assistant is paused meanwhile.

A comfort prompt is one playback with the music behind it: it is queued, then what plays is stopped. An agent
who answers in that moment is bridged when the prompt has begun: a bridge ends what plays, and would find
nothing to end (measured: within 40 ms the prompt began in the talk, and could not be stopped for 2 s).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from voiced.esl.commands import Command
from voiced.facts import LOST, Fact
from voiced.pbx import control
from voiced.speech.prompts import Prompt
from voiced.transfer.facts import CallerEnded, HoldFailed
from voiced.transfer.hearing import CallerEar
from voiced.transfer.request import Request
from voiced.transfer.state import Fallback, Music, Phase, Transfer
from voiced.transfer.tools import Tools

CHANGE_SECONDS: Final = 0.5  # for a prompt to begin that was asked for: some 20 ms on a quiet machine
_WAITING: Final = (Phase.DIALING, Phase.RINGING, Phase.RETRYING)


class Holding:
    """Holds one caller. `send(command, refused)` writes a command; a refusal becomes a fact. `say_surely`
    writes one that must arrive.
    """

    def __init__(
        self, request: Request, tools: Tools, ear: CallerEar,
        send: Callable[[Command, Callable[[str], Fact] | None], None],
        say_surely: Callable[[Command], None],
    ) -> None:  # fmt: skip
        self._request, self._tools, self._manners, self._ear = request, tools, tools.manners, ear
        self._send, self._say_surely = send, say_surely
        self._is_paused = False  # the assistant, by us
        self._comfort_at = tools.clock() + self._manners.comfort_seconds
        self._then: Callable[[], object] | None = None  # waits for a prompt to begin
        self._is_changing = False

    # -- music --------------------------------------------------------------------------------------------

    def hold(self, t: Transfer) -> None:
        """Music for the caller; at the first time the assistant is told to pause."""
        if not self._is_paused:
            self._is_paused = True
            if command := self._manners.pause_assistant:
                self._send(assistant_command(command, self._request.caller.uuid), None)
        self._play(t)

    def _play(self, t: Transfer, prompt: str = "") -> None:
        caller, now = self._request.caller, self._tools.clock()
        self._comfort_at = now + self._manners.comfort_seconds
        commands = control.hold(
            caller.uuid, str(self._request.id), self._ear.next_hold(now), prompt, self._manners.music,
            max(1.0, t.hold_until - now), self._manners.leave_key,
            None if t.fallback is Fallback.DIALPLAN else caller.home, caller.before,
        )  # fmt: skip
        for command in commands:
            self._send(command, self._refused)

    def _refused(self, text: str) -> Fact:
        now = self._tools.clock()
        if "invalid session id" in text:  # the caller left before we listened
            return CallerEnded(now, LOST)
        return HoldFailed(now, text)

    # -- prompts ------------------------------------------------------------------------------------------

    def comfort_is_due(self, t: Transfer) -> float:
        """When the next prompt for a caller who waits is to come; 0 where there is none to come.

        None once the assistant's own leg has left: at the end of the music that plays the switch sends the
        caller to another assistant (measured).
        """
        waits = t.music is Music.ON and t.phase in _WAITING and t.assistant_here and not t.lost
        has_prompt = self._manners.comfort_seconds and self._manners.announcer.prompts.directory
        return self._comfort_at if waits and has_prompt else 0.0

    def comfort(self, t: Transfer) -> None:
        """A prompt for the caller who waits, and the music behind it."""
        self._play(t, self._manners.announcer.prompts.path(Prompt.PLEASE_WAIT, self._request.locale))
        self._send(control.stop_music(self._request.caller.uuid), None)
        self._is_changing = True
        asyncio.get_running_loop().call_later(CHANGE_SECONDS, self.has_begun)

    def when_it_plays(self, act: Callable[[], object]) -> None:
        """Do it now; or, where a prompt was just asked for, when that has begun."""
        if self._is_changing:
            self._then = act
        else:
            act()

    def has_begun(self) -> None:
        """What was asked for plays, or has had its time."""
        self._is_changing = False
        then, self._then = self._then, None
        if then is not None:
            then()

    # -- the assistant ------------------------------------------------------------------------------------

    def resume_assistant(self) -> None:
        """Let a paused assistant listen and talk again."""
        self._is_paused = False
        if command := self._manners.resume_assistant:
            self._say_surely(assistant_command(command, self._request.caller.uuid))


def assistant_command(template: str, caller: str) -> Command:
    """The command of the settings that pauses or resumes an assistant on this call."""
    return Command(f"api {template.replace('{uuid}', caller)}")
