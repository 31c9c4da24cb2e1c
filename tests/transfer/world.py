"""A small model of a caller, a switch and some phones, for property tests of the machine.

It carries out the machine's actions and makes the facts that a real switch would make, in any order that
one could. Its own state says what is so: who is on hold, which legs live, whether the two are bridged.
While the event socket is cut it goes on and tells nothing; when it is back, `missed_facts` (the real one)
finds out.

A call routed in has a session. While the session is protected (until a bridge is commanded) its end takes
the call from our music to its dialplan; we may hear of the one before the other. When we die the session
ends, unless we only sleep: then somebody else takes up the transfer of a call that we still hold.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from voiced.facts import AskPbx
from voiced.pbx.channel import Channel, Home
from voiced.pbx.control import LIMIT_GRACE
from voiced.transfer import facts as f
from voiced.transfer.machine import decide
from voiced.transfer.recovery import missed_facts
from voiced.transfer.request import DestinationType, Request, Target
from voiced.transfer.state import Dial, Fallback, Phase, Transfer

ID = UUID("00000000-0000-4000-8000-000000000001")
CALLER = "caller-1"


@dataclass
class Leg:
    uuid: str
    attempt: int
    answered: bool = False
    bridged: bool = False


@dataclass
class World:
    plan: tuple[Dial, ...]
    fallback: Fallback = Fallback.ASSISTANT
    now: float = 1000.0
    caller: bool = True
    parked: bool = False  # by the switch, with nobody on the line
    music: str = "none"  # none, asked, playing
    stopping: bool = False
    offline: bool = False
    protected: bool = True  # the session of a call routed in: its end breaks the music off
    gone_on: bool = False  # the call runs its dialplan
    legs: dict[str, Leg] = field(default_factory=dict)
    jobs: set[int] = field(default_factory=set)  # originates that run
    lost_jobs: set[int] = field(default_factory=set)  # their result will not be told
    doomed: set[str] = field(default_factory=set)  # legs that hupall has hit; one that is not born it misses
    intents: list[int] = field(default_factory=list)
    screening: tuple[str, int] | None = None
    homecomings: list[str] = field(default_factory=list)  # what became of the caller, told by the machine
    bridging: tuple[str, int] | None = None
    reports: list[Transfer] = field(default_factory=list)
    talks: int = 0
    dialled: list[int] = field(default_factory=list)
    recorded: set[int] = field(default_factory=set)
    released: set[str] = field(default_factory=set)
    bridge_commands: list[bool] = field(default_factory=list)  # was the caller there, as far as we were told
    told_gone: bool = False
    is_paused: bool = False  # the assistant
    put_off: list[f.Fact] = field(default_factory=list)
    has_talked: bool = False
    question: bool = False
    kept: list[tuple[Transfer, int, int]] = field(default_factory=list)  # what the database may know
    trail: list[str] = field(default_factory=list)
    born: int = 0

    def __post_init__(self) -> None:
        self.t = Transfer(str(ID), self.plan, fallback=self.fallback)
        self.session = self.fallback is Fallback.DIALPLAN  # ours
        target = Target("ramal 1001", DestinationType.EXTENSION, "1001", "pbx.test")
        self.request = Request(
            ID, "pbx", ID, Channel(CALLER, "CS_EXECUTE", True, home=Home("8000", "XML", "default")),
            ((target,),) * len(self.plan), self.plan, ID,
        )  # fmt: skip
        self.tell(f.Requested(self.now))

    # -- telling the machine ------------------------------------------------------------------------------

    def tell(self, fact: f.Fact, heard: bool = True) -> None:
        if self.offline and heard:
            return
        before = self.t.phase
        if isinstance(fact, f.SessionEnded) and before not in (Phase.BRIDGING, Phase.BRIDGED):
            self.told_gone |= not (fact.is_held or fact.is_parked or self.t.adrift)
        self.told_gone |= isinstance(fact, f.CallerEnded)
        self.t, actions = decide(self.t, fact)
        self.trail.append(f"{fact} {before}->{self.t.phase} {actions}")
        for action in actions:
            self.act(action)
        self.kept.append((self.t, len(self.reports), self.talks))
        if self.t.phase not in (Phase.PENDING, Phase.BRIDGED, Phase.ENDED) and not self.t.lost:
            assert self.t.until <= max(self.t.hold_until, self.now) + 10, "\n".join(self.trail)

    def act(self, action: f.Action) -> None:
        match action:
            case f.RecordIntent(n):
                self.intents.append(n)
            case f.Report():
                self.reports.append(self.t)
            case f.ReportTalk():
                self.talks += 1
            case AskPbx():
                self.question = True
        if self.offline:
            return  # not sent
        match action:
            case f.HoldCaller() if (
                self.t.music_at and self.fallback is Fallback.DIALPLAN and not self.session
            ):
                self.tell(f.HoldFailed(self.now))  # the driver waits a moment before it holds again
            case f.HoldCaller() if self.caller and self.music != "playing":
                self.music, self.is_paused = "asked", True
            case f.ResumeAssistant():
                self.is_paused = False
            case f.StopMusic() if self.music == "playing":
                self.stopping = True
            case f.StopMusic() if self.caller and not self.parked and self.bridging is None:
                what = "a stop without our music ends the assistant's playback, and the call"
                raise AssertionError("\n".join([what, *self.trail]))
            case f.DialAgent(n):
                assert n in self.recorded, "dialled before it was recorded"
                assert n not in self.dialled, "dialled twice"
                self.dialled.append(n)
                self.jobs.add(n)
            case f.EndLegs(n):
                self.doomed |= {leg.uuid for leg in self.legs.values() if leg.attempt == n}
            case f.ReleaseAgent(leg):
                self.released.add(leg)
            case f.ScreenAgent(n, leg):
                self.screening = (leg, n)
            case f.TellDialplan():
                assert not self.told_gone, "told, and known to be gone\n" + "\n".join(self.trail)
            case f.FallBack():
                self.parked = self.session = False
                self.is_paused &= self.fallback is not Fallback.DIALPLAN
                self.homecomings.append("fallback")
            case f.BridgeLegs(n, leg):
                self.bridge_commands.append(not self.told_gone)
                self.bridging = (leg, n)
                self.protected = False
            case f.SendHome():
                assert self.parked or not self.caller, "sent home from where they were"
                self.parked = self.is_paused = False

    # -- what may happen next -----------------------------------------------------------------------------

    def possible(self) -> list[str]:
        """Names of the things that could happen now."""
        events = ["deadline"] if self.t.until else []
        events += ["record"] * bool(self.intents)
        events += ["music_starts", "music_fails"] * (self.music == "asked" and self.caller)
        events += ["music_ends", "key"] * (self.music == "playing" and self.caller)
        events += ["music_stops"] * (self.stopping and self.music == "playing")
        events += ["leg_born"] * (bool(self.jobs) and self.born < 6)
        for leg in self.legs.values():
            events += ["rings"] + ["answers"] * (not leg.answered and leg.attempt in self.jobs) + ["leg_ends"]
        events += ["job_fails"] * bool(self.jobs)
        events += ["doom"] * bool(self.doomed & set(self.legs)) + ["release"] * bool(
            self.released & set(self.legs)
        )
        events += ["bridged", "bridge_refused", "bridge_nothing"] * (self.bridging is not None)
        events += ["accepts", "refuses"] * (self.screening is not None and self.screening[0] in self.legs)
        events += (
            ["caller_leaves"] * self.caller
            + ["cancel"]
            + ["session_ends"] * (self.session and self.t.phase is not Phase.PENDING)
        )
        events += (
            ["cut"] * (not self.offline)
            + ["back"] * self.offline
            + ["asked"] * (self.question and not self.offline)
        )
        return events

    def happen(self, event: str, pick: int = 0) -> None:
        """Let it happen."""
        self.now += 0.05
        getattr(self, event)(pick)

    def deadline(self, pick: int) -> None:
        if self.t.until:
            self.now = max(self.now, self.t.until)
            if self.music == "playing" and self.now >= self.t.hold_until + LIMIT_GRACE:
                self.music_ends(pick)  # the switch's own limit
            self.tell(f.Deadline(self.now), heard=False)

    def record(self, pick: int) -> None:
        n = self.intents.pop(0)
        self.recorded.add(n)
        self.kept = [kept for kept in self.kept if kept[0].attempt == n]  # all before is in the database
        self.tell(f.IntentRecorded(self.now, n), heard=False)

    def music_starts(self, pick: int) -> None:
        self.music = "playing"
        self.tell(f.HoldStarted(self.now))

    def music_fails(self, pick: int) -> None:
        self.music = "none"
        self.tell(f.HoldFailed(self.now))

    def music_ends(self, pick: int) -> None:
        self.music, self.stopping = "none", False
        self.tell(f.HoldEnded(self.now))

    music_stops = music_ends

    def key(self, pick: int) -> None:
        self.music, self.stopping = "none", False
        self.tell(f.HoldEnded(self.now, "*"))

    def leg_born(self, pick: int) -> None:
        open_jobs = sorted(self.jobs)
        self.born += 1
        leg = Leg(f"leg-{self.born}", open_jobs[pick % len(open_jobs)])
        self.legs[leg.uuid] = leg
        self.tell(f.LegCreated(self.now, leg.attempt, leg.uuid))

    def _leg(self, pick: int) -> Leg:
        legs = sorted(self.legs.values(), key=lambda leg: leg.uuid)
        return legs[pick % len(legs)]

    def rings(self, pick: int) -> None:
        leg = self._leg(pick)
        if not leg.answered:
            self.tell(f.Ringing(self.now, leg.attempt, leg.uuid))

    def answers(self, pick: int) -> None:
        able = [leg for leg in self.legs.values() if not leg.answered and leg.attempt in self.jobs]
        winner = able[pick % len(able)]
        winner.answered = True
        self.jobs.discard(winner.attempt)
        for leg in [leg for leg in self.legs.values() if leg.attempt == winner.attempt and leg is not winner]:
            self._end(leg, "LOSE_RACE")
        self.tell(f.Answered(self.now, winner.attempt, winner.uuid))
        self.tell(f.Answered(self.now, winner.attempt, winner.uuid))  # the job and the park both say it

    def _end(self, leg: Leg, cause: str) -> None:
        del self.legs[leg.uuid]
        if leg.bridged:
            self.tell(f.LegEnded(self.now, leg.attempt, leg.uuid, cause))
            self.tell(f.Unbridged(self.now))
            if self.caller:
                self._caller_gone()
            return
        if self.bridging and self.bridging[0] == leg.uuid:
            self.tell(f.LegEnded(self.now, leg.attempt, leg.uuid, cause))
            self._bridge_came_to_nothing(self.born)
            return
        self.tell(f.LegEnded(self.now, leg.attempt, leg.uuid, cause))

    def leg_ends(self, pick: int) -> None:
        leg = self._leg(pick)
        self._end(leg, "USER_BUSY" if not leg.answered else "NORMAL_CLEARING")
        self._job_without_legs(leg.attempt, "USER_BUSY")

    def doom(self, pick: int) -> None:
        leg = self.legs[sorted(self.doomed & set(self.legs))[0]]
        self._end(leg, "ORIGINATOR_CANCEL")
        self._job_without_legs(leg.attempt, "ORIGINATOR_CANCEL")

    def _job_without_legs(self, n: int, cause: str) -> None:
        """An originate ends with the last of its legs."""
        if n in self.jobs and not any(leg.attempt == n for leg in self.legs.values()):
            self.jobs.discard(n)
            self.tell(f.JobFailed(self.now, n, cause))

    def job_fails(self, pick: int) -> None:
        n = sorted(self.jobs)[pick % len(self.jobs)]
        for leg in [leg for leg in self.legs.values() if leg.attempt == n]:
            self._end(leg, "NO_ANSWER")
        self.jobs.discard(n)
        self.tell(f.JobFailed(self.now, n, "NO_ANSWER"))

    def release(self, pick: int) -> None:
        self._end(self.legs[sorted(self.released & set(self.legs))[0]], "NORMAL_CLEARING")

    def accepts(self, pick: int) -> None:
        assert self.screening is not None
        _, n = self.screening
        self.screening = None
        self.tell(f.Accepted(self.now, n))

    def refuses(self, pick: int) -> None:
        assert self.screening is not None
        _, n = self.screening
        self.screening = None
        self.tell(f.Refused(self.now, n, "callback" if pick % 2 else "reject"))

    def bridged(self, pick: int) -> None:
        assert self.bridging is not None
        uuid, _ = self.bridging
        if uuid not in self.legs or not self.caller:
            self.bridge_refused(pick)
            return
        self.bridging = None
        if self.music != "none":
            self.music, self.stopping = "none", False
            self.tell(f.HoldEnded(self.now))
        self.legs[uuid].bridged = self.has_talked = True
        self.tell(f.Bridged(self.now, uuid))

    def bridge_refused(self, pick: int) -> None:
        assert self.bridging is not None
        _, n = self.bridging
        self.bridging = None
        self.tell(f.BridgeRefused(self.now, n, "-ERR Invalid uuid"))

    def bridge_nothing(self, pick: int) -> None:
        assert self.bridging is not None
        self._bridge_came_to_nothing(pick)

    def _bridge_came_to_nothing(self, pick: int) -> None:
        """The switch took the caller, and there is nobody: it sends them home, or parks them."""
        self.bridging = None
        if not self.caller:
            return
        if self.music != "none":
            self.music, self.stopping = "none", False
            self.tell(f.HoldEnded(self.now))
        self.parked = bool(pick % 2)
        if self.parked:
            self.tell(f.CallerParked(self.now))

    def caller_leaves(self, pick: int) -> None:
        talking = [leg for leg in self.legs.values() if leg.bridged]
        self._caller_gone()
        for leg in talking:
            leg.bridged = False
            self._end(leg, "NORMAL_CLEARING")

    def _caller_gone(self) -> None:
        self.caller, self.music, self.stopping, self.parked = False, "none", False, False
        self.tell(f.CallerEnded(self.now, "NORMAL_CLEARING"))

    def session_ends(self, pick: int) -> None:
        """The end of the music and the end of the session are told by two connections."""
        if pick % 2:
            self._session_gone()
        self.session = False
        self.tell(f.SessionEnded(self.now))
        self._session_gone()

    def _session_gone(self) -> None:
        self.session = False
        if self.protected and self.caller and not any(leg.bridged for leg in self.legs.values()):
            self.gone_on = True
            if self.music == "playing":
                self.music, self.stopping = "none", False
                self.tell(f.HoldEnded(self.now))

    def cancel(self, pick: int) -> None:
        if self.offline:
            self.put_off.append(f.Cancelled(self.now))  # nothing can be done: it waits, as the driver has it
        else:
            self.tell(f.Cancelled(self.now))

    def cut(self, pick: int) -> None:
        self.offline = True
        self.lost_jobs |= self.jobs
        self.tell(f.PbxLost(self.now), heard=False)

    def back(self, pick: int) -> None:
        self._settle_the_bridge(pick)
        self.offline = False
        self.learn(restarted=False)

    def _settle_the_bridge(self, pick: int) -> None:
        """A bridge takes less time than a start or a reconnect; or the command was lost on the way."""
        if self.bridging is not None:
            self.happen(["bridged", "bridge_refused", "bridge_nothing", "bridge_lost"][pick % 4], pick)

    def bridge_lost(self, pick: int) -> None:
        self.bridging = None

    def asked(self, pick: int) -> None:
        self.learn(restarted=False)

    def restart(self, pick: int) -> None:
        """The daemon dies and starts again, with what the database knew: perhaps less than what was done."""
        self.offline = True
        self._settle_the_bridge(pick)
        self.t, reports, self.talks = self.kept[pick % len(self.kept)]
        del self.reports[reports:]
        self.homecomings.clear()  # what the database did not know is done again
        self.intents.clear()
        self.trail.append(f"restarted with {self.t.phase}")
        self.kept = [(self.t, reports, self.talks)]
        self.told_gone = False
        if self.session and pick % 5:  # else the session stands, with a process that sleeps
            self._session_gone()
        self.session = False
        self.learn(restarted=True)

    def learn(self, restarted: bool) -> None:
        """Ask the switch what is so (also what a daemon does that has just started)."""
        self.lost_jobs |= self.jobs if restarted else set()
        self.offline = self.question = False
        state = "CS_PARK" if self.parked else "CS_EXECUTE"
        if any(leg.bridged for leg in self.legs.values()):
            state = "CS_SOFT_EXECUTE"
        hold = str(ID) if self.music == "playing" else ""
        caller = Channel(CALLER, state, True, hold=hold) if self.caller else None
        legs = [self._channel(leg) for leg in self.legs.values()]
        has_session = self.session or self.fallback is not Fallback.DIALPLAN
        for fact in missed_facts(
            self.request, self.t, caller, legs, self.now, restarted, has_session=has_session
        ):
            self.tell(fact, heard=False)
        put_off, self.put_off = self.put_off, []
        for fact in put_off:
            self.tell(fact)

    def _channel(self, leg: Leg) -> Channel:
        state = "CS_EXECUTE" if leg.answered else "CS_CONSUME_MEDIA"
        if leg.bridged:
            return Channel(leg.uuid, "CS_EXCHANGE_MEDIA", True, peer=CALLER, attempt=f"{ID}.{leg.attempt}")
        return Channel(leg.uuid, state, leg.answered, attempt=f"{ID}.{leg.attempt}")
