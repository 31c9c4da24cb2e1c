"""What each rule of the table does: small functions, in the order of a call.

A rule takes the transfer and the fact and returns the transfer after it, with the actions that follow.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, TypeAlias

from voiced.facts import LOST, Action, AskPbx, Cancelled, Deadline, Fact, PbxBack, PbxLost, Requested
from voiced.transfer.causes import Ending, Status, ending
from voiced.transfer.facts import (
    Accepted,
    Actions,
    Answered,
    AssistantLeft,
    Bridged,
    BridgeLegs,
    BridgeRefused,
    CallerEnded,
    CallerParked,
    DialAgent,
    EndLegs,
    FallBack,
    HoldCaller,
    HoldEnded,
    HoldFailed,
    HoldStarted,
    IntentRecorded,
    JobFailed,
    LegCreated,
    LegEnded,
    Rebridged,
    RecordIntent,
    Refused,
    ReleaseAgent,
    Report,
    ReportTalk,
    ResumeAssistant,
    Ringing,
    ScreenAgent,
    SendHome,
    SessionEnded,
    StopMusic,
    TellDialplan,
    Unbridged,
)
from voiced.transfer.state import Fallback, Music, Phase, Transfer

Step: TypeAlias = tuple[Transfer, Actions]

# How long a state may last, in seconds, before its deadline becomes a fact.
RECORD_SECONDS: Final = 1.0  # for the database to take the intention: the caller is not touched meanwhile
HOLD_SECONDS: Final = 2.0  # music starts within some 20 ms (recording hold_with_marks_dialplan_caller)
RING_GRACE: Final = 5.0  # beyond the ring time, which the PBX itself keeps (originate_timeout)
SCREEN_GRACE: Final = 5.0  # beyond the prompt's own time-out
BRIDGE_SECONDS: Final = 3.0  # a bridge takes some 60 ms (recording transfer_answered_agent_hangs_up)
APART_SECONDS: Final = 1.0  # a talk that was unbridged and not bridged again has ended
TALK_SECONDS: Final = 3600.0  # after so long the PBX is asked whether they still talk
BACK_SECONDS: Final = 2.0  # for music to stop and legs to end, before it is said again
ADRIFT_SECONDS: Final = 0.5  # for the switch to send home a caller whose bridge came to nothing
RELEASE_SECONDS: Final = 10.0  # for the prompt that tells an agent that the caller has left
SHORT_MUSIC: Final = 1.0  # music that lasts no longer than this is not started again
LATE_SECONDS: Final = 2.0  # after a reconnect, for a leg that no table shows yet to appear
LOST_GRACE: Final = 30.0  # beyond the longest hold: nothing of ours is left on a PBX lost for so long
RETURN_SECONDS: Final = 10.0  # beyond the hold's limit: then the switch has ended music and legs by itself

# Endings that are ours to give.
PICKED_OFF: Final = Ending(Status.CANCELLED, "PICKED_OFF", ended_by="agent")
NO_DATABASE: Final = Ending(Status.FAILED, "DATABASE_UNAVAILABLE", ended_by="voiced")
HELD_TOO_LONG: Final = Ending(Status.NO_ANSWER, "ALLOTTED_TIMEOUT", ended_by="voiced")
PBX_LOST: Final = Ending(Status.FAILED, "PBX_LOST", ended_by="voiced")
BRIDGE_FAILED: Final = Ending(Status.FAILED, "BRIDGE_FAILED", ended_by="voiced")
WENT_ON: Final = Ending(Status.FAILED, "WENT_ON", ended_by="voiced")
RANG_TOO_LONG: Final = Ending(Status.NO_ANSWER, "NO_ANSWER", ended_by="voiced")


# -- the way to the talk ----------------------------------------------------------------------------------


def begin(t: Transfer, fact: Requested) -> Step:
    """Ask the database to take the intention; until it has, the caller is not touched."""
    t = replace(t, attempt=1, requested_at=fact.at, until=fact.at + RECORD_SECONDS)
    return t, (RecordIntent(1),)


def unable(t: Transfer, fact: Deadline) -> Step:
    """The database is away: the request is refused, and the caller was never touched."""
    return _end(replace(t, ending=NO_DATABASE, known_at=fact.at), fact)


def hold(t: Transfer, fact: IntentRecorded) -> Step:
    """The intention is recorded: music for the caller, unless it was clear that nobody is to be called."""
    if t.closed is not None:
        return _give_up(t, fact, t.closed)
    t = replace(t, phase=Phase.HOLDING, music=Music.ASKED, until=fact.at + HOLD_SECONDS)
    return replace(t, hold_until=fact.at + t.longest_hold), (HoldCaller(),)


def dial_on(t: Transfer, fact: HoldStarted) -> Step:
    """The caller hears music: dial."""
    return _dial(replace(t, music=Music.ON, music_at=fact.at), fact)


def dial_off(t: Transfer, fact: HoldFailed) -> Step:
    """There is no music to be had: dial all the same."""
    return _dial(replace(t, music=Music.OVER), fact)


def dial_wait(t: Transfer, fact: Deadline) -> Step:
    """The music waits behind something of the assistant's: dial all the same."""
    return _dial(t, fact)


def dial(t: Transfer, fact: IntentRecorded) -> Step:
    """The next attempt may be dialled, if it is its intention that was recorded."""
    return _dial(t, fact) if fact.attempt == t.attempt == t.following else (t, ())


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
        return _give_up(t, fact, Ending(Status.CANCELLED, "CALLER_KEY", ended_by="caller"))
    if fact.at >= t.hold_until:
        return _give_up(t, fact, HELD_TOO_LONG)
    if played < SHORT_MUSIC:
        return t, ()
    return replace(t, music=Music.ASKED), (HoldCaller(),)


def hush(t: Transfer, fact: HoldStarted) -> Step:
    """Music that comes too late, or was never stopped: stop it when it plays, not before."""
    if t.fallback is Fallback.DIALPLAN and not t.caller_here:  # it may have broken off: does it play?
        is_new = t.music in (Music.ASKED, Music.OVER)
        return (replace(t, music=Music.ON), (AskPbx(),)) if is_new else (t, ())
    return replace(t, music=Music.STOPPING), (*(_told(t) if t.ending else ()), StopMusic())


def leg_up(t: Transfer, fact: LegCreated | Ringing) -> Step:
    """One more leg of the attempt."""
    t = replace(t, legs=t.legs | {fact.leg})
    return (_rearm(t) if t.job_lost else t), ()


def ring(t: Transfer, fact: Ringing) -> Step:
    """The first phone rings."""
    return _rearm(replace(t, phase=Phase.RINGING, ringing_at=fact.at, legs=t.legs | {fact.leg})), ()


def answer(t: Transfer, fact: Answered) -> Step:
    """The first that answers is the one; a second `answered` finds the transfer in another state."""
    t = replace(t, dialled=False, agent=fact.leg, agent_number=fact.number, answered_at=fact.at)
    t = replace(t, legs=t.legs | {fact.leg})
    if t.this_dial.screening_seconds:
        until = fact.at + t.this_dial.screening_seconds + SCREEN_GRACE
        return replace(t, phase=Phase.SCREENING, until=until), (ScreenAgent(t.attempt, fact.leg),)
    return bridge(t, fact)


def bridge(t: Transfer, fact: Answered | Accepted) -> Step:
    """Bridge the two; that it has happened only CHANNEL_BRIDGE says."""
    t = replace(t, phase=Phase.BRIDGING, adrift=True, until=fact.at + BRIDGE_SECONDS)
    return t, (BridgeLegs(t.attempt, t.agent),)


def talk(t: Transfer, fact: Bridged) -> Step:
    """They hear each other: a success."""
    if fact.leg != t.agent:
        return t, ()
    t = replace(t, phase=Phase.BRIDGED, adrift=False, bridged_at=fact.at, known_at=fact.at)
    t = replace(t, until=fact.at + TALK_SECONDS)
    return t, (Report(),)


# -- attempts that bring nobody ---------------------------------------------------------------------------


def failed(t: Transfer, fact: JobFailed) -> Step:
    """The attempt is over without an answer."""
    t = replace(t, dialled=False, legs=frozenset())
    if fact.cause == LOST:  # what became of it nobody knows: neither guessed nor dialled again
        return _give_up(t, fact, Ending(Status.FAILED, LOST, ended_by="voiced"))
    code = t.sip_code if t.cause == fact.cause else ""
    return _next_attempt(t, fact, ending(fact.cause, code))


def leg_down(t: Transfer, fact: LegEnded) -> Step:
    """One phone of several has ended; the attempt is over when its job says so, or nobody can say so."""
    t = replace(t, legs=t.legs - {fact.leg})
    if fact.cause != "LOSE_RACE":
        t = replace(t, cause=fact.cause, sip_code=fact.sip_code)
    if t.job_lost and not t.legs:
        return failed(t, JobFailed(fact.at, t.attempt, t.cause or LOST))
    return t, ()


def too_long(t: Transfer, fact: Deadline) -> Step:
    """Rung for too long, held for too long, a job that never ran, or one whose result is lost."""
    if t.job_lost and not t.legs:
        return failed(t, JobFailed(fact.at, t.attempt, LOST))
    return _give_up(t, fact, HELD_TOO_LONG if fact.at >= t.hold_until else RANG_TOO_LONG)


def refuse(t: Transfer, fact: Refused) -> Step:
    """The agent does not take the call; who wants to call back wants nobody else to be tried."""
    if fact.wish == "callback":
        return _give_up(t, fact, Ending(Status.REJECTED, "CALLBACK_WANTED", ended_by="agent"))
    t, actions = _next_attempt(t, fact, ending("CALL_REJECTED"))
    return t, (EndLegs(fact.attempt), *(action for action in actions if not isinstance(action, EndLegs)))


def silence(t: Transfer, fact: Deadline) -> Step:
    """No key within the time, not even the PBX's word that there was none."""
    return refuse(t, Refused(fact.at, t.attempt))


def agent_out(t: Transfer, fact: LegEnded) -> Step:
    """The agent who answered hangs up before the two are bridged."""
    t = replace(t, legs=t.legs - {fact.leg})
    if fact.leg != t.agent:
        return t, ()
    if t.phase is Phase.SCREENING:
        return _next_attempt(t, fact, ending("CALL_REJECTED", fact.sip_code))
    return _give_up(t, fact, ending(fact.cause, fact.sip_code))


def no_bridge(t: Transfer, fact: BridgeRefused | Deadline) -> Step:
    """The bridge came to nothing: the PBX refused, or said +OK and there is no CHANNEL_BRIDGE."""
    t = replace(t, adrift=isinstance(fact, Deadline))
    return _give_up(t, fact, BRIDGE_FAILED)


def stranded(t: Transfer, fact: CallerParked) -> Step:
    """The agent's leg went while the switch was bridging, and the switch has parked the caller."""
    t, actions = _give_up(t, fact, BRIDGE_FAILED)
    t, home = send_home(t, fact)
    return t, (*actions, *home)


def job_over(t: Transfer, fact: JobFailed) -> Step:
    """The originate is over; nothing depends on it any more."""
    return replace(t, dialled=False), ()


def again(t: Transfer, fact: Deadline) -> Step:
    """Time for the next attempt: first its intention, then the dialling."""
    if t.attempt == t.following:  # the intention was not recorded in time
        return _give_up(t, fact, NO_DATABASE)
    t = replace(t, attempt=t.following, legs=frozenset(), until=fact.at + RECORD_SECONDS)
    return t, (RecordIntent(t.attempt),)


# -- called off -------------------------------------------------------------------------------------------


def cancel(t: Transfer, fact: Cancelled) -> Step:
    """Called off."""
    return _give_up(t, fact, Ending(Status.CANCELLED, "MANAGER_REQUEST", ended_by=fact.by))


def taken(t: Transfer, fact: Bridged) -> Step:
    """Bridged with our own leg, by a daemon that is gone: a talk. With any other: the caller is theirs."""
    if fact.leg in t.legs:
        return talk(replace(t, agent=fact.leg, dialled=False), fact)
    return _give_up(replace(t, music=Music.OVER, adrift=False), fact, PICKED_OFF)


def leave(t: Transfer, fact: CallerEnded) -> Step:
    """The caller has left. An agent who has answered is told so; nobody is joined to an empty call."""
    if t.phase is Phase.RETURNING:
        return _settle(replace(t, caller_here=False, adrift=False, music=Music.OVER), fact)
    return _without_caller(t, fact, Ending(Status.CANCELLED, fact.cause, ended_by="caller"))


def gone_on(t: Transfer, fact: SessionEnded) -> Step:
    """The call has gone on with its dialplan: it is not ours any more."""
    if fact.is_held:
        return _give_up(t, fact, WENT_ON)
    t, actions = _without_caller(t, fact, WENT_ON, music=_stray_music(t))
    return t, (((SendHome(),) if fact.is_parked else ()) + actions)


def let_be(t: Transfer, fact: SessionEnded) -> Step:
    """The call goes on with its dialplan while the rest is ended, unless the switch is undoing a bridge."""
    if fact.is_held and t.music is Music.ON:
        return replace(t, music=Music.STOPPING), (StopMusic(),)
    if fact.is_held or t.adrift:
        return t, ()
    return _settle(replace(t, caller_here=False, music=_stray_music(t)), fact)


def note(t: Transfer, fact: AssistantLeft) -> Step:
    """The assistant's own leg has gone; the switch sends the caller home when the music ends."""
    return replace(t, assistant_here=False), ()


# -- the talk ---------------------------------------------------------------------------------------------


def apart(t: Transfer, fact: Unbridged) -> Step:
    """The caller is with nobody; for a second the agent may still pass them on."""
    return replace(t, unbridged_at=fact.at, until=fact.at + APART_SECONDS), ()


def go_on(t: Transfer, fact: Rebridged) -> Step:
    """The agent passed the caller on: the talk goes on with somebody else."""
    return replace(t, unbridged_at=0.0, talk_ended_by="", until=fact.at + TALK_SECONDS), ()


def leg_over(t: Transfer, fact: LegEnded) -> Step:
    """The agent's leg has ended; the caller's end follows, or another bridge."""
    t = replace(t, legs=t.legs - {fact.leg})
    if fact.leg != t.agent:
        return t, ()
    t = replace(t, talk_cause=fact.cause, until=min(t.until, fact.at + BACK_SECONDS))
    return replace(t, talk_ended_by=t.talk_ended_by or "agent"), ()


def hung_up(t: Transfer, fact: CallerEnded) -> Step:
    """The caller has hung up: the talk is over."""
    t = replace(t, caller_here=False, talk_cause=t.talk_cause or fact.cause)
    return _end(replace(t, talk_ended_by=t.talk_ended_by or "caller"), fact, ReportTalk())


def check(t: Transfer, fact: Deadline) -> Step:
    """A talk that was unbridged for a second has ended; one that lasts for hours is looked at."""
    if t.unbridged_at:
        return _end(t, fact, ReportTalk())
    return replace(t, until=fact.at + TALK_SECONDS), (AskPbx(),)


# -- going back -------------------------------------------------------------------------------------------


def back(t: Transfer, fact: HoldEnded | HoldFailed) -> Step:
    """The music is over: the caller hears the assistant, unless it was a bridge that ended it."""
    t = replace(t, music=Music.OVER)
    if t.adrift:
        return t, ()
    t, actions = _homecoming(t)
    return _settle(t, fact, *actions)


def end_late(t: Transfer, fact: LegCreated | Ringing) -> Step:
    """A leg that was born after its attempt was given up."""
    return replace(t, legs=t.legs | {fact.leg}), (EndLegs(t.attempt),)


def too_late(t: Transfer, fact: Answered) -> Step:
    """Somebody answers an attempt that is over already."""
    t = replace(t, dialled=False, agent=fact.leg, legs=t.legs | {fact.leg})
    until = fact.at + RELEASE_SECONDS if t.phase is Phase.RETURNING else t.until
    return replace(t, until=until), (ReleaseAgent(fact.leg),)


def leg_gone(t: Transfer, fact: LegEnded | JobFailed) -> Step:
    """A leg that had to go is gone."""
    if isinstance(fact, LegEnded):
        t = replace(t, legs=t.legs - {fact.leg})
        t = replace(t, dialled=t.dialled and not (t.job_lost and not t.legs))
    else:
        t = replace(t, dialled=False, legs=frozenset())
    if t.adrift:  # it may be this ending that undoes a bridge: the switch tells within a moment
        t = replace(t, until=fact.at + ADRIFT_SECONDS)
    return _settle(t, fact) if t.phase is Phase.RETURNING else (t, ())


def send_home(t: Transfer, fact: CallerParked) -> Step:
    """A bridge that came to nothing left the caller parked, with nobody on the line."""
    if not t.adrift:
        return t, ()
    t, actions = _homecoming(replace(t, adrift=False, music=Music.OVER), parked=True)
    return _settle(t, fact, *actions)


def untaken(t: Transfer, fact: BridgeRefused) -> Step:
    """The bridge that was given up is refused after all: the caller still hears our music."""
    t = replace(t, adrift=False)
    if t.music is Music.ON:
        return replace(t, music=Music.STOPPING), (StopMusic(),)
    return _settle(t, fact)


def press_on(t: Transfer, fact: Deadline) -> Step:
    """Not everything is as it should be: say it again, ask the PBX, and in the end leave it to its limits."""
    if t.adrift and not t.legs:  # neither parked nor gone: the switch has sent the caller home
        t, actions = _homecoming(replace(t, adrift=False, until=fact.at + BACK_SECONDS))
        return _settle(t, fact, *actions)
    if t.music is Music.ASKED and fact.at < t.hold_until:  # it may still start, and is stopped then
        t = replace(t, until=min(fact.at + BACK_SECONDS, t.hold_until))
        return t, ((EndLegs(t.attempt),) if t.dialled or t.legs else ())
    if fact.at >= max(t.hold_until, t.known_at) + RETURN_SECONDS:
        return _end(t, fact)
    t = replace(t, tries=t.tries + 1, until=fact.at + BACK_SECONDS)
    ask = t.tries > 1 or (t.caller_here and t.music is not Music.OVER)
    end: Actions = (EndLegs(t.attempt),) if t.dialled or t.legs else ()
    return t, (*end, *((AskPbx(),) if ask else ()))


# -- the PBX lost and found -------------------------------------------------------------------------------


def lose(t: Transfer, fact: PbxLost) -> Step:
    """Nothing can be heard or done. The switch keeps its own limits; ours wait until it is back."""
    longest = TALK_SECONDS if t.phase is Phase.BRIDGED else LOST_GRACE
    return replace(t, lost=True, paused_until=t.until, until=max(fact.at, t.hold_until) + longest), ()


def resume(t: Transfer, fact: PbxBack) -> Step:
    """The PBX is back; what was missed follows as facts."""
    until = t.paused_until if t.lost else t.until
    job_lost = t.job_lost or (t.dialled and (t.lost or fact.restarted))
    t = replace(t, lost=False, job_lost=job_lost, until=max(until, fact.at + LATE_SECONDS))
    if fact.restarted and t.phase in (Phase.PENDING, Phase.HOLDING, Phase.RETRYING):
        # its intention is recorded, so it may have been dialled: never again, and any leg is expected
        attempt = max(t.attempt, t.following, 1)
        t = replace(t, phase=Phase.DIALING, attempt=attempt, dialled=True, job_lost=True)
        t = replace(t, music=Music.ASKED, hold_until=t.hold_until or fact.at + t.longest_hold)
    if t.phase in (Phase.DIALING, Phase.RINGING) and t.job_lost:
        t = replace(t, until=fact.at + LATE_SECONDS)  # unless a leg shows up
    return t, ()


def abandon(t: Transfer, fact: Fact) -> Step:
    """The PBX has been away for longer than anything of ours lasts on it."""
    if t.is_known:
        return _end(t, fact, *((ReportTalk(),) if t.phase is Phase.BRIDGED else ()))
    return _end(replace(t, ending=PBX_LOST, known_at=fact.at), fact, Report())


# -- what the rules share ---------------------------------------------------------------------------------


def _dial(t: Transfer, fact: Fact) -> Step:
    ring_until = min(fact.at + t.this_dial.ring_seconds + RING_GRACE, t.hold_until)
    t = replace(
        t, phase=Phase.DIALING, dialled=True, job_lost=False, legs=frozenset(), agent="", cause="",
        sip_code="", until=ring_until, ring_until=ring_until,
        dialled_at=fact.at, ringing_at=0.0, answered_at=0.0,
    )  # fmt: skip
    return t, (DialAgent(t.attempt),)


def _rearm(t: Transfer) -> Transfer:
    """A leg is there after all: the attempt's own deadline counts again."""
    return replace(t, until=t.ring_until or t.hold_until)


def _next_attempt(t: Transfer, fact: Fact, why: Ending) -> Step:
    """After an attempt that brought nobody: the next of the plan that may do better, or back."""
    index = t.attempt  # of the attempt after this one
    while index < len(t.plan) and t.plan[index].is_retry and not why.retryable:
        index += 1
    if index >= len(t.plan) or fact.at + t.plan[index].delay_seconds >= t.hold_until:
        return _give_up(t, fact, why)
    until = fact.at + t.plan[index].delay_seconds
    return replace(t, phase=Phase.RETRYING, following=index + 1, until=until), ()


def _stray_music(t: Transfer) -> Music:
    """Music that was asked for may yet start, on a call that does something else; what plays breaks off."""
    return Music.STOPPING if t.music is Music.ON else t.music


def _without_caller(t: Transfer, fact: Fact, why: Ending, music: Music = Music.OVER) -> Step:
    t = replace(t, caller_here=False, adrift=False, music=music)
    answered = t.agent in t.legs
    t, actions = _give_up(t, fact, why)
    if answered:
        actions = tuple(action for action in actions if not isinstance(action, EndLegs))
        return replace(t, until=fact.at + RELEASE_SECONDS), (ReleaseAgent(t.agent), *actions)
    return t, actions


def _give_up(t: Transfer, fact: Fact, why: Ending) -> Step:
    """The transfer has failed: say so, bring the caller back, end the legs."""
    actions: list[Action] = [*(_told(t) if why != PICKED_OFF else ())]
    if t.music is Music.ON and not t.adrift:  # a bridge ends it by itself, a stop would hit the assistant
        t = replace(t, music=Music.STOPPING)
        actions.append(StopMusic())
    if t.dialled or t.legs:
        actions.append(EndLegs(t.attempt))
    wait = ADRIFT_SECONDS if t.adrift else BACK_SECONDS
    t = replace(t, phase=Phase.RETURNING, ending=why, known_at=fact.at, tries=0, until=fact.at + wait)
    actions.append(Report())
    if t.music in (Music.NONE, Music.OVER) and not t.adrift:
        t, home = _homecoming(t)
        actions += home
    return _settle(t, fact, *actions)


def _told(t: Transfer) -> Actions:
    """The dialplan hears what became of a call routed in before its music is stopped: then it is too late."""
    return (TellDialplan(),) if t.fallback is Fallback.DIALPLAN and t.caller_here else ()


def _homecoming(t: Transfer, *, parked: bool = False) -> Step:
    """The caller hears us no more: the assistant goes on, or what the destination wants instead. Once.

    Who has called it off goes back to the assistant; a call routed in goes on with its dialplan in any case.
    """
    if t.is_home or not t.caller_here or t.ending is None or t.ending.cause == PICKED_OFF.cause:
        return t, ()
    called_off = t.ending.status is Status.CANCELLED and t.fallback is not Fallback.DIALPLAN
    by_dialplan = parked and t.fallback is Fallback.DIALPLAN  # the action that it waited at is over
    if called_off or by_dialplan or t.fallback in (Fallback.ASSISTANT, Fallback.CALLBACK):
        if t.music is Music.NONE:  # never held: the assistant was not touched
            return t, ()
        return replace(t, is_home=True), (SendHome() if parked else ResumeAssistant(),)
    return replace(t, is_home=True), (FallBack(),)


def _settle(t: Transfer, fact: Fact, *actions: Action) -> Step:
    """Ended, once the caller is back (or gone) and no leg of ours is left."""
    waiting_for_music = t.music in (Music.ASKED, Music.ON, Music.STOPPING)
    if t.dialled or t.legs or t.adrift or waiting_for_music:
        return t, actions
    return _end(t, fact, *actions)


def _end(t: Transfer, fact: Fact, *actions: Action) -> Step:
    return replace(t, phase=Phase.ENDED, ended_at=fact.at, until=0.0), actions
