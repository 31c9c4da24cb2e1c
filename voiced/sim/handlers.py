"""State handlers: what an application wants a channel to do in some states."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .channel import Channel


class Handlers:
    """What to do in some states besides the standard; returning False keeps the standard away."""

    async def on_routing(self, channel: Channel) -> bool:
        return True

    async def on_consume_media(self, channel: Channel) -> bool:
        return True

    async def on_hibernate(self, channel: Channel) -> bool:
        return True

    async def on_reset(self, channel: Channel) -> bool:
        return True

    async def on_soft_execute(self, channel: Channel) -> bool:
        return True

    async def on_exchange_media(self, channel: Channel) -> bool:
        return True
