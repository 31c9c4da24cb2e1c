"""One message to the ticketing backend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Message:
    """What is posted where. Messages of one `stream` (a call, a ticket) arrive in the order they were put.

    `key` is the Idempotency-Key: the same key twice is one message.
    """

    stream: str
    key: str
    path: str
    payload: dict[str, Any]

    def put(self) -> tuple[str, tuple[Any, ...]]:
        """The statement that puts it into the outbox, to be committed with what it tells of."""
        return "outbox/put", (self.stream, self.key, self.path, self.payload)
