"""Events of the PBX as facts of a transfer.

The caller's leg is known by its uuid, the legs that we dialled by the mark of their attempt.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Final

from voiced.esl.event import Event
from voiced.facts import Fact
from voiced.pbx.channel import dialled_as, plays_our_music
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

_NEAR_END: Final = "other_loopback_leg_uuid"  # variable of a loopback's far end
CALLER_EVENTS = (
    "PLAYBACK_START", "CHANNEL_EXECUTE_COMPLETE", "CHANNEL_PARK", "CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE",
    "CHANNEL_HANGUP",
)  # fmt: skip
LEG_EVENTS = (
    "CHANNEL_CREATE", "CHANNEL_PROGRESS", "CHANNEL_PROGRESS_MEDIA", "CHANNEL_PARK", "CHANNEL_BRIDGE",
    "CHANNEL_UNBRIDGE", "CHANNEL_EXECUTE_COMPLETE", "CHANNEL_HANGUP",
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
    caller's behalf until the queue says that one of its agents has taken the call (`queue_facts`). Nor in a
    ring group, which may answer with a greeting, or with a box when nobody came: there it waits until the
    far end of the loopback is bridged to a phone that has answered. The phone itself carries no mark: of one
    that is bridged with early media `phone_to_hear` says which answer to listen for.
    """

    def __init__(
        self, attempt: int, mark: str, *, is_queue: bool = False, groups: Container[str] = ()
    ) -> None:
        self._attempt, self._screen, self.is_queue = attempt, f"screen-{mark}", is_queue
        self._groups = groups  # their numbers
        self._waiting: tuple[str, str] | None = None  # the leg parked in a queue or a group, and its number
        self._taken: set[str] = set()  # legs into a group in which a person is on the line
        self._early: dict[str, str] = {}  # phones that are bridged and have not answered, and their legs

    def facts(self, event: Event, at: float) -> list[Fact]:
        """What the event is for the transfer."""
        attempt, leg = self._attempt, event.unique_id
        match event.name:
            case "CHANNEL_CREATE":
                return [LegCreated(at, attempt, leg)]
            case "CHANNEL_PROGRESS" | "CHANNEL_PROGRESS_MEDIA" if not self.is_queue:
                return [Ringing(at, attempt, leg)]
            case "CHANNEL_PARK" if not _is_far_end(event):
                number = dialled_as(event)
                if not self.is_queue and (number not in self._groups or leg in self._taken):
                    return [Answered(at, attempt, leg, number)]
                self.waits(leg, number)
            case "CHANNEL_BRIDGE" if _is_far_end(event) and not self.is_queue:
                if event.get("Other-Leg-Channel-Answered-Time") not in (None, "", "0"):
                    return self._person_in(event.variable(_NEAR_END) or "", at)
                self._early[event.get("Other-Leg-Unique-ID") or ""] = event.variable(_NEAR_END) or ""
            case "CHANNEL_ANSWER" if leg in self._early:
                return self._person_in(self._early.pop(leg), at)
            case "CHANNEL_UNBRIDGE" if _is_far_end(event):
                self._taken.discard(event.variable(_NEAR_END) or "")
                self._early.clear()
            case "CHANNEL_EXECUTE_COMPLETE" if event.get("Application-UUID") == self._screen:
                return [self._screened(event, at)]
            case "CHANNEL_HANGUP":
                return self._ended(event, at)
        return []

    def phone_to_hear(self, event: Event) -> str:
        """The phone whose answer is to be told as well, after this event; '' for none."""
        phone = event.get("Other-Leg-Unique-ID") or ""
        return phone if event.name == "CHANNEL_BRIDGE" and phone in self._early else ""

    def waits(self, leg: str, number: str) -> None:
        """The queue or the group has answered this leg, and nobody has taken the call yet."""
        self._waiting = (leg, number)

    def _person_in(self, leg: str, at: float) -> list[Fact]:
        """A phone of the group has answered, and is bridged to the far end of this leg."""
        self._taken.add(leg)
        if self._waiting is None or leg != self._waiting[0]:
            return []  # it parks in a moment
        return [Answered(at, self._attempt, *self._waiting)]

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
        # the originate was over when the queue or the group answered, so nobody else says that the attempt is
        return [ended, JobFailed(at, self._attempt, "NO_ANSWER" if cause == "NORMAL_CLEARING" else cause)]

    def _screened(self, event: Event, at: float) -> Fact:
        asked = event.get("Application") == "play_and_get_digits"
        return key_fact((event.variable("voiced_key") or "") if asked else "1", at, self._attempt)


def _is_far_end(event: Event) -> bool:
    """Of a loopback: the end that runs the dialplan."""
    name = event.get("Channel-Name") or ""
    return name.startswith("loopback/") and name.endswith("-b")


def key_fact(key: str, at: float, attempt: int) -> Fact:
    """What an agent's key means; '' for none in time."""
    match key:
        case "1":
            return Accepted(at, attempt)
        case "3":
            return Refused(at, attempt, "callback")
    return Refused(at, attempt)
