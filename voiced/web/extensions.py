"""`/api/extension/status/{extension}` and `/api/callback/check-availability`: who can take a call now.

Answered from memory. Status questions come by the thousand (a backend asks before it shows a list), so one
that is asked in the plainest way takes a short cut past FastAPI's validation, at a third of the time; every
other goes the usual way, which documents, checks, and tells what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from voiced.esl import InvalidValue, values
from voiced.pbx.presence import Extension, PresenceUnknown, State
from voiced.refusals import PbxIsAway
from voiced.transfer.refusals import NoSuchDomain
from voiced.web.access import Access, Granted
from voiced.web.services import services

# What can be said of it, by state: pt-BR first, English second.
_REASONS: Final = {
    State.AVAILABLE: ("O ramal {} está livre.", "Extension {} is free."),
    State.IN_CALL: ("O ramal {} está em outra ligação.", "Extension {} is on another call."),
    State.RINGING: ("O ramal {} está tocando.", "Extension {} is ringing."),
    State.DND: ("O ramal {} está em não perturbe.", "Extension {} has do-not-disturb on."),
    State.OFFLINE: ("O ramal {} não está conectado.", "Extension {} is not connected."),
}
_plain_query: Final = re.compile(rb"domain_uuid=([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})").fullmatch


def _extension(value: str) -> str:
    try:
        return values.extension(value)
    except InvalidValue as error:
        raise ValueError(str(error)) from None


Number = Annotated[str, AfterValidator(_extension)]


class Availability(BaseModel):
    """What an extension does now, and whether it can take a call. `reason` may be shown or spoken."""

    extension: str
    domain_uuid: UUID
    status: State
    available: bool
    reason: str
    messages: dict[str, str]


class AvailabilityRequest(BaseModel):
    """Whose availability. Names may be written in snake_case or camelCase."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    extension: Number
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
async def status(extension: Number, domain_uuid: UUID, access: Granted, request: Request) -> JSONResponse:
    """What an extension does now. Costs no question to the PBX; 503 while the PBX is lost."""
    return _answer(request, extension, domain_uuid, access)


@router.post("/api/callback/check-availability", response_model=Availability)
async def check_availability(body: AvailabilityRequest, access: Granted, request: Request) -> JSONResponse:
    """Whether an agent can be called now: the same, asked as the ticketing backend asks."""
    return _answer(request, body.extension, body.domain_uuid, access)


def _answer(request: Request, extension: str, domain_uuid: UUID, access: Access) -> JSONResponse:
    at = services(request)
    at.metrics.extension_status_requests.inc()
    access.check(domain_uuid)
    domain = at.settings.domain_of(domain_uuid)
    if domain is None:
        raise NoSuchDomain
    try:
        state = at.presence.state(Extension(extension, domain.name))
    except PresenceUnknown as error:
        raise PbxIsAway(str(error)) from None
    portuguese, english = (text.format(extension) for text in _REASONS[state])
    return JSONResponse(
        {
            "extension": extension, "domain_uuid": str(domain_uuid), "status": state,
            "available": state is State.AVAILABLE, "reason": portuguese,
            "messages": {"pt-BR": portuguese, "en": english},
        }
    )  # fmt: skip
