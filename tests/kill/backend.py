"""A ticketing backend that writes down every delivery: real HTTP on loopback."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import uvicorn

from voiced.app import QuietServer


@dataclass(frozen=True)
class Delivery:
    """One POST, as it came."""

    key: str
    path: str
    payload: dict[str, Any]

    @property
    def what(self) -> str:
        """`completed` or `ended`."""
        return self.path.rpartition("/")[2]


class Backend:
    """Accepts everything."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.url = ""
        config = uvicorn.Config(
            self._app, interface="asgi3", host="127.0.0.1", port=0, log_config=None, lifespan="off"
        )
        self._server = QuietServer(config)
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._serving = asyncio.create_task(self._server.serve())
        while not self._server.started:
            await asyncio.sleep(0.005)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"

    async def stop(self) -> None:
        assert self._serving is not None
        self._server.should_exit = self._server.force_exit = True
        await self._serving

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = dict(scope["headers"])
        key = headers.get(b"idempotency-key", b"").decode()
        self.deliveries.append(Delivery(key, scope["path"], json.loads(body)))
        start = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
        await send(start)
        await send({"type": "http.response.body", "body": b"{}"})
