"""One line for each thing that the daemon needs: what is so, and what to do where it is not well."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import asyncpg
import httpx
from rich.console import Console
from rich.text import Text

from voiced import database
from voiced.doctor import event_socket
from voiced.doctor.finding import Finding
from voiced.logs import brief
from voiced.settings import Settings

PATIENCE: Final = 15.0  # seconds for one check


async def examine(settings: Settings) -> int:
    """Make every check, all at once, and print what each found. Returns the exit code: 0 well, 1 not."""
    console = Console(highlight=False, soft_wrap=True)
    checks = [
        ("settings", _settings),
        ("database", _database),
        (event_socket.WHAT, event_socket.examine),
        ("ticketing backend", _tickets),
    ]
    if settings.fusionpbx.url.get_secret_value():
        checks.insert(2, ("FusionPBX", _fusionpbx))
    well = True
    for finding in await asyncio.gather(*(_in_time(name, check, settings) for name, check in checks)):
        well = well and finding.well
        mark, style = ("ok  ", "green") if finding.well else ("FAIL", "bold red")
        console.print(Text.assemble((mark, style), f"  {finding.what:<18}", _line(finding.text)))
        if finding.advice:
            console.print(Text.assemble("      ", (f"→ {finding.advice}", "yellow")))
    return 0 if well else 1


async def _in_time(name: str, check: Callable[[Settings], Awaitable[Finding]], settings: Settings) -> Finding:
    """A check is a line whatever becomes of it."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await check(settings)
    except TimeoutError:
        advice = "is it overloaded, or a firewall in between?"
        return Finding(name, False, f"no answer within {PATIENCE:g} s", advice)
    except Exception as error:
        return Finding(
            name, False, f"{type(error).__name__}: {error}", "the check itself failed: report this"
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
        async with await database.open_pool(url, size=1) as pool:
            version = await pool.fetchval("show server_version")
            missing = await database.missing_migrations(pool)
    except asyncpg.PostgresError as error:
        return Finding("database", False, brief(error), "give the user the right to create tables")
    except (database.DatabaseError, *database.ERRORS) as error:
        return Finding("database", False, brief(error), advice)
    text = f"PostgreSQL {version}"
    if missing:
        return Finding("database", True, f"{text}; {len(missing)} migration(s) to apply", "voiced migrate")
    return Finding("database", True, f"{text}, schema up to date")


async def _fusionpbx(settings: Settings) -> Finding:
    advice = "is [fusionpbx] url the one of FusionPBX's own database, for a user who may read it?"
    try:
        async with await database.open_pool(settings.fusionpbx.url.get_secret_value(), size=1) as pool:
            if not await pool.fetchval("select to_regclass('v_voice_transfer_destinations')"):
                missing = f"run {database.SQL}/fusionpbx/transfer_destinations.sql there"
                return Finding("FusionPBX", False, "v_voice_transfer_destinations is missing", missing)
            count = await pool.fetchval("select count(*) from v_voice_transfer_destinations")
            has_extensions = await pool.fetchval("select to_regclass('v_extensions')")
    except (database.DatabaseError, *database.ERRORS) as error:
        return Finding("FusionPBX", False, brief(error), advice)
    text = f"{count} destination(s)"
    if not has_extensions:
        return Finding("FusionPBX", True, text, "no v_extensions there: do-not-disturb is not known")
    return Finding("FusionPBX", True, text)


async def _tickets(settings: Settings) -> Finding:
    what, url = "ticketing backend", settings.tickets.url
    if not url:
        return Finding(what, True, "none configured: results are kept", "set [tickets] url to send them")
    try:
        async with (
            httpx.AsyncClient(timeout=settings.tickets.timeout_seconds) as client,
            client.stream("GET", url) as response,  # its head is enough
        ):
            status, location = response.status_code, response.headers.get("location", "")
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        text = f"{url}: {type(error).__name__} {error}"
        return Finding(what, False, text, "is it running, and [tickets] url right?")
    if status >= 500:
        return Finding(what, False, f"{url} answers {status}", "look at its log")
    if 300 <= status < 400:
        advice = "set [tickets] url to where it is; what is sent there does not follow"
        return Finding(what, False, f"{url} answers {status}: it is at {location[:200] or 'nowhere'}", advice)
    advice = "no [tickets] token is set: it may refuse results"
    has_token = settings.tickets.token.get_secret_value()
    return Finding(what, True, f"{url} answers ({status})", "" if has_token else advice)


def _line(text: str) -> str:
    """One line that can be printed, whatever a peer has said."""
    return " ".join(text.encode("utf-8", "replace").decode().split())
