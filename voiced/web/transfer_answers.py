"""What answers about transfers look like."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, TypeAlias
from uuid import UUID

from pydantic import BaseModel, Field

from voiced.transfer.request import DestinationType
from voiced.transfer.state import Phase
from voiced.web.callback_answers import OpenCallback
from voiced.web.described import Like, Line, Listed
from voiced.web.fields import OneOf, TransferStatus

TransferPhase: TypeAlias = Annotated[str, OneOf(Phase)]
_OPEN_CALLBACK = Field(description="A call that the caller is promised already; null for none.")


class Target(BaseModel):
    """Who is, or was, called."""

    name: str
    type: DestinationType
    number: str


class TransferResult(BaseModel):
    """A transfer, as it is now."""

    id: UUID
    transfer_id: UUID = Field(description="The same as `id`.")
    story_id: UUID
    call_uuid: str
    status: TransferStatus
    success: bool = Field(description="Whether caller and agent talk, or have talked.")
    cause: str = Field(description="FreeSWITCH's hangup cause, or one of ours.")
    sip_code: str
    ended_by: str = Field(description="caller, agent, voiced …")
    attempts: int
    destination: Target
    ring_seconds: float
    message: str = Field(description="What the assistant may say, in Portuguese.")
    messages: dict[str, str] = Field(description="The same by language.")
    offer_callback: bool
    next: str = Field(description="Where the caller of a failed transfer goes; '' for nowhere.")
    open_callback: OpenCallback | None = _OPEN_CALLBACK


class TransferRow(BaseModel):
    """A transfer, as it is kept."""

    id: UUID
    transfer_id: UUID
    pbx: str
    call_uuid: str
    story_id: UUID
    domain_uuid: UUID
    secretary_uuid: UUID | None
    caller_number: str
    caller_name: str
    destination: dict[str, Any]
    reason: str
    summary: str
    status: TransferStatus
    cause: str
    sip_code: str
    ended_by: str
    attempts: int
    phase: TransferPhase
    requested_at: datetime
    bridged_at: datetime | None
    ended_at: datetime | None
    open_callback: OpenCallback | None = _OPEN_CALLBACK


class Transfers(Listed):
    """Transfers, newest first."""

    transfers: list[TransferRow]


class TransferLine(Line):
    """A fact, and what it made of the transfer."""

    phase: TransferPhase


class TransferJournal(BaseModel):
    """Every fact of a transfer, in order."""

    id: UUID
    journal: list[TransferLine]


TransferAnswer: TypeAlias = Annotated[dict[str, Any], Like(TransferResult)]
TransfersAnswer: TypeAlias = Annotated[dict[str, Any], Like(Transfers)]
TransferJournalAnswer: TypeAlias = Annotated[dict[str, Any], Like(TransferJournal)]
