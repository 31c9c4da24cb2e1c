"""What a field of a request may hold. Text is such as PostgreSQL takes; what the PBX hears of is checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, GetCoreSchemaHandler, JsonValue
from pydantic_core import CoreSchema, core_schema

from voiced.callback import callback
from voiced.database import text
from voiced.esl import InvalidValue, values
from voiced.transfer import causes

DEEPEST: Final = 50  # lists and objects in one another


@dataclass(frozen=True, slots=True)
class OneOf:
    """Annotates text that is one of these names. /docs lists them where they are used."""

    names: type[StrEnum]

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.literal_schema([name.value for name in self.names])


def _storable(value: Any) -> Any:
    return text(value) if isinstance(value, str) else value


def _checked(check: Callable[[str], str]) -> AfterValidator:
    """One of `esl.values`' checks."""

    def validate(value: str) -> str:
        try:
            return check(value)
        except InvalidValue as error:
            raise ValueError(str(error)) from None

    return AfterValidator(validate)


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("this moment is outside of the calendar") from None


def _depth(value: JsonValue) -> int:
    below = list(value.values()) if isinstance(value, dict) else value
    return 1 + max(map(_depth, below), default=0) if isinstance(below, list) else 0


def _shallow(value: JsonValue) -> JsonValue:
    """What is nested too deeply could be kept, and not be shown again."""
    if _depth(value) > DEEPEST:
        raise ValueError("this is nested too deeply")
    return value


Storable = BeforeValidator(_storable)  # the last of a type's annotations comes first: limits are of the rest
Extension = Annotated[
    str, Field(max_length=32, description="As 1001, or maria.souza."), _checked(values.extension)
]
ExtensionOrEmpty = Annotated[
    str, Field(max_length=32), _checked(lambda value: values.extension(value) if value else "")
]
CallUuid = Annotated[
    str,
    Field(max_length=64, description="The caller's channel on the PBX."),
    _checked(values.channel_uuid),
]
Number = Annotated[
    str,
    Field(
        min_length=1,
        max_length=40,
        coerce_numbers_to_str=True,
        description="As +5511999990000, or as at home.",
    ),
    Storable,
]
NumberOrEmpty = Annotated[str, Field(max_length=40, coerce_numbers_to_str=True), Storable]
Ticket = Annotated[str, Field(min_length=1, max_length=200, coerce_numbers_to_str=True), Storable]
TicketOrEmpty = Annotated[str, Field(max_length=200, coerce_numbers_to_str=True), Storable]
Text = Annotated[str, Field(max_length=1000), Storable]
LongText = Annotated[str, Field(max_length=10_000), Storable]
Phrase = Annotated[str, Field(max_length=500), Storable]
TransferStatus = Annotated[str, OneOf(causes.Status)]
CallbackStatus = Annotated[str, OneOf(callback.Status)]
Transcript = Annotated[JsonValue, Field(description="Turns with roles, or text."), AfterValidator(_shallow)]
Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]

# -- of queries -------------------------------------------------------------------------------------------

Wait = Annotated[float, Query(ge=0, le=300, description="Seconds to wait for the result.")]
Page = Annotated[int, Query(ge=1, le=100_000)]
Limit = Annotated[int, Query(ge=1, le=200)]
CallUuidFilter = Annotated[str, Field(max_length=64), Storable]
AgentFilter = Annotated[
    str, Field(max_length=200, description="The agent's, or the name it was promised for."), Storable
]
Begin = Annotated[Moment | None, Query(alias="from", description="With a time zone; a + is %2B here.")]
End = Annotated[Moment | None, Query(alias="to", description="Up to this moment, without it.")]
