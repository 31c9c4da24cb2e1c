"""What can go wrong on the event socket, as types.

    EslError
    ├── InvalidValue                a value would have changed the command's meaning; nothing was written
    ├── ProtocolError               the peer's bytes are not the event socket's; the connection is useless
    ├── CannotConnect               no connection to the PBX
    │   ├── AuthenticationFailed    it refused the password
    │   └── Rejected                it refused us by its access list, before any password
    ├── CommandRefused              the PBX answered `-ERR …` or `-USAGE …`; the connection is fine
    ├── EventsLost                  the connection ended while an event was waited for: it may have happened
    └── Undelivered                 a command got no answer; `stage` tells how far it came
        ├── NotSent                 it never reached the PBX: it may be sent again
        ├── Unconfirmed             it was written, no reply came: it may have been carried out
        └── Accepted                the PBX took the job; its result was lost or is late

A command is never sent again by this package: whether that is safe depends on the stage, and only the
owner of the call knows.
"""

from __future__ import annotations


class EslError(Exception):
    """Base of everything raised by `voiced.esl`."""


class InvalidValue(EslError, ValueError):
    """A value has characters that would change the meaning of a command. Nothing was written."""


class ProtocolError(EslError):
    """The bytes received cannot be event-socket frames. The connection has to be closed."""


class CannotConnect(EslError):
    """There is no connection to the PBX: nobody listens, it is unreachable, or it refuses us."""


class AuthenticationFailed(CannotConnect):
    """The PBX refused the password (`-ERR invalid`)."""


class Rejected(CannotConnect):
    """The PBX refused the connection by its access list (`text/rude-rejection`)."""


class CommandRefused(EslError):
    """The PBX answered `-ERR …` or `-USAGE …`. `reply` is its text, without the trailing newline."""

    def __init__(self, reply: str) -> None:
        super().__init__(reply)
        self.reply = reply


class EventsLost(EslError):
    """The connection ended, or a queue overflowed: events were missed. Ask the PBX what is so."""


class Undelivered(EslError):
    """A command got no answer, because the connection ended or a deadline passed."""

    stage = "unknown"


class NotSent(Undelivered):
    """The command was never written to the socket. Sending it again is safe."""

    stage = "not-sent"


class Unconfirmed(Undelivered):
    """The command was written and no reply came. It may have been carried out: ask the PBX."""

    stage = "unconfirmed"


class Accepted(Undelivered):
    """The PBX accepted the background job; its result was lost with the connection, or is late."""

    stage = "accepted"
