"""What the table has decided, done: each action of one attempt as commands to the PBX.

Nothing here waits. What comes of a command is a fact again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from voiced.callback.facts import BridgeRefused, JobFailed
from voiced.callback.order import Order
from voiced.callback.outcome import Side
from voiced.callback.state import Attempt
from voiced.callback.tools import Tools
from voiced.esl.commands import Command
from voiced.facts import Fact
from voiced.pbx import control
from voiced.speech.prompts import Prompt

RINGBACK: Final = "tone_stream://%(1000,4000,425);loops=-1"  # as a Brazilian exchange sounds
AGENT_SHOWS: Final = "Callback"  # the name on the agent's phone


class Hands:
    """Acts for one attempt. `order()` and `now()` are its order and its state; `tell` takes facts."""

    def __init__(
        self, tools: Tools, order: Callable[[], Order], now: Callable[[], Attempt],
        tell: Callable[[Fact], None], log: Any,
    ) -> None:  # fmt: skip
        self._tools, self._order, self._now, self._tell, self._log = tools, order, now, tell, log

    def dial(self, side: Side) -> None:
        """Originate, if this daemon may, the agent can still take the call, and it is not too late for it."""
        order, now = self._order(), self._tools.clock()
        if not self._tools.ownership.may_dial():
            self._tell(JobFailed(now, side, "NOT_OWNER"))
            return
        agent_waits = self._now().agent.is_on  # then they are in this call, and in no other
        if not agent_waits and (cause := self._tools.why_not(order, Side.AGENT)):  # asked for the second time
            self._tell(JobFailed(now, Side.AGENT, cause))
            if side is Side.CLIENT:
                self._tell(JobFailed(now, side, "NOT_SENT"))
            return
        if side is Side.CLIENT and (cause := self._tools.why_not(order, side)):
            self._tell(JobFailed(now, side, cause))
            return
        shown = (order.number, AGENT_SHOWS) if side is Side.AGENT else (order.caller_id, "")
        originate = control.dial(
            order.mark(side), str(order.id), [order.endpoint(side)], order.ring_seconds, *shown,
            kind="voiced_callback",
            extra={**order.variables(), **control.of_domain(order.domain, order.domain_uuid)},
        )  # fmt: skip
        self._tools.pbx.dial(originate, lambda cause: self._tell(JobFailed(self._tools.clock(), side, cause)))

    def play_tone(self, side: Side, leg: str) -> None:
        """What the one who waits hears: the agent whom the call is for and then ringback, a client music."""
        order, announcer = self._order(), self._tools.announcer
        if side is Side.AGENT:
            told = announcer.prompts.digits(order.number, order.locale) if order.announce else []
            if told:
                told = [announcer.prompts.path(Prompt.CALLBACK_TO, order.locale), *told]
            sounds = [*told, RINGBACK]
        else:
            prompt = announcer.prompts.path(Prompt.CALLING_AGENT, order.locale)
            sounds = [*([prompt] if prompt else []), self._tools.music]
        longest = order.connect_seconds + control.LIMIT_GRACE
        self._send(control.play(leg, f"tone-{order.mark(side)}", sounds, longest))

    def ask_key(self, leg: str) -> None:
        """Ask the client to take the call."""
        prompt = self._tools.announcer.prompts.path(Prompt.CALLBACK_KEY, self._order().locale)
        sounds = [prompt] if prompt else []
        for command in control.screen(leg, self._order().mark(Side.CLIENT), sounds, "", with_key=True):
            self._send(command)

    def bridge(self, client: str, agent: str) -> None:
        """Take the two to each other, and record them where that is wanted."""
        if self._order().recording:
            self._send(control.record(client, self._order().recording))
        *settings, bridge = control.bridge(client, agent)
        for command in settings:
            self._send(command)
        self._send(bridge, refused=lambda text: BridgeRefused(self._tools.clock(), text))

    def release(self, side: Side, leg: str) -> None:
        """Tell the one who is on the line that the other one cannot be had, and hang up."""
        to_client = Prompt.CALLBACK_LATER if self._order().retries else Prompt.NOBODY_AVAILABLE
        prompt = Prompt.CLIENT_UNREACHED if side is Side.AGENT else to_client
        path = self._tools.announcer.prompts.path(prompt, self._order().locale)
        if self._now().answered_at and side is self._now().first:
            self._send(control.stop_music(leg))  # the tone that it hears: it has nothing else
        for command in control.release(leg, path):
            self._send(command)

    def stop_tone(self, leg: str) -> None:
        """The one who waits waits no more."""
        self._send(control.stop_music(leg))

    def end_legs(self, side: Side) -> None:
        """Hang up every leg of a side."""
        self._send(control.end_legs(self._order().mark(side)))

    # -- inside -------------------------------------------------------------------------------------------

    def _send(self, command: Command, refused: Callable[[str], Fact] | None = None) -> None:
        """Write it; a refusal may be a fact."""
        told = (lambda text: self._tell(refused(text))) if refused else None
        self._tools.pbx.say(command, told, self._log)
