"""The dialplan: contexts, extensions and their actions; as default that of `shared/live/freeswitch.xml`."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .messages import Action, Extension
from .uuid_bridge import set_extension

if TYPE_CHECKING:
    from .channel import Channel

ASSISTANT = "silence_stream://-1"
"""What stands for an assistant that talks: a playback which never ends by itself."""


@dataclass
class Rule:
    """One extension: a pattern for the destination number, and actions; ``$1`` is what the pattern caught.

    `unless` names a variable: with it set the extension does not match. An extension that `continues` lets
    later ones add their actions to its own.
    """

    name: str
    pattern: str
    actions: list[tuple[str, str]]
    unless: str = ""
    continues: bool = False


@dataclass
class Dialplan:
    """Extensions by context; the context of a FusionPBX domain is the domain's name."""

    contexts: dict[str, list[Rule]] = field(default_factory=dict)

    def add(
        self, context: str, name: str, pattern: str, *actions: tuple[str, str],
        first: bool = False, unless: str = "", continues: bool = False,
    ) -> None:  # fmt: skip
        """Add an extension at the end of a context, or at its beginning."""
        rules = self.contexts.setdefault(context, [])
        rules.insert(0 if first else len(rules), Rule(name, pattern, list(actions), unless, continues))

    def find(self, channel: Channel) -> Extension | None:
        """The extension for a channel's destination, its actions filled in."""
        profile = channel.profile
        assert profile is not None
        if profile.dialplan.lower() == "inline":
            return self._inline(channel, profile.destination_number)
        found = None
        for rule in self.contexts.get(profile.context, []):
            match = re.search(rule.pattern, profile.destination_number)
            if not match or channel.variables.get(rule.unless):
                continue
            found = found or Extension(rule.name, deque())
            found.actions.extend(Action(app, _fill(data, match) or None) for app, data in rule.actions)
            if not rule.continues:
                break
        if found is not None:
            set_extension(channel)
        return found

    @staticmethod
    def _inline(channel: Channel, text: str) -> Extension:
        actions: deque[Action] = deque()
        for part in text.split(","):
            app, _, data = part.partition(":")
            actions.append(Action(app, data or None))
        set_extension(channel)
        return Extension("inline", actions)


def _fill(data: str, match: re.Match[str]) -> str:
    return re.sub(r"\$(\d)", lambda m: match.group(int(m[1])) if int(m[1]) <= match.re.groups else "", data)


def default_dialplan(domain: str, socket: str = "127.0.0.1:8084") -> Dialplan:
    """The extensions 8000, 8001, 8002, 8100, 8101…, 9000, 5001, 10xx and voicemail, in two contexts.

    They are in `default` and in the context named like the domain, as FusionPBX has it.
    """
    plan = Dialplan()
    outbound = ("socket", f"{socket} async full")
    beep = ("playback", "tone_stream://%(100,0,800);loops=-1")
    for context in dict.fromkeys(("default", domain)):
        plan.add(
            context,
            "secretary_parked",
            "^8000$",
            ("answer", ""),
            ("set", "hangup_after_bridge=false"),
            ("playback", ASSISTANT),
        )
        plan.add(context, "secretary_then_tone", "^8002$", ("answer", ""), ("playback", ASSISTANT), beep)
        plan.add(context, "parked", "^8001$", ("answer", ""), ("park", ""))
        plan.add(context, "outbound_socket", "^(8100|secretary)$", outbound)
        plan.add(
            context,
            "routed_in",
            r"^8101(\d\d\d\d)$",
            ("answer", ""),
            ("set", "voiced_destination=ramal $1"),
            ("set", "voiced_domain_uuid=11111111-1111-4111-8111-111111111111"),
            outbound,
            beep,
        )
        plan.add(
            context,
            "ring_group",
            "^9000$",
            ("export", "nolocal:absolute_codec_string=PCMU"),
            ("bridge", f"user/1001@{domain},user/1003@{domain}"),
        )
        plan.add(context, "queue", "^5001$", ("answer", ""), ("callcenter", f"5001@{domain}"))
        plan.add(context, "local", r"^(10\d\d)$", ("set", "call_timeout=20"), ("bridge", f"user/$1@{domain}"))
        plan.add(context, "voicemail", r"^\*99(\d+)$", ("answer", ""), ("voicemail", f"default {domain} $1"))
    return plan
