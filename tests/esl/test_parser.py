"""Bytes to frames: plain asserts, no sockets."""

from __future__ import annotations

import pytest

from tests.esl.fake import GOODBYE, GREETING, event, framed, reply, response
from tests.esl.frames import one, parsed, plains
from voiced.esl import protocol
from voiced.esl.errors import ProtocolError
from voiced.esl.event import Event
from voiced.esl.protocol import (
    BUFFER,
    MAX_HEADERS,
    MAX_PAYLOAD,
    AuthRequest,
    Disconnect,
    LogLine,
    Parser,
    Rejection,
    Reply,
    Unknown,
)

# -- the kinds of frames --------------------------------------------------------------------------------


def test_the_greeting_has_no_length() -> None:
    assert parsed(b"Content-Type: auth/request\n\n") == [AuthRequest()]


def test_a_reply_is_its_text() -> None:
    frame = one(b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n")
    assert frame == Reply("+OK accepted")
    assert frame.ok
    assert frame.value == "accepted"


def test_the_reply_to_bgapi_has_the_job() -> None:
    data = b"Content-Type: command/reply\nReply-Text: +OK Job-UUID: j-1\nJob-UUID: j-1\n\n"
    assert one(data) == Reply("+OK Job-UUID: j-1", job_uuid="j-1")


@pytest.mark.parametrize("text", ["-ERR invalid", "-ERR no reply", "-USAGE: <uuid>"])
def test_a_refusal_is_a_reply_that_is_not_ok(text: str) -> None:
    for frame in (one(reply(text)), one(response(text + "\n"))):
        assert isinstance(frame, Reply)
        assert not frame.ok
        assert frame.text == text
        assert frame.value == text


def test_api_output_is_raw_and_keeps_its_inner_newlines() -> None:
    frame = one(response("a%20b\n\nc: d\n"))
    assert frame == Reply("a%20b\n\nc: d", is_output=True)


def test_an_empty_api_response() -> None:
    assert one(response("")) == Reply("", is_output=True)


def test_a_reply_may_begin_with_ok_or_without() -> None:
    assert Reply("+OK c2220868").value == "c2220868"
    assert Reply("true").value == "true"
    assert Reply("+OK").value == ""


def test_a_plain_event() -> None:
    frame = one(event("CHANNEL_ANSWER", "u-1", Caller_Caller_ID_Name="Maria Souza"))
    assert isinstance(frame, Event)
    assert (frame.name, frame.unique_id) == ("CHANNEL_ANSWER", "u-1")
    assert frame["caller-caller-id-name"] == "Maria Souza"
    assert frame.body == ""


def test_a_nested_body_is_the_rest_behind_the_first_blank_line() -> None:
    body = "+OK\n\nContent-Length: 3\n\nEvent-Name: FORGED\n\n"
    frame = one(event("BACKGROUND_JOB", body=body, Job_UUID="j-1"))
    assert isinstance(frame, Event)
    assert frame.body == body
    assert frame.name == "BACKGROUND_JOB"
    assert frame["Content-Length"] == str(len(body))
    assert frame["Job-UUID"] == "j-1"


def test_an_event_with_a_json_payload() -> None:
    frame = one(framed("text/event-json", b'{"Event-Name":"HEARTBEAT","Up-Time":"1 year"}'))
    assert isinstance(frame, Event)
    assert (frame.name, frame["up-time"]) == ("HEARTBEAT", "1 year")


@pytest.mark.parametrize("payload", [b"", b"nothing", b"[1]", b"3", b"[" * 5000, b'{"a":' * 5000])
def test_json_that_is_no_event_is_unknown(payload: bytes) -> None:
    assert one(framed("text/event-json", payload)) == Unknown("text/event-json", payload)


def test_an_xml_event_is_unknown() -> None:
    assert one(framed("text/event-xml", b"<event/>")) == Unknown("text/event-xml", b"<event/>")


def test_a_frame_of_the_future_is_unknown() -> None:
    assert one(framed("text/new-thing", b"abc")) == Unknown("text/new-thing", b"abc")
    assert one(b"Something: else\n\n") == Unknown("", b"")


def test_a_rude_rejection_has_a_body() -> None:
    frames = parsed(framed("text/rude-rejection", b"Access Denied, go away.\n") + GOODBYE)
    assert frames[0] == Rejection("Access Denied, go away.")
    assert isinstance(frames[1], Disconnect)


def test_a_disconnect_notice_is_the_end() -> None:
    frame = one(GOODBYE)
    assert isinstance(frame, Disconnect)
    assert not frame.lingering
    assert frame.text.startswith("Disconnected, goodbye.\n")


def test_a_lingering_disconnect_notice_is_not() -> None:
    data = (
        b"Content-Type: text/disconnect-notice\nControlled-Session-UUID: u-1\nContent-Disposition: linger\n"
        b"Channel-Name: sofia/internal/1001@pbx.test\nLinger-Time: 5\nContent-Length: 0\n\n"
    )
    assert one(data) == Disconnect("", lingering=True)
    assert one(data.replace(b": linger", b": LINGER")) == Disconnect("", lingering=True)
    assert one(data.replace(b": linger", b": disconnect")) == Disconnect("", lingering=False)


def test_a_log_line() -> None:
    text = "2026-11-21 [NOTICE] olá: 100%25\n".encode()
    frame = one(framed("log/data", text, b"Log-Level: 5", b"Text-Channel: 0", b"Log-File: a.c"))
    assert frame == LogLine(5, "2026-11-21 [NOTICE] olá: 100%25\n")


@pytest.mark.parametrize("level", [b"", b"x", b"-1", b"99999"])
def test_a_log_line_without_a_sensible_level_is_debug(level: bytes) -> None:
    assert one(framed("log/data", b"x", b"Log-Level: " + level)) == LogLine(7, "x")


def test_the_reply_to_connect_is_an_event_without_a_length() -> None:
    data = (
        b"Event-Name: CHANNEL_DATA\nUnique-ID: u-1\nCaller-Caller-ID-Name: Maria%20Souza\n"
        b"Content-Type: command/reply\nReply-Text: %2BOK%0A\nSocket-Mode: async\nControl: full\n\n"
    )
    frames = parsed(data + reply("+OK will linger 5 seconds"))
    assert isinstance(frames[0], Reply)
    assert frames[0].text == "+OK"
    assert frames[0].event is not None
    assert frames[0].event.unique_id == "u-1"
    assert frames[0].event["caller-caller-id-name"] == "Maria Souza"
    assert frames[1] == Reply("+OK will linger 5 seconds")


# -- headers of frames ----------------------------------------------------------------------------------


def test_the_order_of_headers_is_no_contract() -> None:
    payload = b"Event-Name: HEARTBEAT\n\n"
    for head in (
        b"Content-Length: %d\nContent-Type: text/event-plain\n\n",
        b"Content-Type: text/event-plain\nContent-Length: %d\n\n",
        b"X: y\nContent-Type: text/event-plain\nContent-Length: %d\nZ:\n\n",
    ):
        frame = one(head % len(payload) + payload)
        assert isinstance(frame, Event)
        assert frame.name == "HEARTBEAT"


def test_names_of_headers_have_no_case() -> None:
    payload = b"Event-Name: HEARTBEAT\n\n"
    frame = one(b"content-length: %d\nCONTENT-TYPE: Text/Event-Plain\n\n" % len(payload) + payload)
    assert isinstance(frame, Event)


def test_the_first_of_a_repeated_header_counts() -> None:
    assert one(b"Content-Type: command/reply\nReply-Text: one\nreply-text: two\n\n") == Reply("one")
    assert one(b"Content-Type: api/response\nContent-Length: 2\nContent-Length: 9\n\nab") == Reply(
        "ab", is_output=True
    )


def test_lengths_are_bytes() -> None:
    text = "transferência à São José 📞"
    frames = parsed(response(text) + reply("+OK"))
    assert frames == [Reply(text, is_output=True), Reply("+OK")]


def test_broken_utf8_never_raises() -> None:
    frame = one(framed("api/response", b"caf\xe9 \xff\xfe"))
    assert isinstance(frame, Reply)
    assert frame.text.encode("utf-8", "surrogateescape") == b"caf\xe9 \xff\xfe"
    assert one(b"Content-Type: command/reply\nReply-Text: \xff\n\n") == Reply("\udcff")


def test_newlines_between_frames_are_nothing() -> None:
    frames = parsed(b"\n" * 5000 + reply("one") + b"\n\n\n" + reply("two") + b"\n")
    assert frames == [Reply("one"), Reply("two")]


@pytest.mark.parametrize("digits", range(1, 9))
def test_events_of_every_size_are_read(digits: int) -> None:
    """Up to 10 MB: the length of the length must not matter."""
    size = 10 ** (digits - 1)
    value = b"a" * size
    payload = b"Event-Name: X\nV: " + value + b"\n\n" if size > 20 else b"\n" * size
    [first, second] = parsed(framed("text/event-plain", payload) * 2)
    assert isinstance(first, Event)
    assert isinstance(second, Event)
    assert first.raw == second.raw == b"\n" + payload


# -- bounds ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [b"-1", b"+5", b"0x10", b"5 5", b"", b"1e3", b"9" * 13, b"9" * 100])
def test_a_length_that_is_no_length_is_an_error(length: bytes) -> None:
    with pytest.raises(ProtocolError, match=r"length|bytes"):
        parsed(b"Content-Type: api/response\nContent-Length: " + length + b"\n\n")


@pytest.mark.parametrize("kind", [b"api/response", b"text/event-plain"])
def test_a_payload_over_the_bound_is_an_error_before_it_has_come(kind: bytes) -> None:
    head = b"Content-Length: %d\nContent-Type: " + kind + b"\n\n"
    with pytest.raises(ProtocolError, match="at most"):
        Parser().feed(head % (MAX_PAYLOAD + 1))
    parser = Parser()
    assert parser.feed(head % MAX_PAYLOAD) == []
    assert len(parser.get_buffer()) < 2 * BUFFER  # a promise of 64 MB takes no memory


def test_headers_without_end_are_an_error() -> None:
    parser = Parser()
    assert parser.feed(b"a: b\n" * (MAX_HEADERS // 5)) == []
    with pytest.raises(ProtocolError, match="no blank line"):
        parser.feed(b"a: b\n" * 10)


def test_what_came_before_garbage_is_not_lost() -> None:
    parser = Parser()
    frames = parser.feed(reply("one") + b"Content-Length: no\n\n" + reply("never"))
    assert frames == [Reply("one")]
    assert isinstance(parser.fault, ProtocolError)
    with pytest.raises(ProtocolError):
        parser.feed(reply("two"))
    assert parser.buffer_updated(0) == []


def test_what_is_remembered_of_heads_is_bounded() -> None:
    for start in range(0, 20_000, 1000):  # ever other lengths, and pieces that end inside a head
        parser = Parser()
        for length in range(start, start + 1000):
            parser.feed(b"Content-Length: %d\nContent-Type: text/event-plain\n\n" % length)
            parser.feed(b"\n" * length)
        assert len(protocol._HEADS) <= protocol._MAX_HEADS


# -- the buffer ------------------------------------------------------------------------------------------


def test_the_buffer_grows_for_a_large_frame_and_shrinks_after_it() -> None:
    parser = Parser()
    big = response("x" * (8 * BUFFER))
    head, tail = big[: 5 * BUFFER], big[5 * BUFFER :]
    parser.feed(head)
    assert len(parser._buffer) > 5 * BUFFER
    [frame] = parser.feed(tail)
    assert isinstance(frame, Reply)
    assert len(frame.text) == 8 * BUFFER
    parser.get_buffer()
    assert len(parser._buffer) == BUFFER


def test_the_buffer_shrinks_also_where_it_is_never_empty() -> None:
    parser = Parser()
    ordinary = event("CHANNEL_ANSWER", "u-1")
    parser.feed(response("x" * (8 * BUFFER)) + ordinary[:20])
    assert parser.mid_frame
    parser.get_buffer()
    assert len(parser._buffer) == BUFFER
    [frame] = parser.feed(ordinary[20:])
    assert isinstance(frame, Event)
    assert frame.unique_id == "u-1"


def test_there_is_always_room_for_the_next_bytes() -> None:
    parser = Parser(64)
    data = event("CHANNEL_ANSWER", "u-1") + response("y" * 1000) + GREETING
    frames = []
    at = 0
    while at < len(data):
        room = parser.get_buffer()
        assert len(room) > 0
        taken = data[at : at + len(room)]
        room[: len(taken)] = taken
        at += len(taken)
        frames += parser.buffer_updated(len(taken))
    assert plains(frames) == plains(parsed(data))


def test_a_stream_that_ends_inside_a_frame_is_noticed() -> None:
    parser = Parser()
    parser.feed(event("HEARTBEAT"))
    assert not parser.mid_frame
    parser.feed(event("HEARTBEAT")[:-1])
    assert parser.mid_frame


def test_an_incomplete_frame_is_not_looked_at_again_for_every_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    """64 MB that arrive in small pieces would otherwise cost the square of it."""
    looks = 0

    def counted(self: Parser, start: int, end: int) -> object:
        nonlocal looks
        looks += 1
        return original(self, start, end)

    original = Parser._other
    monkeypatch.setattr(Parser, "_other", counted)
    data = response("x" * 20_000)
    assert len(parsed(*(data[i : i + 1] for i in range(len(data))))) == 1
    assert looks < 100
