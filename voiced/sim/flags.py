"""The flags of a channel (`CF_…`)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Flags:
    """The channel flags (`CF_…`) that decide what a leg does next."""

    answered: bool = False
    early_media: bool = False
    ring_ready: bool = False
    transfer: bool = False
    redirect: bool = False
    bridged: bool = False
    bridge_originator: bool = False
    uuid_bridge_originator: bool = False
    originating: bool = False
    dialplan: bool = False
    broadcast: bool = False
    stop_broadcast: bool = False
    break_: int = 0
    """1 ends the file that plays, 2 all of them."""
    controlled: bool = False
    park: bool = False
    suspend: bool = False
    hold: bool = False
    divert_events: bool = False
    event_lock: int = 0
    event_lock_pri: int = 0
