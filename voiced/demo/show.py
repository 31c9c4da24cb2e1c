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

from voiced.app import running
from voiced.demo.backend import SHOWN, Backend
from voiced.demo.stop import Stop
from voiced.demo.timeline import Timeline
from voiced.settings import (
    CallbackSettings,
    DatabaseSettings,
    DomainSettings,
    HttpSettings,
    LogSettings,
    OutboundSettings,
    PbxSettings,
    Settings,
    TicketsSettings,
    TransferSettings,
)
from voiced.sim import Caller, Manner, Switch
from voiced.web.server import QuietServer

DOMAIN: Final = UUID("11111111-1111-4111-8111-111111111111")
_PHONES: Final = (
    ("1001", Manner.ANSWER, 1.2, "answers after a second"),
    ("1002", Manner.BUSY, 0.4, "is busy"),
    ("1003", Manner.DECLINE, 0.8, "declines"),
    ("1004", Manner.RING, 0.0, "rings and nobody answers"),
    ("1005", None, 0.0, "is not registered"),
)

_JOAO: Final = "5521988880000"
_PACE: Final = 0.25  # prompts take a quarter of their time


async def show(*, stay: bool, plain: bool) -> None:
    """Run the demo. With `stay`, until Ctrl-C."""
    stop = Stop()
    try:
        await _show(stop if stay else None, Timeline(plain=plain))
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # everything is stopped: only the exit is left


async def _show(stay: Stop | None, timeline: Timeline) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))  # errors only
    timeline.line("voiced demo: a PBX, a database, a ticketing backend and voiced, all on this machine.")
    with _data_dir() as data_dir:
        timeline.line("Starting (the first start of the database takes a few seconds) ...")
        async with contextlib.AsyncExitStack() as stack:
            switch = Switch(domain="pbx.test", pace=_PACE)
            await switch.start(port=_free_port(8021))
            stack.push_async_callback(switch.stop)
            for user, manner, delay, _ in _PHONES:
                if manner is not None:
                    switch.phone(user, manner=manner, delay=delay)
            backend = Backend(lambda path, payload: timeline.say("backend", f"{path} {_brief(payload)}"))
            tickets = await stack.enter_async_context(_served(backend, 8090))
            daemon = await stack.enter_async_context(running(_settings(switch.port, tickets, data_dir)))
            api = await stack.enter_async_context(httpx.AsyncClient(base_url=daemon.url, timeout=60))
            await _ready(api)
            watching = asyncio.create_task(_watch(api, timeline))
            try:
                await _scene_answered(switch, api, backend, timeline)
                joao, transfer = await _scene_busy(switch, api, backend, timeline)
                await _scene_callback(switch, api, backend, timeline, joao, transfer)
                if stay is not None:
                    await _stay(stay, switch, daemon.url, tickets, timeline)
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


async def _scene_busy(
    switch: Switch, api: httpx.AsyncClient, backend: Backend, timeline: Timeline
) -> tuple[Caller, str]:
    timeline.scene("2. João wants extension 1002, which is busy: he is offered a callback")
    caller = await _caller(switch, _JOAO, "João Lima", timeline)
    asked = asyncio.create_task(_ask(api, caller, "1002", timeline))
    await _told_what_they_hear(switch, caller, "music", timeline)
    await _told_what_they_hear(switch, caller, "assistant", timeline)
    id = await asked
    await backend.until(3)
    return caller, id


async def _scene_callback(
    switch: Switch, api: httpx.AsyncClient, backend: Backend, timeline: Timeline, joao: Caller, transfer: str
) -> None:
    timeline.scene("3. João says yes; when extension 1002 is free, the promise is kept")
    phone = next(phone for phone in switch.phones if phone.user == "1002")
    client = switch.outside_number(_JOAO, Manner.ANSWER, 0.8)
    phone.manner = Manner.ANSWER
    colleague = await switch.call("1002", number="5511955550000", name="Colega")
    await switch.until(lambda: colleague.talks_to is phone)
    timeline.say("agent", "1002 is on the phone with a colleague")
    timeline.say("assistant", f"POST /api/transfers/{transfer[:8]}…/callback {{}}")
    answer = (await api.post(f"/api/transfers/{transfer}/callback", json={})).json()
    shown = {name: answer[name] for name in ("status", "number", "extension")}
    timeline.say("assistant", f"is answered {json.dumps(shown)}; João hangs up")
    joao.hangup()
    await asyncio.sleep(1.0)
    timeline.say("agent", "1002 hangs up, and is free")
    phone.hangup()
    await switch.until(lambda: phone.talks_to is client, 30)
    timeline.say("client", "João talks to the agent")
    await asyncio.sleep(1.0)
    timeline.say("agent", "hangs up")
    phone.hangup()
    await backend.until_told("completed")
    phone.manner = Manner.BUSY


async def _caller(switch: Switch, number: str, name: str, timeline: Timeline) -> Caller:
    caller = await switch.call("8000", number=number, name=name)
    await switch.until(lambda: caller.hears == "assistant")
    timeline.say("caller", f"{name} ({number}) hears the assistant")
    return caller


async def _ask(api: httpx.AsyncClient, caller: Caller, extension: str, timeline: Timeline) -> str:
    body = {"call_uuid": caller.uuid, "domain_uuid": str(DOMAIN), "destination": extension, "reason": "demo"}
    timeline.say(
        "assistant", f"POST /api/transfers {{call_uuid: {caller.uuid[:8]}…, destination: {extension}}}"
    )
    answer = (await api.post("/api/transfers", params={"wait": 60}, json=body)).json()
    shown = {
        name: answer.get(name)
        for name in ("status", "cause", "sip_code", "offer_callback")
        if answer.get(name)
    }
    timeline.say("assistant", f"is answered {json.dumps(shown)}")
    said = answer.get("messages", {})
    timeline.say("assistant", f"may say «{said.get('pt-BR')}» or «{said.get('en')}»")
    return str(answer["id"])


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


async def _stay(stop: Stop, switch: Switch, url: str, tickets: str, timeline: Timeline) -> None:
    timeline.scene("It stays up: try it")
    timeline.line(f"  voiced              {url}")
    timeline.line(f"     the API          {url}/docs")
    timeline.line(f"     every step       {url}/api/events")
    timeline.line(f"     metrics          {url}/metrics")
    timeline.line(f"  ticketing backend   {tickets}   (what it has received)")
    timeline.line(f"  simulated PBX       127.0.0.1:{switch.port}   (event socket, password ClueCon)")
    timeline.line("\n  Phones: " + ", ".join(f"{user} {what}" for user, _, _, what in _PHONES))
    waiting = asyncio.create_task(_keep_a_caller(switch, url, timeline))
    timeline.line("\n  Ctrl-C stops everything.")
    try:
        await stop.asked()
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
        outbound=OutboundSettings(listen=""),
        http=HttpSettings(listen=f"127.0.0.1:{_free_port(8085)}"),
        database=DatabaseSettings(data_dir=data_dir),
        tickets=TicketsSettings(url=tickets),
        transfer=TransferSettings(ring_timeout_seconds=15),
        callback=CallbackSettings(auto_dial=True, settle_seconds=1),
        log=LogSettings(level="error"),
        domain=(DomainSettings(uuid=DOMAIN, name="pbx.test"),),
    )


@contextlib.asynccontextmanager
async def _served(backend: Backend, usual: int) -> AsyncIterator[str]:
    listener = _listener(usual)
    server = QuietServer(uvicorn.Config(backend.app, log_config=None, lifespan="off"))
    task = asyncio.create_task(server.serve([listener]), name="ticketing backend")
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
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
    with _listener(usual) as taken:
        found: int = taken.getsockname()[1]
        return found


def _listener(usual: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", usual))
    except OSError:
        return socket.create_server(("127.0.0.1", 0))


def _brief(payload: dict[str, Any]) -> str:
    found = {name: payload[name] for name in SHOWN if payload.get(name)}
    if found.get("outcome") == found.get("status"):
        found.pop("status", None)
    if found.get("cause") == "NORMAL_CLEARING":
        del found["cause"]
    return json.dumps(found, ensure_ascii=False)
