"""Commands as text, built from checked values: what raises here has not been written.

Each function returns a `Command`, one whole write: the server sends no event while a command is half
written, and it cuts a command at CR or LF.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from voiced.esl import values
from voiced.esl.errors import InvalidValue


@dataclass(frozen=True, slots=True, repr=False)
class Command:
    """One command. `job_uuid` is set where the PBX will send a result later (BACKGROUND_JOB).

    Raises InvalidValue for text that would be none or several: every command has exactly one reply, and
    with a second one all later replies would go to the wrong callers.
    """

    text: str
    job_uuid: str = ""

    def __post_init__(self) -> None:
        for line in self.text.split("\n"):
            if not values.line(line).strip():
                raise InvalidValue(f"{self.text[:60]!r} is not one command")

    def to_bytes(self) -> bytes:
        """As it goes over the wire, with the blank line that ends it."""
        return self.text.encode("utf-8", "surrogateescape") + b"\n\n"

    def __repr__(self) -> str:
        """Its first line, without a password."""
        first = self.text.partition("\n")[0]
        return "auth …" if first.startswith("auth ") else first[:80]


def auth(password: str) -> Command:
    """Log in."""
    return Command(f"auth {values.line(password)}")


def api(text: str) -> Command:
    """`api NAME ARGUMENTS`: runs inside the listener, so a slow one holds up events and replies."""
    return Command(f"api {_something(text)}")


def bgapi(text: str, job_uuid: str = "") -> Command:
    """The same in a thread of the PBX's own; the result comes as a BACKGROUND_JOB of our job id."""
    job = values.channel_uuid(job_uuid or str(uuid.uuid4()))
    return Command(f"bgapi {_something(text)}\nJob-UUID: {job}", job)


def _something(text: str) -> str:
    if not values.line(text).strip():
        raise InvalidValue("there is no command")
    return text


def execute(
    channel: str, application: str, argument: str = "", *, event_uuid: str = "", lock: bool = True
) -> Command:
    """Run a dialplan application on a channel. `event_uuid` comes back as `Application-UUID`.

    With `lock` it queues behind the one that runs; without, it nests inside it. `channel` may be ''
    in an outbound session, for its own.
    """
    return Command(
        "\n".join(
            [
                f"sendmsg {values.channel_uuid(channel)}" if channel else "sendmsg",
                "call-command: execute",
                f"execute-app-name: {values.application(application)}",
                *([f"execute-app-arg: {values.argument(argument)}"] if argument else []),
                *([f"event-uuid: {values.channel_uuid(event_uuid)}"] if event_uuid else []),
                *(["event-lock: true"] if lock else []),
            ]
        )
    )


def events(names: Iterable[str], *, form: Literal["plain", "json"] = "plain") -> Command:
    """Subscribe. Everything behind CUSTOM is a subclass, so it and the subclasses go last."""
    checked = dict.fromkeys(map(values.event_name, names))
    if not checked or form not in ("plain", "json"):
        raise InvalidValue(f"a subscription to {form!r} events needs names, and is to plain or json ones")
    plain = [name for name in checked if not name.startswith("CUSTOM")]
    subclasses = [name.removeprefix("CUSTOM ") for name in checked if name.startswith("CUSTOM ")]
    custom = ["CUSTOM", *subclasses] if len(plain) < len(checked) else []
    return Command(" ".join(["event", form, *plain, *custom]))


def dial(endpoints: Iterable[str], variables: Mapping[str, str]) -> str:
    """A dial string: the endpoints ring together, every leg carries the variables."""
    block = ",".join(
        f"{values.variable_name(name)}={values.dial_variable(value)}" for name, value in variables.items()
    )
    legs = ",".join(map(values.endpoint, endpoints))
    if not legs:
        raise InvalidValue("a dial string needs an endpoint")
    return f"{{{block}}}{legs}"


def user(extension: str, domain: str) -> str:
    """The endpoint of all phones that a user has registered."""
    return f"user/{values.extension(extension)}@{values.domain(domain)}"


def loopback(number: str, context: str) -> str:
    """A dialplan extension as an endpoint. Goes with the variable loopback_bowout=false, always."""
    return f"loopback/{values.number(number)}/{values.context(context)}"


def via_gateway(gateway: str, number: str) -> str:
    """An outside number by a gateway."""
    return f"sofia/gateway/{values.gateway(gateway)}/{values.number(number)}"
