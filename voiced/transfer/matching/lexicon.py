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
from voiced.transfer.matching.endings import other_endings
from voiced.transfer.matching.names import (
    NICKNAME,
    full_names,
    is_common_name,
    is_other_gender,
    of_other_gender,
)
from voiced.transfer.matching.spoken import Word, words
from voiced.transfer.matching.vocabulary import ASKING, CUSTOMERS, FILLERS, SMALL, TITLES
from voiced.transfer.request import DestinationType

SAME_SOUND: Final = 0.97
_LEAST_ALIKE: Final = 0.72
_SHORTEST_MISHEARD: Final = 5  # letters; shorter words that differ in one are other words
_NAMES_TOO: Final = FILLERS - SMALL - ASKING  # that may be a name here: `Urgência`


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
    texts: tuple[str, ...]  # the words that say something
    fillers: frozenset[str]  # and those that only tell two such keys apart: `saúde da mulher`, `do homem`
    is_of_person: bool  # a person's name: other names that sound alike are other persons
    is_whole: bool  # no part of it is enough: `contas` is not yet `contas a pagar`


class Lexicon:
    """Keys by their words."""

    def __init__(self, destinations: Sequence[Destination]) -> None:
        self.keys: list[Key] = []
        self.whole: dict[str, list[int]] = defaultdict(list)  # a key's words written together → keys
        self.whole_sounds: dict[str, list[int]] = defaultdict(list)
        self.titled: dict[str, list[int]] = defaultdict(list)  # `dr` → destinations
        self.names: set[str] = set()  # words that elsewhere say nothing
        self._by_text: dict[str, list[int]] = defaultdict(list)  # a word → keys
        self._owners: dict[str, set[int]] = defaultdict(set)  # a word → destinations
        self._texts_of: dict[str, set[str]] = defaultdict(set)  # a sound → words
        self._persons: set[str] = set()  # words of persons' names
        self._add(destinations)
        for at_keys in (*self.whole.values(), *self.whole_sounds.values()):
            at_keys.sort(key=lambda at: self.keys[at].field)
        self._sounds_by_length: dict[int, list[str]] = defaultdict(list)
        for sound in self._texts_of:
            self._sounds_by_length[len(sound)].append(sound)

    def is_known(self, word: Word) -> bool:
        """Whether a key has this word or one that sounds the same, or a person is called so for short."""
        return word.says and (
            word.is_number
            or word.text in self._by_text
            or word.sound in self._texts_of
            or word.text in self.whole
            or any(text in self._by_text for text, _ in other_endings(word.text))
            or bool(self._persons_called(word))
        )

    def is_name(self, word: Word) -> bool:
        """Whether a word is somebody's name, here or elsewhere."""
        return (
            word.text in self._persons
            or is_common_name(word)
            or bool(self._persons_called(word))
            or (word.text not in self._by_text and not self._persons.isdisjoint(of_other_gender(word.text)))
        )

    def with_word(self, text: str) -> list[int]:
        """The keys that have this word."""
        return self._by_text.get(text, [])

    def owners(self, text: str) -> set[int]:
        """The destinations that have this word."""
        return self._owners.get(text, set())

    def whole_keys(self, said: Sequence[Word]) -> tuple[list[int], float]:
        """Keys that these words are, however they are written together, by field; how alike (0–1)."""
        if found := self.whole.get("".join([word.text for word in said])):
            return found, 1.0
        return self.whole_sounds.get("".join([word.sound for word in said]), []), SAME_SOUND

    def alike(self, word: Word) -> list[tuple[str, float, float]]:
        """Words of the directory that this one may be: how alike (0–1), and how alike as a person's name."""
        same = dict.fromkeys(self._same_sound(word), SAME_SOUND)
        if word.text in self._by_text:
            same[word.text] = 1.0
        found = {text: alike for text, alike in other_endings(word.text) if text in self._by_text} | same
        names: dict[str, float] = dict(same)
        if not found and len(word.sound) >= _SHORTEST_MISHEARD:
            found = {text: alike for sound, alike in self._misheard(word) for text in self._texts_of[sound]}
            names = {text: alike for text, alike in found.items() if not _is_another(word, text)}
        for text in self._persons_called(word):
            names[text] = max(NICKNAME, names.get(text, 0.0))
        return [(text, found.get(text, 0.0), names.get(text, 0.0)) for text in found.keys() | names]

    # -- inside -------------------------------------------------------------------------------------------

    def _persons_called(self, word: Word) -> set[str]:
        """The names of persons here that a word is short for."""
        return {
            text
            for name in full_names(word.text)
            for text in self._texts_of.get(name.sound, ())
            if text in self._persons and text != word.text
        }

    def _same_sound(self, word: Word) -> set[str]:
        """Wagner is said as Vagner, Wellington as Uelinton."""
        same = self._texts_of.get(word.sound, set())
        if word.text.startswith("w"):
            same = same | self._texts_of.get(f"v{word.sound[1:]}", set())
        elif word.text.startswith("v"):
            same = same | {
                text for text in self._texts_of.get(f"u{word.sound[1:]}", ()) if text.startswith("w")
            }
        return same

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
            is_person = _is_person(destination)
            for alias in destination.aliases:
                self._add_key(owner, Field.ALIAS, alias, is_person and _is_persons(alias, destination))
            self._add_key(owner, Field.NAME, destination.name, is_person)
            departments = {destination.department: None}
            if destination.type is DestinationType.EXTENSION:
                departments |= synonyms.get(_written_together(destination.department), {})
            for department in departments:
                self._add_key(owner, Field.DEPARTMENT, department, False)
            self._add_key(owner, Field.ROLE, destination.role, False)
            self._add_key(owner, Field.NUMBER, destination.number.lstrip("+"), False)
            for title in {TITLES[word.text] for word in words(destination.name) if word.text in TITLES}:
                self.titled[title].append(owner)

    def _add_key(self, owner: int, field: Field, text: str, is_of_person: bool) -> None:
        all_words = words(text)
        said = [word for word in all_words if word.says] or all_words
        if not said:
            return
        if len(said) == 1 and said[0].text in _NAMES_TOO:
            self.names.add(said[0].text)
        at = len(self.keys)
        texts = tuple(dict.fromkeys(word.text for word in said))
        fillers = fillers_of(all_words).difference(texts)
        is_whole = not CUSTOMERS.keys().isdisjoint(texts)
        self.keys.append(Key(owner, field, texts, fillers, is_of_person, is_whole))
        self.whole["".join(word.text for word in said)].append(at)
        self.whole_sounds["".join(word.sound for word in said)].append(at)
        if field is Field.NUMBER:
            return
        for word in dict.fromkeys(said):
            self._by_text[word.text].append(at)
            self._owners[word.text].add(owner)
            self._texts_of[word.sound].add(word.text)
            if is_of_person:
                self._persons.add(word.text)


def fillers_of(said: Iterable[Word]) -> frozenset[str]:
    """The fillers that may tell two keys apart, titles in one spelling."""
    texts = (word.text for word in said if word.text in FILLERS and word.text not in SMALL)
    return frozenset(TITLES.get(text, text) for text in texts)


def _is_person(destination: Destination) -> bool:
    """An extension that is called as persons are: `Contas a Pagar` is none."""
    name = [word.text for word in words(destination.name)]
    is_plain = all(text not in FILLERS or text in TITLES or text in SMALL - {"a"} for text in name)
    return destination.type is DestinationType.EXTENSION and is_plain


def _is_persons(alias: str, destination: Destination) -> bool:
    """Whether an alias is a name of the person (`Beto`), and not what they do (`pagamento de fornecedor`)."""
    said = words(alias)
    return any(is_common_name(word) or word in words(destination.name) for word in said)


def _synonyms(destinations: Sequence[Destination]) -> dict[str, dict[str, None]]:
    """For each name or alias of a group: all that the group is called."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for destination in destinations:
        if destination.type is not DestinationType.EXTENSION:
            called = dict.fromkeys((destination.name, *destination.aliases))
            for name in called:
                found[_written_together(name)] |= called
    return found


def _written_together(text: str) -> str:
    return "".join(word.text for word in words(text))


def _is_another(said: Word, name: str) -> bool:
    """Roberta is not Roberto, and Carla not Clara: other names are other persons."""
    return is_other_gender(said.text, name) or is_common_name(said)
