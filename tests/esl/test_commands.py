"""No text can become anything but one command, or change a dial string."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from voiced.esl import InvalidValue, commands, values
from voiced.esl.commands import Command

# What a server makes of the text: everything, with what is dangerous far more often than chance has it.
NASTY = st.one_of(
    st.text(),
    st.text(st.sampled_from("\r\n\0 :^_=,|&<>[]{}'\"\\$`a1é\udcff\ud800")),
    st.lists(
        st.sampled_from(
            ["\n", "\n\n", "\r", "\0", "${", "}", "^^", ":_:", "'", ",", "a=b", "exit", " ", "api x", "%0A"]
        )
    ).map("".join),
)


def commands_on_the_wire(data: bytes) -> list[list[bytes]]:
    """What the server reads : lines, cut at CR, LF and NUL, to a blank one."""
    assert data.endswith(b"\n\n")
    return [re.split(rb"[\n\r\0]", part) for part in re.split(rb"\n\n|\r|\0", data)[:-1]]


# -- what each command looks like ------------------------------------------------------------------------


def test_the_commands() -> None:
    assert commands.auth("ClueCon").to_bytes() == b"auth ClueCon\n\n"
    assert commands.api("status").to_bytes() == b"api status\n\n"
    assert commands.bgapi("status", "j-1").to_bytes() == b"bgapi status\nJob-UUID: j-1\n\n"
    assert commands.api("echo São \udcff").to_bytes() == b"api echo S\xc3\xa3o \xff\n\n"


def test_a_job_has_an_id_of_ours() -> None:
    first, second = commands.bgapi("status"), commands.bgapi("status")
    assert first.job_uuid != second.job_uuid
    assert first.text == f"bgapi status\nJob-UUID: {first.job_uuid}"
    assert commands.api("status").job_uuid == ""


def test_execute() -> None:
    assert commands.execute("u-1", "playback", "silence_stream://100", event_uuid="hold-7").to_bytes() == (
        b"sendmsg u-1\ncall-command: execute\nexecute-app-name: playback\n"
        b"execute-app-arg: silence_stream://100\nevent-uuid: hold-7\nevent-lock: true\n\n"
    )
    assert commands.execute("", "answer", lock=False).to_bytes() == (
        b"sendmsg\ncall-command: execute\nexecute-app-name: answer\n\n"
    )


def test_subclasses_stand_behind_custom_at_the_end() -> None:
    names = ["CUSTOM sofia::register", "HEARTBEAT", "CUSTOM callcenter::info", "DTMF"]
    assert commands.events(names).text == "event plain HEARTBEAT DTMF CUSTOM sofia::register callcenter::info"
    assert commands.events(["CUSTOM", "DTMF"]).text == "event plain DTMF CUSTOM"
    assert (
        commands.events(["DTMF", "DTMF", "CUSTOM a::b", "CUSTOM a::b"]).text == "event plain DTMF CUSTOM a::b"
    )
    assert commands.events(["ALL"], form="json").text == "event json ALL"


def test_a_dial_string() -> None:
    legs = [
        commands.user("1001", "pbx.test"),
        commands.loopback("*991001", "pbx.test"),
        commands.via_gateway("trunk", "+5511999990000"),
    ]
    variables = {"voiced_attempt": "7.1", "origination_caller_id_name": "Maria Souza"}
    assert commands.dial(legs, variables) == (
        "{voiced_attempt=7.1,origination_caller_id_name='Maria Souza'}"
        "user/1001@pbx.test,loopback/*991001/pbx.test,sofia/gateway/trunk/+5511999990000"
    )
    assert commands.dial(["user/1001@pbx.test"], {}) == "{}user/1001@pbx.test"


def test_a_dial_string_needs_an_endpoint() -> None:
    with pytest.raises(InvalidValue, match="endpoint"):
        commands.dial([], {"a": "b"})


# -- what is refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", ["a\nb", "a\rb", "a\0b", "a\n\nexit", "\n", "a\ud800"])
def test_a_line_has_no_line_end_no_nul_and_can_be_encoded(bad: str) -> None:
    for make in (commands.auth, commands.api, commands.bgapi, values.line, values.argument):
        with pytest.raises(InvalidValue):
            make(bad)
    with pytest.raises(InvalidValue):
        commands.execute("u-1", "playback", bad)


@pytest.mark.parametrize(
    "text", ["", " ", "\n", "exit\n\nexit", "\nexit", "exit\n", "exit\r\nexit", "a\0", "a\ud800"]
)
def test_a_command_is_one_command(text: str) -> None:
    with pytest.raises(InvalidValue):
        Command(text)


@pytest.mark.parametrize("bad", [None, 7, b"u-1", ["u-1"]])
def test_what_is_no_text_is_refused_as_such(bad: Any) -> None:
    checks = [getattr(values, name) for name, each in vars(values).items() if inspect.isfunction(each)]
    checks = [check for check in checks if not check.__name__.startswith("_")]
    for check in [*checks, commands.auth, commands.api, lambda v: commands.bgapi("status", v or 7)]:
        with pytest.raises(InvalidValue, match="is no text"):
            check(bad)


@pytest.mark.parametrize("make", [commands.api, commands.bgapi])
@pytest.mark.parametrize("nothing", ["", " ", "\t"])
def test_no_command_is_none(make: Callable[[str], Command], nothing: str) -> None:
    with pytest.raises(InvalidValue, match="there is no command"):
        make(nothing)


@pytest.mark.parametrize(
    ("names", "form"), [([], "plain"), (["ALL"], "xml"), (["ALL"], ""), (["ALL"], "plain ALL\nX: y")]
)
def test_a_subscription_is_to_something_that_we_read(names: list[str], form: Any) -> None:
    with pytest.raises(InvalidValue, match="a subscription"):
        commands.events(names, form=form)


@pytest.mark.parametrize("bad", ["${uuid_kill ${uuid}}", "a${b}", "$${c}"])
def test_an_argument_expands_nothing(bad: str) -> None:
    with pytest.raises(InvalidValue, match="expand"):
        commands.execute("u-1", "set", bad)


@pytest.mark.parametrize("bad", [*"{}[]<>,|&'\"\\$`\t\n\r\0\x7f", "^^;a=b", " ^^;a=b", "a:_:b"])
def test_a_dial_variable_has_no_syntax(bad: str) -> None:
    with pytest.raises(InvalidValue):
        commands.dial(["user/1@x"], {"a": bad})
    with pytest.raises(InvalidValue):
        commands.dial(["user/1@x"], {"a": f"b{bad}" if "^^" not in bad else bad})


@pytest.mark.parametrize(
    "bad",
    [
        "", "user", "user/", "user/1@x,user/2@x", "user/1@x|user/2@x", "{a=b}user/1@x", "[a=b]user/1@x",
        "user/1@x:_:user/2@x", "user/1 @x", "user/1@x\n", "user/1@x &park()", "user/${uuid}",
        "sofia/internal/1@x;a=b", "USER/1@x",
    ],
)  # fmt: skip
def test_an_endpoint_is_one_endpoint(bad: str) -> None:
    with pytest.raises(InvalidValue):
        commands.dial([bad], {})


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (values.channel_uuid, ["c2220868-c1aa", "7.1", "a_b"], ["", "-a", "a b", "a/b", "a\n", 65 * "x"]),
        (
            values.host,
            ["pbx.test", "pbx.test.", "10.0.0.1", "::1", "fe80::1%eth0", "_a.b", "münchen.de", "x" * 63],
            ["", ".", "a..b", ".a", "x" * 64, "a b", "a/b", "[::1]", "h:8021", "a\0", "xn--", "\udcff"],
        ),
        (values.extension, ["1001", "maria.souza"], ["", "*99", "10 01", "1001@x", "é", "1001\n", "x" * 33]),
        (values.number, ["+5511999990000", "*991001", "#31#5"], ["", "++55", "+", "55 11", "5,1", "5\n"]),
        (values.domain, ["pbx.test", "x", "10.0.0.1"], ["", ".x", "x.", "x_y", "x/y", "x y", "x\n"]),
        (values.context, ["default", "pbx.test", "a_b"], ["", "a b", "a;b", "a\n"]),
        (values.gateway, ["trunk", "a-b.c"], ["", "a/b", "a b", "a\n"]),
        (values.variable_name, ["voiced_attempt", "sip_h_X-A"], ["", "1a", "a=b", "a b", "a{", "a\n"]),
        (values.application, ["playback", "play_and_get_digits"], ["", "Play", "a b", "a::b", "a\n"]),
        (values.hangup_cause, ["USER_BUSY"], ["", "user_busy", "A", "USER BUSY", "USER_BUSY\n"]),
        (values.event_name, ["ALL", "CUSTOM", "CUSTOM a::b"], ["", "CUSTOM ", "a", "A B", "ALL\n"]),
        (values.endpoint, ["user/1@x", "error/user_busy"], ["user/1@x/" + "a/" * 9]),
    ],
)  # fmt: skip
def test_values_are_checked_against_what_they_are(check: object, good: list[str], bad: list[str]) -> None:
    assert callable(check)
    for value in good:
        assert check(value) == value
    for value in bad:
        with pytest.raises(InvalidValue):
            check(value)


def test_an_invalid_value_is_a_value_error_and_does_not_repeat_all_of_it() -> None:
    with pytest.raises(ValueError, match="is no extension") as caught:
        values.extension("1" * 5000)
    assert len(str(caught.value)) < 120


def test_names_of_callers_are_reduced() -> None:
    assert values.reduced_name("José {evil=1} O'Hara") == "José evil 1 O Hara"
    assert values.reduced_name("  a\n\nb\0 ") == "a b"
    assert values.reduced_name("Müller & Søn — 東京") == "Müller Søn 東京"
    assert values.reduced_name("\ud800x") == "x"
    assert len(values.reduced_name("ab " * 100)) <= 60


# -- whatever the text -------------------------------------------------------------------------------------


@given(NASTY)
def test_no_text_makes_api_more_than_one_command(text: str) -> None:
    try:
        command = commands.api(text)
    except InvalidValue:
        return
    assert commands_on_the_wire(command.to_bytes()) == [[f"api {text}".encode("utf-8", "surrogateescape")]]


@given(NASTY, NASTY)
def test_no_text_makes_bgapi_more_than_one_command(text: str, job: str) -> None:
    try:
        command = commands.bgapi(text, job or "j-1")
    except InvalidValue:
        return
    [[first, second]] = commands_on_the_wire(command.to_bytes())
    assert first == f"bgapi {text}".encode("utf-8", "surrogateescape")
    assert second == f"Job-UUID: {command.job_uuid}".encode()


@given(channel=st.one_of(st.just("u-1"), NASTY), application=st.one_of(st.just("set"), NASTY), argument=NASTY)
@example(channel="u-1", application="set", argument="a\nevent-lock: false")
@example(channel="u-1\n\nexit", application="set", argument="")
def test_no_text_makes_execute_more_than_one_command(channel: str, application: str, argument: str) -> None:
    try:
        command = commands.execute(channel, application, argument)
    except InvalidValue:
        return
    [lines] = commands_on_the_wire(command.to_bytes())
    wanted = [f"sendmsg {channel}".strip(), "call-command: execute", f"execute-app-name: {application}"]
    wanted += [f"execute-app-arg: {argument}"] if argument else []
    assert lines == [line.encode("utf-8", "surrogateescape") for line in [*wanted, "event-lock: true"]]
    assert "${" not in argument


@given(NASTY)
def test_no_text_makes_a_command_more_than_one(text: str) -> None:
    try:
        command = Command(text)
    except InvalidValue:
        return
    assert commands_on_the_wire(command.to_bytes()) == [text.encode("utf-8", "surrogateescape").split(b"\n")]


@given(
    st.dictionaries(st.one_of(st.sampled_from(["a", "voiced_attempt"]), NASTY), NASTY, max_size=4),
    st.lists(st.one_of(st.sampled_from(["user/1001@pbx.test", "loopback/9/x"]), NASTY), max_size=3),
)
@example({"a": "b c"}, ["user/1001@pbx.test"])
@example({"a": "b", "c": "'"}, ["user/1001@pbx.test"])
def test_no_text_changes_a_dial_string(variables: dict[str, str], endpoints: list[str]) -> None:
    try:
        dial = commands.dial(endpoints, variables)
        commands.bgapi(f"originate {dial} &park()", "j-1")
    except InvalidValue:
        return
    assert read_dial_string(dial) == (variables, endpoints)


@given(NASTY)
def test_a_reduced_name_is_always_good_in_a_dial_string(name: str) -> None:
    reduced = values.reduced_name(name)
    assume(reduced)
    dial = commands.dial(["user/1@x"], {"origination_caller_id_name": reduced})
    assert read_dial_string(dial) == ({"origination_caller_id_name": reduced}, ["user/1@x"])


def read_dial_string(dial: str) -> tuple[dict[str, str], list[str]]:
    """As the switch reads it: the block to its brace, split at commas outside quotes, then the endpoints."""
    assert not re.search(r"[\r\n\0\[\]<>|\\`$&]|:_:", dial)
    block, brace, legs = dial[1:].partition("}")
    assert dial[0] == "{"
    assert brace
    assert "{" not in block + legs
    assert not block.startswith("^^")
    pairs = [pair.partition("=") for pair in re.findall(r"(?:'[^']*'|[^,'])+", block)]
    for _, _, value in pairs:
        assert " " not in value or (value[0] == value[-1] == "'")
        assert not value.strip("' ").startswith("^^")
    return {name: value.strip("'") for name, _, value in pairs}, legs.split(",")
