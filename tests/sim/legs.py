"""The legs of a recording or of a run, made comparable: each gets a name that does not depend on its uuid."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from .recorded import Said

LEFT_OUT = frozenset(
    ("CODEC", "PRESENCE_IN", "PRIVATE_COMMAND", "API", "HEARTBEAT", "RE_SCHEDULE", "COMMAND", "MODULE_LOAD")
)
"""Events that are not compared: the simulated switch has no CODEC, PRESENCE_IN, RE_SCHEDULE, MODULE_LOAD."""


def is_compared(said: Said) -> bool:
    return said.kind == "event" and said.name not in LEFT_OUT


class Legs:
    """Legs in the order in which they appear, named like ``inbound sofia/internal/8000#1``."""

    def __init__(self, saids: Iterable[Said] = ()) -> None:
        self._events: dict[str, list[Said]] = {}
        self._labels: dict[str, str] = {}
        self._seen: Counter[str] = Counter()
        for said in saids:
            self.add(said)

    def add(self, said: Said) -> None:
        uuid = said.uuid
        if not uuid or "Channel-Name" not in said.headers:
            return
        if said.kind == "reply" and said.name != "CHANNEL_DATA":
            return
        self._events.setdefault(uuid, []).append(said)
        if uuid not in self._labels:
            label = f"{said.get('Call-Direction')} {plain_name(said.get('Channel-Name'))}"
            self._seen[label] += 1
            self._labels[uuid] = f"{label}#{self._seen[label]}"

    @property
    def order(self) -> list[str]:
        return list(self._events)

    def label(self, uuid: str) -> str:
        return self._labels.get(uuid, "")

    def name(self, uuid: str) -> str:
        return self._events[uuid][0].get("Channel-Name")

    def events(self, uuid: str) -> list[Said]:
        return self._events.get(uuid, [])

    def first_with(self, uuid: str, header: str) -> Said:
        return next(said for said in self._events[uuid] if said.get(header))

    def pairs(self, other: Legs) -> dict[str, str]:
        """The uuids of this side by those of the other, for legs of the same name."""
        theirs = {label: uuid for uuid, label in other._labels.items()}
        return {uuid: theirs[label] for uuid, label in self._labels.items() if label in theirs}


def plain_name(name: str) -> str:
    """A channel's name without the port of its phone."""
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", name)


def leg_key(said: Said, legs: Legs) -> str:
    """The leg's name, or for an event of no channel what it is about."""
    return legs.label(said.uuid) or said.get("CC-Action") or said.get("Job-Command")


class Tally:
    """How often each event of each leg has been said, CHANNEL_STATE apart, and how many replies."""

    def __init__(self) -> None:
        self.legs = Legs()
        self.counts: Counter[tuple[str, str]] = Counter()

    def add(self, said: Said) -> None:
        self.legs.add(said)
        if said.kind in ("reply", "notice"):
            self.counts[said.kind, ""] += 1
        elif is_compared(said) and said.name != "CHANNEL_STATE":
            self.counts[leg_key(said, self.legs), said.name] += 1

    def missing(self, wanted: Counter[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """What of `wanted` has not been said yet."""
        return dict(wanted - self.counts)
