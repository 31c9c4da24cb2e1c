"""Answers that /docs describes by a model, and that are written as they are.

Answers are dicts made of our own rows, and are not validated again on their way out; the tests hold them to
their descriptions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True, slots=True)
class Like:
    """Annotates a type that /docs describes as this model."""

    model: type[BaseModel]

    def __get_pydantic_core_schema__(self, _: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(
            lambda value, _: value,
            handler.generate_schema(self.model),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda value: value),
        )


class Listed(BaseModel):
    """A page of a list."""

    total: int = Field(description="On all pages.")
    page: int = Field(description="From 1.")


class Line(BaseModel):
    """A line of a journal."""

    seq: int
    at: datetime
    fact: str
    detail: dict[str, Any]
