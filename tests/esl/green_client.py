"""greenswitch as a client, in a process of its own: PORT; says what it saw as JSON lines.

First the headers of each event; and, when its reader has died, whether it thinks that it is connected and
whether the command that waits for its reply has ended.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import gevent
import greenswitch


def say(**what: Any) -> None:
    print(json.dumps(what), flush=True)


def main(port: int) -> None:
    client = greenswitch.InboundESL("127.0.0.1", port, "ClueCon")
    client.connect()
    client.register_handle("*", lambda event: say(headers=event.headers))
    client.send("event plain ALL")
    waiting = gevent.spawn(client.send, "api slow")
    client._receive_events_greenlet.join(10)
    gevent.sleep(0)
    say(connected=client.connected, ended=waiting.ready())


if __name__ == "__main__":
    main(int(sys.argv[1]))
