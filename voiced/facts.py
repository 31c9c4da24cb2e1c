"""Facts and actions that every machine which makes calls has.

Facts are in the past tense, actions are verbs. A fact's `at` is when it happened, in seconds since the
epoch; a machine has no other clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LOST: Final = "LOST"  # the cause of what was missed and cannot be known; never guessed


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened."""

    at: float


@dataclass(frozen=True, slots=True)
class Requested(Fact):
    """Somebody asked for it."""


@dataclass(frozen=True, slots=True)
class Deadline(Fact):
    """The phase's deadline has passed."""


@dataclass(frozen=True, slots=True)
class Cancelled(Fact):
    """Somebody called it off."""

    by: str = "api"


@dataclass(frozen=True, slots=True)
class PbxLost(Fact):
    """The event socket is gone: nothing is heard and nothing can be done, calls go on."""


@dataclass(frozen=True, slots=True)
class PbxBack(Fact):
    """The event socket is back; what was missed follows as made-up facts.

    With `restarted` the state was read from the database, and may be older than what was done.
    """

    restarted: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """Something to do. None waits: what comes of it is a fact again."""


@dataclass(frozen=True, slots=True)
class AskPbx(Action):
    """Ask the PBX what is so; the answer comes as PbxBack and made-up facts."""
