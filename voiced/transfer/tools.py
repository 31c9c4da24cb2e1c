"""What every driver of a transfer works with, and how callers are held."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voiced.clock import steady
from voiced.facts import Fact
from voiced.pbx.owner import Ownership
from voiced.pbx.pbx import Pbx
from voiced.scribe import Scribe
from voiced.speech.announcement import NO_ANNOUNCER, Announcer
from voiced.transfer.request import Request
from voiced.transfer.state import Transfer
from voiced.transfer.stranded import Stranded

if TYPE_CHECKING:
    from voiced.transfer.driver import Driver


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
    stranded: Stranded
    see_off: Callable[[str], object]  # see to it that this call goes on with its dialplan
    queue_members: dict[str, Driver]  # legs that wait in a queue, and whose they are
    count_outside: Callable[[Request, int, Callable[[str], object]], object]  # hears why not to dial, or ''
    ownership: Ownership  # may this daemon dial, is it certain that it may act?
    watch: Callable[[Request, Transfer, Transfer, Fact], object]  # sees every step, before and after
    reacted: Callable[[float], object]  # seconds from an answer (or its key) to its bridge command
    clock: Callable[[], float] = steady
