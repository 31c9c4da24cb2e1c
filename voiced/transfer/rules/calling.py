"""The way to the talk, and attempts that bring nobody."""

from __future__ import annotations

from dataclasses import replace

from voiced.facts import LOST, AskPbx, Deadline, Fact, Requested
from voiced.transfer.causes import CALLBACK_WANTED, Ending, Status, ending
from voiced.transfer.facts import (
    Accepted,
    Answered,
    Bridged,
    BridgeLegs,
    BridgeRefused,
    CallerParked,
    EndLegs,
    HoldCaller,
    HoldEnded,
    HoldFailed,
    HoldStarted,
    IntentRecorded,
    JobFailed,
    LegCreated,
    LegEnded,
    RecordIntent,
    Refused,
    Report,
    Ringing,
    ScreenAgent,
    StopMusic,
)
from voiced.transfer.rules.returning import send_home
from voiced.transfer.rules.steps import (
    BRIDGE_FAILED,
    BRIDGE_SECONDS,
    HELD_TOO_LONG,
    HOLD_SECONDS,
    NO_DATABASE,
    RANG_TOO_LONG,
    RECORD_SECONDS,
    REFUSED_SECONDS,
    SCREEN_GRACE,
    SHORT_MUSIC,
    TALK_SECONDS,
    Step,
    give_up,
    next_attempt,
    over,
    rearm,
    start_dialling,
    told,
)
from voiced.transfer.state import Fallback, Music, Phase, Transfer


def begin(t: Transfer, fact: Requested) -> Step:
    """Ask the database to take the intention; until it has, the caller is not touched."""
    t = replace(t, attempt=1, requested_at=fact.at, until=fact.at + RECORD_SECONDS)
    return t, (RecordIntent(1),)


def unable(t: Transfer, fact: Deadline) -> Step:
    """The database is away: the request is refused, and the caller was never touched."""
    return over(replace(t, ending=NO_DATABASE, known_at=fact.at), fact)


def hold(t: Transfer, fact: IntentRecorded) -> Step:
    """The intention is recorded: music for the caller, unless it was clear that nobody is to be called."""
    if t.closed is not None:
        return give_up(t, fact, t.closed)
    t = replace(t, phase=Phase.HOLDING, music=Music.ASKED, until=fact.at + HOLD_SECONDS)
    return replace(t, hold_until=fact.at + t.longest_hold), (HoldCaller(),)


def dial_on(t: Transfer, fact: HoldStarted) -> Step:
    """The caller hears music: dial."""
    return start_dialling(replace(t, music=Music.ON, music_at=fact.at), fact)


def dial_off(t: Transfer, fact: HoldFailed) -> Step:
    """There is no music to be had: dial all the same."""
    return start_dialling(replace(t, music=Music.OVER), fact)


def dial_wait(t: Transfer, fact: Deadline) -> Step:
    """The music waits behind something of the assistant's: dial all the same."""
    return start_dialling(t, fact)


def dial(t: Transfer, fact: IntentRecorded) -> Step:
    """The next attempt may be dialled, if it is its intention that was recorded."""
    return start_dialling(t, fact) if fact.attempt == t.attempt == t.following else (t, ())


def music_on(t: Transfer, fact: HoldStarted) -> Step:
    """The caller hears music."""
    return replace(t, music=Music.ON, music_at=fact.at), ()


def music_off(t: Transfer, fact: Fact) -> Step:
    """The music is over, as it may be here."""
    return replace(t, music=Music.OVER), ()


def music_end(t: Transfer, fact: HoldEnded) -> Step:
    """The music ended while the caller should be waiting: a key leaves hold; a finite file starts again."""
    played = fact.at - t.music_at
    t = replace(t, music=Music.OVER)
    if fact.key:
        why = Ending(Status.CANCELLED, "CALLER_KEY", ended_by="caller")
        return give_up(t, fact, why, is_withdrawn=True)
    if fact.at >= t.hold_until:
        return give_up(t, fact, HELD_TOO_LONG)
    if played < SHORT_MUSIC or t.is_parked:
        return t, ()
    return replace(t, music=Music.ASKED), (HoldCaller(),)


def hush(t: Transfer, fact: HoldStarted) -> Step:
    """Music that comes too late, or was never stopped: stop it when it plays, not before."""
    if t.fallback is Fallback.DIALPLAN and not t.caller_here:  # it may have broken off: does it play?
        is_new = t.music in (Music.ASKED, Music.OVER)
        return (replace(t, music=Music.ON), (AskPbx(),)) if is_new else (t, ())
    return replace(t, music=Music.STOPPING), (*(told(t) if t.ending else ()), StopMusic())


def leg_up(t: Transfer, fact: LegCreated | Ringing) -> Step:
    """One more leg of the attempt."""
    t = replace(t, legs=t.legs | {fact.leg})
    return (rearm(t) if t.job_lost else t), ()


def ring(t: Transfer, fact: Ringing) -> Step:
    """The first phone rings."""
    return rearm(replace(t, phase=Phase.RINGING, ringing_at=fact.at, legs=t.legs | {fact.leg})), ()


def answer(t: Transfer, fact: Answered) -> Step:
    """The first that answers is the one; a second `answered` finds the transfer in another state."""
    t = replace(t, dialled=False, agent=fact.leg, agent_number=fact.number, answered_at=fact.at)
    t = replace(t, legs=t.legs | {fact.leg})
    if t.this_dial.screening_seconds:
        until = fact.at + t.this_dial.screening_seconds + SCREEN_GRACE
        return replace(t, phase=Phase.SCREENING, until=until), (ScreenAgent(t.attempt, fact.leg),)
    return bridge(t, fact)


def bridge(t: Transfer, fact: Answered | Accepted | Deadline) -> Step:
    """Bridge the two; that it has happened only CHANNEL_BRIDGE says."""
    t = replace(t, phase=Phase.BRIDGING, adrift=True, taken_at=fact.at, until=fact.at + BRIDGE_SECONDS)
    return t, (BridgeLegs(t.attempt, t.agent),)


def rebridge(t: Transfer, fact: Answered) -> Step:
    """The command to bridge was lost with the event socket: both still wait, each on their own."""
    return bridge(t, fact) if fact.is_unbridged and fact.leg == t.agent else (t, ())


def talk(t: Transfer, fact: Bridged) -> Step:
    """They hear each other: a success."""
    if fact.leg != t.agent:
        return t, ()
    t = replace(t, phase=Phase.BRIDGED, adrift=False, is_parked=False, bridged_at=fact.at, known_at=fact.at)
    t = replace(t, until=fact.at + TALK_SECONDS)
    return t, (Report(),)


# -- attempts that bring nobody ---------------------------------------------------------------------------


def failed(t: Transfer, fact: JobFailed) -> Step:
    """The attempt is over without an answer."""
    t = replace(t, dialled=False, legs=frozenset())
    if fact.cause == LOST:  # what became of it nobody knows: neither guessed nor dialled again
        return give_up(t, fact, Ending(Status.FAILED, LOST, ended_by="voiced"))
    code = t.sip_code if t.cause == fact.cause else ""
    return next_attempt(t, fact, ending(fact.cause, code))


def leg_down(t: Transfer, fact: LegEnded) -> Step:
    """One phone of several has ended; the attempt is over when its job says so, or nobody can say so."""
    t = replace(t, legs=t.legs - {fact.leg})
    if fact.cause != "LOSE_RACE":
        t = replace(t, cause=fact.cause, sip_code=fact.sip_code)
    if t.job_lost and not t.legs:
        return failed(t, JobFailed(fact.at, t.attempt, t.cause or LOST))
    return t, ()


def too_long(t: Transfer, fact: Deadline) -> Step:
    """Rung for too long (a queue waits for ever), held for too long, or a job that never ran.

    Where nobody knows whether it will yet run, nothing else is dialled.
    """
    if t.job_lost and not t.legs:
        return failed(t, JobFailed(fact.at, t.attempt, LOST))
    if fact.at >= t.hold_until or not t.legs:
        return give_up(t, fact, HELD_TOO_LONG if fact.at >= t.hold_until else RANG_TOO_LONG)
    return hand_on(t, fact, RANG_TOO_LONG)


def refuse(t: Transfer, fact: Refused) -> Step:
    """The agent does not take the call; who wants to call back wants nobody else to be tried."""
    if fact.wish == "callback":
        return give_up(t, fact, Ending(Status.REJECTED, CALLBACK_WANTED, ended_by="agent"))
    return hand_on(t, fact, ending("CALL_REJECTED"))


def silence(t: Transfer, fact: Deadline) -> Step:
    """No key within the time; where none was asked for, the agent has heard enough of who calls."""
    if not t.this_dial.with_key:
        return bridge(t, fact)
    return refuse(t, Refused(fact.at, t.attempt))


def agent_out(t: Transfer, fact: LegEnded) -> Step:
    """The agent who answered hangs up before the two are bridged."""
    t = replace(t, legs=t.legs - {fact.leg})
    if fact.leg != t.agent:
        return t, ()
    if t.phase is Phase.SCREENING:
        return next_attempt(t, fact, ending("CALL_REJECTED", fact.sip_code))
    return give_up(t, fact, ending(fact.cause, fact.sip_code))


def refused(t: Transfer, fact: BridgeRefused) -> Step:
    """The PBX will not bridge: one of the two is gone, and in a moment it says which one."""
    return replace(t, adrift=False, until=fact.at + REFUSED_SECONDS), ()


def no_bridge(t: Transfer, fact: Deadline) -> Step:
    """The bridge came to nothing: refused for no reason that is told, or +OK and no CHANNEL_BRIDGE."""
    return give_up(t, fact, BRIDGE_FAILED)


def alone(t: Transfer, fact: CallerParked) -> Step:
    """A bridge came to nothing while nobody watched: whoever gives the caller back has to send them home."""
    return replace(t, is_parked=t.is_parked or fact.is_stranded), ()


def stranded(t: Transfer, fact: CallerParked) -> Step:
    """The agent's leg went while the switch was bridging, and the switch has parked the caller."""
    t, actions = give_up(t, fact, BRIDGE_FAILED)
    t, home = send_home(t, fact)
    return t, (*actions, *home)


def job_over(t: Transfer, fact: JobFailed) -> Step:
    """The originate is over; nothing depends on it any more."""
    return replace(t, dialled=False), ()


def hand_on(t: Transfer, fact: Fact, why: Ending) -> Step:
    """Nobody else of this attempt is wanted: its legs end, and the next may begin."""
    attempt = t.attempt
    t, actions = next_attempt(t, fact, why)
    return t, (EndLegs(attempt), *(action for action in actions if not isinstance(action, EndLegs)))


def again(t: Transfer, fact: Deadline) -> Step:
    """Time for the next attempt: first its intention, then the dialling."""
    if t.attempt == t.following:  # the intention was not recorded in time
        return give_up(t, fact, NO_DATABASE)
    t = replace(t, attempt=t.following, legs=frozenset(), until=fact.at + RECORD_SECONDS)
    return t, (RecordIntent(t.attempt),)
