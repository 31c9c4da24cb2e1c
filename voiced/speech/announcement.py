"""What an agent hears before a transferred call: who calls and why, and which key takes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from voiced.speech.prompts import NO_PROMPTS, Prompt, Prompts

LONGEST_REASON: Final = 120  # characters that are spoken; an agent is kept waiting by each of them
_TEXTS: Final = {
    "pt-BR": ("Chamada de {who}.", " Motivo: {reason}."),
    "en": ("Call from {who}.", " Reason: {reason}."),
}


@dataclass(frozen=True, slots=True)
class Announcement:
    """Files to play, and text for the PBX's speech engine as `ENGINE|VOICE|TEXT` ('' for none)."""

    sounds: tuple[str, ...]
    speech: str = ""


@dataclass(frozen=True, slots=True)
class Announcer:
    """Makes announcements: with the PBX's speech engine where it has one, else from shipped prompts."""

    prompts: Prompts
    engine: str = ""
    voice: str = ""

    @property
    def can_speak(self) -> bool:
        """Whether there is anything to make an announcement with."""
        return bool(self.engine or self.prompts.directory)

    def announce(
        self, locale: str, number: str, name: str, reason: str, *, who: bool, key: bool
    ) -> Announcement:
        """Who calls (if `who`), and the question for a key (if `key`)."""
        speech, sounds = "", list[str]()
        if who and self.engine:
            speech = f"{self.engine}|{self.voice}|{_sentence(locale, number, name, reason)}"
        elif who and self.prompts.directory:
            digits = self.prompts.digits(number, locale)
            unknown = [self.prompts.path(Prompt.UNKNOWN_NUMBER, locale)]
            sounds += [self.prompts.path(Prompt.TRANSFERRED_CALL, locale), *(digits or unknown)]
        if key and self.prompts.directory:
            sounds.append(self.prompts.path(Prompt.PRESS_A_KEY, locale))
        return Announcement(tuple(sounds), speech)


NO_ANNOUNCER: Final = Announcer(NO_PROMPTS)


def _sentence(locale: str, number: str, name: str, reason: str) -> str:
    from_whom, why = _TEXTS.get(locale, _TEXTS["en"])
    who = _spoken(name) or " ".join(digit for digit in number if digit.isdigit())
    told = _spoken(reason)[:LONGEST_REASON]
    return from_whom.format(who=who) + (why.format(reason=told) if told else "")


def _spoken(text: str) -> str:
    """Text that is safe in an application's argument: letters, digits, spaces and `.,?-`."""
    return " ".join(re.sub(r"[^\w .,?-]|_", " ", text).split())
