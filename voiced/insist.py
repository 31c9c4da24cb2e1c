"""Work that has to be done sooner or later: again and again while PBX or database do not answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
import tenacity

from voiced.database import is_away
from voiced.esl import EslError
from voiced.logs import brief

log = structlog.get_logger(__name__)


async def insist(work: Callable[[], Awaitable[None]]) -> None:
    """Do it until it is done. Raises what is the fault of neither PBX nor database."""

    def told(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        log.warning("recovery tries again", error=brief(error) if error else "")

    await tenacity.AsyncRetrying(
        wait=tenacity.wait_random_exponential(multiplier=0.05, max=1.0),
        retry=tenacity.retry_if_exception(lambda error: isinstance(error, EslError) or is_away(error)),
        before_sleep=told,
        reraise=True,
    )(work)
