"""A callback as it is kept: its status, and what is decided on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from voiced.callback.policy import Owner, Policy


class Status(StrEnum):
    """As the ticketing backend knows them."""

    PENDING = "pending"
    NOTIFIED = "notified"
    READY_TO_CALL = "ready_to_call"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    EXPIRED = "expired"
    CANCELED = "canceled"
    FAILED = "failed"
    NEEDS_REVIEW = "needs_review"


WAITING: Final = (Status.PENDING, Status.NOTIFIED, Status.READY_TO_CALL)
OPEN: Final = (*WAITING, Status.IN_PROGRESS, Status.NEEDS_REVIEW)


@dataclass(frozen=True, slots=True)
class Callback:
    """What the table decides on; what it never looks at stays in the database."""

    id: UUID
    status: Status
    created_at: datetime
    expires_at: datetime
    not_before: datetime  # it waits until then: its time, a snooze, a pause between two notices or calls
    extension: str = ""  # the agent; '' for anybody of the department
    taken_from: str | None = None  # whose it was before this agent took it ('' : the department's); else None
    intended_for: str = ""  # whom it was promised for; stays when it passes to the department
    department: str = ""
    scheduled_at: datetime | None = None
    assigned_at: datetime | None = None  # since when it is this agent's; None: since it was made
    attempts: int = 0  # that cost the client something
    misses: Mapping[str, int] = field(default_factory=dict)  # by budget
    last_attempt_at: datetime | None = None
    attempt_id: UUID | None = None  # the one under way, or the last
    notification_count: int = 0
    last_notified_at: datetime | None = None
    whatsapp_sent_at: datetime | None = None
    cancel_wanted: bool = False  # while it is called
    completed_at: datetime | None = None
    closed_at: datetime | None = None
    voice_call_duration: float | None = None
    recording_path: str = ""  # of the call that kept it, on the PBX

    def looks_at(self, policy: Policy, now: datetime) -> datetime | None:
        """When time alone changes something next; None where only people can."""
        if self.status not in (*WAITING, Status.NEEDS_REVIEW):
            return None
        times = [self.expires_at]
        if self.status in WAITING:
            passes = self.passes_on_at(policy)
            times += [passes] if passes else []
            # what waits for its agent only needs no look: the agent's next moment will come
            times += [self.not_before] if self.not_before >= now and policy.owner is Owner.VOICED else []
        return min(times)

    def passes_on_at(self, policy: Policy) -> datetime | None:
        """When a promise for one person becomes their department's; None where it does not.

        An agent who took it from others has it for so long from its retry's time, or for the pause between
        two notices where agents keep theirs.
        """
        if self.taken_from is not None:
            minutes = policy.department_after_minutes
            minutes = policy.min_interval_minutes if minutes is None else minutes
            return self.not_before + timedelta(minutes=minutes)
        if policy.department_after_minutes is None or not (self.extension and self.department):
            return None
        theirs_since = self.assigned_at or self.created_at
        since = max(theirs_since, self.scheduled_at or theirs_since)
        return since + timedelta(minutes=policy.department_after_minutes)
