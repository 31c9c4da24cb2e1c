"""Hostile values in every text field of every operation: nothing of them reaches the PBX as syntax.

Every value carries a canary between what it tries to break out with. Wherever the canary comes to the PBX,
only letters, digits, blanks, dots and dashes may stand beside it: what was around it has been taken away.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from urllib.parse import quote

import httpx
import pytest

from tests.callers import at_the_assistant
from tests.conftest import DOMAIN, Api, Start
from tests.web.openapi import Operation, Request, operations
from voiced.sim import Received, Switch

CANARY = "canary"
HOSTILE = [
    text.replace("¤", CANARY)
    for text in (
        "1001\r\n\r\napi hupall ¤\r\n\r\n", "1001\n\nbgapi originate ¤\n", "x\rapi ¤\r", "x\0¤\0x",
        "{¤=¤}1001", "{a=b,¤={¤}}", "[¤=b]1001", "<¤>x", "x|¤|x", "x,¤,x", "x&¤&x", "x;¤;x", "x:_:¤:_:x",
        "^^:¤:^^", "^^|¤|x", "${¤}", "x${system(¤)}", "$${¤}x", "&bridge(¤)", "1001 &park(¤)", "1001@¤@",
        "'¤'", "x'¤'", 'x"¤"', "`¤`", "x\\¤\\", "\\'¤\\'", "x\\n¤\\", "%0d%0a¤%0d%0a", "%00¤%", "%7B¤%7D",
        "\u202e¤\u202c\u200f", "😀¤👩‍👩‍👧", "'; drop table transfers; --¤'", "x' or '¤'='¤", "../../¤/..",
        "{{¤}}", "<script>¤</script>", "error/¤/", "loopback/¤/x", "user/1001,user/¤/", "{¤}" + "x" * 200,
        "x{¤}" * 3000, "\ufeff¤\ufffe", "\t¤\x0b\x1b[31m", "x\u2028¤\u2029x", "ﾞ¤＄｛¤｝",
    )
]  # fmt: skip
HARMLESS_BESIDE = re.compile(r"[\w .\-]?")
SENT = re.compile(r"(?:api|bgapi|sendmsg|event|filter|auth|exit|connect|linger|log|nixevent|noevents)\b.*")


@pytest.fixture
async def switch() -> AsyncIterator[Switch]:
    """A PBX that speaks fifty times as fast: every value is spoken."""
    switch = Switch(domain="pbx.test", pace=0.02)
    await switch.start()
    yield switch
    await switch.stop()


@pytest.fixture
async def api(start: Start, switch: Switch) -> AsyncIterator[Api]:
    """A daemon that speaks to its agents, so that reasons and names come to the PBX too."""
    switch.phone("1001", delay=0.01)
    async with start(speech={"engine": "flite", "voice": "slt"}) as api:
        vendas = {"domain_uuid": str(DOMAIN), "name": "Vendas", "destination_number": "1001"}
        response = await api.client.post("/api/destinations", json={**vendas, "announce": True})
        assert response.status_code == 201, response.text
        yield api


def test_a_canary_that_got_through_would_be_seen() -> None:
    for text in HOSTILE:
        assert unclean(received(f"api originate {{x='{text}'}}user/1001 &park()"))
    assert not unclean(received(f"api originate {{name='Maria {CANARY} x'}}user/1001 &park()"))
    assert unclean(received(f"{CANARY} 1001"))


WITH_TEXT = [operation for operation in operations() if any(operation.text_fields())]


@pytest.mark.parametrize("operation", WITH_TEXT, ids=str)
async def test_no_text_of_a_request_reaches_the_pbx_as_syntax(
    operation: Operation, api: Api, switch: Switch
) -> None:
    for place, way in operation.text_fields():
        for text in HOSTILE:
            caller = await at_the_assistant(switch)
            request = operation.request({"call_uuid": caller.uuid, "destination": "Vendas"})
            response = await send(api, request.but(place, way, text))
            told = f"{place} {'.'.join(way)} {text[:60]!r}: {response.status_code} {response.text[:200]}"
            assert response.status_code < 500, told
            assert "Traceback" not in response.text, told
            caller.hangup()
    await still_works(api, switch)
    assert [command.line for command in switch.commands if unclean(command)] == []


@pytest.mark.parametrize("part", ["name", "number"])
async def test_nothing_that_a_caller_is_called_reaches_the_pbx_as_syntax(
    part: str, api: Api, switch: Switch
) -> None:
    for text in HOSTILE:
        caller = await switch.call("8000", **{part: text[:200]})
        await switch.until(lambda: caller.hears == "assistant")  # noqa: B023 - awaited here
        answer = await api.transfer(caller.uuid, "Vendas")
        assert answer["success"], (text, answer)
        caller.hangup()
    await still_works(api, switch)
    assert [command.line for command in switch.commands if unclean(command)] == []


async def test_hostile_headers_and_tokens_are_refused_or_let_alone(start: Start, switch: Switch) -> None:
    async with start(http={"token": "secret"}) as api:
        for text in HOSTILE:
            value = re.sub(r"[\x00-\x1f]", "", text).encode()  # a client cannot send these at all
            for header in ("Authorization", "X-Request-Id", "Idempotency-Key", "Accept-Language"):
                prefix = b"Bearer " if header == "Authorization" else b""
                headers = [(header.encode(), prefix + value[:4000])]
                response = await api.client.get("/api/transfers", headers=headers)
                assert response.status_code in (400, 401), (header, text)
        assert [command.line for command in switch.commands if unclean(command)] == []


async def send(api: Api, request: Request) -> httpx.Response:
    """Send it; text in the path is percent-encoded, with its slashes."""
    path = request.operation.path
    for name, value in request.path.items():
        path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
    return await api.client.request(request.operation.method, path, params=request.query, json=request.body)


async def still_works(api: Api, switch: Switch) -> None:
    """The next caller is transferred, and there is one reply to each command."""
    caller = await at_the_assistant(switch)
    answer = await api.transfer(caller.uuid, "1001")
    assert answer["success"], answer
    assert (await api.client.get("/readyz")).status_code == 200


def unclean(command: Received) -> bool:
    """Whether a hostile value, or a part of one that means something, is in a command."""
    text = "\n".join((command.line, *(f"{k}: {v}" for k, v in command.headers.items()), command.body))
    if not SENT.fullmatch(command.line) or "\r" in text or "\0" in text:
        return True
    if command.headers.get("execute-app-name") == "speak":
        text = re.sub(r"[,?]", "", text)  # a sentence may have them
    text = re.sub(r"=(?:'[\w .\-]*'|[\w.\-]*)(?=[,}])", "", text)  # values that have been reduced
    beside = re.findall(rf"(?s)(.?){CANARY}(.?)", text)
    return any(not HARMLESS_BESIDE.fullmatch(character) for found in beside for character in found)


def received(line: str) -> Received:
    return Received(line, {}, "", 1, 0.0)
