"""Names that people would call the same are equal when they are folded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.folding import fold


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Financeiro", "FINANCEIRO"), ("Recepção", "recepcao"), ("Técnico", "te\u0301cnico"),
        (" Apoio  ao cliente", "apoio ao\tCliente "), ("Straße", "STRASSE"), ("ＲＨ", "rh"),
        ("İstanbul", "istanbul"),
    ],
)  # fmt: skip
def test_case_accents_and_blanks_are_no_difference(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Pós-venda", "Pós venda"), ("Suporte", "Suporte 2"), ("", "-"), ("São João", "SãoJoão")],
)
def test_other_names_are_other_names(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(st.text())
def test_what_is_folded_stays_as_it_is(name: str) -> None:
    assert fold(fold(name)) == fold(name)
