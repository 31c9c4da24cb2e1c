"""The line of replies: one thread of the PBX answers in order, so a reply is for the oldest open command.

Who gives up leaves its place in the line, and its late reply is dropped there. But FreeSWITCH can also leave
a command without any reply (`api`, where it cannot get the listener's lock), and then every later reply would
go to the command before, for ever. That shows in a reply that cannot be the one to its command, at the
latest in that to a mark, which is set behind each command that was given up: the line is broken then, and
with it the connection.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from voiced.esl.commands import Command, api
from voiced.esl.errors import EslError, ProtocolError, Unconfirmed
from voiced.esl.protocol import Reply
from voiced.esl.stats import Stats


@dataclass(slots=True, frozen=True)
class _Open:
    """A command that was written, and who waits for its reply."""

    command: Command
    reply: asyncio.Future[Reply]
    since: float = field(default_factory=time.perf_counter)


class Replies:
    """Who waits for a reply, oldest first."""

    def __init__(self, stats: Stats) -> None:
        self._stats = stats
        self._line: deque[_Open] = deque()
        self._marks: dict[str, Command] = {}  # what the PBX will answer → the mark that asks for it

    def expect(self, command: Command, reply: asyncio.Future[Reply]) -> None:
        """The command has been written just now."""
        self._line.append(_Open(command, reply))

    def mark(self) -> Command:
        """A command to write behind one that was given up: its answer stands for itself alone."""
        word = f"mark-{uuid.uuid4().hex}"
        self._marks[word] = command = api(f"echo {word}")
        return command

    def take(self, reply: Reply) -> None:
        """Give a reply to the oldest command. Raises ProtocolError where it cannot be its reply."""
        if not self._line:
            raise ProtocolError(f"a reply to no command: {reply.text[:60]!r}")
        oldest = self._line[0]
        marked = self._marks.pop(reply.text, oldest.command)
        if marked is not oldest.command or not _may_answer(reply, oldest.command):
            raise ProtocolError(f"a reply was lost: {reply.text[:60]!r} does not answer {oldest.command!r}")
        self._line.popleft()
        if not oldest.reply.done():  # else it was given up, and this reply is nobody's
            self._stats.command("ok" if reply.ok else "refused", time.perf_counter() - oldest.since)
            oldest.reply.set_result(reply)

    def end(self, reason: EslError) -> None:
        """No more replies will come: everybody who waits is told."""
        line, self._line = self._line, deque()
        for each in line:
            if not each.reply.done():
                self._stats.command("lost")
                fail(each.reply, Unconfirmed(f"{reason}; the command may have been carried out"))


def _may_answer(reply: Reply, command: Command) -> bool:
    """Whether the PBX may answer this command so (mod_event_socket.c, `parse_command` and `api_exec`)."""
    kind = command.text.partition(" ")[0].lower()
    if kind == "api":  # one that is not permitted is refused like any other command
        return reply.is_output or not reply.ok
    if kind == "bgapi" and command.job_uuid and reply.ok:
        return reply.job_uuid == command.job_uuid
    return not reply.is_output and (not reply.job_uuid or kind == "bgapi")


def fail(future: asyncio.Future[Any], error: BaseException) -> None:
    """Whoever awaits the future is told; nobody has to await it."""
    future.set_exception(error)
    future.exception()
