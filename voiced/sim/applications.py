"""Dialplan applications by name, as the dialplan and `sendmsg` run them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .bridge import after_failure, bridge
from .causes import cause_named
from .digits import pause, play_and_get_digits, read, sleep
from .originate import Dial, originate
from .outbound import socket
from .park import park_application
from .playback import endless_playback, play_file, playback, say
from .record import record, record_session, stop_record_session
from .separate import separate
from .transfer import transfer
from .variables import whole

if TYPE_CHECKING:
    from .channel import Channel

Run = Callable[["Channel", str], Awaitable[None]]


@dataclass(frozen=True)
class Application:
    """`runs_on_dead`: also on a leg that has been hung up (`SAF_ZOMBIE_EXEC`)."""

    name: str
    run: Run
    needs_media: bool = False
    runs_on_dead: bool = False


class Applications:
    """The registry; tests may `add` what a module would bring."""

    def __init__(self) -> None:
        self._by_name: dict[str, Application] = {}
        for name, run in _WITH_MEDIA.items():
            self.add(name, run, needs_media=True)
        for name, run in _WITHOUT_MEDIA.items():
            self.add(name, run)
        for name, run in _ON_DEAD_TOO.items():
            self.add(name, run, runs_on_dead=True)

    def add(self, name: str, run: Run, *, needs_media: bool = False, runs_on_dead: bool = False) -> None:
        self._by_name[name.lower()] = Application(name, run, needs_media, runs_on_dead)

    def get(self, name: str) -> Application | None:
        return self._by_name.get(name.lower())


# ---- variables -------------------------------------------------------------------------------------------


async def set_(channel: Channel, data: str) -> None:
    """``name=value``; an empty value removes. A value that still has ``${`` in it is refused."""
    name, _, value = data.partition("=")
    if "%" in value:
        value = _url_decode(value)
    if "${" not in value:
        channel.variables.set(name.strip(), value)


async def unset(channel: Channel, data: str) -> None:
    channel.variables.set(data.strip(), None)


async def multiset(channel: Channel, data: str) -> None:
    """``a=1 b=2``, or with another delimiter after ``^^``."""
    delimiter, text = (data[2], data[3:]) if data.startswith("^^") and len(data) > 2 else (" ", data)
    for part in separate(text, delimiter):
        await set_(channel, part)


async def multiunset(channel: Channel, data: str) -> None:
    delimiter, text = (data[2], data[3:]) if data.startswith("^^") and len(data) > 2 else (" ", data)
    for part in separate(text, delimiter):
        channel.variables.set(part, None)


async def export(channel: Channel, data: str) -> None:
    """Set here (not with ``nolocal:``) and on every leg that this one dials."""
    name, _, value = data.partition("=")
    channel.variables.set(name, value)
    names = channel.variables.get("export_vars")
    channel.variables.set("export_vars", f"{names},{name}" if names else name)


async def push(channel: Channel, data: str) -> None:
    name, _, value = data.partition("=")
    channel.variables.push(name, value)


def _url_decode(text: str) -> str:
    out: list[str] = []
    position = 0
    while position < len(text):
        pair = text[position + 1 : position + 3]
        if text[position] == "%" and len(pair) == 2 and all(c in "0123456789abcdefABCDEF" for c in pair):
            out.append(chr(int(pair, 16)))
            position += 3
        else:
            out.append(text[position])
            position += 1
    return "".join(out)


# ---- the call --------------------------------------------------------------------------------------------


async def answer(channel: Channel, data: str) -> None:
    channel.answer()


async def pre_answer(channel: Channel, data: str) -> None:
    channel.pre_answer()


async def ring_ready(channel: Channel, data: str) -> None:
    channel.ring()


async def hangup(channel: Channel, data: str) -> None:
    channel.hangup(cause_named(data.strip()))


async def transfer_application(channel: Channel, data: str) -> None:
    target = [*data.split(), "", ""]
    if target[0]:
        transfer(channel, target[0], target[1], target[2])


async def bridge_application(channel: Channel, data: str) -> None:
    """Dial and talk; a failure hangs the leg up unless its variables or the cause say otherwise."""
    outcome = await originate(Dial(channel.switch, data, caller=channel))
    if outcome.leg is None:
        channel.variables.set("originate_failed_cause", outcome.cause)
        after_failure(channel, outcome.cause)
        return
    try:
        await bridge(channel, outcome.leg)
    finally:
        outcome.leg.unlock()


async def send_dtmf(channel: Channel, data: str) -> None:
    digits, _, _ = data.partition("@")
    for digit in digits:
        channel.endpoint.send_digit(channel, digit)


async def start_hold(channel: Channel, data: str) -> None:
    channel.hold(on=True)


async def end_hold(channel: Channel, data: str) -> None:
    channel.hold(on=False)


async def event(channel: Channel, data: str) -> None:
    """``Event-Name=CUSTOM,Event-Subclass=x::y,key=value``."""
    pairs = [part.partition("=")[::2] for part in data.split(",") if "=" in part]
    name = next((v for k, v in pairs if k.lower() == "event-name"), "CHANNEL_APPLICATION")
    subclass = next((v for k, v in pairs if k.lower() == "event-subclass"), None)
    rest = [(k, v) for k, v in pairs if k.lower() not in ("event-name", "event-subclass")]
    channel.fire(name, after=list(rest), subclass=subclass)


async def log(channel: Channel, data: str) -> None:
    level, _, text = data.partition(" ")
    channel.switch.log(level, text)


async def nothing(channel: Channel, data: str) -> None:
    """An application that changes nothing that could be seen."""


# ---- voice -----------------------------------------------------------------------------------------------


async def voicemail(channel: Channel, data: str) -> None:
    """Greet, beep, and record until the caller goes (the greeting is a prompt of four seconds)."""
    mailbox = (data.split() or [""])[-1]
    await play_file(channel, f"phrase:voicemail_play_greeting:{mailbox.rjust(60)}")
    if channel.ready:
        await play_file(channel, "tone_stream://%(1000,0,640)")
    if channel.ready:
        await record(channel, f"/var/lib/freeswitch/storage/voicemail/{mailbox}.wav 300")


async def speak(channel: Channel, data: str) -> None:
    """``engine|voice|text``."""
    await say(channel, data.split("|")[-1])


async def say_application(channel: Channel, data: str) -> None:
    """``module type method text``."""
    await say(channel, (separate(data, " ", 4) or [""])[-1])


async def loop_playback(channel: Channel, data: str) -> None:
    """``+COUNT file``."""
    count, _, path = data.partition(" ")
    for _ in range(max(whole(count.lstrip("+")), 1)):
        if not channel.ready:
            break
        await playback(channel, path)


async def gentones(channel: Channel, data: str) -> None:
    spec, _, loops = data.partition("|")
    await play_file(channel, f"tone_stream://{spec};loops={loops or 1}")


async def echo(channel: Channel, data: str) -> None:
    while channel.ready:
        await pause(channel, 3600)


async def callcenter(channel: Channel, data: str) -> None:
    await channel.switch.callcenter.enter(channel, data.strip())


_WITH_MEDIA: dict[str, Run] = {
    "playback": playback,
    "endless_playback": endless_playback,
    "loop_playback": loop_playback,
    "play_and_get_digits": play_and_get_digits,
    "read": read,
    "record": record,
    "speak": speak,
    "say": say_application,
    "gentones": gentones,
    "echo": echo,
    "voicemail": voicemail,
}
_WITHOUT_MEDIA: dict[str, Run] = {
    "answer": answer,
    "pre_answer": pre_answer,
    "ring_ready": ring_ready,
    "hangup": hangup,
    "transfer": transfer_application,
    "bridge": bridge_application,
    "park": park_application,
    "sleep": sleep,
    "socket": socket,
    "callcenter": callcenter,
    "record_session": record_session,
    "stop_record_session": stop_record_session,
    "send_dtmf": send_dtmf,
    "hold": start_hold,
    "unhold": end_hold,
}
_ON_DEAD_TOO: dict[str, Run] = {
    "set": set_,
    "unset": unset,
    "multiset": multiset,
    "multiunset": multiunset,
    "export": export,
    "push": push,
    "eval": nothing,
    "info": nothing,
    "log": log,
    "event": event,
}
