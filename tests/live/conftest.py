"""A real PBX, SIP phones that hear each other, and our daemon between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import httpx
import pytest

from tests.conftest import Api, settings_for
from tests.live.sip_phones import Endpoint, phone
from voiced import esl
from voiced.app import running

MUSIC = 5  # different bytes in a quarter of a second: silence and the phones have one


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return True if not config.getoption("--pbx") and collection_path.name.startswith("test_") else None


@pytest.fixture
def address(request: pytest.FixtureRequest) -> tuple[str, int]:
    host, _, port = str(request.config.getoption("--pbx")).rpartition(":")
    return host, int(port)


@pytest.fixture
async def pbx(address: tuple[str, int]) -> AsyncIterator[esl.Client]:
    """The PBX's event socket, for looking on; every call is ended afterwards."""
    async with esl.connect(*address, events=("CHANNEL_CREATE", "CHANNEL_BRIDGE", "PLAYBACK_START")) as client:
        yield client
        await client.api("hupall NORMAL_CLEARING")
        async with asyncio.timeout(10):
            while '"rows"' in (await client.api("show channels as json")).text:
                await asyncio.sleep(0.05)


@pytest.fixture
async def live(address: tuple[str, int], database_url: str, pbx: esl.Client) -> AsyncIterator[Api]:
    """A daemon on the real PBX."""
    settings = settings_for(address[1], database_url, transfer={"ring_timeout_seconds": 3})
    async with running(settings) as daemon, httpx.AsyncClient(base_url=daemon.url, timeout=60) as client:
        api = Api(daemon, client)
        await api.ready()
        yield api


class Phones:
    """Opens phones and callers, and closes them."""

    def __init__(self, pbx: esl.Client) -> None:
        self._pbx, self._open = pbx, list[Endpoint]()
        self._registered = list[Endpoint]()

    async def phone(
        self, user: str, byte: int, manner: str = "answer", delay: float = 0.2, contact_user: str = ""
    ) -> Endpoint:
        opened = await phone(user, byte, manner, delay, contact_user=contact_user)
        self._open.append(opened)
        self._registered.append(opened)
        return opened

    async def call(self, extension: str, name: str = "Maria Souza") -> tuple[Endpoint, str]:
        """A caller who is connected to an extension, and the uuid of their channel."""
        caller = await phone("5511999990000", 0x55, register=False)
        self._open.append(caller)
        born = self._pbx.wait_for("CHANNEL_CREATE", timeout=5)
        await caller.call(extension, name)
        uuid = (await born).unique_id
        assert await caller.until("up"), "the PBX did not answer the caller"
        return caller, uuid

    async def close(self) -> None:
        for endpoint in self._registered:
            await endpoint.register(expires=0)
        for endpoint in self._open:
            endpoint.hangup()
        await hung_up(self._open)
        for endpoint in self._open:
            endpoint.close()


@pytest.fixture
async def phones(pbx: esl.Client) -> AsyncIterator[Phones]:
    opened = Phones(pbx)
    yield opened
    await opened.close()


async def hung_up(endpoints: Iterable[Endpoint]) -> None:
    """Until nobody of them sends any more: frames go on until a BYE is answered."""
    async with asyncio.timeout(5):
        while any(one.said("hung up") and one.rtp.remote for one in endpoints):
            await asyncio.sleep(0.01)


async def heard(endpoint: Endpoint, seconds: float = 0.4) -> str:
    """What an endpoint hears now: `music`, `0x21` (a phone's byte), `silence`, `nothing`."""
    endpoint.rtp.heard.clear()
    await asyncio.sleep(seconds)
    bytes_heard = endpoint.rtp.heard
    if not bytes_heard:
        return "nothing"
    if len(bytes_heard) >= MUSIC:
        return "music"
    [(most, _)] = bytes_heard.most_common(1)
    return "silence" if most in (0xFF, 0x7F, 0xD5) else f"{most:#x}"


async def comes_to_hear(endpoint: Endpoint, what: str, seconds: float = 2.0) -> bool:
    """Whether an endpoint hears this within some seconds: a stream of music may be slow to start."""
    until = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < until:
        if await heard(endpoint) == what:
            return True
    return False
