"""Errors as the API tells them: {error, message, field?}, and nothing of our insides."""

from __future__ import annotations

from typing import Any, Final

import asyncpg
import structlog
from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from pydantic.alias_generators import to_snake
from starlette.exceptions import HTTPException

from voiced.database import is_away
from voiced.transfer.refusals import DatabaseIsAway, Refusal

log = structlog.get_logger(__name__)

# The HTTP status of each refusal, by its code.
_STATUS: Final = {
    "invalid": 422, "no_such_call": 404, "no_such_transfer": 404, "call_is_busy": 409, "has_ended": 409,
    "is_talking": 409, "pbx_is_away": 503, "database_is_away": 503, "no_such_domain": 422,
    "no_such_destination": 422, "unknown_destination": 404, "ambiguous": 409, "transfers_disabled": 403,
    "too_many_outside_calls": 429,
    "callbacks_disabled": 403, "bad_number": 422, "number_blocked": 422, "prefix_not_allowed": 422,
    "too_many_for_number": 429, "no_such_callback": 404, "no_such_attempt": 404, "callback_is_calling": 409,
    "callback_is_closed": 409, "attempt_under_way": 409, "agent_not_available": 409, "nobody_to_call": 422,
    "bad_time": 422,
}  # fmt: skip


class Problem(BaseModel):
    """Any error. Programs can rely on `error`, people read `message`."""

    error: str
    message: str
    field: str | None = None  # what of the request is wrong
    messages: dict[str, str] | None = None  # what an assistant may say of it, by language
    options: list[dict[str, Any]] | None = None  # whom it may offer instead


# What every operation may answer, for the API's description.
DOCUMENTED: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"model": Problem, "description": "The request is refused."},
    503: {"model": Problem, "description": "The PBX or the database is away: try again later."},
}


class ApiError(Exception):
    """An error with an HTTP status and a code that programs can rely on."""

    def __init__(
        self, status: int, code: str, message: str, field: str = "", more: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.field = status, code, message, field
        self._more = {name: value for name, value in (more or {}).items() if value}

    def response(self) -> JSONResponse:
        content: dict[str, Any] = {"error": self.code, "message": self.message, **self._more}
        if self.field:
            content["field"] = self.field
        headers = {"WWW-Authenticate": "Bearer"} if self.status == 401 else None
        return JSONResponse(jsonable_encoder(content), self.status, headers)


def install(app: FastAPI) -> None:
    """Answer every error of the app in this form."""

    async def api_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, ApiError)
        return error.response()

    async def refused(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Refusal)
        more = {"messages": error.messages, "options": error.options}
        return ApiError(_STATUS[error.code], error.code, str(error), error.field, more).response()

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"][1:] if first["type"] != "json_invalid")
        if first["type"] != "extra_forbidden":
            field = to_snake(field)  # however the request wrote it
        return ApiError(422, "invalid", first["msg"].removeprefix("Value error, "), field).response()

    async def http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        if error.status_code == 400:  # FastAPI's, for a body that no JSON reader takes: too deep, no UTF-8
            return ApiError(422, "invalid", "the body is no JSON that can be read").response()
        response = ApiError(error.status_code, "http", str(error.detail)).response()
        response.headers.update(error.headers or {})  # a 405 says what is allowed
        return response

    async def away(request: Request, error: Exception) -> JSONResponse:
        if not is_away(error):
            return await fault(request, error)
        log.warning("no database for a request", path=request.url.path, error=str(error) or repr(error))
        return await refused(request, DatabaseIsAway("the database does not answer; try again later"))

    async def fault(request: Request, error: Exception) -> JSONResponse:
        log.error("a request failed", method=request.method, path=request.url.path, exc_info=error)
        return ApiError(500, "internal", "something went wrong here; it is in the log").response()

    app.add_exception_handler(ApiError, api_error)
    app.add_exception_handler(Refusal, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    for kind in (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        app.add_exception_handler(kind, away)
    app.add_exception_handler(Exception, fault)
