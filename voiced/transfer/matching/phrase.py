"""What a phrase asks for: its parts, each with the role that it plays.

Callers say more than a name: who they are, whom they do not want, why they call. A part begins at a word that
says what follows (`quero falar com`, `menos`, `aqui é`, `porque`), and ends where the next begins:

    aqui é o Pedro da Santos │ não quero a Ana │ me passa pro financeiro │ porque o boleto venceu
    CALLER                   │ DENIED          │ CONTACT                 │ REASON
"""

from __future__ import annotations

from voiced.transfer.matching.openers import corrects
from voiced.transfer.matching.parts import Part, Role, Words, says
from voiced.transfer.matching.reading import IsKnown, Reader, has
from voiced.transfer.matching.spoken import PAUSE
from voiced.transfer.matching.vocabulary import LINKS, OTHERS, PAPERS, RELATED, SHE


def parse(said: Words, is_known: IsKnown) -> list[Part]:
    """The parts of a phrase, in the order said. `is_known` tells the words of the directory from others."""
    said = _without_papers(said)
    said = _corrected(said, is_known)
    parts = Reader(said, is_known).read()
    wishes = [part.words for part in parts if part.role in (Role.CONTACT, Role.WISH)]
    denials = [part.words for part in parts if part.role is Role.DENIED]
    if any(has(words, OTHERS) for words in wishes) or any(_only_says(words, SHE) for words in denials):
        _deny_who_was_named(parts)
    if any(_only_says(words, SHE) for words in wishes):
        _want_who_was_named(parts)
    return parts


def _only_says(words: Words, texts: frozenset[str]) -> bool:
    return has(words, texts) and not says(words)


def _without_papers(said: Words) -> Words:
    """`pedido 2007`, `nota fiscal número 2007`: without numbers that nobody can be reached at."""
    found: Words = []
    is_of_paper = False
    for word in said:
        if not (word.is_number and is_of_paper):
            found.append(word)
            is_of_paper = word.text in PAPERS or (
                is_of_paper and word.text in ("fiscal", "numero", "n", *LINKS)
            )
    return found


def _corrected(said: Words, is_known: IsKnown) -> Words:
    """`suporte, quer dizer, financeiro`: what comes after counts, be it only the end (`… digo, do RH`)."""
    texts = [word.text for word in said]
    for at in range(len(said) - 1, -1, -1):
        size = corrects(texts, at)
        after = said[at + size :]
        if size and any(map(is_known, after)):
            while after[0] is PAUSE:
                after = after[1:]
            links = [place for place in range(at) if texts[place] in LINKS]
            return said[: links[-1]] + after if links and after[0].text in LINKS else after
    return said


def _deny_who_was_named(parts: list[Part]) -> None:
    """`a Ana não resolveu, quero outra pessoa`, `não quero mais falar com ela`."""
    for part in parts:
        if part.role in (Role.PLAIN, Role.TALKED, Role.MENTIONED):
            part.role = Role.DENIED


def _want_who_was_named(parts: list[Part]) -> None:
    """`comprei com a Ana`, `sou cliente da Ana`: `quero falar com ela`."""
    for part in list(parts):
        if part.role is Role.MENTIONED:
            part.role = Role.TALKED
        elif part.role is Role.CALLER:
            words = part.words
            for at in range(len(words) - 1):
                if words[at].text in RELATED and words[at + 1].text in LINKS:
                    parts.append(Part(Role.TALKED, words[at + 2 :]))
