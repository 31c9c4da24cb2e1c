"""Events to listeners, in constant time however many listen.

A listener is registered under what it waits for — a channel's uuid, a job, the value of a channel
variable, an event's name — and an event looks itself up in each table once. Keys are bytes as they stand
on the wire, so that nothing is decoded for an event that nobody wants.

Looking for a variable in an event costs more than all the rest together, and marks like `voiced_transfer`
are there from a channel's first event on. So only the first event of a channel is searched for them; what
was found stands until the channel is gone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

from voiced.esl.event import Event

Listener: TypeAlias = Callable[[Event], object]
_Table: TypeAlias = dict[bytes, tuple["_Entry", ...]]

BEFORE_UNIQUE_ID: Final = 300  # bytes: name, host and dates stand before anything of a channel's own
MAX_CHANNELS: Final = 100_000  # whose marks are remembered; forgotten all at once when there are more


class Handle:
    """What `on` returns: `off()` takes the listener away, at any time and more than once."""

    __slots__ = ("_entries",)

    def __init__(self, entries: list[_Entry]) -> None:
        self._entries = entries

    def off(self) -> None:
        """Stop calling the listener."""
        for entry in self._entries:
            entry.remove()
        self._entries = []

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.off()


class _Entry:
    """One listener in one table."""

    __slots__ = ("_key", "_table", "listener", "names")

    def __init__(self, table: _Table, key: str, listener: Listener, names: frozenset[bytes] | None) -> None:
        self._table, self._key = table, key.encode("utf-8", "surrogateescape")
        self.listener, self.names = listener, names
        table[self._key] = (*table.get(self._key, ()), self)

    def remove(self) -> None:
        left = tuple(entry for entry in self._table.get(self._key, ()) if entry is not self)
        if left:
            self._table[self._key] = left
        else:
            self._table.pop(self._key, None)


class Router:
    """Who wants which event. `on_error(event, exception)` hears of listeners that raise."""

    def __init__(self, on_error: Callable[[Event, Exception], Any]) -> None:
        self._on_error = on_error
        self.seen: defaultdict[bytes, int] = defaultdict(int)  # events by name
        self._by_name: _Table = {}
        self._by_channel: _Table = {}
        self._by_job: _Table = {}
        self._by_variable: dict[str, _Table] = {}
        self._marks: dict[bytes, tuple[tuple[_Table, bytes], ...]] = {}  # channel → its values of those

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
        Listeners run in the reading loop: they return at once and never await.
        """
        names = [name] if isinstance(name, str) else list(name or ())
        narrowed = frozenset(each.encode() for each in names) or None
        if unique_id is not None:
            return Handle([_Entry(self._by_channel, unique_id, listener, narrowed)])
        if job_uuid is not None:
            return Handle([_Entry(self._by_job, job_uuid, listener, narrowed)])
        if variable is not None:
            if variable[0] not in self._by_variable:
                self._by_variable[variable[0]] = {}
                self._marks.clear()  # channels already seen were not searched for this one
            return Handle([_Entry(self._by_variable[variable[0]], variable[1], listener, narrowed)])
        if not names:
            raise ValueError("a listener needs a name, a unique_id, a job_uuid or a variable")
        return Handle([_Entry(self._by_name, each, listener, None) for each in names])

    def forget_channels(self) -> None:
        """The connection was lost: what is known of the channels may be wrong."""
        self._marks.clear()

    def route(self, event: Event) -> int:
        """Give the event to everyone who wants it. Returns how many listeners it reached."""
        raw = event.raw
        if raw.startswith(b"\nEvent-Name: "):
            name = raw[13 : raw.find(b"\n", 13)]
            at = raw.find(b"\nUnique-ID: ", BEFORE_UNIQUE_ID)
            if at < 0:
                at = raw.find(b"\nUnique-ID: ")
            channel = raw[at + 12 : raw.find(b"\n", at + 12)] if at >= 0 else b""
        else:
            name, channel = event.name.encode(), event.unique_id.encode("utf-8", "surrogateescape")
        self.seen[name] += 1
        reached = 0
        if channel in self._by_channel:
            reached = self._give(event, name, self._by_channel[channel])
        if name in self._by_name:
            reached += self._give(event, name, self._by_name[name])
        if self._by_variable and channel:
            marks = self._marks.get(channel)
            if marks is None:
                marks = self._learn(event, channel)
            for table, value in marks:
                if value in table:
                    reached += self._give(event, name, table[value])
            if name == b"CHANNEL_DESTROY":
                self._marks.pop(channel, None)
        if name == b"BACKGROUND_JOB":
            reached += self._look_up(event, name, self._by_job, event.get("Job-UUID") or "")
        elif name == b"CUSTOM":
            reached += self._look_up(event, name, self._by_name, f"CUSTOM {event.subclass}")
        if b"ALL" in self._by_name:
            reached += self._give(event, name, self._by_name[b"ALL"])
        return reached

    def _look_up(self, event: Event, name: bytes, table: _Table, key: str) -> int:
        entries = table.get(key.encode("utf-8", "surrogateescape"))
        return self._give(event, name, entries) if entries else 0

    def _give(self, event: Event, name: bytes, entries: tuple[_Entry, ...]) -> int:
        reached = 0
        for entry in entries:
            if entry.names is None or name in entry.names:
                reached += 1
                try:
                    entry.listener(event)
                except Exception as error:
                    self._on_error(event, error)
        return reached

    def _learn(self, event: Event, channel: bytes) -> tuple[tuple[_Table, bytes], ...]:
        """The marks of a channel, from the first of its events that carries variables at all."""
        found = []
        for variable, table in self._by_variable.items():
            value = event.variable(variable)
            if value is not None:
                found.append((table, value.encode("utf-8", "surrogateescape")))
        marks = tuple(found)
        if marks or event.variable("uuid") is not None:
            if len(self._marks) >= MAX_CHANNELS:
                self._marks.clear()
            self._marks[channel] = marks
        return marks
