"""Events of the PBX as facts of a transfer.

The caller's leg is known by its uuid, the legs that we dialled by the mark of their attempt.
"""

from __future__ import annotations

from voiced.esl.event import Event
from voiced.transfer.facts import (
    Answered,
    AssistantLeft,
    Bridged,
    CallerEnded,
    CallerParked,
    Fact,
    HoldEnded,
    HoldFailed,
    HoldStarted,
    LegCreated,
    LegEnded,
    Rebridged,
    Ringing,
    Unbridged,
)

CALLER_EVENTS = (
    "PLAYBACK_START", "CHANNEL_EXECUTE_COMPLETE", "CHANNEL_PARK", "CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE",
    "CHANNEL_HANGUP",
)  # fmt: skip
LEG_EVENTS = (
    "CHANNEL_CREATE", "CHANNEL_PROGRESS", "CHANNEL_PROGRESS_MEDIA", "CHANNEL_PARK", "CHANNEL_HANGUP",
)  # fmt: skip


class CallerEar:
    """Hears the caller's leg. It remembers whether our music plays, and whether the talk has begun.

    A hold that is renewed gets a number of its own, and the end of the one before is no end.
    """

    def __init__(self, transfer: str, caller: str, assistant: str) -> None:
        self._caller, self._transfer, self._assistant = caller, transfer, assistant
        self._holds = 0
        self.music_plays = False
        self.has_talked = False

    def next_hold(self) -> int:
        """The number of the hold that is asked for now."""
        self._holds += 1
        return self._holds

    def fact(self, event: Event, at: float) -> Fact | None:
        """What the event is for the transfer; None for what it does not concern."""
        match event.name:
            case "PLAYBACK_START" if event.variable("voiced_hold") == self._transfer:
                self.music_plays = True
                return HoldStarted(at)
            case "CHANNEL_EXECUTE_COMPLETE" if self._is_last_hold(event.get("Application-UUID") or ""):
                played, self.music_plays = self.music_plays, False
                if not played:
                    return HoldFailed(at, event.get("Application-Response") or "")
                return HoldEnded(at, event.variable("playback_terminator_used") or "")
            case "CHANNEL_PARK":
                return CallerParked(at)
            case "CHANNEL_BRIDGE" if (other := self._other(event)) != self._assistant:
                return Rebridged(at, other) if self.has_talked else Bridged(at, other)
            case "CHANNEL_UNBRIDGE":
                return Unbridged(at)
            case "CHANNEL_HANGUP":
                return CallerEnded(at, event.get("Hangup-Cause") or "UNKNOWN")
        return None

    def _is_last_hold(self, application: str) -> bool:
        """Of the last hold that was asked for; after a restart, of any."""
        hold, _, number = application.rpartition(".")
        return hold == f"hold-{self._transfer}" and self._holds in (0, int(number) if number.isdigit() else 0)

    def _other(self, event: Event) -> str:
        """The other leg of a bridge: the caller may be its a or its b side."""
        sides = {event.get("Bridge-A-Unique-ID") or "", event.get("Bridge-B-Unique-ID") or ""}
        sides.discard(self._caller)
        return sides.pop() if len(sides) == 1 else event.get("Other-Leg-Unique-ID") or ""


def assistant_fact(event: Event, at: float) -> Fact | None:
    """The assistant's own leg has hung up."""
    return AssistantLeft(at) if event.name == "CHANNEL_HANGUP" else None


def leg_fact(event: Event, attempt: int, at: float) -> Fact | None:
    """A leg of an attempt was born, rings, won (it parks), or has ended."""
    match event.name:
        case "CHANNEL_CREATE":
            return LegCreated(at, attempt, event.unique_id)
        case "CHANNEL_PROGRESS" | "CHANNEL_PROGRESS_MEDIA":
            return Ringing(at, attempt, event.unique_id)
        case "CHANNEL_PARK":
            return Answered(at, attempt, event.unique_id)
        case "CHANNEL_HANGUP":
            cause = event.get("Hangup-Cause") or "UNKNOWN"
            return LegEnded(at, attempt, event.unique_id, cause, event.variable("sip_term_status") or "")
    return None
