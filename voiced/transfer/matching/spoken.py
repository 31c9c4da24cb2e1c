"""Words as callers say them and speech recognition writes them: folded, by their sound, and as digits.

The sounds are Brazilian Portuguese's: what is written differently and said alike (Luiz and Luis, Thiago and
Tiago, Wellington and Uelinton, Souza and Sousa) has one sound here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from voiced.folding import without_accents
from voiced.transfer.matching.vocabulary import FILLERS

_WORD: Final = re.compile(r"[^\W_]+")
_WORD_OR_PAUSE: Final = re.compile(r"[^\W_]+|[,;:!?…]|(?<!\b[ds]r)(?<!\b[ds]ra)(?<!\bprof)\.(?!\w)")
# In this order; what a rule writes, a later one may read.
_SOUNDS: Final = [
    (re.compile(pattern), sound)
    for pattern, sound in (
        (r"([^s])(?=\1)", ""),  # a doubled letter is one; ss is not the s between vowels
        (r"ph", "f"),
        (r"ch|sh", "x"),
        (r"th", "t"),
        (r"(?<=[aeiou])[cp]t(?=[aeiou])", "t"),  # Victor, Baptista
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
_ALSO_WORDS: Final = frozenset(("um", "uma", "meia"))  # digits only beside real ones: `um um um atendente`
SHORTEST_NUMBER: Final = 3  # digits, unless the caller says `ramal`
EXTENSION: Final = frozenset(("ramal", "extensao", "extension"))


@dataclass(frozen=True, slots=True)
class Word:
    """A word, folded (no accents, lower case), its sound, and whether it says something or only fills.

    `eh` is é, which is no e.
    """

    text: str
    sound: str
    says: bool

    @property
    def is_number(self) -> bool:
        """Whether it is written in digits that can be dialled."""
        return self.text.isascii() and self.text.isdecimal()


PAUSE: Final = Word(",", ",", False)


def words(text: str) -> list[Word]:
    """The words of a text: runs of letters and digits.

    >>> [word.text for word in words("Pós-venda, São João!")]
    ['pos', 'venda', 'sao', 'joao']
    """
    return [_word(found) for found in _WORD.findall(_composed(text))]


def heard(text: str, names: Container[str] = ()) -> list[Word]:
    """The words of what somebody says: with its pauses, and with numbers in one piece. `names` say something
    here that elsewhere only fills (`Urgência`).

    >>> [word.text for word in heard("não, o ramal é o dois zero zero sete")]
    ['nao', ',', 'o', 'ramal', 'eh', 'o', '2007']
    """
    text = _composed(text)
    found = [_word(raw) if raw[0].isalnum() else PAUSE for raw in _WORD_OR_PAUSE.findall(text)]
    found = [replace(word, says=True) if word.text in names else word for word in found]
    if text.isascii():  # written without accents: after a `nao`, an `e` may be é
        found = [_word("é") if _is_copula(found, at) else word for at, word in enumerate(found)]
    return _with_numbers(found)


@lru_cache(maxsize=10_000)
def _word(raw: str) -> Word:
    text = "eh" if raw == "é" else without_accents(raw)
    return Word(text, _sound(raw), text not in FILLERS)


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text.casefold())


def _sound(raw: str) -> str:
    if raw.isdecimal():
        return raw  # 1009 is not 1099
    sound = "".join(c if c == "ç" else without_accents(c) for c in raw)
    for pattern, replacement in _SOUNDS:
        sound = pattern.sub(replacement, sound)
    return sound


def _is_copula(found: list[Word], at: int) -> bool:
    """`nao e o suporte e o comercial`: both."""
    return found[at].text == "e" and any(
        found[before].text == "nao" and found[before + 1].text == "e" for before in range(at)
    )


# -- numbers ----------------------------------------------------------------------------------------------


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


def _with_numbers(said: list[Word]) -> list[Word]:
    """What is said digit by digit as one word; `2007 2008` are two numbers."""
    found: list[Word] = []
    at = 0
    while at < len(said):
        if not is_digit(said[at].text):
            found.append(said[at])
            at += 1
            continue
        run = _run(said, at)
        texts = [word.text for word in run]
        number = digits(texts)
        is_said = not _ALSO_WORDS.issuperset(texts) and len(number) >= SHORTEST_NUMBER
        if is_said or (found and found[-1].text in EXTENSION):
            found.append(_word(number))
        else:
            found.extend(run)
        at += len(run)
    return found


def _run(said: list[Word], at: int) -> list[Word]:
    """The words from here that are one number's digits."""
    run: list[Word] = []
    for word in said[at:]:
        is_whole = word.is_number and len(word.text) >= SHORTEST_NUMBER
        if not is_digit(word.text) or (is_whole and (len(run) > 1 or any(one.is_number for one in run))):
            break
        if is_whole and run:
            break  # `uma 2005`
        run.append(word)
    return run
