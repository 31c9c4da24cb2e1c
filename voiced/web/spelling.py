"""Both spellings of names in requests: snake_case and camelCase, in bodies and in queries.

/docs shows snake_case, and camelCase for what the ticketing backend has always sent (`/api/voice/…`).
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from pydantic import AliasChoices, AliasGenerator, BaseModel, ConfigDict, model_validator
from pydantic.alias_generators import to_camel, to_snake
from starlette.types import ASGIApp, Receive, Scope, Send

_CAMEL_NAME: Final = re.compile(rb"(?:^|&)([a-z]+[A-Z][A-Za-z]*)=([^&]*)")


def snake(name: str) -> str:
    """`callUuid` as `call_uuid`."""
    return to_snake(name.replace("WhatsApp", "Whatsapp"))


def camel(name: str) -> str:
    """`call_uuid` as `callUuid`; WhatsApp keeps its capitals."""
    return to_camel(name).replace("Whatsapp", "WhatsApp")


def _snake_first(name: str) -> AliasChoices:
    return AliasChoices(name, camel(name), to_camel(name))


def _camel_first(name: str) -> AliasChoices:
    return AliasChoices(camel(name), name, to_camel(name))


SNAKE_FIRST: Final = AliasGenerator(alias=str, validation_alias=_snake_first, serialization_alias=str)


class Body(BaseModel):
    """The body of a request. A name that is not known is an error, and so is one in both spellings."""

    model_config = ConfigDict(alias_generator=SNAKE_FIRST, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _has_json_numbers(cls, data: Any) -> Any:
        """Python reads NaN and Infinity, which are no JSON: PostgreSQL takes neither."""
        if isinstance(data, dict):
            try:
                json.dumps(data, allow_nan=False)
            except ValueError:
                raise ValueError("NaN and numbers beyond all bounds are no JSON; leave them out") from None
        return data


class CamelBody(Body):
    """The same, shown in camelCase."""

    model_config = ConfigDict(alias_generator=AliasGenerator(alias=camel, validation_alias=_camel_first))


class QueryInBothSpellings:
    """ASGI: a name in camelCase in a query is there in snake_case, too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (found := _CAMEL_NAME.findall(scope["query_string"])):
            more = [snake(name.decode()).encode() + b"=" + value for name, value in found]
            scope = {**scope, "query_string": b"&".join([scope["query_string"], *more])}
        await self._app(scope, receive, send)
