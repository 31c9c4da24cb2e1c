"""The ports that a daemon listens on, taken before anything else is started."""

from __future__ import annotations

import errno
import os
import socket


class CannotStart(Exception):
    """The daemon cannot start; the message is one line that says why and what to do."""


def take(setting: str, address: str, advice: str) -> socket.socket:
    """A socket bound to the `HOST:PORT` of a setting, which does not listen yet.

    Raises CannotStart where the port is taken (with this advice) or the host is no address of this machine.
    """
    host, _, port = address.rpartition(":")
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        taken = socket.socket(family, kind, protocol)
        try:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(where)
        except OSError:
            taken.close()
            raise
    except (OSError, UnicodeError) as error:
        is_taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        hint = advice if is_taken else f"check {setting}"
        raise CannotStart(f"{setting} {address}: {why(error)}; {hint}") from error
    # asyncio sets it on sockets of its own only; without it every answer waits 40 ms for a delayed ACK
    taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
    return taken


def why(error: Exception) -> str:
    """Why an address cannot be listened on, without asyncio's repetition of it."""
    number = getattr(error, "errno", None)
    if isinstance(error, socket.gaierror) or not number or number < 0:
        return str(getattr(error, "strerror", None) or error)
    return os.strerror(number)
