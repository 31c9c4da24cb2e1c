"""A phrase read once from left to right: where its parts begin, and which role each plays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from voiced.transfer.matching.openers import Sign, opens
from voiced.transfer.matching.parts import OR, Part, Role, Words, says
from voiced.transfer.matching.spoken import PAUSE, Word
from voiced.transfer.matching.vocabulary import (
    ARTICLES,
    CALLED,
    CONTACTS,
    COPULAS,
    DENIABLE,
    DESIRES,
    FILLERS,
    GENERICS,
    INTENSIFIERS,
    LINKS,
    NEGATIONS,
    NEXT_TO_NAMES,
    NOBODY_ELSE,
    POLITE,
    QUALIFIES,
    SENT,
    SHE,
    TITLES,
    TOLD,
    TOWARDS,
)

IsKnown: TypeAlias = Callable[[Word], bool]
_WISHES: Final = (Role.CONTACT, Role.WISH)
_WANTED: Final = (*_WISHES, Role.PLAIN, Role.OPENING)  # where the name of who is wanted may stand
_INFINITIVES: Final = ("ar", "er", "ir")
_JOINS: Final = frozenset(("e", "mas", "so", "porem"))  # `e não Y`: Y is denied, whatever was wanted
_TURNS: Final = frozenset(("mas", "sim", "porem", "eh", "era", "seria"))  # and this ends a denial
_INSTEAD: Final = frozenset(("em", "ao", "no", "instead"))
_AHEAD: Final = 8  # words in which a name is looked for


class Reader:
    """Reads one phrase. A rule returns how many words it took: 0 if it does not apply, or leaves the word."""

    def __init__(self, said: Words, is_known: IsKnown) -> None:
        self._said, self._is_known = said, is_known
        self._texts = [word.text for word in said]
        self._parts = [Part(Role.PLAIN)]
        self._verb = ""  # of the open denial: `é`, `quero` …; '' for a bare `não`

    def read(self) -> list[Part]:
        """The parts in the order said."""
        at = 0
        while at < len(self._said):
            taken = self._sequence(at) or self._negation(at) or self._wish(at)
            if not taken:
                self._turn(at)
                self._words.append(self._said[at])
            at += taken or 1
        return [part for part in self._parts if part.words]

    # -- what is open, and what is near -------------------------------------------------------------------

    @property
    def _role(self) -> Role:
        return self._parts[-1].role

    @property
    def _words(self) -> Words:
        return self._parts[-1].words

    @property
    def _has_object(self) -> bool:
        """Whether the open part says whom or what, if only `alguém`."""
        return says(self._words) or has(self._words, GENERICS)

    @property
    def _names_one(self) -> bool:
        """Whether the open part has a name of the directory."""
        return any(map(self._is_known, self._words))

    def _open(self, role: Role) -> None:
        if not self._words:
            self._parts.pop()
        self._parts.append(Part(role))

    def _text(self, at: int) -> str:
        return self._texts[at] if 0 <= at < len(self._texts) else ""

    def _names_next(self, at: int) -> bool:
        """Whether a name of the directory follows at once."""
        while self._text(at) in NEXT_TO_NAMES:
            at += 1
        return at < len(self._said) and self._is_known(self._said[at])

    def _begins_name(self, at: int) -> bool:
        """`o financeiro`, and not the end of `contas a pagar`."""
        is_article = self._text(at) in ARTICLES and not self._text(at + 1).endswith(_INFINITIVES)
        return is_article and self._names_next(at)

    def _names_soon(self, at: int) -> bool:
        """Whether the first word from here that says something is of the directory."""
        telling = (word for word in self._said[at : at + _AHEAD] if word.says)
        return self._is_known(next(telling, PAUSE))

    def _polite(self, at: int) -> int | None:
        """How many words of politeness are left, to the end, a pause or a `mas`; None if more is said."""
        for size, text in enumerate(self._texts[at:]):
            if text not in POLITE:
                return size if text in (PAUSE.text, "mas") else None
        return len(self._texts[at:])

    # -- what opens a part --------------------------------------------------------------------------------

    def _sequence(self, at: int) -> int:
        size, meaning = opens(self._texts, at)
        match meaning:
            case Role():
                self._opens(meaning, at)
            case Sign.OTHERWISE if self._role is not Role.DENIED:
                self._words.append(OR)
            case Sign.SAID_BY if self._role in (Role.PLAIN, Role.OPENING) and says(self._words):
                self._parts[-1].role = Role.CALLER  # `Pedro Lima falando`
        return size

    def _opens(self, role: Role, at: int) -> None:
        if role is Role.DENIED:
            if self._role is Role.DENIED and has(self._words, NOBODY_ELSE):
                role = Role.WISH  # `não falo com ninguém que não seja o Rui`
            self._verb = "" if self._text(at) in _INSTEAD else self._text(at)
        elif self._role is Role.DENIED and not self._has_object:
            return  # `não é sobre …`
        self._open(role)

    def _wish(self, at: int) -> int:
        """`quero …`, `me passa pra …`; of several in a row the first opens."""
        text = self._text(at)
        if text not in DESIRES and text not in CONTACTS:
            return 0
        if self._role is Role.REASON and not self._asks(at):
            return 0  # `porque o computador não liga`
        role = Role.WISH if text in DESIRES else Role.CONTACT
        if self._words and self._words[-1] is OR:
            return 1  # `quero a Ana ou quero o Rui`
        if self._role in (*_WISHES, Role.PLAIN) and not says(self._words):
            self._parts[-1].role = min(self._role, role)  # `quero`, then `falar`
        elif self._role is not Role.DENIED or self._has_object:
            self._open(role)
        return 1

    def _asks(self, at: int) -> bool:
        """Whether a verb asks for somebody: `quero`, `me passa`, `liga pro`."""
        after = self._text(at + 1)
        return (
            self._text(at) in DESIRES or self._text(at - 1) == "me" or after in TOWARDS or after in ARTICLES
        )

    # -- what ends a part, or turns it into another -------------------------------------------------------

    def _turn(self, at: int) -> None:
        if role := self._next_role(at):
            self._open(role)
        elif self._text(at) in CALLED | SENT and says(self._words) and self._role is not Role.DENIED:
            if self._role in (Role.PLAIN, Role.OPENING):
                self._parts[-1].role = self._who_did(at)
            self._open(Role.REASON)
        elif self._begins_opening(at):
            self._open(Role.OPENING)
        elif self._explains(at):
            self._open(Role.REASON)

    def _next_role(self, at: int) -> Role | None:
        """Of the part that begins here because the open one has ended."""
        text, after = self._text(at), self._text(at + 1)
        match self._role:
            case Role.DENIED if says(self._words):
                if text in _TURNS:
                    return Role.WISH  # `não é X, é Y`, `não X, mas Y`
                if text in GENERICS:
                    return Role.PLAIN  # `menos o Rui, qualquer um`
                is_apart = text == PAUSE.text and (not self._verb or self._verb in COPULAS)
                if (is_apart and self._names_next(at + 1)) or (not self._verb and self._begins_name(at)):
                    return Role.WISH  # `não a Ana, o Pedro`
            case Role.CALLER | Role.OPENING | Role.TALKED | Role.MENTIONED if says(self._words):
                is_apart = text == PAUSE.text and after not in LINKS
                if is_apart or self._begins_name(at):
                    return Role.PLAIN  # `é a Maria da empresa X, o financeiro`
        if self._role is Role.DENIED and text == "mas" and self._words:
            return Role.WISH  # `não é urgente, mas preciso de X`
        if text == "eh" and self._text(at - 1) == "mas" and self._text(at + 2) not in LINKS:
            return Role.WISH  # `eu pedi X, mas é Y que eu quero`
        if self._role is Role.CALLER and text == "e" and self._words:
            return Role.PLAIN  # `sou cliente e o boleto venceu`
        return None

    def _who_did(self, at: int) -> Role:
        """`a Ana me ligou` wants Ana, `a Ana pediu um boleto` does not."""
        text = self._text(at)
        is_referral = text in TOLD and any(map(self._is_known, self._said[at + 1 :]))
        return Role.MENTIONED if text in SENT or is_referral else Role.TALKED

    def _begins_opening(self, at: int) -> bool:
        """`é a Maria …` at the beginning, or after the wish."""
        if self._text(at) != "eh":
            return False
        after = self._text(at + 1)
        if self._role is Role.PLAIN:
            names = after in ARTICLES or after in ("do", "da") or self._names_next(at + 1)
            return names and not says(self._words)
        return self._role in _WISHES and says(self._words) and after in ARTICLES

    def _explains(self, at: int) -> bool:
        """`a Ana, ela me vendeu …`, `alguém que …`, `pra consertar …`: what it is about, and no name."""
        text, after = self._text(at), self._text(at + 1)
        if self._role not in (*_WANTED, Role.TALKED):
            return False
        if text in SHE:
            return says(self._words) and self._text(at - 1) not in TOWARDS
        if text == "que":
            is_of_anybody = bool(self._words) and self._words[-1].text in GENERICS
            return is_of_anybody or (says(self._words) and after not in QUALIFIES)
        if text in ("pra", "para"):
            verb = at + 2 if after in ("me", "nos", "eu", "se") else at + 1
            done = self._text(verb)
            is_done = done.endswith(_INFINITIVES) and done not in FILLERS
            return is_done and not self._is_known(self._said[verb])
        return False

    # -- denials ------------------------------------------------------------------------------------------

    def _negation(self, at: int) -> int:
        """`não quero X`, `não é X`, `não X` deny what follows, `X não` what was said, `X não Y` one of them.

        Any other `não` only tells what happened: `o boleto não chegou`, `a Ana não está`.
        """
        text = self._text(at)
        if text not in NEGATIONS:
            return 0
        verb = at + 1
        while self._text(verb) in INTENSIFIERS or self._text(verb) in NEGATIONS:
            verb += 1
        names = self._role in _WANTED and self._names_one
        polite = self._polite(at + 1)
        if polite is not None:
            if names:
                self._deny_last()  # `o Renato não, por favor`
            return 1 + polite
        if self._is_denial(verb):
            if names and self._polite(verb + 1) is not None:
                self._deny_last()  # `o Renato não quero`
            elif names and self._is_open(at) and self._names_soon(verb):
                self._words.append(OR)  # `o suporte não quero o RH`
            else:
                self._deny(self._text(verb))
            return verb + 1 - at
        if text != "num" and self._names_next(at + 1):
            if names and self._is_open(at):
                self._words.append(OR)  # `financeiro não suporte`
            else:
                self._deny("")
            return 1
        return 0

    def _is_denial(self, verb: int) -> bool:
        """Whether a `não` before this verb denies somebody: not in `não é possível`, `o micro não liga`."""
        text, after = self._text(verb), self._text(verb + 1)
        if text in COPULAS:
            return after in NEXT_TO_NAMES or self._names_next(verb + 1)
        return (
            text in DENIABLE or (text == "pode" and after == "ser") or (text in CONTACTS and self._asks(verb))
        )

    def _is_open(self, at: int) -> bool:
        """Whether nobody can tell which side of `X não Y` is denied: after a wish or an `e` it is Y."""
        return self._role is Role.PLAIN and self._text(at) != "nem" and self._text(at - 1) not in _JOINS

    def _deny(self, verb: str) -> None:
        if self._role is not Role.DENIED or self._has_object:
            self._open(Role.DENIED)
        self._verb = verb

    def _deny_last(self) -> None:
        """The last name that was said, and all that belongs to it."""
        words = self._words
        start = max(at for at, word in enumerate(words) if word.says)
        while start and (says(words[start - 1 : start]) or words[start - 1].text in LINKS | TITLES.keys()):
            start -= 1
        self._parts.insert(len(self._parts) - 1, Part(Role.DENIED, words[start:]))
        del words[start:]


def has(words: Words, texts: frozenset[str]) -> bool:
    """Whether one of these is said."""
    return any(word.text in texts for word in words)
