"""What can go wrong on purpose: commands intercepted, jobs lost or slow, a bridge that never comes."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from .commands import api_response, reply

if TYPE_CHECKING:
    from .listener import Listener


@dataclass(frozen=True)
class Received:
    """A command as it arrived: its line, headers and body, the connection's number, and when (monotonic)."""

    line: str
    headers: dict[str, str]
    body: str
    connection: int
    time: float

    @property
    def words(self) -> list[str]:
        return self.line.split()


@dataclass(frozen=True)
class Verdict:
    """What an interceptor wants to happen to a command.

    `reply` is given instead of running it (an api command's output, else the Reply-Text); `delay` are real
    seconds before it is run; `lose_reply` runs it and says nothing; `cut` aborts the connection `before` it
    is run or `after`, without a reply.
    """

    reply: str | None = None
    delay: float = 0.0
    lose_reply: bool = False
    cut: Literal["before", "after"] | None = None


Decision = Verdict | str | None
Intercept = Callable[[Received], Decision | Awaitable[Decision]]


@dataclass
class Faults:
    """The switch's faults; all off. `commands` is what every connection has sent so far."""

    rude: bool = False
    """Turn every new connection away with text/rude-rejection."""
    bridge_says_ok_only: bool = False
    """uuid_bridge says +OK and never bridges."""
    lose_jobs: int = 0
    """So many of the next bgapi commands say +OK and never run."""
    slow_jobs: float = 0.0
    """Real seconds before each job begins."""
    late_events: float = 0.0
    """Real seconds that events are sent behind a reply: a hangup is known up to 10 ms before it is told."""
    intercept: Intercept | None = None
    commands: list[Received] = field(default_factory=list)
    on_command: Callable[[], None] = lambda: None

    async def around(
        self, received: Received, run: Coroutine[object, object, str | None], listener: Listener
    ) -> str | None:
        """Run a command as the interceptor decides; returns what to write, or None for nothing."""
        self.commands.append(received)
        verdict = await self._decide(received)
        try:
            if verdict.delay:
                await asyncio.sleep(verdict.delay)
            if verdict.cut == "before":
                listener.abort()
                return None
            if verdict.reply is not None:
                return _instead(received, verdict.reply)
            reply = await run
        finally:
            run.close()
            self.on_command()
        if verdict.cut == "after":
            listener.abort()
            return None
        return None if verdict.lose_reply else reply

    async def _decide(self, received: Received) -> Verdict:
        if self.intercept is None:
            return Verdict()
        decision = self.intercept(received)
        if inspect.isawaitable(decision):
            decision = await decision
        if isinstance(decision, str):
            return Verdict(reply=decision)
        return decision or Verdict()


def _instead(received: Received, text: str) -> str:
    return api_response(text) if received.line.lower().startswith("api ") else reply(text)
