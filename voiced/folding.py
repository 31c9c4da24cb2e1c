"""Names as people write them: upper and lower case, accents and blanks are no difference."""

from __future__ import annotations

import unicodedata
from functools import lru_cache


@lru_cache(maxsize=10_000)
def fold(name: str) -> str:
    """A name for comparing: two that people would call the same are equal.

    >>> fold(" Técnico  de CAMPO ")
    'tecnico de campo'
    """
    return " ".join(without_accents(without_accents(name).casefold()).split())


def unless_blank(name: str) -> str:
    """A name as it was written; '' for one of which nothing can be compared."""
    return name if fold(name) else ""


def without_accents(text: str) -> str:
    """The letters without their marks; ligatures and wide letters as the plain ones."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(c for c in decomposed if not unicodedata.combining(c))
