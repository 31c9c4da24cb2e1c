"""The same transfers as a greenswitch program: PORT. It holds, dials and bridges; it keeps nothing.

For each CUSTOM bench::ask: music for the caller, an originate with our mark, and when the agent's leg is
parked, the bridge. Prints a line when it listens.
"""

from __future__ import annotations

import itertools
import sys
from typing import Any

import gevent
import greenswitch

EVENTS = (
    "BACKGROUND_JOB CHANNEL_CREATE CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_ANSWER CHANNEL_PARK "
    "CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_HANGUP CHANNEL_DESTROY CHANNEL_UUID CHANNEL_EXECUTE_COMPLETE "
    "PLAYBACK_START HEARTBEAT CUSTOM callcenter::info bench::ask"
)
DIAL = (
    "bgapi originate {{voiced_transfer={0},voiced_attempt={0}.1,presence_data=voiced:{0}.1,"
    "ignore_early_media=true,originate_timeout=120,park_timeout=210,hangup_after_bridge=true}}"
    "user/{1}@pbx.test &park()"
)


def main(port: int) -> None:
    client = greenswitch.InboundESL("127.0.0.1", port, "ClueCon")
    client.connect()
    callers: dict[str, str] = {}
    numbers = itertools.count(1)

    def execute(caller: str, application: str, argument: str) -> None:
        client.send(
            f"sendmsg {caller}\ncall-command: execute\nexecute-app-name: {application}\n"
            f"execute-app-arg: {argument}\nevent-lock: true"
        )

    def transfer(caller: str, agent: str) -> None:
        mark = f"green-{next(numbers)}"
        callers[f"{mark}.1"] = caller
        execute(caller, "multiset", f"^^|voiced_hold={mark}|playback_terminators=*")
        execute(caller, "playback", "{timeout=305000}local_stream://moh")
        execute(caller, "multiset", "^^|voiced_hold=|playback_terminators=")
        client.send(DIAL.format(mark, agent))

    def bridge(caller: str, leg: str) -> None:
        settings = "hangup_after_bridge=explicit;uuid_bridge_park_on_cancel=true"
        client.send(f"api uuid_setvar_multi {caller} {settings}")
        client.send(f"api uuid_bridge {caller} {leg}")

    def asked(event: Any) -> None:
        gevent.spawn(transfer, event.headers["Unique-ID"], event.headers["Bench-Agent"])

    def parked(event: Any) -> None:
        caller = callers.pop(event.headers.get("variable_voiced_attempt"), None)
        if caller is not None:
            gevent.spawn(bridge, caller, event.headers["Unique-ID"])

    client.register_handle("bench::ask", asked)
    client.register_handle("CHANNEL_PARK", parked)
    client.send(f"event plain {EVENTS}")
    print("ready", flush=True)
    gevent.wait()


if __name__ == "__main__":
    main(int(sys.argv[1]))
