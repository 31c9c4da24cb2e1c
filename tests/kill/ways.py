"""What the ways to strike a daemon share: how soon all has to be well, and the cases they are tried at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

import pytest

from tests.kill.daemon import Daemon
from tests.kill.stage import Stage
from tests.kill.steps import Side

WELL: Final = 5.0  # seconds after the next daemon is up, the owner's death, the PBX's return
OVER: Final = 15.0  # seconds for all to have ended, and to be told
LIMITS: Final = {"LIMIT_GRACE": 1, "LONE_SECONDS": 1}  # the switch's, for those who wait for them


class Stepped(Protocol):
    """A scenario."""

    @property
    def steps(self) -> str:
        """If nothing is disturbed."""
        ...


def cases(
    scenarios: Mapping[str, Stepped], sample: str,
    sides: Iterable[Side] = ("before", "after"), which: str = "",
) -> list[object]:  # fmt: skip
    """Every step of every scenario (whose name begins so); those not in the sample run with --every-step."""
    found = {
        f"{name}-{step}-{side}": (name, step, side)
        for name, scenario in scenarios.items()
        if name.startswith(which)
        for step in scenario.steps.split()
        for side in sides
    }
    chosen = sample.split()
    assert set(chosen) <= set(found), set(chosen) - set(found)
    return [
        pytest.param(*values, id=id, marks=() if id in chosen else pytest.mark.every_step)
        for id, values in found.items()
    ]


def assert_kept_quiet(paused: Daemon, stage: Stage, since: int) -> None:
    """An owner that was followed has told the PBX nothing after so many commands, but whose note it is."""
    mine = stage.connections_of(paused)
    told = [command.line for command in stage.switch.commands[since:] if command.connection in mine]
    assert not [line for line in told if not line.startswith("api hash ")], told


async def database_goes(way: str, stage: Stage) -> None:
    """PostgreSQL is `stopped`, or `silent`: connections stay, and nothing is answered."""
    if way == "stopped":
        await stage.proxy.shut()
    else:
        stage.proxy.freeze()


async def database_is_back(way: str, stage: Stage) -> None:
    """As it went."""
    if way == "stopped":
        await stage.proxy.open()
    else:
        stage.proxy.thaw()


async def owner_and_standby(stage: Stage, *how: Any, **transfer: Any) -> tuple[Daemon, Daemon]:
    """Two daemons: the first owns the PBX, the second is ready to. `how` as `stage.start` takes it."""
    owner = stage.start(*how, **transfer)
    await owner.owns()
    standby = stage.start(*how, **transfer)
    await standby.ready()
    return owner, standby
