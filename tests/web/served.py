"""A daemon in a thread of its own, for tests that are not asyncio's (schemathesis)."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar
from uuid import uuid4

import asyncpg
import httpx

from tests.callers import at_the_assistant
from tests.conftest import Api, settings_for, url_of
from voiced.app import Daemon, running
from voiced.sim import Caller, Manner, Switch

T = TypeVar("T")


class Served:
    """A daemon behind real HTTP; what touches it runs in its own loop (`run`)."""

    def __init__(self, loop: asyncio.AbstractEventLoop, switch: Switch, daemon: Daemon) -> None:
        self._loop, self.switch, self.daemon, self.url = loop, switch, daemon, daemon.url

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do this there, and return what it returns."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def phone(self, user: str, manner: Manner) -> None:
        """A phone that is quick."""

        async def add() -> None:
            self.switch.phone(user, manner, delay=0.01)

        self.run(add())

    def caller(self) -> Caller:
        """Somebody at the assistant."""
        return self.run(at_the_assistant(self.switch))


@contextlib.contextmanager
def served(postgres: str, **changes: Any) -> Iterator[Served]:
    """A daemon for the time of the block."""
    up: Future[Served] = Future()
    over = asyncio.Event()

    async def serve() -> None:
        name = f"served_{uuid4().hex}"
        connection = await asyncpg.connect(postgres)
        await connection.execute(f"create database {name} template voiced_template")
        switch = Switch(domain="pbx.test")
        await switch.start()
        async with (
            running(settings_for(switch.port, url_of(postgres, name), **changes)) as daemon,
            httpx.AsyncClient(base_url=daemon.url) as client,
        ):
            await Api(daemon, client).ready()
            up.set_result(Served(asyncio.get_running_loop(), switch, daemon))
            await over.wait()
        await switch.stop()
        await connection.execute(f"drop database {name} with (force)")
        await connection.close()

    def work() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            if up.done():
                raise
            up.set_exception(error)

    thread = threading.Thread(target=work, name="served daemon")
    thread.start()
    at = up.result(30)
    try:
        yield at
    finally:
        at._loop.call_soon_threadsafe(over.set)
        thread.join(30)
