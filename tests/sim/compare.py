"""Compares what the simulated switch said with a recording, leg by leg, and says every difference."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass

from .legs import Legs, is_compared, leg_key, plain_name
from .recorded import UUID, Said

FIELDS = (
    "Channel-State",
    "Channel-Call-State",
    "Answer-State",
    "Call-Direction",
    "Channel-HIT-Dialplan",
    "Hangup-Cause",
    "Application",
    "Application-Data",
    "Application-Response",
    "Other-Leg-Unique-ID",
    "Other-Type",
    "Bridge-A-Unique-ID",
    "Bridge-B-Unique-ID",
    "Channel-Presence-ID",
    "Channel-Presence-Data",
    "Channel-Call-UUID",
    "Original-Channel-Call-State",
    "Caller-Destination-Number",
    "Caller-Caller-ID-Name",
    "Caller-Caller-ID-Number",
    "Caller-Callee-ID-Name",
    "Caller-Callee-ID-Number",
    "Playback-File-Path",
    "Playback-File-Type",
    "Playback-Status",
    "Record-File-Path",
    "DTMF-Digit",
    "Direction",
    "Sent-Callee-ID-Name",
    "Sent-Callee-ID-Number",
    "Bridged-To",
    "DTMF-Source",
    "Job-Command",
    "Job-Command-Arg",
    "Event-Subclass",
    "X-Name",
    "X-Acao",
    "CC-Action",
    "CC-Queue",
    "CC-Agent",
    "CC-Agent-UUID",
    "CC-Agent-State",
    "CC-Agent-Bridged",
    "CC-Member-Session-UUID",
    "CC-Member-CID-Name",
    "CC-Member-CID-Number",
    "CC-Cause",
    "CC-Cancel-Reason",
    "CC-Hangup-Cause",
    "CC-Count",
    "from-user",
    "from-host",
    "variable_sip_term_status",
    "variable_sip_invite_failure_status",
    "variable_sip_hangup_disposition",
    "variable_hangup_cause",
    "variable_hangup_cause_q850",
    "variable_last_bridge_role",
    "variable_last_bridge_hangup_cause",
    "variable_bridge_hangup_cause",
    "variable_originate_disposition",
    "variable_DIALSTATUS",
    "variable_current_application",
    "variable_current_application_data",
    "variable_presence_data",
    "variable_origination_uuid",
    "variable_loopback_leg",
    "variable_group_dial_status",
    "variable_park_after_bridge",
    "variable_hangup_after_bridge",
    "variable_export_vars",
    "variable_read_result",
    "variable_playback_terminator_used",
    "variable_ticket_id",
    "variable_dialed_user",
    "variable_loopback_hangup_cause",
)
"""Headers that must be equal, or absent in both. All ``variable_voiced_…`` are compared besides."""


@dataclass(frozen=True)
class Shape:
    """An event without what differs from run to run."""

    name: str
    fields: tuple[tuple[str, str], ...]
    body: str
    headers: tuple[str, ...]
    """The names of all its headers in their order, variables apart."""
    verbose: bool
    """Whether it came with all variables of its leg."""

    def __str__(self) -> str:
        shown = {"Channel-State", "Application", "Application-Data", "Hangup-Cause", "CC-Action"}
        fields = " ".join(f"{k}={v}" for k, v in self.fields if k in shown)
        return f"{self.name} {fields}".strip()


class Shapes:
    """One side of a comparison: the events of each leg in order, their ids replaced by the legs' names."""

    def __init__(self, saids: Iterable[Said], ids: dict[str, str] | None = None) -> None:
        self.saids = list(saids)
        self.legs = Legs(self.saids)
        self.ids = ids or {}
        self.by_leg: dict[str, list[Shape]] = {}
        self.all: list[tuple[str, Shape, Said]] = []
        for said in self.saids:
            if not is_compared(said):
                continue
            key = leg_key(said, self.legs)
            shape = self.shape(said)
            self.by_leg.setdefault(key, []).append(shape)
            self.all.append((key, shape, said))

    def shape(self, said: Said) -> Shape:
        names = [*FIELDS, *sorted(name for name in said.headers if name.startswith("variable_voiced_"))]
        fields = tuple((name, self.plain(said.headers[name])) for name in names if name in said.headers)
        uuid = said.headers.get("Application-UUID", "")
        if uuid and not UUID.fullmatch(uuid):
            fields += (("Application-UUID", uuid),)
        name = plain_name(said.get("Channel-Name"))
        body = _report(said.headers.get("Job-Command", ""), said.body)
        verbose = "variable_uuid" in said.headers
        headers = tuple(one for one in said.headers if not one.startswith("variable_"))
        return Shape(said.name, (*fields, ("Channel-Name", name)), self.plain(body), headers, verbose)

    def plain(self, text: str) -> str:
        """A text with the ids of legs replaced by their names, and every other id by ``ID``."""
        text = UUID.sub(lambda match: self.legs.label(match[0]) or self.ids.get(match[0], "ID"), text)
        text = re.sub(r"_epoch=\d+|\b1\d{9}\b", "EPOCH", text)
        return plain_name(re.sub(r"sip:(\d+)@127\.0\.0\.1:\d+", r"sip:\1@127.0.0.1:PORT", text))


def differences(
    recorded: Iterable[Said], heard: Iterable[Said], *, besides: Container[int] = ()
) -> list[str]:
    """Everything in which the two differ, replies of the numbers `besides` apart; empty if nothing."""
    left, right = Shapes(recorded), Shapes(heard)
    found = []
    for key in dict.fromkeys([*left.by_leg, *right.by_leg]):
        found += _leg_differences(key, left.by_leg.get(key, []), right.by_leg.get(key, []))
    found += _reply_differences(left, right, besides)
    found += _order_differences(left, right)
    return found


def _leg_differences(key: str, recorded: list[Shape], heard: list[Shape]) -> list[str]:
    recorded, heard = _without_races(recorded), _without_races(heard)
    found = []
    for number in range(max(len(recorded), len(heard))):
        ours = heard[number] if number < len(heard) else None
        theirs = recorded[number] if number < len(recorded) else None
        if ours is None or theirs is None or ours.name != theirs.name:
            found.append(f"{key}, event {number}: recorded {theirs}, heard {ours}")
            break
        for name, was, now in _changes(theirs, ours):
            if name in _RACING.get(theirs.name, ()) or _set_by_other_leg(name, now, recorded, number):
                continue
            found.append(f"{key}, event {number}, {theirs}: {name} was {was!r}, is {now!r}")
    return found


def _set_by_other_leg(name: str, now: str | None, recorded: list[Shape], number: int) -> bool:
    """Whether the partner's thread writes this, and the value is recorded a few events before or after."""
    if name not in _PARTNERS:
        return False
    nearby = recorded[max(number - 5, 0) : number + 6]
    return now in (dict(shape.fields).get(name) for shape in nearby if shape.verbose or name[0] == "C")


_PARTNERS = ("Channel-Call-UUID", "variable_bridge_hangup_cause", "variable_last_bridge_hangup_cause")

_RACING = {
    "CHANNEL_CALLSTATE": (
        "Channel-HIT-Dialplan",
        "Caller-Caller-ID-Name",
        "Caller-Caller-ID-Number",
        "Caller-Callee-ID-Name",
        "Caller-Callee-ID-Number",
    )
}
"""Headers that are not compared: a leg's call state is fired while the thread which dialled it already turns
its caller id round (`transfer_queue_caller_leaves` caught it in the act, its twins did not)."""


def _changes(theirs: Shape, ours: Shape) -> Iterable[tuple[str, str | None, str | None]]:
    was, now = dict(theirs.fields), dict(ours.fields)
    for name in dict.fromkeys([*was, *now]):
        if was.get(name) != now.get(name):
            yield name, was.get(name), now.get(name)
    if theirs.headers != ours.headers:
        yield "headers", " ".join(theirs.headers), " ".join(ours.headers)
    if theirs.body != ours.body:
        yield "body", theirs.body, ours.body


def _without_races(shapes: list[Shape]) -> list[Shape]:
    """Drop what is a race of threads in the real switch.

    The b leg of a uuid_bridge may or may not be seen in CONSUME_MEDIA on its way from SOFT_EXECUTE to
    EXCHANGE_MEDIA: both are recorded, about equally often.
    """
    kept: list[Shape] = []
    for shape in shapes:
        state = dict(shape.fields).get("Channel-State")
        before = dict(kept[-1].fields).get("Channel-State") if kept else None
        if shape.name == "CHANNEL_STATE" and state == "CS_CONSUME_MEDIA" and before == "CS_SOFT_EXECUTE":
            continue
        kept.append(shape)
    return kept


# ---- replies ---------------------------------------------------------------------------------------------


def _reply_differences(left: Shapes, right: Shapes, besides: Container[int]) -> list[str]:
    theirs, ours = _replies(left), _replies(right)
    found = []
    if len(theirs) != len(ours):
        found.append(f"{len(theirs)} replies recorded, {len(ours)} heard")
    for number, (was, now) in enumerate(zip(theirs, ours, strict=False)):
        if was != now and number not in besides:
            found.append(f"reply {number}: was {was!r}, is {now!r}")
    return found


def _replies(side: Shapes) -> list[object]:
    commands = [said.text for said in side.saids if said.kind == "command"]
    replies = [said for said in side.saids if said.kind in ("reply", "notice")]
    numbers = iter(commands)
    out: list[object] = []
    for said in replies:
        if said.kind == "notice":
            heads = {k: v for k, v in said.headers.items() if k != "Controlled-Session-UUID"}
            out.append((tuple(sorted(heads.items())), said.body))
            continue
        command = next(numbers, "")
        head = {k: side.plain(v) for k, v in said.headers.items() if k in ("Content-Type", "Reply-Text")}
        out.append((side.plain(command.strip()), tuple(head.items()), _body(side, command, said.body)))
    return out


def _body(side: Shapes, command: str, body: str) -> object:
    """A reply's body; of big tables and reports what matters."""
    if body.startswith('{"row_count"'):
        return _table(side, json.loads(body))
    if command.startswith("api show channels"):
        return [line.split(",")[1:2] for line in body.splitlines() if line]
    if command.startswith("api uuid_dump"):
        return [line for line in body.splitlines() if line.startswith(_just_set(side))]
    if command.startswith("api global_getvar core_uuid"):
        return bool(UUID.fullmatch(body))
    return side.plain(_report(command.removeprefix("api "), body))


def _report(command: str, body: str) -> str:
    """`status` counts what a run of its own cannot have: its numbers are left out."""
    return re.sub(r"\d+", "N", body.splitlines()[1].split(",")[0]) if command.split() == ["status"] else body


def _just_set(side: Shapes) -> tuple[str, ...]:
    """The variables set by `uuid_setvar`, as lines of a dump.

    What a sendmsg has set is there from the leg's next packet on, which is a matter of chance.
    """
    sets = (said.text.split() for said in side.saids if said.text.startswith("api uuid_setvar "))
    return tuple(f"variable_{words[3]}:" for words in sets)


COLUMNS = (
    "uuid",
    "direction",
    "name",
    "state",
    "cid_name",
    "cid_num",
    "dest",
    "application",
    "application_data",
    "context",
    "presence_id",
    "presence_data",
    "callstate",
    "callee_num",
    "call_uuid",
    "b_uuid",
    "reg_user",
    "realm",
    "network_proto",
    "read_codec",
)


def _table(side: Shapes, table: dict[str, object]) -> object:
    rows = table.get("rows", [])
    assert isinstance(rows, list)
    shown = [{k: side.plain(str(row[k])) for k in COLUMNS if k in row} for row in rows]
    return table["row_count"], [sorted(row) for row in rows], shown


# ---- order across legs -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Before:
    """What causality demands: something on one leg comes before something on another."""

    why: str
    first: str
    then: str
    related: Callable[[dict[str, str], dict[str, str], str, str], bool]


def _same_bridge(first: dict[str, str], then: dict[str, str], first_leg: str, then_leg: str) -> bool:
    return first_leg in (then.get("Bridge-A-Unique-ID"), then.get("Bridge-B-Unique-ID"))


def _job_of_leg(first: dict[str, str], then: dict[str, str], first_leg: str, then_leg: str) -> bool:
    return then.get("Job-Command") == "originate" and first.get("variable_origination_uuid", "-") in then.get(
        "Job-Command-Arg", ""
    )


def _parent(first: dict[str, str], then: dict[str, str], first_leg: str, then_leg: str) -> bool:
    return then.get("Other-Leg-Unique-ID") == first_leg


CAUSALITY = (
    Before("a leg is there before it is bridged", "CHANNEL_CREATE", "CHANNEL_BRIDGE", _same_bridge),
    Before(
        "both legs are answered before they are bridged", "CHANNEL_ANSWER", "CHANNEL_BRIDGE", _same_bridge
    ),
    Before("the bridge comes before its end", "CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE", _same_bridge),
    Before("the dialled leg is there before the job ends", "CHANNEL_CREATE", "BACKGROUND_JOB", _job_of_leg),
    Before("the answer comes before the job says OK", "CHANNEL_ANSWER", "BACKGROUND_JOB", _job_of_leg),
    Before("the caller is there before what it dials", "CHANNEL_CREATE", "CHANNEL_CREATE", _parent),
)


def _order_differences(left: Shapes, right: Shapes) -> list[str]:
    """Pairs that causality orders, first occurrences of both: they must stand in the recording's order."""
    found = []
    for rule in CAUSALITY:
        for pair in sorted(_pairs(left, rule) - _pairs(right, rule)):
            found.append(f"{rule.why}: recorded {pair[0]} before {pair[1]}, not so heard")
    left_ends, right_ends = _end_of_talk(left), _end_of_talk(right)
    if left_ends != right_ends:
        found.append(f"who hung up before the end of the talk: was {left_ends}, is {right_ends}")
    return found


def _pairs(side: Shapes, rule: Before) -> set[tuple[str, str]]:
    pairs = set()
    for number, (then_leg, then, _) in enumerate(side.all):
        if then.name != rule.then:
            continue
        for first_leg, first, _ in side.all[:number]:
            if first.name == rule.first and rule.related(
                dict(first.fields), dict(then.fields), first_leg, then_leg
            ):
                pairs.add((f"{first_leg} {first.name}", f"{then_leg} {then.name}"))
    return pairs


def _end_of_talk(side: Shapes) -> list[tuple[str, list[str]]]:
    """For each CHANNEL_UNBRIDGE: which of its legs had hung up before it."""
    ends = []
    for number, (leg, shape, _) in enumerate(side.all):
        if shape.name == "CHANNEL_UNBRIDGE":
            fields = dict(shape.fields)
            both = (fields.get("Bridge-A-Unique-ID"), fields.get("Bridge-B-Unique-ID"))
            gone = [k for k, one, _ in side.all[:number] if one.name == "CHANNEL_HANGUP" and k in both]
            ends.append((leg, sorted(gone)))
    return ends
