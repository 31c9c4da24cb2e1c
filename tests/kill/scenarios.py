"""Kinds of transfer, and every step of each.

What people do waits for a step to be done, never for a time. When the daemon is struck before that step,
they do it all the same as soon as they can: they do not know of daemons.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from tests.kill.stage import AGENT, ASSISTANT, Stage
from tests.kill.steps import DRY_RUN, Blow, Side
from tests.kill.transfers import Transfers
from voiced.sim import Caller, Manner

Play = Callable[[Stage, Caller], Awaitable[None]]


@dataclass(frozen=True)
class Scenario:
    """One kind of transfer. `play` is what people do while it runs."""

    play: Play
    status: str  # if nothing is disturbed
    steps: str  # if nothing is disturbed
    manner: Manner = Manner.ANSWER  # of the agent's phone
    extension: str = "8000"  # that the caller called
    is_routed_in: bool = False  # the dialplan asks for the transfer, of a call that is routed in
    destination: str = AGENT
    transfer: dict[str, Any] = field(default_factory=dict)
    meanwhile: tuple[str, Play] | None = None  # done while this step is on its way

    @asynccontextmanager
    async def begun(
        self, transfers: Transfers, client: httpx.AsyncClient,
        step: str = "", side: Side = "before", blow: Blow = DRY_RUN,
    ) -> AsyncIterator[Caller]:  # fmt: skip
        """Somebody calls, the transfer is asked for, everybody plays for the time of the block.

        With a step the block begins when the blow has fallen there.
        """
        stage = transfers.stage
        stage.agent.manner = self.manner
        if self.is_routed_in:
            stage.steps.arm(step, side, blow)
            caller = await transfers.routed_in.call(self.destination)
        else:
            caller = await stage.call(self.extension)
            stage.steps.arm(step, side, blow)
        if self.meanwhile is not None:
            when, act = self.meanwhile
            stage.steps.meanwhile[when] = lambda: act(stage, caller)
        tasks = [asyncio.create_task(self.play(stage, caller))]
        if not self.is_routed_in:
            tasks.append(asyncio.create_task(self._ask(transfers, client, caller)))
        try:
            if step:
                async with asyncio.timeout(10):
                    await stage.steps.struck.wait()
            yield caller
        finally:
            for task in tasks:
                task.cancel()

    async def _ask(self, transfers: Transfers, client: httpx.AsyncClient, caller: Caller) -> None:
        await transfers.ask(client, caller, self.destination)


async def talk(stage: Stage, caller: Caller) -> None:
    """The two talk; when the result has been told, the agent hangs up."""
    if await stage.steps.until("commit-delivered"):
        stage.hang_up_talks()


async def wait(stage: Stage, caller: Caller) -> None:
    """Nobody does anything."""


async def leave(stage: Stage, caller: Caller) -> None:
    """The caller hangs up while the phone rings."""
    await stage.steps.until("commit-ringing")
    await stage.switch.until(lambda: stage.agent.ringing, timeout=60)
    stage.leaves(caller)


async def leave_now(stage: Stage, caller: Caller) -> None:
    stage.leaves(caller)
    await stage.switch.until(lambda: not caller.alive)


async def agent_leaves_now(stage: Stage, caller: Caller) -> None:
    """While the switch is taking the two to each other."""
    stage.agent.hangup()


async def let_the_assistant_leave(stage: Stage, caller: Caller) -> None:
    """The assistant's own leg hangs up once it has handed over; then the agent declines."""
    await stage.steps.until("commit-ringing")
    await stage.switch.until(lambda: caller.hears == "music", timeout=60)
    stage.assistant.hangup()
    await stage.switch.until(lambda: stage.agent.ringing, timeout=60)
    stage.agent.hangup()


async def be_free_the_second_time(stage: Stage, caller: Caller) -> None:
    """The agent is busy at first, and then answers."""
    await stage.switch.until(lambda: stage.agent.calls == 1, timeout=60)
    stage.agent.manner = Manner.ANSWER
    await talk(stage, caller)


# Up to the first leg every transfer takes the same steps.
_ALIKE: Final = (
    "uuid_dump commit-intention mark hold unmark commit-intent_recorded originate commit-hold_started "
    "commit-leg_created "
)
# And a call routed in before that, up to its music.
_ROUTED_IN: Final = "connect uuid_setvar answer uuid_setvar-2 set " + _ALIKE

SCENARIOS: Final = {
    "answered": Scenario(
        talk, "success",
        _ALIKE + "commit-ringing uuid_setvar_multi uuid_bridge commit-answered commit-hold_ended "
        "commit-bridged commit-delivered commit-leg_ended commit-unbridged commit-caller_ended "
        "commit-delivered-2",
    ),
    "busy": Scenario(
        wait, "busy",
        _ALIKE + "commit-leg_ended uuid_fileman commit-job_failed commit-delivered commit-hold_ended",
        Manner.BUSY,
    ),
    "no_answer": Scenario(
        wait, "no_answer",
        _ALIKE + "commit-ringing uuid_fileman commit-leg_ended commit-job_failed commit-hold_ended "
        "commit-delivered",
        Manner.RING, transfer={"ring_timeout_seconds": 1},
    ),
    "caller_leaves": Scenario(
        leave, "cancelled",
        _ALIKE + "commit-ringing hupall commit-caller_ended commit-hold_ended commit-leg_ended "
        "commit-job_failed commit-delivered",
        Manner.RING,
    ),
    "caller_leaves_at_the_answer": Scenario(
        wait, "cancelled",
        _ALIKE + "commit-ringing uuid_setvar_multi uuid_bridge commit-answered release hangup "
        "commit-caller_ended commit-hold_ended commit-bridge_refused commit-delivered commit-deadline "
        "commit-leg_ended",
        meanwhile=("uuid_bridge", leave_now),
    ),
    "agent_leaves_at_the_answer": Scenario(  # the switch sends the caller home
        wait, "failed",
        _ALIKE + "commit-ringing uuid_setvar_multi uuid_bridge commit-answered commit-leg_ended "
        "commit-hold_ended commit-delivered uuid_setvar_multi-2 commit-deadline",
        meanwhile=("uuid_bridge", agent_leaves_now),
    ),
    "assistant_has_a_leg": Scenario(
        talk, "success",
        _ALIKE + "commit-ringing uuid_setvar_multi uuid_bridge commit-answered commit-hold_ended "
        "commit-assistant_left commit-unbridged commit-bridged commit-delivered commit-leg_ended "
        "commit-unbridged-2 commit-caller_ended commit-delivered-2",
        extension=ASSISTANT,
    ),
    "assistant_leaves": Scenario(
        let_the_assistant_leave, "busy",
        _ALIKE + "commit-ringing commit-leg_ended uuid_fileman commit-assistant_left commit-job_failed "
        "commit-delivered commit-hold_ended",
        Manner.RING, ASSISTANT,
    ),
    "ring_group": Scenario(  # both ends of the loopback are legs of the attempt
        talk, "success",
        _ALIKE + "commit-leg_created-2 commit-ringing commit-ringing-2 uuid_setvar_multi uuid_bridge "
        "commit-answered commit-hold_ended commit-bridged commit-delivered commit-leg_ended "
        "commit-leg_ended-2 commit-unbridged commit-caller_ended commit-delivered-2",
        destination="Atendimento",
    ),
    "queue": Scenario(
        talk, "success",
        _ALIKE + "commit-leg_created-2 commit-ringing uuid_setvar_multi uuid_bridge commit-answered "
        "commit-hold_ended commit-bridged commit-delivered commit-leg_ended commit-leg_ended-2 "
        "commit-job_failed commit-unbridged commit-caller_ended commit-delivered-2",
        destination="Suporte",
    ),
    "screened": Scenario(
        talk, "success",
        _ALIKE + "commit-ringing screen commit-answered uuid_setvar_multi uuid_bridge commit-accepted "
        "commit-hold_ended commit-bridged commit-delivered commit-leg_ended commit-unbridged "
        "commit-caller_ended commit-delivered-2",
        destination="Diretoria",
    ),
    "assistant_is_paused": Scenario(
        wait, "busy",
        _ALIKE + "uuid_setvar commit-leg_ended uuid_fileman uuid_setvar-2 commit-job_failed commit-delivered "
        "commit-hold_ended",
        Manner.BUSY,
        transfer={
            "pause_assistant": "uuid_setvar {uuid} fork paused",
            "resume_assistant": "uuid_setvar {uuid} fork listens",
        },
    ),
    "comforted": Scenario(
        wait, "no_answer",
        _ALIKE + "commit-ringing mark-2 hold-2 unmark-2 uuid_fileman commit-hold_started-2 uuid_fileman-2 "
        "commit-leg_ended commit-job_failed commit-hold_ended commit-delivered",
        Manner.RING, transfer={"ring_timeout_seconds": 2, "comfort_seconds": 0.6},
    ),
    "busy_then_answered": Scenario(
        be_free_the_second_time, "success",
        _ALIKE + "commit-leg_ended commit-job_failed commit-deadline commit-requested originate-2 "
        "commit-intent_recorded-2 commit-leg_created-2 commit-ringing uuid_setvar_multi uuid_bridge "
        "commit-answered commit-hold_ended commit-bridged commit-delivered commit-leg_ended-2 "
        "commit-unbridged commit-caller_ended commit-delivered-2",
        Manner.BUSY, transfer={"max_retries": 1, "retry_delay_seconds": 0.2},
    ),
    "routed_in_answered": Scenario(
        talk, "success",
        _ROUTED_IN + "commit-ringing uuid_setvar_multi uuid_bridge exit commit-answered commit-hold_ended "
        "commit-bridged commit-delivered commit-leg_ended commit-unbridged commit-caller_ended "
        "commit-delivered-2",
        is_routed_in=True,
    ),
    "routed_in_busy": Scenario(
        wait, "busy",
        _ROUTED_IN + "commit-leg_ended uuid_setvar_multi uuid_fileman commit-job_failed commit-delivered "
        "commit-hold_ended exit",
        Manner.BUSY, is_routed_in=True,
    ),
    "routed_in_busy_then_answered": Scenario(
        be_free_the_second_time, "success",
        _ROUTED_IN + "commit-leg_ended commit-job_failed commit-deadline commit-requested originate-2 "
        "commit-intent_recorded-2 commit-leg_created-2 commit-ringing uuid_setvar_multi uuid_bridge "
        "exit commit-answered commit-hold_ended commit-bridged commit-delivered commit-leg_ended-2 "
        "commit-unbridged commit-caller_ended commit-delivered-2",
        Manner.BUSY, is_routed_in=True, transfer={"max_retries": 1, "retry_delay_seconds": 0.2},
    ),
    "routed_in_caller_leaves": Scenario(
        leave, "cancelled",
        _ROUTED_IN + "commit-ringing hupall commit-caller_ended commit-hold_ended commit-leg_ended "
        "commit-job_failed commit-delivered",
        Manner.RING, is_routed_in=True,
    ),
    "routed_in_caller_leaves_at_the_answer": Scenario(
        wait, "cancelled",
        _ROUTED_IN + "commit-ringing uuid_setvar_multi uuid_bridge commit-answered release hangup "
        "uuid_setvar_multi-2 commit-caller_ended commit-hold_ended commit-bridge_refused commit-delivered "
        "commit-deadline commit-leg_ended",
        meanwhile=("uuid_bridge", leave_now), is_routed_in=True,
    ),
    "routed_in_agent_leaves_at_the_answer": Scenario(
        wait, "failed",
        _ROUTED_IN + "commit-ringing uuid_setvar_multi uuid_bridge exit commit-answered "
        "uuid_setvar_multi-2 commit-leg_ended commit-hold_ended commit-delivered "
        "uuid_setvar_multi-3 commit-deadline",
        meanwhile=("uuid_bridge", agent_leaves_now), is_routed_in=True,
    ),
    "routed_in_ring_group": Scenario(
        talk, "success",
        _ROUTED_IN + "commit-leg_created-2 commit-ringing commit-ringing-2 uuid_setvar_multi uuid_bridge "
        "exit commit-answered commit-hold_ended commit-bridged commit-delivered commit-leg_ended "
        "commit-leg_ended-2 commit-unbridged commit-caller_ended commit-delivered-2",
        destination="Atendimento", is_routed_in=True,
    ),
    "routed_in_queue": Scenario(
        talk, "success",
        _ROUTED_IN + "commit-leg_created-2 commit-ringing uuid_setvar_multi uuid_bridge exit commit-answered "
        "commit-hold_ended commit-bridged commit-delivered commit-leg_ended commit-leg_ended-2 "
        "commit-job_failed commit-unbridged commit-caller_ended commit-delivered-2",
        destination="Suporte", is_routed_in=True,
    ),
    "routed_in_screened": Scenario(
        talk, "success",
        _ROUTED_IN + "commit-ringing screen commit-answered uuid_setvar_multi uuid_bridge exit "
        "commit-accepted commit-hold_ended commit-bridged commit-delivered commit-leg_ended "
        "commit-unbridged commit-caller_ended commit-delivered-2",
        destination="Diretoria", is_routed_in=True,
    ),
    "routed_in_to_nobody": Scenario(
        wait, "", "connect uuid_setvar answer uuid_setvar-2 set set-2 set-3 set-4 exit",
        destination="o fernando", is_routed_in=True,
    ),
}  # fmt: skip
