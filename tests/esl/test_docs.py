"""The examples of docs/esl.md run, and the page says what they and the code say."""

from __future__ import annotations

import asyncio
import re
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import voiced.esl
from tests.esl.fake import FakeCall, FakePbx, Peer, event, job_of, reply, response, taken
from voiced.esl import errors

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = DOCS / "examples"
PAGE = (DOCS / "esl.md").read_text()


@asynccontextmanager
async def program(name: str, *arguments: object) -> AsyncIterator[Process]:
    """An example, running; it is ended with the block if it has not ended by itself."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-u", str(EXAMPLES / f"{name}.py"), *map(str, arguments), stdout=PIPE, stderr=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def lines_of(name: str, *arguments: object) -> list[str]:
    async with program(name, *arguments) as process, asyncio.timeout(20):
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        return out.decode().splitlines()


async def test_first_steps(pbx: FakePbx) -> None:
    assert await lines_of("first_steps", "127.0.0.1", pbx.port, "ClueCon") == [
        "hello",
        "False -ERR command not found",
        "from the background",
    ]
    async with program("first_steps", "127.0.0.1", pbx.port, "wrong") as process:
        _, err = await process.communicate()
        assert process.returncode == 1
        assert err.decode().startswith("no PBX: the PBX refused the password")


async def test_events(pbx: FakePbx) -> None:
    answer = event("CHANNEL_ANSWER", "7f3c", Caller_Caller_ID_Number="1001")
    pbx.say("api uuid_answer", answer + response("+OK"))
    pbx.say(
        "api uuid_kill", response("+OK") + event("CHANNEL_HANGUP", "7f3c", Hangup_Cause="NORMAL_CLEARING")
    )
    assert await lines_of("events", "127.0.0.1", pbx.port, "ClueCon") == [
        "CHANNEL_ANSWER 7f3c 1001",
        "answered 7f3c",
        "hung up NORMAL_CLEARING",
    ]


async def test_daemon(pbx: FakePbx) -> None:
    pbx.say("bgapi show channels", _channels)
    async with program("daemon", "127.0.0.1", pbx.port, "ClueCon") as process:
        assert process.stdout
        seen: list[str] = []

        async def read(count: int) -> None:
            async with asyncio.timeout(10):
                while len(seen) < count and process.stdout:
                    line = (await process.stdout.readline()).decode().strip()
                    seen.extend([line] if "[warning" not in line else [])

        await read(2)
        pbx.peers[0].send(event("CHANNEL_CREATE", "u-3"))
        await read(3)
        pbx.peers[0].reset()
        await read(6)
        assert seen == ["back", "2 channels", "created u-3", "lost", "back", "2 channels"]


def _channels(peer: Peer, command: str) -> bytes:
    body = "uuid|direction\nu-1|inbound\nu-2|outbound\n\n2 total.\n"
    return taken(peer, command) + event("BACKGROUND_JOB", Job_UUID=job_of(command), body=body)


async def test_call(pbx: FakePbx) -> None:
    pbx.say(
        "bgapi originate",
        lambda peer, c: taken(peer, c) + event("BACKGROUND_JOB", Job_UUID=job_of(c), body="+OK leg-1\n"),
    )
    complete = event("CHANNEL_EXECUTE_COMPLETE", "leg-1", Application="playback", Application_UUID="tone-1",
                     Application_Response="FILE PLAYED")  # fmt: skip
    pbx.say("sendmsg", lambda peer, c: reply("+OK") + (complete if "playback" in c else b""))
    assert await lines_of("call", "127.0.0.1", pbx.port, "ClueCon") == [
        "nothing was written: '1001,user/1002' is no extension",
        "playback tone-1 FILE PLAYED",
    ]
    [originate] = pbx.peers[0].all("bgapi")
    assert originate.startswith(
        "bgapi originate {origination_caller_id_name='Maria Souza',"
        "originate_timeout=20,ignore_early_media=true}user/1001@pbx.test &park()\nJob-UUID: "
    )


async def test_outbound(tidy: None) -> None:
    complete = event("CHANNEL_EXECUTE_COMPLETE", "u-1", Application="playback", Application_UUID="tone-1")
    async with program("outbound", 0) as process:
        assert process.stdout
        port = int((await process.stdout.readline()).split()[-1])
        for ending, said in ((complete, b"played\n"), (b"", b"hung up\n")):
            call = FakeCall(port)
            call.channel = call.channel.replace(b"Caller-Caller-ID-Name", b"Caller-Caller-ID-Number")
            async with call:
                await call.line.heard("sendmsg", 2)
                call.line.send(ending)
                if not ending:
                    call.line.close()
                assert await process.stdout.readline() == b"call from Maria Souza\n"
                assert await process.stdout.readline() == said
                await call.line.gone.wait()


def test_the_code_on_the_page_is_the_code_that_runs() -> None:
    sources = "\n".join(path.read_text() for path in EXAMPLES.glob("*.py"))
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) >= 6
    for block in blocks:
        assert block in sources


def test_the_tree_of_errors_on_the_page_is_that_of_the_code() -> None:
    [tree] = re.findall(r"```\n(EslError\n.*?)```", PAGE, re.DOTALL)
    assert errors.__doc__
    assert "".join(f"    {line}\n" for line in tree.splitlines()) in errors.__doc__
    for name in re.findall(r"── (\w+)", tree):
        assert issubclass(getattr(voiced.esl, name), errors.EslError)


def test_what_the_page_names_is_there() -> None:
    public = {name for name in dir(voiced.esl) if not name.startswith("_")}
    for name in voiced.esl.__all__:
        assert name in public
    missing = (
        set(voiced.esl.__all__)
        - set(re.findall(r"\w+", PAGE))
        - {"Command", "Handle", "LogLine", "EventQueue"}
    )
    assert not missing
