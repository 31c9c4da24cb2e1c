"""A ticketing backend small enough to read: it takes what voiced posts, and shows it."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Callable
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

SHOWN: Final = (
    "ticketId", "status", "outcome", "cause", "endedBy", "talkSeconds", "durationSeconds", "offerCallback",
)  # fmt: skip
_MAKE_TICKET: Final = "/api/voice/callback"


class Backend:
    """Receives results. `app` is served; `on_message(path, payload)` hears each new one."""

    def __init__(self, on_message: Callable[[str, dict[str, Any]], object]) -> None:
        self.received: list[dict[str, Any]] = []
        self._answers: dict[str, dict[str, Any]] = {}  # by Idempotency-Key
        self._tickets = 0
        self._on_message = on_message
        self._changed = asyncio.Condition()
        self.app = FastAPI(title="A small ticketing backend", docs_url=None, redoc_url=None)
        self.app.add_api_route("/", self._page, response_class=HTMLResponse)
        self.app.add_api_route("/received", self._received)
        self.app.add_api_route("/api/voice/{what:path}", self._take, methods=["POST"])

    async def until(self, count: int) -> None:
        """Wait until so many messages have come."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.received) >= count)

    async def until_told(self, outcome: str) -> None:
        """Wait until a callback has come to this."""
        async with self._changed:
            await self._changed.wait_for(
                lambda: any(message["payload"].get("outcome") == outcome for message in self.received)
            )

    async def _take(self, what: str, request: Request) -> dict[str, Any]:
        key = request.headers.get("Idempotency-Key", "")
        path = f"/api/voice/{what}"
        if key not in self._answers:  # a repeated delivery is one message
            answer: dict[str, Any] = {"success": True}
            self._answers[key] = answer
            payload = await request.json()
            if path == _MAKE_TICKET:
                self._tickets += 1
                answer |= {"ticketId": f"T-{self._tickets}", "ticketUuid": key}
            self.received.append({"path": path, "key": key, "payload": payload})
            self._on_message(path, payload | answer)
            async with self._changed:
                self._changed.notify_all()
        return self._answers[key]

    async def _received(self) -> list[dict[str, Any]]:
        return self.received

    async def _page(self) -> str:
        def cells(*values: Any) -> str:
            return "<tr>" + "".join(f"<td>{html.escape(str(value))}</td>" for value in values) + "</tr>"

        rows = "".join(
            cells(number, message["path"], *(message["payload"].get(name, "") for name in SHOWN))
            for number, message in enumerate(self.received, 1)
        )
        return (
            "<!doctype html><html lang='en'><meta charset='utf-8'><title>Tickets</title>"
            "<style>body{font:16px/1.5 system-ui;margin:2rem;max-width:60rem}table{border-collapse:collapse}"
            "td,th{padding:.4rem 1rem;border-bottom:1px solid #ccc;text-align:left}</style>"
            "<h1>What the ticketing backend has received</h1><table><tr><th>#</th><th>path</th>"
            f"{''.join(f'<th>{name}</th>' for name in SHOWN)}</tr>{rows}</table>"
        )
