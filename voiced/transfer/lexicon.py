"""The words of a directory, prepared once so that a match among a thousand destinations takes no time.

Every destination has keys: its name, its aliases, its department, its role, its number. A person of a
department also answers to what the department's own destination is called (`o João de vendas`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from rapidfuzz import process
from rapidfuzz.distance import OSA

from voiced.transfer.destination import Destination
from voiced.transfer.phrase import FILLERS
from voiced.transfer.request import DestinationType
from voiced.transfer.spoken import Word, words

SAME_SOUND: Final = 0.97
_OTHER_ENDING: Final = 0.96  # venda, vendas; vendedor, vendedora
_OTHER_GENDER: Final = 0.9  # financeira for financeiro, of a department or a role
_LEAST_ALIKE: Final = 0.72
_SHORTEST_MISHEARD: Final = 5  # letters; shorter words that differ in one are other words


class Field(IntEnum):
    """Where a key comes from; the lower wins where two fit as well."""

    ALIAS = 0
    NAME = 1
    DEPARTMENT = 2
    NUMBER = 3
    ROLE = 4


@dataclass(frozen=True, slots=True)
class Key:
    """What a destination is called. `owner` is its place in the directory."""

    owner: int
    field: Field
    texts: tuple[str, ...]
    is_of_person: bool  # a person's name: no other gender, and a single word of it may do


class Lexicon:
    """Keys by their words."""

    def __init__(self, destinations: Sequence[Destination]) -> None:
        self.keys: list[Key] = []
        self.whole: dict[str, list[int]] = defaultdict(list)  # a key's words written together → keys
        self.whole_sounds: dict[str, list[int]] = defaultdict(list)
        self._by_text: dict[str, list[int]] = defaultdict(list)  # a word → keys
        self._owners: dict[str, set[int]] = defaultdict(set)  # a word → destinations
        self._texts_of: dict[str, set[str]] = defaultdict(set)  # a sound → words
        self._add(destinations)
        self._sounds_by_length: dict[int, list[str]] = defaultdict(list)
        for sound in self._texts_of:
            self._sounds_by_length[len(sound)].append(sound)

    def is_known(self, word: Word) -> bool:
        """Whether a key has this word, or one that sounds the same."""
        return word.text in self._by_text or word.sound in self._texts_of or word.text in self.whole

    def with_word(self, text: str) -> list[int]:
        """The keys that have this word."""
        return self._by_text.get(text, [])

    def owners(self, text: str) -> set[int]:
        """The destinations that have this word."""
        return self._owners.get(text, set())

    def whole_keys(self, said: Sequence[Word]) -> list[tuple[int, float]]:
        """Keys that these words are, however they are written together; how alike (0–1)."""
        texts = [word.text for word in said]
        if found := self.whole.get("".join(texts)):
            return [(key, 1.0) for key in found]
        alike = self.whole_sounds.get("".join(word.sound for word in said), [])
        return [(key, SAME_SOUND) for key in alike]

    def alike(self, word: Word) -> dict[str, float]:
        """Words of the directory that this one may be, and how alike they are (0–1)."""
        found: dict[str, float] = dict.fromkeys(self._texts_of.get(word.sound, ()), SAME_SOUND)
        for text, likeness in _other_endings(word.text):
            if text in self._by_text:
                found.setdefault(text, likeness)
        if word.text in self._by_text:
            found[word.text] = 1.0
        elif not found and len(word.sound) >= _SHORTEST_MISHEARD:
            found = {
                text: likeness for sound, likeness in self._misheard(word) for text in self._texts_of[sound]
            }
        return found

    # -- inside -------------------------------------------------------------------------------------------

    def _misheard(self, word: Word) -> Iterator[tuple[str, float]]:
        size = len(word.sound)
        spread = max(1, round(size * (1 - _LEAST_ALIKE)))
        for length in range(max(size - spread, _SHORTEST_MISHEARD - 1), size + spread + 1):
            yield from (
                (sound, likeness)
                for sound, likeness, _ in process.extract(
                    word.sound, self._sounds_by_length.get(length, ()), scorer=OSA.normalized_similarity,
                    processor=None, limit=5, score_cutoff=_LEAST_ALIKE,
                )
            )  # fmt: skip

    def _add(self, destinations: Sequence[Destination]) -> None:
        synonyms = _synonyms(destinations)
        for owner, destination in enumerate(destinations):
            is_person = destination.type is DestinationType.EXTENSION
            for alias in destination.aliases:
                self._add_key(owner, Field.ALIAS, alias, False)
            self._add_key(owner, Field.NAME, destination.name, is_person)
            departments = {destination.department}
            if is_person:
                departments |= synonyms.get(_written_together(destination.department), set())
            for department in departments:
                self._add_key(owner, Field.DEPARTMENT, department, False)
            self._add_key(owner, Field.ROLE, destination.role, False)
            self._add_key(owner, Field.NUMBER, destination.number.lstrip("+"), False)

    def _add_key(self, owner: int, field: Field, text: str, is_of_person: bool) -> None:
        said = content(words(text))
        if not said:
            return
        at = len(self.keys)
        self.keys.append(Key(owner, field, tuple(word.text for word in said), is_of_person))
        self.whole["".join(word.text for word in said)].append(at)
        self.whole_sounds["".join(word.sound for word in said)].append(at)
        if field is Field.NUMBER:
            return
        for word in set(said):
            self._by_text[word.text].append(at)
            self._owners[word.text].add(owner)
            self._texts_of[word.sound].add(word.text)


def content(said: Iterable[Word]) -> list[Word]:
    """The words that say something; all of them where none does (`Departamento Pessoal`)."""
    said = list(said)
    return [word for word in said if word.text not in FILLERS] or said


def _synonyms(destinations: Sequence[Destination]) -> dict[str, set[str]]:
    """For each name or alias of a group: all that the group is called."""
    found: dict[str, set[str]] = defaultdict(set)
    for destination in destinations:
        if destination.type is not DestinationType.EXTENSION:
            called = {destination.name, *destination.aliases}
            for name in called:
                found[_written_together(name)] |= called
    return found


def _written_together(text: str) -> str:
    return "".join(word.text for word in words(text))


def _other_endings(text: str) -> Iterator[tuple[str, float]]:
    """Singular and plural; the feminine that a masculine may mean, and the other way, which is said less."""
    yield text.removesuffix("s"), _OTHER_ENDING
    yield f"{text}s", _OTHER_ENDING
    if text.endswith("a"):
        yield text[:-1], _OTHER_GENDER
        yield f"{text[:-1]}o", _OTHER_GENDER
    else:
        yield f"{text}a", _OTHER_ENDING
        yield f"{text.removesuffix('o')}a", _OTHER_ENDING
