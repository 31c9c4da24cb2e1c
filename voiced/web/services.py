"""What the HTTP layer works with; app.py puts it together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import asyncpg
from fastapi import Depends, Request

from voiced.callback.calls import Calls
from voiced.callback.desk import Desk as CallbackDesk
from voiced.metrics import Metrics
from voiced.pbx.owner import Ownership
from voiced.pbx.pbx import Pbx
from voiced.pbx.presence import Presence
from voiced.scribe import Scribe
from voiced.settings import Settings
from voiced.transfer.catalogue import Catalogue
from voiced.transfer.desk import Desk
from voiced.transfer.directory import Directory
from voiced.transfer.reception import Reception
from voiced.transfer.service import Transfers
from voiced.transfer.tenants import Tenants
from voiced.web.live import Hub


@dataclass(frozen=True, slots=True)
class Services:
    """One daemon's parts."""

    settings: Settings
    pool: asyncpg.Pool
    pbx: Pbx
    ownership: Ownership
    presence: Presence
    scribe: Scribe
    transfers: Transfers
    desk: Desk
    callbacks: CallbackDesk
    calls: Calls
    reception: Reception
    catalogue: Catalogue
    directory: Directory
    hub: Hub
    metrics: Metrics
    tenants: Tenants


def services(request: Request) -> Services:
    """The services of the app that serves this request."""
    found: Services = request.app.state.services
    return found


async def _services(request: Request) -> Services:
    return services(request)


At = Annotated[Services, Depends(_services)]
