"""The event socket asked by an independent client, greenswitch, in a process of its own (it is gevent).

Run as `python -m voiced.doctor.second_opinion HOST PORT`, the password on standard input. Prints JSON:
{"status": …, "registrations": …} or {"error": …}. What it says has to agree with our own client.
"""

from __future__ import annotations

import json
import sys
from typing import Any


def ask(host: str, port: int, password: str) -> dict[str, Any]:
    """The PBX's answers to `status` and `show registrations as json`."""
    import greenswitch

    client = greenswitch.InboundESL(host=host, port=port, password=password, timeout=5)
    try:
        client.connect()
        return {
            "status": client.send("api status").data,
            "registrations": client.send("api show registrations as json").data,
        }
    except Exception as error:  # whatever a third-party client raises is an answer here
        return {"error": f"{type(error).__name__}: {error}"}
    finally:
        if client.connected:
            client.stop()


if __name__ == "__main__":
    answer = ask(sys.argv[1], int(sys.argv[2]), sys.stdin.read())
    json.dump(answer, sys.stdout)
