"""The caller profile: who calls whom, and when things happened; the `Caller-` and `Other-Leg-` headers."""

from __future__ import annotations

import copy

from .wire import Block, Pairs

_TEXTS = (
    ("direction", "Direction"),
    ("logical_direction", "Logical-Direction"),
    ("username", "Username"),
    ("dialplan", "Dialplan"),
    ("caller_id_name", "Caller-ID-Name"),
    ("caller_id_number", "Caller-ID-Number"),
    ("orig_caller_id_name", "Orig-Caller-ID-Name"),
    ("orig_caller_id_number", "Orig-Caller-ID-Number"),
    ("callee_id_name", "Callee-ID-Name"),
    ("callee_id_number", "Callee-ID-Number"),
    ("network_addr", "Network-Addr"),
    ("ani", "ANI"),
    ("rdnis", "RDNIS"),
    ("destination_number", "Destination-Number"),
    ("uuid", "Unique-ID"),
    ("source", "Source"),
    ("transfer_source", "Transfer-Source"),
    ("context", "Context"),
    ("channel_name", "Channel-Name"),
    ("profile_index", "Profile-Index"),
)
_TIMES = (
    ("profile_created", "Profile-Created-Time"),
    ("created", "Channel-Created-Time"),
    ("answered", "Channel-Answered-Time"),
    ("progress", "Channel-Progress-Time"),
    ("progress_media", "Channel-Progress-Media-Time"),
    ("hungup", "Channel-Hangup-Time"),
    ("transferred", "Channel-Transfer-Time"),
    ("resurrected", "Channel-Resurrect-Time"),
    ("bridged", "Channel-Bridged-Time"),
    ("last_hold", "Channel-Last-Hold"),
    ("hold_accum", "Channel-Hold-Accum"),
)


class Profile:
    """One caller profile; times are microseconds since the epoch, 0 for "not yet"."""

    def __init__(self, **texts: str) -> None:
        self.direction = "inbound"
        self.logical_direction = "inbound"
        self.username = ""
        self.dialplan = ""
        self.caller_id_name = ""
        self.caller_id_number = ""
        self.orig_caller_id_name = ""
        self.orig_caller_id_number = ""
        self.callee_id_name = ""
        self.callee_id_number = ""
        self.network_addr = ""
        self.ani = ""
        self.rdnis = ""
        self.destination_number = ""
        self.uuid = ""
        self.source = ""
        self.transfer_source = ""
        self.context = "default"
        self.channel_name = ""
        self.profile_index = ""
        self.profile_created = 0
        self.created = 0
        self.answered = 0
        self.progress = 0
        self.progress_media = 0
        self.hungup = 0
        self.transferred = 0
        self.resurrected = 0
        self.bridged = 0
        self.last_hold = 0
        self.hold_accum = 0
        for name, value in texts.items():
            setattr(self, name, value)
        self._blocks: dict[str, Block] = {}

    def __setattr__(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)
        if name != "_blocks":
            object.__setattr__(self, "_blocks", {})

    def clone(self, *, times: bool = True) -> Profile:
        """A copy as FreeSWITCH makes it: an originator's profile loses its times on the way."""
        twin = copy.copy(self)
        if not times:
            for name, _ in _TIMES:
                setattr(twin, name, 0)
        return twin

    def block(self, prefix: str) -> Block:
        """The headers ``PREFIX-Direction`` … ``PREFIX-Privacy-Hide-Number``; empty texts are left out."""
        block = self._blocks.get(prefix)
        if block is None:
            pairs: Pairs = []
            for name, header in _TEXTS:
                value = getattr(self, name)
                if value and not (name == "profile_index" and prefix == "Other-Leg"):
                    pairs.append((f"{prefix}-{header}", value))
            pairs += [(f"{prefix}-{header}", str(getattr(self, name))) for name, header in _TIMES]
            pairs.append((f"{prefix}-Screen-Bit", "true"))
            pairs.append((f"{prefix}-Privacy-Hide-Name", "false"))
            pairs.append((f"{prefix}-Privacy-Hide-Number", "false"))
            block = self._blocks[prefix] = Block(pairs)
        return block
