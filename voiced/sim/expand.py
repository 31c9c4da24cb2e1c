"""``${name}`` and ``${api(args)}`` in application arguments, dialplan lines and dial strings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .variables import whole

if TYPE_CHECKING:
    from .channel import Channel
    from .switch import Switch


def expand(
    switch: Switch, text: str, channel: Channel | None = None, values: dict[str, str] | None = None
) -> str:
    """Put values in for ``${…}``; what is unknown becomes nothing, as in FreeSWITCH.

    ``${name(args)}`` runs an api command: whoever lets a caller's text into an application's arguments lets
    the caller run commands. ``${name:offset:length}`` cuts.
    """
    if "${" not in text:
        return text
    out: list[str] = []
    position = 0
    while True:
        start = text.find("${", position)
        if start < 0:
            out.append(text[position:])
            return "".join(out)
        end = _closing(text, start + 1)
        if end < 0:
            out.append(text[position:])
            return "".join(out)
        out.append(text[position:start])
        out.append(_value(switch, text[start + 2 : end], channel, values or {}))
        position = end + 1


def _value(switch: Switch, inner: str, channel: Channel | None, values: dict[str, str]) -> str:
    inner = expand(switch, inner, channel, values)
    name, paren, rest = inner.partition("(")
    if paren:
        return switch.api.run_now(name, rest.rpartition(")")[0]).rstrip("\n")
    name, *cut = inner.split(":")
    value = values.get(name)
    if value is None and channel is not None:
        value = lookup(channel, name)
    if value is None:
        value = switch.globals.get(name, "")
    if not cut:
        return value
    offset = whole(cut[0])
    value = value[offset:] if offset >= 0 else value[max(len(value) + offset, 0) :]
    return value[: whole(cut[1])] if len(cut) > 1 and whole(cut[1]) > 0 else value


def lookup(channel: Channel, name: str) -> str | None:
    """A variable as applications see it: of the channel, else of its caller profile, else a global one."""
    value = channel.variables.get(name)
    if value is not None:
        return value
    if name == "uuid":
        return channel.uuid
    if name in ("channel_name", "state", "direction"):
        return {"channel_name": channel.name, "state": channel.state.label, "direction": channel.direction}[
            name
        ]
    field = channel.profile and getattr(channel.profile, name, None)
    if isinstance(field, str) and field:
        return field
    return channel.switch.globals.get(name)


def _closing(text: str, start: int) -> int:
    depth = 0
    for position in range(start, len(text)):
        if text[position] == "{":
            depth += 1
        elif text[position] == "}":
            depth -= 1
            if depth == 0:
                return position
    return -1
