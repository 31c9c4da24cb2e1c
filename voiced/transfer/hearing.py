"""Events of the PBX as facts of a transfer.

The caller's leg is known by its uuid, the legs that we dialled by the mark of their attempt.
"""

from __future__ import annotations

from voiced.esl.event import Event
from voiced.facts import Fact
from voiced.pbx.channel import plays_our_music
from voiced.transfer.facts import (
    Accepted,
    Answered,
    AssistantLeft,
    Bridged,
    CallerEnded,
    CallerParked,
    HoldEnded,
    HoldFailed,
    HoldStarted,
    JobFailed,
    LegCreated,
    LegEnded,
    Rebridged,
    Refused,
    Ringing,
    Unbridged,
)

CALLER_EVENTS = (
    "PLAYBACK_START", "CHANNEL_EXECUTE_COMPLETE", "CHANNEL_PARK", "CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE",
    "CHANNEL_HANGUP",
)  # fmt: skip
LEG_EVENTS = (
    "CHANNEL_CREATE", "CHANNEL_PROGRESS", "CHANNEL_PROGRESS_MEDIA", "CHANNEL_PARK",
    "CHANNEL_EXECUTE_COMPLETE", "CHANNEL_HANGUP",
)  # fmt: skip


class CallerEar:
    """Hears the caller's leg. It remembers whether our music plays, and whether the talk has begun.

    A hold that is renewed gets a number of its own, and the end of the one before is no end. The number is
    the time, so that none is given twice, by a daemon that is started again either.
    """

    def __init__(self, transfer: str, caller: str, assistant: str) -> None:
        self._caller, self._transfer, self._assistant = caller, transfer, assistant
        self._last_hold = 0
        self.music_plays = False
        self.has_talked = False

    def next_hold(self, at: float) -> int:
        """The number of the hold that is asked for now."""
        self._last_hold = max(self._last_hold + 1, int(at * 1000))
        return self._last_hold

    def fact(self, event: Event, at: float) -> Fact | None:
        """What the event is for the transfer; None for what it does not concern."""
        match event.name:
            case "PLAYBACK_START" if event.variable("voiced_hold") == self._transfer and plays_our_music(
                event
            ):
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
        is_last = self._last_hold in (0, int(number) if number.isdigit() else 0)
        return hold == f"hold-{self._transfer}" and is_last

    def _other(self, event: Event) -> str:
        """The other leg of a bridge: the caller may be its a or its b side."""
        sides = {event.get("Bridge-A-Unique-ID") or "", event.get("Bridge-B-Unique-ID") or ""}
        sides.discard(self._caller)
        return sides.pop() if len(sides) == 1 else event.get("Other-Leg-Unique-ID") or ""


def assistant_fact(event: Event, at: float) -> Fact | None:
    """The assistant's own leg has hung up."""
    return AssistantLeft(at) if event.name == "CHANNEL_HANGUP" else None


class AttemptEar:
    """Hears the legs of one attempt.

    A leg that parks has won. Not so in a queue, which answers at once: there the parked leg waits on the
    caller's behalf until the queue says that one of its agents has taken the call (`hear_queue`).
    """

    def __init__(self, attempt: int, mark: str, *, is_queue: bool) -> None:
        self._attempt, self._screen, self.is_queue = attempt, f"screen-{mark}", is_queue
        self._waiting: tuple[str, str] | None = None  # the leg parked in a queue, and its number

    def facts(self, event: Event, at: float) -> list[Fact]:
        """What the event is for the transfer."""
        attempt, leg = self._attempt, event.unique_id
        match event.name:
            case "CHANNEL_CREATE":
                return [LegCreated(at, attempt, leg)]
            case "CHANNEL_PROGRESS" | "CHANNEL_PROGRESS_MEDIA" if not self.is_queue:
                return [Ringing(at, attempt, leg)]
            case "CHANNEL_PARK" if not (event.get("Channel-Name") or "").endswith("-b"):
                number = event.get("Caller-Destination-Number") or ""
                if not self.is_queue:
                    return [Answered(at, attempt, leg, number)]
                self.waits(leg, number)
            case "CHANNEL_EXECUTE_COMPLETE" if event.get("Application-UUID") == self._screen:
                return [self._screened(event, at)]
            case "CHANNEL_HANGUP":
                return self._ended(event, at)
        return []

    def waits(self, leg: str, number: str) -> None:
        """The queue has answered this leg, and nobody has taken the call yet."""
        self._waiting = (leg, number)

    def queue_facts(self, event: Event, at: float) -> list[Fact]:
        """What a queue says of its member (CUSTOM callcenter::info)."""
        if self._waiting is None:
            return []
        leg, number = self._waiting
        match event.get("CC-Action"):
            case "agent-offering":
                return [Ringing(at, self._attempt, leg)]
            case "bridge-agent-start":
                return [Answered(at, self._attempt, leg, number)]
        return []

    def _ended(self, event: Event, at: float) -> list[Fact]:
        leg, cause = event.unique_id, event.get("Hangup-Cause") or "UNKNOWN"
        ended = LegEnded(at, self._attempt, leg, cause, event.variable("sip_term_status") or "")
        if self._waiting is None or leg != self._waiting[0]:
            return [ended]
        # the originate was over when the queue answered, so nobody else says that the attempt is
        return [ended, JobFailed(at, self._attempt, "NO_ANSWER" if cause == "NORMAL_CLEARING" else cause)]

    def _screened(self, event: Event, at: float) -> Fact:
        asked = event.get("Application") == "play_and_get_digits"
        return key_fact((event.variable("voiced_key") or "") if asked else "1", at, self._attempt)


def key_fact(key: str, at: float, attempt: int) -> Fact:
    """What an agent's key means; '' for none in time."""
    match key:
        case "1":
            return Accepted(at, attempt)
        case "3":
            return Refused(at, attempt, "callback")
    return Refused(at, attempt)
