"""Somebody sets the machine's clock while a call waits."""

from __future__ import annotations

import asyncio
import time

import pytest

from voiced.callback.service import Attempts
from voiced.clock import steady
from voiced.inbox import Inbox
from voiced.transfer.tools import Tools


async def test_a_deadline_comes_though_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    inbox: Inbox[str] = Inbox(Tools.__dataclass_fields__["clock"].default, lambda: None)
    until = steady() + 0.05
    monkeypatch.setattr(time, "time", lambda: 0.0)
    async with asyncio.timeout(5):
        assert await inbox.next(until) is None
    assert steady() >= until


def test_it_is_the_time_of_day_and_every_machine_has_it() -> None:
    assert abs(steady() - time.time()) < 5
    assert Attempts.__init__.__kwdefaults__["clock"] is steady
