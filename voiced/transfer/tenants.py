"""Whose call a call is: the PBX says so of each channel, and who asks for a transfer does not.

FusionPBX sets `domain_uuid` and `domain_name` on every call, and routes it in the context that has the
domain's name; a phone that logs in has at least the `domain_name`.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from voiced.pbx.channel import Channel
from voiced.settings import DomainSettings


class Tenants:
    """The domains that share a PBX."""

    def __init__(self, domains: Iterable[DomainSettings]) -> None:
        self._by_name = {domain.name.lower(): domain.uuid for domain in domains}

    def named(self, uuid: str = "", name: str = "", context: str = "") -> UUID | None:
        """The domain that a channel's variables name; None where they name none that is configured."""
        known = [one for one in self._by_name.values() if str(one) == uuid.lower()]
        if uuid:
            return known[0] if known else None
        return self._by_name.get((name or context).lower())

    def owns(self, domain: UUID, channel: Channel, *, strictly: bool) -> bool:
        """Whether a call may be used in a domain's name.

        `strictly`, for who may use this domain's only: the channel has to say so, unless there is no other
        domain and it says nothing. Else it must not say that it is of another.
        """
        context = channel.home.context if channel.home else ""
        named = self.named(channel.domain_uuid, channel.domain_name, context)
        if not strictly:
            return named in (None, domain)
        says_nothing = not (channel.domain_uuid or channel.domain_name)
        return named == domain or (named is None and says_nothing and [*self._by_name.values()] == [domain])
