"""Every recording parses to the same frames, however the bytes are cut."""

from __future__ import annotations

import re
from functools import cache
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import recordings
from tests.esl.frames import parsed, plain, plains, streams
from voiced.esl.event import Event
from voiced.esl.protocol import Parser, Reply, Unknown

NAMES = recordings.names()

# One of each kind of frame, to be cut at every byte: (recording, what its bytes contain).
CHOSEN = {
    "an event": ("transfer_busy_486", b"Event-Name: CHANNEL_HANGUP_COMPLETE"),
    "a job with a body": ("transfer_busy_486", b"Event-Name: BACKGROUND_JOB"),
    "a custom event": ("registration_events", b"sofia%3A%3Aregister"),
    "a json event": ("json_events", b'"Event-Name":"BACKGROUND_JOB"'),
    "a second block of headers": ("hold_stop_too_early", b"Event-Name: COMMAND"),
    "an api response": ("availability_queries", b"Content-Type: api/response"),
    "a refusal and a disconnect notice": ("refused", b"-ERR invalid"),
}


@cache
def wholes(name: str) -> list[list[tuple[object, ...]]]:
    """The frames of each stream of a recording, every stream given in one piece."""
    return [plains(parsed(stream)) for stream in streams(name)]


def test_there_are_recordings() -> None:
    assert len(NAMES) >= 55


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_has_nothing_left_over_and_nothing_unknown(name: str) -> None:
    for stream in streams(name):
        frames = parsed(stream)
        assert not [frame for frame in frames if isinstance(frame, Unknown)]


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_byte_by_byte(name: str) -> None:
    for stream, whole in zip(streams(name), wholes(name), strict=True):
        assert plains(parsed(*(stream[i : i + 1] for i in range(len(stream))))) == whole


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_as_the_socket_cut_it(name: str) -> None:
    parser = Parser()
    frames = []
    for frame in recordings.load(name)[1]:
        if frame.direction == "<":
            frames += parser.feed(frame.data)
    assert plains(frames) == [frame for whole in wholes(name) for frame in whole]


@pytest.mark.parametrize("what", CHOSEN)
def test_a_frame_cut_at_every_byte(what: str) -> None:
    name, mark = CHOSEN[what]
    stream = next(stream for stream in streams(name) if mark in stream)
    spans = _spans(stream)
    number = next(i for i, (start, end) in enumerate(spans) if mark in stream[start:end])
    first, last = spans[max(0, number - 1)][0], spans[min(number + 1, len(spans) - 1)][1]
    piece = stream[first:last]  # with its neighbours
    expected = plains(parsed(piece))
    for cut in range(1, len(piece)):
        assert plains(parsed(piece[:cut], piece[cut:])) == expected


@given(data=st.data(), name=st.sampled_from(NAMES))
@settings(max_examples=60)
def test_a_recording_cut_anyhow(data: st.DataObject, name: str) -> None:
    number = data.draw(st.integers(0, len(wholes(name)) - 1))
    stream, whole = streams(name)[number], wholes(name)[number]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=40)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert plains(parsed(*pieces)) == whole


@pytest.mark.parametrize("name", NAMES)
def test_headers_are_what_a_slow_and_simple_reader_finds(name: str) -> None:
    for event in _events(name):
        assert event.headers() == _slow_headers(event.raw)
        assert event.body == _slow_body(event.raw)


@pytest.mark.parametrize("name", NAMES)
def test_get_and_headers_agree(name: str) -> None:
    for event in _events(name):
        fresh = Event(event.raw)
        assert {header: fresh.get(header.upper()) for header in event.headers()} == event.headers()


def test_json_events_have_the_values_of_plain_ones() -> None:
    """Two calls of the same kind, one recorded as JSON: what is fixed is the same."""
    json = {event.name: event for event in _json_events()}
    plain_ = {event.name: event for event in _events("transfer_answered_agent_hangs_up")}
    assert json.keys() & plain_.keys() >= {"CHANNEL_CREATE", "CHANNEL_ANSWER", "CHANNEL_HANGUP_COMPLETE"}
    for name in json.keys() & plain_.keys() - {"BACKGROUND_JOB", "CHANNEL_EXECUTE", "CODEC"}:
        ours, theirs = json[name].headers(), plain_[name].headers()
        assert ours["event-name"] == theirs["event-name"] == name
        assert ours["freeswitch-ipv6"] == theirs["freeswitch-ipv6"]
        assert "%" not in ours["event-date-local"] + theirs["event-date-local"]
        assert len(ours["event-date-gmt"]) == len(theirs["event-date-gmt"])
    job = json["BACKGROUND_JOB"]
    assert job.body.startswith("UP 0 years")
    assert int(job["Content-Length"]) == len(job.body.encode())


def test_the_second_block_of_headers_does_not_count() -> None:
    [event] = [e for e in _events("hold_stop_too_early") if e.name == "COMMAND"]
    assert event.raw.count(b"\nEvent-Name: ") == 2
    first, second = (part.partition(b"\n")[0].decode() for part in event.raw.split(b"Event-Name: ")[1:])
    assert event["Event-Name"] == first
    assert event.headers()["event-name"] == first
    assert second


def test_the_reply_to_connect_is_the_channel() -> None:
    replies = [f for f in parsed(*streams("outbound_socket_session")) if isinstance(f, Reply)]
    channel = replies[0].event
    assert channel is not None
    assert replies[0].text == "+OK"
    assert channel.name == "CHANNEL_DATA"
    assert channel["Caller-Caller-ID-Name"] == "Maria Souza"
    assert channel["Socket-Mode"] == "async"
    assert "\r\nm=audio" in channel["variable_switch_r_sdp"]
    assert not any(reply.event for reply in replies[1:])


def test_awkward_values() -> None:
    events = _events("unicode_and_awkward_values")
    lists = {value for event in events if (value := event.variable("voiced_list")) is not None}
    assert "ARRAY::a|:b|:c d" in lists
    assert {event.variable("voiced_note") for event in events} >= {"linha: um"}
    assert {event.variable("voiced_two") for event in events} >= {"um\ndois: tres"}
    assert all("dois" not in event.headers() for event in events)


# -- readers that are slow and simple ---------------------------------------------------------------------


@cache
def _events(name: str) -> list[Event]:
    frames = [frame for stream in streams(name) for frame in parsed(stream)]
    return [frame for frame in frames if isinstance(frame, Event) and frame.raw]


def _json_events() -> list[Event]:
    frames = [frame for stream in streams("json_events") for frame in parsed(stream)]
    return [frame for frame in frames if isinstance(frame, Event)]


def _slow_headers(raw: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in raw[1:].split(b"\n\n")[0].split(b"\n"):
        name, _, value = line.partition(b": ")
        text = "" if value == b"_undef_" else unquote_to_bytes(value).decode("utf-8", "surrogateescape")
        found.setdefault(name.decode().lower(), text)
    return found


def _slow_body(raw: bytes) -> str:
    return raw.partition(b"\n\n")[2].decode("utf-8", "surrogateescape")


def _spans(stream: bytes) -> list[tuple[int, int]]:
    """Where each frame begins and ends."""
    spans, at = [], 0
    while at < len(stream):
        end = stream.index(b"\n\n", at) + 2
        length = re.search(rb"(?im)^content-length: *(\d+)$", stream[at:end])
        end += int(length[1]) if length and b"Reply-Text" not in stream[at:end] else 0
        spans.append((at, end))
        at = end
    assert [plain(parsed(stream[a:b])[0])[0] for a, b in spans]
    return spans
