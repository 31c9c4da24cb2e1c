"""`/api/handoff`: the function for a language model, its calls, and the worked example of docs/handoff.md."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

from tests.callers import Stopwatch, at_the_assistant, back_at_the_assistant
from tests.conftest import DOMAIN, Api, Start
from tests.gate import Gate
from tests.house import add
from tests.web.standby import standby
from voiced.sim import Caller, Manner, Switch, Verdict
from voiced.web.server import QuietServer

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = DOCS / "examples" / "handoff.py"


async def hand_off(api: Api, caller: Caller, wait: float = 0, **arguments: Any) -> dict[str, Any]:
    body = {"call_uuid": caller.uuid, "domain_uuid": str(DOMAIN), **arguments}
    response = await api.client.post("/api/handoff", params={"wait": wait}, json=body)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    assert answer["say"] == answer["messages"]["pt-BR"]
    return answer


async def function(api: Api) -> dict[str, Any]:
    response = await api.client.get("/api/handoff/function", params={"domain_uuid": str(DOMAIN)})
    assert response.status_code == 200
    definition: dict[str, Any] = response.json()
    return definition


async def test_the_function_names_the_destinations_and_who_is_closed(api: Api) -> None:
    await add(api, name="Financeiro", destination_type="ring_group", description="boletos e cobrança")
    await add(api, name="Diretoria", destination_type="ring_group", working_hours={"monday": []})
    await add(api, name="Maria", department="Vendas", role="vendedora")
    await add(api, name="Arquivo", is_enabled=False)
    definition = await function(api)
    assert (definition["name"], definition["parameters"]["type"]) == ("request_handoff", "object")
    fields = definition["parameters"]["properties"]
    assert set(fields) == {"destination", "reason"}
    assert fields["destination"]["description"].endswith(
        "Há: Diretoria (Diretoria não atende neste horário.); Financeiro (boletos e cobrança); "
        "Maria (Vendas; vendedora)."
    )
    assert "solicitação do cliente" in fields["reason"]["description"]


async def test_a_domain_without_destinations_has_extensions_and_a_large_one_is_cut_short(api: Api) -> None:
    assert "somente ramais" in str(await function(api))
    for number in range(41):
        await add(api, name=f"Pessoa {number}")
    assert "entre outros" in str(await function(api))


async def test_without_wait_it_has_begun_and_with_wait_the_result_is_known(switch: Switch, api: Api) -> None:
    phone = switch.phone("1001", manner=Manner.RING)
    await add(api)
    caller = await at_the_assistant(switch)
    begun = await hand_off(api, caller, destination="financeiro", reason="boleto")
    assert (begun["success"], begun["status"]) == (True, "pending")
    assert (begun["say"], begun["next"]) == ("Estou transferindo para Financeiro.", "wait")
    again = await hand_off(api, caller, destination="financeiro")
    assert (again["status"], again["next"]) == ("call_is_busy", "wait")
    await switch.until(lambda: phone.ringing)
    phone.answer()
    await switch.until(lambda: caller.talks_to is phone)
    row = await api.client.get("/api/transfers")
    assert row.json()["transfers"][0]["reason"] == "boleto"
    caller.hangup()
    phone.manner = Manner.BUSY
    caller = await at_the_assistant(switch)
    result = await hand_off(api, caller, wait=10, destination="financeiro")
    assert (result["success"], result["status"], result["offer_callback"]) == (False, "busy", True)
    assert result["say"] == "Financeiro está em outra ligação no momento."
    assert result["next"] == "offer_callback"
    await back_at_the_assistant(switch, caller)


@pytest.mark.parametrize(
    "left_out",
    [
        {},
        {"destination": None, "reason": None},
        {"destination": "", "reason": ""},
        {"destination": "  ", "reason": "\t"},
    ],
)
async def test_what_the_model_leaves_out_is_anybody_at_the_clients_request(
    switch: Switch, api: Api, left_out: dict[str, Any]
) -> None:
    switch.phone("1001", delay=0.05)
    await add(api, name="Atendimento", is_default=True)
    caller = await at_the_assistant(switch)
    result = await hand_off(api, caller, wait=10, **left_out, confidence=0.9)
    assert (result["status"], result["say"]) == ("success", "Você está falando com Atendimento.")
    assert result["next"] == "talk"
    [row] = (await api.client.get("/api/transfers")).json()["transfers"]
    assert row["reason"] == "solicitação do cliente"


async def test_whatever_comes_of_it_there_is_a_sentence(switch: Switch, api: Api) -> None:
    for name in ("Maria Souza", "Maria Clara"):
        await add(api, name=name)
    await add(api, name="Vendas", destination_type="queue", working_hours={"monday": []})
    caller = await at_the_assistant(switch)
    question = await hand_off(api, caller, destination="a maria")
    assert (question["success"], question["status"], question["next"]) == (False, "ambiguous", "ask")
    assert question["say"] == "Você quer falar com Maria Clara ou Maria Souza?"
    assert [option["name"] for option in question["options"]] == ["Maria Clara", "Maria Souza"]
    closed = await hand_off(api, caller, destination="vendas")
    assert (closed["success"], closed["status"]) == (False, "unavailable")
    assert (closed["say"], closed["next"]) == ("Vendas não atende neste horário.", "offer_callback")
    nobody = await hand_off(api, caller, destination="o fernando")
    assert (nobody["status"], nobody["say"]) == (
        "no_such_destination", "Não encontrei esse destino. Posso transferir para Vendas.",
    )  # fmt: skip
    assert caller.hears == "assistant"
    caller.hangup()
    await switch.until(lambda: not caller.alive)
    gone = await hand_off(api, caller, destination="1001")
    assert (gone["status"], gone["success"], gone["next"]) == ("no_such_call", False, "end")
    assert gone["say"].startswith("Não consegui transferir")


AFTERWARDS = {
    "a box": ("voicemail", "", "busy", "end"),
    "a farewell": ("hangup", "", "busy", "end"),
    "an offer": ("callback", "", "busy", "offer_callback"),
    "the key that leaves": ("voicemail", "*", "cancelled", "continue"),
    "a hangup": ("assistant", "hangup", "cancelled", "end"),
}


@pytest.mark.parametrize(("fallback", "does", "status", "following"), AFTERWARDS.values(), ids=AFTERWARDS)
async def test_what_the_assistant_does_next(
    switch: Switch, api: Api, fallback: str, does: str, status: str, following: str
) -> None:
    phone = switch.phone("1001", manner=Manner.RING if does else Manner.BUSY, delay=0.02)
    await add(api, fallback_action=fallback)
    caller = await at_the_assistant(switch)
    asked = asyncio.create_task(hand_off(api, caller, wait=10, destination="financeiro"))
    if does:
        await switch.until(lambda: phone.ringing and caller.hears == "music")
        if does == "hangup":
            caller.hangup()
        else:
            caller.press(does)
    answer = await asked
    assert (answer["status"], answer["next"]) == (status, following)


async def test_when_it_opens_is_in_the_sentence_and_in_the_function(
    switch: Switch, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuesday_evening = datetime(2026, 11, 17, 22, tzinfo=UTC)
    monkeypatch.setattr(api.daemon.reception, "_now", lambda: tuesday_evening)
    await add(api, working_hours={"wednesday": ["08:30-18:00"], "timezone": "UTC"})
    caller = await at_the_assistant(switch)
    answer = await hand_off(api, caller, destination="financeiro")
    assert answer["say"].endswith("O atendimento volta amanhã, às 8h30.")
    assert answer["say"] in str(await function(api))
    assert "(atende qua 8h30-18h; Financeiro não atende" in str(await function(api))


async def promised(api: Api, number: str = "+5511999990000") -> dict[str, Any]:
    """A call that the caller is promised already."""
    body = {"domain_uuid": str(DOMAIN), "number": number, "extension": "1009", "intended_for": "Ana"}
    row = (await api.client.post("/api/callbacks", json=body)).json()
    return {name: row[name] for name in ("id", "ticket_id", "status", "intended_for", "scheduled_at")}


async def test_a_caller_is_recognised_whatever_comes_of_it(switch: Switch, api: Api) -> None:
    phone = switch.phone("1001", manner=Manner.RING)
    await add(api, name="Maria Souza")
    await add(api, name="Maria Clara")
    known = await promised(api)
    caller, stranger = await at_the_assistant(switch), await at_the_assistant(switch, "5511999990001")
    for destination, status in (("a maria", "ambiguous"), ("o fernando", "no_such_destination")):
        answer = await hand_off(api, caller, destination=destination)
        assert (answer["status"], answer["open_callback"]) == (status, known)
        answer = await hand_off(api, stranger, destination=destination)
        assert (answer["status"], answer["open_callback"]) == (status, None)
    await hand_off(api, caller, destination="1001")
    await switch.until(lambda: phone.ringing)
    again = await hand_off(api, caller, destination="1001")
    assert (again["status"], again["open_callback"]) == ("call_is_busy", known)
    stranger.hangup()
    await switch.until(lambda: not stranger.alive)
    gone = await hand_off(api, stranger, destination="1001")
    assert (gone["status"], gone["open_callback"]) == ("no_such_call", None)


@pytest.mark.parametrize("way", ["lost", "silent"])
async def test_a_pbx_that_does_not_say_who_calls_makes_nobody_wait(
    switch: Switch, api: Api, way: str
) -> None:
    await promised(api)
    caller = await at_the_assistant(switch)
    if way == "lost":
        await switch.stop()
        async with asyncio.timeout(5):
            while api.daemon.pbx.is_connected or api.daemon.pbx.questions.is_connected:
                await asyncio.sleep(0.01)
    else:
        switch.intercept = lambda received: Verdict(delay=8.0) if "uuid_dump" in received.line else None
    watch = Stopwatch()
    answer = await hand_off(api, caller, destination="ninguém")
    assert (answer["status"], answer["open_callback"]) == ("no_such_destination", None)
    assert watch.seconds < 1.0


async def test_a_caller_of_another_domains_program_is_no_way_to_learn_of_callbacks(
    switch: Switch, start: Start
) -> None:
    other = "22222222-2222-4222-8222-222222222222"
    domains = [
        {"uuid": str(DOMAIN), "name": "pbx.test", "token": "here"},
        {"uuid": other, "name": "other.test", "token": "there"},
    ]
    phone = switch.phone("1001", manner=Manner.RING)
    async with start(http={"token": "all"}, domain=domains) as api:
        api.client.headers["Authorization"] = "Bearer there"
        body = {"domain_uuid": other, "number": "+5511999990000", "extension": "1009"}
        assert (await api.client.post("/api/callbacks", json=body)).status_code == 201
        api.client.headers["Authorization"] = "Bearer here"
        caller = await at_the_assistant(switch, domain_uuid=str(DOMAIN))

        async def asked_there() -> tuple[str, Any]:
            body = {"call_uuid": caller.uuid, "domain_uuid": other, "destination": "ninguém"}
            told = {"Authorization": "Bearer there"}
            answer = (await api.client.post("/api/handoff", json=body, headers=told)).json()
            return answer["status"], answer["open_callback"]

        assert await asked_there() == ("no_such_destination", None)
        await hand_off(api, caller, destination="1001")
        await switch.until(lambda: phone.ringing)
        assert await asked_there() == ("no_such_destination", None)


async def test_a_daemon_that_has_lost_the_database_still_says_a_sentence(
    switch: Switch, api: Api, database_url: str
) -> None:
    await add(api)
    gate = Gate(database_url)
    await gate.open()
    async with standby(switch, gate.url) as other:
        params = {"domain_uuid": str(DOMAIN), "text": "financeiro"}
        assert (await other.client.get("/api/destinations/match", params=params)).json()["match"] == "found"
        caller = await at_the_assistant(switch)
        await gate.shut()
        answer = await hand_off(other, caller, destination="financeiro")
        assert (answer["status"], answer["success"]) == ("database_is_away", False)
        assert answer["say"].startswith("Não consegui transferir")


async def test_an_english_domain_is_answered_in_english(switch: Switch, start: Start) -> None:
    domain = {"uuid": str(DOMAIN), "name": "pbx.test", "locale": "en"}
    async with start(domain=[domain], transfer={"enabled": False}) as api:
        body = {"call_uuid": "c", "domain_uuid": str(DOMAIN)}
        answer = (await api.client.post("/api/handoff", json=body)).json()
        assert (answer["status"], answer["success"]) == ("transfers_disabled", False)
        assert answer["say"] == answer["messages"]["en"] == "I cannot transfer the call at the moment."


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"call_uuid": "a b"}, "call_uuid"),
        ({"domain_uuid": "x"}, "domain_uuid"),
        ({"destination": 7}, "destination"),
    ],
    ids=str,
)
async def test_a_mistake_of_the_program_is_422(api: Api, change: dict[str, Any], field: str) -> None:
    response = await api.client.post(
        "/api/handoff", json={"call_uuid": "c", "domain_uuid": str(DOMAIN), **change}
    )
    assert (response.status_code, response.json()["field"]) == (422, field)


# -- the worked example -----------------------------------------------------------------------------------


@pytest.fixture
async def model() -> AsyncIterator[str]:
    """A language model: it wants to hand over whoever says `falar com`, and chats with the others."""
    app = FastAPI()

    @app.post("/v1/chat/completions")
    async def complete(body: dict[str, Any]) -> dict[str, Any]:
        [tool] = body["tools"]
        said = body["messages"][-1]["content"]
        wanted = said.partition("falar com ")[2]
        if not wanted:
            return {"choices": [{"message": {"role": "assistant", "content": "Como posso ajudar?"}}]}
        arguments = json.dumps({"destination": wanted, "reason": said})
        call = {"id": "1", "function": {"name": tool["function"]["name"], "arguments": arguments}}
        return {"choices": [{"message": {"role": "assistant", "content": None, "tool_calls": [call]}}]}

    server = QuietServer(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(5):
        while not server.started:
            await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/v1"
    server.should_exit = True
    await task


async def test_the_worked_example_chats_asks_comes_back_and_hands_over(
    switch: Switch, api: Api, model: str
) -> None:
    switch.phone("1002", manner=Manner.BUSY, delay=0.05)
    phone = switch.phone("1001", delay=0.05)
    await add(api)
    await add(api, name="Vendas", destination_number="1002")
    caller = await at_the_assistant(switch)
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(EXAMPLE), caller.uuid, str(DOMAIN), stdin=PIPE, stdout=PIPE, stderr=PIPE,
        env={**os.environ, "VOICED_URL": api.daemon.url, "MODEL_URL": model, "PYTHONUTF8": "1"},
    )  # fmt: skip
    said = "bom dia\nquero falar com vendas\nentão quero falar com o financeiro\n"
    async with asyncio.timeout(30):
        out, err = await process.communicate(said.encode())
    assert out.decode().splitlines() == [
        "Como posso ajudar?",
        "Vendas está em outra ligação no momento.",
        "(the call is not ours any more)",
    ], err.decode()
    assert caller.talks_to is phone


def test_the_page_shows_the_example_as_it_is() -> None:
    page = (DOCS / "handoff.md").read_text()
    [shown] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert shown in EXAMPLE.read_text()
