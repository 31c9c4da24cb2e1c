"""Runs a simulated switch as a process.

    python -m voiced.sim
    python -m voiced.sim --port 8021 --phone 1001=answer --phone 1002=busy --phone 1003=answer:3
    python -m voiced.sim --outside 5511988887777=voicemail --agent 1001 --call 8000

Phones 1000 to 1009 are registered and answer after a second, unless said otherwise. A manner is one of
answer, short, early, busy, decline, dnd, ring, silent, error, notfound, voicemail; or away, for a phone that
is not registered. After a colon come the seconds before it answers or refuses.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys

from .phones import Manner
from .switch import Switch

log = logging.getLogger(__name__)

AWAY = "away"
SECONDS = 1.0
"""Before a phone answers, unless said otherwise."""


def parser() -> argparse.ArgumentParser:
    described = argparse.ArgumentParser(
        prog="python -m voiced.sim", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = described.add_argument
    add("--host", default="127.0.0.1", help="of the event socket (127.0.0.1)")
    add("--port", type=int, default=8021, help="of the event socket (8021); 0 chooses a free one")
    add("--password", default="ClueCon", help="of the event socket (ClueCon)")
    add("--domain", default="pbx.test", help="of the users (pbx.test)")
    add("--socket", default="127.0.0.1:8084", help="where extension 8100 connects (127.0.0.1:8084)")
    add("--phone", action="append", default=[], metavar="USER=MANNER[:SECONDS]", help="how a phone behaves")
    add("--outside", action="append", default=[], metavar="NUMBER=MANNER[:SECONDS]", help="an outside number")
    add("--agent", action="append", default=[], metavar="USER", help="serves the queue 5001")
    add("--call", action="append", default=[], metavar="EXTENSION", help="somebody calls it at the start")
    add("--pace", type=float, default=1.0, help="of media time: 0.1 is ten times as fast (1.0)")
    add("--heartbeat", type=float, default=20.0, help="seconds between HEARTBEAT events (20)")
    add("--events", action="store_true", help="say each event")
    return described


def behaviour(text: str) -> tuple[str, str, float]:
    """``1001=busy:2`` as user, manner and seconds; raises ValueError."""
    user, equals, rest = text.partition("=")
    manner, _, seconds = rest.partition(":")
    if not user or not equals or manner not in (AWAY, *(one.value for one in Manner)):
        raise ValueError(f"{text}: should be like 1001=busy or 1001=answer:3")
    return user, manner, float(seconds) if seconds else SECONDS


def furnish(switch: Switch, options: argparse.Namespace) -> None:
    """Put the phones, the outside numbers and the queue's agents there. Raises ValueError."""
    phones = {str(1000 + number): (Manner.ANSWER.value, SECONDS) for number in range(10)}
    phones.update({user: (manner, seconds) for user, manner, seconds in map(behaviour, options.phone)})
    for user, (manner, seconds) in phones.items():
        if manner != AWAY:
            switch.phone(user, Manner(manner), seconds)
    for number, manner, seconds in map(behaviour, options.outside):
        switch.outside_number(number, Manner(manner), seconds)
    for user in options.agent:
        address = f"{user}@{switch.domain}"
        switch.callcenter.agent(address, f"5001@{switch.domain}", f"user/{address}")


async def main(arguments: list[str]) -> None:
    described = parser()
    options = described.parse_args(arguments)
    switch = Switch(
        options.domain,
        options.password,
        pace=options.pace,
        heartbeat=options.heartbeat,
        socket=options.socket,
    )
    try:
        furnish(switch, options)
    except ValueError as error:
        described.error(str(error))
    if options.events:
        switch.on_event = lambda event: log.info(
            "%s %s", event.name, event.get("Unique-ID") or event.subclass or ""
        )
    try:
        await switch.start(options.host, options.port)
    except (OSError, OverflowError) as error:
        described.error(f"{options.host}:{options.port} cannot be listened on: {error}")
    log.info("ready: event socket %s:%s, domain %s; Ctrl-C ends it", options.host, switch.port, switch.domain)
    for extension in options.call:
        await switch.call(extension)
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        await switch.stop()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        asyncio.run(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
