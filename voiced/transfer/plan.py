"""From a destination to the attempts of a transfer: what is dialled, in what order, for how long, and then.

Retries follow their destination, after its delay and only if its ending may mend. A destination whose
fallback is another one is followed by it in the same transfer. One that is closed is not dialled; if all
are, nobody is, and the caller hears when it opens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain as chained
from typing import Final
from uuid import UUID

from voiced.transfer.causes import Ending, Status
from voiced.transfer.destination import Destination, FallbackAction
from voiced.transfer.refusals import CannotBeDialled
from voiced.transfer.request import DestinationType, Target
from voiced.transfer.state import Dial, Fallback

LONGEST_CHAIN: Final = 5  # destinations one after another: a chain that is longer is a circle, or a mistake
_ANSWER_AT_ONCE: Final = (DestinationType.QUEUE, DestinationType.VOICEMAIL)
CLOSED: Final = Ending(Status.UNAVAILABLE, "CLOSED", ended_by="voiced")

_FALLBACKS: Final = {
    FallbackAction.ASSISTANT: Fallback.ASSISTANT,
    FallbackAction.NEXT: Fallback.ASSISTANT,  # when there is no next one
    FallbackAction.VOICEMAIL: Fallback.VOICEMAIL,
    FallbackAction.CALLBACK: Fallback.CALLBACK,
    FallbackAction.HANGUP: Fallback.HANGUP,
}


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings, the domain and the secretary say for every destination. Times are seconds."""

    domain: str  # its name
    gateway: str = "default"  # these two unless a destination says otherwise
    context: str = ""  # '' for the domain's name
    ring_seconds: float = 30.0  # these three unless a destination says otherwise
    max_retries: int = 0
    retry_delay_seconds: float = 5.0
    announce: bool = True  # unless a destination says otherwise
    can_announce: bool = True  # there are prompts or a speech engine
    screening_seconds: float = 20.0  # for announcement and key together
    outside_prefixes: tuple[str, ...] = ()  # of numbers outside that may be dialled; () for all


@dataclass(frozen=True, slots=True)
class Plan:
    """`targets` and `dials` go together, one entry an attempt."""

    targets: tuple[tuple[Target, ...], ...]
    dials: tuple[Dial, ...]
    fallback: Fallback = Fallback.ASSISTANT  # of the last destination, whichever is tried last
    mailbox: Target | None = None  # where a fallback to voicemail leads
    closed: Ending | None = None
    closed_messages: Mapping[str, str] = field(default_factory=dict)


def one_after_another(
    asked: Sequence[Destination], others: Mapping[UUID, Destination], rules: Rules, now: datetime
) -> Plan:
    """The destinations asked for, each with its retries and whatever its fallback names.

    Raises CannotBeDialled.
    """
    wanted = dict.fromkeys(chained.from_iterable(_chain(one, others) for one in asked))
    chain = [one for one in wanted if one in asked or _is_allowed(_target(one, rules), rules)][:LONGEST_CHAIN]
    is_open = [one for one in chain if one.is_open(now)]
    targets, dials = list[tuple[Target, ...]](), list[Dial]()
    for destination in is_open or chain[:1]:
        attempts = _attempts(destination, rules)
        targets += [(target_of(destination, rules),)] * len(attempts)
        dials += attempts
    fallback = _FALLBACKS[chain[-1].fallback_action]
    box = _box(chain[-1], others, rules) if fallback is Fallback.VOICEMAIL else None
    if fallback is Fallback.VOICEMAIL and box is None:
        fallback = Fallback.ASSISTANT
    if is_open:
        return Plan(tuple(targets), tuple(dials), fallback, box)
    return Plan((targets[0],), tuple(dials[:1]), fallback, box, CLOSED, chain[0].closed_messages(now))


def all_at_once(
    chosen: Sequence[Destination], others: Mapping[UUID, Destination], rules: Rules, now: datetime
) -> Plan:
    """Several that ring together, once; who answers first has it. If nobody does, the assistant goes on.

    A queue or a box answers at once, in nobody's name, so it cannot ring with others. Raises CannotBeDialled.
    """
    is_open = [one for one in chosen if one.is_open(now)]
    if not chosen:
        raise CannotBeDialled("no destination is named")
    if len(is_open) < 2:
        return one_after_another(chosen, others, rules, now)
    if any(one.type in _ANSWER_AT_ONCE for one in is_open):
        raise CannotBeDialled("a queue or a box cannot ring together with others: it answers at once")
    longest = max(_ring_seconds(one, rules) for one in is_open)
    asked = max(_screening(one, rules) for one in is_open)
    with_key = any(one.screening for one in is_open)
    targets = tuple(target_of(one, rules) for one in is_open)
    return Plan((targets,), (Dial(longest, screening_seconds=asked, with_key=with_key),))


def target_of(destination: Destination, rules: Rules) -> Target:
    """A destination as it is dialled. Raises CannotBeDialled."""
    target = _target(destination, rules)
    if not _is_allowed(target, rules):
        raise CannotBeDialled(f"{target.number} may not be dialled: its prefix is not allowed here")
    return target


def _target(destination: Destination, rules: Rules) -> Target:
    return Target(
        destination.name, destination.type, destination.number, rules.domain, destination.uuid,
        destination.context or rules.context, destination.gateway or rules.gateway,
        announce=_is_announced(destination, rules), screening=destination.screening,
    )  # fmt: skip


def _box(destination: Destination, others: Mapping[UUID, Destination], rules: Rules) -> Target | None:
    """The box that its fallback to voicemail names, as another destination, or its own.

    None for a number outside that names no box, and for what cannot be dialled.
    """
    target = _target(destination, rules)
    named = others.get(destination.fallback_destination_uuid or UUID(int=0))
    if named is None and target.is_outside:
        return None
    box = replace(target, type=DestinationType.VOICEMAIL, number=named.number if named else target.number)
    return box if box.is_diallable else None


def _chain(first: Destination, others: Mapping[UUID, Destination]) -> list[Destination]:
    chain = [first]
    while len(chain) < LONGEST_CHAIN and chain[-1].fallback_action is FallbackAction.NEXT:
        following = others.get(chain[-1].fallback_destination_uuid or UUID(int=0))
        if following is None or not following.is_enabled or following in chain:
            break
        chain.append(following)
    return chain


def _attempts(destination: Destination, rules: Rules) -> list[Dial]:
    first = Dial(
        _ring_seconds(destination, rules), screening_seconds=_screening(destination, rules),
        with_key=destination.screening,
    )  # fmt: skip
    delay, retries = destination.retry_delay_seconds, destination.max_retries
    again = replace(first, delay_seconds=rules.retry_delay_seconds if delay is None else delay, is_retry=True)
    return [first, *[again] * (rules.max_retries if retries is None else retries)]


def _ring_seconds(destination: Destination, rules: Rules) -> float:
    own = destination.ring_timeout_seconds
    return rules.ring_seconds if own is None else own


def _screening(destination: Destination, rules: Rules) -> float:
    told = destination.screening or _is_announced(destination, rules)
    return rules.screening_seconds if told else 0.0


def _is_announced(destination: Destination, rules: Rules) -> bool:
    """Not to a voicemail box, which would record it."""
    wanted = rules.announce if destination.announce is None else destination.announce
    return wanted and rules.can_announce and destination.type is not DestinationType.VOICEMAIL


def _is_allowed(target: Target, rules: Rules) -> bool:
    prefixes = tuple(prefix.lstrip("+") for prefix in rules.outside_prefixes)
    return not (prefixes and target.is_outside) or target.number.lstrip("+").startswith(prefixes)
