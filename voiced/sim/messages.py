"""What is queued for a channel: commands for its own task, digits, and the dialplan's actions."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from .wire import Block


@dataclass(slots=True)
class PrivateMessage:
    """A command for a channel's own task: `sendmsg`, or what `uuid_broadcast` makes of itself."""

    headers: dict[str, str]
    body: str = ""
    origin: Block | None = None
    """The headers of the event it was born as, which its PRIVATE_COMMAND repeats first."""

    def get(self, name: str) -> str | None:
        """A header by its lower-case name."""
        for key, value in self.headers.items():
            if key.lower() == name:
                return value
        return None


@dataclass(slots=True)
class Action:
    """One line of a dialplan extension."""

    application: str
    data: str | None = None


@dataclass(slots=True)
class Digit:
    """A DTMF digit and how long it was pressed, in samples of 8 kHz."""

    digit: str
    duration: int = 2000
    source: str = "APP"


@dataclass(slots=True)
class Extension:
    """What is left to do in the dialplan."""

    name: str
    actions: deque[Action] = field(default_factory=deque)
