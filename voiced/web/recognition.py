"""Callers who ring again are recognised by their number: the open callback that each of them has.

Asked on behalf of somebody who waits: where it cannot be told soon, the answer is None, as for a stranger.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final
from uuid import UUID

from voiced.esl import EslError
from voiced.web.access import Access
from voiced.web.services import Services

LOOK_SECONDS: Final = 0.5  # for the PBX to say who calls
LIST_SECONDS: Final = 1.0  # for all of a page


async def of_call(at: Services, access: Access, domain_uuid: UUID, call_uuid: str) -> dict[str, Any] | None:
    """The open callback of whoever is in this call; None where the call is another domain's."""
    driver = at.transfers.of_call(call_uuid)
    if driver is not None:
        is_theirs = driver.request.domain_uuid == domain_uuid
        return await at.callbacks.open_for(domain_uuid, driver.request.caller.number) if is_theirs else None
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            channel = await at.pbx.channel(call_uuid)
    except (EslError, TimeoutError):
        return None
    if channel is None or not at.tenants.owns(domain_uuid, channel, strictly=access.is_limited):
        return None
    return await at.callbacks.open_for(domain_uuid, channel.number)


async def of_rows(at: Services, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of transfers, each with the `open_callback` of its caller."""
    rows = list(rows)
    found: dict[tuple[UUID, str], dict[str, Any] | None] = {}
    with suppress(TimeoutError):
        async with asyncio.timeout(LIST_SECONDS):
            for caller in map(_caller, rows):
                if caller not in found:
                    found[caller] = await at.callbacks.open_for(*caller)
    return [{**row, "open_callback": found.get(_caller(row))} for row in rows]


def _caller(row: dict[str, Any]) -> tuple[UUID, str]:
    return row["domain_uuid"], row["caller_number"]
