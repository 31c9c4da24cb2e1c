"""The demo's output: one line a step, coloured on a terminal."""

from __future__ import annotations

import time
from typing import Any, Final

from rich.console import Console
from rich.text import Text

_STYLES: Final = {
    "caller": "cyan", "client": "cyan", "assistant": "yellow", "agent": "green", "voiced": "bold",
    "backend": "magenta",
}  # fmt: skip

# What a step of a transfer means to somebody who watches.
_STEPS: Final = {
    "intent_recorded": "the intention is in the database; the caller is put on hold",
    "hold_started": "music for the caller; the agent's phone is called",
    "hold_failed": "no music to be had; the agent's phone is called all the same",
    "ringing": "the agent's phone rings",
    "answered": "the agent answers, and hears who calls",
    "accepted": "the agent has heard it; the two are bridged",
    "bridged": "CHANNEL_BRIDGE: they hear each other, the transfer is a success",
    "job_failed": "nobody was reached ({cause}); the caller is taken back",
    "caller_ended": "the caller's call has ended",
}
# The same for a callback, and for the call that keeps it.
_CALLBACK_STEPS: Final = {
    "made": "the promise is in the database; a ticket is on its way",
    "agent_free": "the agent is free, and has been for a while",
    "attempt_began": "the intention to call is in the database",
    "attempt_ended": "the promise is kept",
}
_ATTEMPT_STEPS: Final = {
    ("joining", "answered"): "the agent answers, hears whom it is for, and a tone; the client is called",
    ("bridging", "answered"): "the client answers; the two are bridged",
    ("connected", "bridged"): "CHANNEL_BRIDGE: they hear each other",
    ("ended", "leg_ended"): "nobody is left on the line",
}


class Timeline:
    """Prints. Times are seconds since the scene began."""

    def __init__(self, *, plain: bool) -> None:
        self._console = Console(highlight=False, no_color=plain, soft_wrap=True)
        self._began = time.monotonic()

    def scene(self, title: str) -> None:
        """A new scene."""
        self._began = time.monotonic()
        self._console.print()
        self._console.rule(title, align="left", style="dim")

    def say(self, who: str, text: str) -> None:
        """Somebody does or hears something."""
        seconds = f"{time.monotonic() - self._began:6.2f} s"
        style = _STYLES.get(who, "")
        self._console.print(Text.assemble((seconds, "dim"), "  ", (f"{who:<10}", style), text))

    def step(self, step: dict[str, Any]) -> None:
        """A step of a transfer or of a callback, from /api/events."""
        if step["type"] == "callback":
            if text := _CALLBACK_STEPS.get(step["fact"]):
                self.say("voiced", f"{step['status']:<12}{text}")
            return
        if step["type"] == "callback_attempt":
            if text := _ATTEMPT_STEPS.get((step["phase"], step["fact"])):
                self.say("voiced", f"{step['phase']:<12}{text}")
            return
        if (text := _STEPS.get(step["fact"])) and not step["ignored"]:
            self.say("voiced", f"{step['phase']:<12}{text.format(cause=step['cause'])}")

    def line(self, text: str = "") -> None:
        """Plain text."""
        self._console.print(text)
