"""What is counted: a result once, whatever comes after it or again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from tests.transfer.world import World
from voiced.callback.callback import Status
from voiced.callback.keeper import Kept
from voiced.metrics import Metrics
from voiced.transfer.facts import LegEnded, Ringing
from voiced.transfer.state import Dial, Phase, Transfer
from voiced.watching import Watching
from voiced.web.live import Hub

DOMAIN = UUID("11111111-1111-4111-8111-111111111111")


def counted(metrics: Metrics, sample: str) -> float:
    return sum(s.value for family in metrics.registry.collect() for s in family.samples if s.name == sample)


def test_a_result_counts_once_also_where_facts_of_the_same_moment_follow() -> None:
    metrics, request = Metrics(), World((Dial(),)).request
    watching = Watching(metrics, Hub())
    rings = Transfer("t", (Dial(),), phase=Phase.RINGING, attempt=1, requested_at=990.0)
    known = replace(rings, phase=Phase.BRIDGED, bridged_at=1000.0, known_at=1000.0)
    watching.transfer(request, rings, known, Ringing(1000.0, 1, "leg"))
    watching.transfer(request, known, known, Ringing(1000.0, 1, "leg"))
    over = replace(known, phase=Phase.ENDED, ended_at=1000.0)
    watching.transfer(request, known, over, LegEnded(1000.0, 1, "leg", "NORMAL_CLEARING"))
    assert counted(metrics, "voice_transfers_total") == 1
    assert counted(metrics, "voice_transfers_duration_seconds_count") == 1


def test_a_promise_is_kept_once_however_often_its_end_is_told() -> None:
    metrics, now = Metrics(), datetime.now(UTC)
    row = {
        "id": uuid4(), "story_id": uuid4(), "transfer_id": None, "attempt_id": None,
        "domain_uuid": DOMAIN, "ticket_id": "", "status": Status.COMPLETED, "number": "+55",
        "extension": "1001", "created_at": now, "scheduled_at": None,
        "last_attempt_at": now + timedelta(seconds=30),
    }  # fmt: skip
    watching = Watching(metrics, Hub())
    watching.callback(Kept(row, Status.IN_PROGRESS, "attempt_ended"))
    watching.callback(Kept(row, Status.COMPLETED, "due"))
    assert counted(metrics, "voice_callbacks_total") == 1
    assert counted(metrics, "voice_callback_promise_seconds_count") == 1
