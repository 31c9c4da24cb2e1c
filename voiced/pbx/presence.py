"""Every extension's state, kept in memory from what the PBX tells: no question is asked to answer one.

Registrations (`sofia::register` …) say whether there is a phone, channel events whether it is on a call. A
channel is an extension's by its `Channel-Presence-ID` and by nothing else. After each reconnect, and every
three minutes, what is kept is held against the PBX's own tables. These lag behind the events, so:

- a channel that the events told of a moment ago may be missing in the table, and one that hung up stays in
  it until it is destroyed, seconds after: what the events said counts;
- a registration that the table sees and the events do not, or the other way round, is settled by asking
  `sofia_contact`, which reads what a call would be sent to; after a reconnect, everybody's is. The table is
  another one: where `multiple-registrations` is off it has the newest phone of a user only, and none when
  one of two has left; it keeps phones that `flush_inbound_reg` threw out, or that left under another Call-ID.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from voiced.esl import EslError, Event, InvalidValue, values
from voiced.esl.commands import api
from voiced.logs import brief
from voiced.pbx.dnd import DoNotDisturb
from voiced.pbx.edges import ChangeListener, Edges, FreeListener, State
from voiced.pbx.extension import Extension, parse
from voiced.pbx.pbx import Pbx
from voiced.refusals import PbxIsAway

__all__ = ["Extension", "Presence", "PresenceUnknown", "State"]

log = structlog.get_logger(__name__)

CHECK_SECONDS: Final = 180.0
LAG_SECONDS: Final = 5.0  # that the tables may lie behind the events (0.02–0.1 on an idle switch)
LOOK_AGAIN_SECONDS: Final = 1.0  # as long as what they say may be older than what we have heard
DOUBT_SECONDS: Final = 0.2  # before asking sofia_contact: an expiry is told before its row is deleted
RETRY_SECONDS: Final = 0.25  # after a question that was not answered
MOST_CONTACTS: Final = 20  # of one extension: a phone replaced under another address is not told

_ALIVE: Final = (  # the first for most; the dialplan may say later whose a channel is
    "CHANNEL_CREATE", "CHANNEL_PROGRESS", "CHANNEL_PROGRESS_MEDIA", "CHANNEL_ANSWER", "CHANNEL_PARK",
    "CHANNEL_BRIDGE",
)  # fmt: skip
_TALKING: Final = ("ACTIVE", "HELD", "UNHELD")  # callstate, in the table


class PresenceUnknown(PbxIsAway):
    """The PBX is lost, or has not been asked since it came back."""


@dataclass(slots=True)
class _Leg:
    """A channel to or from an extension's phone."""

    extension: Extension
    is_talking: bool
    heard_at: float  # its last event; 0 for one that only a table told of


@dataclass(slots=True)
class _Phones:
    """What is known of an extension. One with neither contacts nor legs is forgotten."""

    contacts: dict[str, str] = field(default_factory=dict)  # contact URI → Call-ID
    legs: dict[str, _Leg] = field(default_factory=dict)
    state: State = State.OFFLINE


class Presence:
    """The state of every extension of a PBX. `run()` keeps it true."""

    def __init__(self, pbx: Pbx, dnd: DoNotDisturb, *, settle_seconds: float = 5.0) -> None:
        self._pbx, self._dnd, self._edges = pbx, dnd, Edges(settle_seconds)
        self._known = False
        self._losses = 0
        self._phones: dict[Extension, _Phones] = {}
        self._legs: dict[str, _Leg] = {}
        self._gone: dict[str, float] = {}  # channels that hung up, and when; until the table knows it too
        self._left: set[Extension] = set()  # whose phone unregistered while the tables were being asked
        self._doubtful: dict[Extension, float] = {}  # whose registration has to be asked for, since when
        self._asking: set[Extension] = set()
        self._before: dict[Extension, State] = {}  # as it was when the PBX was lost
        self._look_at = self._unsure_until = 0.0
        self._trouble = False
        self._wake = asyncio.Event()
        calls = pbx.calls
        calls.on(self._channel, name=_ALIVE)
        calls.on(self._hung_up, name=("CHANNEL_HANGUP", "CHANNEL_DESTROY"))
        calls.on(self._renamed, name="CHANNEL_UUID")
        calls.on(self._registered, name="CUSTOM sofia::register")
        calls.on(self._unregistered, name=("CUSTOM sofia::unregister", "CUSTOM sofia::expire"))
        dnd.on_change(lambda extension, _: self._update(extension))
        pbx.watch(self)

    def state(self, extension: Extension) -> State:
        """What it does now. One that nobody has heard of is offline. Raises PresenceUnknown."""
        if not self._known:
            raise PresenceUnknown("the PBX is not connected, or has not told yet who is there")
        phones = self._phones.get(extension)
        return phones.state if phones is not None else State.OFFLINE

    def is_free(self, extension: Extension) -> bool:
        """Available, and for `settle_seconds` already. Nobody is while the PBX is lost."""
        return self._edges.is_free(extension)

    def free(self, domain: str) -> Iterable[Extension]:
        """Everybody of a domain (its name) who is free now, the longest first."""
        return self._edges.free(domain)

    def on_free(self, listener: FreeListener) -> None:
        """Call `listener(extension)` each time that an extension has been available for `settle_seconds`.

        After a (re)connect that is everybody who is available, `settle_seconds` later.
        """
        self._edges.on_free.append(listener)

    def on_change(self, listener: ChangeListener) -> None:
        """Call `listener(extension, before, now)` at each change; after a loss, for what it brought."""
        self._edges.on_change.append(listener)

    async def run(self) -> None:
        """Ask the PBX what is so, after each reconnect and now and then, until cancelled."""
        while True:
            self._wake.clear()
            pause = await self._attend() if self._pbx.is_connected else CHECK_SECONDS
            try:
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            except TimeoutError:
                pass

    def pbx_lost(self) -> None:
        """Nothing is known any more."""
        if self._known:
            self._before = {extension: phones.state for extension, phones in self._phones.items()}
        self._edges.forget()
        for kept in (self._phones, self._legs, self._gone, self._left, self._doubtful):
            kept.clear()
        self._known = False
        self._losses += 1

    def pbx_back(self) -> None:
        """Ask at once."""
        self._look_at = 0.0
        self._wake.set()

    # -- what the events say ------------------------------------------------------------------------------

    def _channel(self, event: Event) -> None:
        """A channel is there: ringing where we call the phone, on a call once it has answered or calls."""
        uuid = event.unique_id
        extension = parse(event.get("Channel-Presence-ID") or "")
        if extension is None or uuid in self._gone:  # events may overtake each other
            return
        is_talking = event.get("Call-Direction") == "inbound" or event.get("Answer-State") == "answered"
        self._put_leg(uuid, extension, is_talking, time.monotonic())

    def _hung_up(self, event: Event) -> None:
        uuid = event.unique_id
        if event.get("Channel-Presence-ID") or uuid in self._legs:
            self._gone[uuid] = time.monotonic()
            self._drop_leg(uuid)

    def _renamed(self, event: Event) -> None:
        leg = self._drop_leg(event.get("Old-Unique-ID") or "")
        if leg is not None:
            self._put_leg(event.unique_id, leg.extension, leg.is_talking, time.monotonic())

    def _registered(self, event: Event) -> None:
        extension = parse(f"{event.get('from-user') or ''}@{event.get('from-host') or ''}")
        if extension is None:
            return
        contacts = self._phones.setdefault(extension, _Phones()).contacts
        contact, call_id = _uri(event.get("contact") or ""), event.get("call-id") or ""
        _forget(contacts, call_id)
        contacts.pop(contact, None)  # the newest goes last
        contacts[contact] = call_id
        if len(contacts) > MOST_CONTACTS:
            del contacts[next(iter(contacts))]
        self._left.discard(extension)
        self._ask_again(extension)
        self._update(extension)

    def _unregistered(self, event: Event) -> None:
        """A phone left. Known by its Call-ID; where that is another one, or others stay, the PBX is asked."""
        user = event.get("from-user") or event.get("user") or ""
        extension = parse(f"{user}@{event.get('from-host') or event.get('host') or ''}")
        if extension is None:
            return
        if not self._known:
            self._left.add(extension)
        phones = self._phones.get(extension)
        if phones is None:
            return
        _forget(phones.contacts, event.get("call-id") or "")
        if phones.contacts:
            self._doubt(extension)
        self._ask_again(extension)
        self._update(extension)

    # -- what the tables say ------------------------------------------------------------------------------

    async def _attend(self) -> float:
        """Look at the tables, or at who is in doubt, if it is time. Returns the seconds until it is again."""
        try:
            if time.monotonic() >= self._look_at:
                await self._look()
            await self._settle_doubts()
        except (EslError, ValueError, LookupError) as error:
            if not self._trouble:
                log.warning("the PBX did not tell who is there", error=brief(error))
            self._trouble = True
            return RETRY_SECONDS
        self._trouble = False
        due = min([self._look_at, *(since + DOUBT_SECONDS for since in self._doubtful.values())])
        return max(0.0, due - time.monotonic())

    async def _look(self) -> None:
        loss, asked_at = self._losses, time.monotonic()
        registrations, channels = await asyncio.gather(
            self._pbx.table("registrations"), self._pbx.table("channels")
        )
        if loss != self._losses:
            return
        was_known = self._known
        self._compare_registrations(registrations)
        is_news = self._compare_channels(channels, asked_at)
        if is_news or not was_known:
            self._unsure_until = asked_at + LAG_SECONDS
        self._look_at = asked_at + (LOOK_AGAIN_SECONDS if asked_at < self._unsure_until else CHECK_SECONDS)
        if not was_known:
            self._begin()

    def _compare_registrations(self, rows: list[dict[str, Any]]) -> None:
        listed: set[Extension] = set()
        for row in rows:
            extension = parse(f"{row['reg_user']}@{row['realm']}")
            if extension is None:
                continue
            listed.add(extension)
            if not self._known and extension not in self._left:
                phones = self._phones.setdefault(extension, _Phones())
                phones.contacts.setdefault(row["url"].split("/", 2)[-1], row["token"])
        heard = {extension for extension, phones in self._phones.items() if phones.contacts}
        for extension in listed ^ heard if self._known else listed | heard | set(self._before):
            self._doubt(extension)
        self._left.clear()

    def _compare_channels(self, rows: list[dict[str, Any]], asked_at: float) -> bool:
        """Whether it tells of a channel that the events did not: it may have hung up before we listened."""
        is_news, seen = False, set()
        for row in rows:
            uuid, extension = row["uuid"], parse(row["presence_id"])
            seen.add(uuid)
            if uuid in self._gone:
                continue
            is_talking = row["direction"] == "inbound" or row["callstate"] in _TALKING
            leg = self._legs.get(uuid)
            if leg is not None:
                self._put_leg(uuid, leg.extension, leg.is_talking or is_talking, leg.heard_at)
            elif extension is not None:
                self._put_leg(uuid, extension, is_talking, 0.0)
                is_news = True
        long_ago = asked_at - LAG_SECONDS
        for uuid, leg in list(self._legs.items()):
            if uuid not in seen and leg.heard_at < long_ago:
                self._drop_leg(uuid)
        self._gone = {uuid: at for uuid, at in self._gone.items() if uuid in seen or at >= long_ago}
        return is_news

    def _doubt(self, extension: Extension) -> None:
        self._doubtful[extension] = time.monotonic()
        self._wake.set()

    def _ask_again(self, extension: Extension) -> None:
        """What was asked of it is out of date."""
        if extension in self._asking:
            self._asking.discard(extension)
            self._doubt(extension)

    async def _settle_doubts(self) -> None:
        """Ask where a call to each extension in doubt would be sent to."""
        ripe = time.monotonic() - DOUBT_SECONDS
        for extension in [extension for extension, since in self._doubtful.items() if since <= ripe]:
            try:
                number, domain = values.number(extension.number), values.domain(extension.domain)
            except InvalidValue:
                self._doubtful.pop(extension, None)
                continue
            loss = self._losses
            self._asking.add(extension)
            try:
                reply = await self._pbx.questions.ask(api(f"sofia_contact */{number}@{domain}"))
                is_fresh = loss == self._losses and extension in self._asking
            finally:
                self._asking.discard(extension)
            if is_fresh:
                self._doubtful.pop(extension, None)
                if reply.ok:
                    self._set_contacts(extension, reply.text)

    def _set_contacts(self, extension: Extension, answer: str) -> None:
        known = self._phones.setdefault(extension, _Phones()).contacts
        contacts = [each.split("/", 2)[-1] for each in answer.split(",") if each.startswith("sofia/")]
        self._phones[extension].contacts = {contact: known.get(contact, "") for contact in contacts}
        self._update(extension)

    # -- what follows -------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Everything is known (again)."""
        self._known = True
        before, self._before = self._before, {}
        for extension in {**before, **self._phones}:
            phones = self._phones.get(extension)
            if phones is not None:
                phones.state = before.get(extension, State.OFFLINE)
                self._update(extension)
                if phones.state is State.AVAILABLE:
                    self._edges.settle(extension)
            elif before[extension] is not State.OFFLINE:
                self._edges.changed(extension, before[extension], State.OFFLINE)

    def _put_leg(self, uuid: str, extension: Extension, is_talking: bool, heard_at: float) -> None:
        leg = self._legs.get(uuid)
        if leg is not None and leg.extension != extension:
            self._drop_leg(uuid)
            leg = None
        if leg is None:
            leg = _Leg(extension, is_talking, heard_at)
            self._legs[uuid] = leg
            self._phones.setdefault(extension, _Phones()).legs[uuid] = leg
        else:
            leg.is_talking, leg.heard_at = leg.is_talking or is_talking, heard_at
        self._update(extension)

    def _drop_leg(self, uuid: str) -> _Leg | None:
        leg = self._legs.pop(uuid, None)
        if leg is not None:
            self._phones[leg.extension].legs.pop(uuid, None)
            self._update(leg.extension)
        return leg

    def _update(self, extension: Extension) -> None:
        """Say what has changed, forget who is not there at all."""
        phones = self._phones.get(extension)
        if phones is None:
            return
        if not phones.contacts and not phones.legs:
            del self._phones[extension]
        if not self._known:
            return
        before, phones.state = phones.state, self._state_of(extension, phones)
        if before is phones.state:
            return
        self._edges.changed(extension, before, phones.state)

    def _state_of(self, extension: Extension, phones: _Phones) -> State:
        if not phones.contacts:
            return State.OFFLINE
        if phones.legs:
            is_talking = any(leg.is_talking for leg in phones.legs.values())
            return State.IN_CALL if is_talking else State.RINGING
        return State.DND if self._dnd.has(extension) else State.AVAILABLE


def _forget(contacts: dict[str, str], call_id: str) -> None:
    """What was registered under this Call-ID."""
    for contact in [contact for contact, its in contacts.items() if call_id and its == call_id]:
        del contacts[contact]


def _uri(contact: str) -> str:
    """`"Name" <sip:…>` → `sip:…`."""
    return contact.partition("<")[2].partition(">")[0] or contact
