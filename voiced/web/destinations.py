"""`/api/destinations`: whom callers can be transferred to, and whom a phrase means."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeAlias
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from voiced.settings import DomainSettings
from voiced.transfer.destination import Destination, FallbackAction
from voiced.transfer.matching import Default, Found, Nobody, Number, Question
from voiced.transfer.request import DestinationType
from voiced.transfer.wording import nobody, question
from voiced.web.access import Access, Granted
from voiced.web.described import Like, Listed
from voiced.web.errors import ApiError
from voiced.web.fields import Limit, Page, Phrase, Storable
from voiced.web.services import At, Services
from voiced.web.spelling import Body

router = APIRouter(prefix="/api/destinations", tags=["destinations"])

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"\S"), Storable]
Text = Annotated[str, Field(max_length=100), Storable]
Seconds = Annotated[int, Field(ge=1, le=600)]


class DestinationBody(Body):
    """All of a destination but its id. What is null follows the secretary, then the settings."""

    domain_uuid: UUID
    secretary_uuid: UUID | None = Field(None, description="null: of every secretary of the domain.")
    name: Name = Field(description="What callers say.")
    aliases: list[Text] = Field([], max_length=50)
    destination_type: DestinationType = DestinationType.EXTENSION
    destination_number: str = Field(min_length=1, max_length=50)
    destination_context: str = Field("", max_length=50, description="'' for the domain's name.")
    gateway: str = Field("", max_length=128, description="Of an external number; '' for the settings' one.")
    ring_timeout_seconds: Seconds | None = None
    max_retries: int | None = Field(None, ge=0, le=10)
    retry_delay_seconds: int | None = Field(None, ge=0, le=600)
    fallback_action: FallbackAction = FallbackAction.ASSISTANT
    fallback_destination_uuid: UUID | None = None
    department: Text = ""
    role: Text = ""
    description: Annotated[str, Field(max_length=2000), Storable] = ""
    working_hours: dict[str, Any] | None = Field(None, description="docs/fusionpbx.md; null: always open.")
    priority: int = Field(100, ge=0, le=10_000, description="The lower goes first.")
    is_default: bool = Field(False, description="Takes callers who name nobody; one a domain and secretary.")
    is_enabled: bool = True
    screening: bool = Field(False, description="The agent takes the call with a key.")
    announce: bool | None = Field(None, description="Whether the agent is told who calls.")


class DestinationRow(DestinationBody):
    """A destination as it is kept."""

    id: UUID
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Destinations(Listed):
    """Destinations, by priority and name."""

    destinations: list[DestinationRow]


class Meant(BaseModel):
    """Whom a phrase means."""

    match: Literal["found", "default", "question", "number", "nobody"]
    by: str = Field("", description="What it was found by: alias, name, department, number, role, likeness.")
    destinations: list[dict[str, Any]] = Field([], description="The one, those to ask about, or suggestions.")
    number: str = Field("", description="An extension that no destination has.")
    messages: dict[str, str] = Field({}, description="What to ask or to say, by language.")


DestinationAnswer: TypeAlias = Annotated[dict[str, Any], Like(DestinationRow)]
DestinationsAnswer: TypeAlias = Annotated[dict[str, Any], Like(Destinations)]
_DEFAULTS: Final = {
    name: field.get_default(call_default_factory=True)
    for name, field in DestinationBody.model_fields.items()
    if not field.is_required()
}


@router.get("")
async def list_them(
    access: Granted,
    at: At,
    domain_uuid: UUID | None = None,
    secretary_uuid: UUID | None = None,
    page: Page = 1,
    limit: Limit = 20,
) -> DestinationsAnswer:
    """Destinations, by priority and name."""
    if domain_uuid is not None:
        access.check(domain_uuid)
    rows, total = await at.catalogue.list_them(
        domain_uuid or access.domain, secretary_uuid, limit, (page - 1) * limit
    )
    return {"destinations": list(map(_shown, rows)), "total": total, "page": page}


@router.get("/match")
async def match(
    access: Granted, at: At, text: Phrase, domain_uuid: UUID, secretary_uuid: UUID | None = None
) -> Meant:
    """Whom a phrase means, without calling anybody."""
    access.check(domain_uuid)
    match await at.reception.match(domain_uuid, secretary_uuid, text):
        case Found(destination, by):
            return Meant(match="found", by=by, destinations=[_brief(destination)])
        case Default(destination):
            return Meant(match="default", destinations=[_brief(destination)])
        case Question(options):
            return Meant(
                match="question", destinations=list(map(_brief, options)), messages=question(options)
            )
        case Number(number):
            return Meant(match="number", number=number)
        case Nobody(suggestions):
            told = nobody(suggestions)
            return Meant(match="nobody", destinations=list(map(_brief, suggestions)), messages=told)


@router.post("", status_code=201)
async def create(body: DestinationBody, access: Granted, at: At) -> DestinationAnswer:
    """Add a destination. It counts at once."""
    domain = access.domain_in(at.settings, body.domain_uuid)
    _check_ways(access, at, domain, body)
    row = await at.catalogue.create(body.model_dump(), domain.timezone)
    at.directory.drop(domain.uuid)
    return _shown(row)


@router.get("/{id}")
async def look(id: UUID, access: Granted, at: At) -> DestinationAnswer:
    """One destination."""
    return _shown(await at.catalogue.get(id, access.domain))


@router.put("/{id}")
async def change(id: UUID, body: DestinationBody, access: Granted, at: At) -> DestinationAnswer:
    """Replace all of a destination. What the body leaves out goes back to its default."""
    domain = access.domain_in(at.settings, body.domain_uuid)
    before = await at.catalogue.get(id, access.domain)
    _check_ways(access, at, domain, body, before)
    row = await at.catalogue.change(id, access.domain, body.model_dump(), domain.timezone)
    at.directory.drop(before["domain_uuid"])
    at.directory.drop(domain.uuid)
    return _shown(row)


@router.delete("/{id}", status_code=204)
async def delete(id: UUID, access: Granted, at: At) -> Response:
    """Forget a destination. Transfers that are under way go on."""
    at.directory.drop(await at.catalogue.delete(id, access.domain))
    return Response(status_code=204)


def _check_ways(
    access: Access, at: Services, domain: DomainSettings, body: DestinationBody,
    before: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """A context or a gateway may lead into another domain's house: those of others the token of all sets."""
    own = {
        "destination_context": {"", domain.name, domain.context},
        "gateway": {"", at.settings.gateway_of(domain)},
    }
    for column, allowed in own.items():
        wanted = getattr(body, column)
        if access.is_limited and wanted not in allowed | {(before or {}).get(column)}:
            raise ApiError(403, "forbidden", "this needs a token for all domains ([http] token)", column)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """A row, whoever wrote it: what is null in SQL and has a default is the default."""
    return {
        name: _DEFAULTS.get(name) if row.get(name) is None else row[name]
        for name in DestinationRow.model_fields
    }


def _brief(destination: Destination) -> dict[str, Any]:
    return {
        "id": destination.uuid, "name": destination.name, "department": destination.department,
        "destination_type": destination.type, "destination_number": destination.number,
    }  # fmt: skip
