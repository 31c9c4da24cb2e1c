"""Errors as the API tells them: {error, message, field?}, and nothing of our insides."""

from __future__ import annotations

from typing import Any, Final

import asyncpg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic.alias_generators import to_snake
from starlette.exceptions import HTTPException

from voiced.database import is_away
from voiced.transfer.refusals import DatabaseIsAway, Refusal

log = structlog.get_logger(__name__)

# The HTTP status of each refusal, by its code.
_STATUS: Final = {
    "invalid": 422, "no_such_call": 404, "no_such_transfer": 404, "call_is_busy": 409, "has_ended": 409,
    "is_talking": 409, "pbx_is_away": 503, "database_is_away": 503,
}  # fmt: skip


class ApiError(Exception):
    """An error with an HTTP status and a code that programs can rely on."""

    def __init__(self, status: int, code: str, message: str, field: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.field = status, code, message, field

    def response(self) -> JSONResponse:
        content: dict[str, Any] = {"error": self.code, "message": self.message}
        if self.field:
            content["field"] = self.field
        headers = {"WWW-Authenticate": "Bearer"} if self.status == 401 else None
        return JSONResponse(content, self.status, headers)


def install(app: FastAPI) -> None:
    """Answer every error of the app in this form."""

    async def api_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, ApiError)
        return error.response()

    async def refused(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Refusal)
        return ApiError(_STATUS[error.code], error.code, str(error), error.field).response()

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"][1:] if first["type"] != "json_invalid")
        if first["type"] != "extra_forbidden":
            field = to_snake(field)  # however the request wrote it
        return ApiError(422, "invalid", first["msg"].removeprefix("Value error, "), field).response()

    async def http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
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
