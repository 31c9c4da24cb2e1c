"""Take calls that the dialplan routes to us: python docs/examples/outbound.py [PORT]

<action application="socket" data="127.0.0.1:8084 async full"/>
"""

import asyncio
import sys
from typing import Any

from voiced.esl import Event, OutboundServer, Session


async def greet(session: Session) -> None:
    """One call. When this returns or raises, the call goes on with the next action of its dialplan."""
    print("call from", session.channel["Caller-Caller-ID-Number"], flush=True)
    await session.ask("linger 5")
    await session.ask("myevents")

    played: asyncio.Future[Event] = asyncio.get_running_loop().create_future()

    def completed(event: Event) -> None:
        if event.get("Application-UUID") == "tone-1" and not played.done():
            played.set_result(event)

    session.on(completed, name="CHANNEL_EXECUTE_COMPLETE")
    await session.execute("answer")
    await session.execute("playback", "tone_stream://%(500,0,440)", event_uuid="tone-1")
    either: list[asyncio.Future[Any]] = [played, session.ended]
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    print("played" if played.done() else "hung up", flush=True)


async def main(port: int) -> None:
    server = OutboundServer(greet, limit=200)
    print("listening on", await server.start("127.0.0.1", port), flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await server.close()


if __name__ == "__main__":
    asyncio.run(main(int((sys.argv[1:] or ["8084"])[0])))
