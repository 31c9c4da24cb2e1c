"""Callers of the simulated PBX, and where they are."""

from __future__ import annotations

import contextlib
import time

from voiced.sim import Caller, Switch

PATIENCE = 3.0  # seconds after a failure within which a caller has to hear the assistant again


async def at_the_assistant(
    switch: Switch, number: str = "5511999990000", name: str = "Maria Souza", **variables: str
) -> Caller:
    """A caller who hears the assistant, which the dialplan plays (extension 8000)."""
    caller = await switch.call("8000", number=number, name=name, variables=variables)
    await switch.until(lambda: caller.hears == "assistant")
    return caller


async def back_at_the_assistant(switch: Switch, caller: Caller) -> None:
    """The caller is there, and hears the assistant: now, or within three seconds."""
    try:
        await switch.until(lambda: caller.hears == "assistant" or not caller.alive, PATIENCE)
    except TimeoutError:
        raise AssertionError(f"after {PATIENCE} s the caller hears {caller.hears}") from None
    assert caller.alive, "the caller was dropped"


async def stays_at_the_assistant(switch: Switch, caller: Caller) -> None:
    """The caller is there for longer than a wrong stop takes to end the call (two seconds)."""
    await back_at_the_assistant(switch, caller)
    with contextlib.suppress(TimeoutError):
        await switch.until(lambda: caller.hears != "assistant", 2.5)
    assert caller.hears == "assistant", f"the caller hears {caller.hears}"


def legs_beside(switch: Switch, *callers: Caller) -> list[str]:
    """Every channel of the PBX that is up and none of these callers."""
    known = {caller.uuid for caller in callers}
    return [uuid for uuid, channel in switch.channels.items() if uuid not in known and not channel.down]


async def nobody_beside(switch: Switch, *callers: Caller) -> None:
    """No leg is left but these callers' (within three seconds)."""
    await switch.until(lambda: not legs_beside(switch, *callers), PATIENCE)


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began
