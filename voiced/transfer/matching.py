"""Whom a phrase means: one destination, several to ask about, the default, an extension's number, or nobody.

Every word that says something is explained by destinations that have it: the one that explains most wins
(`a Maria do financeiro` is not the department). Among those that explain as much, what fits exactly goes
before what fits nearly, in the order alias, name, department, number, role; then the priority decides; and
those that are still equal are asked about. A name that fits nobody is nobody, never the default.

Pure: no clock, no I/O. `Matcher(destinations)` prepares; `match(phrase)` takes well under a millisecond.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Final, TypeAlias

from rapidfuzz import fuzz, process

from voiced.transfer.destination import Destination
from voiced.transfer.lexicon import SAME_SOUND, Field, Key, Lexicon
from voiced.transfer.phrase import LINKS, Clause, Words, asks_for_anybody, has_content, parse
from voiced.transfer.request import DestinationType
from voiced.transfer.spoken import Word, digits, is_digit, words

LONGEST: Final = 500  # characters of a phrase that are looked at
_MOST_WORDS: Final = 60
_LONGEST_KEY: Final = 5  # words
_EXACT: Final = 0.95  # likeness from which a key fits exactly: the same sound, another ending
_NEAR: Final = 0.15  # of explained words: what is as good as the best before exactness is looked at
_EQUAL: Final = 0.05  # and after
_SURE: Final = 0.86  # likeness of a person's name that stands alone: one letter of eight
_SURE_OF_KEY: Final = 0.78  # and of everything else
_SURE_OF_WHOLE: Final = 82.0  # per cent; of a group's name, all its words taken together
_SURE_WITH_A_WORD: Final = 75.0  # and where one of its words is exact: `requisitos humanos`
_SUGGESTED: Final = 60.0
_MOST_LIKELY: Final = 50  # destinations that a phrase is looked at for
_MOST_OPTIONS: Final = 8
_MOST_SUGGESTIONS: Final = 3
_SHORTEST_NUMBER: Final = 3  # digits, unless the caller says `ramal`


@dataclass(frozen=True, slots=True)
class Found:
    """One destination. `by` is what it was found by: alias, name, department, number, role, or likeness."""

    destination: Destination
    by: str


@dataclass(frozen=True, slots=True)
class Question:
    """Several that fit as well: ask."""

    options: tuple[Destination, ...]


@dataclass(frozen=True, slots=True)
class Default:
    """The phrase names nobody."""

    destination: Destination


@dataclass(frozen=True, slots=True)
class Number:
    """An extension's number that no destination has."""

    number: str


@dataclass(frozen=True, slots=True)
class Nobody:
    """The phrase names somebody who is not there, or nobody where there is no default."""

    suggestions: tuple[Destination, ...] = ()


Match: TypeAlias = Found | Question | Default | Number | Nobody


@dataclass(slots=True)
class _Candidate:
    """What one destination explains of a clause."""

    owner: int
    explained: dict[int, float] = field(default_factory=dict)  # place of a word → likeness
    rank: int = 99  # of its best key: its field, above them `_NEARLY` and `_IN_PART`

    @property
    def mass(self) -> float:
        return sum(self.explained.values())


_NEARLY: Final = len(Field)  # and above: a whole key that fits nearly, by its field
_IN_PART: Final = 2 * _NEARLY  # and above: a part of a key; of a name rather than of an alias
_PART_OF: Final = {
    Field.NAME: 0, Field.ALIAS: 1, Field.DEPARTMENT: 2, Field.NUMBER: 3, Field.ROLE: 4,
}  # fmt: skip


class Matcher:
    """Matches phrases against one directory."""

    def __init__(self, destinations: Sequence[Destination]) -> None:
        self._all = tuple(sorted(destinations, key=lambda one: one.priority))
        self._lexicon = Lexicon(self._all)
        self._whole_sounds = list(self._lexicon.whole_sounds)
        self._numbers: dict[str, Destination] = {}
        by_kind = sorted(self._all, key=lambda one: one.type is not DestinationType.EXTENSION)
        for destination in by_kind:
            self._numbers.setdefault(destination.number.lstrip("+"), destination)
        defaults = [one for one in self._all if one.is_default]
        self._default = min(
            defaults, key=lambda one: (one.secretary_uuid is None, one.priority), default=None
        )

    def match(self, phrase: str) -> Match:
        """Whom the phrase means."""
        said = words(phrase[:LONGEST])[:_MOST_WORDS]
        if number := _number(said):
            found = self._numbers.get(number)
            return Found(found, "number") if found else Number(number)
        parts = parse(said, self._lexicon.is_known)
        unwanted = {owner for part in parts.unwanted for owner in self._denied(part)}
        if len(parts.wanted) > 1:
            return self._alternatives(parts.wanted, unwanted)
        return self._clause(parts.wanted[0], unwanted)

    # -- inside -------------------------------------------------------------------------------------------

    def _alternatives(self, clauses: list[Clause], unwanted: set[int]) -> Match:
        """`X ou Y`: asked about, unless only one of them is there."""
        matches = [self._clause(clause, unwanted) for clause in clauses]
        options: dict[Destination, None] = {}
        for match in matches:
            if isinstance(match, Found):
                options[match.destination] = None
            elif isinstance(match, Question):
                options |= dict.fromkeys(match.options)
        if len(options) > 1:
            return Question(tuple(options)[:_MOST_OPTIONS])
        return next((match for match in matches if isinstance(match, Found | Default)), matches[0])

    def _clause(self, clause: Clause, unwanted: set[int]) -> Match:
        if has_content(clause.words):
            return self._named(clause.words, unwanted)
        whole = self._candidates(clause.words)  # fillers alone may be a name: Departamento Pessoal
        if whole:
            return self._chosen(clause.words, whole, whole)
        if has_content(clause.reason):
            named = self._named(clause.reason, unwanted)
            if isinstance(named, Found | Question):
                return named
        return Default(self._default) if self._default else Nobody()

    def _named(self, said: Words, unwanted: set[int]) -> Match:
        candidates = [one for one in self._candidates(said) if one.owner not in unwanted]
        sure = [one for one in candidates if self._is_sure(one, said)]
        if sure:
            return self._chosen(said, sure, candidates)
        if self._default and asks_for_anybody(said):
            return Default(self._default)
        return self._by_whole(said, candidates, unwanted)

    def _candidates(self, said: Words) -> list[_Candidate]:
        """Every destination that explains something."""
        found: dict[int, _Candidate] = {}
        keys = self._lexicon.keys

        def explain(key: Key, places: Iterable[tuple[int, float]], rank: int) -> None:
            candidate = found.setdefault(key.owner, _Candidate(key.owner))
            candidate.rank = min(candidate.rank, rank)
            for place, likeness in places:
                candidate.explained[place] = max(likeness, candidate.explained.get(place, 0.0))

        telling = [(at, word) for at, word in enumerate(said) if has_content([word])]
        for window in _windows(telling or list(enumerate(said))):
            for at, likeness in self._lexicon.whole_keys([word for _, word in window]):
                explain(keys[at], [(place, likeness) for place, _ in window], keys[at].field)
        alike_words = [(place, word, self._lexicon.alike(word)) for place, word in telling]
        likely = found.keys() | self._likely([texts for _, _, texts in alike_words])
        # of each key, of each word of it: the place of the word said for it, and how alike they are
        parts: dict[int, dict[str, tuple[int, float]]] = defaultdict(dict)
        for place, word, texts in alike_words:
            for text, likeness in texts.items():
                for at in self._lexicon.with_word(text):
                    if keys[at].owner not in likely:
                        continue
                    alike = _of_person(word.text, text, likeness) if keys[at].is_of_person else likeness
                    if alike > parts[at].get(text, (0, 0.0))[1]:
                        parts[at][text] = (place, alike)
        for at, covered in parts.items():
            key = keys[at]
            least = min(likeness for _, likeness in covered.values())
            if len(covered) == len(set(key.texts)):
                explain(key, covered.values(), key.field if least >= _EXACT else _NEARLY + key.field)
            elif key.is_of_person or 2 * len(covered) >= len(set(key.texts)) or key.owner in found:
                explain(key, covered.values(), _IN_PART + _PART_OF[key.field])
        return list(found.values())

    def _likely(self, said: list[dict[str, float]]) -> set[int]:
        """Those who have most of the words: of the hundred Marias nobody has to be looked at twice."""
        counts = Counter[int]()
        for texts in said:
            counts.update(set().union(*map(self._lexicon.owners, texts)))
        return {owner for owner, _ in counts.most_common(_MOST_LIKELY)}

    def _is_sure(self, one: _Candidate, said: Words) -> bool:
        """Whether it is meant, and not only like it."""
        if one.rank < _NEARLY:
            return True
        likeness = max(one.explained.values())
        if one.rank < _IN_PART:
            return likeness >= _SURE_OF_KEY
        if self._all[one.owner].type is DestinationType.EXTENSION and likeness < _SURE:
            return False
        return likeness >= _SURE_OF_KEY and not _is_contradicted(one, said)

    def _chosen(self, said: Words, sure: list[_Candidate], candidates: list[_Candidate]) -> Match:
        best = self._best(sure)
        explained = {place for one in best for place in one.explained}
        others = [one for one in candidates if not one.explained.keys() & explained]
        rest = self._best([one for one in others if one.rank < _NEARLY])  # a second name: ask
        rest += [one for one in others if self._is_beside(one, best, said)]
        if len(best) == 1 and not rest:
            rank = best[0].rank
            by = Field(rank).name.lower() if rank < _NEARLY else "likeness"
            return Found(self._all[best[0].owner], by)
        options = dict.fromkeys(self._all[one.owner] for one in (*best, *rest))
        return Question(tuple(options)[:_MOST_OPTIONS])

    def _best(self, candidates: list[_Candidate]) -> list[_Candidate]:
        """Those that explain most; of them the most exact; of them those of the first priority."""
        if not candidates:
            return []
        most = max(one.mass for one in candidates)
        near = [one for one in candidates if one.mass >= most - _NEAR]
        rank = min(one.rank for one in near)
        best = [one for one in near if one.rank == rank]
        most = max(one.mass for one in best)
        best = [one for one in best if one.mass >= most - _EQUAL]
        first = min(self._all[one.owner].priority for one in best)
        return [one for one in best if self._all[one.owner].priority == first]

    def _is_beside(self, one: _Candidate, best: list[_Candidate], said: Words) -> bool:
        """A person who is named beside a group they do not belong to: `o Roberto do financeiro`."""
        is_person = self._all[one.owner].type is DestinationType.EXTENSION
        if not is_person or one.rank != _IN_PART or max(one.explained.values()) < _EXACT:
            return False
        return any(place in other.explained for place in _beside(one, said) for other in best)

    def _by_whole(self, said: Words, candidates: list[_Candidate], unwanted: set[int]) -> Match:
        """What the words taken together are like: one destination, or suggestions."""
        text = "".join(word.sound for word in said if has_content([word]))
        keys = self._lexicon.keys
        alike = [
            (self._all[keys[at].owner], likeness)
            for sound, likeness, _ in process.extract(
                text, self._whole_sounds, scorer=fuzz.ratio, processor=None, limit=5, score_cutoff=_SUGGESTED
            )
            for at in self._lexicon.whole_sounds[sound]
            if keys[at].owner not in unwanted and keys[at].field != Field.NUMBER
        ]
        shared = {self._all[one.owner] for one in candidates if max(one.explained.values()) >= _EXACT}
        best = {
            one
            for one, likeness in alike
            if one.type is not DestinationType.EXTENSION
            and likeness >= (_SURE_WITH_A_WORD if one in shared else _SURE_OF_WHOLE)
        }
        if len(best) == 1:
            return Found(best.pop(), "likeness")
        candidates.sort(key=lambda one: (-one.mass, self._all[one.owner].priority))
        likely = [self._all[one.owner] for one in candidates] + [one for one, _ in alike]
        return Nobody(tuple(dict.fromkeys(likely))[:_MOST_SUGGESTIONS])

    def _denied(self, said: Words) -> list[int]:
        """Those who explain all that is known of an unwanted part."""
        candidates = self._candidates(said)
        most = max((one.mass for one in candidates), default=0.0)
        return [one.owner for one in candidates if one.mass >= most - _EQUAL]


def _number(said: Words) -> str:
    """The number, where the phrase is one and nothing else, or says `ramal` before it; '' else."""
    texts = [word.text for word in said]
    if "ramal" in texts:
        after = texts[len(texts) - texts[::-1].index("ramal") :]
        if number := digits(takewhile(is_digit, after)):
            return number
    if all(is_digit(word.text) or not has_content([word]) for word in said):
        number = digits(filter(is_digit, texts))
        return number if len(number) >= _SHORTEST_NUMBER else ""
    return ""


def _windows(telling: list[tuple[int, Word]]) -> Iterable[list[tuple[int, Word]]]:
    for size in range(1, _LONGEST_KEY + 1):
        for at in range(len(telling) - size + 1):
            yield telling[at : at + size]


def _of_person(said: str, text: str, likeness: float) -> float:
    """Roberta is not Roberto, and Mário not Maria: other endings of a person's name are other persons."""
    if likeness < SAME_SOUND and (said[:-1] == text[:-1] or said[:-1] == text or said == text[:-1]):
        return 0.7
    return likeness


def _is_contradicted(one: _Candidate, said: Words) -> bool:
    """Whether another name stands beside what it explains: João Batista is no João Silva."""
    return any(has_content([said[at]]) for at in _beside(one, said))


def _beside(one: _Candidate, said: Words) -> list[int]:
    """The places right beside what a candidate explains, or only a `de` away."""
    found = []
    for place in one.explained:
        for step in (1, -1):
            at = place + step
            if 0 <= at < len(said) and said[at].text in LINKS:
                at += step
            if 0 <= at < len(said) and at not in one.explained:
                found.append(at)
    return found
