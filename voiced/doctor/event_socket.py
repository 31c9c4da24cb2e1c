"""The event socket, asked by our client and by an independent one: they have to agree."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from typing import Any, Final

from voiced import esl
from voiced.doctor.finding import Finding
from voiced.esl import commands
from voiced.settings import Settings

WHAT: Final = "event socket"
QUESTIONS: Final = ("status", "show registrations as json")
CONNECT_SECONDS: Final = 5.0
OURS_SECONDS: Final = 3.0  # for each answer to our client
OTHER_SECONDS: Final = 8.0  # for all of greenswitch, which waits for ever


async def examine(settings: Settings) -> Finding:
    """Whether the switch is ready, how many phones it has, and whether both clients see the same."""
    address = f"{settings.pbx.host}:{settings.pbx.port}"
    try:
        ours = await _ask_ours(settings)
    except esl.AuthenticationFailed:
        return _wrong(f"{address} refuses the password", "set [pbx] password, as in event_socket.conf.xml")
    except esl.Rejected as error:
        return _wrong(str(error), "add this machine to the access list in event_socket.conf.xml")
    except esl.CannotConnect as error:
        return _wrong(str(error), "is FreeSWITCH running, and [pbx] host and port right?")
    except esl.CommandRefused as error:
        return _wrong(f"{address} refuses a question: {error}", "allow `status` and `show` to this user")
    except esl.EslError as error:
        return _wrong(f"{address}: {error}", "FreeSWITCH takes commands and does not answer: look at its log")
    other = await _ask_greenswitch(settings)
    if "error" in other:
        text = f"ours connects to {address}, greenswitch does not: {other['error']}"
        return _wrong(text, "run it again, and report it if it stays so")
    ready, phones = _read(ours)
    if "is ready" not in ready:
        return _wrong(f"{address}: {ready}", "FreeSWITCH is not ready: look at its log")
    found = f"{address}: {ready}; {len(phones)} phone(s) registered"
    if "skipped" in other:
        return Finding(WHAT, True, f"{found} ({other['skipped']})")
    if (ready, phones) != (there := _read(other)):
        theirs = f"{there[0]!r} and {len(there[1])} phones"
        text = f"our client says {ready!r} and {len(phones)} phones, greenswitch {theirs}"
        return _wrong(text, "phones may have come or gone meanwhile: run it again; else report it")
    return Finding(WHAT, True, f"{found} (two clients agree)")


def _wrong(text: str, advice: str) -> Finding:
    return Finding(WHAT, False, text, advice)


async def _ask_ours(settings: Settings) -> dict[str, str]:
    """The answers, by question. Raises EslError, CommandRefused among them."""
    pbx = settings.pbx
    password = pbx.password.get_secret_value()
    async with esl.connect(pbx.host, pbx.port, password, connect_timeout=CONNECT_SECONDS) as client:
        answers = {}
        for question in QUESTIONS:
            reply = await client.ask(commands.api(question), timeout=OURS_SECONDS)
            if not reply.ok:
                raise esl.CommandRefused(f"{question}: {reply.text[:80]}")
            answers[question] = reply.text
        return answers


async def _ask_greenswitch(settings: Settings) -> dict[str, Any]:
    """The answers, by question; or an `error`, or that it was `skipped`."""
    pbx = settings.pbx
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "voiced.doctor.second_opinion", pbx.host, str(pbx.port), *QUESTIONS,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(OTHER_SECONDS):
            out, err = await process.communicate(pbx.password.get_secret_value().encode())
    except TimeoutError:
        return {"error": f"no answer within {OTHER_SECONDS:g} s"}
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    try:
        return dict(json.loads(out))
    except ValueError:
        return {"error": err.decode("utf-8", "replace").strip().rpartition("\n")[2] or "it said nothing"}


def _read(answers: dict[str, Any]) -> tuple[str, set[tuple[str, ...]]]:
    """Whether the switch is ready, in the words of `status`; and the phones that have registered."""
    status, registrations = (str(answers.get(question)) for question in QUESTIONS)
    lines = (line.strip() for line in status.splitlines())
    ready = next((line for line in lines if line.startswith("FreeSWITCH")), status[:80])
    try:
        rows = json.loads(registrations).get("rows", [])
        return ready, {tuple(str(row.get(key)) for key in ("reg_user", "realm", "url")) for row in rows}
    except (ValueError, TypeError, AttributeError):
        return f"`show registrations` is no table: {registrations[:80]!r}", set()
