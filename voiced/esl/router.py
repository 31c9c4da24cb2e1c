"""Events to listeners, in constant time however many listen.

A listener is registered under what it waits for — a channel's uuid, a job, the value of a channel
variable, an event's name — and an event looks itself up in each table once. Keys are bytes as they stand
on the wire, so that nothing is decoded for an event that nobody wants.

Looking for a variable in an event costs more than all the rest together, and marks like `voiced_transfer`
are there from a channel's first event on. So only the first event of a channel is searched for them; what
was found stands until the channel is gone.
"""

from __future__ import annotations

import inspect
import re
from asyncio import CancelledError
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

from voiced.esl.event import Event

Listener: TypeAlias = Callable[[Event], object]

# Where the search for `Unique-ID` begins: the dozen headers that FreeSWITCH puts before anything else
# (name, core, host, dates, place in the source, sequence) are longer than this, whatever the host's name.
BEFORE_UNIQUE_ID: Final = 400
START: Final = len("\nEvent-Name: CHANNEL_EXECUTE_COMPLETE\n")  # bytes: no name of FreeSWITCH's is longer
MAX_CHANNELS: Final = 100_000  # whose marks are remembered; forgotten all at once when there are more
MAX_NAMES: Final = 1000  # of events that are counted one by one; FreeSWITCH has some hundred


_PERCENT: Final = ord("%")
_event_name = re.compile(rb"\nEvent-Name: ([^\n]*)\n").match


class Handle:
    """What `on` returns: `off()` takes the listener away, at any time and more than once."""

    __slots__ = ("_entries",)

    def __init__(self, entries: list[_Entry]) -> None:
        self._entries = entries

    def off(self) -> None:
        """Stop calling the listener, also with the event that is being given out now."""
        for entry in self._entries:
            entry.remove()
        self._entries = []

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.off()


class _Place:
    """Who listens under one key, in the order in which they came.

    Thousands may come and go between two events, so that costs nothing; `called` is made anew when the next
    event comes, and does not change while that event is given out.
    """

    __slots__ = ("called", "entries")

    def __init__(self) -> None:
        self.entries: dict[_Entry, None] = {}
        self.called: tuple[_Entry, ...] | None = ()

    def add(self, entry: _Entry) -> None:
        self.entries[entry] = None
        self.called = None

    def remove(self, entry: _Entry) -> None:
        del self.entries[entry]
        self.called = None

    def call(self) -> tuple[_Entry, ...]:
        """Whom to call with an event."""
        if self.called is None:
            self.called = tuple(self.entries)
        return self.called


class _Name(_Place):
    """An event's name: who listens to it alone, and how many such events came."""

    __slots__ = ("is_bodiless", "is_special", "name", "seen")

    def __init__(self, name: bytes) -> None:
        super().__init__()
        self.name = name
        self.seen = 0
        self.is_special = name in (b"BACKGROUND_JOB", b"CUSTOM", b"CHANNEL_DESTROY")
        self.is_bodiless = name.startswith((b"CHANNEL_", b"PLAYBACK_")) or name == b"DTMF"


class _Table(dict[bytes, _Place]):
    """Places by key; a place is there as long as somebody listens."""

    def place(self, key: bytes) -> _Place:
        return self.setdefault(key, _Place())

    def left(self, key: bytes) -> None:
        if not self[key].entries:
            del self[key]


_Marks: TypeAlias = tuple[tuple["_Table", bytes], ...]


class _Names(dict[bytes, _Name]):
    """Places by event name, made when the first such event comes and kept for the count."""

    def __missing__(self, name: bytes) -> _Name:
        return self.place(name if len(self) < MAX_NAMES else b"others")

    def place(self, name: bytes) -> _Name:
        return self.setdefault(name, _Name(name))

    def left(self, name: bytes) -> None:
        pass


class _Starts(dict[bytes, _Name | None]):
    """The first bytes of an event → its name; None where they do not show it.

    A lookup costs a third of finding the end of the name, cutting it out and looking that up.
    """

    def __init__(self, names: _Names) -> None:
        super().__init__()
        self._names = names

    def __missing__(self, start: bytes) -> _Name | None:
        match = _event_name(start)
        if match is None:
            return None
        named = self._names[match[1]]
        if named.name == match[1]:  # not one of the many others
            if len(self) >= MAX_NAMES:
                self.clear()
            self[start] = named
        return named


class _Entry:
    """One listener in one place. `names` narrows it down to events of these names."""

    __slots__ = ("_key", "_place", "_table", "listener", "names")

    def __init__(
        self,
        table: _Table | _Names,
        key: bytes,
        listener: Listener,
        names: frozenset[bytes] | None = None,
    ) -> None:
        self._table, self._key, self._place = table, key, table.place(key)
        self.listener, self.names = listener, names
        self._place.add(self)

    def remove(self) -> None:
        self.listener = _nobody  # an event that is being given out may have found this entry already
        self._place.remove(self)
        self._table.left(self._key)


class Router:
    """Who wants which event. `on_error(event, exception)` hears of listeners that raise."""

    def __init__(self, on_error: Callable[[Event, BaseException], object]) -> None:
        self._on_error = on_error
        self._by_name = _Names()
        self._by_start = _Starts(self._by_name)
        self._by_subclass = _Table()
        self._by_channel = _Table()
        self._by_job = _Table()
        self._by_variable: dict[str, _Table] = {}
        self._marks: dict[bytes, _Marks] = {}  # channel → its values of those
        self._of_all = _Table()

    def on(
        self,
        listener: Listener,
        *,
        name: str | Iterable[str] | None = None,
        unique_id: str | None = None,
        job_uuid: str | None = None,
        variable: tuple[str, str] | None = None,
    ) -> Handle:
        """Call `listener(event)` for the events of a channel, a job, a variable's value, or of a name.

        `name` narrows the others down; alone it is the key. `CUSTOM sofia::register` names a subclass,
        `ALL` everything. `variable` is (name, value), as the channel has it at its first event.
        Listeners run in the reading loop, those of the channel before those of the name: they return at
        once and never await. One that is added while an event is given out hears from the next one on.
        """
        if inspect.iscoroutinefunction(listener):
            raise TypeError("a listener is called in the reading loop and not awaited: use queue()")
        names = list(dict.fromkeys(map(_key, [name] if isinstance(name, str) else name or ())))
        if b"ALL" in names:
            names = [b"ALL"]
        narrowed = frozenset(names) if names and names != [b"ALL"] else None
        for each in names:
            self._by_name.place(each.partition(b" ")[0])
        if unique_id is not None:
            return Handle([_Entry(self._by_channel, _key(unique_id), listener, narrowed)])
        if job_uuid is not None:
            return Handle([_Entry(self._by_job, _key(job_uuid), listener, narrowed)])
        if variable is not None:
            if variable[0] not in self._by_variable:
                self._by_variable[variable[0]] = _Table()
                self._marks.clear()  # channels already seen were not searched for this one
            return Handle([_Entry(self._by_variable[variable[0]], _key(variable[1]), listener, narrowed)])
        if not names:
            raise ValueError("a listener needs a name, a unique_id, a job_uuid or a variable")
        return Handle([_Entry(*self._place_of_name(each), listener) for each in names])

    def forget_channels(self) -> None:
        """The connection was lost: what is known of the channels may be wrong."""
        self._marks.clear()

    @property
    def seen(self) -> Mapping[bytes, int]:
        """Events by name."""
        return {name: place.seen for name, place in self._by_name.items() if place.seen}

    def route(self, event: Event) -> None:
        """Give the event to everyone who wants it."""
        raw = event.raw
        named = self._by_start[raw[:START]]
        at = raw.find(b"\nUnique-ID: ", BEFORE_UNIQUE_ID)
        end = raw.find(b"\n", at + 12)
        channel = raw[at + 12 : end]
        if named is None or at < 0 or end < 0 or not named.is_bodiless or _PERCENT in channel:
            named, channel = self._by_name[_key(event.name)], _key(event.unique_id)
        named.seen += 1
        marks: _Marks = ()
        if self._by_variable:
            known = self._marks.get(channel)
            marks = self._learn(channel, event) if known is None else known
        if marks or channel in self._by_channel or named.is_special or self._of_all:
            self._give_by_keys(event, named, channel, marks)
            return
        for entry in named.call() if named.called is None else named.called:
            try:
                entry.listener(event)
            except (Exception, CancelledError) as error:
                self._on_error(event, error)

    # -- inside -----------------------------------------------------------------------------------------

    def _place_of_name(self, name: bytes) -> tuple[_Table | _Names, bytes]:
        if name == b"ALL":
            return self._of_all, name
        if name.startswith(b"CUSTOM "):
            return self._by_subclass, name
        return self._by_name, name

    def _give_by_keys(self, event: Event, named: _Name, channel: bytes, marks: _Marks) -> None:
        """The same for an event that is looked up by more than its name: find all, then call them."""
        name, subclass = named.name, b""
        found: list[_Place | None] = [self._by_channel.get(channel), named]
        found += [table.get(value) for table, value in marks]
        if name == b"BACKGROUND_JOB":
            found.append(self._by_job.get(_key(event.get("Job-UUID") or "")))
        elif name == b"CUSTOM":
            subclass = b"CUSTOM " + _key(event.subclass)
            found.append(self._by_subclass.get(subclass))
        elif name == b"CHANNEL_DESTROY":
            self._marks.pop(channel, None)
        found += self._of_all.values()
        for entry in [entry for place in found if place for entry in place.call()]:
            if entry.names is None or name in entry.names or subclass in entry.names:
                try:
                    entry.listener(event)
                except (Exception, CancelledError) as error:
                    self._on_error(event, error)

    def _learn(self, channel: bytes, event: Event) -> _Marks:
        """The marks of a channel, from the first of its events that carries variables at all."""
        if not channel:
            return ()
        values = ((table, event.variable(name)) for name, table in self._by_variable.items())
        marks = tuple((table, _key(value)) for table, value in values if value is not None)
        if marks or event.variable("uuid") is not None:
            if len(self._marks) >= MAX_CHANNELS:
                self._marks.clear()
            self._marks[channel] = marks
        return marks


def _key(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _nobody(_event: Event) -> None:
    """The listener of an entry that was removed."""
