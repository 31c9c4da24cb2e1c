"""Whom a phrase means: one destination, several to ask about, the default, an extension's number, or nobody.

    phrase ─ heard ─→ words ─ parse ─→ parts with roles ─ Candidates ─→ who explains what ─ Judge ─→ a verdict

Parts are judged in the order of their roles: whom `quero falar com` names goes before whom the phrase only
mentions. Who is denied is never found, and not the default either. A name that fits nobody is nobody, never
the default: a wrong person is worse than a question, and a question is worse than the right person.

Pure: no clock, no I/O. `Matcher(destinations)` prepares; `match(phrase)` takes well under two milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

from voiced.transfer.destination import Destination
from voiced.transfer.matching.denied import Denied
from voiced.transfer.matching.judge import MOST_OPTIONS, MOST_SUGGESTIONS, Judge, Judged, Stranger
from voiced.transfer.matching.lexicon import Lexicon
from voiced.transfer.matching.parts import Part, Role, alternatives
from voiced.transfer.matching.phrase import parse
from voiced.transfer.matching.spoken import PAUSE, heard
from voiced.transfer.matching.verdicts import Default, Found, Match, Nobody, Number, Question
from voiced.transfer.matching.vocabulary import GENERICS, LINKS
from voiced.transfer.request import DestinationType

__all__ = ["Default", "Found", "Match", "Matcher", "Nobody", "Number", "Question"]

LONGEST: Final = 500  # characters of a phrase that are looked at
_MOST_WORDS: Final = 90
_MOST_WISHES: Final = 4  # the last of them
_MOST_OTHERS: Final = 4  # the first of them
_MOST_ALTERNATIVES: Final = 4
_MOST_DENIALS: Final = 6
_WISHES: Final = (Role.CONTACT, Role.WISH)
_BESIDE_A_WISH: Final = (Role.PLAIN, Role.TALKED, Role.OPENING)


class Matcher:
    """Matches phrases against one directory."""

    def __init__(self, destinations: Sequence[Destination]) -> None:
        self._all = tuple(sorted(destinations, key=lambda one: one.priority))
        self._lexicon = Lexicon(self._all)
        self._judge = Judge(self._all, self._lexicon)
        defaults = [at for at, one in enumerate(self._all) if one.is_default]
        self._default = min(
            defaults,
            key=lambda at: (self._all[at].secretary_uuid is None, self._all[at].priority),
            default=None,
        )

    def match(self, phrase: str) -> Match:
        """Whom the phrase means."""
        said = heard(phrase[:LONGEST], self._lexicon.names)[:_MOST_WORDS]
        parts = parse(said, cache(self._lexicon.is_known))
        denials = [side for part in parts if part.role is Role.DENIED for side in alternatives(part.words)]
        if len(denials) > _MOST_DENIALS:
            return Nobody()
        denied = Denied()
        for said in denials:
            self._judge.deny(said, denied)
        return self._wanted(parts, denied)

    # -- inside -------------------------------------------------------------------------------------------

    def _wanted(self, parts: list[Part], denied: Denied) -> Match:
        """Of the parts as they are believed, the first that means somebody who may be meant."""
        suggestions: list[Destination] = []
        is_named = is_for_anybody = False
        for part in _in_order(parts):
            judged = self._part(part, denied)
            if judged is None and part.role in _WISHES:
                is_for_anybody |= self._asks_for_anybody(part)
            if is_for_anybody and part.role in _BESIDE_A_WISH and _is_person(judged):
                continue  # `oi Mariana, quero falar com um atendente`
            if isinstance(judged, Found | Question | Number) and part.role < Role.MENTIONED:
                return judged
            if isinstance(judged, Nobody):
                suggestions += judged.suggestions
                is_named |= part.role < Role.REASON
            if isinstance(judged, Stranger) and part.role in (*_WISHES, Role.PLAIN):
                return Nobody(_first(suggestions))
        if is_named and not any(map(self._asks_for_anybody, parts)):
            return Nobody(_first(suggestions))
        if self._default is not None and self._default not in denied.called:
            return Default(self._all[self._default])
        others = [one for at, one in enumerate(self._all) if at not in denied.called] if denied.called else []
        return Nobody(_first([*suggestions, *others]))

    def _part(self, part: Part, denied: Denied) -> Judged:
        """`X ou Y` is asked about, unless only one of them is there."""
        sides = alternatives(part.words)[:_MOST_ALTERNATIVES]
        judged = [self._judge.judge(side, part.role, denied) for side in sides]
        if len(judged) == 1:
            return judged[0]
        options: dict[Destination, None] = {}
        for one in judged:
            if isinstance(one, Found):
                options[one.destination] = None
            elif isinstance(one, Question):
                options |= dict.fromkeys(one.options)
        if len(options) > 1:
            return Question(tuple(options)[:MOST_OPTIONS])
        if any(isinstance(one, Number) for one in judged):
            return Nobody(tuple(options))  # nobody can be asked about a number
        return next((one for one in judged if isinstance(one, Found)), judged[0])

    def _asks_for_anybody(self, part: Part) -> bool:
        """`me passa pra uma pessoa`, and not `uma pessoa chamada Ricardo` or `alguém da manutenção`."""
        said = part.words
        at = next((at for at, word in enumerate(said) if word.text in GENERICS), len(said))
        telling = [place for place in range(at + 1, len(said)) if said[place].says]
        names = any(said[place - 1].text in LINKS or self._lexicon.is_name(said[place]) for place in telling)
        return at < len(said) and not names


def _first(suggestions: list[Destination]) -> tuple[Destination, ...]:
    return tuple(dict.fromkeys(suggestions))[:MOST_SUGGESTIONS]


def _is_person(judged: Judged) -> bool:
    return isinstance(judged, Found) and judged.destination.type is DestinationType.EXTENSION


def _in_order(parts: list[Part]) -> list[Part]:
    """The parts as they are believed: by their role, and of wishes the last first."""
    wishes = [part for part in reversed(parts) if part.role in _WISHES]
    plain = [word for part in parts if part.role is Role.PLAIN for word in (*part.words, PAUSE)]
    others = [part for part in parts if Role.PLAIN < part.role <= Role.MENTIONED]
    believed = [*wishes[:_MOST_WISHES], Part(Role.PLAIN, plain), *others[:_MOST_OTHERS]]
    return sorted(believed, key=lambda part: part.role)
