"""Errors as the API tells them: {error, message, field?}, and nothing of our insides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from voiced.database import ERRORS, is_away
from voiced.logs import brief
from voiced.refusals import DatabaseIsAway, Refusal
from voiced.web.spelling import snake

log = structlog.get_logger(__name__)

_CODES: Final = {
    403: ("transfers_disabled", "callbacks_disabled"),
    404: (
        "no_such_call", "no_such_transfer", "unknown_destination", "no_such_callback", "no_such_attempt",
        "no_such_company",
    ),
    409: (
        "call_is_busy", "has_ended", "is_talking", "ambiguous", "callback_is_calling", "callback_is_closed",
        "attempt_under_way", "agent_not_available", "no_callback_offered", "already_completed",
        "number_mismatch", "too_many_tickets",
        "refused",  # by a daemon of another version, with a code that is not known here
    ),
    422: (
        "invalid", "no_such_domain", "no_such_destination", "bad_number", "number_blocked",
        "prefix_not_allowed", "costly_number", "nobody_to_call", "bad_time",
    ),
    429: ("too_many_outside_calls", "too_many_for_number"),
    503: ("pbx_is_away", "database_is_away"),
}  # fmt: skip
STATUS: Final = {code: status for status, codes in _CODES.items() for code in codes}
"""The HTTP status of each refusal, by its code."""

_NO_BODY: Final = "a JSON object is needed as the body, with the header Content-Type: application/json"
_EXAMPLE: Final = "as in 2026-01-31T08:00:00-03:00"
_IN_OUR_WORDS: Final = {  # of what pydantic says, by its name for the error
    "extra_forbidden": "there is no such field, or it is there in its other spelling too; /docs has them all",
    "timezone_aware": f"a time zone is needed, {_EXAMPLE}",
    "datetime_from_date_parsing": f"this is no moment, {_EXAMPLE} (in a query a + is %2B)",
    "datetime_parsing": f"this is no moment, {_EXAMPLE} (in a query a + is %2B)",
    "recursion_depth_exceeded": "this is nested too deeply",
}


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


def as_refusal(error: Exception) -> Refusal | None:
    """The refusal that an error is, or comes to where the database is away; None for a fault of ours."""
    if isinstance(error, Refusal):
        return error
    return DatabaseIsAway("the database does not answer; try again later") if is_away(error) else None


def install(app: FastAPI) -> None:
    """Answer every error of the app in this form."""

    async def api_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, ApiError)
        return error.response()

    async def refused(request: Request, error: Exception) -> JSONResponse:
        refusal = as_refusal(error)
        if refusal is None:
            return await fault(request, error)
        if refusal is not error:
            log.warning("no database for a request", path=request.url.path, error=brief(error))
        more = {"messages": refusal.messages, "options": refusal.options}
        status = STATUS[refusal.code]
        return ApiError(status, refusal.code, str(refusal), refusal.field, more).response()

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        message, field = _told(error.errors()[0])
        return ApiError(422, "invalid", message, field).response()

    async def http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        if error.status_code == 400:  # FastAPI's, for a body that no JSON reader takes: too deep, no UTF-8
            return ApiError(422, "invalid", "the body is no JSON that can be read").response()
        text, headers = str(error.detail), error.headers or {}
        if error.status_code == 404:
            text = "there is nothing at this path; /docs has all there are"
        elif error.status_code == 405:
            text = "this path does not take this method; /docs has those it takes"
        response = ApiError(error.status_code, "http", text).response()
        response.headers.update(headers)
        return response

    async def fault(request: Request, error: Exception) -> JSONResponse:
        log.error("a request failed", method=request.method, path=request.url.path, exc_info=error)
        return ApiError(500, "internal", "something went wrong here; it is in the log").response()

    app.add_exception_handler(ApiError, api_error)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    for kind in (Refusal, *ERRORS):
        app.add_exception_handler(kind, refused)
    app.add_exception_handler(Exception, fault)


def _told(first: Mapping[str, Any]) -> tuple[str, str]:
    """What is wrong, and in which field: of the first of FastAPI's errors about a request."""
    kind, place = first["type"], first["loc"][1:]
    if kind == "json_invalid":
        return f"the body is no JSON: {first['ctx']['error']}", ""
    if first["loc"] == ("body",) and kind != "value_error":
        return _NO_BODY, ""
    message = _IN_OUR_WORDS.get(kind, first["msg"].removeprefix("Value error, "))
    if kind == "recursion_depth_exceeded":
        place = place[:1]
    return message, snake(".".join(map(str, place)))  # however the request wrote it
