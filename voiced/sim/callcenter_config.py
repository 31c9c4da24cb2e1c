"""The api command `callcenter_config`: agents and the queues they serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .callcenter import Agent, CallCenter

if TYPE_CHECKING:
    from .api import Command
    from .switch import Switch

INVALID = "-ERR Invalid!\n"


def callcenter_config(switch: Switch, argument: str) -> str:
    """``agent add|set|del …`` and ``tier add|del QUEUE AGENT``."""
    what, verb, *rest = [*argument.split(), "", ""]
    rest = [word for word in rest if word]
    handler = {"agent": _agent, "tier": _tier}.get(what)
    return handler(switch.callcenter, verb, rest) if handler else INVALID


def _agent(center: CallCenter, verb: str, words: list[str]) -> str:
    if verb == "add" and words:
        agent = center.agents[words[0]] = Agent(words[0], words[1] if len(words) > 1 else "callback")
        about = [("CC-Agent", agent.name), ("CC-Agent-Type", agent.kind), ("CC-Action", "agent-add")]
        center.say([*about])
        return "+OK\n"
    if verb == "set" and len(words) >= 3:
        return _set(center, words[0], words[1], " ".join(words[2:]))
    if verb == "del" and words:
        center.agents.pop(words[0], None)
        return "+OK\n"
    return INVALID


def _set(center: CallCenter, field: str, name: str, value: str) -> str:
    agent = center.agents.get(name)
    if agent is None:
        return "-ERR Invalid Agent not found!\n"
    if field == "state":
        center.set_state(agent, value)
    elif field in ("contact", "status"):
        setattr(agent, field, value)
        about = [("CC-Agent", name), ("CC-Action", f"agent-{field}-change")]
        center.say([*about, (f"CC-Agent-{field.capitalize()}", value)])
    center.look()
    return "+OK\n"


def _tier(center: CallCenter, verb: str, words: list[str]) -> str:
    if len(words) < 2 or verb not in ("add", "del"):
        return INVALID
    tier = words[0], words[1]
    center.tiers = [one for one in center.tiers if one != tier]
    if verb == "add":
        center.tiers.append(tier)
        center.look()
    return "+OK\n"


COMMANDS: dict[str, Command] = {"callcenter_config": callcenter_config}
