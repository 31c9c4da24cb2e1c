"""What can happen to a transfer (facts, past tense) and what it can do (actions, verbs).

Those that every machine has are in voiced/facts.py. Facts about a leg name the attempt that dialled it: a
late ending of attempt 1 must not hit attempt 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from voiced.facts import Action, Cancelled, Deadline, Fact, PbxBack, PbxLost, Requested


@dataclass(frozen=True, slots=True)
class IntentRecorded(Fact):
    """The database has the intention to dial this attempt; now it may be dialled."""

    attempt: int


@dataclass(frozen=True, slots=True)
class HoldStarted(Fact):
    """Our music plays to the caller."""


@dataclass(frozen=True, slots=True)
class HoldFailed(Fact):
    """Our music will not play: it does not exist, or the PBX refused the commands."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class HoldEnded(Fact):
    """Our music has ended: stopped, bridged away, at the switch's own limit, or by a key (`key`)."""

    key: str = ""


@dataclass(frozen=True, slots=True)
class LegCreated(Fact):
    """A leg of an attempt exists."""

    attempt: int
    leg: str


@dataclass(frozen=True, slots=True)
class Ringing(Fact):
    """A phone rings."""

    attempt: int
    leg: str


@dataclass(frozen=True, slots=True)
class Answered(Fact):
    """A person (or their voicemail) is on the line: this leg won the attempt and is parked.

    `number` is what it was dialled as, which tells apart destinations that ring together.
    """

    attempt: int
    leg: str
    number: str = ""
    is_unbridged: bool = False  # found so by recovery: it waits, and the caller hears our music


@dataclass(frozen=True, slots=True)
class Accepted(Fact):
    """The agent pressed the key that takes the call."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Refused(Fact):
    """The agent pressed the key that refuses, or none in time. `wish` is `reject` or `callback`."""

    attempt: int
    wish: str = "reject"


@dataclass(frozen=True, slots=True)
class BridgeRefused(Fact):
    """The PBX refused to bridge: one of the two is gone."""

    attempt: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Bridged(Fact):
    """CHANNEL_BRIDGE: caller and `leg` hear each other. Only this makes a transfer a success."""

    leg: str


@dataclass(frozen=True, slots=True)
class Rebridged(Fact):
    """The caller, having been with the agent, is bridged to another leg: the agent passed the call on."""

    leg: str


@dataclass(frozen=True, slots=True)
class Unbridged(Fact):
    """The caller is no longer bridged to anyone, for now."""


@dataclass(frozen=True, slots=True)
class LegEnded(Fact):
    """A leg of an attempt has hung up. `sip_code` is '' where SIP said nothing."""

    attempt: int
    leg: str
    cause: str
    sip_code: str = ""


@dataclass(frozen=True, slots=True)
class JobFailed(Fact):
    """The originate ended without an answer: the attempt is over. Where no channel was made, all there is."""

    attempt: int
    cause: str


@dataclass(frozen=True, slots=True)
class AssistantLeft(Fact):
    """The assistant's own leg, to which the caller was bridged, has hung up."""


@dataclass(frozen=True, slots=True)
class CallerParked(Fact):
    """The caller's leg parks: after a bridge that came to nothing there is nobody on the line.

    `is_stranded`: it was looked at, and is not a park of the dialplan's own.
    """

    is_stranded: bool = False


@dataclass(frozen=True, slots=True)
class SessionEnded(Fact):
    """A call routed in has lost its session, and goes on with its dialplan.

    `is_held`: our music plays all the same, since a process that sleeps still has the session. `is_parked`: a
    bridge that was commanded by a daemon that is gone came to nothing, and there is nobody on the line.
    """

    is_held: bool = False
    is_parked: bool = False


@dataclass(frozen=True, slots=True)
class CallerEnded(Fact):
    """The caller has hung up, or was hung up.

    `is_unknown`: which of the two, or whether an agent was bridged to them while nobody watched.
    """

    cause: str
    is_unknown: bool = False


@dataclass(frozen=True, slots=True)
class RecordIntent(Action):
    """Commit to the database that this attempt is about to be dialled."""

    attempt: int


@dataclass(frozen=True, slots=True)
class HoldCaller(Action):
    """Pause the assistant and play our marked music."""


@dataclass(frozen=True, slots=True)
class StopMusic(Action):
    """End our music, which plays now: the caller is back with the assistant."""


@dataclass(frozen=True, slots=True)
class ResumeAssistant(Action):
    """The caller is back: let a paused assistant listen and talk again, and forget our settings."""


@dataclass(frozen=True, slots=True)
class FallBack(Action):
    """The caller is back, and shall not stay with the assistant: voicemail, a farewell, the dialplan."""


@dataclass(frozen=True, slots=True)
class TellDialplan(Action):
    """Set for the dialplan, which is about to go on, what became of the transfer."""


@dataclass(frozen=True, slots=True)
class SendHome(Action):
    """Send a caller with nobody on the line through the dialplan to the assistant again."""


@dataclass(frozen=True, slots=True)
class DialAgent(Action):
    """Originate this attempt."""

    attempt: int


@dataclass(frozen=True, slots=True)
class EndLegs(Action):
    """Hang up every leg of this attempt at once."""

    attempt: int


@dataclass(frozen=True, slots=True)
class ScreenAgent(Action):
    """Tell the agent who calls, and ask for the key."""

    attempt: int
    leg: str


@dataclass(frozen=True, slots=True)
class BridgeLegs(Action):
    """Bridge the caller and the agent."""

    attempt: int
    leg: str


@dataclass(frozen=True, slots=True)
class ReleaseAgent(Action):
    """Tell an agent who has answered that the caller left, and hang up. `is_asked`: in mid-question."""

    leg: str
    is_asked: bool = False


@dataclass(frozen=True, slots=True)
class Report(Action):
    """The result is known: tell the ticketing backend, once."""


@dataclass(frozen=True, slots=True)
class ReportTalk(Action):
    """The talk has ended: tell the ticketing backend how."""


Actions: TypeAlias = tuple[Action, ...]
FACTS: Final[tuple[type[Fact], ...]] = (
    Requested, IntentRecorded, HoldStarted, HoldFailed, HoldEnded, LegCreated, Ringing, Answered, Accepted,
    Refused, BridgeRefused, Bridged, Rebridged, Unbridged, LegEnded, JobFailed, AssistantLeft, CallerParked,
    SessionEnded, CallerEnded, Deadline, Cancelled, PbxLost, PbxBack,
)  # fmt: skip
