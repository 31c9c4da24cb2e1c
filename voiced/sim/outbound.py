"""The application `socket host:port async full`: the switch connects to a client, which controls the call."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .listener import Listener
from .park import park
from .private_events import parse_all_events
from .states import State
from .variables import whole

if TYPE_CHECKING:
    from .channel import Channel


async def socket(channel: Channel, data: str) -> None:
    """Connect and park. If nobody listens, or the client goes, the dialplan goes on.

    A client that goes before the leg has parked, some 20 ms after `connect`, leaves it parked for ever,
    unless `socket_resume` is set: so does a FreeSWITCH 1.11.
    """
    words = data.split(" ")
    listener = None
    for host in words[0].split("|"):
        listener = await _connect(channel, host, full="full" in words[1:])
        if listener is not None:
            break
    if listener is None:
        return
    channel.lock()
    await channel.until(lambda: not channel.ready or listener.finished or listener.connected)
    for _ in range(2):
        await channel.clock.to_tick()
    await park(channel)
    await parse_all_events(channel)
    flags = channel.flags
    taken = channel.state is State.HIBERNATE or flags.redirect or flags.transfer
    if not taken and (listener.resume or channel.variables.true("socket_resume")):
        channel.set_state(State.EXECUTE)


async def _connect(channel: Channel, host: str, *, full: bool) -> Listener | None:
    name, _, port = host.partition("/")[0].rpartition(":")
    channel.variables.set("socket_host", name)
    loop = asyncio.get_running_loop()
    try:
        _, listener = await loop.create_connection(
            lambda: Listener(channel.switch, channel, full=full), name, whole(port, 8084)
        )
    except OSError:
        return None
    return listener
