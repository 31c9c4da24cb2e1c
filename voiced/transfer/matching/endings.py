"""Other forms of a word that mean the same destination: plurals, the other gender, what is done there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from voiced.transfer.matching.vocabulary import CUSTOMERS

_SAME: Final = 0.96  # how alike venda and vendas are, vendedor and vendedora, cobrar and cobrança (0–1)
_LESS: Final = 0.9  # and financeira and financeiro; a customer's `comprar` and Vendas
_SHORTEST_PLURAL: Final = 4  # letters: `tia` is no TI
_SHORTEST_GENDER: Final = 6  # letters: `troco` is no troca
_PLURALS: Final = (("", "s"), ("r", "res"), ("z", "zes"), ("ao", "oes"), ("l", "is"), ("m", "ns"))
_DOINGS: Final = {  # the end of a verb → of what is done
    verb: tuple(done.split())
    for verb, done in {
        "ar": "a as o os io ios acao acoes anca ancas amento amentos agem agens adoria",
        "er": "imento imentos",
        "ir": "icao icoes imento imentos",
        "olver": "olucao",
    }.items()
}


def other_endings(text: str) -> Iterator[tuple[str, float]]:
    """What a folded word may stand for, whether there is such a word or not, and how alike they are.

    >>> dict(other_endings("reclamar"))["reclamacao"], dict(other_endings("cotacao"))["cotacoes"]
    (0.96, 0.96)
    """
    if text in CUSTOMERS:
        yield from ((done, _LESS) for done in CUSTOMERS[text])
        return
    if len(text) >= _SHORTEST_PLURAL:
        for one, many in _PLURALS:
            if text.endswith(many):
                yield text.removesuffix(many) + one, _SAME
            if text.endswith(one):
                yield text.removesuffix(one) + many, _SAME
    if len(text) >= _SHORTEST_GENDER:
        if text.endswith("a"):
            yield text[:-1], _LESS
            yield f"{text[:-1]}o", _LESS
        else:
            yield f"{text}a", _SAME
            yield f"{text.removesuffix('o')}a", _SAME
        for verb, done in _DOINGS.items():
            if text.endswith(verb):
                yield from ((text.removesuffix(verb) + end, _SAME) for end in done)
