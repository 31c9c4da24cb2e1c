"""Call a phone and play to it: python docs/examples/call.py [HOST PORT PASSWORD [EXTENSION DOMAIN]]"""

import asyncio
import sys

import voiced.esl
from voiced.esl import Accepted, Client, CommandRefused, InvalidValue, NotSent, Unconfirmed, commands


async def call(pbx: Client, extension: str, domain: str, name: str) -> str:
    """Ring an extension. Returns the channel's uuid, or '' with what is known of the attempt printed."""
    try:
        dial = commands.dial(
            [commands.user(extension, domain)],
            {"origination_caller_id_name": name, "originate_timeout": "20", "ignore_early_media": "true"},
        )
        result = await pbx.bgapi(f"originate {dial} &park()", timeout=30)
    except InvalidValue as error:
        print("nothing was written:", error)
    except NotSent:
        print("not sent: it may be sent again")
    except CommandRefused as error:
        print("refused:", error.reply)
    except Unconfirmed:
        print("perhaps it rings: ask the PBX before calling again")
    except Accepted:
        print("it was begun; how it ended is not known: ask the PBX")
    else:
        if result.ok:
            return result.value
        print("nobody answered:", result.text)
    return ""


async def main(host: str, port: int, password: str, extension: str, domain: str) -> None:
    async with voiced.esl.connect(host, port, password, events=["CHANNEL_EXECUTE_COMPLETE"]) as pbx:
        await call(pbx, f"{extension},user/1002", domain, "Maria Souza")
        leg = await call(pbx, extension, domain, "Maria Souza")
        if leg:
            tone = commands.execute(leg, "playback", "tone_stream://%(500,0,440)", event_uuid="tone-1")
            played = pbx.wait_for("CHANNEL_EXECUTE_COMPLETE", leg, timeout=60)
            await pbx.ask(tone)
            event = await played
            print(event["Application"], event["Application-UUID"], event["Application-Response"])
            await pbx.ask(commands.execute(leg, "hangup", "NORMAL_CLEARING"))


if __name__ == "__main__":
    host, port, password = sys.argv[1:4] or ("127.0.0.1", "8021", "ClueCon")
    extension, domain = sys.argv[4:] or ("1001", "pbx.test")
    asyncio.run(main(host, int(port), password, extension, domain))
