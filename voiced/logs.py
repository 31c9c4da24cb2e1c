"""Structured logs on standard error: coloured lines for a person, JSON for a machine.

A traceback says where something went wrong and not with what: no local variables, and not the row that
PostgreSQL adds to its errors. They hold passwords, tokens and telephone numbers.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Final, TextIO

import asyncpg
import structlog
from pydantic import ValidationError
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, WrappedLogger

from voiced.settings import LogSettings

_DETAIL: Final = re.compile(r"\n[ |]*DETAIL: .*")


def configure(settings: LogSettings) -> None:
    """Set up structlog for the process. `auto` is console on a terminal, JSON elsewhere."""
    as_json = settings.format == "json" or (settings.format == "auto" and not sys.stderr.isatty())
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            *(
                [
                    structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
                    _without_rows,
                    structlog.processors.JSONRenderer(ensure_ascii=False),
                ]
                if as_json
                else [
                    structlog.dev.ConsoleRenderer(
                        colors=sys.stderr.isatty(), exception_formatter=_plain_traceback
                    )
                ]
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.getLogger("asyncpg").setLevel(logging.ERROR)  # its pool's warnings: who needs it says the same
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")


def about(**ids: object) -> None:
    """What the lines that this task logs from now on are about: a transfer's ids."""
    structlog.contextvars.bind_contextvars(**{name: str(value) for name, value in ids.items()})


def brief(error: BaseException) -> str:
    """What went wrong, in one line, without the data that it went wrong with."""
    if isinstance(error, ValidationError):
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['type']}" for one in faults[:5])
    if isinstance(error, asyncpg.PostgresError):
        return str(error).partition("\n")[0]
    return str(error) or type(error).__name__


def _without_rows(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    _clean(event.get("exception", ()))
    return event


def _clean(stacks: Iterable[dict[str, Any]]) -> None:
    for stack in stacks:
        stack["exc_value"] = _DETAIL.sub("", stack["exc_value"])
        for group in stack.get("exceptions", ()):
            _clean(group)


_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def _plain_traceback(to: TextIO, exc_info: _ExcInfo) -> None:
    to.write("\n" + _DETAIL.sub("", "".join(traceback.format_exception(*exc_info))))
