"""Stay connected for ever: python docs/examples/daemon.py [HOST PORT PASSWORD]"""

import asyncio
import json
import sys

from voiced.esl import Client, EslError, Event


class Owner:
    """Knows which channels there are, also when the connection was away for a while."""

    def __init__(self, host: str, port: int, password: str) -> None:
        self.channels: set[str] = set()
        self.pbx = Client(
            host,
            port,
            password,
            events=["CHANNEL_CREATE", "CHANNEL_DESTROY"],
            on_lost=self.lost,
            on_back=self.back,
        )
        self.pbx.on(self.created, name="CHANNEL_CREATE")
        self.pbx.on(self.destroyed, name="CHANNEL_DESTROY")
        self.asking: asyncio.Task[None] | None = None

    def created(self, event: Event) -> None:
        self.channels.add(event.unique_id)
        print("created", event.unique_id)

    def destroyed(self, event: Event) -> None:
        self.channels.discard(event.unique_id)

    def lost(self, reason: EslError) -> None:
        print("lost")

    def back(self) -> None:
        """Called each time when it is logged in and subscribed: what was missed nobody tells, so ask."""
        print("back")
        self.asking = asyncio.create_task(self.ask())

    async def ask(self) -> None:
        answer = await self.pbx.bgapi("show channels as json")
        self.channels = {row["uuid"] for row in json.loads(answer.text).get("rows", [])}
        print(len(self.channels), "channels")


async def main(host: str, port: int, password: str) -> None:
    await Owner(host, port, password).pbx.run()


if __name__ == "__main__":
    host, port, password = sys.argv[1:] or ("127.0.0.1", "8021", "ClueCon")
    asyncio.run(main(host, int(port), password))
