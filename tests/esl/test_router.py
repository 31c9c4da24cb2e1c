"""Events to listeners."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.esl.fake import event as framed_event
from tests.esl.frames import one, parsed, streams
from voiced.esl.errors import InvalidValue
from voiced.esl.event import Event
from voiced.esl.places import MAX_NAMES, Handle
from voiced.esl.router import MAX_CHANNELS, Router

PRELUDE = "Core-UUID: 68f79375-17d0-4565-b446-10bf94bea2d1\n" + "FreeSWITCH-Filler: x\n" * 20


def event(name: str, unique_id: str = "", more: str = "", body: str = "") -> Event:
    """An event as long as those of a PBX: what is a channel's own stands behind some 400 bytes."""
    own = f"Unique-ID: {quote(unique_id, safe='')}\n" if unique_id else ""
    return Event(f"\nEvent-Name: {name}\n{PRELUDE}{own}{more}\n{body}".encode())


def failing(_event: Event, error: BaseException) -> None:
    raise AssertionError(error)


class Heard(list[Any]):
    """A listener that keeps what it heard."""

    def __call__(self, event: Event) -> None:
        self.append(event)


@pytest.fixture
def router() -> Router:
    return Router(failing)


# -- by what ---------------------------------------------------------------------------------------------


def test_by_name(router: Router) -> None:
    heard, other = Heard(), Heard()
    router.on(heard, name="CHANNEL_ANSWER")
    router.on(other, name=["CHANNEL_HANGUP", "DTMF"])
    answer, hangup = event("CHANNEL_ANSWER", "u-1"), event("CHANNEL_HANGUP", "u-1")
    for each in (answer, hangup, event("CHANNEL_CREATE", "u-1")):
        router.route(each)
    assert (heard, other) == ([answer], [hangup])


def test_by_channel_and_narrowed_to_names(router: Router) -> None:
    all_of_it, answers = Heard(), Heard()
    router.on(all_of_it, unique_id="u-1")
    router.on(answers, unique_id="u-1", name=["CHANNEL_ANSWER", "DTMF"])
    mine, answer, others = (
        event("CHANNEL_CREATE", "u-1"),
        event("CHANNEL_ANSWER", "u-1"),
        event("DTMF", "u-2"),
    )
    for each in (mine, answer, others):
        router.route(each)
    assert (all_of_it, answers) == ([mine, answer], [answer])


def test_by_job(router: Router) -> None:
    heard = Heard()
    router.on(heard, job_uuid="j-1")
    mine = event("BACKGROUND_JOB", more="Job-UUID: j-1\n", body="+OK\n")
    router.route(mine)
    router.route(event("BACKGROUND_JOB", more="Job-UUID: j-2\n"))
    router.route(event("BACKGROUND_JOB"))
    router.route(event("CHANNEL_CREATE", "u-1", "Job-UUID: j-1\n"))
    assert heard == [mine]


def test_by_subclass(router: Router) -> None:
    register, custom, narrowed, all_customs = Heard(), Heard(), Heard(), Heard()
    router.on(register, name="CUSTOM sofia::register")
    router.on(custom, name="CUSTOM")
    router.on(narrowed, unique_id="u-1", name="CUSTOM callcenter::info")
    router.on(all_customs, unique_id="u-1", name="CUSTOM")
    first = event("CUSTOM", more="Event-Subclass: sofia%3A%3Aregister\n")
    second = event("CUSTOM", "u-1", "Event-Subclass: callcenter%3A%3Ainfo\n")
    # as the server writes them, the subclass before the name
    third = Event(b"\nEvent-Subclass: sofia%3A%3Aregister\nEvent-Name: CUSTOM\n\n")
    for each in (first, second, third):
        router.route(each)
    assert register == [first, third]
    assert custom == [first, second, third]
    assert narrowed == all_customs == [second]


def test_by_variable_from_the_first_event_on(router: Router) -> None:
    heard = Heard()
    router.on(heard, variable=("voiced_transfer", "7"))
    mark = "variable_voiced_transfer: 7\n"
    bare = event("CHANNEL_STATE", "u-1")  # has no variables at all
    first = event("CHANNEL_CREATE", "u-1", "variable_uuid: u-1\n" + mark)
    later = event("CHANNEL_ANSWER", "u-1", "variable_uuid: u-1\n")
    other = event("CHANNEL_CREATE", "u-2", "variable_uuid: u-2\nvariable_voiced_transfer: 8\n")
    unmarked = event("CHANNEL_CREATE", "u-3", "variable_uuid: u-3\n")
    end = event("CHANNEL_DESTROY", "u-1")
    for each in (
        bare,
        first,
        later,
        other,
        unmarked,
        event("CHANNEL_PARK", "u-3"),
        end,
        event("DTMF", "u-1"),
    ):
        router.route(each)
    assert heard == [first, later, end]
    assert set(router._marks) == {b"u-2", b"u-3"}


def test_a_variable_asked_for_later_is_looked_for_in_known_channels(router: Router) -> None:
    first, second = Heard(), Heard()
    router.on(first, variable=("a", "1"))
    each = event("CHANNEL_CREATE", "u-1", "variable_uuid: u-1\nvariable_a: 1\nvariable_b: 2\n")
    router.route(each)
    router.on(second, variable=("b", "2"))
    router.route(each)
    assert (len(first), len(second)) == (2, 1)
    router.forget_channels()
    assert not router._marks


def test_everything(router: Router) -> None:
    heard, of_channel = Heard(), Heard()
    router.on(heard, name="ALL")
    router.on(heard_twice := Heard(), name=["ALL", "HEARTBEAT"])
    router.on(of_channel, name=["ALL", "DTMF"], unique_id="u-1")
    events = [event("HEARTBEAT"), event("CUSTOM"), event("CHANNEL_ANSWER", "u-1")]
    for each in events:
        router.route(each)
    assert heard == heard_twice == events
    assert of_channel == events[2:]


def test_an_event_reaches_everybody_whom_it_concerns_channels_first(router: Router) -> None:
    order: list[str] = []
    router.on(lambda _: order.append("all"), name="ALL")
    router.on(lambda _: order.append("name"), name="CHANNEL_ANSWER")
    router.on(lambda _: order.append("variable"), variable=("a", "1"))
    router.on(lambda _: order.append("channel"), unique_id="u-1")
    router.route(event("CHANNEL_ANSWER", "u-1", "variable_a: 1\n"))
    assert order == ["channel", "name", "variable", "all"]


def test_a_listener_with_a_name_twice_is_called_once(router: Router) -> None:
    heard = Heard()
    router.on(heard, name=["DTMF", "DTMF"])
    router.route(event("DTMF", "u-1"))
    assert len(heard) == 1


def test_a_listener_has_to_say_what_it_wants(router: Router) -> None:
    with pytest.raises(ValueError, match="needs a name"):
        router.on(print)
    with pytest.raises(ValueError, match="needs a name"):
        router.on(print, name=[])


@pytest.mark.parametrize(
    "wanted",
    [
        {"name": "channel_answer"},
        {"name": ["CHANNEL_ANSWER", "sofia::register"]},
        {"name": ""},
        {"unique_id": ""},
        {"job_uuid": "", "name": "BACKGROUND_JOB"},
        {"variable": ("voiced transfer", "7")},
        {"variable": ("", "7")},
    ],
)
def test_what_no_event_can_have_is_refused_and_not_waited_for_in_vain(
    router: Router, wanted: dict[str, Any]
) -> None:
    with pytest.raises(InvalidValue):
        router.on(print, **wanted)
    router.route(event("CHANNEL_ANSWER"))


async def test_a_coroutine_is_no_listener(router: Router) -> None:
    async def listen(event: Event) -> None: ...

    with pytest.raises(TypeError, match="not awaited"):
        router.on(listen, name="DTMF")


# -- which channel an event belongs to ----------------------------------------------------------------------


def routed_to(data: Event, *keys: str) -> list[str]:
    router = Router(failing)
    heard = {key: Heard() for key in keys}
    for key, listener in heard.items():
        router.on(listener, unique_id=key)
    router.route(data)
    return [key for key in keys if heard[key]]


def test_a_uuid_in_a_body_is_not_the_channel_of_the_event() -> None:
    """`bgapi uuid_dump` has one in its output."""
    for name in ("BACKGROUND_JOB", "CUSTOM", "MESSAGE", "HEARTBEAT"):
        assert routed_to(event(name, body="Event-Name: X\nUnique-ID: u-1\n\n"), "u-1") == []
        assert routed_to(event(name, "u-2", body="\nUnique-ID: u-1\n"), "u-1", "u-2") == ["u-2"]


def test_a_uuid_that_stands_early_is_found() -> None:
    early = one(framed_event("CHANNEL_ANSWER", "u-1"))
    assert isinstance(early, Event)
    assert early.raw.find(b"Unique-ID") < 200
    assert routed_to(early, "u-1") == ["u-1"]
    assert routed_to(Event(b"\nUnique-ID: u-1\nEvent-Name: CHANNEL_ANSWER\n\n"), "u-1") == ["u-1"]
    assert routed_to(Event(b"\nevent-name: CHANNEL_ANSWER\nunique-id: u-1\n\n"), "u-1") == ["u-1"]


def test_an_event_without_a_last_newline() -> None:
    router, heard = Router(failing), Heard()
    router.on(heard, name="CHANNEL_ANSWER")
    router.on(heard, unique_id="u-1")
    router.route(Event(b"\nEvent-Name: CHANNEL_ANSWER"))
    router.route(Event(f"\nEvent-Name: CHANNEL_ANSWER\n{PRELUDE}Unique-ID: u-1".encode()))
    assert len(heard) == 3


def test_other_legs_do_not_count() -> None:
    assert routed_to(event("CHANNEL_BRIDGE", "", "Other-Leg-Unique-ID: u-2\n"), "u-2") == []
    assert routed_to(event("CHANNEL_BRIDGE", "u-1", "Caller-Unique-ID: u-2\n"), "u-1", "u-2") == ["u-1"]


@pytest.mark.parametrize("uuid", ["a@10.0.0.1", "2f%25", "é", "x y", "call:id;x=1", "\udcff"])
def test_a_uuid_that_is_encoded_on_the_wire_is_found(uuid: str) -> None:
    """With inbound-use-callid-as-uuid a channel's uuid is the SIP Call-ID."""
    encoded = quote(uuid.encode("utf-8", "surrogateescape"), safe="")
    raw = f"\nEvent-Name: CHANNEL_ANSWER\n{PRELUDE}Unique-ID: {encoded}\n\n".encode()
    assert routed_to(Event(raw), uuid) == [uuid]


def test_json_events_are_routed_alike() -> None:
    made = Event.from_json(b'{"Event-Name":"CHANNEL_ANSWER","Unique-ID":"u-1"}')
    assert routed_to(made, "u-1") == ["u-1"]
    assert routed_to(Event.from_json(b'{"Event-Name":"\\ud800","Unique-ID":"\\udfff"}'), "?") == ["?"]


@pytest.mark.parametrize("name", ["transfer_queue_agent_answers", "loopback_bows_out", "filtered_events"])
def test_recorded_events_reach_the_listeners_of_their_name_and_channel(name: str) -> None:
    events = [f for stream in streams(name) for f in parsed(stream) if isinstance(f, Event)]
    router = Router(failing)
    by_name, by_channel = Heard(), Heard()
    for each in {event.name for event in events}:
        router.on(by_name, name=each)
    for each in {event.unique_id for event in events} - {""}:
        router.on(by_channel, unique_id=each)
    for event in events:
        router.route(event)
    assert by_name == events
    assert by_channel == [event for event in events if event.unique_id]
    assert sum(router.seen.values()) == len(events)


# -- coming and going ---------------------------------------------------------------------------------------


def test_off_takes_a_listener_away_and_may_be_called_again(router: Router) -> None:
    heard = Heard()
    handle = router.on(heard, name=["CHANNEL_ANSWER", "DTMF"])
    kept = router.on(heard, unique_id="u-1")
    with router.on(heard, unique_id="u-1"):
        router.route(event("CHANNEL_ANSWER", "u-1"))
        assert len(heard) == 3
    handle.off()
    handle.off()
    router.route(event("CHANNEL_ANSWER", "u-1"))
    assert len(heard) == 4
    kept.off()
    router.route(event("DTMF", "u-1"))
    assert len(heard) == 4
    assert not router._by_channel


@pytest.mark.parametrize("key", ["name", "unique_id"])
def test_off_during_an_event_holds_at_once(router: Router, key: str) -> None:
    heard = Heard()

    def first(_: Event) -> None:
        heard.append("first")
        second.off()
        itself.off()

    keys: dict[str, Any] = {key: "DTMF" if key == "name" else "u-1"}
    itself = router.on(first, **keys)
    second = router.on(heard, **keys)
    router.on(heard, name="ALL")
    each = event("DTMF", "u-1")
    router.route(each)
    router.route(each)
    assert heard == ["first", each, each]


def test_a_listener_added_during_an_event_hears_from_the_next_one_on(router: Router) -> None:
    heard = Heard()
    added: list[Handle] = []

    def add(_: Event) -> None:
        if not added:
            added.append(router.on(heard, name="DTMF"))
            added.append(router.on(heard, name="ALL"))
            added.append(router.on(heard, unique_id="u-1"))

    router.on(add, unique_id="u-1")
    router.route(event("DTMF", "u-1"))
    assert heard == []
    router.route(event("DTMF", "u-1"))
    assert len(heard) == 3


def test_a_listener_may_route_and_be_taken_away_from_within(router: Router) -> None:
    heard = Heard()

    def once(each: Event) -> None:
        handle.off()
        heard.append(each)
        router.route(each)

    handle = router.on(once, name="DTMF")
    router.route(event("DTMF", "u-1"))
    assert len(heard) == 1


@pytest.mark.parametrize("key", ["name", "unique_id", "job_uuid", "variable", "everything"])
def test_thousands_come_and_go_under_one_key_at_the_cost_of_one_each(router: Router, key: str) -> None:
    """CPU for each that comes and goes, beside few and beside many."""
    keys: dict[str, Any] = {
        "name": {"name": "DTMF"},
        "everything": {"name": "ALL"},
        "unique_id": {"unique_id": "u-1"},
        "job_uuid": {"job_uuid": "j-1"},
        "variable": {"variable": ("a", "1")},
    }[key]

    def cost() -> float:
        """Of 500 that come, and go as they came."""
        began = time.thread_time()
        handles = [router.on(heard, **keys) for _ in range(500)]
        for handle in handles:
            handle.off()
        return time.thread_time() - began

    heard = Heard()
    few = min(cost() for _ in range(5))
    kept = [router.on(heard, **keys) for _ in range(20_000)]
    many = min(cost() for _ in range(5))
    assert many < 5 * few
    data = event("BACKGROUND_JOB" if key == "job_uuid" else "DTMF", "u-1", "Job-UUID: j-1\nvariable_a: 1\n")
    router.route(data)
    assert len(heard) == 20_000
    for handle in kept:
        handle.off()
    router.route(data)
    assert len(heard) == 20_000


@pytest.mark.parametrize("key", ["name", "unique_id"])
def test_listeners_that_come_and_go_while_an_event_is_given_out(router: Router, key: str) -> None:
    """Each hears an event once, if it was there before it and had not gone: in the order of coming."""
    keys: dict[str, Any] = {key: "DTMF" if key == "name" else "u-1"}
    heard: list[str] = []
    handles: dict[str, Handle] = {}
    data = event("DTMF", "u-1")

    def listen(name: str, then: Callable[[], object] = lambda: None) -> None:
        def listener(_: Event) -> None:
            heard.append(name)
            then()

        handles[name] = router.on(listener, **keys)

    def go_and_come_again(name: str) -> None:
        handles[name].off()
        listen(name)

    listen("goes", lambda: handles["goes"].off())
    listen("takes the last away", lambda: handles["last"].off())
    listen("comes again", lambda: go_and_come_again("comes again"))
    listen("brings another", lambda: "new" in handles or listen("new"))
    listen("last")
    router.route(data)
    assert heard == ["goes", "takes the last away", "comes again", "brings another"]
    for _ in range(2):
        heard.clear()
        router.route(data)
        assert heard == ["takes the last away", "brings another", "comes again", "new"]


def test_a_listener_that_raises_does_not_stop_the_others() -> None:
    errors: list[BaseException] = []
    router = Router(lambda _event, error: errors.append(error))
    heard = Heard()

    def bad(_: Event) -> None:
        raise ZeroDivisionError

    def cancelled(_: Event) -> None:
        raise asyncio.CancelledError  # the result of a future that was cancelled

    for listener in (bad, cancelled, heard):
        router.on(listener, name="DTMF")
        router.on(listener, unique_id="u-1")
    router.route(event("DTMF", "u-1"))
    router.route(event("DTMF", "u-2"))
    assert len(heard) == 3
    assert [type(error) for error in errors] == [ZeroDivisionError, asyncio.CancelledError] * 3


# -- what it costs ----------------------------------------------------------------------------------------


class Counting(dict):  # type: ignore[type-arg]
    """Counts how often it is looked into."""

    looks = 0

    def __contains__(self, key: object) -> bool:
        Counting.looks += 1
        return super().__contains__(key)

    def get(self, key: object, default: object = None) -> object:
        Counting.looks += 1
        return super().get(key, default)

    def __getitem__(self, key: object) -> object:
        Counting.looks += 1
        return super().__getitem__(key)


def looks_of(router: Router, data: Event) -> int:
    """How often an event's routing looks into the tables."""
    for table in ("_by_channel", "_by_job", "_by_subclass"):
        setattr(router, table, Counting(getattr(router, table)))
    Counting.looks = 0
    router.route(data)
    return Counting.looks


def test_a_thousand_waiters_cost_nothing_for_an_event() -> None:
    def busy(waiters: int) -> Router:
        router = Router(failing)
        router.on(Heard(), name="CHANNEL_ANSWER")
        for i in range(waiters):
            router.on(Heard(), unique_id=f"u-{i}", name="CHANNEL_ANSWER")
            router.on(Heard(), job_uuid=f"j-{i}")
            router.on(Heard(), variable=("voiced_transfer", str(i)))
        return router

    for data in (
        event("CHANNEL_ANSWER", "other"),
        event("CHANNEL_ANSWER", "u-3"),
        event("BACKGROUND_JOB", more="Job-UUID: other\n"),
        event("CUSTOM", more="Event-Subclass: a\n"),
        event("HEARTBEAT"),
    ):
        assert looks_of(busy(10), data) == looks_of(busy(1000), data) <= 4


def test_an_event_that_nobody_wants_is_not_parsed() -> None:
    router = Router(failing)
    router.on(Heard(), name="DTMF")
    router.on(Heard(), unique_id="u-1")
    ignored = event("CHANNEL_ANSWER", "u-2", "variable_a: b\n" * 50)
    router.route(ignored)
    assert (ignored._headers, ignored._lower, ignored._body) == (None, None, None)


def test_a_channel_is_searched_for_its_marks_once(monkeypatch: pytest.MonkeyPatch) -> None:
    router = Router(failing)
    router.on(Heard(), variable=("voiced_transfer", "7"))
    searches: list[str] = []
    original: Callable[[Event, str], str | None] = Event.variable

    def counted(self: Event, name: str) -> str | None:
        searches.append(name)
        return original(self, name)

    monkeypatch.setattr(Event, "variable", counted)
    for _ in range(10):
        router.route(event("CHANNEL_ANSWER", "u-1", "variable_uuid: u-1\n"))
    assert searches == ["voiced_transfer", "uuid"]


def test_names_that_never_end_and_channels_that_never_end_are_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("voiced.esl.router.MAX_CHANNELS", 50)
    router = Router(failing)
    router.on(Heard(), variable=("a", "1"))
    for i in range(2 * MAX_NAMES):
        router.route(event(f"NAME_{i}", f"u-{i}", "variable_uuid: x\n"))
    assert len(router._by_name) <= MAX_NAMES + 1
    assert len(router._by_start) <= MAX_NAMES
    assert sum(router.seen.values()) == 2 * MAX_NAMES
    assert len(router._marks) <= 50 < MAX_CHANNELS
    heard, narrowed = Heard(), Heard()
    router.on(heard, name="NAME_LATE")  # still has a place of its own
    router.on(narrowed, unique_id="u", name="NAME_NEVER_LISTENED_TO")
    late, never = event("NAME_LATE"), event("NAME_NEVER_LISTENED_TO", "u")
    for each in (late, never, event("NAME_OTHER", "u")):
        router.route(each)
    assert (heard, narrowed) == ([late], [never])
