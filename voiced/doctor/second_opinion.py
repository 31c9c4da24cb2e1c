"""The event socket asked by an independent client, greenswitch, in a process of its own (it is gevent).

Run as `python -m voiced.doctor.second_opinion HOST PORT QUESTION …`, the password on standard input. Prints
JSON: the answers by question, or {"error": …}, or {"skipped": …} where greenswitch cannot be asked. What it
says has to agree with our own client. It may wait for ever: whoever runs it sets a limit.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Sequence
from typing import Any


def ask(host: str, port: int, password: str, questions: Sequence[str]) -> dict[str, Any]:
    """The PBX's answers to api commands."""
    import greenswitch

    try:
        socket.getaddrinfo(host, port, socket.AF_INET)
    except OSError:
        return {"skipped": "greenswitch speaks IPv4 only, and was not asked"}
    client = greenswitch.InboundESL(host=host, port=port, password=password, timeout=5)
    try:
        client.connect()
        return {question: client.send(f"api {question}").data for question in questions}
    except Exception as error:  # whatever a third-party client raises is an answer here
        return {"error": f"{type(error).__name__}: {error}"}
    finally:
        if client.connected:
            client.stop()


if __name__ == "__main__":
    answer = ask(sys.argv[1], int(sys.argv[2]), sys.stdin.read(), sys.argv[3:])
    json.dump(answer, sys.stdout)
