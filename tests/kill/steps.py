"""What a daemon does, step by step: commands to the PBX, and commits to the database.

Each step has a name, seen from outside: a command is named after what it does (`originate`, `uuid_bridge`;
the three of a hold are `mark`, `hold`, `unmark`), a commit after what is in it (`commit-intention`,
`commit-ringing`, `commit-delivered`), what a session of a call routed in does by its application (`connect`,
`set`, `exit`). A second one of the same name is `…-2`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from voiced.sim import Received, Verdict

Side = Literal["before", "after"]
Act = Callable[[], Awaitable[None]]


async def _nothing() -> None:
    """Nobody does anything."""


@dataclass(frozen=True)
class Blow:
    """What happens to a daemon at a step, and which of its connections do not outlive it."""

    act: Act = _nothing
    ends_pbx: bool = False
    ends_database: bool = False


DRY_RUN: Final = Blow()


class Steps:
    """Counts the steps, and strikes once: `before` the chosen one is carried out, or `after`.

    After: it is carried out, and the daemon does not hear the answer where the blow ends the connection.
    """

    def __init__(self) -> None:
        self.seen: list[str] = []  # in order, since `arm`
        self.passed: set[str] = set()
        self.struck = asyncio.Event()
        self.target, self.side, self.blow = "", "before", DRY_RUN
        self.meanwhile: dict[str, Act] = {}  # what people do while a command is on its way
        self._counts: Counter[str] = Counter()
        self._is_armed = False
        self._changed = asyncio.Condition()

    def arm(self, target: str = "", side: Side = "before", blow: Blow = DRY_RUN) -> None:
        """Count from now on, and strike at this step."""
        self.target, self.side, self.blow = target, side, blow
        self._is_armed = True

    def reach(self, *names: str) -> list[str]:
        """These come now, together. Returns them as they are called from now on."""
        if not self._is_armed:
            return []
        called = []
        for name in names:
            self._counts[name] += 1
            count = self._counts[name]
            called.append(f"{name}-{count}" if count > 1 else name)
        self.seen += called
        return called

    def is_struck_at(self, called: Iterable[str]) -> bool:
        return self._is_armed and self.target in called

    async def strike(self) -> None:
        self._is_armed = False
        await self.blow.act()
        self.struck.set()
        await self._tell()

    async def let_pass(self, called: Iterable[str]) -> None:
        """They are done, and the daemon will know."""
        self.passed.update(called)
        await self._tell()

    async def until(self, name: str) -> bool:
        """Until this step is done. False where the daemon was struck before."""
        async with self._changed:
            await self._changed.wait_for(lambda: name in self.passed or self.struck.is_set())
        return name in self.passed

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def intercept(self, received: Received) -> Verdict | None:
        """For `switch.intercept`: every command that comes."""
        name = command_name(received)
        if name is None:
            return None
        called = self.reach(name)
        for step in called:
            await self.meanwhile.get(step, _nothing)()
        if self.is_struck_at(called):
            await self.strike()
            return Verdict(cut=self.side) if self.blow.ends_pbx else None
        await self.let_pass(called)
        return None


def command_name(received: Received) -> str | None:
    """What a command that concerns a call is called; None for any other."""
    match received.words:
        case ["sendmsg", _]:
            named = received.headers.get("event-uuid") or received.headers["execute-app-name"]
            return named.partition("-")[0]
        case ["connect" | "exit" as word]:
            return word
        case ["sendmsg"]:
            return received.headers["execute-app-name"]
        case ["bgapi" | "api", name, *_] if name.startswith("uuid_") or name in ("originate", "hupall"):
            return name
    return None
