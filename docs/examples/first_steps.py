"""Ask a PBX something: python docs/examples/first_steps.py [HOST PORT PASSWORD]"""

import asyncio
import sys

import voiced.esl
from voiced.esl import CannotConnect


async def main(host: str, port: int, password: str) -> None:
    async with voiced.esl.connect(host, port, password) as pbx:
        print((await pbx.api("echo hello")).text)

        reply = await pbx.api("uuid_kill no-such-channel")
        print(reply.ok, reply.text)

        result = await pbx.bgapi("echo from the background", timeout=10)
        print(result.text)


if __name__ == "__main__":
    host, port, password = sys.argv[1:] or ("127.0.0.1", "8021", "ClueCon")
    try:
        asyncio.run(main(host, int(port), password))
    except CannotConnect as error:
        sys.exit(f"no PBX: {error}")
