"""The kinds of values that settings have: each is checked as it is read, and its error says what is right."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, SecretStr

from voiced.esl import values
from voiced.esl.errors import InvalidValue

_PORT: Final = re.compile(r"[0-9]{1,5}").fullmatch


def _or_none(check: Callable[[str], str]) -> AfterValidator:
    """The same, or an empty text."""
    return AfterValidator(lambda value: check(value) if value else value)


def _key_of_phone(value: str) -> str:
    if value and (len(value) != 1 or value not in "0123456789*#"):
        raise ValueError("one key of a phone (0-9, * or #), or empty for none")
    return value


def _api_command(value: str) -> str:
    values.argument(value)
    if value and "{uuid}" not in value:
        raise ValueError("the command has to say {uuid} where the caller's channel goes")
    return value


def _timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"no time zone is called {value!r}") from None
    return value


def _web_address(value: str) -> str:
    try:
        parts = urlsplit(value)
        values.host(parts.hostname or "")
        well = (
            parts.scheme in ("http", "https") and parts.port != 0 and not parts.query and not parts.fragment
        )
    except ValueError:
        well = False
    if value and not (well and value.isascii() and value.isprintable() and " " not in value):
        raise ValueError("an address of the web is needed, as in http://127.0.0.1:3000, or none")
    return value


def _line(secret: SecretStr) -> SecretStr:
    try:
        values.line(secret.get_secret_value())
    except InvalidValue:
        raise ValueError("a line break is in it") from None  # often the last character of a file
    return secret


def _token(secret: SecretStr) -> SecretStr:
    if any(not "!" <= character <= "~" for character in secret.get_secret_value()):
        raise ValueError("only visible ASCII characters can be sent in a header; no spaces, no line break")
    return secret


def _address(value: str) -> str:
    host, _, port = value.rpartition(":")
    is_bracketed = host.startswith("[") and host.endswith("]")
    if not host or is_bracketed is not (":" in host) or not _PORT(port) or int(port) > 65535:
        raise ValueError("an address is HOST:PORT, as in 127.0.0.1:8085 or [::1]:8085")
    values.host(host.removeprefix("[").removesuffix("]"))
    return value


# A value that would be syntax in a command is an InvalidValue, which is a ValueError: pydantic tells it.
Argument = Annotated[str, AfterValidator(values.argument)]
Host = Annotated[str, AfterValidator(values.host)]
Gateway = Annotated[str, AfterValidator(values.gateway)]
DomainName = Annotated[str, AfterValidator(values.domain)]
GatewayOrNone = Annotated[str, _or_none(values.gateway)]
ContextOrNone = Annotated[str, _or_none(values.context)]
ApiCommand = Annotated[str, AfterValidator(_api_command)]
KeyOfPhone = Annotated[str, AfterValidator(_key_of_phone)]
Address = Annotated[str, AfterValidator(_address)]
AddressOrNone = Annotated[str, _or_none(_address)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
TimeZone = Annotated[str, AfterValidator(_timezone)]
Line = Annotated[SecretStr, AfterValidator(_line)]
Token = Annotated[SecretStr, AfterValidator(_token)]
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=3600)]
