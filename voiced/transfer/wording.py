"""What an assistant may say when it cannot transfer at once: pt-BR first, English second."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from voiced.transfer.destination import Destination

DISABLED: Final = {
    "pt-BR": "No momento não consigo transferir a ligação.",
    "en": "I cannot transfer the call at the moment.",
}
NOT_NOW: Final = {
    "pt-BR": "Não consegui transferir a ligação agora. Posso ajudar de outra forma?",
    "en": "I could not transfer the call just now. Can I help in another way?",
}
BUSY_OUTSIDE: Final = {
    "pt-BR": "As linhas externas estão ocupadas. Tente de novo em um minuto.",
    "en": "The outside lines are busy. Please try again in a minute.",
}


def question(options: Sequence[Destination]) -> dict[str, str]:
    """Which of several is meant."""
    return {
        "pt-BR": f"Você quer falar com {_listed(_told_apart(options, 'ramal'), 'ou')}?",
        "en": f"Would you like to speak to {_listed(_told_apart(options, 'extension'), 'or')}?",
    }


def nobody(choices: Sequence[Destination]) -> dict[str, str]:
    """There is nobody of that name; whom there is."""
    if not choices:
        return {"pt-BR": "Não encontrei esse destino.", "en": "I could not find that destination."}
    theirs, in_english = (_told_apart(choices, word) for word in ("ramal", "extension"))
    return {
        "pt-BR": f"Não encontrei esse destino. Posso transferir para {_listed(theirs, 'ou')}.",
        "en": f"I could not find that destination. I can transfer you to {_listed(in_english, 'or')}.",
    }


def _told_apart(several: Sequence[Destination], extension: str) -> list[str]:
    """Names, each with its department; where two are the same, with the role; and if need be, the number."""
    of_role = [_named(one, one.department, one.role) for one in several]
    of_number = [_named(one, one.department, f"{extension} {one.number}") for one in several]
    names = [_named(one, one.department) for one in several]
    for more in (of_role, of_number):
        twice = {name for name in names if names.count(name) > 1}
        names = [longer if name in twice else name for name, longer in zip(names, more, strict=True)]
    return names


def _named(one: Destination, *what: str) -> str:
    """A name, with what says more than the name itself."""
    more = ", ".join(text for text in what if text and text != one.name)
    return f"{one.name} ({more})" if more else one.name


def _listed(names: Sequence[str], word: str) -> str:
    """`A`, `A ou B`, `A, B ou C`."""
    return f"{', '.join(names[:-1])} {word} {names[-1]}" if len(names) > 1 else names[0]
