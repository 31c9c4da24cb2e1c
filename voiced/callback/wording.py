"""Why a call was not placed, or came to nothing at once: pt-BR first, English second."""

from __future__ import annotations

from typing import Final

from voiced.callback.outcome import Side
from voiced.pbx.causes import Meaning, meaning

UNDER_WAY: Final = {
    "pt-BR": "Já há uma ligação em andamento para este cliente ou este ramal.",
    "en": "This client or this extension is being called already.",
}
NOT_PLACED: Final = {
    "pt-BR": "Não foi possível fazer a ligação agora.",
    "en": "The call could not be placed just now.",
}
_WHO: Final = {
    Side.AGENT: {"pt-BR": "O ramal", "en": "The extension"},
    Side.CLIENT: {"pt-BR": "O cliente", "en": "The client"},
}
_WHY: Final = {
    Meaning.BUSY: {"pt-BR": "está em outra ligação", "en": "is on another call"},
    Meaning.NO_ANSWER: {"pt-BR": "não atendeu", "en": "did not answer"},
    Meaning.DND: {"pt-BR": "está em não perturbe", "en": "does not want to be disturbed"},
    Meaning.OFFLINE: {"pt-BR": "não está conectado", "en": "is not connected"},
    Meaning.REJECTED: {"pt-BR": "recusou a ligação", "en": "refused the call"},
    Meaning.UNAVAILABLE: {"pt-BR": "não pode ser chamado", "en": "cannot be reached"},
}


def why_not(cause: str, leg: str, locale: str) -> str:
    """One sentence. `leg` is whose ending it was (agent, client), '' for nobody's."""
    if cause == "ATTEMPT_UNDER_WAY":
        return UNDER_WAY[locale]
    why = _WHY.get(meaning(cause))
    return f"{_WHO[Side(leg)][locale]} {why[locale]}." if why and leg else NOT_PLACED[locale]
