"""Who waits for what the PBX will say, and is told at once when the connection has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeAlias

from voiced.esl.errors import EslError, EventsLost
from voiced.esl.event import Event
from voiced.esl.replies import fail
from voiced.esl.router import Router

Waiters: TypeAlias = set[Callable[[EslError], None]]  # each is told why the connection has ended


def next_event(
    router: Router, waiters: Waiters, names: Sequence[str], unique_id: str | None, timeout: float | None
) -> asyncio.Future[Event]:
    """A future: the next event of these names (of that channel), listened for from now on.

    Fails with TimeoutError, and with EventsLost where the connection gets lost.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[Event] = loop.create_future()
    wanted = " or ".join(names)

    def take(event: Event) -> None:
        if not found.done():
            found.set_result(event)

    def lose(reason: EslError) -> None:
        if not found.done():
            fail(found, EventsLost(f"while waiting for {wanted}: {reason}"))

    def give_up() -> None:
        if not found.done():
            fail(found, TimeoutError(f"no {wanted} within {timeout} s"))

    def clear_away(_: object) -> None:
        handle.off()
        waiters.discard(lose)
        if timer is not None:
            timer.cancel()

    handle = router.on(take, name=names, unique_id=unique_id)
    timer = loop.call_later(timeout, give_up) if timeout is not None else None
    waiters.add(lose)
    found.add_done_callback(clear_away)
    return found
