"""Keys: `play_and_get_digits`, `read`, and waiting (`sleep`) during which the leg takes commands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .messages import Digit
from .playback import Status, play_file
from .private_events import parse_all_events
from .separate import separate
from .transfer import transfer
from .variables import whole

if TYPE_CHECKING:
    from .channel import Channel


@dataclass
class Question:
    """What `play_and_get_digits` is asked for; time-outs in seconds, counted from the prompt's end."""

    minimum: int
    maximum: int
    timeout: float
    terminators: str
    prompt: str
    variable: str
    digit_timeout: float


async def play_and_get_digits(channel: Channel, data: str) -> None:
    """``min max tries timeout terminators file invalid_file var [regexp [digit_timeout [transfer]]]``.

    A wrong key leaves the variable unset although ``read_result`` says success (PBX.md, screening).
    """
    args = [*separate(data, " ", 11), *[""] * 11]
    minimum = max(whole(args[0]), 0)
    question = Question(
        minimum=minimum,
        maximum=max(whole(args[1]), minimum),
        timeout=max(whole(args[3], 1000), 1000) / 1000,
        terminators=args[4] or "#",
        prompt=args[5],
        variable=args[7],
        digit_timeout=whole(args[9]) / 1000,
    )
    invalid, pattern, on_failure = args[6], args[8], args[10]
    tries = whole(args[2])
    put = channel.variables.set
    if pattern and question.variable:
        put(f"{question.variable}_invalid", None)
    while channel.ready and tries > 0:
        status, digits = await read_digits(channel, question)
        if status is Status.TIMEOUT and len(digits) >= minimum:
            status = Status.SUCCESS
        if minimum == 0 and not digits and channel.variables.get("read_terminator_used"):
            return
        if status is Status.SUCCESS and digits:
            if not pattern or re.search(pattern, digits):
                return
            if question.variable:
                put(question.variable, None)
                put(f"{question.variable}_invalid", digits)
        if not channel.ready:
            return
        await play_file(channel, invalid)
        tries -= 1
    if on_failure and channel.ready:
        target = [*on_failure.split(), "", ""]
        transfer(channel, target[0], target[1], target[2])


async def read(channel: Channel, data: str) -> None:
    """``min max file var timeout terminators [digit_timeout]``."""
    args = [*separate(data, " ", 7), *[""] * 7]
    minimum = max(whole(args[0]), 0)
    await read_digits(
        channel,
        Question(
            minimum=minimum,
            maximum=max(whole(args[1]), minimum),
            timeout=max(whole(args[4], 1000), 1000) / 1000,
            terminators=args[5] or "#",
            prompt=args[2],
            variable=args[3],
            digit_timeout=whole(args[6]) / 1000,
        ),
    )


async def read_digits(channel: Channel, question: Question) -> tuple[Status, str]:
    """Play the prompt and collect keys (`switch_ivr_read`); the first key ends the prompt."""
    put = channel.variables.set
    put("read_result", None)
    if question.variable:
        put(question.variable, None)
    if not channel.pre_answer():
        return Status.FALSE, ""
    digits: list[str] = []

    def first(_: Channel, digit: Digit) -> Status:
        digits.append(digit.digit)
        return Status.BREAK

    status = Status.SUCCESS
    if question.prompt and question.prompt.lower() != "silence":
        status = await play_file(channel, question.prompt, first)
        if status is Status.BREAK:
            status = Status.SUCCESS
    if status is not Status.SUCCESS:
        return status, "".join(digits)
    used = ""
    if len(digits) < max(question.maximum, question.minimum):
        status, used = await _collect(channel, question, digits)
    if used:
        put("read_terminator_used", used)
    text = "".join(digits)
    if len(text) < question.minimum:
        status = Status.TOO_SMALL
    results = {Status.SUCCESS: "success", Status.TIMEOUT: "timeout"}
    put("read_result", results.get(status, "failure"))
    if question.maximum == 1 and len(text) == 1 and text in question.terminators:
        text = ""
    if question.variable and text:
        put(question.variable, text)
    return status, text


async def _collect(channel: Channel, question: Question, digits: list[str]) -> tuple[Status, str]:
    clock = channel.clock
    between = question.digit_timeout or question.timeout
    deadline = clock.now() + (between if digits else question.timeout)
    while channel.ready:
        if channel.flags.break_:
            channel.flags.break_ = 0
            return Status.BREAK, ""
        await parse_all_events(channel)
        digit = channel.next_digit()
        if digit is not None:
            if digit.digit in question.terminators:
                return Status.SUCCESS, digit.digit
            digits.append(digit.digit)
            if len(digits) >= question.maximum:
                return Status.SUCCESS, ""
            deadline = clock.now() + between
            continue
        if clock.now() >= deadline:
            return Status.TIMEOUT, ""
        if not await channel.read_frame(until=deadline, breakable=True):
            break
    return Status.FALSE, ""


async def sleep(channel: Channel, data: str) -> None:
    """The application `sleep`, in milliseconds of media time; commands are taken meanwhile."""
    await pause(channel, whole(data) / 1000)


async def pause(channel: Channel, seconds: float) -> None:
    end = channel.clock.now() + seconds * channel.clock.pace
    while channel.ready and channel.clock.now() < end:
        if channel.flags.break_:
            channel.flags.break_ = 0
            return
        await parse_all_events(channel)
        if not await channel.read_frame(until=end, breakable=True):
            return
