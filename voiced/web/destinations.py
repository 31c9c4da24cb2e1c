"""`/api/destinations`: whom callers can be transferred to, and whom a phrase means."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import AliasGenerator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from voiced.transfer.destination import Destination, FallbackAction
from voiced.transfer.matching import Default, Found, Nobody, Number, Question
from voiced.transfer.refusals import NoSuchDomain
from voiced.transfer.request import DestinationType
from voiced.transfer.wording import nobody, question
from voiced.web.access import Access, Granted
from voiced.web.services import Services, services

router = APIRouter(prefix="/api/destinations", tags=["destinations"])

Text = Annotated[str, Field(max_length=100)]
Seconds = Annotated[int, Field(ge=1, le=600)]


class DestinationBody(BaseModel):
    """All of a destination but its id. What is null follows the secretary, then the settings."""

    model_config = ConfigDict(
        alias_generator=AliasGenerator(validation_alias=to_camel), populate_by_name=True, extra="forbid"
    )

    domain_uuid: UUID
    secretary_uuid: UUID | None = Field(None, description="null: of every secretary of the domain.")
    name: str = Field(min_length=1, max_length=100, pattern=r"\S", description="What callers say.")
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
    description: str = Field("", max_length=2000)
    working_hours: dict[str, Any] | None = Field(None, description="docs/fusionpbx.md; null: always open.")
    priority: int = Field(100, ge=0, le=10_000, description="The lower goes first.")
    is_default: bool = Field(False, description="Takes callers who name nobody; one a domain and secretary.")
    is_enabled: bool = True
    screening: bool = Field(False, description="The agent takes the call with a key.")
    announce: bool | None = Field(None, description="Whether the agent is told who calls.")


class DestinationRow(DestinationBody):
    """A destination as it is kept."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    id: UUID
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Answer(BaseModel):
    """Whom a phrase means."""

    match: Literal["found", "default", "question", "number", "nobody"]
    by: str = Field("", description="What it was found by: alias, name, department, number, role, likeness.")
    destinations: list[dict[str, Any]] = Field([], description="The one, those to ask about, or suggestions.")
    number: str = Field("", description="An extension that no destination has.")
    messages: dict[str, str] = Field({}, description="What to ask or to say, by language.")


@router.get("")
async def list_them(
    access: Granted,
    request: Request,
    domain_uuid: UUID | None = None,
    secretary_uuid: UUID | None = None,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> dict[str, Any]:
    """Destinations, by priority and name."""
    if domain_uuid is not None:
        access.check(domain_uuid)
    rows, total = await services(request).catalogue.list_them(
        domain_uuid or access.domain, secretary_uuid, limit, (page - 1) * limit
    )
    return {"destinations": rows, "total": total, "page": page}


@router.get("/match")
async def match(
    access: Granted,
    request: Request,
    text: Annotated[str, Query(max_length=500)],
    domain_uuid: UUID,
    secretary_uuid: UUID | None = None,
) -> Answer:
    """Whom a phrase means, without calling anybody."""
    access.check(domain_uuid)
    match await services(request).reception.match(domain_uuid, secretary_uuid, text):
        case Found(destination, by):
            return Answer(match="found", by=by, destinations=[_brief(destination)])
        case Default(destination):
            return Answer(match="default", destinations=[_brief(destination)])
        case Question(options):
            return Answer(
                match="question", destinations=list(map(_brief, options)), messages=question(options)
            )
        case Number(number):
            return Answer(match="number", number=number)
        case Nobody(suggestions):
            told = nobody(suggestions)
            return Answer(match="nobody", destinations=list(map(_brief, suggestions)), messages=told)


@router.post("", status_code=201)
async def create(body: DestinationBody, access: Granted, request: Request) -> DestinationRow:
    """Add a destination. It counts at once."""
    at = services(request)
    return _kept(at, await at.catalogue.create(body.model_dump(), _timezone(at, access, body)))


@router.get("/{id}")
async def look(id: UUID, access: Granted, request: Request) -> DestinationRow:
    """One destination."""
    return DestinationRow.model_validate(await services(request).catalogue.get(id, access.domain))


@router.put("/{id}")
async def change(id: UUID, body: DestinationBody, access: Granted, request: Request) -> DestinationRow:
    """Replace all of a destination. What the body leaves out goes back to its default."""
    at = services(request)
    timezone = _timezone(at, access, body)
    before = await at.catalogue.get(id, access.domain)
    row = await at.catalogue.change(id, access.domain, body.model_dump(), timezone)
    at.directory.drop(before["domain_uuid"])
    return _kept(at, row)


@router.delete("/{id}", status_code=204)
async def delete(id: UUID, access: Granted, request: Request) -> Response:
    """Forget a destination. Transfers that are under way go on."""
    at = services(request)
    at.directory.drop(await at.catalogue.delete(id, access.domain))
    return Response(status_code=204)


def _timezone(at: Services, access: Access, body: DestinationBody) -> str:
    """The time zone of the body's domain, which has to be one of ours and this token's."""
    access.check(body.domain_uuid)
    for domain in at.settings.domain:
        if domain.uuid == body.domain_uuid:
            return domain.timezone
    raise NoSuchDomain


def _kept(at: Services, row: dict[str, Any]) -> DestinationRow:
    at.directory.drop(row["domain_uuid"])
    return DestinationRow.model_validate(row)


def _brief(destination: Destination) -> dict[str, Any]:
    return {
        "id": destination.uuid, "name": destination.name, "department": destination.department,
        "destination_type": destination.type, "destination_number": destination.number,
    }  # fmt: skip
