"""Watch a PBX, answer a call that rings, and end it: docs/examples/events.py CHANNEL [HOST PORT PASSWORD]"""

import asyncio
import sys

import voiced.esl
from voiced.esl import Event, EventsLost


def show(event: Event) -> None:
    print(event.name, event.unique_id, event.get("Caller-Caller-ID-Number"))


async def main(channel: str, host: str, port: int, password: str) -> None:
    async with voiced.esl.connect(host, port, password, events=["CHANNEL_CREATE", "CHANNEL_ANSWER"]) as pbx:
        # a function, called for each event until it is taken off
        handle = pbx.on(show, name=["CHANNEL_CREATE", "CHANNEL_ANSWER"])

        # more events, also after every reconnect
        await pbx.subscribe("CHANNEL_HANGUP", "CUSTOM sofia::register")

        # one event of one channel: listen first, then do what brings it
        answered = pbx.wait_for("CHANNEL_ANSWER", channel, timeout=20)
        await pbx.api(f"uuid_answer {channel}")
        print("answered", (await answered).unique_id)

        # events for a consumer that takes its time: bounded, and never silent about a gap
        with pbx.queue(name="CHANNEL_HANGUP", size=1000) as hangups:
            await pbx.api(f"uuid_kill {channel}")
            try:
                hangup = await hangups.get()
                print("hung up", hangup["Hangup-Cause"])
            except EventsLost as gap:
                print("ask the PBX what is so:", gap)

        handle.off()


if __name__ == "__main__":
    host, port, password = sys.argv[2:] or ("127.0.0.1", "8021", "ClueCon")
    asyncio.run(main(sys.argv[1], host, int(port), password))
