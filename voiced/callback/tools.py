"""What every driver of an attempt works with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voiced.callback.order import Order
from voiced.callback.outcome import Side
from voiced.callback.state import Attempt
from voiced.facts import Fact
from voiced.pbx.owner import Ownership
from voiced.pbx.pbx import Pbx
from voiced.scribe import Scribe
from voiced.speech.announcement import Announcer

if TYPE_CHECKING:
    from voiced.callback.driver import Driver


@dataclass(frozen=True, slots=True)
class Tools:
    """What every driver works with."""

    pbx: Pbx
    scribe: Scribe
    announcer: Announcer
    music: str
    begin: Callable[[Order, Attempt], Awaitable[None]]  # writes the first intention down, or refuses
    is_wanted: Callable[[Order], Awaitable[bool]]  # False: its callback was canceled
    why_not: Callable[[Order, Side], str]  # a side cannot be called now (a cause); '' where it can
    ownership: Ownership
    watch: Callable[[Order, Attempt, Attempt, Fact], object]
    ask_pbx: Callable[[Driver], object]
    clock: Callable[[], float]
