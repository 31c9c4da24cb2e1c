"""The command line: `voiced run | demo | doctor | migrate | version`."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn, Optional

import typer

from voiced import __version__, database, logs
from voiced.ports import CannotStart
from voiced.process import serve
from voiced.settings import Settings, SettingsError, load

app = typer.Typer(
    help="A telephony daemon beside FreeSWITCH: attended transfers, and callbacks that keep their promise.",
    epilog="Start with `voiced demo`: it needs no PBX and no database of yours.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
Config = Annotated[
    Optional[Path],  # noqa: UP045 - typer reads this at run time
    typer.Option("--config", "-c", help="Settings; without it ./voiced.toml, if there is one."),
]


@app.command()
def run(config: Config = None) -> None:
    """Run the daemon until it is told to stop.

    Examples:

        voiced run --config /etc/voiced/voiced.toml

        ESL_HOST=10.0.0.5 ESL_PASSWORD=secret DATABASE_URL=postgresql://… voiced run
    """
    _run(serve(_settings(config)))


@app.command()
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Show the calls and stop, instead of staying up.")
    ] = False,
    plain: Annotated[bool, typer.Option("--plain", help="No colours, one line a step.")] = False,
) -> None:
    """See it work: a simulated PBX with phones, a small ticketing backend, and transfers through HTTP.

    Examples:

        voiced demo

        voiced demo --once --plain
    """
    from voiced.demo import show

    _run(show(stay=not once, plain=plain))


@app.command()
def doctor(config: Config = None) -> None:
    """Check settings, database, event socket and ticketing backend; say what to do about what is wrong.

    The exit code is 0 when everything is well, 1 when something is not.

    Examples:

        voiced doctor --config voiced.toml
    """
    from voiced.doctor import examine

    raise typer.Exit(asyncio.run(examine(_settings(config))))


@app.command()
def migrate(config: Config = None) -> None:
    """Bring the database's schema up to date (`voiced run` does it too).

    Examples:

        DATABASE_URL=postgresql://… voiced migrate
    """
    url = _settings(config).database.url.get_secret_value()
    if not url:
        _fail("database.url is empty: the embedded PostgreSQL is migrated by `voiced run`")

    async def work() -> list[str]:
        await (await database.open_pool(url, size=1)).close()  # for a clear error
        return await database.migrate(url)

    try:
        applied = asyncio.run(work())
    except database.DatabaseError as error:
        _fail(f"the database cannot be used: {error}")
    typer.echo("\n".join(f"applied {name}" for name in applied) or "nothing to do")


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def _settings(config: Path | None) -> Settings:
    if config is None and Path("voiced.toml").exists():
        config = Path("voiced.toml")
    try:
        settings = load(config, os.environ)
    except SettingsError as error:
        _fail(str(error))
    logs.configure(settings.log)
    return settings


def _run(work: Coroutine[Any, Any, None]) -> None:
    import uvloop

    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # from now on there is something to stop
    try:
        uvloop.run(work)
    except CannotStart as error:
        _fail(str(error))
    except (KeyboardInterrupt, asyncio.CancelledError):
        work.close()  # it may not have begun
        raise typer.Exit(130) from None
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # everything is stopped: only the exit is left


def _fail(message: str) -> NoReturn:
    """One clear line, exit code 2."""
    typer.echo(f"voiced: {' '.join(message.split())}", err=True)
    raise typer.Exit(2)
