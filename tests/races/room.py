"""A room for races: the simulated PBX, a daemon in this process, a ticketing backend, and what must be so."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tests.backend import Backend
from tests.callers import back_at_the_assistant, nobody_beside
from tests.conftest import Api
from voiced.sim import Caller, Event, Party, Switch
from voiced.transfer.driver import Driver
from voiced.transfer.state import Phase


@dataclass
class Room:
    """One daemon and its world."""

    switch: Switch
    api: Api
    backend: Backend

    async def begin(self, caller: Caller, destination: str = "1001") -> Driver:
        """Ask for a transfer over HTTP, and return its driver as soon as it is recorded."""
        answer = (await self.api.ask(caller.uuid, destination, wait=0)).json()
        driver = self.api.daemon.transfers.get(UUID(answer["id"]))
        assert driver is not None
        return driver

    async def reaches(self, driver: Driver, phase: Phase) -> None:
        """Until the transfer is in this phase."""
        async with asyncio.timeout(5):
            while driver.transfer.phase is not phase:
                await asyncio.sleep(0)

    async def cancel(self, driver: Driver) -> int:
        """DELETE; the status code."""
        return (await self.api.client.delete(f"/api/transfers/{driver.request.id}")).status_code

    def on(self, event: str, act: Any) -> None:
        """Do something in the moment of the PBX's first event of this name."""
        seen = []

        def hear(heard: Event) -> None:
            if heard.name == event and not seen:
                seen.append(heard)
                act()

        self.switch.on_event = hear

    async def ends_well(
        self, driver: Driver, caller: Caller, *statuses: str, agent: Party | None = None
    ) -> dict[str, Any]:
        """One result, told once and true; the caller in a talk, with the assistant, or gone by themselves.

        A caller who talks to `agent` hangs up. Returns the row.
        """
        id = str(driver.request.id)
        await asyncio.wait_for(asyncio.shield(driver.known), 15)
        bridged = driver.transfer.bridged_at > 0
        if bridged and caller.alive:
            assert caller.talks_to is not None
            assert caller.talks_to is agent
            caller.hangup()
        elif not bridged and driver.transfer.caller_here:
            await back_at_the_assistant(self.switch, caller)
        row = await self.api.ended(id)
        assert row["status"] in statuses, row
        assert (row["status"] == "success") == bridged
        await nobody_beside(self.switch, *([caller] if caller.alive else []))
        wanted = [f"{id}:completed", *([f"{id}:ended"] if bridged else [])]
        await self.backend.until(lambda: self.backend.arrived == wanted)
        assert self.backend.accepted[0].payload["status"] == row["status"]
        return row
