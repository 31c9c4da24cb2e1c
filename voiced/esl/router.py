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
from asyncio import CancelledError
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

from voiced.esl import values
from voiced.esl.errors import InvalidValue
from voiced.esl.event import Event
from voiced.esl.places import START, Entry, Handle, Listener, Name, Names, Place, Starts, Table

# Where the search for `Unique-ID` begins: the dozen headers that FreeSWITCH puts before anything else
# (name, core, host, dates, place in the source, sequence) are longer than this, whatever the host's name.
BEFORE_UNIQUE_ID: Final = 400
MAX_CHANNELS: Final = 100_000  # whose marks are remembered; forgotten all at once when there are more


_PERCENT: Final = ord("%")
_Marks: TypeAlias = tuple[tuple[Table, bytes], ...]  # where a channel's variables are looked up


class Router:
    """Who wants which event. `on_error(event, exception)` hears of listeners that raise."""

    def __init__(self, on_error: Callable[[Event, BaseException], object]) -> None:
        self._on_error = on_error
        self._by_name = Names()
        self._by_start = Starts(self._by_name)
        self._by_subclass = Table()
        self._by_channel = Table()
        self._by_job = Table()
        self._by_variable: dict[str, Table] = {}
        self._marks: dict[bytes, _Marks] = {}  # channel → its values of those
        self._of_all = Table()

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
        Raises InvalidValue for what no event can have: a name in small letters, an empty id.

        Listeners run in the reading loop, those of the channel before those of the name: they return at
        once and never await. One that is added while an event is given out hears from the next one on.
        """
        if inspect.iscoroutinefunction(listener):
            raise TypeError("a listener is called in the reading loop and not awaited: use queue()")
        wanted = [name] if isinstance(name, str) else name or ()
        names = [_key(each) for each in dict.fromkeys(map(values.event_name, wanted))]
        if "" in (unique_id, job_uuid):
            raise InvalidValue("an empty id is nobody's")
        if b"ALL" in names:
            names = [b"ALL"]
        narrowed = frozenset(names) if names and names != [b"ALL"] else None
        for each in names:
            self._by_name.place(each.partition(b" ")[0])
        if unique_id is not None:
            return Handle([Entry(self._by_channel, _key(unique_id), listener, narrowed)])
        if job_uuid is not None:
            return Handle([Entry(self._by_job, _key(job_uuid), listener, narrowed)])
        if variable is not None:
            if values.variable_name(variable[0]) not in self._by_variable:
                self._by_variable[variable[0]] = Table()
                self._marks.clear()  # channels already seen were not searched for this one
            return Handle([Entry(self._by_variable[variable[0]], _key(variable[1]), listener, narrowed)])
        if not names:
            raise ValueError("a listener needs a name, a unique_id, a job_uuid or a variable")
        return Handle([Entry(*self._place_of_name(each), listener) for each in names])

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

    def _place_of_name(self, name: bytes) -> tuple[Table | Names, bytes]:
        if name == b"ALL":
            return self._of_all, name
        if name.startswith(b"CUSTOM "):
            return self._by_subclass, name
        return self._by_name, name

    def _give_by_keys(self, event: Event, named: Name, channel: bytes, marks: _Marks) -> None:
        """The same for an event that is looked up by more than its name: find all, then call them."""
        name, subclass = named.name, b""
        found: list[Place | None] = [self._by_channel.get(channel), named]
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
