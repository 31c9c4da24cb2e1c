"""What the backend was told of callbacks, and of calls that belong to none, held against the database."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import Any, Final

import asyncpg

from tests.backend import Delivery

# In order for each callback, whatever happens: nothing but these may follow each of them.
_FOLLOWS: Final = {
    "": {"ticket"},
    "ticket": {"calling", "canceled"},
    "calling": {"connected", "completed", "retry", "failed", "needs_review", "canceled"},
    "connected": {"completed"},
    "retry": {"calling", "canceled"},
}
# The same for a call that was ordered and belongs to no callback: we do not retry it.
_OF_A_CALL: Final = {"": {"connected", "completed", "failed"}, "connected": {"completed"}}
_LAST: Final = {"completed", "failed", "expired", "needs_review", "canceled"}


def assert_told(
    accepted: Iterable[Delivery], rows: Sequence[asyncpg.Record], attempts: Sequence[asyncpg.Record]
) -> None:
    """Every callback, and every call without one, has its story: once, in order, with the end that it had."""
    stories: dict[str, list[str]] = {}
    last: dict[str, dict[str, Any]] = {}
    seen: set[str] = set()
    for delivery in accepted:
        if delivery.key in seen:
            continue
        seen.add(delivery.key)
        payload = delivery.payload
        what = "ticket" if delivery.path == "/api/voice/callback" else payload["outcome"]
        callback = payload["callbackId"]
        assert not callback or what == "ticket" or payload["ticketId"] == ticket_of(callback), payload
        whose = callback or payload["attemptId"]
        stories.setdefault(whose, []).append(what)
        last[whose] = payload
    ended = {row["id"]: row["status"] for row in rows}
    ended |= {row["id"]: row["result"] for row in attempts if row["callback_id"] is None}
    assert set(stories) == set(ended)
    callbacks = {row["id"]: row for row in rows}
    for id, story in stories.items():
        follows = _FOLLOWS if id in callbacks else _OF_A_CALL
        for before, what in zip(["", *story], story, strict=False):
            assert what in follows[before], story
        assert story[-1] in _LAST, story
        assert last[id]["status"] == ended[id], story
        assert id not in callbacks or callbacks[id]["ticket_id"] == ticket_of(id)
    begun = sum(story.count("calling") for story in stories.values())
    assert begun == sum(row["callback_id"] is not None for row in attempts)


def assert_true(
    rows: Iterable[asyncpg.Record], attempts: Sequence[asyncpg.Record],
    bridged: Container[str], dialled: Container[str],
) -> None:  # fmt: skip
    """Who has talked is not called again, and a promise is kept where they have.

    `bridged` are the attempts in which the two heard each other, `dialled` the marks of all legs.
    """
    for row in rows:
        calls = [attempt for attempt in attempts if attempt["callback_id"] == row["id"]]
        talks = [attempt["id"] for attempt in calls if attempt["id"] in bridged]
        assert talks in ([], [calls[-1]["id"]] if calls else []), "called again, and they had talked"
        assert row["status"] != "completed" or talks, "nobody has talked"
    for attempt in attempts:
        if attempt["cause"] == "LOST_TOGETHER":
            assert {f"{attempt['id']}.agent", f"{attempt['id']}.client"} <= set(dialled), dict(attempt)
        assert attempt["result"] != "completed" or attempt["id"] in bridged, dict(attempt)


def ticket_of(callback_id: str) -> str:
    """The ticket that the backend makes of a callback."""
    return f"T-{callback_id[:8]}"
