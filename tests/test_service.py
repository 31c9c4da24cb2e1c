"""Legs that are born while a daemon has not yet taken up everything that is open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from voiced.esl import Event
from voiced.esl.commands import Command
from voiced.pbx.pbx import Survey
from voiced.service import Service


class Line(SimpleNamespace):
    """A PBX on which nothing is ours, and what was said to it."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.born: Callable[[Event], object] = lambda event: None
        super().__init__(is_connected=True, calls=SimpleNamespace(on=self._on))

    def _on(self, listener: Callable[[Event], object], *, name: str) -> None:
        assert name == "CHANNEL_CREATE"
        self.born = listener

    def watch(self, watcher: Any) -> None:
        pass

    def say(self, command: Command) -> None:
        self.said.append(command.text)

    async def survey(self) -> Survey:
        return Survey([], [])

    def bear(self, attempt: str) -> None:
        self.born(Event(f"\nEvent-Name: CHANNEL_CREATE\nvariable_voiced_attempt: {attempt}\n\n".encode()))


class Owner:
    is_owner = True
    dials = True

    def may_dial(self) -> bool:
        return self.dials

    async def certain(self) -> None:
        pass


class Things(Service):
    """Knows `in_the_database` once it has been taken up."""

    def __init__(self, line: Line, owner: Owner) -> None:
        super().__init__(line, owner)  # type: ignore[arg-type]
        self.in_the_database, self.driven = {"7.1"}, set[str]()
        self.may_take_up = asyncio.Event()

    def _on_the_way(self) -> list[asyncio.Future[Any]]:
        return []

    def _lose(self) -> None:
        pass

    async def _look_again(self) -> None:
        pass

    async def _take_up(self) -> None:
        await self.may_take_up.wait()
        self.driven |= self.in_the_database

    def _driven(self) -> frozenset[str]:
        return frozenset(self.driven)

    def _is_orphan(self, attempt: str) -> bool:
        return attempt not in self.driven


@pytest.fixture
def line() -> Line:
    return Line()


async def test_a_leg_of_an_open_attempt_is_not_ended_before_the_attempt_is_taken_up(line: Line) -> None:
    things = Things(line, Owner())
    recovery = asyncio.create_task(things.recover())
    line.bear("7.1")
    line.bear("8.1")
    assert line.said == []
    things.may_take_up.set()
    await recovery
    assert [said for said in line.said if "8.1" in said] == line.said
    assert len(line.said) == 1


async def test_afterwards_a_leg_of_nobody_is_ended_at_its_birth(line: Line) -> None:
    things = Things(line, Owner())
    things.may_take_up.set()
    await things.recover()
    line.bear("7.1")
    assert line.said == []
    line.bear("9.1")
    assert len(line.said) == 1


async def test_after_a_loss_of_the_pbx_it_is_unknown_again(line: Line) -> None:
    things = Things(line, Owner())
    things.may_take_up.set()
    await things.recover()
    things.pbx_lost()
    line.bear("9.1")
    assert line.said == []
    await things.recover()
    assert len(line.said) == 1


async def test_a_standby_ends_nothing(line: Line) -> None:
    owner = Owner()
    owner.dials = False
    things = Things(line, owner)
    line.bear("9.1")
    things.may_take_up.set()
    await things.recover()
    assert line.said == []
