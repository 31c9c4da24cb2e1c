"""Values from outside, checked against what they are before they may stand in a command.

On the event socket a newline in a value starts a new header and a blank line a new command; in a dial
string `{}[]<>,|&'\\` and spaces are syntax, and the arguments of applications expand `${…}`, which can run
an api command. So nothing is escaped by hope: a value is a number, an extension, a domain … or it raises
`InvalidValue`. Only a caller's name, which is free text, is reduced to what is harmless.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from typing import Final

from voiced.esl.errors import InvalidValue

_SHAPES: Final = {
    "channel uuid": re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}"),
    "extension": re.compile(r"[0-9A-Za-z][0-9A-Za-z.-]{0,31}"),
    "number": re.compile(r"[+*#]?[0-9A-Za-z*#.-]{1,32}"),
    "domain": re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z.-]{0,251}[0-9A-Za-z])?"),
    "context": re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,127}"),
    "gateway": re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,127}"),
    "variable name": re.compile(r"[A-Za-z_][0-9A-Za-z_.-]{0,127}"),
    "application": re.compile(r"[a-z][a-z0-9_]{0,63}"),
    "hangup cause": re.compile(r"[A-Z][A-Z0-9_]{1,63}"),
    "endpoint": re.compile(r"[a-z_]{1,20}(?:/[0-9A-Za-z*#+._@-]{1,255}){1,3}"),
    "event name": re.compile(r"[A-Z][A-Z0-9_]{1,63}|CUSTOM [A-Za-z0-9_:.-]{1,100}"),
}
_DIAL_SYNTAX: Final = re.compile(r"[{}\[\]<>,|&'\"\\$`\x00-\x1f\x7f]")
_NAME_LENGTH: Final = 60  # characters of a caller's name that a phone may show


def _checked(kind: str, value: str) -> str:
    if not _SHAPES[kind].fullmatch(_text(value)):
        raise InvalidValue(f"{value[:60]!r} is no {kind}")
    return value


def _text(value: str) -> str:
    if not isinstance(value, str):  # None in the place of a uuid is the commonest mistake of all
        raise InvalidValue(f"{value!r:.60} is no text")
    return value


def channel_uuid(value: str) -> str:
    """A channel's uuid, or another id of ours that stands in its place."""
    return _checked("channel uuid", value)


def extension(value: str) -> str:
    """An extension of a domain: `1001`, `maria.souza`."""
    return _checked("extension", value)


def number(value: str) -> str:
    """What can be dialled: an E.164 number with or without `+`, a feature code like `*991001`."""
    return _checked("number", value)


def domain(value: str) -> str:
    """A domain's name (not its uuid)."""
    return _checked("domain", value)


def context(value: str) -> str:
    """A dialplan context; in FusionPBX the domain's name."""
    return _checked("context", value)


def gateway(value: str) -> str:
    """A gateway's name."""
    return _checked("gateway", value)


def variable_name(value: str) -> str:
    """A channel variable's name."""
    return _checked("variable name", value)


def application(value: str) -> str:
    """A dialplan application's name."""
    return _checked("application", value)


def hangup_cause(value: str) -> str:
    """A FreeSWITCH hangup cause, `USER_BUSY`."""
    return _checked("hangup cause", value)


def event_name(value: str) -> str:
    """An event's name in capitals, or `CUSTOM subclass`."""
    return _checked("event name", value)


def endpoint(value: str) -> str:
    """One endpoint of a dial string, without options: `user/1001@pbx.test`, `sofia/gateway/trunk/+5511…`."""
    return _checked("endpoint", value)


def host(value: str) -> str:
    """A host's name or address, without a port: what a resolver can be asked for (IDNA, RFC 3490)."""
    _text(value)
    try:
        well = value.isprintable() and not re.search(r"[\s/\[\]@]", value)
        well = well and bool(value.encode("idna").decode("idna"))
        if ":" in value:
            ipaddress.IPv6Address(value)
    except ValueError:
        well = False
    if not well:
        raise InvalidValue(f"{value[:60]!r} is no host's name or address (without a port)")
    return value


def line(value: str) -> str:
    """Text that must stay on one line. The server cuts a command at CR, LF and NUL."""
    for mark, what in (("\n", "a line feed"), ("\r", "a carriage return"), ("\0", "a NUL")):
        if mark in _text(value):
            raise InvalidValue(f"{value[:60]!r} has {what}")
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise InvalidValue(f"{value[:60]!r} cannot be encoded") from None
    return value


def argument(value: str) -> str:
    """An application's argument: one line, with nothing in it that the PBX would expand."""
    if "${" in line(value):
        raise InvalidValue(f"{value[:60]!r} has ${{…}}, which the PBX would expand")
    return value


def dial_variable(value: str) -> str:
    """A channel variable's value in a dial string's `{…}`; in quotes where it has spaces."""
    if _DIAL_SYNTAX.search(line(value)) or value.lstrip().startswith("^^") or ":_:" in value:
        raise InvalidValue(f"{value[:60]!r} has characters that are syntax in a dial string")
    return f"'{value}'" if " " in value else value


def reduced_name(value: str) -> str:
    """A display name reduced to letters, digits, spaces and `.-`, of any language, at most 60 long.

    >>> reduced_name("José {evil=1} O'Hara")
    'José evil 1 O Hara'
    """
    kept = "".join(
        c if c in ".-" or unicodedata.category(c)[0] in "LN" or unicodedata.category(c)[:2] == "Mn" else " "
        for c in unicodedata.normalize("NFC", _text(value))
    )
    return " ".join(kept.split())[:_NAME_LENGTH].strip()
