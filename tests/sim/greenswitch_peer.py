"""greenswitch, in a process of its own because of gevent; it says what it saw in lines of JSON.

python -m tests.sim.greenswitch_peer inbound PORT
python -m tests.sim.greenswitch_peer outbound PORT
"""

from __future__ import annotations

import json
import sys
from typing import Any

import gevent
import gevent.event
import greenswitch


def say(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def inbound(port: int) -> None:
    """Log in, run an api command and a job, and hear events."""
    client = greenswitch.InboundESL(host="127.0.0.1", port=port, password="ClueCon")
    client.connect()
    job, hangup = gevent.event.AsyncResult(), gevent.event.AsyncResult()
    client.register_handle("BACKGROUND_JOB", lambda event: job.set(event.headers))
    client.register_handle("CHANNEL_HANGUP_COMPLETE", lambda event: hangup.set(event.headers))
    say(events=client.send("event plain ALL").data)
    say(version=client.send("api version").data)
    reply = client.send("bgapi originate {voiced_transfer=t-1}user/1001@pbx.test &park()")
    headers = job.get(timeout=5)
    say(reply=reply.data, same=reply.headers["Job-UUID"] == headers["Job-UUID"])
    client.send("api hupall NORMAL_CLEARING voiced_transfer t-1")
    say(hangup=hangup.get(timeout=5)["variable_voiced_transfer"])
    client.stop()


def outbound(port: int) -> None:
    """Serve one call: answer it, play to it, ask for keys, hang it up."""

    class Application:
        def __init__(self, session: Any) -> None:
            self.session = session

        def run(self) -> None:
            session = self.session
            session.connect()
            session.myevents()
            say(
                caller=session.caller_id_number,
                destination=session.session_data["Channel-Destination-Number"],
            )
            session.answer()
            played = session.playback("tone_stream://%(100,0,800)", block=True)
            say(played=played.headers["Application-Response"])
            digits = session.call_command(
                "play_and_get_digits",
                "1 1 1 2000 # silence_stream://100 silence_stream://10 key 1",
                block=True,
            )
            say(key=digits.headers.get("variable_key"))
            session.hangup()
            session.stop()
            say(done=True)

    server = greenswitch.OutboundESLServer(
        bind_address="127.0.0.1", bind_port=port, application=Application, max_connections=1
    )
    gevent.spawn_later(0.01, say, listening=True)
    server.listen()


if __name__ == "__main__":
    {"inbound": inbound, "outbound": outbound}[sys.argv[1]](int(sys.argv[2]))
