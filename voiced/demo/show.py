"""The scenes of the demo, and what stays up after them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx
import structlog
import uvicorn

from voiced.app import QuietServer, running
from voiced.demo.backend import Backend
from voiced.demo.timeline import Timeline
from voiced.settings import (
    DatabaseSettings,
    DomainSettings,
    HttpSettings,
    LogSettings,
    PbxSettings,
    Settings,
    TicketsSettings,
    TransferSettings,
)
from voiced.sim import Caller, Manner, Switch

DOMAIN: Final = UUID("11111111-1111-4111-8111-111111111111")
_PHONES: Final = (
    ("1001", Manner.ANSWER, 1.2, "answers after a second"),
    ("1002", Manner.BUSY, 0.4, "is busy"),
    ("1003", Manner.DECLINE, 0.8, "declines"),
    ("1004", Manner.RING, 0.0, "rings and nobody answers"),
    ("1005", None, 0.0, "is not registered"),
)


async def show(*, stay: bool, plain: bool) -> None:
    """Run the demo. With `stay`, until Ctrl-C."""
    timeline = Timeline(plain=plain)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))  # errors only
    timeline.line("voiced demo: a PBX, a database, a ticketing backend and voiced, all on this machine.")
    with _data_dir() as data_dir:
        timeline.line("Starting (the first start of the database takes a few seconds) ...")
        async with contextlib.AsyncExitStack() as stack:
            switch = Switch(domain="pbx.test")
            await switch.start(port=_free_port(8021))
            stack.push_async_callback(switch.stop)
            for user, manner, delay, _ in _PHONES:
                if manner is not None:
                    switch.phone(user, manner=manner, delay=delay)
            backend = Backend(lambda path, payload: timeline.say("backend", f"{path} {_brief(payload)}"))
            tickets = await stack.enter_async_context(_served(backend, _free_port(8090)))
            daemon = await stack.enter_async_context(running(_settings(switch.port, tickets, data_dir)))
            api = await stack.enter_async_context(httpx.AsyncClient(base_url=daemon.url, timeout=60))
            await _ready(api)
            watching = asyncio.create_task(_watch(api, timeline))
            try:
                await _scene_answered(switch, api, backend, timeline)
                await _scene_busy(switch, api, backend, timeline)
                if stay:
                    await _stay(switch, daemon.url, tickets, timeline)
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
    timeline.line("\nGood-bye.")


# -- the scenes -------------------------------------------------------------------------------------------


async def _scene_answered(
    switch: Switch, api: httpx.AsyncClient, backend: Backend, timeline: Timeline
) -> None:
    timeline.scene("1. Maria talks to the assistant and wants extension 1001, which answers")
    caller = await _caller(switch, "5511999990000", "Maria Souza", timeline)
    asked = asyncio.create_task(_ask(api, caller, "1001", timeline))
    await _told_what_they_hear(switch, caller, "music", timeline)
    await asked
    agent = caller.talks_to
    timeline.say("caller", "talks to the agent")
    await asyncio.sleep(1.5)
    if agent is not None:
        timeline.say("agent", "hangs up")
        agent.hangup()
    await backend.until(2)


async def _scene_busy(switch: Switch, api: httpx.AsyncClient, backend: Backend, timeline: Timeline) -> None:
    timeline.scene("2. João wants extension 1002, which is busy")
    caller = await _caller(switch, "5521988880000", "João Lima", timeline)
    asked = asyncio.create_task(_ask(api, caller, "1002", timeline))
    await _told_what_they_hear(switch, caller, "music", timeline)
    await _told_what_they_hear(switch, caller, "assistant", timeline)
    await asked
    await backend.until(3)
    caller.hangup()


async def _caller(switch: Switch, number: str, name: str, timeline: Timeline) -> Caller:
    caller = await switch.call("8000", number=number, name=name)
    await switch.until(lambda: caller.hears == "assistant")
    timeline.say("caller", f"{name} ({number}) hears the assistant")
    return caller


async def _ask(api: httpx.AsyncClient, caller: Caller, extension: str, timeline: Timeline) -> None:
    body = {"call_uuid": caller.uuid, "domain_uuid": str(DOMAIN), "destination": extension, "reason": "demo"}
    timeline.say(
        "pbx", f"POST /api/transfers?wait=60 {{call_uuid: {caller.uuid[:8]}…, destination: {extension}}}"
    )
    answer = (await api.post("/api/transfers", params={"wait": 60}, json=body)).json()
    shown = {
        name: answer.get(name)
        for name in ("status", "cause", "sip_code", "offer_callback")
        if answer.get(name)
    }
    timeline.say("pbx", f"answer: {json.dumps(shown)}")
    timeline.say("pbx", f"the assistant may say: «{answer.get('message')}»")


async def _told_what_they_hear(switch: Switch, caller: Caller, what: str, timeline: Timeline) -> None:
    await switch.until(lambda: caller.hears == what, 30)
    timeline.say("caller", {"music": "hears hold music", "assistant": "hears the assistant again"}[what])


async def _watch(api: httpx.AsyncClient, timeline: Timeline) -> None:
    """Follow /api/events, as any program can."""
    async with api.stream("GET", "/api/events", timeout=None) as response:
        async for line in response.aiter_lines():
            if line.startswith("data: "):
                timeline.step(json.loads(line.removeprefix("data: ")))


# -- staying up -------------------------------------------------------------------------------------------


async def _stay(switch: Switch, url: str, tickets: str, timeline: Timeline) -> None:
    timeline.scene("It stays up: try it")
    timeline.line(
        f"  voiced              {url}   (API: {url}/docs, events: {url}/api/events, metrics: {url}/metrics)"
    )
    timeline.line(f"  ticketing backend   {tickets}   (what it has received)")
    timeline.line(f"  simulated PBX       127.0.0.1:{switch.port}   (event socket, password ClueCon)")
    timeline.line("\n  Phones: " + ", ".join(f"{user} {what}" for user, _, _, what in _PHONES))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    waiting = asyncio.create_task(_keep_a_caller(switch, url, timeline))
    timeline.line("\n  Ctrl-C stops everything.")
    try:
        await stop.wait()
    finally:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def _keep_a_caller(switch: Switch, url: str, timeline: Timeline) -> None:
    """There is always somebody at the assistant who can be transferred."""
    while True:
        caller = await switch.call("8000", number="5531977770000", name="Ana Costa")
        await _until(switch, lambda caller: caller.hears == "assistant", caller)
        body = json.dumps({"call_uuid": caller.uuid, "domain_uuid": str(DOMAIN), "destination": "1001"})
        timeline.line("\n  A caller waits at the assistant. Transfer them to a phone of your choice:")
        timeline.line(
            f"  curl -s '{url}/api/transfers?wait=60' -H 'Content-Type: application/json' -d '{body}'"
        )
        await _until(switch, lambda caller: not caller.alive, caller)


async def _until(switch: Switch, condition: Callable[[Caller], bool], caller: Caller) -> None:
    await switch.until(lambda: condition(caller), timeout=24 * 3600)


# -- what it needs ----------------------------------------------------------------------------------------


def _settings(pbx_port: int, tickets: str, data_dir: Path) -> Settings:
    return Settings(
        pbx=PbxSettings(name="demo", port=pbx_port),
        http=HttpSettings(listen=f"127.0.0.1:{_free_port(8085)}"),
        database=DatabaseSettings(data_dir=data_dir),
        tickets=TicketsSettings(url=tickets),
        transfer=TransferSettings(ring_timeout_seconds=15),
        log=LogSettings(level="error"),
        domain=(DomainSettings(uuid=DOMAIN, name="pbx.test"),),
    )


@contextlib.asynccontextmanager
async def _served(backend: Backend, port: int) -> AsyncIterator[str]:
    config = uvicorn.Config(backend.app, host="127.0.0.1", port=port, log_config=None, lifespan="off")
    server = QuietServer(config)
    task = asyncio.create_task(server.serve(), name="ticketing backend")
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


async def _ready(api: httpx.AsyncClient) -> None:
    for _ in range(200):
        if (await api.get("/readyz")).status_code == 200:
            return
        await asyncio.sleep(0.05)
    raise RuntimeError("voiced did not become ready within 10 s")


@contextlib.contextmanager
def _data_dir() -> Iterator[Path]:
    """A directory of its own, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="voiced-demo-", ignore_cleanup_errors=True) as name:
        yield Path(name) / "postgres"


def _free_port(usual: int) -> int:
    """The usual port, or a free one if it is taken."""
    for port in (usual, 0):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)) as taken:
            found: int = taken.getsockname()[1]
            return found
    raise RuntimeError("no port is free on 127.0.0.1")


def _brief(payload: dict[str, Any]) -> str:
    wanted = ("status", "cause", "endedBy", "talkSeconds", "offerCallback")
    return json.dumps({name: payload[name] for name in wanted if payload.get(name)}, ensure_ascii=False)
