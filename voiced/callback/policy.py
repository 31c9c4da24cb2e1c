"""What a company wants of its callbacks; `/api/settings/{company_id}` changes it."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from voiced.callback.outcome import Budget, Side
from voiced.esl import InvalidValue, values
from voiced.hours import WorkingHours


class Owner(StrEnum):
    """Who keeps the promise: our scheduler, or the ticketing backend's own monitor."""

    VOICED = "voiced"
    BACKEND = "backend"


class MissedWindow(StrEnum):
    """What to do with a call that is due while nobody may be called."""

    RETRY = "retry"  # when the window opens next
    NEXT_DAY = "next_day"  # not before tomorrow
    CLOSE = "close"  # it expires


def _caller_id(value: str) -> str:
    try:
        return values.number(value) if value else ""
    except InvalidValue as error:
        raise ValueError(str(error)) from None


def _path(value: str) -> str:
    try:
        values.argument(value)
    except InvalidValue as error:
        raise ValueError(str(error)) from None
    if value and ("{id}" not in value or not value.startswith("/") or ".." in value or " " in value):
        raise ValueError("an absolute path without spaces is needed, with {id} where the call's id goes")
    return value


def _hours(value: dict[str, Any] | None) -> dict[str, Any] | None:
    if value:
        WorkingHours.parse(value, "UTC")  # raises ValueError that says what is wrong
    return value


def _prefix(value: str) -> str:
    if not (value.startswith("+") and value[1:].isdigit() and value.isascii() and len(value) <= 16):
        raise ValueError("a prefix is written as in +55 or +5511")
    return value


Prefix = Annotated[str, AfterValidator(_prefix)]


class Policy(BaseModel):
    """The settings of one company; times are in the unit that their name says."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    enabled: bool = True
    owner: Owner = Owner.VOICED
    expiration_hours: float = Field(24, gt=0, le=24 * 90)
    max_notifications: int = Field(5, ge=1, le=100)
    min_interval_minutes: float = Field(10, ge=1 / 60, le=24 * 60)
    auto_dial: bool = False  # call as soon as the agent is free, without asking
    auto_retry: bool = True
    retry_delay_seconds: float = Field(30, ge=1, le=24 * 3600)
    max_attempts: int = Field(3, ge=1, le=50)  # that reached for the client, whatever came of them
    max_busy: int = Field(3, ge=1, le=50)
    max_no_answer: int = Field(3, ge=1, le=50)
    max_machine: int = Field(2, ge=1, le=50)
    max_other: int = Field(3, ge=1, le=50)
    max_agent_misses: int = Field(3, ge=1, le=50)
    agent_rest_seconds: float = Field(60, ge=0, le=3600)  # after an agent has refused or missed a call
    first: Side = Side.AGENT
    client_confirms: bool | None = None  # takes the call with a key; None: where the client is called first
    announce: bool = True  # the agent hears whom the call is for
    recording_path: Annotated[str, Field(max_length=500), AfterValidator(_path)] = ""  # on the PBX, with {id}
    ring_seconds: float = Field(30, ge=5, le=120)
    connect_seconds: float = Field(60, ge=10, le=300)
    window: Annotated[dict[str, Any] | None, AfterValidator(_hours)] = (
        None  # as a destination's working_hours
    )
    client_window: Annotated[dict[str, Any] | None, AfterValidator(_hours)] = None  # where the client is
    missed_window: MissedWindow = MissedWindow.RETRY
    department_after_minutes: float | None = Field(None, ge=0, le=60 * 24 * 30)
    caller_id: Annotated[str, Field(max_length=32), AfterValidator(_caller_id)] = ""  # shown to the client
    allowed_prefixes: tuple[Prefix, ...] = Field((), max_length=200)  # of client numbers; () for all
    blocked_numbers: tuple[Prefix, ...] = Field((), max_length=10_000)  # whole numbers, or their beginnings
    max_per_number_per_day: int = Field(10, ge=1, le=1000)
    whatsapp_template_id: str = Field("", max_length=200)

    @property
    def is_confirmed_by_key(self) -> bool:
        """Whether the client takes the call with a key."""
        return self.first is Side.CLIENT if self.client_confirms is None else self.client_confirms

    def expiry(self, made_at: datetime, scheduled_at: datetime | None = None) -> datetime:
        """When a promise is given up: so many hours after the later of its making and its time."""
        return max(made_at, scheduled_at or made_at) + timedelta(hours=self.expiration_hours)

    def limit(self, budget: Budget) -> int:
        """How many endings of this kind there may be."""
        limits = {
            Budget.BUSY: self.max_busy,
            Budget.NO_ANSWER: self.max_no_answer,
            Budget.MACHINE: self.max_machine,
            Budget.OTHER: self.max_other,
            Budget.AGENT: self.max_agent_misses,
        }
        return limits.get(budget, MOST_FAULTS)


MOST_FAULTS: Final = 10  # of ours (PBX lost, database away), and missed windows, before a person has to look
DEFAULT: Final = Policy()
