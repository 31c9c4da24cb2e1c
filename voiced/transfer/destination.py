"""A destination: a name that callers say, and what is dialled for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from voiced.transfer.hours import WorkingHours
from voiced.transfer.request import DestinationType


class FallbackAction(StrEnum):
    """What becomes of a caller whose transfer to the destination has failed."""

    ASSISTANT = "assistant"  # back to the assistant
    NEXT = "next"  # the destination in `fallback_destination_uuid`, in the same transfer
    VOICEMAIL = "voicemail"  # the destination's own voicemail box
    CALLBACK = "callback"  # back to the assistant, which offers a callback
    HANGUP = "hangup"  # a prompt, and the end of the call


@dataclass(frozen=True, slots=True)
class Destination:
    """One row of v_voice_transfer_destinations. Times are seconds.

    `context` is the dialplan context of groups, queues and voicemail; '' for the domain's name, as in
    FusionPBX. `screening` and `announce` of None follow the secretary, then the settings.
    """

    uuid: UUID
    domain_uuid: UUID
    name: str
    type: DestinationType
    number: str
    secretary_uuid: UUID | None = None  # None: of every secretary of the domain
    aliases: tuple[str, ...] = ()
    context: str = ""
    gateway: str = ""  # of an external number; '' for the settings' one
    ring_timeout_seconds: float = 30.0
    max_retries: int = 0
    retry_delay_seconds: float = 5.0
    fallback_action: FallbackAction = FallbackAction.ASSISTANT
    fallback_destination_uuid: UUID | None = None
    department: str = ""
    role: str = ""
    description: str = ""
    working_hours: WorkingHours | None = None  # None: always open
    priority: int = 100  # the lower wins a tie, as FusionPBX orders
    is_default: bool = False
    is_enabled: bool = True
    screening: bool = False
    announce: bool | None = None
