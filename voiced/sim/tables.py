"""The switch's tables of channels and calls, which `show` prints. They lag a little behind the events.

FreeSWITCH keeps them in SQL, filled by a thread of its own; the recordings show some 20 to 100 ms between an
event and its row. Here each change is stamped, and a query sees those older than the lag.
"""

from __future__ import annotations

import json
import time
from collections import deque
from typing import TYPE_CHECKING

from .separate import words
from .states import CallState, State
from .wire import Event

if TYPE_CHECKING:
    from .channel import Channel
    from .clock import Clock

LAG = 0.05
"""Seconds (of media time) between an event and its row."""

COLUMNS = words(
    "uuid direction created created_epoch name state cid_name cid_num ip_addr dest application "
    "application_data dialplan context read_codec read_rate read_bit_rate write_codec write_rate "
    "write_bit_rate secure hostname presence_id presence_data accountcode callstate callee_name "
    "callee_num callee_direction call_uuid sent_callee_name sent_callee_num initial_cid_name "
    "initial_cid_num initial_ip_addr initial_dest initial_dialplan initial_context"
)
_BASIC = words(
    "uuid direction created created_epoch name state cid_name cid_num ip_addr dest presence_id "
    "presence_data accountcode callstate callee_name callee_num callee_direction call_uuid hostname "
    "sent_callee_name sent_callee_num"
)
_BASIC_B = words(
    "uuid direction created created_epoch name state cid_name cid_num ip_addr dest presence_id "
    "presence_data accountcode callstate callee_name callee_num callee_direction sent_callee_name "
    "sent_callee_num"
)
_DETAILED = COLUMNS[:32]

_UNSEEN = (State.NEW, State.INIT, State.HANGUP, State.REPORTING, State.DESTROY, State.NONE)
"""States that no row shows."""

_WATCHED = frozenset(
    words(
        "CHANNEL_CREATE CHANNEL_ORIGINATE CHANNEL_STATE CHANNEL_CALLSTATE CHANNEL_EXECUTE CHANNEL_ANSWER "
        "CHANNEL_PROGRESS_MEDIA CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_DESTROY CHANNEL_UUID CALL_UPDATE"
    )
)

Row = dict[str, str]


class Tables:
    """Rows by uuid, in the order of creation, and which two are in a call."""

    def __init__(self, clock: Clock, hostname: str) -> None:
        self.clock = clock
        self.hostname = hostname
        self.channels: dict[str, Row] = {}
        self.calls: dict[str, tuple[str, str]] = {}
        self._pending: deque[tuple[float, str, str, Row]] = deque()

    # ---- what events change ------------------------------------------------------------------------------

    def saw(self, channel: Channel, event: Event) -> None:
        """Note what an event changes in the rows; each event changes its own columns only."""
        name = event.name
        if name not in _WATCHED:
            return
        change: Row = {}
        if name == "CHANNEL_CREATE":
            change = self._row(channel)
        elif name == "CHANNEL_STATE":
            if channel.running in _UNSEEN:
                return
            change = {"state": channel.running.label}
            if channel.running is State.ROUTING:
                change.update(**_callers(channel), **_callees(channel), **_presence(channel))
        elif name == "CHANNEL_CALLSTATE":
            if channel.callstate is CallState.HANGUP:
                return
            change = {"callstate": channel.callstate.name}
        elif name == "CHANNEL_EXECUTE":
            change = {
                "application": event.get("Application") or "",
                "application_data": event.get("Application-Data") or "",
                **_presence(channel),
            }
        elif name == "CHANNEL_ORIGINATE":
            change = {"call_uuid": event.get("Channel-Call-UUID") or "", **_presence(channel)}
        elif name in ("CHANNEL_ANSWER", "CHANNEL_PROGRESS_MEDIA"):
            change = _codec(channel)
        elif name == "CHANNEL_BRIDGE":
            change = {"call_uuid": event["Channel-Call-UUID"], "partner": event["Bridge-B-Unique-ID"]}
        elif name == "CHANNEL_UUID":
            change = {"old": event["Old-Unique-ID"]}
        elif name == "CALL_UPDATE":
            callers = _callers(channel)
            change = {name: callers[name] for name in ("cid_name", "cid_num") if name in callers}
            change |= {**_callees(channel), "callee_direction": event["Direction"]}
            for column, header in (("sent_callee_name", "Name"), ("sent_callee_num", "Number")):
                change[column] = event.get(f"Sent-Callee-ID-{header}") or ""
        self._pending.append((self.clock.now() + LAG * self.clock.pace, name, channel.uuid, change))
        if len(self._pending) > 1000:
            self._catch_up()

    def _row(self, channel: Channel) -> Row:
        profile = channel.profile
        row = dict.fromkeys(COLUMNS, "")
        created = profile.created // 1_000_000 if profile else int(time.time())
        row.update(
            uuid=channel.uuid,
            direction=channel.direction,
            created=time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(created)),
            created_epoch=str(created),
            name=channel.name,
            state=channel.running.label,
            hostname=self.hostname,
            callstate=channel.callstate.name,
        )
        if channel.has_codec:
            row.update(_codec(channel))
        if profile:
            row.update(
                dialplan=profile.dialplan,
                context=profile.context,
                initial_cid_name=profile.caller_id_name,
                initial_cid_num=profile.caller_id_number,
                initial_ip_addr=profile.network_addr,
                initial_dest=profile.destination_number,
                initial_dialplan=profile.dialplan,
                initial_context=profile.context,
            )
        return row

    def _catch_up(self) -> None:
        now = self.clock.now()
        while self._pending and self._pending[0][0] <= now:
            _, name, uuid, change = self._pending.popleft()
            row = self.channels.get(uuid)
            if name == "CHANNEL_CREATE":
                self.channels[uuid] = change
            elif name == "CHANNEL_DESTROY":
                self.channels.pop(uuid, None)
                self.calls.pop(uuid, None)
            elif name == "CHANNEL_BRIDGE":
                self.calls[uuid] = (change["partner"], str(int(time.time())))
                for leg in (uuid, change["partner"]):
                    if leg in self.channels:
                        self.channels[leg]["call_uuid"] = change["call_uuid"]
            elif name == "CHANNEL_UNBRIDGE":
                partner, _ = self.calls.pop(uuid, ("", ""))
                for leg in (uuid, partner):
                    if leg in self.channels:
                        self.channels[leg]["call_uuid"] = leg
            elif name == "CHANNEL_UUID":
                if change["old"] in self.channels:
                    self.channels[uuid] = {**self.channels.pop(change["old"]), "uuid": uuid}
            elif row is not None:
                row.update(change)

    # ---- show --------------------------------------------------------------------------------------------

    def rows(self, what: str) -> tuple[list[str], list[Row]]:
        """Columns and rows of `channels`, `[detailed_]calls` or `[detailed_]bridged_calls`."""
        self._catch_up()
        if what == "channels":
            return list(COLUMNS), list(self.channels.values())
        detailed = what.startswith("detailed")
        own = _DETAILED if detailed else _BASIC
        other = _DETAILED if detailed else _BASIC_B
        columns = [*own, *(f"b_{name}" for name in other), "call_created_epoch"]
        callees = {partner for partner, _ in self.calls.values()}
        rows = []
        for uuid, row in self.channels.items():
            partner, epoch = self.calls.get(uuid, ("", ""))
            if uuid in callees or ("bridged" in what and not partner):
                continue
            peer = self.channels.get(partner, {})
            call = {name: row[name] for name in own}
            call.update({f"b_{name}": peer.get(name, "") for name in other})
            rows.append({**call, "call_created_epoch": epoch})
        return columns, rows


def _callers(channel: Channel) -> Row:
    profile = channel.profile
    if profile is None:
        return {}
    return {
        "cid_name": profile.caller_id_name,
        "cid_num": profile.caller_id_number,
        "ip_addr": profile.network_addr,
        "dest": profile.destination_number,
        "dialplan": profile.dialplan,
        "context": profile.context,
    }


def _callees(channel: Channel) -> Row:
    profile = channel.profile
    if profile is None:
        return {}
    return {"callee_name": profile.callee_id_name, "callee_num": profile.callee_id_number}


def _presence(channel: Channel) -> Row:
    names = ("presence_id", "presence_data")
    return {name: channel.variables.get(name) or "" for name in names}


def _codec(channel: Channel) -> Row:
    values = {}
    for header, value in channel.endpoint.codec.pairs:
        column = (
            header.lower().removeprefix("channel-").replace("-codec-name", "_codec").replace("-codec", "")
        )
        values[column.replace("-", "_")] = str(value)
    return values


def as_text(columns: list[str], rows: list[Row], delimiter: str = ",") -> str:
    """The default form: a line of names, a line for each row, and how many there are."""
    lines = [delimiter.join(columns)] if rows else []
    lines += [delimiter.join(row[name] for name in columns) for row in rows]
    return "".join(one + "\n" for one in lines) + f"\n{len(rows)} total.\n"


def as_json(rows: list[Row]) -> str:
    """``as json``: without any row there is no ``rows``; all values are strings."""
    if not rows:
        return '{"row_count": 0}\n'
    return json.dumps(
        {"row_count": len(rows), "rows": rows}, separators=(",", ":"), ensure_ascii=False
    ).replace("\\/", "/")


def as_xml(columns: list[str], rows: list[Row]) -> str:
    if not rows:
        return '<result row_count="0"/>\n'
    body = ""
    for number, row in enumerate(rows, 1):
        fields = "".join(f"    <{name}>{row[name]}</{name}>\n" for name in columns)
        body += f'  <row row_id="{number}">\n{fields}  </row>\n'
    return f'<result row_count="{len(rows)}">\n{body}</result>\n'
