"""Endpoints: what is at the other end of a channel, as far as the core must know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .wire import Block, Pairs

if TYPE_CHECKING:
    from .channel import Channel
    from .sounds import Sound


def codec_block(name: str, rate: int, bits: int) -> Block:
    """The headers ``Channel-Read-Codec-…`` and ``Channel-Write-Codec-…``."""
    pairs: Pairs = []
    for way in ("Read", "Write"):
        pairs.append((f"Channel-{way}-Codec-Name", name))
        pairs.append((f"Channel-{way}-Codec-Rate", str(rate)))
        pairs.append((f"Channel-{way}-Codec-Bit-Rate", str(bits)))
    return Block(pairs)


class Endpoint:
    """The base: an end that does nothing. Every method is told by the channel's own task or by `hangup`."""

    codec = codec_block("PCMU", 8000, 64000)

    def on_init(self, channel: Channel) -> None:
        """The channel has just begun; an outbound one calls its far end now."""

    def on_hangup(self, channel: Channel) -> None:
        """The channel ends: the far end is told."""

    def ring(self, channel: Channel) -> None:
        """An inbound caller is told that it rings (SIP 180)."""

    def progress(self, channel: Channel) -> None:
        """An inbound caller is given audio before the answer (SIP 183)."""

    def answer(self, channel: Channel) -> None:
        """An inbound caller is answered (SIP 200)."""

    def send_digit(self, channel: Channel, digit: str) -> None:
        """The far end is sent a DTMF digit."""

    def hears(self, channel: Channel, sound: Sound) -> None:
        """A file begins to play to the far end."""

    def bridged(self, channel: Channel, peer: Channel) -> None:
        """The channel's audio is now another channel's."""

    def unbridged(self, channel: Channel) -> None:
        """The channel's audio is its own again."""

    def display(self, channel: Channel, name: str, number: str) -> None:
        """The far end is told who is at the other end of the bridge."""

    def other_side(self, channel: Channel) -> Channel | None:
        """The other half of a loopback pair; None for a real end."""
        return None
