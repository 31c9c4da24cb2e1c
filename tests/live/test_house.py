"""Groups, queues, numbers outside, screening, fallbacks and calls routed in, on a real FreeSWITCH."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import DOMAIN, Api, settings_for
from tests.house import add, body
from tests.kill.daemon import Daemon, Sections
from tests.live.conftest import Phones, comes_to_hear, heard, hung_up
from tests.live.sip_phones import Endpoint, phone
from voiced import esl
from voiced.app import running
from voiced.pbx.channel import Home
from voiced.pbx.control import bridge, routed_in

AGENT, OTHER, CALLER = 0x21, 0x22, 0x55
OUTBOUND = "127.0.0.1:8084"  # where the dialplan's `socket` connects
GATEWAY = 5099  # the SIP port of the trunk's far end
FEW = 10  # frames: a voice may have the caller's byte in it, the caller sends fifty a second
LOOPBACK_BOWS_OUT = 4.0  # seconds into a talk by when a loopback that may would have gone


@pytest.fixture
async def house(address: tuple[str, int], database_url: str, pbx: esl.Client) -> AsyncIterator[Api]:
    """A daemon on the real PBX that also takes calls routed in."""
    settings = settings_for(
        address[1], database_url, transfer={"ring_timeout_seconds": 3}, outbound={"listen": OUTBOUND}
    )
    async with running(settings) as daemon, httpx.AsyncClient(base_url=daemon.url, timeout=60) as client:
        api = Api(daemon, client)
        await api.ready()
        yield api


def daemon_sections(address: tuple[str, int], database_url: str) -> Sections:
    """Settings of a daemon that can be killed."""
    return {
        "pbx": {"port": address[1]},
        "http": {"listen": "127.0.0.1:0"},
        "outbound": {"listen": OUTBOUND},
        "database": {"url": database_url},
        "transfer": {"announce": False},
        "domain": [{"uuid": str(DOMAIN), "name": "pbx.test"}],
    }


async def variable(pbx: esl.Client, uuid: str, name: str) -> str:
    return (await pbx.api(f"uuid_getvar {uuid} {name}")).text.strip()


async def is_back(pbx: esl.Client, caller: Endpoint, uuid: str) -> None:
    """The caller hears the assistant, and no leg of ours is left."""
    assert await comes_to_hear(caller, "silence", 3.0)
    assert not caller.said("bye")
    async with asyncio.timeout(5):
        while '"row_count":1' not in (await pbx.api("show channels as json")).text.replace(" ", ""):
            await asyncio.sleep(0.05)


async def hears_music(caller: Endpoint) -> None:
    """FreeSWITCH's local stream begins with up to a second of silence when nobody has listened to it."""
    async with asyncio.timeout(3):
        while await heard(caller) != "music":
            pass


async def talk(caller: Endpoint, agent: Endpoint, seconds: float = 0.2) -> None:
    await asyncio.sleep(seconds)
    assert await heard(caller) == hex(agent.byte)
    assert await heard(agent) == hex(CALLER)


# -- ring groups ------------------------------------------------------------------------------------------


async def group(api: Api, **changes: Any) -> None:
    await add(api, **{"name": "Vendas", "destination_type": "ring_group", "destination_number": "9000",
                      "destination_context": "default", **changes})  # fmt: skip


async def test_a_ring_group_answered_and_still_a_talk_after_four_seconds(
    house: Api, phones: Phones, pbx: esl.Client
) -> None:
    quick, slow = await phones.phone("1001", AGENT), await phones.phone("1003", OTHER, "silent")
    await group(house)
    caller, uuid = await phones.call("8000")
    answer = await house.transfer(uuid, "quero falar com vendas")
    assert answer["status"] == "success"
    assert await slow.until("cancelled", 2)
    await talk(caller, quick, LOOPBACK_BOWS_OUT)
    now = (await house.client.get(f"/api/transfers/{answer['id']}")).json()
    assert now["status"] == "success"
    quick.hangup()
    assert await caller.until("bye")
    assert (await house.ended(answer["id"]))["ended_by"] == "agent"


async def test_a_ring_group_all_busy(house: Api, phones: Phones, pbx: esl.Client) -> None:
    await phones.phone("1001", AGENT, "busy")
    await phones.phone("1003", OTHER, "busy")
    await group(house)
    caller, uuid = await phones.call("8000")
    answer = await house.transfer(uuid, "vendas")
    assert (answer["status"], answer["cause"]) == ("busy", "USER_BUSY")
    await is_back(pbx, caller, uuid)


async def test_a_ring_group_in_which_nobody_answers(house: Api, phones: Phones, pbx: esl.Client) -> None:
    first, second = await phones.phone("1001", AGENT, "silent"), await phones.phone("1003", OTHER, "silent")
    await group(house)
    caller, uuid = await phones.call("8000")
    answer = await house.transfer(uuid, "vendas")
    assert answer["status"] == "no_answer"
    assert await first.until("cancelled", 2)
    assert await second.until("cancelled", 2)
    await is_back(pbx, caller, uuid)


async def test_a_group_with_a_greeting_is_answered_by_a_phone_and_every_leg_knows_its_domain(
    house: Api, phones: Phones, pbx: esl.Client
) -> None:
    agent = await phones.phone("1001", AGENT, delay=1.5)
    await group(house, destination_number="9100")
    caller, uuid = await phones.call("8000")
    asked = asyncio.create_task(house.transfer(uuid, "vendas"))
    assert await agent.until("invite")
    await hears_music(caller)
    assert not asked.done(), "the greeting is nobody's"
    assert (await asked)["status"] == "success"
    await talk(caller, agent, LOOPBACK_BOWS_OUT)
    table = json.loads((await pbx.api("show channels as json")).text)
    legs = [row["uuid"] for row in table["rows"] if row["presence_data"].startswith("voiced:")]
    assert len(legs) == 2, "both ends of the loopback"
    for leg in legs:
        assert await variable(pbx, leg, "domain_name") == "pbx.test"
        assert await variable(pbx, leg, "domain_uuid") == str(DOMAIN)
    agent.hangup()
    assert await caller.until("bye")


async def test_a_group_whose_own_box_answers_has_not_answered(
    house: Api, phones: Phones, pbx: esl.Client
) -> None:
    await phones.phone("1001", AGENT, "busy")
    await group(house, destination_number="9100")
    caller, uuid = await phones.call("8000")
    assert (await house.transfer(uuid, "vendas"))["status"] == "no_answer"
    await is_back(pbx, caller, uuid)


async def test_an_agent_of_a_group_takes_the_call_with_a_key(
    house: Api, phones: Phones, pbx: esl.Client
) -> None:
    agent = await phones.phone("1001", AGENT)
    await group(house, destination_number="9100", screening=True)
    caller, uuid = await phones.call("8000")
    asked = asyncio.create_task(house.transfer(uuid, "vendas", wait=60))
    assert await agent.until("answered")
    assert await comes_to_hear(agent, "music"), "the question"
    await agent.keys("1")
    assert (await asked)["status"] == "success"
    await talk(caller, agent)


async def test_a_phone_of_a_group_answers_while_voiced_is_away(
    address: tuple[str, int], database_url: str, phones: Phones, pbx: esl.Client, tmp_path: Path
) -> None:
    """The group's own answer is nobody's, and to whoever starts next the phone's has to be somebody's."""
    sections = daemon_sections(address, database_url)
    daemon = Daemon(sections, tmp_path, "daemon", {})
    successor = None
    try:
        await daemon.owns()
        agent = await phones.phone("1001", AGENT, delay=1)
        row = body(name="Vendas", destination_type="ring_group", destination_number="9100",
                   destination_context="default", ring_timeout_seconds=30)  # fmt: skip
        assert (await daemon.client.post("/api/destinations", json=row)).status_code == 201
        caller, uuid = await phones.call("8000")
        ask = {"call_uuid": uuid, "domain_uuid": str(DOMAIN), "destination": "vendas"}
        assert (await daemon.client.post("/api/transfers", json=ask)).status_code == 202
        assert await agent.until("invite")
        daemon.kill()
        assert await agent.until("answered")
        successor = Daemon(sections, tmp_path, "successor", {})
        await successor.owns()
        async with asyncio.timeout(5):
            while await heard(agent) != hex(CALLER):
                pass
        await talk(caller, agent, LOOPBACK_BOWS_OUT)
    finally:
        for one in (daemon, successor):
            if one is not None:
                await one.close()


# -- queues -----------------------------------------------------------------------------------------------


@pytest.fixture
async def queue(house: Api, pbx: esl.Client) -> AsyncIterator[esl.Client]:
    """A queue without agents, as a destination; what is done to it is undone."""
    await add(house, name="Suporte", destination_type="queue", destination_number="5001",
              destination_context="default")  # fmt: skip
    yield pbx
    await pbx.api("callcenter_config tier del 5001@pbx.test 1001@pbx.test")
    await pbx.api("callcenter_config agent del 1001@pbx.test")


async def staff(pbx: esl.Client) -> None:
    """Extension 1001 takes calls of the queue from now on."""
    for line in (
        "agent add 1001@pbx.test callback",
        "agent set contact 1001@pbx.test user/1001@pbx.test",
        "agent set status 1001@pbx.test Available",
        "agent set max_no_answer 1001@pbx.test 0",
        "tier add 5001@pbx.test 1001@pbx.test 1 1",
    ):
        answer = await pbx.api(f"callcenter_config {line}")
        assert answer.ok, (line, answer.text)


async def test_a_queue_is_answered_after_a_while(house: Api, phones: Phones, queue: esl.Client) -> None:
    agent = await phones.phone("1001", AGENT)
    caller, uuid = await phones.call("8000")
    asked = asyncio.create_task(house.transfer(uuid, "suporte"))
    await waits_in_the_queue(queue)
    await hears_music(caller)
    assert not asked.done(), "the queue's own answer is nobody's"
    await staff(queue)
    assert (await asked)["status"] == "success"
    await talk(caller, agent, LOOPBACK_BOWS_OUT)
    caller.hangup()
    assert await agent.until("bye")
    assert (await house.ended((await asked)["id"]))["ended_by"] == "caller"


async def test_a_queue_in_which_nobody_takes_the_call(house: Api, phones: Phones, queue: esl.Client) -> None:
    caller, uuid = await phones.call("8000")
    assert (await house.transfer(uuid, "suporte"))["status"] == "no_answer"
    await is_back(queue, caller, uuid)
    assert members(await queue.api("callcenter_config queue list members 5001@pbx.test")) == 0


async def test_behind_a_queue_that_nobody_comes_out_of_the_next_has_its_turn(
    house: Api, phones: Phones, pbx: esl.Client
) -> None:
    agent = await phones.phone("1002", AGENT)
    following = await add(house, name="Plantonista", destination_number="1002")
    await add(house, name="Suporte", destination_type="queue", destination_number="5001",
              destination_context="default", ring_timeout_seconds=1, fallback_action="next",
              fallback_destination_uuid=following["id"])  # fmt: skip
    caller, uuid = await phones.call("8000")
    answer = await house.transfer(uuid, "suporte")
    assert (answer["status"], answer["attempts"]) == ("success", 2)
    await talk(caller, agent, LOOPBACK_BOWS_OUT)
    assert members(await pbx.api("callcenter_config queue list members 5001@pbx.test")) == 0


async def waits_in_the_queue(pbx: esl.Client) -> None:
    async with asyncio.timeout(5):
        while not members(await pbx.api("callcenter_config queue list members 5001@pbx.test")):
            await asyncio.sleep(0.05)


def members(reply: esl.Reply) -> int:
    """Those who wait: the list has a line of titles, and +OK at its end."""
    return len([line for line in reply.text.splitlines() if "|Waiting|" in line or "|Trying|" in line])


async def test_a_caller_who_leaves_leaves_the_queue(house: Api, phones: Phones, queue: esl.Client) -> None:
    caller, uuid = await phones.call("8000")
    asked = asyncio.create_task(house.transfer(uuid, "suporte"))
    await waits_in_the_queue(queue)
    caller.hangup()
    answer = await asked
    assert (answer["status"], answer["ended_by"]) == ("cancelled", "caller")
    async with asyncio.timeout(5):
        while members(await queue.api("callcenter_config queue list members 5001@pbx.test")):
            await asyncio.sleep(0.05)


# -- numbers outside --------------------------------------------------------------------------------------


@pytest.fixture
async def trunk() -> AsyncIterator[Endpoint]:
    """Whoever is at the other end of the gateways."""
    far_end = await phone("trunk", AGENT, "answer", 0.2, register=False, port=GATEWAY)
    yield far_end
    far_end.hangup()
    await hung_up([far_end])
    far_end.close()


async def outside(api: Api, **changes: Any) -> None:
    await add(api, **{"name": "Plantão", "destination_type": "external", "gateway": "trunk",
                      "destination_number": "+5511988887777", **changes})  # fmt: skip


async def test_a_number_outside_answered(
    house: Api, phones: Phones, pbx: esl.Client, trunk: Endpoint
) -> None:
    await outside(house)
    caller, uuid = await phones.call("8000")
    assert (await house.transfer(uuid, "o plantão"))["status"] == "success"
    await talk(caller, trunk)


async def test_a_number_outside_busy(house: Api, phones: Phones, pbx: esl.Client, trunk: Endpoint) -> None:
    trunk.manner = "busy"
    await outside(house)
    caller, uuid = await phones.call("8000")
    assert (await house.transfer(uuid, "o plantão"))["cause"] == "USER_BUSY"
    await is_back(pbx, caller, uuid)


async def test_a_number_outside_of_a_prefix_that_is_not_allowed(
    address: tuple[str, int], database_url: str, phones: Phones, pbx: esl.Client, trunk: Endpoint
) -> None:
    settings = settings_for(address[1], database_url, transfer={"outside_prefixes": "+5521"})
    async with running(settings) as daemon, httpx.AsyncClient(base_url=daemon.url, timeout=60) as client:
        house = Api(daemon, client)
        await house.ready()
        await outside(house)
        caller, uuid = await phones.call("8000")
        assert (await house.ask(uuid, "o plantão")).status_code == 422
        await is_back(pbx, caller, uuid)
        assert not trunk.said("invite")


async def test_a_voicemail_outside_never_gets_a_screened_caller(
    house: Api, phones: Phones, pbx: esl.Client, trunk: Endpoint
) -> None:
    await outside(house, screening=True)
    caller, uuid = await phones.call("8000")
    asked = asyncio.create_task(house.transfer(uuid, "o plantão", wait=60))
    assert await trunk.until("answered")
    trunk.rtp.heard.clear()
    assert (await asked)["status"] == "rejected"
    assert trunk.rtp.heard[CALLER] < FEW
    await is_back(pbx, caller, uuid)


# -- announcement and screening ---------------------------------------------------------------------------


async def test_the_announcement_is_heard_and_the_two_are_bridged(
    house: Api, phones: Phones, pbx: esl.Client
) -> None:
    agent = await phones.phone("1001", AGENT)
    await add(house, announce=True)
    caller, uuid = await phones.call("8000")
    asked = asyncio.create_task(house.transfer(uuid, "financeiro", wait=60))
    assert await agent.until("answered")
    assert await comes_to_hear(agent, "music"), "a voice has many different bytes"
    assert agent.rtp.heard[CALLER] < FEW
    assert (await asked)["status"] == "success"
    await talk(caller, agent)


@pytest.mark.parametrize("screening", [False, True])
async def test_the_announcement_gives_way_when_the_caller_leaves(
    house: Api, phones: Phones, pbx: esl.Client, screening: bool
) -> None:
    agent = await phones.phone("1001", AGENT)
    await add(house, announce=True, screening=screening)
    caller, uuid = await phones.call("8000")
    asked = asyncio.create_task(house.transfer(uuid, "financeiro", wait=60))
    assert await agent.until("answered")
    assert await comes_to_hear(agent, "music")
    told = pbx.wait_for("PLAYBACK_START", timeout=1.0)
    caller.hangup()
    assert "caller_left" in ((await told).get("Playback-File-Path") or "")
    assert (await asked)["status"] == "cancelled"
    assert not agent.said("bye"), "before they have heard it"
    assert await agent.until("bye", 6)


async def test_an_announcement_that_takes_too_long_is_cut_short(
    address: tuple[str, int], database_url: str, phones: Phones, pbx: esl.Client
) -> None:
    """The one with eleven digits takes eight seconds; the deadline is five."""
    settings = settings_for(address[1], database_url, transfer={"screening_seconds": 0.1})
    async with running(settings) as daemon, httpx.AsyncClient(base_url=daemon.url, timeout=60) as client:
        api = Api(daemon, client)
        await api.ready()
        agent = await phones.phone("1001", AGENT)
        await add(api, announce=True)
        caller, uuid = await phones.call("8000")
        assert (await api.transfer(uuid, "financeiro", wait=60))["status"] == "success"
        await talk(caller, agent)


@pytest.mark.parametrize(
    ("key", "status", "cause"),
    [
        ("1", "success", ""), ("2", "rejected", "CALL_REJECTED"), ("3", "rejected", "CALLBACK_WANTED"),
        ("9", "rejected", "CALL_REJECTED"), ("", "rejected", "CALL_REJECTED"),
        ("hangup", "rejected", "CALL_REJECTED"),
    ],
)  # fmt: skip
async def test_screening(
    house: Api, phones: Phones, pbx: esl.Client, key: str, status: str, cause: str
) -> None:
    agent = await phones.phone("1001", AGENT)
    await add(house, screening=True)
    caller, uuid = await phones.call("8000")
    asked = asyncio.create_task(house.transfer(uuid, "financeiro", wait=60))
    assert await agent.until("answered")
    assert await comes_to_hear(agent, "music"), "the question"
    await hears_music(caller)
    if key == "hangup":
        agent.hangup()
    elif key:
        await agent.keys(key)
    answer = await asked
    assert (answer["status"], answer["cause"]) == (status, cause)
    if status == "success":
        await talk(caller, agent)
    else:
        await is_back(pbx, caller, uuid)


# -- fallbacks --------------------------------------------------------------------------------------------


async def test_the_next_destination(house: Api, phones: Phones, pbx: esl.Client) -> None:
    await phones.phone("1001", OTHER, "busy")
    second = await phones.phone("1002", AGENT)
    following = await add(house, name="Plantonista", destination_number="1002")
    await add(house, fallback_action="next", fallback_destination_uuid=following["id"])
    caller, uuid = await phones.call("8000")
    answer = await house.transfer(uuid, "financeiro")
    assert (answer["status"], answer["attempts"]) == ("success", 2)
    await talk(caller, second)


async def test_of_several_at_once_each_is_known_by_its_extension(
    house: Api, phones: Phones, pbx: esl.Client
) -> None:
    """A softphone registers under a name that it makes up."""
    await phones.phone("1001", OTHER, "silent")
    agent = await phones.phone("1002", AGENT, contact_user="k3j9x2")
    await add(house, name="Maria")
    await add(house, name="Pedro", destination_number="1002", screening=True)
    caller, uuid = await phones.call("8000")
    asked = asyncio.create_task(
        house.transfer(uuid, "", destinations=["maria", "pedro"], at_once=True, wait=60)
    )
    assert await agent.until("answered")
    assert await comes_to_hear(agent, "music"), "the question"
    await agent.keys("1")
    answer = await asked
    assert (answer["status"], answer["destination"]["name"]) == ("success", "Pedro")
    await talk(caller, agent)


async def test_a_callback_is_offered(house: Api, phones: Phones, pbx: esl.Client) -> None:
    await phones.phone("1001", OTHER, "busy")
    await add(house, fallback_action="callback")
    caller, uuid = await phones.call("8000")
    answer = await house.transfer(uuid, "financeiro")
    assert (answer["next"], answer["offer_callback"]) == ("callback", True)
    await is_back(pbx, caller, uuid)


async def test_voicemail_and_a_farewell(house: Api, phones: Phones, pbx: esl.Client) -> None:
    await phones.phone("1001", OTHER, "busy")
    await add(house, name="Vendas", fallback_action="voicemail", destination_context="default")
    await add(house, name="Compras", fallback_action="hangup")
    caller, uuid = await phones.call("8000")
    assert (await house.transfer(uuid, "vendas"))["next"] == "voicemail"
    async with asyncio.timeout(3):
        while await variable(pbx, uuid, "destination_number") != "*991001":
            await asyncio.sleep(0.05)
    assert await heard(caller) == "music", "the box's tone"
    assert await variable(pbx, uuid, "domain_name") == "pbx.test"
    caller, uuid = await phones.call("8000")
    assert (await house.transfer(uuid, "compras"))["next"] == "hangup"
    assert await caller.until("bye")


# -- calls routed in --------------------------------------------------------------------------------------


async def goes_on(pbx: esl.Client, uuid: str, status: str, seconds: float = 10) -> None:
    """The call has gone on in its dialplan, to the tone behind `socket`."""
    async with asyncio.timeout(seconds):
        while not (await variable(pbx, uuid, "current_application_data")).startswith("tone_stream"):
            await asyncio.sleep(0.05)
    assert await variable(pbx, uuid, "voiced_status") == status


async def test_routed_in_and_answered(house: Api, phones: Phones, pbx: esl.Client) -> None:
    agent = await phones.phone("1001", AGENT, delay=1)
    caller, _ = await phones.call("81011001")
    assert await agent.until("invite")
    await hears_music(caller)
    assert await agent.until("answered")
    await talk(caller, agent, 1)
    agent.hangup()
    assert await caller.until("bye"), "after a talk the call ends"


async def test_routed_in_and_busy(house: Api, phones: Phones, pbx: esl.Client) -> None:
    await phones.phone("1002", AGENT, "busy")
    _, uuid = await phones.call("81011002")
    await goes_on(pbx, uuid, "busy")
    assert await variable(pbx, uuid, "voiced_cause") == "USER_BUSY"
    assert await variable(pbx, uuid, "voiced_offer_callback") == "true"
    assert await variable(pbx, uuid, "voiced_message") == "O ramal 1002 está em outra ligação no momento."


async def test_routed_in_to_a_destination_that_is_closed(house: Api, phones: Phones, pbx: esl.Client) -> None:
    await add(house, name="Maria", destination_number="1002", working_hours={"monday": []})
    _, uuid = await phones.call("81011002")
    await goes_on(pbx, uuid, "unavailable")
    assert await variable(pbx, uuid, "voiced_cause") == "CLOSED"
    assert await variable(pbx, uuid, "voiced_message") == "Maria não atende neste horário."


async def test_routed_in_by_the_dialplan_of_the_documentation(
    house: Api, phones: Phones, pbx: esl.Client
) -> None:
    """A phrase that the directory knows, then one that it does not: the group 9000 takes the caller."""
    await phones.phone("1002", OTHER, "busy")
    await add(house, destination_number="1002")
    caller, uuid = await phones.call("transferir")
    async with asyncio.timeout(10):
        while await variable(pbx, uuid, "destination_number") != "*991001":
            await asyncio.sleep(0.05)
    assert await variable(pbx, uuid, "voiced_status") == "busy"
    caller.hangup()
    agent = await phones.phone("1001", AGENT)
    await house.client.delete(f"/api/destinations/{await only_id(house)}")
    caller, uuid = await phones.call("transferir")
    assert await agent.until("answered")
    await talk(caller, agent)
    assert await variable(pbx, uuid, "voiced_cause") == "NO_SUCH_DESTINATION"


async def only_id(api: Api) -> str:
    [row] = (await api.client.get("/api/destinations")).json()["destinations"]
    return str(row["id"])


async def test_nobody_is_there_to_route_to(phones: Phones, pbx: esl.Client) -> None:
    _, uuid = await phones.call("81011001")
    await goes_on(pbx, uuid, "_undef_")


async def test_voiced_is_killed_during_hold_and_not_started_again(
    address: tuple[str, int], database_url: str, phones: Phones, pbx: esl.Client, tmp_path: Path
) -> None:
    daemon = Daemon(daemon_sections(address, database_url), tmp_path, "daemon", {})
    try:
        await daemon.owns()
        agent = await phones.phone("1004", AGENT, "silent")
        caller, uuid = await phones.call("81011004")
        assert await agent.until("invite")
        await hears_music(caller)
        daemon.kill()
        await goes_on(pbx, uuid, "failed", seconds=1)
    finally:
        await daemon.close()


class Door:
    """Takes calls routed in, as a daemon would that does nothing for them."""

    def __init__(self) -> None:
        self._taken: asyncio.Queue[esl.Session] = asyncio.Queue()
        self._end = asyncio.Event()
        self._server = esl.OutboundServer(self._serve)

    async def open(self) -> None:
        host, _, port = OUTBOUND.rpartition(":")
        await self._server.start(host, int(port))

    async def held(self, phones: Phones) -> tuple[Endpoint, str, esl.Session]:
        """A caller who was routed in and hears music."""
        caller, uuid = await phones.call("81011001")
        session = await asyncio.wait_for(self._taken.get(), 5)
        await session.ask(f"api uuid_setvar {uuid} voiced_status failed")
        await session.execute("playback", "local_stream://moh")
        await hears_music(caller)
        return caller, uuid, session

    def die(self, session: esl.Session) -> None:
        """What the switch sees of a daemon that is killed: the session ends, and nobody listens any more."""
        self._server.refuse()
        session._connection.close()

    async def close(self) -> None:
        self._end.set()
        await self._server.close()

    async def _serve(self, session: esl.Session) -> None:
        self._taken.put_nowait(session)
        await self._end.wait()


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    opened = Door()
    await opened.open()
    yield opened
    await opened.close()


async def answered(pbx: esl.Client) -> str:
    return (await pbx.api("originate user/1001@pbx.test &park()", timeout=10)).text.split()[1]


@pytest.mark.parametrize("milliseconds", [-20, -10, -5, -2, -1, 0, 1, 2, 5, 10, 20])
async def test_the_session_is_cut_about_when_the_two_are_bridged(
    milliseconds: int, phones: Phones, pbx: esl.Client, door: Door
) -> None:
    """The switch looks at `socket_resume` twice as a session ends: a bridge helps whatever it has seen."""
    agent = await phones.phone("1001", AGENT)
    caller, uuid, session = await door.held(phones)
    leg = await answered(pbx)
    if milliseconds < 0:
        session._connection.close()
    await asyncio.sleep(abs(milliseconds) / 1000 if milliseconds < 0 else 0)
    bridged = asyncio.gather(*(pbx.ask(command) for command in bridge(uuid, leg, routed_in(None))))
    await asyncio.sleep(milliseconds / 1000 if milliseconds > 0 else 0)
    session._connection.close()
    settings, reply = await bridged
    assert settings.ok
    assert reply.ok
    await talk(caller, agent, 0.5)
    agent.hangup()
    assert await caller.until("bye")


@pytest.mark.parametrize("milliseconds", range(0, 60, 5))
async def test_the_agent_leaves_while_they_are_bridged_and_voiced_is_killed_in_the_same_moment(
    milliseconds: int, phones: Phones, pbx: esl.Client, door: Door
) -> None:
    """The call goes on with its dialplan, or has been a talk and ends: nobody is parked in silence."""
    bridges: list[esl.Event] = []
    pbx.on(bridges.append, name="CHANNEL_BRIDGE")
    agent = await phones.phone("1001", AGENT)
    caller, uuid, session = await door.held(phones)
    leg = await answered(pbx)
    extra = routed_in(Home("81011001", "XML", "default"))
    bridged = asyncio.gather(*(pbx.ask(command) for command in bridge(uuid, leg, extra)))
    await asyncio.sleep(milliseconds / 1000)
    agent.hangup()
    door.die(session)
    await bridged
    gone_on = asyncio.create_task(goes_on(pbx, uuid, "failed", seconds=3))
    if await caller.until("bye", 1):
        gone_on.cancel()
        assert bridges, "the caller was dropped"
    else:
        await gone_on
