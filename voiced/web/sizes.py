"""ASGI: a body that is larger than any that makes sense is refused, and not kept in memory first."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from voiced.web.errors import ApiError

LARGEST_BODY: Final = 2 * 1024 * 1024  # bytes: the transcript of a long call has some hundred thousand


class BodiesOfSaneSize:
    """Answers 413 to the others."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"]) if scope["type"] == "http" else {}
        if b"content-length" in headers:
            is_sane = int(headers[b"content-length"]) <= LARGEST_BODY  # uvicorn checks it
        elif b"transfer-encoding" in headers:
            receive, is_sane = await _gathered(receive)
        else:
            is_sane = True
        if is_sane:
            await self._app(scope, receive, send)
        else:
            error = ApiError(413, "too_large", f"a body may have {LARGEST_BODY} bytes")
            await error.response()(scope, receive, send)


async def _gathered(receive: Receive) -> tuple[Receive, bool]:
    """What comes in pieces, to be received again; False where it is too much."""
    messages: list[Message] = []
    size, more = 0, True
    while more and size <= LARGEST_BODY:
        messages.append(await receive())
        size += len(messages[-1].get("body", b""))
        more = messages[-1].get("more_body", False)
    messages.reverse()

    async def again() -> Message:
        return messages.pop() if messages else await receive()

    return again, size <= LARGEST_BODY
