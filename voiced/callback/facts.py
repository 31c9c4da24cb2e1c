"""What can happen to an attempt (facts, past tense) and what it can do (actions, verbs).

Those that every machine has are in voiced/facts.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from voiced.callback.outcome import Side
from voiced.facts import (
    Action,
    Cancelled,
    Deadline,
    Fact,
    PbxBack,
    PbxLost,
    Requested,
)


@dataclass(frozen=True, slots=True)
class IntentRecorded(Fact):
    """The database has the intention to dial this side; now it may be dialled."""

    side: Side


@dataclass(frozen=True, slots=True)
class LegCreated(Fact):
    """A leg of a side exists."""

    side: Side
    leg: str


@dataclass(frozen=True, slots=True)
class Ringing(Fact):
    """A phone rings."""

    side: Side
    leg: str


@dataclass(frozen=True, slots=True)
class Answered(Fact):
    """Somebody is on the line: this leg won, and is parked. `is_asked`: for the key, before we looked."""

    side: Side
    leg: str
    is_asked: bool = False


@dataclass(frozen=True, slots=True)
class ToneStarted(Fact):
    """What the first side hears while it waits for the other one has begun."""

    side: Side
    leg: str


@dataclass(frozen=True, slots=True)
class Accepted(Fact):
    """The client pressed the key that takes the call."""


@dataclass(frozen=True, slots=True)
class Refused(Fact):
    """The client pressed another key, or none: `key` is '' for none."""

    key: str = ""


@dataclass(frozen=True, slots=True)
class BridgeRefused(Fact):
    """The PBX refused to bridge: one of the two is gone."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Bridged(Fact):
    """CHANNEL_BRIDGE: these two legs hear each other."""

    agent: str
    client: str


@dataclass(frozen=True, slots=True)
class PassedOn(Fact):
    """The client, having been with the agent, is bridged to another leg: the agent passed the call on."""

    leg: str


@dataclass(frozen=True, slots=True)
class LegEnded(Fact):
    """A leg of a side has hung up. `sip_code` is '' where SIP said nothing."""

    side: Side
    leg: str
    cause: str
    sip_code: str = ""


@dataclass(frozen=True, slots=True)
class JobFailed(Fact):
    """The originate of a side ended without an answer."""

    side: Side
    cause: str


FACTS: Final[tuple[type[Fact], ...]] = (
    Requested, IntentRecorded, LegCreated, Ringing, Answered, ToneStarted, Accepted, Refused, BridgeRefused,
    Bridged, PassedOn, LegEnded, JobFailed, Deadline, Cancelled, PbxLost, PbxBack,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RecordIntent(Action):
    """Commit that this side will be dialled; then say so."""

    side: Side


@dataclass(frozen=True, slots=True)
class Dial(Action):
    """Originate this side's legs, if the agent is still free."""

    side: Side


@dataclass(frozen=True, slots=True)
class PlayTone(Action):
    """Let the first side hear that the other one is being called."""

    side: Side
    leg: str


@dataclass(frozen=True, slots=True)
class StopTone(Action):
    """It has begun too late: in the talk."""

    leg: str


@dataclass(frozen=True, slots=True)
class AskKey(Action):
    """Ask the client who answered for the key."""

    leg: str


@dataclass(frozen=True, slots=True)
class BridgeLegs(Action):
    """Connect the two."""

    client: str
    agent: str


@dataclass(frozen=True, slots=True)
class Release(Action):
    """Tell the one who is on the line that the other one cannot be had, and hang up."""

    side: Side
    leg: str


@dataclass(frozen=True, slots=True)
class EndLegs(Action):
    """Hang up every leg of a side, also those that only ring."""

    side: Side


@dataclass(frozen=True, slots=True)
class ReportConnected(Action):
    """Tell everybody that they talk."""


@dataclass(frozen=True, slots=True)
class ReportEnd(Action):
    """Tell everybody what became of it."""


Actions: TypeAlias = tuple[Action, ...]
