"""The event socket of FreeSWITCH for asyncio programs.

    async with voiced.esl.connect("127.0.0.1", 8021, "ClueCon") as pbx:
        print((await pbx.api("status")).text)

`docs/esl.md` has the whole of it on one page.
"""

from voiced.esl.client import Client, connect
from voiced.esl.commands import Command
from voiced.esl.errors import (
    Accepted,
    AuthenticationFailed,
    CannotConnect,
    CommandRefused,
    EslError,
    EventsLost,
    InvalidValue,
    NotSent,
    ProtocolError,
    Rejected,
    Unconfirmed,
    Undelivered,
)
from voiced.esl.event import Event
from voiced.esl.job import Job
from voiced.esl.places import Handle
from voiced.esl.protocol import LogLine, Reply
from voiced.esl.queue import EventQueue
from voiced.esl.server import OutboundServer, Session

__all__ = [
    "Accepted",
    "AuthenticationFailed",
    "CannotConnect",
    "Client",
    "Command",
    "CommandRefused",
    "EslError",
    "Event",
    "EventQueue",
    "EventsLost",
    "Handle",
    "InvalidValue",
    "Job",
    "LogLine",
    "NotSent",
    "OutboundServer",
    "ProtocolError",
    "Rejected",
    "Reply",
    "Session",
    "Unconfirmed",
    "Undelivered",
    "connect",
]
