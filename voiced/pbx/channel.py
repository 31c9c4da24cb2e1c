"""A channel as the PBX describes it at one moment (`uuid_dump`).

`show channels` lags behind and goes on naming applications that have ended; a dump of the channel itself
does neither. What was measured: a leg that was bridged to us is in CS_EXCHANGE_MEDIA, one that answered
and waits is parked in CS_EXECUTE, one that rings is in CS_CONSUME_MEDIA; the variables `bridge_uuid` and
`signal_bond` are set when uuid_bridge is commanded, and stay when the talk is over, so they prove nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from voiced.esl import values
from voiced.esl.errors import InvalidValue
from voiced.esl.event import Event

# What our hold changes on the caller, and puts back as it was.
HELD_VARIABLES = ("playback_terminators", "transfer_after_bridge")
# What our bridge changes on the caller.
BRIDGE_VARIABLES = ("hangup_after_bridge", "uuid_bridge_park_on_cancel")
# And besides on a call routed in.
ROUTED_IN_VARIABLES = ("transfer_after_bridge", "uuid_bridge_continue_on_cancel")
OUR_VARIABLES = {*HELD_VARIABLES, *BRIDGE_VARIABLES, *ROUTED_IN_VARIABLES}


@dataclass(frozen=True, slots=True)
class Home:
    """Where the caller came from: the dialplan extension of the assistant."""

    extension: str
    dialplan: str
    context: str


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel. `peer` is the other leg of its bridge or of its origin, '' where there is none."""

    uuid: str
    state: str  # CS_EXECUTE, …
    answered: bool
    number: str = ""
    name: str = ""
    peer: str = ""
    hold: str = ""  # the id whose music plays
    mark: str = ""  # the id of the hold that has begun; the mark may have outlived it
    attempt: str = ""  # the attempt that dialled it, ID.N
    label: str = ""  # sofia/internal/…, loopback/9000-a
    dialled: str = ""  # what the leg was dialled as (`dialled_as`)
    has_person: bool = False  # a loopback's far end: somebody in there has answered, and is bridged to it
    domain_uuid: str = ""  # FusionPBX's, of whose call it is
    domain_name: str = ""
    application: str = ""  # the last one that it was given; it may be over
    argument: str = ""  # what that one was given
    key: str = ""  # that an agent pressed when asked
    home: Home | None = None
    before: dict[str, str] = field(default_factory=dict)  # variables that we may change, as they are now

    @property
    def is_parked(self) -> bool:
        """Parked by the switch, with nobody on the line and no dialplan to go on with."""
        return self.state == "CS_PARK"

    @property
    def is_on_its_way(self) -> bool:
        """Its session has just ended, and in a moment its dialplan goes on."""
        return self.state == "CS_RESET"

    @property
    def waits_behind_us(self) -> bool:
        """Routed in, and idle: what it did last was ours, and its dialplan has not gone on."""
        return self.application in ("set", "multiset") and self.argument.startswith(("voiced_", "^^|voiced_"))

    @property
    def is_far_end(self) -> bool:
        """The end of a loopback that runs the dialplan, not the one that we dialled."""
        return self.label.startswith("loopback/") and self.label.endswith("-b")

    @property
    def is_bridged(self) -> bool:
        """In a bridge, as its a or its b side."""
        return self.state in ("CS_EXCHANGE_MEDIA", "CS_SOFT_EXECUTE", "CS_HIBERNATE")

    def is_bridged_to(self, caller: str) -> bool:
        """A dialled leg that is the b side of a bridge with this caller."""
        return self.state == "CS_EXCHANGE_MEDIA" and self.peer == caller


def from_dump(dump: str) -> Channel:
    """A channel from the text of `uuid_dump` (an event's headers, values encoded)."""
    event = Event(b"\n" + dump.encode("utf-8", "surrogateescape"))
    before = {name: event.variable(name) for name in OUR_VARIABLES}
    return Channel(
        uuid=event.unique_id,
        state=event.get("Channel-State") or "",
        answered=event.get("Answer-State") == "answered",
        number=event.get("Caller-Caller-ID-Number") or "",
        name=event.get("Caller-Caller-ID-Name") or "",
        peer=event.get("Other-Leg-Unique-ID") or "",
        hold=(event.variable("voiced_hold") or "") if plays_our_music(event) else "",
        mark=event.variable("voiced_hold") or "",
        attempt=event.variable("voiced_attempt") or "",
        label=event.get("Channel-Name") or "",
        dialled=dialled_as(event),
        domain_uuid=event.variable("domain_uuid") or "",
        domain_name=event.variable("domain_name") or "",
        application=event.variable("current_application") or "",
        argument=event.variable("current_application_data") or "",
        key=event.variable("voiced_key") or "",
        home=_home(event),
        before={name: value for name, value in before.items() if value is not None},
    )


def dialled_as(event: Event) -> str:
    """The extension of a phone that was dialled as `user/`, else the number that a leg was dialled as.

    A phone's own number is its SIP contact's user, which a softphone makes up.
    """
    extension, _, domain = (event.get("Channel-Presence-ID") or "").partition("@")
    return extension if domain else event.get("Caller-Destination-Number") or ""


def plays_our_music(event: Event) -> bool:
    """Whether the last application is our playback: the mark stands before it begins, and until it has ended.

    Only both together say so: the last application stays when it is over, and a mark when we die behind it,
    or when the switch sends a caller home whose bridge came to nothing: it is taken off behind the beginning
    of what the assistant plays (measured: a stop then ended the assistant, and 2 s later the call).
    """
    data = event.variable("current_application_data") or ""
    return event.variable("current_application") == "playback" and data.startswith("{timeout=")


def _home(event: Event) -> Home | None:
    """The caller's extension, if it is one that may stand in a command."""
    try:
        return Home(
            values.number(event.get("Caller-Destination-Number") or ""),
            values.variable_name(event.get("Caller-Dialplan") or "XML"),
            values.context(event.get("Caller-Context") or "default"),
        )
    except InvalidValue:
        return None
