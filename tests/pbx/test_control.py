"""Call control as text: what goes over the wire, to the letter, and what is never put into it."""

from __future__ import annotations

import pytest

from voiced.esl.errors import InvalidValue
from voiced.pbx import control
from voiced.pbx.channel import Home

HOME = Home("8000", "XML", "pbx.test")
HOSTILE = ["a b", "x\ny", "x\r", "x\0", "${x}", "{x}", "a,b", "a|b"]


def arguments(command: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in command.split("\n")[1:])


def test_a_hold_is_three_queued_marked_applications_with_a_limit() -> None:
    before = {"playback_terminators": "#"}
    mark, music, unmark = control.hold("c-1", "t-1", 2, "", "local_stream://moh", 120, "*", HOME, before)
    assert {command.text.split("\n")[0] for command in (mark, music, unmark)} == {"sendmsg c-1"}
    for command in (mark, music, unmark):
        assert arguments(command.text)["event-lock"] == "true"
    assert arguments(mark.text)["execute-app-arg"] == (
        "^^|voiced_hold=t-1|playback_terminators=*|transfer_after_bridge=8000:XML:pbx.test"
    )
    assert arguments(music.text)["execute-app-name"] == "playback"
    assert arguments(music.text)["event-uuid"] == "hold-t-1.2"
    assert arguments(music.text)["execute-app-arg"] == "{timeout=125000}local_stream://moh"
    assert arguments(unmark.text)["execute-app-arg"] == (
        "^^|voiced_hold=|playback_terminators=#|transfer_after_bridge="
    )


def test_the_limit_stands_with_a_prompt_and_with_the_music_behind_it() -> None:
    _, music, _ = control.hold("c-1", "t-1", 1, "/s/wait.wav", "local_stream://moh", 10, "*", None, {})
    assert arguments(music.text)["execute-app-arg"] == (
        "{timeout=15000}file_string:///s/wait.wav!{timeout=15000}local_stream://moh"
    )


def test_without_a_key_none_ends_the_music_and_without_a_home_none_is_set() -> None:
    mark, *_ = control.hold("c-1", "t-1", 1, "", "silence_stream://-1", 1, "", None, {})
    assert arguments(mark.text)["execute-app-arg"] == "^^|voiced_hold=t-1|playback_terminators=none"


@pytest.mark.parametrize("value", ["a|voiced_hold=x", "${x}", "a\nb"])
def test_a_variable_of_the_caller_that_could_be_syntax_is_not_put_back(value: str) -> None:
    *_, unmark = control.hold("c-1", "t-1", 1, "", "m", 1, "*", HOME, {"playback_terminators": value})
    assert "|playback_terminators=|" in unmark.text
    assert value not in unmark.text


def test_an_attempt_marks_its_legs_and_ends_them_by_itself() -> None:
    text = control.dial("t-1.1", "t-1", ["user/1001@pbx.test"], 30, "+55 (11) 9", "José {evil}")
    block, _, rest = text.removeprefix("originate {").partition("}")
    assert rest == "user/1001@pbx.test &park()"
    assert dict(pair.split("=", 1) for pair in block.split(",")) == {
        "voiced_transfer": "t-1", "voiced_attempt": "t-1.1", "presence_data": "voiced:t-1.1",
        "ignore_early_media": "true", "originate_timeout": "30", "park_timeout": "120",
        "hangup_after_bridge": "true", "loopback_bowout": "false",
        "origination_caller_id_number": "+55119", "origination_caller_id_name": "'José evil'",
    }  # fmt: skip


def test_a_caller_without_number_and_name_is_shown_as_the_pbx_does() -> None:
    text = control.dial("t-1.1", "t-1", ["user/1001@pbx.test"], 0.2, "anonymous", "{}")
    assert "origination_caller_id" not in text
    assert "originate_timeout=1," in text, "no phone rings for less than a second"


def test_several_endpoints_ring_together() -> None:
    text = control.dial("t-1.1", "t-1", ["user/1001@p", "loopback/9000/p"], 30, "", "")
    assert text.endswith("}user/1001@p,loopback/9000/p &park()")


@pytest.mark.parametrize("bad", HOSTILE)
def test_no_channel_attempt_or_endpoint_that_is_none_gets_into_a_command(bad: str) -> None:
    for make in (
        lambda: control.stop_music(bad),
        lambda: control.bridge(bad, "l"),
        lambda: control.bridge("c", bad),
        lambda: control.end_legs(bad),
        lambda: control.end_legs("t-1.1", bad),
        lambda: control.send_home(bad, HOME),
        lambda: control.unprepare_bridge(bad, {}),
        lambda: control.release(bad, ""),
        lambda: control.dial(bad, "t", ["user/1@p"], 1, "", ""),
        lambda: control.dial("t.1", "t", [f"user/{bad}@p"], 1, "", ""),
        lambda: control.hold(bad, "t", 1, "", "m", 1, "*", None, {}),
    ):
        with pytest.raises(InvalidValue):
            make()


def test_a_bridge_is_prepared_before_it_is_made_and_can_be_taken_back() -> None:
    prepared, made = control.bridge("c-1", "l-1")
    assert prepared.text == (
        "api uuid_setvar_multi c-1 hangup_after_bridge=explicit;uuid_bridge_park_on_cancel=true"
    )
    assert made.text == "api uuid_bridge c-1 l-1"
    back = control.unprepare_bridge("c-1", {"hangup_after_bridge": "true"})
    assert back.text == "api uuid_setvar_multi c-1 hangup_after_bridge=true;uuid_bridge_park_on_cancel="


def test_a_call_routed_in_goes_on_by_itself_where_its_bridge_comes_to_nothing() -> None:
    """Without the last one the switch parks it for 20 ms of the 60, in silence until somebody looks."""
    prepared, _ = control.bridge("c-1", "l-1", control.routed_in(HOME))
    assert prepared.text == (
        "api uuid_setvar_multi c-1 hangup_after_bridge=explicit;uuid_bridge_park_on_cancel=true;"
        "socket_resume=;transfer_after_bridge=8000:XML:pbx.test;uuid_bridge_continue_on_cancel=true"
    )
    back = control.unprepare_bridge("c-1", {}, is_routed_in=True)
    assert back.text == (
        "api uuid_setvar_multi c-1 hangup_after_bridge=;uuid_bridge_park_on_cancel=;transfer_after_bridge=;"
        "uuid_bridge_continue_on_cancel="
    )


def test_the_rest_to_the_letter() -> None:
    assert control.stop_music("c-1").text == "api uuid_fileman c-1 stop"
    assert control.end_legs("t-1.2").text == "api hupall ORIGINATOR_CANCEL voiced_attempt t-1.2"
    assert control.send_home("c-1", HOME).text == "api uuid_transfer c-1 8000 XML pbx.test"
    assert (
        control.send_to("c-1", "loopback/*991001/pbx.test").text
        == "api uuid_transfer c-1 *991001 XML pbx.test"
    )
    play, hangup = control.release("l-1", "/s/bye.wav")
    assert arguments(play.text)["execute-app-arg"] == "{timeout=10000}/s/bye.wav"
    assert arguments(hangup.text)["execute-app-name"] == "hangup"
    assert [arguments(c.text)["execute-app-name"] for c in control.release("l-1", "")] == ["hangup"]


def test_each_of_several_sounds_has_the_switchs_own_limit() -> None:
    """The one in front is forgotten when the first sound is over: a ringback tone would sound for ever."""
    one, two = (
        control.play("l-1", "tone-1", sounds, 65) for sounds in (["t"], ["/s/a.wav", "/s/b.wav", "t"])
    )
    assert arguments(one.text)["execute-app-arg"] == "{timeout=65000}t"
    assert arguments(two.text)["execute-app-arg"] == (
        "{timeout=65000}file_string:///s/a.wav!{timeout=65000}/s/b.wav!{timeout=65000}t"
    )


@pytest.mark.parametrize(
    ("sounds", "speech", "with_key", "expected"),
    [
        (["a.wav"], "", False, [("playback", "a.wav", "screen-t.1")]),
        (["a.wav", "b.wav"], "", False, [("playback", "file_string://a.wav!b.wav", "screen-t.1")]),
        ([], "flite|slt|x", False, [("speak", "flite|slt|x", "screen-t.1")]),
        (
            ["k.wav"], "flite|slt|x", True,
            [
                ("speak", "flite|slt|x", "announce-t.1"),
                (
                    "play_and_get_digits",
                    "1 1 2 4000 # k.wav silence_stream://100 voiced_key [123]",
                    "screen-t.1",
                ),
            ],
        ),
    ],
)  # fmt: skip
def test_an_agent_is_told_and_asked_in_order_and_the_last_answer_is_the_screens(
    sounds: list[str], speech: str, with_key: bool, expected: list[tuple[str, str, str]]
) -> None:
    commands = [arguments(c.text) for c in control.screen("l-1", "t.1", sounds, speech, with_key=with_key)]
    assert [(c["execute-app-name"], c["execute-app-arg"], c["event-uuid"]) for c in commands] == expected
