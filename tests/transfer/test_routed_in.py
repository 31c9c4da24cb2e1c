"""Calls that the PBX routes in: a simulated PBX's dialplan hands them over and goes on with a tone."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4
from xml.etree import ElementTree

import pytest

from tests.callers import nobody_beside
from tests.conftest import DOMAIN, Api, Start, settings_for
from tests.gate import Gate
from tests.house import add
from tests.kill.daemon import Daemon
from voiced import app
from voiced.app import running
from voiced.sim import Caller, Manner, Phone, Switch
from voiced.transfer import driver
from voiced.transfer.causes import Status

TOLD = ("status", "cause", "offer_callback", "message")


def route(switch: Switch, port: int, **variables: str) -> None:
    """Extension 8500 goes to the daemon, and then to a tone."""
    route_to(switch, [port], **variables)


def route_to(switch: Switch, ports: Sequence[int], **variables: str) -> None:
    """Extension 8500 goes to the first of these daemons that listens, and then to a tone."""
    wanted = {"voiced_domain_uuid": str(DOMAIN), **variables}
    switch.dialplan.add(
        "default",
        "routed_in",
        "^8500$",
        *(("set", f"{name}={value}") for name, value in wanted.items()),
        ("socket", f"{'|'.join(f'127.0.0.1:{port}' for port in ports)} async full"),
        ("answer", ""),
        ("playback", "tone_stream://%(100,0,800);loops=-1"),
        first=True,
    )


def told(switch: Switch, caller: Caller) -> dict[str, str]:
    """What the dialplan knows of the transfer."""
    variables = switch.channels[caller.uuid].variables
    return {name: value for name in TOLD if (value := variables.get(f"voiced_{name}"))}


async def goes_on(switch: Switch, caller: Caller, timeout: float = 5.0) -> dict[str, str]:
    """The call is in its dialplan again; what the dialplan knows."""
    await switch.until(lambda: caller.hears == "tone", timeout)
    return told(switch, caller)


@pytest.fixture
async def routed(api: Api, switch: Switch) -> Api:
    """A daemon that is asked for `voiced_destination=vendas`, extension 1001."""
    route(
        switch, api.daemon.outbound_port, voiced_destination="quero falar com vendas", voiced_reason="comprar"
    )
    await add(api, name="Vendas")
    return api


async def test_answered_and_after_the_talk_the_call_ends(switch: Switch, routed: Api) -> None:
    phone = switch.phone("1001", delay=0.3)
    caller = await switch.call("8500")
    await switch.until(lambda: caller.hears in ("music", "tone"))
    assert caller.hears == "music", told(switch, caller)
    await switch.until(lambda: caller.talks_to is phone)
    [row] = (await routed.client.get("/api/transfers")).json()["transfers"]
    assert (row["reason"], row["destination"]["name"]) == ("comprar", "Vendas")
    phone.hangup()
    await switch.until(lambda: not caller.alive)
    assert (await routed.ended(row["id"]))["status"] == "success"
    await nobody_beside(switch)


async def test_busy_goes_on_in_the_dialplan_with_what_became_of_it(switch: Switch, routed: Api) -> None:
    switch.phone("1001", manner=Manner.BUSY, delay=0.1)
    caller = await switch.call("8500")
    assert await goes_on(switch, caller) == {
        "status": "busy", "cause": "USER_BUSY", "offer_callback": "true",
        "message": "Vendas está em outra ligação no momento.",
    }  # fmt: skip
    await nobody_beside(switch, caller)


async def test_a_closed_destination_goes_on_as_unavailable_and_says_when_it_opens(
    switch: Switch, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuesday_evening = datetime(2026, 11, 17, 22, tzinfo=UTC)
    monkeypatch.setattr(api.daemon.reception, "_now", lambda: tuesday_evening)
    route(switch, api.daemon.outbound_port, voiced_destination="vendas")
    opens = {"timezone": "UTC", "friday": ["08:00-12:00"]}
    await add(api, name="Vendas", fallback_action="voicemail", working_hours=opens)
    phone = switch.phone("1001")
    caller = await switch.call("8500")
    found = await goes_on(switch, caller)
    assert found == {
        "status": "unavailable", "cause": "CLOSED", "offer_callback": "true",
        "message": "Vendas não atende neste horário. O atendimento volta na sexta-feira, às 8h.",
    }  # fmt: skip
    assert phone.calls == 0
    [row] = (await api.client.get("/api/transfers")).json()["transfers"]
    row = await api.ended(row["id"])
    assert (row["status"], row["cause"]) == ("unavailable", "CLOSED")
    await nobody_beside(switch, caller)


@pytest.mark.parametrize("fallback", ["hangup", "voicemail", "callback"])
async def test_the_dialplan_goes_on_whatever_the_destinations_own_fallback_is(
    switch: Switch, api: Api, fallback: str
) -> None:
    route(switch, api.daemon.outbound_port, voiced_destination="vendas")
    await add(api, name="Vendas", fallback_action=fallback)
    switch.phone("1001", manner=Manner.BUSY, delay=0.05)
    caller = await switch.call("8500")
    assert (await goes_on(switch, caller))["status"] == "busy"


async def test_a_caller_who_leaves_ends_it(switch: Switch, routed: Api) -> None:
    phone = switch.phone("1001", manner=Manner.RING)
    caller = await switch.call("8500")
    await switch.until(lambda: phone.ringing)
    caller.hangup()
    await switch.until(lambda: not phone.alive)
    await nobody_beside(switch)
    async with asyncio.timeout(5):
        while len(routed.daemon.routed_in.server):
            await asyncio.sleep(0.02)


async def test_no_such_destination_goes_on_at_once_and_says_so(switch: Switch, api: Api) -> None:
    route(switch, api.daemon.outbound_port, voiced_destination="o fernando")
    await add(api, name="Vendas", destination_type="ring_group")
    caller = await switch.call("8500")
    assert await goes_on(switch, caller) == {
        "status": "failed", "cause": "NO_SUCH_DESTINATION", "offer_callback": "false",
        "message": "Não encontrei esse destino. Posso transferir para Vendas.",
    }  # fmt: skip


async def test_a_destination_by_its_id(switch: Switch, api: Api) -> None:
    row = await add(api, name="Vendas")
    route(switch, api.daemon.outbound_port, voiced_destination_uuid=row["id"], voiced_destination="x")
    phone = switch.phone("1001", delay=0.05)
    caller = await switch.call("8500")
    await switch.until(lambda: caller.talks_to is phone)


async def test_without_a_phrase_the_default_takes_the_call(switch: Switch, api: Api) -> None:
    await add(api, name="Atendimento", is_default=True)
    route(switch, api.daemon.outbound_port)
    phone = switch.phone("1001", delay=0.05)
    caller = await switch.call("8500")
    await switch.until(lambda: caller.talks_to is phone)


WRONG = {
    "no domain": {"voiced_domain_uuid": ""},
    "a domain that is none": {"voiced_domain_uuid": "pbx.test"},
    "a domain that nobody knows": {"voiced_domain_uuid": str(uuid4())},
    "an id that is none": {"voiced_destination_uuid": "1001; hupall"},
    "an id that nobody knows": {"voiced_destination_uuid": str(uuid4())},
    "syntax": {"voiced_destination": "1001,user/1002@pbx.test"},
}


@pytest.mark.parametrize("variables", WRONG.values(), ids=WRONG)
async def test_what_is_wrong_goes_on_at_once(switch: Switch, api: Api, variables: dict[str, str]) -> None:
    route(switch, api.daemon.outbound_port, **{"voiced_destination": "1001", **variables})
    phone = switch.phone("1001")
    caller = await switch.call("8500")
    assert (await goes_on(switch, caller))["status"] == "failed"
    assert phone.calls == 0


OTHER = {"uuid": "22222222-2222-4222-8222-222222222222", "name": "other.test"}
DOMAINS = [{"uuid": str(DOMAIN), "name": "pbx.test"}, OTHER]


@pytest.mark.parametrize(
    "variables", [{"domain_uuid": OTHER["uuid"]}, {"domain_name": "other.test"}], ids=str
)
async def test_a_dialplan_cannot_take_a_call_into_another_domain(
    switch: Switch, start: Start, variables: dict[str, str]
) -> None:
    async with start(domain=DOMAINS) as api:
        route(switch, api.daemon.outbound_port, voiced_destination="1001", **variables)
        phone = switch.phone("1001")
        caller = await switch.call("8500")
        found = await goes_on(switch, caller)
        assert (found["status"], found["cause"], phone.calls) == ("failed", "NO_SUCH_CALL", 0)


async def test_without_voiced_domain_uuid_the_domain_is_the_channels(switch: Switch, start: Start) -> None:
    async with start(domain=DOMAINS) as api:
        await add(api, name="Vendas")
        variables = {"voiced_domain_uuid": "", "domain_name": "pbx.test", "voiced_destination": "vendas"}
        route(switch, api.daemon.outbound_port, **variables)
        phone = switch.phone("1001", delay=0.05)
        caller = await switch.call("8500")
        await switch.until(lambda: caller.talks_to is phone)


async def test_above_the_limit_a_call_goes_on_at_once_and_those_below_are_served(
    switch: Switch, start: Start
) -> None:
    async with start(outbound={"limit": 1, "listen": "127.0.0.1:0"}) as api:
        route(switch, api.daemon.outbound_port, voiced_destination="1001")
        phone = switch.phone("1001", manner=Manner.RING)
        first = await switch.call("8500")
        await switch.until(lambda: phone.ringing)
        second = await switch.call("8500")
        assert await goes_on(switch, second) == {
            "status": "failed", "cause": "TOO_MANY_CALLS", "offer_callback": "false",
            "message": "Não consegui transferir a ligação agora. Posso ajudar de outra forma?",
        }  # fmt: skip
        phone.answer()
        await switch.until(lambda: first.talks_to is phone)


async def test_with_the_database_away_a_call_goes_on(switch: Switch, start: Start, database_url: str) -> None:
    gate = Gate(database_url)
    await gate.open()
    async with start(database={"url": gate.url}) as api:
        route(switch, api.daemon.outbound_port, voiced_destination="1001")
        await gate.shut()
        caller = await switch.call("8500")
        found = await goes_on(switch, caller)
        assert (found["status"], found["cause"]) == ("failed", "DATABASE_IS_AWAY")
        assert found["message"] == "Não consegui transferir a ligação agora. Posso ajudar de outra forma?"


async def test_while_shutting_down_a_call_goes_on(switch: Switch, routed: Api) -> None:
    routed.daemon.transfers.close_door()
    caller = await switch.call("8500")
    assert (await goes_on(switch, caller))["status"] == "failed"


async def a_ringing_call(switch: Switch, api: Api) -> tuple[Caller, Phone]:
    route(switch, api.daemon.outbound_port, voiced_destination="1001")
    phone = switch.phone("1001", manner=Manner.RING)
    caller = await switch.call("8500")
    await switch.until(lambda: caller.hears == "music" and phone.ringing)
    return caller, phone


def cut(switch: Switch, *, sessions: bool) -> None:
    """Abort the sessions of calls routed in, or every other connection."""
    for listener in tuple(switch.listeners):
        if (listener.channel is not None) == sessions:
            listener.abort()


async def test_music_that_ends_by_itself_is_played_again_while_the_session_stands(
    switch: Switch, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "FINISH_SECONDS", 0.1)
    async with start(pbx={"hold_music": "tone_stream://%(1100,0,440)"}) as api:
        route(switch, api.daemon.outbound_port, voiced_destination="1001")
        phone = switch.phone("1001", manner=Manner.RING)
        await switch.call("8500")

        def holds() -> list[str]:
            uuids = (command.headers.get("event-uuid", "") for command in switch.commands)
            return [uuid.rpartition(".")[2] for uuid in uuids if uuid.startswith("hold-")]

        await switch.until(lambda: len(set(holds())) == 2)
        assert phone.ringing


async def test_without_its_session_a_call_goes_on_at_once(switch: Switch, api: Api) -> None:
    caller, phone = await a_ringing_call(switch, api)
    cut(switch, sessions=True)
    assert await goes_on(switch, caller) == {"status": "failed"}
    await switch.until(lambda: not phone.alive)
    [row] = (await api.client.get("/api/transfers")).json()["transfers"]
    assert ((await api.ended(row["id"]))["cause"], caller.hears) == ("WENT_ON", "tone")


async def test_the_event_socket_is_away_for_a_moment_and_the_transfer_goes_on(
    switch: Switch, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "AWAY_SECONDS", 60)  # on a busy machine the moment is a long one
    caller, phone = await a_ringing_call(switch, api)
    await switch.close_door()
    cut(switch, sessions=False)
    await switch.until(lambda: not api.daemon.pbx.is_connected)
    await switch.open_door()
    await switch.until(lambda: api.daemon.pbx.is_connected, timeout=20)
    phone.answer()
    await switch.until(lambda: caller.talks_to is phone, timeout=20)


async def test_the_event_socket_stays_away_and_the_call_goes_on(
    switch: Switch, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "AWAY_SECONDS", 0.3)
    caller, phone = await a_ringing_call(switch, api)
    await switch.close_door()
    cut(switch, sessions=False)
    assert await goes_on(switch, caller) == {"status": "failed"}
    await switch.open_door()
    await switch.until(lambda: not phone.alive)
    assert caller.hears == "tone"


async def test_a_standby_refuses_calls_so_that_the_pbx_tries_the_next(
    switch: Switch, api: Api, database_url: str
) -> None:
    """The dialplan names all daemons, and each call comes to the owner, whoever that is."""
    async with running(settings_for(switch.port, database_url)) as standby:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", standby.outbound_port)
        route_to(switch, [standby.outbound_port, api.daemon.outbound_port], voiced_destination="1001")
        phone = switch.phone("1001", delay=0.1)
        caller = await switch.call("8500")
        await switch.until(lambda: caller.talks_to is phone)


async def listens(port: int) -> None:
    """Until there is somebody at a port; within five seconds."""
    async with asyncio.timeout(5):
        while True:
            with suppress(ConnectionRefusedError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.02)


async def test_a_standby_that_owns_the_pbx_takes_calls(
    switch: Switch, start: Start, database_url: str
) -> None:
    async with start() as first, running(settings_for(switch.port, database_url)) as standby:
        assert not standby.ownership.is_owner
        await first.daemon.ownership._step_down()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", first.daemon.outbound_port)
        await switch.until(lambda: standby.ownership.is_owner, timeout=10)
        await listens(standby.outbound_port)
        route(switch, standby.outbound_port, voiced_destination="1001")
        phone = switch.phone("1001", delay=0.1)
        caller = await switch.call("8500")
        await switch.until(lambda: caller.talks_to is phone)


async def test_when_voiced_is_not_there_a_call_goes_on(switch: Switch, start: Start) -> None:
    async with start() as api:
        route(switch, api.daemon.outbound_port, voiced_destination="1001")
    caller = await switch.call("8500")
    assert await goes_on(switch, caller) == {}


Begin = Callable[[], Daemon]


@pytest.fixture
async def begin(switch: Switch, database_url: str, tmp_path: Path) -> AsyncIterator[Begin]:
    """Starts daemons of their own, that can be killed. They hold callers for two seconds at most."""
    port = free_port()
    settings = settings_for(switch.port, database_url)
    sections = {
        "pbx": {"port": switch.port},
        "http": {"listen": settings.http.listen},
        "outbound": {"listen": f"127.0.0.1:{port}"},
        "database": {"url": database_url},
        "transfer": {"announce": False, "longest_hold_seconds": 2, "comfort_seconds": 0},
        "domain": [{"uuid": str(DOMAIN), "name": "pbx.test"}],
    }
    route(switch, port, voiced_destination="1001")
    daemons: list[Daemon] = []

    def another() -> Daemon:
        daemons.append(Daemon(sections, tmp_path, f"daemon-{len(daemons)}", {"LIMIT_GRACE": 0}))
        return daemons[-1]

    yield another
    for daemon in daemons:
        await daemon.close()


@pytest.fixture
async def process(begin: Begin) -> Daemon:
    daemon = begin()
    await daemon.owns()
    return daemon


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


async def test_voiced_is_killed_during_hold_and_the_call_is_not_held_again(
    switch: Switch, process: Daemon, begin: Begin
) -> None:
    phone = switch.phone("1001", manner=Manner.RING)
    caller = await switch.call("8500")
    await switch.until(lambda: caller.hears == "music" and phone.ringing)
    process.kill()
    assert await goes_on(switch, caller) == {"status": "failed"}
    successor = begin()
    await successor.owns()
    await switch.until(lambda: not phone.alive)
    async with asyncio.timeout(5):
        while not (row := (await successor.client.get("/api/transfers")).json()["transfers"][0])["ended_at"]:
            await asyncio.sleep(0.02)
    assert (row["status"], row["cause"]) == ("failed", "WENT_ON")
    assert (caller.hears, told(switch, caller)) == ("tone", {"status": "failed"})


async def test_voiced_is_killed_during_a_talk_and_the_talk_goes_on(switch: Switch, process: Daemon) -> None:
    phone = switch.phone("1001", delay=0.1)
    caller = await switch.call("8500")
    await switch.until(lambda: caller.talks_to is phone)
    process.kill()
    await asyncio.sleep(0.05)
    assert caller.talks_to is phone
    phone.hangup()
    await switch.until(lambda: not caller.alive)


# -- the dialplan of docs/fusionpbx.md --------------------------------------------------------------------

ROOT = Path(__file__).parents[2]


def extensions(xml: ElementTree.Element) -> dict[str | None, list[tuple[str, dict[str, str]]]]:
    """Extensions by name: their conditions and actions, in order."""
    return {
        extension.get("name"): [(node.tag, node.attrib) for node in extension.iter() if node is not extension]
        for extension in xml.iter("extension")
    }


def test_the_dialplan_to_paste_is_the_one_that_the_live_tests_run() -> None:
    [pasted] = re.findall(r"```xml\n(.*?)```", (ROOT / "docs" / "fusionpbx.md").read_text(), re.DOTALL)
    documented = extensions(ElementTree.fromstring(f"<context>{pasted}</context>"))
    assert len(documented) == 4
    live = extensions(ElementTree.parse(ROOT / "tests" / "live" / "pbx" / "freeswitch.xml").getroot())
    assert {name: live.get(name) for name in documented} == documented


def test_the_dialplan_to_paste_knows_every_status_that_voiced_sets() -> None:
    pasted = (ROOT / "docs" / "fusionpbx.md").read_text()
    patterns = [re.compile(text) for text in re.findall(r'expression="(\^voiced_[^"]*)"', pasted)]
    results = set(Status) - {Status.PENDING, Status.RINGING, Status.ANSWERED, Status.SUCCESS}
    for status in (*results, ""):
        assert [pattern for pattern in patterns if pattern.search(f"voiced_{status}")], status
