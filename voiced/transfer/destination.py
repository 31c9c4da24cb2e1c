"""A destination: a name that callers say, and what is dialled for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from voiced.hours import WorkingHours
from voiced.transfer.request import DestinationType


class FallbackAction(StrEnum):
    """What becomes of a caller whose transfer to the destination has failed."""

    ASSISTANT = "assistant"  # back to the assistant
    NEXT = "next"  # the destination in `fallback_destination_uuid`, in the same transfer
    VOICEMAIL = "voicemail"  # the box of `fallback_destination_uuid`, or of the destination tried last
    CALLBACK = "callback"  # back to the assistant, which offers a callback
    HANGUP = "hangup"  # a prompt, and the end of the call

    @classmethod
    def _missing_(cls, value: object) -> FallbackAction | None:
        """The names that tables had before voiced."""
        return {
            "return_agent": cls.ASSISTANT, "offer_ticket": cls.CALLBACK, "create_ticket": cls.CALLBACK,
        }.get(str(value))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Destination:
    """One row of v_voice_transfer_destinations, or an extension that has none. Times are seconds.

    `context` is the dialplan context of groups, queues and voicemail; '' for the domain's name, as in
    FusionPBX. What is None follows the secretary, then the settings.
    """

    uuid: UUID | None
    domain_uuid: UUID
    name: str
    type: DestinationType
    number: str
    secretary_uuid: UUID | None = None  # None: of every secretary of the domain
    aliases: tuple[str, ...] = ()
    context: str = ""
    gateway: str = ""  # of an external number; '' for the settings' one
    ring_timeout_seconds: float | None = None
    max_retries: int | None = None
    retry_delay_seconds: float | None = None
    fallback_action: FallbackAction = FallbackAction.ASSISTANT
    fallback_destination_uuid: UUID | None = None
    department: str = ""
    role: str = ""
    description: str = ""
    working_hours: WorkingHours | None = None  # None: always open
    priority: int = 100  # the lower wins a tie, as FusionPBX orders
    is_default: bool = False  # of two, where there are, the first by priority and name
    is_enabled: bool = True
    screening: bool = False
    announce: bool | None = None

    def is_open(self, now: datetime) -> bool:
        """Whether somebody is there. `now` is aware."""
        return self.working_hours is None or self.working_hours.is_open(now)

    def closed_messages(self, now: datetime) -> dict[str, str]:
        """What to say while it is closed, by language; nothing while it is open."""
        if self.working_hours is None or self.working_hours.is_open(now):
            return {}
        return self.working_hours.closed_messages(self.name, now)
