"""Calls that the PBX routes in, on the stage of a kill test: what their dialplan knows, and that
they are let be.

Each daemon listens on an address of its own; the dialplan tries one after the other, and goes on with a tone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import asyncpg

from tests.kill.daemon import door
from tests.kill.stage import DOMAIN, Stage
from voiced.sim import Caller, Event

EXTENSION: Final = "8500"
_TONE: Final = "tone_stream://%(100,0,800);loops=-1"


@dataclass
class WentOn:
    """A call that has gone on with its dialplan: what it knew by then, and when that was."""

    told: dict[str, str]
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


class RoutedIn:
    """A kind of what voiced does; see `stage.Kind`. Its transfers are Transfers' business."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        stage.kinds.append(self)
        self.calls: set[str] = set()
        self.went_on: dict[str, WentOn] = {}
        self.torn: list[str] = []  # what was done to calls that had gone on
        hear = stage.switch.on_event

        def listen(event: Event) -> None:
            if hear is not None:
                hear(event)
            self._hear(event)

        stage.switch.on_event = listen

    async def call(self, destination: str, doors: tuple[int, ...] = (1, 2)) -> Caller:
        """Somebody calls, and the dialplan hands them over: to the first daemon that is there."""
        hosts = "|".join(door(number) for number in doors)
        self.stage.switch.dialplan.add(
            "default", "went_on", f"^{EXTENSION}$", ("playback", _TONE), first=True
        )
        self.stage.switch.dialplan.add(
            "default", "routed_in", f"^{EXTENSION}$",
            ("set", f"voiced_domain_uuid={DOMAIN}"), ("set", f"voiced_destination={destination}"),
            ("set", "socket_resume=true"), ("socket", f"{hosts} async full"), ("unset", "socket_resume"),
            first=True, unless="voiced_status", continues=True,
        )  # fmt: skip
        caller = await self.stage.switch.call(EXTENSION, number="5511999990000", name="Maria Souza")
        self.stage.callers.append(caller)
        self.calls.add(caller.uuid)
        return caller

    def _hear(self, event: Event) -> None:
        uuid = event.get("Unique-ID") or ""
        channel = self.stage.switch.channels.get(uuid)
        if channel is None or uuid not in self.calls:
            return
        data = event.get("Application-Data") or ""
        if event.name == "CHANNEL_EXECUTE" and data == _TONE:
            told = {name: channel.variables.get(f"voiced_{name}") or "" for name in ("status", "cause")}
            self.went_on.setdefault(uuid, WentOn(told))
        elif uuid in self.went_on and (
            event.name == "CHANNEL_BRIDGE" or (event.name == "CHANNEL_EXECUTE" and "voiced_hold" in data)
        ):
            self.torn.append(f"{uuid} had gone on: {event.name} {data}")

    # -- as the stage sees them ---------------------------------------------------------------------------

    async def driven(self) -> Mapping[str, str]:
        return {}

    async def complaints(self) -> list[str]:
        return self.torn

    async def open(self) -> list[str]:
        return []

    async def assert_told_once(self) -> None:
        """The dialplan knows the result, or `failed` where it went on before anybody knew one."""
        for uuid, went_on in self.went_on.items():
            row = await self._transfer(uuid)
            status = went_on.told["status"]
            if row is None:  # not even asked for
                assert status in ("", "failed"), went_on
            elif (
                row["status"] == "failed"
            ):  # the row may know less than the dialplan: it lags behind the call
                assert status != "success", went_on
            elif went_on.told != {"status": row["status"], "cause": row["cause"]}:
                assert status in ("", "failed"), (went_on, dict(row))
                assert row["taken_up"] is None or went_on.at < row["taken_up"], (went_on, dict(row))
            left = self.stage.switch.channels.get(uuid)
            for name in (
                "voiced_hold",
                "transfer_after_bridge",
                "hangup_after_bridge",
                "playback_terminators",
            ):
                assert left is None or not left.variables.get(name), f"{name} is left on {uuid}"

    async def _transfer(self, uuid: str) -> asyncpg.Record | None:
        return await self.stage.database.fetchrow(
            """
            select status, cause, (
                select min(at) from transfer_journal where transfer_id = t.id and fact = 'pbx_back'
            ) as taken_up
            from transfers t where call_uuid = $1 order by requested_at limit 1
            """,
            uuid,
        )

    async def story(self) -> list[str]:
        return [f"  {uuid} went on {went_on}" for uuid, went_on in self.went_on.items()] + self.torn
