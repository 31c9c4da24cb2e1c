"""The simulated switch against each recording of the real one.

A recording's own commands are sent to the simulated switch at the recorded moments, and its callers, phones
and keys act as they did. Compared are, on each leg, all events in their order (CHANNEL_STATE and
CHANNEL_CALLSTATE too), with the names of all their headers in order and the values that matter: causes,
marks, answer states, other legs, applications and their responses, caller ids, all `voiced_` variables; each
reply, api response and job's body; the columns of `show`; and across legs the order that causality demands.
Left out are CODEC, PRESENCE_IN, PRIVATE_COMMAND, COMMAND, API, HEARTBEAT, RE_SCHEDULE and MODULE_LOAD, and
what `compare.py` names as a race of the real switch's threads.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
from pathlib import Path

import pytest

from tests.recordings import load, names

from .claims import NOT_CLAIMED
from .compare import differences
from .recorded import Said, timeline
from .replay import NOT_OURS, Replay

AT_ONCE = 20
"""Replays that run at the same time, each with a switch of its own in the same loop."""
ATTEMPTS = 3
"""A replay that differs is tried again alone: on a busy machine its moments come late."""


async def replayed(name: str) -> list[str]:
    """The differences of one replay."""
    try:
        replay = await Replay(name).run()
    except AssertionError as error:
        return [str(error)]
    besides = {number for scenario, number in NOT_OURS if scenario == name}
    return differences(replay.recorded, replay.heard, besides=besides)


async def all_replayed() -> dict[str, list[str]]:
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(name: str) -> tuple[str, list[str]]:
        async with limit:
            return name, await replayed(name)

    longest_first = sorted(names(), key=lambda name: -load(name)[1][-1].seconds)
    found = dict(await asyncio.gather(*(one(name) for name in longest_first)))
    for name in [name for name, what in found.items() if what]:
        for _ in range(ATTEMPTS - 1):
            found[name] = await replayed(name)
            if not found[name]:
                break
    return found


@pytest.fixture(scope="session")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The differences by scenario; with several test processes one of them replays for all."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if base.name.startswith("popen-") else base) / "replayed.json"
    with Path(f"{shared}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not shared.exists():
            shared.write_text(json.dumps(asyncio.run(all_replayed())))
    result: dict[str, list[str]] = json.loads(shared.read_text())
    return result


@pytest.mark.parametrize("name", [name for name in names() if name not in NOT_CLAIMED])
def test_follows_the_recording(name: str, found: dict[str, list[str]]) -> None:
    assert not found[name], "\n".join(found[name][:20])


# ---- the comparison can fail
# --------------------------------------------------------------------------------


def _recorded() -> list[Said]:
    return timeline(load("transfer_answered_agent_hangs_up")[1])


def _events(said: list[Said], name: str, leg: int) -> list[int]:
    """Where the events of that name are, of the caller's leg (0) or the agent's (1)."""
    legs = list(dict.fromkeys(one.uuid for one in said if one.kind == "event" and one.uuid))
    return [number for number, one in enumerate(said) if one.name == name and one.uuid == legs[leg]]


def test_a_recording_equals_itself() -> None:
    assert differences(_recorded(), _recorded()) == []


@pytest.mark.parametrize(
    ("event", "leg", "header", "value"),
    [
        ("CHANNEL_HANGUP", 1, "Hangup-Cause", "NO_ANSWER"),
        ("CHANNEL_HANGUP", 1, "variable_sip_term_status", "486"),
        ("CHANNEL_EXECUTE_COMPLETE", 0, "Application-Response", "PLAYBACK ERROR"),
        ("CHANNEL_EXECUTE", 0, "Application-Data", "local_stream://other"),
        ("CHANNEL_BRIDGE", 0, "Other-Leg-Unique-ID", "00000000-0000-0000-0000-000000000000"),
        ("CHANNEL_ANSWER", 1, "Answer-State", "ringing"),
        ("CHANNEL_CREATE", 1, "variable_voiced_transfer", "t-2"),
        ("CHANNEL_STATE", 1, "Channel-State", "CS_ROUTING"),
        ("PLAYBACK_STOP", 0, "Playback-Status", "break"),
        ("CHANNEL_PARK", 1, "X-Another", "header"),
    ],
)
def test_a_changed_header_is_caught(event: str, leg: int, header: str, value: str) -> None:
    tampered = _recorded()
    tampered[_events(tampered, event, leg)[0]].headers[header] = value
    assert differences(tampered, _recorded())


@pytest.mark.parametrize("event", ["CHANNEL_PARK", "PLAYBACK_STOP", "CHANNEL_CALLSTATE", "CHANNEL_STATE"])
def test_a_missing_event_is_caught(event: str) -> None:
    tampered = _recorded()
    leg = 0 if event == "PLAYBACK_STOP" else 1
    del tampered[_events(tampered, event, leg)[0]]
    assert differences(tampered, _recorded())
    assert differences(_recorded(), tampered)


def test_two_events_in_another_order_are_caught() -> None:
    tampered = _recorded()
    legs = [
        number for number, said in enumerate(tampered) if said.name in ("CHANNEL_EXECUTE", "CHANNEL_PARK")
    ]
    first, second = legs[-2:]
    tampered[first], tampered[second] = tampered[second], tampered[first]
    assert differences(tampered, _recorded())


def test_another_order_across_legs_is_caught() -> None:
    """Each leg by itself is as recorded, but the caller's events all come before the agent's."""
    tampered = _recorded()
    caller = next(said.uuid for said in tampered if said.kind == "event" and said.uuid)
    tampered.sort(key=lambda said: said.kind == "event" and said.uuid != caller)
    found = differences(_recorded(), tampered)
    assert any("both legs are answered before they are bridged" in one for one in found)
    assert any("who hung up before the end of the talk" in one for one in found)
    assert not any(", event " in one for one in found)


def test_another_reply_or_job_result_is_caught() -> None:
    for kind, change in (("reply", "+OK\n"), ("event", "-ERR NO_ANSWER\n")):
        tampered = _recorded()
        last = [said for said in tampered if said.kind == kind and said.body][-1]
        last.body = change
        assert differences(tampered, _recorded())
    tampered = _recorded()
    [said for said in tampered if said.get("Reply-Text").startswith("+OK")][-1].headers["Reply-Text"] = "-ERR"
    assert differences(tampered, _recorded())
