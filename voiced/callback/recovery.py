"""What was missed, made up from what the PBX says now and fed through the same table.

Nothing is guessed: what nobody can know is `LOST`, and what may have been dialled is never dialled again.
"""

from __future__ import annotations

from collections.abc import Iterable

from voiced.callback.facts import (
    Answered,
    Bridged,
    JobFailed,
    LegCreated,
    LegEnded,
    PassedOn,
    Ringing,
)
from voiced.callback.hearing import key_fact
from voiced.callback.order import side_of
from voiced.callback.outcome import Side
from voiced.callback.state import Attempt, Phase
from voiced.facts import LOST, Fact, PbxBack
from voiced.pbx.channel import Channel
from voiced.pbx.control import QUESTION


def missed_facts(a: Attempt, legs: Iterable[Channel], at: float, restarted: bool) -> list[Fact]:
    """The facts that bring an attempt from what it knows to what is so. `legs`: every marked leg of it."""
    facts: list[Fact] = [PbxBack(at, restarted)]
    ours: dict[Side, dict[str, Channel]] = {side: {} for side in Side}
    for leg in legs:
        if side := side_of(leg.attempt):
            ours[side][leg.uuid] = leg
    for side in Side:
        facts += [LegCreated(at, side, uuid) for uuid in ours[side]]
    for side in (a.first, a.second):  # who was on the line first is missed first
        known = ours[side]
        facts += [LegEnded(at, side, uuid, LOST) for uuid in sorted(a.line(side).legs - set(known))]
        if a.phase is Phase.CLEARING and a.line(side).dialled and not known:
            facts.append(JobFailed(at, side, LOST))
    talking = _talking(ours)
    if talking is not None:
        return [*facts, Bridged(at, *talking)]
    for side in (a.first, a.second):
        for leg in ours[side].values():
            if side is Side.CLIENT and leg.is_bridged and a.phase is Phase.CONNECTED:
                facts.append(PassedOn(at, leg.peer))
            elif leg.answered:
                is_asked = bool(leg.key) or leg.application == QUESTION
                facts.append(Answered(at, side, leg.uuid, is_asked))
                if leg.key:
                    facts.append(key_fact(leg.key, at))
            else:
                facts.append(Ringing(at, side, leg.uuid))
    return facts


def _talking(ours: dict[Side, dict[str, Channel]]) -> tuple[str, str] | None:
    """The legs of agent and client that are bridged with each other."""
    for agent in ours[Side.AGENT].values():
        for client in ours[Side.CLIENT].values():
            if agent.is_bridged_to(client.uuid) or client.is_bridged_to(agent.uuid):
                return agent.uuid, client.uuid
    return None
