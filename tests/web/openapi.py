"""The API as its own description tells it: every operation, a good request for it, and its text fields.

An operation that is added to the API is in here by itself. What a good request says in a field of some name
stands in `GOOD`; for everything else the description's types are enough.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

from tests.conftest import DOMAIN
from voiced.settings import Settings
from voiced.web.app import create

STREAMS = ("/api/events",)  # never end, and take nothing
GOOD: dict[str, Any] = {
    "domain_uuid": str(DOMAIN),
    "destination": "1001",
    "extension": "1001",
    "number": "1001",
    "destination_number": "1001",
    "client_number": "+5511999990000",
    "wait": 5,
}
"""Values of good requests, by the field's name."""


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document of the application."""
    app = create(cast(Any, SimpleNamespace(settings=Settings())))
    found: dict[str, Any] = app.openapi()
    return found


@dataclass(frozen=True)
class Operation:
    """One operation. A request of it is three mappings: of the path, the query, and the body."""

    method: str
    path: str
    node: dict[str, Any] = field(repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"

    @property
    def is_open(self) -> bool:
        """Whether it needs no token."""
        return not self.node.get("security")

    def request(self, values: Mapping[str, Any]) -> Request:
        """A good request: `values`, by name, before GOOD, before what the types say."""
        values = {**GOOD, **values}
        places: dict[str, dict[str, Any]] = {"path": {}, "query": {}}
        for parameter in self.node.get("parameters", ()):
            name = parameter["name"]
            if parameter["in"] in places and (parameter["required"] or name in values):
                places[parameter["in"]][name] = _example(parameter["schema"], values, name)
        body = _example(self._body(), values) if self._body() else None
        return Request(self, places["path"], places["query"], body)

    def text_fields(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Where text can be put: `path`, `query` or `body`, and the way to the field there."""
        for parameter in self.node.get("parameters", ()):
            where = parameter["in"]
            if where == "path" or (where == "query" and _takes(parameter["schema"], "string")):
                yield parameter["in"], (parameter["name"],)
        if self._body():
            for way in dict.fromkeys(_texts(self._body())):
                yield "body", way

    def _body(self) -> dict[str, Any]:
        content = self.node.get("requestBody", {}).get("content", {})
        found: dict[str, Any] = content.get("application/json", {}).get("schema", {})
        return found


@dataclass
class Request:
    """A request that can be sent, and changed before."""

    operation: Operation
    path: dict[str, Any]
    query: dict[str, Any]
    body: Any

    def but(self, place: str, way: tuple[str, ...], value: Any) -> Request:
        """The same, with something else in one field ('*' on the way is a list's only item)."""
        other = copy.deepcopy(self)
        at = getattr(other, place)
        for step, below in pairwise(way):
            if step == "*":
                at = at[0]
                continue
            if not isinstance(at.get(step), list if below == "*" else dict):
                at[step] = [None] if below == "*" else {}
            if below == "*" and at[step][:1] in ([], [None]):
                at[step] = [{} if way[-1] != "*" else None]
            at = at[step]
        if way[-1] == "*":
            at[0] = value
        else:
            at[way[-1]] = value
        return other


@cache
def operations() -> tuple[Operation, ...]:
    """Every operation but endless streams."""
    return tuple(
        Operation(method, path, node)
        for path, methods in document()["paths"].items()
        if path not in STREAMS
        for method, node in methods.items()
    )


def snake(name: str) -> str:
    """`callUuid` as `call_uuid`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


# -- schemas ----------------------------------------------------------------------------------------------


def _plain(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The schemas that it may be, references followed."""
    if "$ref" in schema:
        return _plain(document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if choices := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
        return [plain for choice in choices for plain in _plain(choice)]
    return [schema]


def _takes(schema: dict[str, Any], kind: str) -> bool:
    return any(plain.get("type") == kind for plain in _plain(schema))


def _example(schema: dict[str, Any], values: Mapping[str, Any], name: str = "") -> Any:
    if snake(name) in values:
        return values[snake(name)]
    plain = _plain(schema)[0]
    if "default" in schema:
        return schema["default"]
    if "enum" in plain or "const" in plain:
        return plain.get("const", plain.get("enum", [None])[0])
    match plain.get("type"):
        case "object":
            required = plain.get("required", ())
            return {
                key: _example(below, values, key)
                for key, below in plain.get("properties", {}).items()
                if key in required or snake(key) in values
            }
        case "array":
            return [_example(plain["items"], values, name)] * plain.get("minItems", 0)
        case "integer" | "number":
            return plain.get("minimum", plain.get("exclusiveMinimum", 0) + 1)
        case "boolean":
            return True
        case "string" if plain.get("format") == "uuid":
            return "99999999-9999-4999-8999-999999999999"
        case "string" if plain.get("format") == "date-time":
            return "2030-01-02T12:00:00Z"
        case "string" if plain.get("format") == "date":
            return "2030-01-02"
        case "string":
            return "text".ljust(plain.get("minLength", 0), "x")
    return None


def _texts(schema: dict[str, Any], way: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The ways to all text in a body; '*' for the items of a list."""
    if len(way) > 6:
        return
    for plain in _plain(schema):
        match plain.get("type"):
            case "string" if way and "enum" not in plain and "const" not in plain:
                yield way
            case "object":
                for key, below in plain.get("properties", {}).items():
                    yield from _texts(below, (*way, key))
            case "array":
                yield from _texts(plain.get("items", {}), (*way, "*"))
