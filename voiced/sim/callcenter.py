"""A queue with agents (mod_callcenter), as far as the recordings `transfer_queue_*` show it.

The queue itself answers and plays music; a person took the call when `callcenter::info` says
`bridge-agent-start`. Agents are offered the member that waits longest, one agent after the other.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .clock import Waiter
from .originate import Dial, originate
from .playback import Status, play_file
from .uuid_bridge import uuid_bridge
from .wire import Pairs

if TYPE_CHECKING:
    from .channel import Channel
    from .switch import Switch

SUBCLASS = "callcenter::info"
OFFER_DELAY = 0.04
"""Seconds of media time between a member's arrival and the offer to an agent."""
RETRY = 1.0
"""Seconds of media time before an agent who did not take a member is offered one again."""
BRIDGE_LIMIT = 3.0
"""Real seconds for the agent's leg to be bridged."""


@dataclass
class Agent:
    """Somebody who takes calls from queues, when `Available` and `Waiting`."""

    name: str
    kind: str = "callback"
    contact: str = ""
    status: str = "Logged Out"
    state: str = "Waiting"
    not_before: float = 0.0
    """The loop's time before which no member is offered."""

    @property
    def free(self) -> bool:
        return self.state == "Waiting" and self.status.startswith("Available")


@dataclass
class Member:
    """A channel that waits in a queue."""

    uuid: str
    queue: str
    channel: Channel
    joined: int
    serving: Agent | None = None
    taken: bool = False
    """Whether an agent has answered for it."""
    gone: bool = False

    @property
    def about(self) -> Pairs:
        profile = self.channel.profile
        return [
            ("CC-Member-UUID", self.uuid),
            ("CC-Member-Session-UUID", self.channel.uuid),
            ("CC-Member-CID-Name", profile.caller_id_name if profile else ""),
            ("CC-Member-CID-Number", profile.caller_id_number if profile else ""),
        ]

    def action(self, action: str) -> Pairs:
        return [("CC-Queue", self.queue), ("CC-Action", action)]


@dataclass
class CallCenter:
    """Queues, agents and tiers; configured by the api command `callcenter_config` or by `agent`."""

    switch: Switch
    music: str = "local_stream://moh"
    agents: dict[str, Agent] = field(default_factory=dict)
    tiers: list[tuple[str, str]] = field(default_factory=list)
    """Which queue has which agent."""
    members: list[Member] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._news = Waiter(self.switch.clock)
        self._offering = False

    def agent(self, name: str, queue: str, contact: str) -> Agent:
        """Add an agent who is available in a queue."""
        agent = self.agents[name] = Agent(name, contact=contact, status="Available")
        self.tiers.append((queue, name))
        return agent

    # ---- the application ---------------------------------------------------------------------------------

    async def enter(self, channel: Channel, queue: str) -> None:
        """The application `callcenter`: music until an agent takes the member, or it leaves."""
        member = Member(self.switch.new_uuid(), queue, channel, _now())
        self.members.append(member)
        channel.variables.set("cc_side", "member")
        channel.variables.set("cc_member_uuid", member.uuid)
        self._say_of(channel, member.action("member-queue-start"), member.about)
        self._count(queue)
        self.look()
        while channel.ready and await play_file(channel, self.music) is not Status.FALSE:
            if self.switch.sounds.open(self.music) is None:
                await channel.read_frame()
        if not member.taken:
            member.gone = True
            times: Pairs = [
                ("CC-Member-Leaving-Time", str(_now())),
                ("CC-Member-Joined-Time", str(member.joined)),
                ("CC-Cause", "Cancel"),
                ("CC-Cancel-Reason", "BREAK_OUT" if channel.down else "NONE"),
            ]
            self._say_of(channel, member.action("member-queue-end"), times, member.about)
            self.members.remove(member)
            channel.kick()
        self._count(queue)

    # ---- agents ------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Something has changed: see whether somebody can be offered a member."""
        if not self._offering:
            self._offering = True
            self.switch.spawn(self._offer())
        self._news.kick()

    async def _offer(self) -> None:
        again: float | None = None
        while True:
            await self._news.idle(again)
            await self.switch.clock.media(OFFER_DELAY)
            again = self._offer_all()

    def _offer_all(self) -> float | None:
        """Offer every waiting member to a free agent; returns when to look again without being told to."""
        again: float | None = None
        for member in self.members:
            for name in [name for queue, name in self.tiers if queue == member.queue]:
                agent = self.agents.get(name)
                if member.serving is not None or member.gone or agent is None or not agent.free:
                    continue
                if agent.not_before > self.switch.clock.now():
                    again = min(agent.not_before, again or agent.not_before)
                    continue
                member.serving = agent
                self.set_state(agent, "Receiving")
                self.switch.spawn(self._serve(agent, member))
        return again

    async def _serve(self, agent: Agent, member: Member) -> None:
        """Ring one agent for one member, and stay with them to the end of the talk."""
        called = _now()
        who: Pairs = [
            ("CC-Agent", agent.name),
            ("CC-Agent-Type", agent.kind),
            ("CC-Agent-System", "single_box"),
        ]
        self.say([*member.action("agent-offering"), *who, *member.about])
        member.channel.lock()
        try:
            leg = await self._ring(agent, member, called)
            if leg is not None:
                if member.gone:
                    leg.hangup("ORIGINATOR_CANCEL")
                else:
                    await self._talk(agent, member, leg, called)
                leg.unlock()
        finally:
            member.channel.unlock()
        self.set_state(agent, "Waiting")
        self.look()

    async def _ring(self, agent: Agent, member: Member, called: int) -> Channel | None:
        """Dial the agent; returns the answered leg, locked."""
        profile = member.channel.profile
        variables = {
            "cc_queue": member.queue,
            "cc_member_uuid": member.uuid,
            "cc_member_session_uuid": member.channel.uuid,
            "cc_agent": agent.name,
            "cc_side": "agent",
            "loopback_bowout": "false",
            "ignore_early_media": "true",
            "origination_caller_id_name": profile.caller_id_name if profile else "",
            "origination_caller_id_number": profile.caller_id_number if profile else "",
        }

        def cancelled() -> str:
            return member.channel.hangup_cause or ("ORIGINATOR_CANCEL" if member.gone else "")

        waiter = Waiter(self.switch.clock)
        member.channel.watchers.add(waiter)
        try:
            outcome = await originate(
                Dial(self.switch, agent.contact, variables=variables, waiter=waiter, cancelled=cancelled)
            )
        finally:
            member.channel.watchers.discard(waiter)
        if outcome.leg is None:
            why: Pairs = [
                ("CC-Hangup-Cause", outcome.cause),
                ("CC-Agent", agent.name),
                ("CC-Agent-System", "single_box"),
                ("CC-Agent-Called-Time", str(called)),
                ("CC-Agent-Aborted-Time", str(_now())),
            ]
            joined: Pairs = [("CC-Member-Joined-Time", str(member.joined))]
            self.say([*member.action("bridge-agent-fail"), *why, *member.about, *joined])
            member.serving = None
            agent.not_before = self.switch.clock.now() + RETRY * self.switch.clock.pace
        return outcome.leg

    async def _talk(self, agent: Agent, member: Member, leg: Channel, called: int) -> None:
        channel = member.channel
        who: Pairs = [
            ("CC-Agent", agent.name),
            ("CC-Agent-System", "single_box"),
            ("CC-Agent-UUID", leg.uuid),
        ]
        times: Pairs = [
            ("CC-Agent-Called-Time", str(called)),
            ("CC-Agent-Answered-Time", str(_now())),
        ]
        joined: Pairs = [("CC-Member-Joined-Time", str(member.joined))]
        self._say_of(leg, member.action("bridge-agent-start"), who, times, joined, member.about)
        member.taken = True
        channel.variables.set("cc_agent_found", "true")
        channel.variables.set("cc_agent_uuid", leg.uuid)
        bridged = await self._bridge(agent, member, leg)
        await Waiter(self.switch.clock).until(lambda: leg.down, leg)
        await self.switch.clock.to_tick()  # mod_callcenter looks now and then whether the agent's leg is up
        success: Pairs = [("CC-Hangup-Cause", "SUCCESS")]
        how: Pairs = [("CC-Agent-Bridged", "true" if bridged else "false")]
        ended: Pairs = [("CC-Bridge-Terminated-Time", str(_now()))]
        end = member.action("bridge-agent-end")
        self._say_of(leg, end, success, who, how, times, joined, ended, member.about)
        cause: Pairs = [("CC-Cause", "Terminated")]
        leaving: Pairs = [("CC-Member-Leaving-Time", str(_now()))]
        over = member.action("member-queue-end")
        self._say_of(channel, over, success, cause, who, times, leaving, joined, member.about)
        self.members.remove(member)

    async def _bridge(self, agent: Agent, member: Member, leg: Channel) -> bool:
        channel = member.channel
        if not uuid_bridge(self.switch, channel.uuid, leg.uuid):
            leg.hangup("ORIGINATOR_CANCEL")
            return False
        waiter = Waiter(self.switch.clock)
        await waiter.until(lambda: leg.flags.bridged or leg.down, leg, channel, timeout=BRIDGE_LIMIT)
        if not leg.down:
            self.set_state(agent, "In a queue call")
        return leg.flags.bridged

    # ---- events ------------------------------------------------------------------------------------------

    def say(self, pairs: Pairs) -> None:
        """Fire an event of no channel."""
        self.switch.events.fire("CUSTOM", subclass=SUBCLASS, extra=pairs)

    @staticmethod
    def _say_of(channel: Channel, *parts: Pairs) -> None:
        pairs = [pair for part in parts for pair in part]
        channel.fire("CUSTOM", after=pairs, subclass=SUBCLASS)

    def set_state(self, agent: Agent, state: str) -> None:
        agent.state = state
        about: Pairs = [("CC-Agent", agent.name), ("CC-Action", "agent-state-change")]
        self.say([*about, ("CC-Agent-State", state)])

    def _count(self, queue: str) -> None:
        waiting = sum(1 for member in self.members if member.queue == queue)
        about: Pairs = [("CC-Queue", queue), ("CC-Action", "members-count"), ("CC-Count", str(waiting))]
        self.say([*about, ("CC-Selection", "Single-Queue")])


def _now() -> int:
    return int(time.time())
