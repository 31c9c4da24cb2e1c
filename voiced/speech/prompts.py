"""Shipped prompts: short WAV files (8 kHz, 16 bit, mono), in pt-BR and English, that the PBX plays.

The PBX opens the files itself. Where it runs on another machine they have to be copied there, and
`[speech] prompts_dir` says where; without that, and without being on this machine, no prompt is played.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

SHIPPED: Final = Path(__file__).resolve().parent.parent / "sounds"


class Prompt(StrEnum):
    """Each prompt, by its file's name."""

    CALLER_LEFT = "caller_left"  # to an agent: the caller has hung up
    PLEASE_WAIT = "please_wait"  # to a caller on hold: we are still calling
    TRANSFERRED_CALL = "transferred_call"  # to an agent: a call transferred by the assistant, from …
    UNKNOWN_NUMBER = "unknown_number"  # … an unknown number
    PRESS_A_KEY = "press_a_key"  # to an agent: 1 takes, 2 refuses, 3 calls back later
    NOBODY_AVAILABLE = "nobody_available"  # to a caller, before the call ends
    CALLBACK_TO = "callback_to"  # to an agent: a call back to …
    CLIENT_UNREACHED = "client_unreached"  # to an agent: the client does not answer
    CALLBACK_KEY = "callback_key"  # to a client: you asked to be called back, press 1 to talk
    CALLING_AGENT = "calling_agent"  # to a client: we are calling the agent
    CALLBACK_LATER = "callback_later"  # to a client: the agent cannot take it, we will call again


@dataclass(frozen=True, slots=True)
class Prompts:
    """Where the PBX finds the prompts; '' for nowhere."""

    directory: str

    def path(self, prompt: str, locale: str) -> str:
        """The file as the PBX names it, '' if it has none."""
        return f"{self.directory}/{locale}/{prompt}.wav" if self.directory else ""

    def digits(self, number: str, locale: str) -> list[str]:
        """A number spoken digit by digit, the last eleven of it (area code and subscriber in Brazil)."""
        return [self.path(f"digit_{digit}", locale) for digit in number if digit in "0123456789"][-11:]


NO_PROMPTS: Final = Prompts("")


def find(directory: str, pbx_is_here: bool) -> Prompts:
    """The configured directory, else the shipped one if the PBX runs on this machine."""
    return Prompts(directory.rstrip("/") or (str(SHIPPED) if pbx_is_here else ""))
