"""A background api command (`bgapi`): a reply now, and a BACKGROUND_JOB with its result later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from voiced.esl.commands import Command
from voiced.esl.errors import Accepted, CommandRefused, EslError, Unconfirmed
from voiced.esl.event import Event
from voiced.esl.protocol import Reply
from voiced.esl.replies import fail
from voiced.esl.router import Router
from voiced.esl.waiting import Waiters


class Job:
    """A background api command. `result` is a future: the job's output, or why there will be none."""

    def __init__(
        self,
        command: Command,
        *,
        send: Callable[[Command], asyncio.Future[Reply]],
        router: Router,
        waiters: Waiters,
        timeout: float | None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.uuid = command.job_uuid
        self.accepted = False
        self.result: asyncio.Future[Reply] = loop.create_future()
        self.result.add_done_callback(lambda _: self.forget())
        why = f"no result within {timeout} s of {command!r}"
        self._timer = loop.call_later(timeout, self._lose, why) if timeout is not None else None
        self._waiters = waiters
        self._waiters.add(self._lost)
        self._handle = router.on(self._done, job_uuid=self.uuid)  # before it is written: nothing is quicker
        send(command).add_done_callback(self._replied)

    def forget(self) -> None:
        """Nobody waits any more."""
        self._handle.off()
        self._waiters.discard(self._lost)
        if self._timer is not None:
            self._timer.cancel()
        self.result.cancel()

    def _replied(self, reply: asyncio.Future[Reply]) -> None:
        error = reply.exception()
        if error is not None:
            self._fail(error)
        elif reply.result().ok:
            self.accepted = True
        else:
            self._fail(CommandRefused(reply.result().text))

    def _done(self, event: Event) -> None:
        if not self.result.done():
            self.result.set_result(Reply(event.body.rstrip("\n"), job_uuid=self.uuid))

    def _lost(self, reason: EslError) -> None:
        self._lose(f"the job's result was lost: {reason}")

    def _lose(self, why: str) -> None:
        stage = Accepted if self.accepted else Unconfirmed
        self._fail(stage(why))

    def _fail(self, error: BaseException) -> None:
        if not self.result.done():
            fail(self.result, error)
