"""Who is at the far end of a leg: phones with manners, outside numbers, callers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

from .hearing import far_party, hears
from .sip import SipEndpoint

if TYPE_CHECKING:
    from .channel import Channel
    from .sounds import Sound
    from .switch import Switch

SIP_DELAY = 0.001
"""Seconds between an INVITE and the first answer to it, on loopback."""


class Manner(Enum):
    """What a phone does when it is called."""

    ANSWER = "answer"
    """Rings, and answers after its delay."""
    SHORT = "short"
    """Answers, and hangs up after `talk` seconds."""
    EARLY = "early"
    """Sends audio before the answer (183), then answers."""
    BUSY = "busy"
    """486 after its delay, without ringing."""
    DECLINE = "decline"
    """Rings, then 603."""
    UNAVAILABLE = "dnd"
    """480 after its delay: do-not-disturb, or a phone that is away."""
    RING = "ring"
    """Rings for ever."""
    SILENT = "silent"
    """Says nothing at all, not even in SIP."""
    ERROR = "error"
    """500 at once."""
    NOT_FOUND = "notfound"
    """404 at once."""
    VOICEMAIL = "voicemail"
    """Answers after its delay, greets, beeps, and never presses a key."""


_REFUSALS = {
    Manner.BUSY: 486,
    Manner.DECLINE: 603,
    Manner.UNAVAILABLE: 480,
    Manner.ERROR: 500,
    Manner.NOT_FOUND: 404,
}
_AT_ONCE = (Manner.ERROR, Manner.NOT_FOUND)
_RINGING = (Manner.ANSWER, Manner.SHORT, Manner.DECLINE, Manner.RING, Manner.VOICEMAIL)


class Talk:
    """One call at the far end's side, with what it means to do in it."""

    def __init__(self, channel: Channel, endpoint: SipEndpoint) -> None:
        self.channel = channel
        self.endpoint = endpoint
        self._timers: list[asyncio.TimerHandle] = []

    def later(self, seconds: float, act: Callable[[], object]) -> None:
        self._timers.append(asyncio.get_running_loop().call_later(seconds, act))

    def send(self, seconds: float, message: Callable[[], None]) -> None:
        """Send the switch something after real seconds; the leg's own task will take it."""
        self.later(seconds, lambda: self.channel.post(message))

    def end(self) -> None:
        """Hang up; a phone that still rings is busy instead."""
        channel, endpoint = self.channel, self.endpoint
        if channel.inbound or channel.flags.answered:
            channel.post(lambda: endpoint.gone(channel))
        else:
            channel.post(lambda: endpoint.refused(channel, 486))

    def forget(self) -> None:
        for timer in self._timers:
            timer.cancel()


class Party:
    """Somebody at the far end of a leg, be it a phone, an outside line or a caller."""

    def __init__(self, switch: Switch) -> None:
        self.switch = switch
        self.talks: list[Talk] = []
        self.heard_digits = ""
        """Keys that the other side has pressed."""

    @property
    def channel(self) -> Channel | None:
        """The latest live leg to this party."""
        return self.talks[-1].channel if self.talks else None

    @property
    def alive(self) -> bool:
        """Whether there is a leg to this party, be it only ringing."""
        return self.channel is not None and not self.channel.down

    @property
    def hears(self) -> str:
        """``music``, ``assistant``, ``tone``, ``prompt FILE``, ``leg UUID``, ``silence``, or ``nothing``."""
        return hears(self.channel)

    @property
    def talks_to(self) -> Party | None:
        """The party really at the other end of the talk, through loopback legs; None if in no talk."""
        return far_party(self.channel)

    def hangup(self) -> None:
        """Hang up every call of this party (a phone that rings says it is busy)."""
        for talk in tuple(self.talks):
            talk.end()

    def keys(self, digits: str) -> None:
        """Press keys on the latest call."""
        if self.channel is not None:
            self.channel.queue_digits(digits, duration=1120, source="RTP")

    press = keys

    def forget(self) -> None:
        """The switch has died: there are no calls any more."""
        for talk in self.talks:
            talk.forget()
        self.talks.clear()

    # ---- what the switch sends it ------------------------------------------------------------------------

    def invited(self, channel: Channel) -> None:
        """An INVITE arrives."""

    def hears_sound(self, channel: Channel, sound: Sound) -> None:
        """A file begins to play."""
        self.switch.changed()

    def hears_digit(self, digit: str) -> None:
        """The other side of the talk presses a key."""
        self.heard_digits += digit
        self.switch.changed()

    def ended(self, channel: Channel) -> None:
        """The switch has ended a leg, or knows that it has ended."""
        for talk in tuple(self.talks):
            if talk.channel is channel:
                talk.forget()
                self.talks.remove(talk)
        self.switch.changed()


class Line(Party):
    """A party that can be called: it answers in its manner, which may be changed at any time.

    `delay` is in real seconds from the INVITE to the answer or refusal, `talk` those until a SHORT phone
    hangs up after its answer. `press` are keys that it presses, `press_after` seconds of media time after a
    prompt or tone begins to play to it.
    """

    def __init__(
        self,
        switch: Switch,
        number: str,
        manner: Manner = Manner.ANSWER,
        delay: float = 0.2,
        *,
        talk: float = 0.5,
        press: str = "",
        press_after: float = 0.3,
    ) -> None:
        super().__init__(switch)
        self.number = number
        self.manner = manner
        self.delay = delay
        self.talk = talk
        self.presses = press
        self.press_after = press_after
        self.calls = 0
        """How often it was called."""

    @property
    def ringing(self) -> bool:
        """Whether it is being called and has not answered yet."""
        return self.channel is not None and not self.channel.down and not self.channel.flags.answered

    def invited(self, channel: Channel) -> None:
        self.calls += 1
        endpoint = channel.endpoint
        assert isinstance(endpoint, SipEndpoint)
        talk = Talk(channel, endpoint)
        self.talks.append(talk)
        manner = self.manner
        if manner in _RINGING:
            talk.send(SIP_DELAY, lambda: endpoint.rings(channel))
        if manner is Manner.EARLY:
            talk.send(SIP_DELAY, lambda: endpoint.early(channel))
        status = _REFUSALS.get(manner)
        if status is not None:
            after = SIP_DELAY if manner in _AT_ONCE else self.delay
            talk.send(after, lambda: endpoint.refused(channel, status))
        elif manner not in (Manner.RING, Manner.SILENT):
            talk.send(self.delay, lambda: self._pick_up(talk))
        self.switch.changed()

    def answer(self) -> None:
        """Pick up now, whatever the manner."""
        if self.talks:
            talk = self.talks[-1]
            talk.channel.post(lambda: self._pick_up(talk))

    def _pick_up(self, talk: Talk) -> None:
        if talk.endpoint.answered(talk.channel) and self.manner is Manner.SHORT:
            talk.later(self.talk, talk.end)
        self.switch.changed()

    def hears_sound(self, channel: Channel, sound: Sound) -> None:
        super().hears_sound(channel, sound)
        prompted = sound.kind in ("prompt", "tone") and self.manner is not Manner.VOICEMAIL
        if self.presses and prompted and self.talks:
            keys = self.presses
            self.talks[-1].later(self.press_after * self.switch.clock.pace, lambda: self.keys(keys))


class Phone(Line):
    """A SIP phone of a directory user; several may be registered for one user."""

    def __init__(
        self,
        switch: Switch,
        user: str,
        port: int,
        manner: Manner = Manner.ANSWER,
        delay: float = 0.2,
        *,
        talk: float = 0.5,
        press: str = "",
        press_after: float = 0.3,
        contact_user: str = "",
    ) -> None:
        super().__init__(switch, user, manner, delay, talk=talk, press=press, press_after=press_after)
        self.user = user
        self.contact_user = contact_user or user  # a softphone makes one up
        self.port = port
        self.registered = False

    @property
    def contact(self) -> str:
        return f"sip:{self.contact_user}@127.0.0.1:{self.port}"

    def register(self) -> None:
        """Register (CUSTOM sofia::register)."""
        self.switch.registrations.register(self)

    def unregister(self) -> None:
        """Unregister (CUSTOM sofia::unregister)."""
        self.switch.registrations.unregister(self)

    def expire(self) -> None:
        """Vanish: the registration runs out (CUSTOM sofia::expire)."""
        self.switch.registrations.expire(self)


class Caller(Party):
    """Somebody who has called the switch."""

    def __init__(self, switch: Switch, number: str, name: str) -> None:
        super().__init__(switch)
        self.number = number
        self.name = name
        self.uuid = ""

    def begins(self, channel: Channel, endpoint: SipEndpoint) -> None:
        """The call has reached the switch."""
        self.uuid = channel.uuid
        self.talks.append(Talk(channel, endpoint))
