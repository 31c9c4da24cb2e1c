"""Commands as the event socket's server reads them, cut at CR or LF; and its replies as it writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .wire import to_bytes, to_text

_END = re.compile(rb"\n\r*\n")
MAX_CONTENT = 10 * 1024 * 1024


class TooLong(ValueError):
    """A Content-Length out of range, which ends the connection."""


@dataclass
class Command:
    """The first line, the headers after it, and the body."""

    line: str
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""

    def get(self, name: str) -> str | None:
        """A header in any case."""
        for key, value in self.headers.items():
            if key.lower() == name:
                return value
        return None


class CommandReader:
    """Bytes in, commands out."""

    def __init__(self) -> None:
        self._buffer = b""
        self._waiting: Command | None = None
        self._needed = 0

    @property
    def partial(self) -> bool:
        """Whether a command is half read: the server sends no event meanwhile."""
        return bool(self._buffer) or self._waiting is not None

    def feed(self, data: bytes) -> list[Command]:
        """Take bytes; returns the commands that are complete. Raises TooLong."""
        self._buffer += data
        commands: list[Command] = []
        while True:
            if self._waiting is not None:
                if len(self._buffer) < self._needed:
                    return commands
                self._waiting.body = to_text(self._buffer[: self._needed])
                self._buffer = self._buffer[self._needed :]
                commands.append(self._waiting)
                self._waiting = None
            self._buffer = self._buffer.lstrip(b"\r\n")
            end = _END.search(self._buffer)
            if end is None:
                return commands
            command, length = _parse(self._buffer[: end.start()])
            self._buffer = self._buffer[end.end() :]
            if length:
                self._waiting, self._needed = command, length
            else:
                commands.append(command)


def _parse(raw: bytes) -> tuple[Command, int]:
    first, *rest = re.split(r"[\r\n]+", to_text(raw))
    command = Command(first)
    length = 0
    for header in rest:
        name, colon, value = header.partition(":")
        if not colon:
            continue
        value = value.lstrip(" ")
        if value or name.lower() != "execute-app-arg":
            command.headers.setdefault(name, value)
        if name.lower() == "content-length":
            length = int(value) if value.isdigit() else 0
            if length > MAX_CONTENT:
                raise TooLong(header)
    return command, length


def reply(text: str) -> str:
    """A command's reply, which is cut at 511 characters; what is not known is refused."""
    return f"Content-Type: command/reply\nReply-Text: {(text or '-ERR command not found')[:511]}\n\n"


def api_response(text: str) -> str:
    """What an `api` command has to say."""
    text = text or "-ERR no reply\n"
    return f"Content-Type: api/response\nContent-Length: {len(to_bytes(text))}\n\n{text}"
