"""The HTTP application: routes, errors, access, put together."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline

from voiced import __version__
from voiced.web import (
    by_ticket,
    callback_calls,
    callback_offers,
    callback_reports,
    callbacks,
    destinations,
    errors,
    extensions,
    handoff,
    operations,
    policies,
    transfers,
)
from voiced.web.access import Gate
from voiced.web.services import Services
from voiced.web.sizes import BodiesOfSaneSize
from voiced.web.spelling import QueryInBothSpellings

_ABOUT: Final = """
Transfers of callers from a voice assistant to people, and calls back to those whom nobody could answer, on a
FreeSWITCH PBX.

Names in requests may be snake_case or camelCase, whichever is shown here; answers are snake_case. A token
belongs to one domain or to all (`Authorization: Bearer TOKEN`). Errors are
`{"error": CODE, "message": TEXT, "field": NAME}`.
"""


def create(services: Services) -> FastAPI:
    """The API over these services. `/docs` needs no network: its scripts come from a wheel."""
    app = FastAPIOffline(
        title="voiced", version=__version__, description=_ABOUT, docs_url="/docs", redoc_url=None,
        static_url="/docs-static", responses=errors.DOCUMENTED,
    )  # fmt: skip
    app.state.services = services
    app.state.gate = Gate(services.settings)
    errors.install(app)
    app.add_middleware(QueryInBothSpellings)
    app.add_middleware(BodiesOfSaneSize)
    for router in (
        extensions.router,  # first: asked more than all others
        transfers.router, handoff.router, destinations.router,
        callback_calls.router, callback_offers.router,
        callback_reports.router,  # before /api/callbacks/{id}
        callbacks.router, by_ticket.router, policies.router, operations.router,
    ):  # fmt: skip
        for route in router.routes:
            if isinstance(route, APIRoute):
                route.summary = route.description.partition("\n")[0].rstrip(".")
        app.include_router(router)
    app.add_api_route("/", lambda: RedirectResponse("/docs"), include_in_schema=False)
    return app
