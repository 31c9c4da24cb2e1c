"""One message to the ticketing backend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Message:
    """What is posted where. Messages of one `stream` (a call, a ticket) arrive in the order they were put.

    `key` is the Idempotency-Key: the same key twice is one message. What is told of a callback (its id)
    gets the ticket's id when it is sent.
    """

    stream: str
    key: str
    path: str
    payload: dict[str, Any]
    callback_id: UUID | None = None

    def put(self) -> tuple[str, tuple[Any, ...]]:
        """The statement that puts it into the outbox, to be committed with what it tells of."""
        return "outbox/put", (self.stream, self.key, self.path, self.payload, self.callback_id)
