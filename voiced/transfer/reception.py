"""Every way to ask for a transfer meets here: HTTP, a language model's function call, a call routed in.

An `Ask` says whom the caller wants in their own words (or by id); a `Wish` is what is dialled for it. In
between are the directory, the matcher, opening hours and the rules of settings and secretary.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from voiced.settings import DomainSettings, Settings
from voiced.transfer import wording
from voiced.transfer.destination import Destination
from voiced.transfer.directory import Book, Directory
from voiced.transfer.matching import Default, Found, Match, Nobody, Number, Question
from voiced.transfer.outside import Outside
from voiced.transfer.plan import Rules, all_at_once, one_after_another
from voiced.transfer.refusals import (
    IsAmbiguous,
    NoSuchDestination,
    NoSuchDomain,
    TooManyOutside,
    TransfersDisabled,
)
from voiced.transfer.request import DestinationType
from voiced.transfer.service import Wish
from voiced.transfer.state import Fallback

MOST_CHOICES: Final = 5  # offered to a caller whose phrase names nobody we know


@dataclass(frozen=True, slots=True)
class Ask:
    """Who wants to talk to whom. Several destinations are tried one after another, or ring at once."""

    call_uuid: str
    domain_uuid: UUID
    destinations: tuple[str | UUID, ...] = ("",)  # phrases or ids; '' for whoever is the default
    at_once: bool = False
    secretary_uuid: UUID | None = None
    reason: str = ""
    summary: str = ""
    story_id: UUID | None = None
    is_limited: bool = False  # who asks may use this domain's calls only


class Reception:
    """Makes wishes of asks.

    `can_announce`: there are prompts or a speech engine. `offers_callbacks`: whether a domain promises calls.
    """

    def __init__(
        self, settings: Settings, directory: Directory, outside: Outside, *, can_announce: bool,
        offers_callbacks: Callable[[DomainSettings], Awaitable[bool]],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:  # fmt: skip
        self._settings, self._directory, self._outside = settings, directory, outside
        self._can_announce, self._offers_callbacks, self._now = can_announce, offers_callbacks, now

    async def wish(self, ask: Ask) -> Wish:
        """What an ask comes to.

        Raises TransfersDisabled, NoSuchDomain, NoSuchDestination, IsAmbiguous, CannotBeDialled,
        TooManyOutside, DatabaseIsAway.
        """
        domain = self._domain(ask.domain_uuid)
        if not self._settings.transfer.enabled:
            raise TransfersDisabled(messages=wording.DISABLED)
        book = await self._directory.book(ask.domain_uuid, ask.secretary_uuid)
        if not book.secretary.transfer_enabled:
            raise TransfersDisabled(
                "transfers are switched off for this secretary", messages=wording.DISABLED
            )
        found = list(dict.fromkeys(self._find(one, ask, book) for one in ask.destinations))
        rules, now = self._rules(domain, book), self._now()
        plan = (
            all_at_once(found, book.destinations, rules, now)
            if ask.at_once
            else one_after_another(found, book.destinations, rules, now)
        )
        is_outside = not plan.closed and any(target.is_outside for target in plan.targets[0])
        if is_outside and await self._outside.is_full(ask.domain_uuid):  # counted when it is dialled
            raise TooManyOutside(messages=wording.BUSY_OUTSIDE)
        offers_callback = await self._offers_callbacks(domain)
        is_in_vain = plan.fallback is Fallback.CALLBACK and not offers_callback
        return Wish(
            call_uuid=ask.call_uuid, domain_uuid=ask.domain_uuid, targets=plan.targets, plan=plan.dials,
            reason=ask.reason, summary=ask.summary, secretary_uuid=ask.secretary_uuid, locale=domain.locale,
            story_id=ask.story_id, closed=plan.closed,
            fallback=Fallback.ASSISTANT if is_in_vain else plan.fallback, offers_callback=offers_callback,
            mailbox=plan.mailbox, closed_messages=dict(plan.closed_messages), is_limited=ask.is_limited,
        )  # fmt: skip

    def locale(self, domain: UUID) -> str:
        """The language of a domain. Raises NoSuchDomain."""
        return self._domain(domain).locale

    async def match(self, domain: UUID, secretary: UUID | None, phrase: str) -> Match:
        """Whom a phrase means. Raises NoSuchDomain, DatabaseIsAway."""
        self._domain(domain)
        return (await self._directory.book(domain, secretary)).matcher.match(phrase)

    async def open_now(
        self, domain: UUID, secretary: UUID | None
    ) -> list[tuple[Destination, dict[str, str]]]:
        """All destinations by priority, each with what to say if it is closed. Raises as `match`."""
        self._domain(domain)
        now = self._now()
        book = await self._directory.book(domain, secretary)
        return [(one, one.closed_messages(now)) for one in book.destinations.values()]

    # -- inside -------------------------------------------------------------------------------------------

    def _domain(self, uuid: UUID) -> DomainSettings:
        domain = self._settings.domain_of(uuid)
        if domain is None:
            raise NoSuchDomain
        return domain

    def _find(self, wanted: str | UUID, ask: Ask, book: Book) -> Destination:
        if isinstance(wanted, UUID):
            if wanted not in book.destinations:
                raise NoSuchDestination(field="destination_uuid", messages=wording.nobody([]))
            return book.destinations[wanted]
        match book.matcher.match(wanted):
            case Found(destination) | Default(destination):
                return destination
            case Number(number):
                return Destination(None, ask.domain_uuid, "", DestinationType.EXTENSION, number)
            case Question(options):
                texts = wording.question(options)
                raise IsAmbiguous(texts["pt-BR"], messages=texts, options=_choices(options))
            case Nobody(suggestions):
                groups = (
                    one for one in book.destinations.values() if one.type is not DestinationType.EXTENSION
                )
                choices = suggestions or tuple(groups)[:MOST_CHOICES]
                texts = wording.nobody(choices)
                raise NoSuchDestination(texts["pt-BR"], messages=texts, options=_choices(choices))

    def _rules(self, domain: DomainSettings, book: Book) -> Rules:
        transfer, secretary = self._settings.transfer, book.secretary
        return Rules(
            domain=domain.name, gateway=self._settings.gateway_of(domain), context=domain.context,
            ring_seconds=secretary.ring_timeout_seconds or transfer.ring_timeout_seconds,
            max_retries=transfer.max_retries, retry_delay_seconds=transfer.retry_delay_seconds,
            announce=transfer.announce if secretary.announce is None else secretary.announce,
            can_announce=self._can_announce, screening_seconds=transfer.screening_seconds,
            outside_prefixes=tuple(transfer.outside_prefixes.split()),
        )  # fmt: skip


def _choices(destinations: Iterable[Destination]) -> list[dict[str, Any]]:
    return [
        {"id": one.uuid, "name": one.name, "department": one.department, "destination_type": one.type}
        for one in destinations
    ]
