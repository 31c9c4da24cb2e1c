"""A model of a switch with an agent and a client, to test the attempt's machine against.

It does what the machine asks for, in its own time: commands may take effect late or not at all, legs live
and die, and the connection may be lost, also with a restart of the daemon from what the database had.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from voiced.callback import facts as f
from voiced.callback.machine import decide
from voiced.callback.outcome import Side
from voiced.callback.state import Attempt, Phase
from voiced.facts import LOST, AskPbx


@dataclass
class Leg:
    """A channel of the model."""

    side: Side
    state: str = "ringing"  # ringing, parked, bridged, gone
    will: str = ""  # what has been asked of it: release


@dataclass
class World:
    """The switch, the people, and the attempt."""

    a: Attempt
    now: float = 1000.0
    legs: dict[str, Leg] = field(default_factory=dict)
    dials: list[Side] = field(default_factory=list)
    pending: list[f.Action] = field(default_factory=list)  # commanded, not yet carried out
    commits: list[Side] = field(default_factory=list)
    kept: list[Attempt] = field(default_factory=list)  # what the database may know
    reports: list[f.Action] = field(default_factory=list)
    jobs: set[Side] = field(default_factory=set)
    offline: bool = False
    joined_empty: bool = False  # a leg was bridged to one that is gone
    trail: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tell(f.Requested(self.now))

    # -- the machine --------------------------------------------------------------------------------------

    def tell(self, fact: f.Fact, heard: bool = True) -> None:
        if self.offline and heard:
            return
        before = self.a
        self.a, actions = decide(before, fact)
        self.trail.append(f"{fact} {before.phase} → {self.a.phase} {actions}")
        self.kept.append(self.a)
        for action in actions:
            self.take(action)

    def take(self, action: f.Action) -> None:
        match action:
            case f.RecordIntent(side):
                self.commits.append(side)
            case f.ReportEnd() | f.ReportConnected():
                self.reports.append(action)
            case AskPbx():
                if not self.offline:
                    self.bring_up_to_date(restarted=False)
            case f.PlayTone() | f.StopTone():
                pass
            case _:
                if isinstance(action, f.Dial):
                    self.dials.append(action.side)
                if not self.offline:
                    self.pending.append(action)

    # -- the switch ---------------------------------------------------------------------------------------

    def carry_out(self, index: int, *, fails: bool = False) -> None:
        """One of the commands that were sent."""
        if not self.pending:
            return
        action = self.pending.pop(index % len(self.pending))
        match action:
            case f.Dial(side):
                if fails:
                    self.tell(f.JobFailed(self.now, side, "USER_NOT_REGISTERED"))
                    return
                if self.a.phase is Phase.ENDED:  # nobody drives it any more: it is ended at its birth
                    return
                name = f"{side}-{len(self.legs)}"
                self.legs[name] = Leg(side)
                self.jobs.add(side)
                self.tell(f.LegCreated(self.now, side, name))
            case f.AskKey(leg):
                if self.alive(leg):
                    self.tell(f.Refused(self.now, "") if fails else f.Accepted(self.now))
            case f.BridgeLegs(client, agent):
                if not (self.alive(client) and self.alive(agent)):
                    self.tell(f.BridgeRefused(self.now, "gone"))
                elif not fails:
                    for leg in (client, agent):
                        self.legs[leg].state = "bridged"
                    self.tell(f.Bridged(self.now, agent, client))
            case f.Release(_, leg):
                if self.alive(leg):
                    self.end(leg, "NORMAL_CLEARING")
            case f.EndLegs(side):
                for name, one in self.legs.items():
                    if one.side is side and one.state != "gone":
                        self.end(name, "ORIGINATOR_CANCEL")

    def alive(self, name: str) -> bool:
        return name in self.legs and self.legs[name].state != "gone"

    def commit(self, index: int) -> None:
        if self.commits:
            side = self.commits.pop(index % len(self.commits))
            self.tell(f.IntentRecorded(self.now, side), heard=False)

    def ring(self, index: int) -> None:
        if name := self._pick("ringing", index):
            self.tell(f.Ringing(self.now, self.legs[name].side, name))

    def answer(self, index: int) -> None:
        if name := self._pick("ringing", index):
            leg = self.legs[name]
            leg.state = "parked"
            self.jobs.discard(leg.side)
            self.tell(f.Answered(self.now, leg.side, name))

    def hang_up(self, index: int, cause: str = "NORMAL_CLEARING") -> None:
        names = [name for name, leg in self.legs.items() if leg.state != "gone"]
        if names:
            self.end(names[index % len(names)], cause)

    def end(self, name: str, cause: str) -> None:
        leg = self.legs[name]
        was, leg.state = leg.state, "gone"
        if was == "ringing":
            self.tell(f.LegEnded(self.now, leg.side, name, "USER_BUSY"))
            if leg.side in self.jobs:
                self.jobs.discard(leg.side)
                self.tell(f.JobFailed(self.now, leg.side, "USER_BUSY"))
            return
        self.tell(f.LegEnded(self.now, leg.side, name, cause))
        if was == "bridged":
            for other, peer in self.legs.items():
                if peer.state == "bridged":
                    self.end(other, cause)

    def _pick(self, state: str, index: int) -> str:
        names = [name for name, leg in self.legs.items() if leg.state == state]
        return names[index % len(names)] if names else ""

    # -- time, and losing each other ----------------------------------------------------------------------

    def wait(self, seconds: float) -> None:
        self.now += seconds
        if self.a.until and self.a.until <= self.now:
            self.tell(f.Deadline(self.now), heard=False)

    def lose(self, *, originates_late: bool = False) -> None:
        if not self.offline:
            self.tell(f.PbxLost(self.now))
            self.offline = True
            # what was on its way is lost; an originate that the switch has taken may make a leg later
            late = [action for action in self.pending if isinstance(action, f.Dial)]
            self.pending = list(late) if originates_late else []

    def come_back(self, *, restarted: bool, forgets: int = 0, originates_late: bool = False) -> None:
        """The connection is back. A restarted daemon knows what the database had some facts ago."""
        if restarted:
            if self.a.phase is Phase.ENDED:
                return
            self.lose(originates_late=originates_late)
            least = max((i for i, a in enumerate(self.kept) if _is_committed(a, self.kept[-1])), default=0)
            self.a = self.kept[max(least, len(self.kept) - 1 - forgets)]
            self.kept.append(self.a)
            self.commits = []
        if self.offline:
            self.offline = False
            self.jobs = set()
            self.bring_up_to_date(restarted=restarted)

    def bring_up_to_date(self, *, restarted: bool) -> None:
        here = {name: leg for name, leg in self.legs.items() if leg.state != "gone"}
        known = {side: self.a.line(side) for side in Side}
        facts: list[f.Fact] = [f.PbxBack(self.now, restarted)]
        facts += [f.LegCreated(self.now, leg.side, name) for name, leg in here.items()]
        for side in (self.a.first, self.a.second):
            ours = [name for name, leg in here.items() if leg.side is side]
            gone = sorted(known[side].legs - set(ours))
            facts += [f.LegEnded(self.now, side, name, LOST) for name in gone]
            if self.a.phase is Phase.CLEARING and known[side].dialled and not ours:
                facts.append(f.JobFailed(self.now, side, LOST))
        bridged = {leg.side: name for name, leg in here.items() if leg.state == "bridged"}
        if len(bridged) == 2:
            facts.append(f.Bridged(self.now, bridged[Side.AGENT], bridged[Side.CLIENT]))
        else:
            for side in (self.a.first, self.a.second):
                for name, leg in here.items():
                    if leg.side is side:
                        kind = f.Ringing if leg.state == "ringing" else f.Answered
                        facts.append(kind(self.now, side, name))
        for fact in facts:
            self.tell(fact)

    def settle(self) -> None:
        """Everybody does what is left to do, until nothing changes any more."""
        self.come_back(restarted=False)
        for _ in range(400):
            if self.a.phase is Phase.ENDED and not self.pending:
                return
            self.commit(0)
            while self.pending:
                self.carry_out(0)
            if any(leg.state == "bridged" for leg in self.legs.values()):
                self.hang_up(0)
            self.wait(max(0.5, self.a.until - self.now) if self.a.until else 0.5)


def _is_committed(a: Attempt, last: Attempt) -> bool:
    """Whether the database must have had this: the second intention is committed before it is dialled."""
    second = last.line(last.second)
    was_dialled = second.dialled or bool(second.legs) or bool(second.answered)
    return was_dialled and a.phase is Phase.JOINING and a.line(a.second).is_quiet
