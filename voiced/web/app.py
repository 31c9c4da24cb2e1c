"""The HTTP application: routes, errors, access, put together."""

from __future__ import annotations

from fastapi import FastAPI

from voiced import __version__
from voiced.web import errors, operations, transfers
from voiced.web.access import Gate
from voiced.web.services import Services


def create(services: Services) -> FastAPI:
    """The API over these services."""
    app = FastAPI(title="voiced", version=__version__, docs_url="/docs", redoc_url=None)
    app.state.services = services
    app.state.gate = Gate(services.settings)
    errors.install(app)
    app.include_router(operations.router)
    app.include_router(transfers.router)
    return app
