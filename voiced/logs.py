"""Structured logs on standard error: coloured lines for a person, JSON for a machine."""

from __future__ import annotations

import logging
import sys

import structlog

from voiced.settings import LogSettings


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
                [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer(ensure_ascii=False)]
                if as_json
                else [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.getLogger("asyncpg").setLevel(logging.ERROR)  # its pool's warnings: who needs it says the same
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
