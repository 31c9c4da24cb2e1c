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
    names = [_named(one) for one in options]
    return {
        "pt-BR": f"Você quer falar com {_listed(names, 'ou')}?",
        "en": f"Would you like to speak to {_listed(names, 'or')}?",
    }


def nobody(choices: Sequence[Destination]) -> dict[str, str]:
    """There is nobody of that name; whom there is."""
    names = [_named(one) for one in choices]
    if not names:
        return {"pt-BR": "Não encontrei esse destino.", "en": "I could not find that destination."}
    return {
        "pt-BR": f"Não encontrei esse destino. Posso transferir para {_listed(names, 'ou')}.",
        "en": f"I could not find that destination. I can transfer you to {_listed(names, 'or')}.",
    }


def _named(one: Destination) -> str:
    """A name, with the department where that says more."""
    department = one.department
    return f"{one.name} ({department})" if department and department != one.name else one.name


def _listed(names: Sequence[str], word: str) -> str:
    """`A`, `A ou B`, `A, B ou C`."""
    return f"{', '.join(names[:-1])} {word} {names[-1]}" if len(names) > 1 else names[0]
