"""Who listens under which key, and the tables of the router: a place is there as long as somebody listens.

Keys are bytes as they stand on the wire.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

from voiced.esl.event import Event

Listener: TypeAlias = Callable[[Event], object]

START: Final = len("\nEvent-Name: CHANNEL_EXECUTE_COMPLETE\n")  # bytes: no name of FreeSWITCH's is longer
MAX_NAMES: Final = 1000  # of events that are counted one by one; FreeSWITCH has some hundred

_event_name = re.compile(rb"\nEvent-Name: ([^\n]*)\n").match


class Handle:
    """What `on` returns: `off()` takes the listener away, at any time and more than once."""

    __slots__ = ("_entries",)

    def __init__(self, entries: list[Entry]) -> None:
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


class Place:
    """Who listens under one key, in the order in which they came.

    Thousands may come and go between two events, so that costs nothing; `called` is made anew when the next
    event comes, and does not change while that event is given out.
    """

    __slots__ = ("called", "entries")

    def __init__(self) -> None:
        self.entries: dict[Entry, None] = {}
        self.called: tuple[Entry, ...] | None = ()

    def add(self, entry: Entry) -> None:
        self.entries[entry] = None
        self.called = None

    def remove(self, entry: Entry) -> None:
        del self.entries[entry]
        self.called = None

    def call(self) -> tuple[Entry, ...]:
        """Whom to call with an event."""
        if self.called is None:
            self.called = tuple(self.entries)
        return self.called


class Name(Place):
    """An event's name: who listens to it alone, and how many such events came."""

    __slots__ = ("is_bodiless", "is_special", "name", "seen")

    def __init__(self, name: bytes) -> None:
        super().__init__()
        self.name = name
        self.seen = 0
        self.is_special = name in (b"BACKGROUND_JOB", b"CUSTOM", b"CHANNEL_DESTROY")
        self.is_bodiless = name.startswith((b"CHANNEL_", b"PLAYBACK_")) or name == b"DTMF"


class Table(dict[bytes, Place]):
    """Places by key; a place is there as long as somebody listens."""

    def place(self, key: bytes) -> Place:
        return self.setdefault(key, Place())

    def left(self, key: bytes) -> None:
        if not self[key].entries:
            del self[key]


class Names(dict[bytes, Name]):
    """Places by event name, made when the first such event comes and kept for the count."""

    def __missing__(self, name: bytes) -> Name:
        return self.place(name if len(self) < MAX_NAMES else b"others")

    def place(self, name: bytes) -> Name:
        return self.setdefault(name, Name(name))

    def left(self, name: bytes) -> None:
        pass


class Starts(dict[bytes, Name | None]):
    """The first bytes of an event → its name; None where they do not show it.

    A lookup costs a third of finding the end of the name, cutting it out and looking that up.
    """

    def __init__(self, names: Names) -> None:
        super().__init__()
        self._names = names

    def __missing__(self, start: bytes) -> Name | None:
        match = _event_name(start)
        if match is None:
            return None
        named = self._names[match[1]]
        if named.name == match[1]:  # not one of the many others
            if len(self) >= MAX_NAMES:
                self.clear()
            self[start] = named
        return named


class Entry:
    """One listener in one place. `names` narrows it down to events of these names."""

    __slots__ = ("_key", "_place", "_table", "listener", "names")

    def __init__(
        self,
        table: Table | Names,
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


def _nobody(_event: Event) -> None:
    """The listener of an entry that was removed."""
