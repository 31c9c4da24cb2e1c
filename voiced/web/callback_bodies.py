"""What requests about callbacks say: in their own words, by ticket, and orders to call."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from voiced.callback.calls import CallWanted
from voiced.callback.maker import Wanted
from voiced.web.fields import (
    ExtensionOrEmpty,
    LongText,
    Moment,
    Number,
    NumberOrEmpty,
    Text,
    Ticket,
    TicketOrEmpty,
    Transcript,
)
from voiced.web.spelling import Body, CamelBody

Seconds = Annotated[float, Field(ge=0, le=60 * 60 * 24)]
Minutes = Annotated[float, Field(gt=0, le=60 * 24 * 366)]

# -- promises ---------------------------------------------------------------------------------------------


class CallbackRequest(Body):
    """A call that is to be promised."""

    domain_uuid: UUID
    number: Number
    contact_name: Text = ""
    extension: ExtensionOrEmpty = Field("", description="The agent; '' for anybody of the department.")
    intended_for: Text = Field("", description="The agent's name.")
    department: Text = ""
    reason: Text = ""
    summary: LongText = ""
    transcript: Transcript = None
    scheduled_at: Moment | None = Field(None, description="Not before; null for as soon as possible.")
    notify_via_whatsapp: bool = False
    secretary_uuid: UUID | None = None
    ticket_id: TicketOrEmpty = Field("", description="A ticket that exists already: none is made then.")
    story_id: UUID | None = None
    call_uuid: str = Field("", max_length=64, description="The call in which it was promised.")
    call_date: Moment | None = Field(None, description="When that call began.")
    call_seconds: Seconds | None = Field(None, description="How long it was, or is by now.")
    has_recording: bool = Field(False, description="Whether that call was recorded.")

    def wanted(self) -> Wanted:
        """As the keeper takes it."""
        return Wanted(
            self.domain_uuid, "", self.number, contact_name=self.contact_name, extension=self.extension,
            intended_for=self.intended_for, department=self.department, reason=self.reason,
            summary=self.summary, transcript=self.transcript, scheduled_at=self.scheduled_at,
            notify_via_whatsapp=self.notify_via_whatsapp, secretary_uuid=self.secretary_uuid,
            ticket_id=self.ticket_id, story_id=self.story_id, voice_call_uuid=self.call_uuid,
            voice_call_date=self.call_date, voice_call_seconds=self.call_seconds,
            voice_call_recorded=self.has_recording,
        )  # fmt: skip


class Yes(Body):
    """A caller's yes to the callback that a failed transfer offered."""

    number: NumberOrEmpty = Field("", description="'' for the number that they called with.")
    scheduled_at: Moment | None = None
    notify_via_whatsapp: bool = False
    department: Text = ""
    intended_for: Text = ""
    call_seconds: Seconds | None = Field(None, description="How long the call is by now.")
    has_recording: bool = Field(False, description="Whether the call is recorded.")


class WhoTakesIt(Body):
    """Which extension takes the call; '' for the one it was promised for."""

    extension: ExtensionOrEmpty = ""


class Snooze(Body):
    """How long."""

    minutes: Minutes


class Reassign(Body):
    """To whom: an extension, or anybody of a department."""

    extension: ExtensionOrEmpty = ""
    department: Text = ""
    intended_for: Text = ""


# -- the same by ticket -----------------------------------------------------------------------------------


class OfTicket(CamelBody):
    """A ticket."""

    ticket_id: Ticket


class InitiateTicket(OfTicket):
    """The ticket's callback is called now; a ticket that has none needs the rest."""

    extension: ExtensionOrEmpty = ""
    client_number: NumberOrEmpty = ""
    domain_uuid: UUID | None = None
    reason: Text = ""


class AcceptTicket(OfTicket):
    """A ticket's callback, and which extension takes it; '' for the one it was promised for."""

    extension: ExtensionOrEmpty = ""


class SnoozeTicket(OfTicket):
    """A ticket's callback, and how long."""

    minutes: Minutes


# -- calls ------------------------------------------------------------------------------------------------


class Originate(Body):
    """A call that is wanted now."""

    extension: ExtensionOrEmpty = Field("", description="The agent; '' for the one of the client's callback.")
    client_number: Number
    domain_uuid: UUID
    callback_id: UUID | None = Field(None, description="Null: the ticket's, or else the number's open one.")
    ticket_id: TicketOrEmpty = ""
    reason: Text = ""
    contact_name: Text = ""

    def wanted(self) -> CallWanted:
        """As the desk takes it."""
        return CallWanted(
            self.extension, self.client_number, self.callback_id, self.ticket_id, self.reason,
            self.contact_name,
        )  # fmt: skip


class Monitor(Body):
    """A call that was placed."""

    call_uuid: UUID
    ticket_id: TicketOrEmpty = ""
