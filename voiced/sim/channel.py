"""A channel: one leg of a call, with its states, flags, variables, and what is queued for it.

Its life is the task `core.run`. Everything it does itself happens there; others only set flags, queue
private events, signals and digits, and `kick` it. That is why the events of one leg come in a fixed order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from .causes import CAUSES
from .clock import Waiter
from .events import VERBOSE
from .flags import Flags
from .messages import Digit, Extension, PrivateMessage
from .profile import Profile
from .states import CallState, State, may_follow
from .variables import Variables
from .wire import Block, Event, Pairs

if TYPE_CHECKING:
    from .bridge import AudioLeg
    from .endpoint import Endpoint
    from .handlers import Handlers
    from .sounds import Sound
    from .switch import Switch


class Channel(Waiter):
    """One leg. `state` is what it shall do, `running` what it does, as in FreeSWITCH."""

    def __init__(
        self, switch: Switch, *, uuid: str, name: str, direction: str, endpoint: Endpoint, session_id: int
    ) -> None:
        super().__init__(switch.clock)
        self.switch = switch
        self.uuid = uuid
        self.name = name
        self.direction = direction
        self.endpoint = endpoint
        self.session_id = session_id
        self.state = State.NEW
        self.running = State.NONE
        self.callstate = CallState.DOWN
        self.flags = Flags()
        self.flags_at_next_state: dict[str, bool] = {}
        self.variables = Variables()
        self.profile: Profile | None = None
        self.other: tuple[str, Profile] | None = None
        self.has_codec = False
        self.hangup_cause = ""
        self.extension: Extension | None = None
        self.handlers: list[Handlers] = []
        self.private: deque[PrivateMessage] = deque()
        self.private_priority: deque[PrivateMessage] = deque()
        self.signals: deque[Callable[[], None]] = deque()
        self.session_events: deque[Event] = deque()
        self.digits: deque[Digit] = deque()
        self.digits_dialed = ""
        self.sounds: list[Sound] = []
        self.file: Sound | None = None
        self.audio: AudioLeg | None = None
        self.locks = 0
        self.depth = 0
        self.started = False

    def __repr__(self) -> str:
        return f"<Channel {self.uuid} {self.name} {self.running.name}>"

    # ---- what is so --------------------------------------------------------------------------------------

    @property
    def down(self) -> bool:
        return self.state >= State.HANGUP

    @property
    def inbound(self) -> bool:
        return self.direction == "inbound"

    @property
    def ready(self) -> bool:
        """Whether applications may go on: up, and nobody wants the leg elsewhere."""
        return (
            not self.hangup_cause
            and State.ROUTING < self.state < State.HANGUP
            and self.state is not State.RESET
            and not self.flags.transfer
            and self.running is self.state
        )

    @property
    def media_ready(self) -> bool:
        return self.flags.answered or self.flags.early_media

    @property
    def partner(self) -> Channel | None:
        """The leg this one is bridged to, by its `signal_bond`."""
        uuid = self.variables.get("signal_bond") or self.variables.get("originate_signal_bond")
        return self.switch.locate(uuid)

    @property
    def answer_state(self) -> str:
        if self.down:
            return "hangup"
        if self.flags.answered:
            return "answered"
        return "early" if self.flags.early_media else "ringing"

    # ---- events ------------------------------------------------------------------------------------------

    def headers(self, *, verbose: bool) -> list[Block]:
        """The headers of this channel in an event, with all variables if `verbose`."""
        get = self.variables.get
        pairs: Pairs = [
            ("Channel-State", self.running.label),
            ("Channel-Call-State", self.callstate.name),
            ("Channel-State-Number", str(int(self.state))),
            ("Channel-Name", self.name),
            ("Unique-ID", self.uuid),
            ("Call-Direction", self.direction),
            ("Presence-Call-Direction", self.direction),
            ("Channel-HIT-Dialplan", "true" if self.inbound or self.flags.dialplan else "false"),
        ]
        presence, data = get("presence_id"), get("presence_data")
        if presence:
            pairs.append(("Channel-Presence-ID", presence))
        if data:
            pairs.append(("Channel-Presence-Data", data))
        pairs.append(("Channel-Call-UUID", get("call_uuid") or self.uuid))
        pairs.append(("Answer-State", self.answer_state))
        if self.hangup_cause:
            pairs.append(("Hangup-Cause", self.hangup_cause))
        blocks = [Block(pairs)]
        if self.has_codec:
            blocks.append(self.endpoint.codec)
        if self.profile:
            blocks.append(self.profile.block("Caller"))
        if self.other:
            kind, profile = self.other
            blocks.append(Block([("Other-Type", kind)], f"Other-Type: {kind}\n"))
            blocks.append(profile.block("Other-Leg"))
        if verbose:
            blocks.append(self.variables.block)
        return blocks

    def fire(
        self,
        name: str,
        *,
        before: Pairs | None = None,
        after: Pairs | None = None,
        subclass: str | None = None,
    ) -> Event:
        """Fire an event of this channel; `before` and `after` are headers around the channel's own."""
        blocks = self.headers(verbose=name in VERBOSE)
        if after:
            blocks.append(Block(after))
        event = self.switch.events.fire(name, blocks, subclass=subclass, extra=before, uuid=self.uuid)
        self.switch.tables.saw(self, event)
        return event

    # ---- states ------------------------------------------------------------------------------------------

    def set_state(self, state: State) -> None:
        """Ask for another state; what is not allowed is ignored, as in FreeSWITCH."""
        if may_follow(self.state, state):
            self.state = state
            self.kick()

    def set_running(self, state: State) -> None:
        """Enter a state (only the channel's own task does this)."""
        for flag, value in self.flags_at_next_state.items():
            setattr(self.flags, flag, value)
        self.flags_at_next_state.clear()
        self.running = state
        if self.inbound and state < State.HANGUP:
            if state is State.ROUTING:
                self.set_callstate(CallState.RINGING)
            elif self.flags.answered:
                self.set_callstate(CallState.ACTIVE)
            elif self.flags.early_media:
                self.set_callstate(CallState.EARLY)
        self.fire("CHANNEL_STATE")
        self.tell()

    def set_callstate(self, callstate: CallState) -> None:
        before = self.callstate
        if before in (callstate, CallState.HANGUP):
            return
        self.callstate = callstate
        original: Pairs = [
            ("Original-Channel-Call-State", before.name),
            ("Channel-Call-State-Number", str(int(callstate))),
        ]
        self.fire("CHANNEL_CALLSTATE", before=original)

    def set_originator(self, on: bool) -> None:
        """While an answered leg dials another one its call state is RING_WAIT."""
        if self.flags.answered and not self.down:
            self.set_callstate(CallState.RING_WAIT if on else CallState.ACTIVE)

    # ---- progress ----------------------------------------------------------------------------------------

    def ring(self) -> None:
        """Tell an inbound caller that it rings at the other end."""
        flags = self.flags
        if self.down or flags.ring_ready or flags.early_media or flags.answered:
            return
        self.endpoint.ring(self)
        self.mark_ringing()

    def mark_ringing(self) -> None:
        if self.flags.ring_ready or self.flags.answered:
            return
        self.flags.ring_ready = True
        if self.profile and not self.profile.progress:
            self.profile.progress = self.clock.micros()
        self.fire("CHANNEL_PROGRESS")
        self.set_callstate(CallState.RINGING)
        self.kick()

    def pre_answer(self) -> bool:
        """Open the audio of an inbound caller before the answer (SIP 183)."""
        if self.down:
            return False
        if self.inbound and not self.media_ready:
            self.endpoint.progress(self)
            self.mark_early_media()
        return True

    def mark_early_media(self) -> None:
        if self.media_ready:
            return
        self.flags.early_media = True
        self.has_codec = True
        if self.profile:
            now = self.clock.micros()
            self.profile.progress = self.profile.progress or now
            self.profile.progress_media = now
        self.fire("CHANNEL_PROGRESS_MEDIA")
        self.variables.set("endpoint_disposition", "EARLY MEDIA")
        self.set_callstate(CallState.EARLY)
        self.kick()

    def answer(self) -> bool:
        """Answer an inbound caller; an outbound leg is answered by its far end only."""
        if not self.inbound:
            return True
        if self.down:
            return False
        if not self.flags.answered:
            self.endpoint.answer(self)
            self.mark_answered()
        return True

    def mark_answered(self) -> None:
        if self.down or self.flags.answered:
            return
        if self.profile:
            self.profile.answered = self.clock.micros()
        self.flags.answered = True
        self.has_codec = True
        self.fire("CHANNEL_ANSWER")
        self.variables.set("endpoint_disposition", "ANSWER")
        self.set_callstate(CallState.ACTIVE)
        self.kick()

    # ---- ending ------------------------------------------------------------------------------------------

    def hangup(self, cause: str) -> None:
        """End the leg, once; its own task then reports and destroys it."""
        if self.hangup_cause:
            return
        if cause not in CAUSES:
            cause = "NORMAL_CLEARING"
        self.state = State.HANGUP
        self.hangup_cause = cause
        partner = self.partner
        if partner:
            partner.variables.set("last_bridge_hangup_cause", cause)
            specific = self.variables.get("proto_specific_hangup_cause")
            if specific:
                partner.variables.set("last_bridge_proto_specific_hangup_cause", specific)
        if self.flags.bridge_originator:
            self.variables.set("last_bridge_role", "originator")
        elif self.flags.bridged:
            self.variables.set("last_bridge_role", "originatee")
        self.switch.launch(self)
        self.fire("CHANNEL_HANGUP")
        self.kick()

    def lock(self) -> None:
        """Somebody still looks at this leg: it is not destroyed before `unlock`."""
        self.locks += 1

    def unlock(self) -> None:
        self.locks -= 1
        self.kick()

    def hold(self, *, on: bool) -> None:
        """`uuid_hold`: the far end is put on hold by SIP. It is no music on hold."""
        self.flags.hold = on
        if on:
            self.set_callstate(CallState.HELD)
            self.fire("CHANNEL_HOLD")
        else:
            self.set_callstate(CallState.UNHELD)
            self.fire("CHANNEL_UNHOLD")
            self.set_callstate(CallState.ACTIVE)
        self.kick()

    # ---- what others queue for it ------------------------------------------------------------------------

    def post(self, signal: Callable[[], None]) -> None:
        """Something the far end sent, to be looked at by the leg's own task."""
        self.signals.append(signal)
        self.kick()

    def take_signals(self) -> None:
        if not self.signals:
            return
        while self.signals:
            self.signals.popleft()()
        self.tell()  # a bridge waits until its b leg has taken them, also those that changed nothing

    def queue_private(self, message: PrivateMessage, *, priority: bool = False) -> None:
        (self.private_priority if priority else self.private).append(message)
        self.kick()

    def next_private(self) -> PrivateMessage | None:
        """The next command, unless an application holds the event lock."""
        if self.private_priority:
            return None if self.flags.event_lock_pri else self.private_priority.popleft()
        if self.private and not self.flags.event_lock:
            return self.private.popleft()
        return None

    @property
    def private_waiting(self) -> bool:
        return bool(self.private_priority and not self.flags.event_lock_pri) or bool(
            self.private and not self.flags.event_lock
        )

    def queue_digits(self, digits: str, *, duration: int = 2000, source: str = "APP") -> None:
        self.digits.extend(Digit(one, duration, source) for one in digits)
        self.kick()

    def next_digit(self) -> Digit | None:
        """Take a digit off the queue; taking it is what fires the DTMF event."""
        if not self.digits:
            return None
        digit = self.digits.popleft()
        self.digits_dialed += digit.digit
        after: Pairs = [
            ("DTMF-Digit", digit.digit),
            ("DTMF-Duration", str(digit.duration)),
            ("DTMF-Source", digit.source),
        ]
        if self.flags.divert_events:
            blocks = self.headers(verbose=False)
            self.session_events.append(self.switch.events.make("DTMF", [*blocks, Block(after)]))
            self.switch.tell_controllers(self)
        else:
            self.fire("DTMF", after=after)
        return digit

    def stop_broadcast(self) -> None:
        """End what runs by `sendmsg` or `uuid_broadcast`, if anything does."""
        if self.flags.broadcast:
            self.flags.stop_broadcast = True
            self.set_break(1)

    def set_break(self, value: int) -> None:
        self.flags.break_ = value
        self.kick()

    # ---- audio -------------------------------------------------------------------------------------------

    async def read_frame(self, until: float | None = None, *, breakable: bool = False) -> bool:
        """Read audio until something concerns the leg, then to the end of that 20 ms packet.

        Returns False at once if the leg is down. `until` is a time of the loop's clock at which the
        caller wants to look again; `breakable` says that a pending break is such a thing to look at.
        """
        if self.down:
            return False
        if self.ready and not self.signals and not (breakable and self.flags.break_):
            await self.idle(until)
        await self.clock.to_tick()
        self._kicked = False
        self.take_signals()
        return True
