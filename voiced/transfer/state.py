"""What is known of a transfer at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from voiced.transfer.causes import CALLBACK_WANTED, Ending, Status


class Phase(StrEnum):
    """Where a transfer stands."""

    PENDING = "pending"
    HOLDING = "holding"
    DIALING = "dialing"
    RINGING = "ringing"
    SCREENING = "screening"
    BRIDGING = "bridging"
    BRIDGED = "bridged"
    RETRYING = "retrying"
    RETURNING = "returning"
    ENDED = "ended"


class Fallback(StrEnum):
    """Where a caller goes whose transfer has failed."""

    ASSISTANT = "assistant"
    CALLBACK = "callback"  # the assistant, which offers a callback
    VOICEMAIL = "voicemail"
    HANGUP = "hangup"  # a farewell, and the end of the call
    DIALPLAN = "dialplan"  # a call routed in: on with the dialplan's next action, whatever the reason


class Music(StrEnum):
    """The caller's hold music, as far as we know."""

    NONE = "none"
    ASKED = "asked"  # commanded, not yet heard
    ON = "on"
    STOPPING = "stopping"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Dial:
    """One attempt of the plan. Times are seconds."""

    ring_seconds: float = 30.0
    delay_seconds: float = 0.0  # after the attempt before
    is_retry: bool = False  # of the destination before: of use only after an ending that a retry may mend
    screening_seconds: float = 0.0  # for announcement and key; 0: the agent is bridged at once
    with_key: bool = False  # the agent takes the call with a key; silence refuses it


@dataclass(frozen=True, slots=True)
class Transfer:
    """All that the machine knows. `at` and `until` are seconds since the epoch."""

    id: str
    plan: tuple[Dial, ...]
    longest_hold: float = 120.0
    fallback: Fallback = Fallback.ASSISTANT
    closed: Ending | None = None  # why nobody is even called, decided before it began
    phase: Phase = Phase.PENDING
    attempt: int = 0  # the one under way or the last, from 1
    following: int = 0  # the next one, while retrying
    dials: int = 0  # attempts that were dialled, as far as is known
    dialled: bool = False  # its originate is under way: legs may yet be born
    job_lost: bool = False  # its result will never come: the connection that asked for it is gone
    legs: frozenset[str] = frozenset()
    agent: str = ""  # the leg that answered
    agent_number: str = ""  # and what it was dialled as
    cause: str = ""  # of the last leg that ended without answering, and its SIP code
    sip_code: str = ""
    music: Music = Music.NONE
    adrift: bool = False  # uuid_bridge has taken the caller from where they were, and nobody is there yet
    is_parked: bool = False  # the caller, by the switch, since a bridge came to nothing while nobody watched
    caller_here: bool = True
    telling_until: float = 0.0  # an agent who has answered is being told that nobody is there
    is_home: bool = False  # the caller was given back, to the assistant or where the fallback says
    assistant_here: bool = True
    lost: bool = False  # no connection to the PBX
    ending: Ending | None = None  # the result, if it is a failure
    talk_ended_by: str = ""
    talk_cause: str = ""
    tries: int = 0
    until: float = 0.0  # this state's deadline
    paused_until: float = 0.0  # the same, while the PBX is lost
    hold_until: float = 0.0
    ring_until: float = 0.0
    requested_at: float = 0.0
    music_at: float = 0.0
    dialled_at: float = 0.0  # of the last attempt
    ringing_at: float = 0.0
    answered_at: float = 0.0
    taken_at: float = 0.0  # the agent took the call: answered, heard who calls, pressed the key
    bridged_at: float = 0.0
    known_at: float = 0.0  # when the result was known, success or not
    unbridged_at: float = 0.0
    ended_at: float = 0.0

    @property
    def status(self) -> Status:
        """What everybody outside is told."""
        if self.ending is not None:
            return self.ending.status
        return _STATUS.get(self.phase, Status.PENDING)

    @property
    def is_known(self) -> bool:
        """Whether the result is known."""
        return self.known_at > 0

    @property
    def caller_is_back(self) -> bool:
        """Whether the caller of a failed transfer hears the assistant (or has left)."""
        return not self.caller_here or self.music not in (Music.ON, Music.STOPPING)

    @property
    def is_settled(self) -> bool:
        """Whether the result is known and the caller is where it says: in a talk, or back."""
        return self.phase is Phase.ENDED or (self.is_known and (self.bridged_at > 0 or self.caller_is_back))

    @property
    def goes_to(self) -> Fallback:
        """Where its caller goes if it fails: who called it off, or is to be called back, to the assistant."""
        why = self.ending
        stays = why is not None and (why.status is Status.CANCELLED or why.cause == CALLBACK_WANTED)
        return Fallback.ASSISTANT if stays and self.fallback is not Fallback.DIALPLAN else self.fallback

    @property
    def this_dial(self) -> Dial:
        return self.plan[self.attempt - 1]


_STATUS: Final = {
    Phase.RINGING: Status.RINGING,
    Phase.SCREENING: Status.ANSWERED,
    Phase.BRIDGING: Status.ANSWERED,
    Phase.BRIDGED: Status.SUCCESS,
    Phase.ENDED: Status.SUCCESS,
}
