"""Events of the PBX as facts of an attempt. A side's legs are known by their mark."""

from __future__ import annotations

from voiced.callback.facts import (
    Accepted,
    Answered,
    Bridged,
    LegCreated,
    LegEnded,
    PassedOn,
    Refused,
    Ringing,
    ToneStarted,
)
from voiced.callback.outcome import Side
from voiced.callback.state import Attempt
from voiced.esl.event import Event
from voiced.facts import Fact
from voiced.pbx.channel import plays_our_music

LEG_EVENTS = (
    "CHANNEL_CREATE", "CHANNEL_PROGRESS", "CHANNEL_PROGRESS_MEDIA", "CHANNEL_PARK", "PLAYBACK_START",
    "CHANNEL_EXECUTE_COMPLETE", "CHANNEL_BRIDGE", "CHANNEL_HANGUP",
)  # fmt: skip


def heard(event: Event, side: Side, mark: str, a: Attempt, at: float) -> Fact | None:
    """What an event of a side's leg is for the attempt; None for what does not concern it."""
    leg = event.unique_id
    match event.name:
        case "CHANNEL_CREATE":
            return LegCreated(at, side, leg)
        case "CHANNEL_PROGRESS" | "CHANNEL_PROGRESS_MEDIA":
            return Ringing(at, side, leg)
        case "CHANNEL_PARK":
            return Answered(at, side, leg)
        case "PLAYBACK_START" if plays_our_music(event):  # it does not say which application plays
            return ToneStarted(at, side, leg)
        case "CHANNEL_EXECUTE_COMPLETE" if event.get("Application-UUID") == f"screen-{mark}":
            return key_fact(event.variable("voiced_key") or "", at)
        case "CHANNEL_BRIDGE":
            return bridged(leg, _other(event, leg), side, a, at)
        case "CHANNEL_HANGUP":
            cause = event.get("Hangup-Cause") or "UNKNOWN"
            return LegEnded(at, side, leg, cause, event.variable("sip_term_status") or "")
    return None


def key_fact(key: str, at: float) -> Fact:
    """What the client's key means; '' for none in time."""
    return Accepted(at) if key == "1" else Refused(at, key)


def bridged(leg: str, other: str, side: Side, a: Attempt, at: float) -> Fact | None:
    """A bridge of one of our legs: with the other side's, or a client's with somebody else."""
    if other in a.line(side.other).legs:
        agent, client = (leg, other) if side is Side.AGENT else (other, leg)
        return Bridged(at, agent, client)
    return PassedOn(at, other) if side is Side.CLIENT else None


def _other(event: Event, leg: str) -> str:
    sides = {event.get("Bridge-A-Unique-ID") or "", event.get("Bridge-B-Unique-ID") or ""} - {leg}
    return sides.pop() if len(sides) == 1 else event.get("Other-Leg-Unique-ID") or ""
