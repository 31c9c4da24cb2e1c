"""What was asked for: everything about a transfer that does not change while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from voiced.esl import commands
from voiced.pbx.channel import Channel
from voiced.transfer.state import Dial


class DestinationType(StrEnum):
    """What kind of thing answers."""

    EXTENSION = "extension"
    RING_GROUP = "ring_group"
    QUEUE = "queue"
    EXTERNAL = "external"
    VOICEMAIL = "voicemail"


@dataclass(frozen=True, slots=True)
class Target:
    """A destination as it is dialled: one number of one domain."""

    name: str  # '' for an extension that nobody has named
    type: DestinationType
    number: str
    domain: str  # its name, not its uuid
    uuid: UUID | None = None

    def endpoints(self) -> list[str]:
        """The endpoints of a dial string. Raises InvalidValue for what cannot be dialled."""
        return [commands.user(self.number, self.domain)]


@dataclass(frozen=True, slots=True)
class Request:
    """A request, accepted: the caller is known to the PBX and the destination can be dialled.

    `plan` and `targets` go together, one entry an attempt.
    """

    id: UUID
    pbx: str
    domain_uuid: UUID
    caller: Channel
    targets: tuple[Target, ...]
    plan: tuple[Dial, ...]
    story_id: UUID
    reason: str = ""
    summary: str = ""
    secretary_uuid: UUID | None = None
    locale: str = "pt-BR"
    assistant_leg: str = ""  # the leg that the caller was bridged to, '' where the assistant has none
    tags: dict[str, str] = field(default_factory=dict)

    def target(self, attempt: int) -> Target:
        """What an attempt dials; before the first, what it would."""
        return self.targets[max(attempt, 1) - 1]

    def attempt_id(self, attempt: int) -> str:
        """The mark of an attempt's legs."""
        return f"{self.id}.{attempt}"
