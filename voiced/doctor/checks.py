"""One line for each thing that the daemon needs: what is so, and what to do where it is not well."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
import httpx
from rich.console import Console
from rich.text import Text

from voiced import database, esl
from voiced.settings import Settings

PATIENCE: Final = 15.0  # seconds for one check


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. `advice` is what to do, '' where nothing has to be done."""

    what: str
    well: bool
    text: str
    advice: str = ""


async def examine(settings: Settings) -> int:
    """Make every check and print it. Returns the exit code: 0 well, 1 not."""
    console = Console(highlight=False, soft_wrap=True)
    well = True
    checks = [
        ("settings", _settings),
        ("database", _database),
        ("event socket", _event_socket),
        ("ticketing backend", _tickets),
    ]
    if settings.fusionpbx.url.get_secret_value():
        checks.insert(2, ("FusionPBX", _fusionpbx))
    for name, check in checks:
        finding = await _in_time(name, check, settings)
        well = well and finding.well
        mark, style = ("ok  ", "green") if finding.well else ("FAIL", "bold red")
        console.print(Text.assemble((mark, style), f"  {finding.what:<18}", finding.text))
        if finding.advice:
            console.print(Text.assemble("      ", (f"→ {finding.advice}", "yellow")))
    return 0 if well else 1


async def _in_time(name: str, check: Callable[[Settings], Awaitable[Finding]], settings: Settings) -> Finding:
    try:
        async with asyncio.timeout(PATIENCE):
            return await check(settings)
    except TimeoutError:
        return Finding(
            name, False, f"no answer within {PATIENCE:g} s", "is it overloaded, or a firewall in between?"
        )


async def _settings(settings: Settings) -> Finding:
    warnings = settings.warnings()
    if not settings.domain:
        return Finding("settings", False, "no [[domain]] is configured", "add uuid and name of each domain")
    return Finding("settings", True, f"{len(settings.domain)} domain(s)", "; ".join(warnings))


async def _database(settings: Settings) -> Finding:
    url = settings.database.url.get_secret_value()
    if not url:
        where = settings.database.data_dir
        return Finding("database", True, f"embedded, in {where} (started by `voiced run`)")
    advice = "is PostgreSQL running, and is [database] url right? e.g. postgresql://user:password@host/voiced"
    try:
        pool = await database.open_pool(url, size=1)
    except database.DatabaseError as error:
        return Finding("database", False, str(error), advice)
    async with pool:
        version = await pool.fetchval("show server_version")
        try:
            missing = await database.missing_migrations(pool)
        except asyncpg.PostgresError as error:
            return Finding("database", False, str(error), "give the user the right to create tables")
    text = f"PostgreSQL {version}"
    if missing:
        return Finding("database", True, f"{text}; {len(missing)} migration(s) to apply", "voiced migrate")
    return Finding("database", True, f"{text}, schema up to date")


async def _fusionpbx(settings: Settings) -> Finding:
    advice = "is [fusionpbx] url the one of FusionPBX's own database, for a user who may read it?"
    try:
        pool = await database.open_pool(settings.fusionpbx.url.get_secret_value(), size=1)
    except database.DatabaseError as error:
        return Finding("FusionPBX", False, str(error), advice)
    async with pool:
        if not await pool.fetchval("select to_regclass('v_voice_transfer_destinations')"):
            advice = f"run {database.SQL}/fusionpbx/transfer_destinations.sql there"
            return Finding("FusionPBX", False, "v_voice_transfer_destinations is missing", advice)
        count = await pool.fetchval("select count(*) from v_voice_transfer_destinations")
        has_extensions = await pool.fetchval("select to_regclass('v_extensions')")
    text = f"{count} destination(s)"
    if not has_extensions:
        return Finding("FusionPBX", True, text, "no v_extensions there: do-not-disturb is not known")
    return Finding("FusionPBX", True, text)


async def _event_socket(settings: Settings) -> Finding:
    pbx = settings.pbx
    address = f"{pbx.host}:{pbx.port}"
    try:
        ours = await _ask_ours(settings)
    except esl.AuthenticationFailed:
        return Finding(
            "event socket",
            False,
            f"{address} refuses the password",
            "set [pbx] password, as in event_socket.conf.xml",
        )
    except esl.Rejected as error:
        return Finding(
            "event socket", False, str(error), "add this machine to the access list in event_socket.conf.xml"
        )
    except esl.EslError as error:
        return Finding(
            "event socket", False, str(error), "is FreeSWITCH running, and [pbx] host and port right?"
        )
    other = await _ask_greenswitch(settings)
    if "error" in other:
        return Finding(
            "event socket",
            False,
            f"ours connects to {address}, greenswitch does not: {other['error']}",
            "please report this",
        )
    ready, ready_there = _ready(ours["status"]), _ready(other["status"])
    phones, phones_there = _phones(ours["registrations"]), _phones(other["registrations"])
    if (ready, phones) != (ready_there, phones_there):
        there = f"{ready_there!r} and {len(phones_there)} phones"
        text = f"our client says {ready!r} and {len(phones)} phones, greenswitch {there}"
        return Finding(
            "event socket",
            False,
            text,
            "phones may have come or gone meanwhile: run it again; else report it",
        )
    if "is ready" not in ready:
        return Finding(
            "event socket", False, f"{address}: {ready}", "FreeSWITCH is not ready: look at its log"
        )
    return Finding(
        "event socket", True, f"{address}: {ready}; {len(phones)} phone(s) registered (two clients agree)"
    )


async def _ask_ours(settings: Settings) -> dict[str, str]:
    pbx = settings.pbx
    async with esl.connect(pbx.host, pbx.port, pbx.password.get_secret_value()) as client:
        status = await client.api("status")
        registrations = await client.api("show registrations as json")
        return {"status": status.text, "registrations": registrations.text}


async def _ask_greenswitch(settings: Settings) -> dict[str, Any]:
    pbx = settings.pbx
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "voiced.doctor.second_opinion", pbx.host, str(pbx.port),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        out, err = await process.communicate(pbx.password.get_secret_value().encode())
    finally:
        if process.returncode is None:
            process.kill()
    try:
        answer: dict[str, Any] = json.loads(out)
    except ValueError:
        return {"error": err.decode("utf-8", "replace").strip().rpartition("\n")[2] or "it said nothing"}
    return answer


def _ready(status: str) -> str:
    """The line of `status` that says whether the switch is ready (the others change all the time)."""
    return next((line.strip() for line in status.splitlines() if line.startswith("FreeSWITCH")), status[:80])


def _phones(registrations: str) -> set[tuple[str, str, str]]:
    rows = json.loads(registrations).get("rows", [])
    return {(row["reg_user"], row["realm"], row["url"]) for row in rows}


async def _tickets(settings: Settings) -> Finding:
    url = settings.tickets.url
    if not url:
        return Finding(
            "ticketing backend", True, "none configured: results are kept", "set [tickets] url to send them"
        )
    try:
        async with httpx.AsyncClient(timeout=settings.tickets.timeout_seconds) as client:
            response = await client.get(url)
    except httpx.HTTPError as error:
        what = f"{url}: {type(error).__name__} {error}".strip()
        return Finding("ticketing backend", False, what, "is it running, and [tickets] url right?")
    if response.status_code >= 500:
        return Finding("ticketing backend", False, f"{url} answers {response.status_code}", "look at its log")
    advice = (
        ""
        if settings.tickets.token.get_secret_value()
        else "no [tickets] token is set: it may refuse results"
    )
    return Finding("ticketing backend", True, f"{url} answers ({response.status_code})", advice)
