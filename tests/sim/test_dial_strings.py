"""Text as FreeSWITCH cuts it: dial strings, quoted values, expansion, percent-encoding."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.sim import Switch
from voiced.sim.commands import CommandReader
from voiced.sim.dialstring import DialStringError, parse
from voiced.sim.expand import expand
from voiced.sim.separate import separate
from voiced.sim.sounds import Sounds, tone_length
from voiced.sim.wire import percent_encode


@pytest.mark.parametrize(
    ("text", "delimiter", "most", "pieces"),
    [
        ("a b c", " ", 0, ["a", "b", "c"]),
        ("  a   b ", " ", 0, ["a", "b"]),
        ("a b c d", " ", 2, ["a", "b c d"]),
        ("'a b' c", " ", 0, ["a b", "c"]),
        ("a=1,b='2,3',c", ",", 0, ["a=1", "b=2,3", "c"]),
        (r"a\,b,c", ",", 0, ["a,b", "c"]),
        ("it's,fine", ",", 0, ["it's", "fine"]),
        ("", " ", 0, []),
    ],
)
def test_separate(text: str, delimiter: str, most: int, pieces: list[str]) -> None:
    assert separate(text, delimiter, most) == pieces


def test_a_dial_string_with_everything() -> None:
    dial = parse("{a=1,b='x,y'}[c=3]user/1@d,[^^:d=4:e=5,6]sofia/gateway/g/2|loopback/9000/default")
    assert dial.variables == {"a": "1", "b": "x,y"}
    first, second = dial.groups[0]
    assert (first.variables, first.endpoint, first.data) == ({"c": "3"}, "user", "1@d")
    assert (second.variables, second.endpoint, second.data) == (
        {"d": "4", "e": "5,6"},
        "sofia",
        "gateway/g/2",
    )
    assert [(one.endpoint, one.data) for one in dial.groups[1]] == [("loopback", "9000/default")]


def test_blocks_with_another_delimiter_and_ultra_variables() -> None:
    assert parse("<u=1>{^^;a=1,2;b=3}user/1").variables == {"u": "1", "a": "1,2", "b": "3"}


@pytest.mark.parametrize("text", ["", "   ", "{a=b", "{a=b}", "[a=b user/1"])
def test_dial_strings_without_an_end_or_a_target(text: str) -> None:
    with pytest.raises(DialStringError):
        parse(text)


@given(st.text(st.characters(exclude_characters="{}[]<>,|'^\\ "), min_size=1), st.text("ab1_", min_size=1))
def test_a_plain_value_survives(value: str, name: str) -> None:
    assert parse(f"{{{name}={value}}}user/1").variables == {name: value}


def test_expansion_runs_api_commands() -> None:
    switch = Switch(seed=1)
    switch.globals["city"] = "Recife"
    assert expand(switch, "in ${city}, ${nosuch}!") == "in Recife, !"
    assert expand(switch, "${city:0:3} ${city:-3}") == "Rec ife"
    assert expand(switch, "${echo(a ${city})}") == "a Recife"
    assert expand(switch, "${open", None) == "${open"


@given(st.text())
def test_encoding_can_be_undone(text: str) -> None:
    """But for percent signs that already stand before two upper-case hex digits: those are lost."""
    encoded = percent_encode(text)
    assert encoded.isascii()
    assert not set(encoded) & set(' "#&+:;<=>?@[\\]^`{|}\n\r\t')
    if "%" not in text:
        assert unquote(encoded) == text


def test_encoding_loses_what_the_real_one_loses() -> None:
    assert percent_encode("100%") == "100%25"
    assert percent_encode("%41") == "%41"
    assert percent_encode("%zz") == "%25zz"
    assert percent_encode("a,b/c (d)!") == "a,b/c%20(d)!"


@given(
    st.lists(st.sampled_from(["api a b", "event plain ALL", "sendmsg x\nkey: v"]), min_size=1),
    st.integers(1, 9),
)
def test_commands_are_read_however_they_are_cut(commands: list[str], size: int) -> None:
    raw = "".join(f"{one}\n\n" for one in commands).encode()
    reader, got = CommandReader(), []
    for start in range(0, len(raw), size):
        got += reader.feed(raw[start : start + size])
    assert [one.line for one in got] == [one.partition("\n")[0] for one in commands]
    assert not reader.partial


def test_a_command_with_a_body() -> None:
    (command,) = CommandReader().feed(b"sendevent CUSTOM\ncontent-length: 5\r\n\r\nab\n\nc")
    assert (command.line, command.body) == ("sendevent CUSTOM", "ab\n\nc")


def test_how_long_things_play() -> None:
    assert tone_length("%(200,50,700)") == 0.25
    assert tone_length("%(100,0,800);loops=3") == pytest.approx(0.3)
    assert tone_length("%(100,0,800);loops=-1") is None
    sounds = Sounds()
    sounds.prompts["/prompts/hello.wav"] = 1.5
    lengths = {
        "local_stream://moh": None,
        "silence_stream://250": 0.25,
        "silence_stream://-1": None,
        "/prompts/hello.wav": 1.5,
        "file_string:///prompts/hello.wav!silence_stream://500": 2.0,
    }
    for path, length in lengths.items():
        sound = sounds.open(path)
        assert sound is not None
        assert sound.length == length, path
    assert sounds.open("local_stream://nosuch") is None
    assert sounds.open("/no/such.wav") is None
