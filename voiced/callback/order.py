"""What was asked for: everything about an attempt that does not change while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from voiced.callback.outcome import Side
from voiced.esl import InvalidValue, commands, values


@dataclass(frozen=True, slots=True)
class Order:
    """A call between an agent and a client, wanted now."""

    id: UUID
    pbx: str
    domain_uuid: UUID
    domain: str  # its name
    extension: str
    number: str  # of the client, E.164
    gateway: str
    story_id: UUID
    callback_id: UUID | None = None
    ticket_id: str = ""
    contact_name: str = ""
    reason: str = ""
    caller_id: str = ""  # shown to the client
    locale: str = "pt-BR"
    first: Side = Side.AGENT
    client_confirms: bool = False
    announce: bool = True
    recording: str = ""  # the file on the PBX; '' for none
    ring_seconds: float = 30.0
    connect_seconds: float = 60.0
    rest_seconds: float = 60.0  # for an agent who has refused or missed the call
    retries: bool = True  # False: whoever asked for the call retries by itself
    call_until: datetime | None = None  # the client is not dialled then or later; None: at any hour
    named_ticket: str = ""  # told to us after the call was asked for (`monitor`)

    @property
    def ticket(self) -> str:
        """The ticket that results name; '' for none."""
        return self.ticket_id or self.named_ticket

    def variables(self) -> dict[str, str]:
        """For every leg: `ticket_id`, unless it cannot stand in a dial string."""
        try:
            values.dial_variable(self.ticket_id)
        except InvalidValue:
            return {}
        return {"ticket_id": self.ticket_id} if self.ticket_id else {}

    def endpoint(self, side: Side) -> str:
        """The endpoint of a dial string. Raises InvalidValue for what cannot be dialled."""
        if side is Side.AGENT:
            return commands.user(self.extension, self.domain)
        return commands.via_gateway(self.gateway, self.number.removeprefix("+"))

    def mark(self, side: Side) -> str:
        """The mark of a side's legs."""
        return f"{self.id}.{side}"


def side_of(mark: str) -> Side | None:
    """The side that a mark belongs to; None for a mark that is not a callback's."""
    name = mark.rpartition(".")[2]
    return Side(name) if name in (Side.AGENT, Side.CLIENT) else None
