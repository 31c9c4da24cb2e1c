"""What opens a part of a phrase: sequences of words, and the role of what follows them."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from itertools import product
from typing import Final, TypeAlias

from voiced.transfer.matching.parts import Role

Sequence: TypeAlias = tuple[str, ...]


class Sign(Enum):
    """What a sequence says that opens no part."""

    OTHERWISE = "X or Y"
    NOTHING = "nothing, though it looks like a name or a denial"
    SAID_BY = "what was said before is the caller's name"
    CORRECTION = "what was said before does not count"


Meaning: TypeAlias = Role | Sign
_OF: Final = "de/do/da/dos/das"
_THE: Final = "o/a/os/as"
_MAY: Final = "der/puder/tiver/estiver/for/conseguir"
# Patterns: `_` joins words, `/` parts what may stand there, and what may stand there may be nothing.
_PATTERNS: Final[dict[Meaning, tuple[str, ...]]] = {
    Role.DENIED: (
        "menos", "exceto", "except", "tirando", f"fora com/{_THE}", "sem_ser", "a_nao_ser",
        f"que/quem/contanto_que nao seja/sejam/eh/era/for/fosse/com/{_THE}",
        "desde_que nao seja/sejam/eh/com", f"em_vez/ao_inves/no_lugar {_OF}", f"do_que {_THE}",
        f"nada/chega/cansei/longe/alem {_OF}", f"deus_me_livre {_OF}/",
        "evita/evite/evitar/odeio/detesto/me_recuso", "nao_tenho interesse/vontade em/de",
        "instead_of", "anyone/anybody/someone but", "but_not",
    ),
    Role.CALLER: (
        "aqui eh/fala", "aqui_quem_fala eh/", "quem fala/esta_falando/ta_falando eh", "meu_nome eh/",
        "me_chamo", "sou", "somos", "eu_sou", f"falo/ligo/falando/ligando/chamando {_OF}",
        "falo/falando/ligo em_nome", "this_is", "my_name_is",
    ),
    Role.TALKED: (
        "falei/falamos/falava/falando/conversei/conversando/combinei/marquei com",
        f"retornar/retornando/retorno a/uma/ ligacao {_OF}", f"recebi/perdi uma/a/ ligacao {_OF}",
        f"ligaram {_OF}",
    ),
    Role.MENTIONED: (
        f"comprei/comprado/comprou com/{_OF}", "negociei/fechei/tratei com",
        f"indicacao/indicado/indicada/recomendacao por/pelo/pela/{_OF}",
        "atendido/atendida/vendido/vendida por/pelo/pela", f"a_pedido/da_parte/em_nome {_OF}",
    ),
    Role.REASON: (
        "porque", "pois", "sobre", "contra", f"por_causa/por_conta/a_respeito/relacionado a/{_OF}",
        "referente", "about", f"falar/conversar {_OF}",
    ),
    Sign.OTHERWISE: (
        "ou", "or", "senao", f"se_nao {_MAY}", f"se ele/ela nao {_MAY}",
        "caso ele/ela/ nao possa/esteja/consiga",
    ),
    Sign.NOTHING: (
        "com_urgencia", "falar/conversar/ de_novo", "mais_ou_menos", "pelo_menos", "ao_menos", "nem_que_seja",
        "minha/minhas/uma/umas compra/compras", "ser atendido/atendida por/pelo/pela/no/na",
        "por_que nao/", "voce/voces nao pode/podem/consegue/tem",
        "faz/ha/tem muitos/varios/uns/alguns/dois/tres/ dias",
    ),
    Sign.CORRECTION: (
        "quer/quero dizer", "ou_melhor", "digo", "desculpa", "desculpe", "perdao", "alias", "melhor_dizendo",
        "perai", "pera ai/", "espera ai/", "calma", "minto", "ops", "me_enganei", "errei", "corrigindo",
        "na_verdade", "pensando_bem", "i_mean", "sorry",
    ),
    Sign.SAID_BY: ("que/quem esta/ta falando", "quem fala", "falando"),
}  # fmt: skip


def _expanded(*patterns: str) -> Iterator[Sequence]:
    for pattern in patterns:
        for way in product(*(step.split("/") for step in pattern.split())):
            yield tuple(word for step in way for word in step.split("_") if word)


def _by_first() -> dict[str, list[tuple[Sequence, Meaning]]]:
    """Sequences by their first word, the longest first."""
    found: dict[str, list[tuple[Sequence, Meaning]]] = {}
    every = [(one, meaning) for meaning, patterns in _PATTERNS.items() for one in _expanded(*patterns)]
    for sequence, meaning in sorted(every, key=lambda one: len(one[0]), reverse=True):
        found.setdefault(sequence[0], []).append((sequence, meaning))
    return found


_SEQUENCES: Final = _by_first()


def opens(texts: list[str], at: int) -> tuple[int, Meaning | None]:
    """How many words the sequence has that starts here, and what it means; 0 for none."""
    for sequence, meaning in _SEQUENCES.get(texts[at], ()):
        if tuple(texts[at : at + len(sequence)]) == sequence:
            return len(sequence), meaning
    return 0, None


def corrects(texts: list[str], at: int) -> int:
    """How many words the correction has that starts here; 0 for none."""
    size, meaning = opens(texts, at)
    return size if meaning is Sign.CORRECTION else 0
