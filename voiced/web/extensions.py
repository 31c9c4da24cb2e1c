"""`/api/extension/status/{extension}` and `/api/callback/check-availability`: who can take a call now.

Answered from memory. Status questions come by the thousand (a backend asks before it shows a list), so one
that is asked in the plainest way takes a short cut past FastAPI's validation, at a third of the time; every
other goes the usual way, which documents, checks, and tells what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel

from voiced.esl import InvalidValue, values
from voiced.pbx import presence
from voiced.pbx.presence import State
from voiced.web.access import Access, Granted
from voiced.web.fields import Extension
from voiced.web.services import services
from voiced.web.spelling import Body

# What can be said of it, by state: pt-BR first, English second.
_REASONS: Final = {
    State.AVAILABLE: ("O ramal {} está livre.", "Extension {} is free."),
    State.IN_CALL: ("O ramal {} está em outra ligação.", "Extension {} is on another call."),
    State.RINGING: ("O ramal {} está tocando.", "Extension {} is ringing."),
    State.DND: ("O ramal {} está em não perturbe.", "Extension {} has do-not-disturb on."),
    State.OFFLINE: ("O ramal {} não está conectado.", "Extension {} is not connected."),
}
_plain_query: Final = re.compile(rb"domain_uuid=([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})").fullmatch


class Availability(BaseModel):
    """What an extension does now, and whether it can take a call. `reason` may be shown or spoken."""

    extension: str
    domain_uuid: UUID
    status: State
    available: bool
    reason: str
    messages: dict[str, str]


class AvailabilityRequest(Body):
    """Whose availability."""

    extension: Extension
    domain_uuid: UUID


class _ShortCut(APIRoute):
    """A route that answers a GET with `?domain_uuid=UUID` and nothing else by itself."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        usual = super().get_route_handler()
        if self.methods != {"GET"}:
            return usual

        async def handle(request: Request) -> Response:
            asked = _plain_query(request.scope["query_string"])
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            try:
                extension = values.extension(request.path_params["extension"])
            except InvalidValue:
                asked = None
            if asked is None or (scheme and scheme != "Bearer"):
                return await usual(request)
            access = request.app.state.gate.access(token)
            return _answer(request, extension, UUID(asked[1].decode()), access)

        return handle


router = APIRouter(tags=["extensions"], route_class=_ShortCut)


@router.get("/api/extension/status/{extension}", response_model=Availability)
async def status(extension: Extension, domain_uuid: UUID, access: Granted, request: Request) -> JSONResponse:
    """What an extension does now. Costs no question to the PBX; 503 while the PBX is lost."""
    return _answer(request, extension, domain_uuid, access)


@router.post("/api/callback/check-availability", response_model=Availability)
async def check_availability(body: AvailabilityRequest, access: Granted, request: Request) -> JSONResponse:
    """Whether an agent can be called now: the same, asked as the ticketing backend asks."""
    return _answer(request, body.extension, body.domain_uuid, access)


def _answer(request: Request, extension: str, domain_uuid: UUID, access: Access) -> JSONResponse:
    at = services(request)
    at.metrics.extension_status_requests.inc()
    domain = access.domain_in(at.settings, domain_uuid)
    state = at.presence.state(presence.Extension(extension, domain.name))
    portuguese, english = (text.format(extension) for text in _REASONS[state])
    return JSONResponse(
        {
            "extension": extension, "domain_uuid": str(domain_uuid), "status": state,
            "available": state is State.AVAILABLE, "reason": portuguese,
            "messages": {"pt-BR": portuguese, "en": english},
        }
    )  # fmt: skip
