"""Why a call was not placed, as a sentence."""

from __future__ import annotations

import pytest

from voiced.callback.wording import NOT_PLACED, UNDER_WAY, why_not


@pytest.mark.parametrize(
    ("cause", "leg", "portuguese", "english"),
    [
        ("USER_BUSY", "agent", "O ramal está em outra ligação.", "The extension is on another call."),
        ("DO_NOT_DISTURB", "agent", "O ramal está em não perturbe.",
         "The extension does not want to be disturbed."),
        ("USER_NOT_REGISTERED", "agent", "O ramal não está conectado.", "The extension is not connected."),
        ("CALL_REJECTED", "agent", "O ramal recusou a ligação.", "The extension refused the call."),
        ("USER_BUSY", "client", "O cliente está em outra ligação.", "The client is on another call."),
        ("UNALLOCATED_NUMBER", "client", "O cliente não pode ser chamado.", "The client cannot be reached."),
        ("ATTEMPT_UNDER_WAY", "agent", UNDER_WAY["pt-BR"], UNDER_WAY["en"]),
        ("LOST", "", NOT_PLACED["pt-BR"], NOT_PLACED["en"]),
        ("NORMAL_CLEARING", "agent", NOT_PLACED["pt-BR"], NOT_PLACED["en"]),
        ("<script>", "", NOT_PLACED["pt-BR"], NOT_PLACED["en"]),
    ],
)  # fmt: skip
def test_a_cause_is_told_of_whom_it_is(cause: str, leg: str, portuguese: str, english: str) -> None:
    assert (why_not(cause, leg, "pt-BR"), why_not(cause, leg, "en")) == (portuguese, english)
