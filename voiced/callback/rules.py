"""What each rule of the attempt's table does: small functions, in the order of a call.

A rule takes the attempt and the fact and returns the attempt after it, with the actions that follow.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, TypeAlias

from voiced.callback.facts import (
    Accepted,
    Actions,
    Answered,
    AskKey,
    Bridged,
    BridgeLegs,
    BridgeRefused,
    Dial,
    EndLegs,
    IntentRecorded,
    JobFailed,
    LegCreated,
    LegEnded,
    PassedOn,
    PlayTone,
    RecordIntent,
    Refused,
    Release,
    ReportConnected,
    ReportEnd,
    Ringing,
    StopTone,
    ToneStarted,
)
from voiced.callback.outcome import LOST_TOGETHER, Outcome, Result, Side, missed
from voiced.callback.state import Attempt, Phase
from voiced.facts import LOST, Action, AskPbx, Cancelled, Deadline, Fact, PbxBack, PbxLost, Requested

Step: TypeAlias = tuple[Attempt, Actions]

# How long a phase may last, in seconds, before its deadline becomes a fact.
RECORD_SECONDS: Final = 1.0  # for the database to take an intention: nobody is called meanwhile
RING_GRACE: Final = 5.0  # beyond the ring time, which the PBX itself keeps (originate_timeout)
ASK_SECONDS: Final = 30.0  # for the prompt, played twice, and the key
BRIDGE_SECONDS: Final = 3.0  # a bridge takes some 60 ms
APART_SECONDS: Final = 1.0  # for the client's end, or another bridge, once the agent's leg has ended
TALK_SECONDS: Final = 3600.0  # after so long the PBX is asked whether they still talk
CLEAR_SECONDS: Final = 2.0  # for legs to end, before it is said again
RELEASE_SECONDS: Final = 10.0  # for the prompt to the one who is on the line
LATE_SECONDS: Final = 2.0  # after a reconnect, for a leg that no table shows yet to appear
LOST_SECONDS: Final = 180.0  # nothing that rings or waits alone outlives this on a PBX that is lost
LEAVE_SECONDS: Final = 60.0  # then the switch's own limits are left to end what will not end

# Endings that are ours to give: they are nobody's fault on the line.
NO_DATABASE: Final = Outcome(Result.FAILED, "", "DATABASE_UNAVAILABLE")
BRIDGE_FAILED: Final = Outcome(Result.FAILED, "", "BRIDGE_FAILED")
PBX_LOST: Final = Outcome(Result.FAILED, "", "PBX_LOST")
MAY_HAVE_TALKED: Final = Outcome(Result.FAILED, "", LOST_TOGETHER)  # while nobody watched
OURS: Final = frozenset({LOST, "NOT_SENT", "NOT_OWNER"})
COMPLETED: Final = Outcome(Result.COMPLETED, "", "NORMAL_CLEARING")


# -- the way to the talk ----------------------------------------------------------------------------------


def begin(a: Attempt, fact: Requested) -> Step:
    """Ask the database to take the intention; until it has, nobody is called."""
    return replace(a, requested_at=fact.at, until=fact.at + RECORD_SECONDS), (RecordIntent(a.first),)


def unable(a: Attempt, fact: Deadline) -> Step:
    """The database is away: nobody was called."""
    return _end(replace(a, outcome=NO_DATABASE), fact, ReportEnd())


def call(a: Attempt, fact: IntentRecorded) -> Step:
    """The intention is recorded: call the first side."""
    a = replace(a, phase=Phase.CALLING, called_at=fact.at)
    return _dial(a, fact, a.first)


def leg_up(a: Attempt, fact: LegCreated | Ringing | Answered) -> Step:
    """One more leg of a side."""
    a = a.with_line(fact.side, legs=a.line(fact.side).legs | {fact.leg})
    return (_rearm(a, fact) if a.line(fact.side).job_lost else a), ()


def ring(a: Attempt, fact: Ringing) -> Step:
    """A phone rings."""
    a, _ = leg_up(a, fact)
    return replace(a, ringing_at=a.ringing_at or fact.at), ()


def answer(a: Attempt, fact: Answered) -> Step:
    """The first of a side that answers is the one. A client may have to take the call with a key."""
    if a.line(fact.side).answered:
        return a, ()
    a, _ = leg_up(a, fact)
    a = a.with_line(fact.side, answered=fact.leg, dialled=False, job_lost=False)
    if fact.side is a.first:
        a = replace(a, answered_at=fact.at)
    if fact.side is Side.CLIENT and a.client_confirms and not a.confirmed:
        return replace(a, phase=Phase.ASKING, until=fact.at + ASK_SECONDS), (AskKey(fact.leg),)
    return _meet(a, fact)


def accept(a: Attempt, fact: Accepted) -> Step:
    """The client takes the call: a person."""
    return _meet(replace(a, confirmed=True), fact)


def fetch(a: Attempt, fact: IntentRecorded) -> Step:
    """The first side waits, and the second intention is recorded: call the other one."""
    if fact.side is not a.second or not a.line(a.second).is_quiet:
        return a, ()
    return _dial(a, fact, a.second)


def talk(a: Attempt, fact: Bridged) -> Step:
    """They hear each other."""
    if fact.agent not in a.agent.legs or fact.client not in a.client.legs:
        return a, ()
    a = a.with_line(Side.AGENT, answered=fact.agent, dialled=False)
    a = a.with_line(Side.CLIENT, answered=fact.client, dialled=False)
    a = replace(a, phase=Phase.CONNECTED, connected_at=fact.at, until=fact.at + TALK_SECONDS)
    return a, (ReportConnected(),)


def hush(a: Attempt, fact: ToneStarted) -> Step:
    """The tone has begun after the bridge was commanded: stop it, or it plays into the talk."""
    return a, (StopTone(fact.leg),)


# -- what comes to nothing --------------------------------------------------------------------------------


def leg_down(a: Attempt, fact: LegEnded) -> Step:
    """A leg has ended: one phone of several, or the one who was on the line."""
    line = a.line(fact.side)
    a = a.with_line(fact.side, legs=line.legs - {fact.leg})
    if fact.leg == line.answered and fact.cause == LOST:
        other_was_called = not a.line(fact.side.other).is_quiet
        return _give_up(a, fact, MAY_HAVE_TALKED if other_was_called else Outcome(Result.FAILED, "", LOST))
    other = a.line(fact.side.other)
    if fact.leg == line.answered and other.job_lost and not other.legs:
        # a daemon that is gone may have told them that the other one cannot be had
        return _give_up(a, fact, Outcome(Result.FAILED, "", LOST))
    if fact.leg == line.answered:
        return _give_up(a, fact, Outcome(Result.LEFT, fact.side, fact.cause, fact.sip_code))
    if fact.cause != "LOSE_RACE":
        a = a.with_line(fact.side, cause=fact.cause, sip_code=fact.sip_code)
    line = a.line(fact.side)
    if line.job_lost and not line.legs and not line.answered:
        return failed(a, JobFailed(fact.at, fact.side, line.cause or LOST))
    return a, ()


def failed(a: Attempt, fact: JobFailed) -> Step:
    """A side was called, and nobody answered."""
    line = a.line(fact.side)
    if line.answered:
        return job_over(a, fact)
    a = a.with_line(fact.side, dialled=False, legs=frozenset())
    if fact.cause in OURS:  # what became of it nobody knows, or it was never sent: nobody's fault
        return _give_up(a, fact, Outcome(Result.FAILED, "", fact.cause))
    code = line.sip_code if line.cause == fact.cause else ""
    return _give_up(a, fact, missed(fact.side, fact.cause, code))


def job_over(a: Attempt, fact: JobFailed) -> Step:
    """The originate is over; nothing depends on it any more."""
    return a.with_line(fact.side, dialled=False), ()


def too_long(a: Attempt, fact: Deadline) -> Step:
    """Rung for too long, an intention that was not recorded, or an originate whose result is lost."""
    side = a.first if a.phase is Phase.CALLING else a.second
    line = a.line(side)
    if line.is_quiet:
        return _give_up(a, fact, NO_DATABASE)
    if line.job_lost and not line.legs:  # a leg that no table showed may be there all the same: it is ended
        a, actions = _give_up(a, fact, Outcome(Result.FAILED, "", LOST))
        return a, (*actions, AskPbx())
    return _give_up(a, fact, Outcome(Result.NO_ANSWER, side, "NO_ANSWER"))


def refuse(a: Attempt, fact: Refused) -> Step:
    """No key: a machine. Another key: a person who does not want the call now."""
    if fact.key:
        return _give_up(a, fact, Outcome(Result.REJECTED, Side.CLIENT, "CALL_REJECTED"))
    return _give_up(a, fact, Outcome(Result.MACHINE, Side.CLIENT, "NO_KEY"))


def silence(a: Attempt, fact: Deadline) -> Step:
    """Not even the PBX's word that there was no key."""
    return refuse(a, Refused(fact.at))


def no_bridge(a: Attempt, fact: BridgeRefused | Deadline) -> Step:
    """The bridge came to nothing: the PBX refused, or said +OK and there is no CHANNEL_BRIDGE."""
    return _give_up(a, fact, BRIDGE_FAILED)


def call_off(a: Attempt, fact: Cancelled) -> Step:
    """Called off."""
    outcome = Outcome(Result.CANCELLED, "", "MANAGER_REQUEST")
    if a.phase is Phase.PENDING:
        return _end(replace(a, outcome=outcome), fact, ReportEnd())
    return _give_up(a, fact, outcome)


# -- the talk ---------------------------------------------------------------------------------------------


def go_on(a: Attempt, fact: PassedOn) -> Step:
    """The agent passed the client on: the talk goes on with somebody else."""
    return replace(a, parted_at=0.0, until=fact.at + TALK_SECONDS), ()


def parted(a: Attempt, fact: LegEnded) -> Step:
    """One of the two has hung up. A client may still be passed on when it was the agent."""
    a = a.with_line(fact.side, legs=a.line(fact.side).legs - {fact.leg})
    if fact.side is Side.CLIENT and fact.leg == a.client.answered:
        return _complete(a, fact)
    if fact.leg != a.agent.answered:
        return a, ()
    return replace(a, parted_at=fact.at, until=fact.at + APART_SECONDS), ()


def check(a: Attempt, fact: Deadline) -> Step:
    """The agent has gone, the client is with whoever has them now. A talk of hours is looked at."""
    if a.parted_at:
        return _complete(a.with_line(Side.CLIENT, legs=frozenset()), fact)
    return replace(a, until=fact.at + TALK_SECONDS), (AskPbx(),)


# -- clearing ---------------------------------------------------------------------------------------------


def leg_gone(a: Attempt, fact: LegEnded | JobFailed) -> Step:
    """A leg that had to go is gone."""
    line = a.line(fact.side)
    if isinstance(fact, JobFailed):
        a = a.with_line(fact.side, dialled=False, legs=line.legs & {line.answered})
    else:
        legs = line.legs - {fact.leg}
        a = a.with_line(fact.side, legs=legs, dialled=line.dialled and not (line.job_lost and not legs))
    return _settle(a, fact)


def end_late(a: Attempt, fact: LegCreated | Ringing | Answered) -> Step:
    """A leg that was born, or answered, after the attempt was given up."""
    line = a.line(fact.side)
    dialled = line.dialled and not isinstance(fact, Answered)
    return a.with_line(fact.side, legs=line.legs | {fact.leg}, dialled=dialled), (EndLegs(fact.side),)


def press_on(a: Attempt, fact: Deadline) -> Step:
    """Legs are left: say it again, ask the PBX, and in the end leave them to the switch's own limits."""
    known = max(a.parted_at, a.ended_at)
    if fact.at >= known + LEAVE_SECONDS:
        return _end(a, fact)
    a = replace(a, until=fact.at + CLEAR_SECONDS)
    return a, (*(EndLegs(side) for side in Side if not a.line(side).is_quiet), AskPbx())


# -- the PBX lost and found -------------------------------------------------------------------------------


def lose(a: Attempt, fact: PbxLost) -> Step:
    """Nothing can be heard or done. The switch keeps its own limits; ours wait until it is back."""
    longest = TALK_SECONDS if a.phase is Phase.CONNECTED else LOST_SECONDS
    return replace(a, lost=True, paused_until=a.until, until=fact.at + longest), ()


def resume(a: Attempt, fact: PbxBack) -> Step:
    """The PBX is back; what was missed follows as facts. Nothing is dialled twice."""
    until = a.paused_until if a.lost else a.until
    for side in Side:
        line = a.line(side)
        a = a.with_line(side, job_lost=line.job_lost or line.dialled)
    a = replace(a, lost=False, until=max(until, fact.at + LATE_SECONDS))
    if fact.restarted and a.phase is Phase.PENDING:
        a = replace(a, phase=Phase.CALLING, called_at=fact.at).with_line(a.first, dialled=True, job_lost=True)
    if fact.restarted and a.phase is Phase.JOINING and a.line(a.second).is_quiet:
        a = a.with_line(a.second, dialled=True, job_lost=True)
    if a.phase is Phase.BRIDGING:  # if both still wait, they answer once more
        a = replace(a, phase=Phase.JOINING).with_line(a.second, answered="")
    if a.phase in (Phase.CALLING, Phase.JOINING):
        return replace(a, until=fact.at + LATE_SECONDS), ()  # unless a leg shows up
    if a.phase is Phase.ASKING:  # the answer may have been missed
        return replace(a, until=fact.at + ASK_SECONDS), (AskKey(a.client.answered),)
    return a, ()


def abandon(a: Attempt, fact: Fact) -> Step:
    """The PBX has been away for longer than anything of ours lasts on it."""
    if a.outcome is not None:
        return _end(a, fact)
    outcome = COMPLETED if a.phase is Phase.CONNECTED else PBX_LOST
    return _end(replace(a, outcome=outcome), fact, ReportEnd())


# -- what the rules share ---------------------------------------------------------------------------------


def _dial(a: Attempt, fact: Fact, side: Side) -> Step:
    a = a.with_line(side, dialled=True, job_lost=False, legs=frozenset(), answered="", cause="", sip_code="")
    return _rearm(a, fact), (Dial(side),)


def _rearm(a: Attempt, fact: Fact) -> Attempt:
    """The side that is called may ring for its time, and the two have to be connected in theirs."""
    if a.phase not in (Phase.CALLING, Phase.JOINING):
        return a
    until = fact.at + a.ring_seconds + RING_GRACE
    return replace(a, until=min(until, (a.called_at or fact.at) + a.connect_seconds + RING_GRACE))


def _meet(a: Attempt, fact: Fact) -> Step:
    """Somebody is on the line: connect them if both are, else call the other one."""
    if a.agent.is_on and a.client.is_on:
        a = replace(a, phase=Phase.BRIDGING, until=fact.at + BRIDGE_SECONDS)
        return a, (BridgeLegs(a.client.answered, a.agent.answered),)
    tone = PlayTone(a.first, a.line(a.first).answered)
    a = replace(a, phase=Phase.JOINING, until=fact.at + RECORD_SECONDS)
    if not a.line(a.second).is_quiet:  # called already, by a daemon that is gone
        return _rearm(a, fact), (tone,)
    return a, (tone, RecordIntent(a.second))


def _give_up(a: Attempt, fact: Fact, outcome: Outcome) -> Step:
    """It comes to nothing: whoever is on the line is told so, all else is ended."""
    actions: list[Action] = []
    wait = CLEAR_SECONDS
    for side in Side:
        line = a.line(side)
        if line.is_on and outcome.leg != side and outcome.result is not Result.CANCELLED:
            actions.append(Release(side, line.answered))
            wait = RELEASE_SECONDS
        elif not line.is_quiet:
            actions.append(EndLegs(side))
    a = replace(a, phase=Phase.CLEARING, outcome=outcome, parted_at=fact.at, until=fact.at + wait)
    return _settle(a, fact, *actions, ReportEnd())


def _complete(a: Attempt, fact: Fact) -> Step:
    """The talk is over."""
    ends = [EndLegs(side) for side in Side if not a.line(side).is_quiet]
    a = replace(a, phase=Phase.CLEARING, outcome=COMPLETED, until=fact.at + CLEAR_SECONDS)
    return _settle(replace(a, parted_at=a.parted_at or fact.at), fact, *ends, ReportEnd())


def _settle(a: Attempt, fact: Fact, *actions: Action) -> Step:
    """Ended, once no leg of ours is left."""
    return _end(a, fact, *actions) if a.is_quiet else (a, actions)


def _end(a: Attempt, fact: Fact, *actions: Action) -> Step:
    return replace(a, phase=Phase.ENDED, ended_at=fact.at, until=0.0), actions
