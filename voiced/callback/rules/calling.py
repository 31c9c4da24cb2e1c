"""The rules on the way to the talk: one side is called, then the other, until they are bridged or not."""

from __future__ import annotations

from dataclasses import replace

from voiced.callback.facts import (
    Accepted,
    Answered,
    AskKey,
    Bridged,
    BridgeRefused,
    IntentRecorded,
    JobFailed,
    LegCreated,
    LegEnded,
    RecordIntent,
    Refused,
    ReportConnected,
    ReportEnd,
    Ringing,
    StopTone,
    ToneStarted,
)
from voiced.callback.outcome import Outcome, Result, Side, missed
from voiced.callback.rules.steps import (
    ASK_SECONDS,
    BRIDGE_FAILED,
    MAY_HAVE_TALKED,
    NO_DATABASE,
    OURS,
    RECORD_SECONDS,
    TALK_SECONDS,
    Step,
    dial,
    end,
    give_up,
    meet,
    rearm,
)
from voiced.callback.state import Attempt, Phase
from voiced.facts import LOST, AskPbx, Cancelled, Deadline, Requested


def begin(a: Attempt, fact: Requested) -> Step:
    """Ask the database to take the intention; until it has, nobody is called."""
    return replace(a, requested_at=fact.at, until=fact.at + RECORD_SECONDS), (RecordIntent(a.first),)


def unable(a: Attempt, fact: Deadline) -> Step:
    """The database is away: nobody was called."""
    return end(replace(a, outcome=NO_DATABASE), fact, ReportEnd())


def call(a: Attempt, fact: IntentRecorded) -> Step:
    """The intention is recorded: call the first side."""
    a = replace(a, phase=Phase.CALLING, called_at=fact.at)
    return dial(a, fact, a.first)


def leg_up(a: Attempt, fact: LegCreated | Ringing | Answered) -> Step:
    """One more leg of a side."""
    a = a.with_line(fact.side, legs=a.line(fact.side).legs | {fact.leg})
    return (rearm(a, fact) if a.line(fact.side).job_lost else a), ()


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
        a = replace(a, phase=Phase.ASKING, until=fact.at + ASK_SECONDS)
        return a, () if fact.is_asked else (AskKey(fact.leg),)
    return meet(a, fact)


def accept(a: Attempt, fact: Accepted) -> Step:
    """The client takes the call: a person."""
    return meet(replace(a, confirmed=True), fact)


def fetch(a: Attempt, fact: IntentRecorded) -> Step:
    """The first side waits, and the second intention is recorded: call the other one."""
    if fact.side is not a.second or not a.line(a.second).is_quiet:
        return a, ()
    return dial(a, fact, a.second)


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
        return give_up(a, fact, MAY_HAVE_TALKED if other_was_called else Outcome(Result.FAILED, "", LOST))
    other = a.line(fact.side.other)
    if fact.leg == line.answered and other.job_lost and not other.legs:
        # a daemon that is gone may have told them that the other one cannot be had
        return give_up(a, fact, Outcome(Result.FAILED, "", LOST))
    if fact.leg == line.answered:
        return give_up(a, fact, Outcome(Result.LEFT, fact.side, fact.cause, fact.sip_code))
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
        return give_up(a, fact, Outcome(Result.FAILED, "", fact.cause))
    code = line.sip_code if line.cause == fact.cause else ""
    return give_up(a, fact, missed(fact.side, fact.cause, code))


def job_over(a: Attempt, fact: JobFailed) -> Step:
    """The originate is over; nothing depends on it any more."""
    return a.with_line(fact.side, dialled=False), ()


def too_long(a: Attempt, fact: Deadline) -> Step:
    """Rung for too long, an intention that was not recorded, or an originate whose result is lost."""
    side = a.first if a.phase is Phase.CALLING else a.second
    line = a.line(side)
    if line.is_quiet:
        return give_up(a, fact, NO_DATABASE)
    if line.job_lost and not line.legs:  # a leg that no table showed may be there all the same: it is ended
        a, actions = give_up(a, fact, Outcome(Result.FAILED, "", LOST))
        return a, (*actions, AskPbx())
    return give_up(a, fact, Outcome(Result.NO_ANSWER, side, "NO_ANSWER"))


def refuse(a: Attempt, fact: Refused) -> Step:
    """No key: a machine. Another key: a person who does not want the call now."""
    if fact.key:
        return give_up(a, fact, Outcome(Result.REJECTED, Side.CLIENT, "CALL_REJECTED"))
    return give_up(a, fact, Outcome(Result.MACHINE, Side.CLIENT, "NO_KEY"))


def silence(a: Attempt, fact: Deadline) -> Step:
    """Not even the PBX's word that there was no key."""
    return refuse(a, Refused(fact.at))


def no_bridge(a: Attempt, fact: BridgeRefused | Deadline) -> Step:
    """The bridge came to nothing: the PBX refused, or said +OK and there is no CHANNEL_BRIDGE."""
    return give_up(a, fact, BRIDGE_FAILED)


def call_off(a: Attempt, fact: Cancelled) -> Step:
    """Called off."""
    outcome = Outcome(Result.CANCELLED, "", "MANAGER_REQUEST")
    if a.phase is Phase.PENDING:
        return end(replace(a, outcome=outcome), fact, ReportEnd())
    return give_up(a, fact, outcome)
