"""What answers about callbacks and their calls look like."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID

from pydantic import BaseModel, Field

from voiced.callback.state import Phase
from voiced.web.described import Like, Line, Listed
from voiced.web.fields import CallbackStatus, OneOf

CallPhase: TypeAlias = Annotated[str, OneOf(Phase)]


class OpenCallback(BaseModel):
    """A call that a caller is promised already."""

    id: UUID
    ticket_id: str
    status: CallbackStatus
    intended_for: str
    scheduled_at: datetime | None


class Callback(BaseModel):
    """A promised call."""

    id: UUID
    ticket_id: str = Field(description="'' until the ticketing backend has made one.")
    ticket_ids: list[str] = Field(description="All of its tickets: a client may ask again under another.")
    ticket_uuid: str
    company_id: str
    domain_uuid: UUID
    secretary_uuid: UUID | None
    story_id: UUID
    transfer_id: UUID | None = Field(description="The transfer that failed.")
    number: str = Field(description="The client's, as +5511999990000.")
    contact_name: str
    extension: str = Field(description="The agent's; '' for anybody of the department.")
    intended_for: str
    department: str
    reason: str
    summary: str
    transcript: Any
    status: CallbackStatus
    created_at: datetime
    scheduled_at: datetime | None
    expires_at: datetime
    next_at: datetime | None = Field(description="When it may be offered next; null where it does not wait.")
    assigned_at: datetime | None
    attempts: int = Field(description="Those that cost the client something.")
    max_attempts: int
    misses: dict[str, int] = Field(description="How calls have ended, by whose patience it cost.")
    last_attempt_at: datetime | None
    attempt_id: UUID | None = Field(description="The latest call.")
    notification_count: int
    last_notified_at: datetime | None
    min_interval_minutes: float
    notify_via_whatsapp: bool
    whatsapp_sent_at: datetime | None
    completed_at: datetime | None
    closed_at: datetime | None
    voice_call_uuid: str = Field(description="The call in which it was promised.")
    voice_call_date: datetime | None = Field(description="When that call, or its transfer, began.")
    voice_call_recorded: bool
    voice_call_duration: float | None = Field(description="Seconds, of the call that kept it.")
    recording_path: str


class PromisedCallback(Callback):
    """A callback that was asked for."""

    is_new: bool = Field(description="False for the client's open one, brought up to date.")


class Callbacks(Listed):
    """Callbacks, newest first."""

    callbacks: list[Callback]


class CallbackLine(Line):
    """A fact, and what it made of the callback."""

    status: CallbackStatus


class CallLine(Line):
    """A fact, and what it made of the call."""

    phase: CallPhase


class CallbackWithJournals(Callback):
    """A callback, with all that has happened to it."""

    journal: list[CallbackLine]
    attempt_journals: dict[str, list[CallLine]] = Field(description="By the calls' ids.")


class Call(BaseModel):
    """A call that was placed."""

    id: UUID
    call_uuid: UUID = Field(description="The same as `id`.")
    callback_id: UUID | None
    ticket_id: str
    domain_uuid: UUID
    extension: str
    number: str
    phase: CallPhase
    requested_at: datetime | None
    connected_at: datetime | None
    duration_seconds: float
    result: str = Field(description="'' until it is known.")
    cause: str
    leg: Literal["agent", "client", ""] = Field(description="Whose ending decided it.")
    sip_code: str


class Calls(BaseModel):
    """Calls that are on their way, or talks."""

    calls: list[Call]
    total: int


class PlacedCall(BaseModel):
    """What came of an order to call."""

    success: bool
    call_uuid: UUID | None = Field(description="The attempt's id, for `monitor`.")
    error: str = Field(description="A cause, as USER_BUSY; '' for a call that is on its way.")
    message: str = Field(description="The same as a sentence, in the domain's language.")
    should_retry: bool
    retry_after_seconds: float


class Figures(BaseModel):
    """Of callbacks made in a period. Each counts once, however often it was called."""

    total: int
    pending: int = Field(description="Notified and ready to call, too.")
    in_progress: int
    completed: int
    expired: int
    canceled: int
    failed: int
    needs_review: int
    average_wait_seconds: float | None = Field(description="From the promised time to the call that kept it.")
    completion_rate: float | None = Field(description="Of all that are closed; null for none.")
    promises_kept: float | None = Field(description="The same without those that were canceled.")


class NamedFigures(Figures):
    """The same of one destination, department, or agent."""

    name: str


class Statistics(Figures):
    """All together, by destination (whom it was promised for, else the department), department, and agent."""

    by_destination: list[NamedFigures]
    by_department: list[NamedFigures]
    by_agent: list[NamedFigures]


OpenCallbackAnswer: TypeAlias = Annotated[dict[str, Any], Like(OpenCallback)]
CallbackAnswer: TypeAlias = Annotated[dict[str, Any], Like(Callback)]
PromisedAnswer: TypeAlias = Annotated[dict[str, Any], Like(PromisedCallback)]
CallbacksAnswer: TypeAlias = Annotated[dict[str, Any], Like(Callbacks)]
CallbackWithJournalsAnswer: TypeAlias = Annotated[dict[str, Any], Like(CallbackWithJournals)]
CallAnswer: TypeAlias = Annotated[dict[str, Any], Like(Call)]
CallsAnswer: TypeAlias = Annotated[dict[str, Any], Like(Calls)]
StatisticsAnswer: TypeAlias = Annotated[dict[str, Any], Like(Statistics)]
