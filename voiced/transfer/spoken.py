"""Words as callers say them and speech recognition writes them: folded, by their sound, and as digits.

The sounds are Brazilian Portuguese's: what is written differently and said alike (Luiz and Luis, Thiago and
Tiago, Wellington and Uelinton, Souza and Sousa) has one sound here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from voiced.folding import without_accents

_WORD: Final = re.compile(r"[^\W_]+")
# In this order; what a rule writes, a later one may read.
_SOUNDS: Final = [
    (re.compile(pattern), sound)
    for pattern, sound in (
        (r"([^s])(?=\1)", ""),  # a doubled letter is one; ss is not the s between vowels
        (r"ph", "f"),
        (r"ch|sh", "x"),
        (r"th", "t"),
        (r"w", "u"),
        (r"y", "i"),
        (r"ng(?![aeiou])", "n"),
        (r"^dj", "j"),
        (r"[sx]c(?=[ei])|c(?=[ei])|ç", "ss"),
        (r"qu(?=[ei])", "k"),
        (r"[cq]", "k"),
        (r"g(?=[ei])", "j"),
        (r"gu(?=[ei])", "g"),
        (r"(?<=[aeiou])s(?=[aeiou])", "z"),
        (r"ss", "s"),
        (r"z$", "s"),
        (r"(?<![ln])h", ""),
        (r"n(?=[pb])", "m"),
        (r"m$", "n"),
        (r"l(?![aeiouh])", "u"),
        (r"e$", "i"),
        (r"o$", "u"),
        (r"(.)\1", r"\1"),
    )
]
_DIGITS: Final = {
    "zero": "0", "um": "1", "uma": "1", "dois": "2", "duas": "2", "tres": "3", "quatro": "4", "cinco": "5",
    "seis": "6", "meia": "6", "sete": "7", "oito": "8", "nove": "9",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Word:
    """A word, folded (no accents, lower case), and its sound. `raw` keeps the accents: é is no e."""

    text: str
    sound: str
    raw: str


def words(text: str) -> list[Word]:
    """The words of a text: runs of letters and digits.

    >>> [word.text for word in words("Pós-venda, São João!")]
    ['pos', 'venda', 'sao', 'joao']
    """
    return [_word(found) for found in _WORD.findall(unicodedata.normalize("NFC", text.casefold()))]


@lru_cache(maxsize=10_000)
def _word(raw: str) -> Word:
    return Word(without_accents(raw), _sound(raw), raw)


def _sound(raw: str) -> str:
    sound = "".join(c if c == "ç" else without_accents(c) for c in raw)
    for pattern, replacement in _SOUNDS:
        sound = pattern.sub(replacement, sound)
    return sound


def is_digit(text: str) -> bool:
    """Whether a folded word is digits, or the name of one."""
    return text in _DIGITS or (text.isascii() and text.isdecimal())


def digits(texts: Iterable[str]) -> str:
    """A number said digit by digit (speech recognition writes the others as digits); '' for what is none.

    >>> digits("um zero zero meia".split()), digits(["10", "05"]), digits(["ramal"])
    ('1006', '1005', '')
    """
    said = list(texts)
    return "".join(_DIGITS.get(text, text) for text in said) if all(map(is_digit, said)) else ""
