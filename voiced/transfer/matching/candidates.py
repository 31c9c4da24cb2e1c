"""Who may be meant by the words of one part: what each destination explains of them, and how surely.

Evidence is a whole key, a person's name in part, or several words of a longer key. A single word of an alias
or a role, or one that is only like a phone outside, is a hint: asked about, never dialled.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from voiced.transfer.destination import Destination
from voiced.transfer.matching.lexicon import Field, Key, Lexicon, fillers_of
from voiced.transfer.matching.names import NICKNAME
from voiced.transfer.matching.parts import Words
from voiced.transfer.request import DestinationType

EXACT: Final = 0.95  # likeness from which a word is the same: the same sound, another ending
EQUAL: Final = 0.05  # of explained words: what is as good as the best
_SURE_NAME: Final = 0.86  # of a misheard name: one letter of eight
_SURE: Final = 0.85  # of everything else: one of seven
_ANYTHING: Final = 0.01
_LONGEST_KEY: Final = 5  # words
_MOST_LIKELY: Final = 20  # destinations that a part is looked at for, and keys of one word
_MOST_TELLING: Final = 12  # words of a part that are looked at

NEARLY: Final = len(Field)  # rank from which a whole key fits nearly, by its field
IN_PART: Final = 2 * NEARLY  # and a part of one; of a name rather than of an alias
_PART_OF: Final = {Field.NAME: 0, Field.ALIAS: 1, Field.DEPARTMENT: 2, Field.NUMBER: 3, Field.ROLE: 4}
PART_OF_DEPARTMENT: Final = IN_PART + _PART_OF[Field.DEPARTMENT]
_NO_RANK: Final = 99

_Said: TypeAlias = dict[str, tuple[int, float]]  # a key's word → the place of what was said for it, likeness


@dataclass(slots=True)
class Candidate:
    """What one destination explains: places of words, and how alike they are (0–1)."""

    owner: int
    explained: dict[int, float] = field(default_factory=dict)  # by evidence
    hinted: dict[int, float] = field(default_factory=dict)  # by hints
    named: set[int] = field(default_factory=set)  # by a person's name
    rank: int = _NO_RANK  # of the best evidence: its field, above them `NEARLY` and `IN_PART`
    hint: int = _NO_RANK  # of the best hint
    is_full: bool = False  # more than a first name is called, and all of it
    called: dict[int, float] = field(default_factory=dict)  # by a name, an alias or a number of its own
    similar: float = 0.0  # how alike a name is that is another's: only suggested
    fillers: set[str] = field(default_factory=set)  # that are part of what it is called

    @property
    def mass(self) -> float:
        """How much of what was said it explains."""
        return sum(self.explained.values())

    @property
    def mass_called(self) -> float:
        """How much of that is what it is called."""
        return sum(self.called.values())

    @property
    def places(self) -> dict[int, float]:
        """What it explains or may explain."""
        return self.hinted | self.explained if self.hinted else self.explained

    @property
    def mass_with_hints(self) -> float:
        """How much that is."""
        return sum(self.places.values())

    def add(self, key: Key, rank: int, said: dict[int, float], is_evidence: bool) -> None:
        """Count a key that fits, by the places of its words."""
        told = self.explained if is_evidence else self.hinted
        for place, likeness in said.items():
            if likeness > told.get(place, 0.0):
                told[place] = likeness
        if not is_evidence:
            self.hint = min(self.hint, rank)
            return
        self.rank = min(self.rank, rank)
        if key.field in (Field.NAME, Field.ALIAS, Field.NUMBER):
            self.called |= said
            self.is_full |= rank < IN_PART and (len(key.texts) > 1 or not key.is_of_person)
        if key.is_of_person:
            self.named.update(said)
        if key.fillers and (rank < IN_PART or key.is_of_person):
            self.fillers |= key.fillers


class Candidates:
    """Finds the candidates of one directory."""

    def __init__(self, destinations: Sequence[Destination], lexicon: Lexicon) -> None:
        self._all, self._lexicon = destinations, lexicon

    def find(self, said: Words) -> list[Candidate]:
        """Who explains something, by priority; of fillers alone only whom they name as a whole."""
        found: dict[int, Candidate] = {}
        keys = self._lexicon.keys
        places = telling_places(said)
        for window in _windows(places or range(len(said))[:_MOST_TELLING]):
            whole, likeness = self._lexicon.whole_keys([said[place] for place in window])
            for at in whole[:_MOST_LIKELY]:
                one = found.setdefault(keys[at].owner, Candidate(keys[at].owner))
                one.add(keys[at], keys[at].field, dict.fromkeys(window, likeness), True)
        parts = self._parts(said, places, found)
        for at in sorted(parts, key=lambda at: keys[at].field is Field.ROLE):  # a role leans on the rest
            one = found.setdefault(keys[at].owner, Candidate(keys[at].owner))
            one.add(keys[at], *self._fit(keys[at], parts[at], one))
        fillers = fillers_of(said)
        for one in found.values():
            one.fillers &= fillers
        return [found[owner] for owner in sorted(found)]

    # -- inside -------------------------------------------------------------------------------------------

    def _parts(self, said: Words, places: list[int], found: dict[int, Candidate]) -> dict[int, _Said]:
        """What is said of each key. Names that are another's are only remembered, in `found`."""
        keys = self._lexicon.keys
        alike = [(place, self._lexicon.alike(said[place])) for place in places]
        likely = self._likely([[text for text, *_ in texts] for _, texts in alike]) | found.keys()
        parts: dict[int, _Said] = defaultdict(dict)
        for place, texts in alike:
            for text, as_word, as_name in texts:
                for at in self._lexicon.with_word(text):
                    key = keys[at]
                    if key.owner not in likely:
                        continue
                    likeness = as_name if key.is_of_person else as_word
                    if key.is_of_person and likeness < (_SURE if text == key.texts[0] else _ANYTHING):
                        one = found.setdefault(key.owner, Candidate(key.owner))
                        one.similar = max(one.similar, as_word)
                    elif likeness > parts[at].get(text, (0, 0.0))[1]:
                        parts[at][text] = (place, likeness)
        return {at: words for at, words in parts.items() if words}

    def _likely(self, said: list[list[str]]) -> set[int]:
        """Those who have most of the words: of the hundred Marias nobody has to be looked at twice."""
        counts = Counter[int]()
        for texts in said:
            counts.update(set().union(*map(self._lexicon.owners, texts)))
        if len(counts) <= _MOST_LIKELY:
            return set(counts)
        return set(heapq.nsmallest(_MOST_LIKELY, counts, key=lambda owner: (-counts[owner], owner)))

    def _fit(self, key: Key, said: _Said, one: Candidate) -> tuple[int, dict[int, float], bool]:
        """How well a key fits: its rank, the places that it explains, and whether that is evidence."""
        places = dict(said.values())
        if len(said) < len(key.texts):
            return IN_PART + _PART_OF[key.field], places, self._is_enough(key, said, one)
        if min(places.values()) >= EXACT:
            return key.field, places, True
        return NEARLY + key.field, places, self._is_surely_misheard(key, places)

    def _is_surely_misheard(self, key: Key, places: dict[int, float]) -> bool:
        """Whether a whole key that was not quite said is meant. A single such word never calls outside, nor a
        person by what they do: a `computador` is no comprador."""
        most, least = max(places.values()), min(places.values())
        if key.is_of_person:
            return most >= _SURE_NAME
        kind = self._all[key.owner].type
        is_member = key.field is Field.DEPARTMENT and kind is DestinationType.EXTENSION
        if kind is DestinationType.EXTERNAL or is_member or key.field is Field.ROLE:
            return most >= EXACT
        return least >= _SURE or most >= EXACT

    def _is_enough(self, key: Key, said: _Said, one: Candidate) -> bool:
        """Whether a part of a key tells who is meant."""
        if key.is_whole:
            return False
        if key.is_of_person:
            least = _SURE_NAME if key.texts[0] in said else NICKNAME  # nobody is called by a misheard surname
            return max(likeness for _, likeness in said.values()) >= least
        exact = [text for text, (_, likeness) in said.items() if likeness >= EXACT]
        if key.field is Field.NAME and self._all[key.owner].type is not DestinationType.VOICEMAIL:
            return bool(exact)
        if key.field is Field.ROLE and key.texts[0] in exact and one.explained:
            return True  # `a encarregada da logística`: a role's first word, with what else is theirs
        return len(exact) > 1 and 2 * len(exact) >= len(key.texts)


def telling_places(said: Words) -> list[int]:
    """The places of the words that say something."""
    return [at for at, word in enumerate(said) if word.says][:_MOST_TELLING]


def _windows(places: Sequence[int]) -> Iterator[Sequence[int]]:
    for size in range(1, _LONGEST_KEY + 1):
        for at in range(len(places) - size + 1):
            yield places[at : at + size]
