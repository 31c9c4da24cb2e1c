"""What the far end of a leg hears, and who it talks to: how a test proves that nobody is left on hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .sip import SipEndpoint

if TYPE_CHECKING:
    from .channel import Channel
    from .phones import Party


def hears(channel: Channel | None) -> str:
    """``music``, ``assistant``, ``tone``, ``prompt FILE``, ``leg UUID``, ``silence``, or ``nothing``.

    ``assistant`` is the endless silence that the dialplan plays while an assistant talks through an audio
    fork (extension 8000); ``leg`` is the leg it is bridged to; ``silence`` a leg that waits, e.g. parked;
    ``nothing`` means that there is no call.
    """
    if channel is None or channel.down:
        return "nothing"
    if channel.sounds:
        sound = channel.sounds[-1]
        if sound.endless_silence:
            return "assistant"
        return f"prompt {sound.path}" if sound.kind == "prompt" else sound.kind
    peer = talking_with(channel)
    return f"leg {peer.uuid}" if peer else "silence"


def talking_with(channel: Channel) -> Channel | None:
    """The leg whose audio this one gets: bridged, and neither side busy with something else."""
    if channel.audio is None or not channel.flags.bridged:
        return None
    peer = channel.audio.peer
    busy = peer.sounds or any(one.flags.suspend or one.flags.hold for one in (channel, peer))
    return None if busy or peer.audio is None or peer.down else peer


def far_party(channel: Channel | None) -> Party | None:
    """The party at the other end, found through any number of loopback pairs."""
    for _ in range(16):
        peer = talking_with(channel) if channel is not None and not channel.down else None
        if peer is None:
            return None
        if isinstance(peer.endpoint, SipEndpoint):
            return peer.endpoint.party
        channel = peer.endpoint.other_side(peer)
    return None
