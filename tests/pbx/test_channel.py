"""A channel read from what `uuid_dump` says."""

from __future__ import annotations

import pytest

from tests.callers import at_the_assistant
from voiced.esl import connect
from voiced.pbx.channel import Channel, Home, from_dump
from voiced.sim import Switch


def dump(**headers: str) -> str:
    """A dump's text: names with dashes for underscores, values as they are encoded."""
    return "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in headers.items())


PARKED = dump(
    Unique_ID="c-1", Channel_State="CS_EXECUTE", Answer_State="answered", Channel_Name="sofia/internal/5@pbx",
    Caller_Caller_ID_Number="%2B5511999990000", Caller_Caller_ID_Name="Jos%C3%A9%20Souza",
    Caller_Destination_Number="8000", Caller_Dialplan="XML", Caller_Context="pbx.test",
    Other_Leg_Unique_ID="a-1",
)  # fmt: skip


def test_what_a_dump_says_is_read_and_decoded() -> None:
    assert from_dump(PARKED) == Channel(
        uuid="c-1", state="CS_EXECUTE", answered=True, number="+5511999990000", name="José Souza",
        peer="a-1", label="sofia/internal/5@pbx", dialled="8000", home=Home("8000", "XML", "pbx.test"),
    )  # fmt: skip


MARKED = PARKED + (
    "variable_voiced_hold: t-1\nvariable_voiced_attempt: t-1.2\nvariable_playback_terminators: %23\n"
    "variable_hangup_after_bridge: false\nvariable_other: x\nvariable_current_application: playback\n"
    "variable_current_application_data: %7Btimeout%3D125000%7Dlocal_stream%3A//moh\n"
)


def test_marks_and_the_variables_that_we_change_are_read() -> None:
    channel = from_dump(MARKED)
    assert (channel.hold, channel.attempt) == ("t-1", "t-1.2")
    assert channel.before == {"playback_terminators": "#", "hangup_after_bridge": "false"}


@pytest.mark.parametrize(
    ("said", "instead"),
    [("application: playback", "application: park"), ("%7Btimeout%3D125000%7D", ""), ("_hold: t-1", "_x: y")],
)
def test_a_mark_without_our_music_is_no_hold(said: str, instead: str) -> None:
    assert said in MARKED
    assert from_dump(MARKED.replace(said, instead)).hold == ""


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Caller-Destination-Number", ""),
        ("Caller-Destination-Number", "80%2000"),
        ("Caller-Destination-Number", "8000%0Aapi%20x"),
        ("Caller-Destination-Number", "%24%7Bx%7D"),
        ("Caller-Dialplan", "XML%20y"),
        ("Caller-Context", "a%7Cb"),
    ],
)
def test_an_extension_that_may_not_stand_in_a_command_is_no_home(header: str, value: str) -> None:
    lines = [line for line in PARKED.splitlines() if not line.startswith(header)]
    assert from_dump("\n".join([*lines, f"{header}: {value}", ""])).home is None


def test_dialplan_and_context_have_defaults() -> None:
    lines = [
        line for line in PARKED.splitlines() if not line.startswith(("Caller-Dialplan", "Caller-Context"))
    ]
    assert from_dump("\n".join([*lines, ""])).home == Home("8000", "XML", "default")


@pytest.mark.parametrize(
    ("state", "parked", "bridged"),
    [
        ("CS_PARK", True, False),
        ("CS_EXECUTE", False, False),
        ("CS_CONSUME_MEDIA", False, False),
        ("CS_EXCHANGE_MEDIA", False, True),
        ("CS_SOFT_EXECUTE", False, True),
        ("CS_HIBERNATE", False, True),
    ],
)
def test_its_state_says_whether_it_is_parked_or_bridged(state: str, parked: bool, bridged: bool) -> None:
    channel = from_dump(dump(Unique_ID="x", Channel_State=state, Other_Leg_Unique_ID="c-1"))
    assert (channel.is_parked, channel.is_bridged) == (parked, bridged)
    assert channel.is_bridged_to("c-1") is (state == "CS_EXCHANGE_MEDIA")
    assert not channel.is_bridged_to("c-2")


@pytest.mark.parametrize(
    ("label", "far"),
    [("loopback/9000-a", False), ("loopback/9000-b", True), ("sofia/internal/9000-b", False)],
)
def test_the_end_of_a_loopback_that_runs_the_dialplan_is_known(label: str, far: bool) -> None:
    assert from_dump(dump(Unique_ID="x", Channel_Name=label)).is_far_end is far


async def test_a_callers_dump_on_the_pbx_says_who_and_where(switch: Switch) -> None:
    caller = await at_the_assistant(switch, "5511987650000", "João d'Ávila")
    async with connect("127.0.0.1", switch.port, "ClueCon") as client:
        channel = from_dump((await client.api(f"uuid_dump {caller.uuid}")).text)
    assert (channel.uuid, channel.number, channel.name) == (caller.uuid, "5511987650000", "João d'Ávila")
    assert channel.answered
    assert channel.home == Home("8000", "XML", "default")
    assert not channel.is_bridged
