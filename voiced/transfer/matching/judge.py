"""A verdict over the words of one part: who explains them best, and whether that is enough to call them.

Whoever explains most words wins (`a Maria do financeiro` is not the department); of those that explain as
much, what fits exactly goes before what fits nearly, in the order alias, name, department, number, role; then
the priority decides, and those that are still equal are asked about. So is a name that the winner leaves
unexplained: a wrong person is worse than a question.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

from rapidfuzz import fuzz, process

from voiced.transfer.destination import Destination
from voiced.transfer.matching.candidates import (
    EQUAL,
    EXACT,
    IN_PART,
    NEARLY,
    PART_OF_DEPARTMENT,
    Candidate,
    Candidates,
    telling_places,
)
from voiced.transfer.matching.denied import Denied
from voiced.transfer.matching.lexicon import Field, Lexicon
from voiced.transfer.matching.parts import Role, Words
from voiced.transfer.matching.spoken import EXTENSION, SHORTEST_NUMBER, Word
from voiced.transfer.matching.verdicts import Found, Nobody, Number, Question
from voiced.transfer.matching.vocabulary import ARTICLES, LINKS, NEXT_TO_NAMES, POSTS, TITLES, TOWARDS
from voiced.transfer.request import DestinationType

_NEAR: Final = 0.15  # of explained words: what is as good as the best before exactness is looked at
_SURE_OF_WHOLE: Final = 82.0  # per cent; of a group's name, all its words taken together
_SURE_WITH_A_WORD: Final = 75.0  # and where one of its words is exact: `requisitos humanos`
_SUGGESTED: Final = 60.0
_NO_GROUPS: Final = (DestinationType.EXTENSION, DestinationType.EXTERNAL)
_BEFORE_NAMES: Final = TOWARDS | ARTICLES | TITLES.keys()
MOST_OPTIONS: Final = 8
MOST_SUGGESTIONS: Final = 3


@dataclass(frozen=True, slots=True)
class Stranger(Nobody):
    """Somebody who is not there is asked for by name: nobody else in the phrase is meant."""


Judged: TypeAlias = Found | Question | Number | Nobody | None  # None: the words say nothing


class Judge:
    """Judges words against one directory, whose destinations are ordered by priority."""

    def __init__(self, destinations: Sequence[Destination], lexicon: Lexicon) -> None:
        self._all, self._lexicon = destinations, lexicon
        self._candidates = Candidates(destinations, lexicon)
        self._sounds = list(lexicon.whole_sounds)
        self._sounds_of_groups = [
            sound
            for sound, keys in lexicon.whole_sounds.items()
            if any(destinations[lexicon.keys[at].owner].type not in _NO_GROUPS for at in keys)
        ]

    def deny(self, said: Words, denied: Denied) -> None:
        """Add whom these words mean to those who are denied."""
        denied.add(self._candidates.find(said))

    def judge(self, said: Words, role: Role, denied: Denied) -> Judged:
        """Whom the words of a part mean."""
        found = denied.allowed(self._candidates.find(said))
        evident = [one for one in found if one.explained]
        if number := next((word.text for word in said if self._is_unknown(word, said)), ""):
            return self._number(number, said, evident)
        if not evident and not telling_places(said):
            return self._titled(said, denied)
        viable = [one for one in evident if not self._contradictions(one, said, evident)]
        if viable:
            return self._of_viable(viable, evident, said, role)
        if whole := self._like_the_whole(said, found, denied):
            return whole
        if evident:
            return Stranger(self._suggested(found))
        return self._of_hints(said, role, found, denied)

    # -- the verdict --------------------------------------------------------------------------------------

    def _of_viable(
        self, viable: list[Candidate], evident: list[Candidate], said: Words, role: Role
    ) -> Judged:
        best = self._best(viable)
        explained = {place for one in best for place in one.explained}
        rest = set(telling_places(said)) - explained
        owners = {one.owner for one in best}
        rivals = self._best(
            [
                one
                for one in evident
                if one.owner not in owners
                and _is_rival(one, rest)
                and explained.issuperset(self._contradictions(one, said, evident))
            ]
        )
        options = tuple(self._all[one.owner] for one in (*best, *rivals))[:MOST_OPTIONS]
        rest = rest.difference(*(one.hinted for one in best))
        if not rivals and rest:
            if self._leaves_a_name(best, rest, said, role):
                return Stranger(options)
            if any(said[place].is_number for place in explained) and not _says_extension(said):
                return Nobody(options)  # `xarope 2007`
        if len(options) > 1:
            return Question(options)
        if role is Role.REASON and best[0].named:
            return Nobody(options)  # somebody whom a caller tells of
        rank = best[0].rank
        return Found(options[0], Field(rank).name.lower() if rank < NEARLY else "likeness")

    def _best(self, candidates: list[Candidate]) -> list[Candidate]:
        """Those that explain most; of them the most exact; of them those of the first priority."""
        if not candidates:
            return []
        most = max(one.mass for one in candidates)
        near = [one for one in candidates if one.mass >= most - _NEAR]
        order = min(map(self._order, near))
        best = [one for one in near if self._order(one) == order]
        if order == Field.NUMBER:  # whoever of them answers it: what is dialled is the same
            return [min(best, key=lambda one: (not self._is_extension(one), one.owner))]
        most = max(one.mass for one in best)
        best = [one for one in best if one.mass >= most - EQUAL]
        fillers = max(len(one.fillers) for one in best)
        best = [one for one in best if len(one.fillers) == fillers]
        first = min(self._all[one.owner].priority for one in best)
        return [one for one in best if self._all[one.owner].priority == first]

    def _order(self, one: Candidate) -> int:
        """The rank; but who only belongs to a department goes after a group that has a part of its name."""
        if one.rank == Field.DEPARTMENT and not one.called and self._is_extension(one):
            return IN_PART + 1
        return one.rank

    def _is_extension(self, one: Candidate) -> bool:
        return self._all[one.owner].type is DestinationType.EXTENSION

    def _contradictions(self, one: Candidate, said: Words, evident: list[Candidate]) -> set[int]:
        """Other names beside those that it explains only in part: João Batista is no João Silva."""
        if one.is_full or (one.rank < IN_PART and not one.named):
            return set()
        return {
            at
            for place in one.named or one.explained
            for at, is_linked in _beside(said, place)
            if at not in one.explained and at not in one.hinted
            # `o João do suporte` says which João; `o João da contabilidade`, where there is none, who else
            if not is_linked or not any(at in other.explained for other in evident)
        }

    def _leaves_a_name(self, best: list[Candidate], rest: set[int], said: Words, role: Role) -> bool:
        """`o Fernando do financeiro`: there is none, and the department is not who was asked for."""
        is_somebody = any(self._is_extension(one) and not one.called for one in best)
        reached = [place for one in best for place in one.explained]
        rest = set(rest)
        while reached:
            place = reached.pop()
            for at, is_linked in _beside(said, place):
                if at not in rest:
                    continue
                word, before = said[at], said[at - 1].text if at else ""
                is_head = role is Role.CONTACT and is_linked and at < place and before in _BEFORE_NAMES
                is_unknown = not self._lexicon.is_known(word) and word.text not in POSTS
                if self._lexicon.is_name(word) or (is_unknown and (is_head or is_somebody)):
                    return True
                rest.remove(at)
                reached.append(at)
        return False

    # -- without evidence ---------------------------------------------------------------------------------

    def _of_hints(self, said: Words, role: Role, found: list[Candidate], denied: Denied) -> Judged:
        """`o gerente`, of two, is asked about; of one, suggested."""
        hints = [one for one in found if one.hint >= IN_PART and one.hint != PART_OF_DEPARTMENT]
        hints = [one for one in hints if max(one.hinted.values(), default=0.0) >= EXACT]
        most = max((one.mass_with_hints for one in hints), default=0.0)
        options = tuple(self._all[one.owner] for one in hints if one.mass_with_hints >= most - EQUAL)
        if len(options) > 1:
            return Question(options[:MOST_OPTIONS])
        similar = options or self._suggested(found) or tuple(self._similar(said, self._sounds, denied))
        names = any(self._lexicon.is_name(said[place]) for place in telling_places(said))
        is_stranger = names or (role is Role.CONTACT and _calls(said))
        return (Stranger if is_stranger else Nobody)(similar[:MOST_SUGGESTIONS])

    def _like_the_whole(self, said: Words, found: list[Candidate], denied: Denied) -> Found | None:
        """`requisitos humanos`: one group that several words taken together are like."""
        if len(telling_places(said)) < 2:
            return None
        exact = {
            self._all[one.owner]
            for one in found
            if max((*one.hinted.values(), *one.explained.values()), default=0.0) >= EXACT
        }
        best = [
            one
            for one, likeness in self._similar(said, self._sounds_of_groups, denied).items()
            if one.type not in _NO_GROUPS
            and likeness >= (_SURE_WITH_A_WORD if one in exact else _SURE_OF_WHOLE)
        ]
        return Found(best[0], "likeness") if len(best) == 1 else None

    def _similar(self, said: Words, sounds: list[str], denied: Denied) -> dict[Destination, float]:
        """Who is called similarly, the words taken together, and how similarly (per cent)."""
        text = "".join(said[place].sound for place in telling_places(said))
        found: dict[Destination, float] = {}
        for sound, likeness, _ in process.extract(
            text, sounds, scorer=fuzz.ratio, processor=None, limit=5, score_cutoff=_SUGGESTED
        ):
            for key in (self._lexicon.keys[at] for at in self._lexicon.whole_sounds[sound]):
                if key.owner not in denied.called and key.field is not Field.NUMBER:
                    found.setdefault(self._all[key.owner], likeness)
        return found

    def _suggested(self, found: Iterable[Candidate]) -> tuple[Destination, ...]:
        by_mass = sorted(found, key=lambda one: (-max(one.mass_with_hints, one.similar), one.owner))
        return tuple(self._all[one.owner] for one in by_mass[:MOST_SUGGESTIONS])

    def _titled(self, said: Words, denied: Denied) -> Judged:
        """`quero falar com a doutora`: one of those who are called so."""
        titles = [
            TITLES[word.text]
            for before, word in pairwise(said)
            if word.text in TITLES and before.text in ARTICLES | TOWARDS
        ]
        owners = dict.fromkeys(at for title in titles for at in self._lexicon.titled[title])
        options = tuple(self._all[at] for at in owners if at not in denied.called)
        if len(options) == 1:
            return Found(options[0], "name")
        return Question(options) if 1 < len(options) <= MOST_OPTIONS else None

    # -- numbers ------------------------------------------------------------------------------------------

    def _is_unknown(self, word: Word, said: Words) -> bool:
        """Whether it is a number that no destination has."""
        is_number = word.is_number and (len(word.text) >= SHORTEST_NUMBER or _says_extension(said))
        return is_number and word.text not in self._lexicon.whole

    def _number(self, number: str, said: Words, evident: list[Candidate]) -> Judged:
        """Dialled where it is asked for and nothing else is; not the first piece of a telephone number."""
        is_all = all(said[place].is_number for place in telling_places(said))
        in_pieces = any(one.is_number and another.is_number for one, another in pairwise(said))
        if not evident and not in_pieces and (is_all or _says_extension(said)):
            return Number(number)
        return Nobody(self._suggested(evident))


def _is_rival(one: Candidate, rest: set[int]) -> bool:
    """Whether one surely explains what the best leave: `o Roberto do financeiro`."""
    theirs = rest & one.explained.keys()
    return bool(theirs) and (
        one.rank < NEARLY or any(one.explained[place] >= EXACT for place in theirs & one.named)
    )


def _beside(said: Words, place: int) -> Iterator[tuple[int, bool]]:
    """The words that say something right beside a place; and whether they are a `de` away."""
    for step in (1, -1):
        at = place + step
        is_linked = 0 <= at < len(said) and said[at].text in LINKS
        if is_linked:
            at += step
        if 0 <= at < len(said) and said[at].says:
            yield at, is_linked


def _says_extension(said: Words) -> bool:
    return any(word.text in EXTENSION for word in said)


def _calls(said: Words) -> bool:
    """Whether somebody is called, whatever their name: `com o W`, `pra dona W`."""
    for at, word in enumerate(said):
        if word.text in TOWARDS:
            after = next((after for after in said[at + 1 :] if after.text not in NEXT_TO_NAMES), None)
            if after is not None and after.says:
                return True
    return False
