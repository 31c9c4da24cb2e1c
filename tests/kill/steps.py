"""What a daemon does in a transfer, step by step: commands to the PBX, and commits to the database.

Each step has a name, seen from outside: a command is named after what it does (`originate`, `uuid_bridge`;
the three of a hold are `mark`, `hold`, `unmark`), a commit after what is in it (`commit-intention`,
`commit-ringing`, `commit-delivered`). A second one of the same name is `…-2`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import Literal

from voiced.sim import Received, Verdict

Side = Literal["before", "after"]
Strike = Callable[[], Awaitable[None]]


class Steps:
    """Counts the steps, and strikes once: `before` the chosen one is carried out, or `after`.

    After: it is carried out, and the daemon does not live to see the answer.
    """

    def __init__(self) -> None:
        self.seen: list[str] = []  # in order, since `arm`
        self.passed: set[str] = set()
        self.struck = asyncio.Event()
        self.target, self.side, self._strike = "", "before", _nothing
        self.meanwhile: dict[str, Strike] = {}  # what happens while a command is on its way
        self._counts: Counter[str] = Counter()
        self._is_armed = False
        self._changed = asyncio.Condition()

    def arm(self, target: str = "", side: Side = "before", strike: Strike | None = None) -> None:
        """Count from now on, and strike at this step."""
        self.target, self.side, self._strike = target, side, strike or _nothing
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
        return self.target in called

    async def strike(self) -> None:
        self._is_armed = False
        await self._strike()
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
            return Verdict(cut=self.side)
        await self.let_pass(called)
        return None


def command_name(received: Received) -> str | None:
    """What a command of a transfer is called; None for any other."""
    match received.words:
        case ["sendmsg", _]:
            named = received.headers.get("event-uuid") or received.headers["execute-app-name"]
            return named.partition("-")[0]
        case ["bgapi" | "api", name, *_] if name.startswith("uuid_") or name in ("originate", "hupall"):
            return name
    return None


async def _nothing() -> None:
    """Strike nothing: a dry run."""
