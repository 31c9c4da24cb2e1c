"""Headers and bodies of events."""

from __future__ import annotations

import json
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import recordings
from tests.esl.frames import parsed, streams
from voiced.esl import event as event_module
from voiced.esl.event import KNOWN_LINES, LONGEST_KNOWN_LINE, Event, decode


def plain(*lines: str | bytes, body: bytes = b"") -> Event:
    """An event of these header lines, as the parser makes it."""
    raw = b"\n".join(line.encode() if isinstance(line, str) else line for line in lines)
    return Event(b"\n" + raw + b"\n\n" + body)


# -- values ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain", "plain"),
        (b"Maria%20Souza", "Maria Souza"),
        (b"a+b", "a+b"),  # a plus is a plus
        (b"+55%2011+1", "+55 11+1"),
        (b"S%C3%A3o", "São"),
        (b"S%c3%a3o", "São"),
        ("São".encode(), "São"),
        (b"%FF%FE", "\udcff\udcfe"),
        (b"caf\xe9%20au", "caf\udce9 au"),
        (b"%0Aforged%3A%20yes", "\nforged: yes"),
        (b"100%", "100%"),
        (b"100%2", "100%2"),
        (b"%zz%20", "%zz "),
        (b"%%41", "%A"),
        (b"%2541", "%41"),  # decoded once
        (b"", ""),
        (b"_undef_", ""),
        (b"x_undef_", "x_undef_"),
        (b"ARRAY%3A%3Aa%7C%3Ab", "ARRAY::a|:b"),
        (b"a: b: c", "a: b: c"),
    ],
)
def test_a_value_is_decoded_as_the_server_encodes(raw: bytes, text: str) -> None:
    assert decode(raw) == text
    event = plain(b"Event-Name: X", b"V: " + raw)
    assert event["V"] == event.headers()["v"] == text


@given(st.binary())
def test_any_encoded_bytes_come_back(value: bytes) -> None:
    encoded = quote_from_bytes(value, safe="").encode()
    assert decode(encoded).encode("utf-8", "surrogateescape") == (b"" if value == b"_undef_" else value)


def test_a_caller_cannot_forge_a_header_with_an_encoded_newline() -> None:
    event = plain("Event-Name: X", "Caller-Caller-ID-Name: a%0AUnique-ID: forged", "Unique-ID: u-1")
    assert event.unique_id == "u-1"
    assert event.headers()["unique-id"] == "u-1"
    assert event["Caller-Caller-ID-Name"] == "a\nUnique-ID: forged"


# -- names -----------------------------------------------------------------------------------------------


def test_names_have_no_case() -> None:
    event = plain("Event-Name: CHANNEL_ANSWER", "variable_Voiced_Attempt: 7.1")
    assert event["event-name"] == event["EVENT-NAME"] == "CHANNEL_ANSWER"
    assert event.variable("voiced_attempt") == event.variable("VOICED_ATTEMPT") == "7.1"
    assert event.headers() == {"event-name": "CHANNEL_ANSWER", "variable_voiced_attempt": "7.1"}
    assert event.variable("VOICED_attempt") == "7.1"  # also when all headers have been read


def test_case_is_of_ascii_letters_only_as_the_server_compares() -> None:
    event = plain("Event-Name: X", "variable_ÉTÉ: a", "variable_été: b")
    for _ in range(2):
        assert (event.variable("ÉTÉ"), event.variable("été")) == ("a", "b")
        event.headers()


def test_the_first_of_a_repeated_header_counts_whatever_its_case() -> None:
    event = plain("Event-Name: ONE", "event-name: TWO", "A: 1", "a: 2", "EVENT-NAME: THREE")
    assert (event.name, event["a"]) == ("ONE", "1")
    assert event.headers() == {"event-name": "ONE", "a": "1"}


def test_a_name_is_not_found_inside_another_or_inside_a_value() -> None:
    event = plain("Event-Name: X", "Other-Leg-Unique-ID: other", "Info: Unique-ID: no", "Unique-ID: u-1")
    assert event.unique_id == "u-1"
    assert event.get("Leg-Unique-ID") is None
    assert event.get("") is None


def test_what_is_not_there() -> None:
    event = plain("Event-Name: X")
    assert event.get("Nope") is None
    assert event.get("Nope", "default") == "default"
    assert "Nope" not in event
    assert 3 not in event
    assert "event-name" in event
    with pytest.raises(KeyError, match="Nope"):
        event["Nope"]
    assert (event.subclass, event.unique_id, event.body) == ("", "", "")


def test_lines_without_a_colon_and_a_space_are_no_headers() -> None:
    event = plain("Event-Name: X", "nothing", "Empty:", ": nameless", "A: b")
    assert event.headers() == {"event-name": "X", "a": "b"}
    for name in ("nothing", "Empty", ""):
        assert Event(event.raw).get(name) is None


# -- bodies ----------------------------------------------------------------------------------------------


def test_a_body_is_raw_and_its_lines_are_no_headers() -> None:
    body = b"A: from the body\n\n100%25\n\nB: c\n\n"
    event = plain("Event-Name: X", "Content-Length: 32", body=body)
    assert event.body == body.decode()
    assert event.headers() == {"event-name": "X", "content-length": "32"}
    assert Event(event.raw).get("A") is None


def test_a_payload_without_a_blank_line_is_all_headers() -> None:
    event = Event(b"\nEvent-Name: X\nA: b")
    assert event.headers() == {"event-name": "X", "a": "b"}
    assert (event["a"], event.body) == ("b", "")


def test_an_empty_payload() -> None:
    for raw in (b"", b"\n", b"\n\n", b"\n\n\n"):
        event = Event(raw)
        assert event.headers() == {}
        assert event.name == ""
        assert Event(raw).get("x") is None


def test_a_body_that_is_no_utf8() -> None:
    event = plain("Event-Name: X", body=b"caf\xe9")
    assert event.body == "caf\udce9"


def test_an_event_shows_itself() -> None:
    event = plain("Event-Name: CUSTOM", "Event-Subclass: sofia%3A%3Aregister", "Unique-ID: u-1")
    assert repr(event) == "<Event CUSTOM sofia::register u-1>"


# -- JSON ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", recordings.names())
def test_an_event_as_json_is_the_event(name: str) -> None:
    for stream in streams(name):
        for event in parsed(stream):
            if isinstance(event, Event) and event.raw:
                same = Event.from_json(_as_json(event))
                assert same.headers() == event.headers()
                assert same.body == event.body
                assert (same.name, same.unique_id, repr(same)) == (event.name, event.unique_id, repr(event))
                assert same.get("NO SUCH") is None


def test_json_repeats_and_arrays() -> None:
    event = Event.from_json(b'{"Event-Name":"ONE","event-name":"TWO","Event-Name":"THREE","V":["a","b c"]}')
    assert event.headers() == {"event-name": "ONE", "v": "ARRAY::a|:b c"}


def test_json_values_of_other_kinds_are_text() -> None:
    event = Event.from_json(b'{"a":1,"b":2.50,"c":true,"d":null,"e":{"f":[1]},"_body":{"g":"h"}}')
    assert event.headers() == {"a": "1", "b": "2.50", "c": "true", "d": "null", "e": '{"f": ["1"]}'}
    assert event.body == '{"g": "h"}'


def test_json_with_broken_text_never_raises_later() -> None:
    event = Event.from_json(b'{"Event-Name":"\\ud800","caf\xe9":"\xff","ok":"\\ud83d\\ude00"}')
    assert (event.name, event["ok"]) == ("?", "😀")
    assert event["caf\udce9"] == "\udcff"
    repr(event).encode("utf-8", "surrogateescape")


def _as_json(event: Event) -> bytes:
    """As the server writes it: values as they are, arrays as arrays, the body as `_body`."""
    pairs = []
    for line in event.raw[1 : event.raw.index(b"\n\n")].split(b"\n"):
        name, _, value = line.partition(b": ")
        text: object = decode(value)
        if str(text).startswith("ARRAY::"):
            text = str(text).removeprefix("ARRAY::").split("|:")
        pairs.append(f"{json.dumps(name.decode())}:{json.dumps(text)}")
    if event.body:
        pairs.append(f'"_body":{json.dumps(event.body)}')
    return ("{" + ",".join(pairs) + "}").encode()


# -- the cache of lines ------------------------------------------------------------------------------------


def test_the_cache_is_bounded_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = event_module._Lines()
    monkeypatch.setattr(event_module, "_LINES", lines)
    for i in range(3 * KNOWN_LINES):
        assert plain("Event-Name: X", f"N: {i}").headers() == {"event-name": "X", "n": str(i)}
        assert len(lines) <= KNOWN_LINES
    assert b"N: 0" not in lines


def test_long_lines_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = event_module._Lines()
    monkeypatch.setattr(event_module, "_LINES", lines)
    long = "v" * LONGEST_KNOWN_LINE
    assert plain(f"A: {long}").headers() == {"a": long}
    assert not lines


def test_what_a_reader_does_to_the_headers_is_seen_by_no_other_event() -> None:
    first, second = plain("Event-Name: X", "A: b"), plain("Event-Name: X", "A: b")
    first.headers()["a"] = "changed"
    assert second.headers()["a"] == "b"
