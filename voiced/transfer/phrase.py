"""What a phrase asks for: its wanted, unwanted and explaining parts, and the words that say something.

Callers say more than a name: who they are, whom they do not want, why they call. None of it needs a grammar;
a few words of everyday open and close each part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from voiced.transfer.spoken import Word

Words = list[Word]
OR: Final = Word("ou", "ou", "ou")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


Sequences = dict[str, list[list[str]]]  # word sequences by their first word


def _all(*texts: str) -> Sequences:
    found: Sequences = {}
    for words in map(str.split, texts):
        found.setdefault(words[0], []).append(words)
    return found


TITLES: Final = _set(
    "sr sra srta senhor senhora seu dona dr dra doutor doutora dotor dotora prof professor professora"
)
LINKS: Final = _set("de do da dos das")
_SMALL: Final = _set(
    """o a os as um uma uns umas em no na nos nas ao aos pro pra pros pras para por pelo pela com sem e eh
    que se me te lhe mim eu tu voce voces vc ele ela eles elas meu minha meus minhas sua seus
    suas esse essa este esta isso aquele aquela la ai aqui ali mas entao assim ja so tambem ainda
    agora hoje amanha ontem logo mesmo direto rapido urgente urgentemente muito bem tudo tipo olha
    olhe escuta ne"""
)
_DESIRES: Final = _set("quero queria queremos gostaria preciso precisava precisamos prefiro desejo desejaria")
_WANTS: Final = _DESIRES | _set(
    """posso pode poderia podia consigo consegue disca falar fala falando conversar passa passe passar
    transfere transfira transferir liga ligue ligar conecta conectar chama chame chamar bota coloca
    poe manda encaminha direciona"""
)
_EVERYDAY: Final = _set(
    """favor gentileza oi ola alo bom boa dia tarde noite obrigado obrigada licenca ver ve vou vamos ir
    fazer pedir saber tratar dar ter ser sou esta estao estou ta tava tou to tem tinha foi era seria
    sao fosse como onde quando nao sim sei acho possivel preferencia favorzinho responsavel livre
    estiver tanto faz trabalha atende atender cuida puder possa ramal extensao numero telefone setor
    departamento area pessoal equipe time turma galera parte nome chamado chamada amor deus
    carne osso"""
)
GENERICS: Final = _set(
    """atendente atendentes pessoa pessoas alguem humano humana gente qualquer quem ninguem outro outra
    disponivel verdade real robo maquina gravacao
    someone somebody anyone anybody person human agent operator representative"""
)
_ENGLISH: Final = _set(
    """i want need would like can could you please hi hello good morning afternoon the an to with from in of
    for speak talk transfer connect put me my through mr mrs ms dr department extension number thanks"""
)
FILLERS: Final = TITLES | LINKS | _SMALL | _WANTS | _EVERYDAY | GENERICS | _ENGLISH

_CORRECTIONS: Final = _all(
    "quer dizer", "ou melhor", "digo", "desculpa", "desculpe", "perdao", "alias", "melhor dizendo"
)
_INTRODUCTIONS: Final = _all(
    "aqui e", "aqui quem fala", "quem fala e", "quem esta falando e", "meu nome e", "me chamo", "eu sou",
    "sou o", "sou a",
)  # fmt: skip
_REASONS: Final = _all("porque", "pois", "sobre", "por causa", "a respeito", "por conta", "referente")
_BEFORE_ANYBODY: Final = _WANTS | _set(
    "um uma algum alguma qualquer outro outra com pra para pro a an to with the"
)
_TOWARDS: Final = _set("com pra para pro")
_DENIED: Final = _WANTS | _TOWARDS | {"e", "eh", "era", "seria", "me", "eu"}  # after `não`
_NOT_DENYING: Final = _set("sei consigo consegui lembro entendi entendo tenho tem estou to")


@dataclass(frozen=True, slots=True)
class Clause:
    """A wanted part, and what is said to explain it (after `porque`, `sobre`, `pra resolver` …)."""

    words: Words
    reason: Words


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase in its parts. `wanted` has one clause for each side of an `ou`."""

    wanted: list[Clause]
    unwanted: list[Words]


def parse(words: Words, is_known: Callable[[Word], bool]) -> Phrase:
    """The parts of a phrase. `is_known` tells the words of the directory from others."""
    words = _without_introduction(words)
    words = _after_correction(words, is_known)
    wanted, unwanted = _without_denials(words, is_known)
    return Phrase([_clause(part, is_known) for part in _alternatives(wanted)], unwanted)


def has_content(words: Words) -> bool:
    """Whether a part says anything but fillers."""
    return any(word.text not in FILLERS for word in words)


def asks_for_anybody(words: Words) -> bool:
    """Whether a part ends in asking for a person, any (`… me passa pra uma pessoa`)."""
    for at in range(len(words) - 1, 0, -1):
        if words[at].text in GENERICS:
            return words[at - 1].text in _BEFORE_ANYBODY
        if has_content([words[at]]):
            return False
    return False


# -- the parts --------------------------------------------------------------------------------------------


def _without_introduction(words: Words) -> Words:
    """Who calls is not whom they call: `aqui é o Pedro da transportadora, eu preciso falar com …`."""
    for at in range(len(words)):
        if size := _starts(words, at, _INTRODUCTIONS):
            rest = range(at + size, len(words))
            return words[:at] + words[next((i for i in rest if words[i].text in _WANTS), len(words)) :]
    return words


def _after_correction(words: Words, is_known: Callable[[Word], bool]) -> Words:
    """`suporte, quer dizer, financeiro`: what comes after counts."""
    for at in range(len(words) - 1, -1, -1):
        size = _starts(words, at, _CORRECTIONS)
        if size and any(is_known(word) for word in words[at + size :]):
            return words[at + size :]
    return words


def _without_denials(words: Words, is_known: Callable[[Word], bool]) -> tuple[Words, list[Words]]:
    """`não quero X, quero Y`, `X não, Y`, `menos X`: the wanted words, and the unwanted parts."""
    wanted: Words = []
    unwanted: list[Words] = []
    denied: Words | None = None
    for at, word in enumerate(words):
        after = words[at + 1] if at + 1 < len(words) else None
        if denied is not None:
            if not _ends_denial(word, denied):
                denied.append(word)
                continue
            unwanted.append(denied)
            denied = None
        if word.text in ("menos", "exceto") or (
            word.text == "sem" and after is not None and after.text == "ser"
        ):
            denied = []
        elif word.text == "nao" and after is not None and after.text not in _NOT_DENYING | {"nao"}:
            between_two = any(map(is_known, wanted)) and _names_at_once(words[at + 1 :], is_known)
            if between_two and after.text in _TOWARDS:
                wanted.append(OR)  # `pro suporte não pro financeiro`: either may be meant
            elif after.text in _DENIED:
                denied = []
            elif between_two:
                unwanted.append(wanted)
                wanted = []
        else:
            wanted.append(word)
    if denied:
        unwanted.append(denied)
    return wanted, [part for part in unwanted if has_content(part)]


def _ends_denial(word: Word, denied: Words) -> bool:
    if word.text in _DESIRES:
        return any(one.text not in _SMALL for one in denied)
    ends = word.text in _WANTS or word.text in ("outro", "outra") or word.raw in ("é", "mas", "sim")
    return ends and not all(one.text in _WANTS | _SMALL | LINKS for one in denied)


def _names_at_once(words: Words, is_known: Callable[[Word], bool]) -> bool:
    """Whether the first words that say something are of the directory."""
    return any(is_known(word) for word in [word for word in words if word.text not in FILLERS][:1])


def _alternatives(words: Words) -> list[Words]:
    parts: list[Words] = [[]]
    for word in words:
        if word.text == OR.text:
            parts.append([])
        else:
            parts[-1].append(word)
    return [part for part in parts if has_content(part)] or [words]


def _clause(words: Words, is_known: Callable[[Word], bool]) -> Clause:
    for at, word in enumerate(words):
        size = _starts(words, at, _REASONS)
        if not size and word.text == "que" and at and words[at - 1].text in GENERICS:
            size = 1  # `alguém que entenda de …`
        if not size and word.text in ("pra", "para") and _is_purpose(words[at + 1 : at + 3], is_known):
            size = 1  # `pra me ajudar com …`
        if size:
            return Clause(words[:at], words[at + size :])
    return Clause(words, [])


def _is_purpose(words: Words, is_known: Callable[[Word], bool]) -> bool:
    """Whether an infinitive follows at once."""
    if words and words[0].text in ("me", "nos", "eu", "se"):
        words = words[1:]
    return bool(
        words
        and words[0].text.endswith(("ar", "er", "ir"))
        and words[0].text not in FILLERS
        and not is_known(words[0])
    )


def _starts(words: Words, at: int, sequences: Sequences) -> int:
    """How many words the sequence has that starts here; 0 for none."""
    for sequence in sequences.get(words[at].text, ()):
        if [word.text for word in words[at : at + len(sequence)]] == sequence:
            return len(sequence)
    return 0
