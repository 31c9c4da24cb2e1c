"""What was asked for: everything about a transfer that does not change while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

from voiced.esl import InvalidValue, commands
from voiced.pbx.channel import Channel
from voiced.transfer.state import Dial

_OUTSIDE_DIGITS: Final = 8  # of a number in the same town (Brazil); extensions have up to seven


class DestinationType(StrEnum):
    """What kind of thing answers."""

    EXTENSION = "extension"
    RING_GROUP = "ring_group"
    QUEUE = "queue"
    EXTERNAL = "external"
    VOICEMAIL = "voicemail"


@dataclass(frozen=True, slots=True)
class Target:
    """A destination as it is dialled."""

    name: str  # '' for an extension that nobody has named
    type: DestinationType
    number: str
    domain: str  # its name, not its uuid
    uuid: UUID | None = None
    context: str = ""  # of what is dialled through the dialplan; '' for the domain's name
    gateway: str = ""  # of an external number
    announce: bool = False  # the agent hears who calls before the bridge
    screening: bool = False  # and takes the call with a key

    def endpoint(self) -> str:
        """The endpoint of a dial string. Raises InvalidValue for what cannot be dialled."""
        context = self.context or self.domain
        match self.type:
            case DestinationType.EXTENSION:
                return commands.user(self.number, self.domain)
            case DestinationType.RING_GROUP | DestinationType.QUEUE:
                return commands.loopback(self.number, context)
            case DestinationType.VOICEMAIL:
                return commands.loopback(f"*99{self.number}", context)
            case DestinationType.EXTERNAL:
                return commands.via_gateway(self.gateway, self.number)

    @property
    def is_diallable(self) -> bool:
        """Whether it has an endpoint."""
        try:
            return bool(self.endpoint())
        except InvalidValue:
            return False

    @property
    def is_outside(self) -> bool:
        """Whether it may cost money: a long number leaves the house, whatever its destination is called."""
        digits = sum(character.isdigit() for character in self.number)
        is_long = self.number.startswith("+") or digits >= _OUTSIDE_DIGITS
        return self.type is DestinationType.EXTERNAL or (
            is_long and self.type is not DestinationType.VOICEMAIL
        )

    @property
    def is_queue(self) -> bool:
        """A queue answers at once; a person only when one of its agents takes the call."""
        return self.type is DestinationType.QUEUE

    @property
    def is_group(self) -> bool:
        """A group may answer with a greeting, or its own box; a person only when a phone of it does."""
        return self.type is DestinationType.RING_GROUP

    @property
    def answers_itself(self) -> bool:
        """Whether its answer is nobody's."""
        return self.is_queue or self.is_group


@dataclass(frozen=True, slots=True)
class Request:
    """A request, accepted: the caller is known to the PBX and the destination can be dialled.

    `plan` and `targets` go together, one entry an attempt; the targets of an entry ring together.
    """

    id: UUID
    pbx: str
    domain_uuid: UUID
    caller: Channel
    targets: tuple[tuple[Target, ...], ...]
    plan: tuple[Dial, ...]
    story_id: UUID
    reason: str = ""
    summary: str = ""
    secretary_uuid: UUID | None = None
    locale: str = "pt-BR"
    assistant_leg: str = ""  # the leg that the caller was bridged to, '' where the assistant has none
    mailbox: Target | None = None  # where a fallback to voicemail leads
    closed_messages: dict[str, str] = field(default_factory=dict)  # what to say of a closed destination
    offers_callback: bool = True  # where nobody can be had

    def ringing(self, attempt: int) -> tuple[Target, ...]:
        """What an attempt dials; before the first, what it would."""
        return self.targets[max(attempt, 1) - 1]

    def target(self, attempt: int, number: str = "") -> Target:
        """The target of an attempt that was dialled under this number, else its first."""
        ringing = self.ringing(attempt)
        return next((target for target in ringing if target.number == number), ringing[0])

    @property
    def domain(self) -> str:
        """The domain's name."""
        return self.targets[0][0].domain

    def attempt_id(self, attempt: int) -> str:
        """The mark of an attempt's legs."""
        return f"{self.id}.{attempt}"
