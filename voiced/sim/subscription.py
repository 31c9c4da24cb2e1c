"""What an event-socket client wants to hear: `event`, `nixevent`, `noevents`, `filter` and `myevents`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .events import NAMES, named
from .separate import words
from .wire import Event

MYEVENTS = words(
    "CHANNEL_ANSWER CHANNEL_APPLICATION CHANNEL_BRIDGE CHANNEL_CREATE CHANNEL_DATA CHANNEL_DESTROY "
    "CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE CHANNEL_ORIGINATE "
    "CHANNEL_UUID CHANNEL_OUTGOING CHANNEL_PARK CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_STATE "
    "CHANNEL_UNBRIDGE CHANNEL_UNPARK DETECTED_SPEECH DTMF NOTALK TALK"
)
"""The events that `myevents` subscribes to: no CUSTOM, no CHANNEL_CALLSTATE, no PLAYBACK_START."""


@dataclass(frozen=True)
class Filter:
    """One `filter`: OR-ed with the others, unless its value begins with ``-`` and vetoes."""

    header: str
    value: str

    @property
    def vetoes(self) -> bool:
        signs = self.value[: len(self.value) - len(self._text)]
        return signs.replace(" ", "").endswith("-")

    @property
    def _text(self) -> str:
        return self.value.lstrip("+- ")

    def matches(self, event: Event) -> bool:
        have = event.get(self.header)
        if have is None:
            return False
        if self.value.startswith("/"):
            return re.search(self.value.strip("/"), have) is not None
        return have.lower() == self._text.lower()


@dataclass
class Subscription:
    """The events one client gets, and in which form."""

    form: str = "plain"
    on: bool = False
    everything: bool = False
    names: set[str] = field(default_factory=set)
    subclasses: set[str] = field(default_factory=set)
    every_subclass: bool = False
    """Whether ALL was asked for: then every subclass is wanted but those in `nixed`."""
    nixed: set[str] = field(default_factory=set)
    filters: list[Filter] = field(default_factory=list)
    mine_only: bool = False
    owner: str = ""
    """The channel whose events `myevents` means; without one it lets every channel's through."""

    def wants(self, event: Event) -> bool:
        if not self.on:
            return False
        if not self.everything:
            if event.name not in self.names:
                return False
            if event.name == "CUSTOM" and event.subclass and not self._hears(event.subclass):
                return False
        if self.filters and not self._passes(event):
            return False
        return self._mine(event) if self.mine_only else True

    def _hears(self, subclass: str) -> bool:
        return subclass in self.subclasses or (self.every_subclass and subclass not in self.nixed)

    def _passes(self, event: Event) -> bool:
        if any(one.vetoes and one.matches(event) for one in self.filters):
            return False
        return any(not one.vetoes and one.matches(event) for one in self.filters)

    def _mine(self, event: Event) -> bool:
        uuid = event.get("Unique-ID")
        if not self.owner:
            return uuid is not None
        return uuid == self.owner or event.get("Job-Owner-UUID") == self.owner

    def render(self, event: Event) -> bytes:
        return {"plain": event.plain, "json": event.json, "xml": event.xml}[self.form]()

    # ---- commands: each returns its reply ----------------------------------------------------------------

    def event(self, line: str) -> str:
        """``event [plain|json|xml] NAME … CUSTOM subclass …``: what follows CUSTOM is subclasses."""
        words = line.split()[1:]
        if words and words[0].lower() in ("plain", "json", "xml"):
            self.form = words.pop(0).lower()
        names, subclasses = _named(words)
        if not names:
            return "-ERR no keywords supplied"
        if "ALL" in names:
            self.everything = self.every_subclass = True
            self.names = set(NAMES)
        self.names |= names
        self.subclasses |= subclasses
        self.nixed -= subclasses
        self.on = True
        return f"+OK event listener enabled {self.form}"

    def nixevent(self, line: str) -> str:
        names, subclasses = _named(line.split()[1:])
        if not names:
            return "-ERR no keywords supplied"
        self.subclasses -= subclasses
        self.nixed |= subclasses
        if names - {"CUSTOM"}:
            self.everything = False
        self.names -= set(NAMES) if "ALL" in names else names - {"CUSTOM"}
        self.on = True
        return "+OK events nixed"

    def noevents(self) -> str:
        if not self.on:
            return "-ERR not listening for events"
        self.on = self.everything = self.every_subclass = False
        self.names.clear()
        self.subclasses.clear()
        self.nixed.clear()
        return "+OK no longer listening for events"

    def myevents(self, line: str) -> str:
        if self.mine_only:
            return "-ERR aready enabled."
        self.names |= set(MYEVENTS)
        self.mine_only = self.on = True
        for form in ("xml", "json"):
            if form in line.lower():
                self.form = form
        return "+OK Events Enabled"

    def filter(self, text: str) -> str:
        """``[add] HEADER VALUE`` or ``delete HEADER|all [VALUE]``."""
        words = text.lstrip(" ").split(" ", 2)
        if words[0].lower() == "delete" and len(words) > 1:
            return self._delete(words[1], words[2] if len(words) > 2 else "")
        if words[0].lower() == "add" and len(words) > 1:
            words = words[1:]
        header, value = words[0], " ".join(words[1:])
        if not value:
            return "-ERR invalid syntax"
        self.filters.append(Filter(header, value))
        return f"+OK filter added. [{header}]=[{value}]"

    def _delete(self, header: str, value: str) -> str:
        def stays(one: Filter) -> bool:
            return one.header.lower() != header.lower() or bool(value and one.value.lower() != value.lower())

        self.filters = [] if header.lower() == "all" else [one for one in self.filters if stays(one)]
        return f"+OK filter deleted. [{header}][{value}]"


def _named(words: list[str]) -> tuple[set[str], set[str]]:
    """The events and the CUSTOM subclasses that a list of words names; unknown words count for nothing."""
    names: set[str] = set()
    for number, word in enumerate(words):
        name = named(word)
        if name:
            names.add(name)
        if name == "CUSTOM":
            return names, set(words[number + 1 :])
    return names, set()
