"""Kinds of callback, and every step of each.

What people do waits for a step to be done, never for a time; what they cannot do while no daemon is there
they do as soon as one is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from tests.kill.callbacks import Callbacks
from tests.kill.steps import DRY_RUN, Blow, Side
from tests.kill.ways import OVER
from voiced.callback.rules.steps import ASK_SECONDS
from voiced.sim import Manner

Play = Callable[[Callbacks], Awaitable[None]]
Ask = Callable[[Callbacks, httpx.AsyncClient], Awaitable[httpx.Response | None]]


async def talk(callbacks: Callbacks) -> None:
    """Whenever two talk, the agent hangs up once that is known to whoever drives the call."""
    while True:
        if callbacks.are_talking and await callbacks.is_talk_noted():
            callbacks.hang_up_talks()
        await asyncio.sleep(0.02)


async def be_free_the_second_time(callbacks: Callbacks) -> None:
    """The client is busy at first, and then answers."""
    await callbacks.stage.switch.until(lambda: callbacks.line.calls == 1, timeout=60)
    callbacks.line.manner = Manner.ANSWER
    await talk(callbacks)


async def cancel(callbacks: Callbacks) -> None:
    """The client cancels while the agent's phone rings. The agent picks up, where nobody has ended that."""
    stage = callbacks.stage
    await stage.steps.until("commit-ringing")
    await stage.switch.until(lambda: stage.agent.ringing, timeout=60)
    await callbacks.cancel()
    if not await stage.steps.until("hupall"):
        stage.agent.answer()


@dataclass(frozen=True)
class Scenario:
    """One kind of callback. `play` is what people do meanwhile."""

    status: str  # of the callback, or of the call without one, if nothing is disturbed
    steps: str  # if nothing is disturbed
    agent: Manner = Manner.ANSWER
    client: Manner = Manner.ANSWER
    presses: str = ""  # the client's keys, once the prompt begins
    play: Play = talk
    ask: Ask = Callbacks.promise
    callback: dict[str, Any] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    over: float = OVER  # seconds for all to have ended, whatever has happened

    @asynccontextmanager
    async def begun(
        self, callbacks: Callbacks, client: httpx.AsyncClient,
        step: str = "", side: Side = "before", blow: Blow = DRY_RUN,
    ) -> AsyncIterator[None]:  # fmt: skip
        """A call is promised or ordered, and everybody plays for the time of the block.

        With a step the block begins when the blow has fallen there.
        """
        stage = callbacks.stage
        stage.agent.manner, callbacks.line.manner = self.agent, self.client
        callbacks.line.presses = self.presses
        await callbacks.let_agents_work_on(client)
        stage.steps.arm(step, side, blow)
        asked = asyncio.create_task(self.ask(callbacks, client))
        played = asyncio.create_task(self.play(callbacks))
        try:
            if step:
                async with asyncio.timeout(15):
                    await stage.steps.struck.wait()
            yield
        finally:
            asked.cancel()
            played.cancel()

    async def assert_ended_well(self, callbacks: Callbacks) -> None:
        """As it does undisturbed, or in the hands of a person where the two may have talked unwatched.

        Nothing is left where the daemon died before the request was kept. A call without a callback is not
        retried by us: it may have come to nothing by our fault.
        """
        rows, attempts = await callbacks.rows(), await callbacks.attempts()
        may_have_talked = attempts and attempts[-1]["cause"] == "LOST_TOGETHER"
        allowed = {self.status, "needs_review"} if may_have_talked else {self.status}
        assert {row["status"] for row in rows} <= allowed, [dict(row) for row in rows]
        for row in attempts:
            if row["callback_id"] is None:
                assert row["result"] == self.status or (row["result"], row["leg"]) == ("failed", ""), dict(
                    row
                )


def _told(messages: int) -> str:
    """So many messages have reached the backend."""
    return " ".join(
        ["commit-delivered", *(f"commit-delivered-{number}" for number in range(2, messages + 1))]
    )


_PROMISED: Final = "commit-made commit-agent_free commit-attempt_began "
_CALLED: Final = "commit-attempt commit-intent_recorded originate commit-leg_created commit-ringing "
_JOINED: Final = (  # the first side waits, the second is called
    "tone commit-answered commit-requested commit-intent_recorded-2 originate-2 commit-leg_created-2 "
    "commit-tone_started "
)
_BRIDGED: Final = (
    "commit-ringing-2 uuid_setvar_multi uuid_bridge commit-answered-2 commit-bridged commit-leg_ended "
    "commit-leg_ended-2 "
)
_RELEASED: Final = (
    "uuid_fileman release hangup commit-tone_started-2 commit-leg_ended commit-job_failed commit-leg_ended-2 "
)
_ENDED: Final = "commit-attempt_ended commit-settled "
_TO_THE_CLIENT: Final = _PROMISED + _CALLED + _JOINED

SCENARIOS: Final = {
    "kept": Scenario("completed", _TO_THE_CLIENT + _BRIDGED + _ENDED + _told(4)),
    "client_busy": Scenario(
        "failed", _TO_THE_CLIENT + _RELEASED + _ENDED + _told(3),
        client=Manner.BUSY, callback={"max_attempts": 1},
    ),
    "client_does_not_answer": Scenario(
        "failed", _TO_THE_CLIENT + "commit-ringing-2 " + _RELEASED + _ENDED + _told(3),
        client=Manner.RING, callback={"max_attempts": 1},
    ),
    "agent_declines": Scenario(
        "needs_review", _PROMISED + _CALLED + "commit-leg_ended commit-job_failed " + _ENDED + _told(3),
        agent=Manner.DECLINE, callback={"max_agent_misses": 1},
    ),
    "client_first": Scenario(
        "completed", _TO_THE_CLIENT + "screen commit-accepted " + _BRIDGED + _ENDED + _told(4),
        presses="1", callback={"first": "client"},
    ),
    "client_first_is_a_machine": Scenario(
        "failed",
        _PROMISED + _CALLED + "screen commit-answered commit-refused hupall commit-leg_ended "
        + _ENDED + _told(3),
        client=Manner.VOICEMAIL, callback={"first": "client", "max_attempts": 1},
        limits={"KEY_SECONDS": 1, "KEY_TRIES": 1},
        over=OVER + ASK_SECONDS,  # whether the question is over cannot be seen afterwards
    ),
    "canceled_while_it_rings": Scenario(
        "canceled",
        _PROMISED + _CALLED + "commit-canceled hupall commit-cancelled commit-leg_ended commit-job_failed "
        + _ENDED + _told(3),
        agent=Manner.RING, play=cancel,
    ),
    "busy_then_answered": Scenario(
        "completed",
        _TO_THE_CLIENT + _RELEASED + _ENDED
        + "commit-agent_free-2 commit-attempt_began-2 commit-attempt-2 commit-intent_recorded-3 originate-3 "
        "commit-leg_created-3 commit-ringing-2 tone-2 commit-answered-2 commit-requested-2 "
        "commit-intent_recorded-4 originate-4 commit-leg_created-4 commit-tone_started-3 commit-ringing-3 "
        "uuid_setvar_multi uuid_bridge commit-answered-3 commit-bridged commit-leg_ended-3 "
        "commit-leg_ended-4 commit-attempt_ended-2 commit-settled-2 " + _told(6),
        client=Manner.BUSY, play=be_free_the_second_time,
    ),
    "ordered": Scenario(  # without a callback
        "completed", _CALLED + _JOINED + _BRIDGED + "commit-settled " + _told(2), ask=Callbacks.originate,
    ),
}  # fmt: skip
