"""The table of destinations: read, checked, changed. In FusionPBX's database, or in ours if there is none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, TypeVar
from uuid import UUID

import asyncpg

from voiced.database import page, query, text
from voiced.esl import InvalidValue
from voiced.hours import WorkingHours
from voiced.transfer.destination import Destination, FallbackAction
from voiced.transfer.refusals import CannotBeDialled, UnknownDestination
from voiced.transfer.request import DestinationType, Target

COLUMNS: Final = (
    "domain_uuid", "secretary_uuid", "name", "aliases", "destination_type", "destination_number",
    "destination_context", "gateway", "ring_timeout_seconds", "max_retries", "retry_delay_seconds",
    "fallback_action", "fallback_destination_uuid", "department", "role", "description", "working_hours",
    "priority", "is_default", "is_enabled", "screening", "announce",
)  # fmt: skip
_MOST_RIVALS: Final = 10  # who make a default at the same moment
_OUTSIDE: Final = re.compile(r"\+?[0-9]{3,20}")
_ANY_DOMAIN: Final = "domain"  # to check a dial string with, where the domain is not at fault
_E = TypeVar("_E", DestinationType, FallbackAction)


class Catalogue:
    """Destinations by id. `domain` limits what is seen and changed, None for all."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def list_them(
        self, domain: UUID | None, secretary: UUID | None, limit: int, offset: int
    ) -> tuple[list[dict[str, Any]], int]:
        """A page of destinations in the order of their priority, and how many there are."""
        rows, total = await page(self._pool, "destination/list", (domain, secretary), limit, offset)
        return [_shown(row) for row in rows], total

    async def get(self, id: UUID, domain: UUID | None) -> dict[str, Any]:
        """One destination. Raises UnknownDestination."""
        row = await self._pool.fetchrow(query("destination/get"), id, domain)
        if row is None:
            raise UnknownDestination
        return _shown(row)

    async def create(self, values: Mapping[str, Any], timezone: str) -> dict[str, Any]:
        """A new destination. Raises CannotBeDialled with the field that is wrong."""
        return await self._write("insert", values, timezone)

    async def change(
        self, id: UUID, domain: UUID | None, values: Mapping[str, Any], timezone: str
    ) -> dict[str, Any]:
        """Another content for a destination. Raises CannotBeDialled, UnknownDestination."""
        return await self._write("update", values, timezone, id, domain)

    async def delete(self, id: UUID, domain: UUID | None) -> UUID:
        """Forget a destination. Returns its domain. Raises UnknownDestination."""
        found: UUID | None = await self._pool.fetchval(query("destination/delete"), id, domain)
        if found is None:
            raise UnknownDestination
        return found

    async def _write(
        self, how: str, values: Mapping[str, Any], timezone: str, *which: UUID | None
    ) -> dict[str, Any]:
        """Check and write. A new default takes the place of the old one."""
        for _ in range(_MOST_RIVALS):
            with suppress(asyncpg.UniqueViolationError):  # another default was written at the same moment
                return await self._try_to_write(how, values, timezone, *which)
        raise CannotBeDialled("others make defaults at this moment; try again", field="is_default")

    async def _try_to_write(
        self, how: str, values: Mapping[str, Any], timezone: str, *which: UUID | None
    ) -> dict[str, Any]:
        destination = read(values, timezone)
        arguments = [_storable(values[column]) for column in COLUMNS]
        async with self._pool.acquire() as connection, connection.transaction():
            await self._check_next(connection, destination)
            if destination.is_default:
                await connection.execute(
                    query("destination/sole_default"), destination.domain_uuid, destination.secretary_uuid,
                    which[0] if which else None,
                )  # fmt: skip
            row = await connection.fetchrow(query(f"destination/{how}"), *arguments, *which)
            if row is None:
                raise UnknownDestination
        return _shown(row)

    async def _check_next(self, connection: Any, destination: Destination) -> None:
        """The destination that follows has to be of the same domain."""
        following = destination.fallback_destination_uuid
        if following is not None:
            row = await connection.fetchrow(query("destination/get"), following, destination.domain_uuid)
            if row is None:
                raise CannotBeDialled("the domain has no such destination", field="fallback_destination_uuid")


def read(row: Mapping[str, Any], timezone: str) -> Destination:
    """A row as a destination, in the domain's time zone. Raises CannotBeDialled with the column at fault."""
    aliases = row["aliases"] or []
    if not isinstance(aliases, list) or not all(isinstance(alias, str) for alias in aliases):
        raise CannotBeDialled("a list of texts is needed", field="aliases")
    hours = row["working_hours"] or {}
    try:
        opening = WorkingHours.parse(hours, timezone) if isinstance(hours, dict) else None
    except ValueError as error:
        raise CannotBeDialled(str(error), field="working_hours") from None
    if not isinstance(hours, dict):
        raise CannotBeDialled("an object is needed", field="working_hours")
    fallback = _member(FallbackAction, row, "fallback_action", FallbackAction.ASSISTANT)
    if fallback is FallbackAction.NEXT and row["fallback_destination_uuid"] is None:
        raise CannotBeDialled("`next` needs a destination", field="fallback_destination_uuid")
    destination = Destination(
        uuid=row.get("transfer_destination_uuid"), domain_uuid=row["domain_uuid"], name=row["name"],
        type=_member(DestinationType, row, "destination_type", DestinationType.EXTENSION),
        number=row["destination_number"], secretary_uuid=row["secretary_uuid"], aliases=tuple(aliases),
        context=row["destination_context"] or "", gateway=row["gateway"] or "",
        ring_timeout_seconds=row["ring_timeout_seconds"], max_retries=row["max_retries"],
        retry_delay_seconds=row["retry_delay_seconds"], fallback_action=fallback,
        fallback_destination_uuid=row["fallback_destination_uuid"], department=row["department"] or "",
        role=row["role"] or "", description=row["description"] or "", working_hours=opening,
        priority=100 if row["priority"] is None else row["priority"], is_default=bool(row["is_default"]),
        is_enabled=row["is_enabled"] is not False, screening=bool(row["screening"]), announce=row["announce"],
    )  # fmt: skip
    _check_dialling(destination)
    return destination


def _member(kind: type[_E], row: Mapping[str, Any], column: str, default: _E) -> _E:
    try:
        return kind(row[column]) if row[column] else default
    except ValueError:
        known = ", ".join(kind)
        raise CannotBeDialled(
            f"one of {known} is needed, not {str(row[column])[:30]!r}", field=column
        ) from None


def _check_dialling(destination: Destination) -> None:
    """Whether a dial string can be made of it: what is wrong is told before anybody calls."""
    number, kind = destination.number, destination.type
    if kind is DestinationType.EXTERNAL and not _OUTSIDE.fullmatch(number):
        raise CannotBeDialled(
            f"{number[:60]!r} is no number: digits, with or without +", field="destination_number"
        )
    for column, context, gateway in (
        ("destination_number", "", ""),
        ("destination_context", destination.context, ""),
        ("gateway", destination.context, destination.gateway),
    ):
        target = Target("", kind, number, _ANY_DOMAIN, context=context, gateway=gateway or "default")
        try:
            target.endpoint()
        except InvalidValue as error:
            raise CannotBeDialled(str(error), field=column) from None


def _storable(value: Any) -> Any:
    return text(value) if isinstance(value, str) else value


def _shown(row: Any) -> dict[str, Any]:
    shown = {name: value for name, value in dict(row).items() if name != "total"}
    return {"id": shown.pop("transfer_destination_uuid"), **shown}
