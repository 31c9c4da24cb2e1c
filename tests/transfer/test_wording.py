"""What an assistant asks: a question can be answered, whoever is asked about."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from voiced.transfer.destination import Destination
from voiced.transfer.request import DestinationType
from voiced.transfer.wording import nobody, question


def one(name: str, number: str, **columns: Any) -> Destination:
    return Destination(UUID(int=int(number)), UUID(int=0), name, DestinationType.EXTENSION, number, **columns)


def test_a_name_is_told_with_its_department_where_that_says_more() -> None:
    options = [one("Ana", "1", department="Caixa"), one("Suporte", "2", department="Suporte")]
    assert question(options) == {
        "pt-BR": "Você quer falar com Ana (Caixa) ou Suporte?",
        "en": "Would you like to speak to Ana (Caixa) or Suporte?",
    }


def test_two_of_one_name_and_department_are_told_apart_by_their_role() -> None:
    options = [
        one("Ana", "1", department="Caixa", role="gerente"),
        one("Ana", "2", department="Caixa", role="analista"),
        one("Rui", "3", department="Caixa", role="analista"),
    ]
    told = "Ana (Caixa, gerente), Ana (Caixa, analista) ou Rui (Caixa)"
    assert question(options)["pt-BR"] == f"Você quer falar com {told}?"
    assert nobody(options)["pt-BR"] == f"Não encontrei esse destino. Posso transferir para {told}."


def test_and_by_their_number_where_that_is_all_there_is() -> None:
    options = [one("Ana", "1", department="Caixa"), one("Ana", "2", department="Caixa"), one("Ana", "3")]
    assert question(options) == {
        "pt-BR": "Você quer falar com Ana (Caixa, ramal 1), Ana (Caixa, ramal 2) ou Ana?",
        "en": "Would you like to speak to Ana (Caixa, extension 1), Ana (Caixa, extension 2) or Ana?",
    }


_PEOPLE = st.builds(
    one,
    st.sampled_from(["Ana", "Rui"]),
    st.integers(1, 99).map(str),
    department=st.sampled_from(["", "Caixa", "Ana"]),
    role=st.sampled_from(["", "gerente", "Caixa"]),
)


@given(st.lists(_PEOPLE, min_size=2, max_size=8, unique_by=lambda person: person.number))
def test_no_two_options_sound_the_same(options: list[Destination]) -> None:
    told = question(options)["pt-BR"].removeprefix("Você quer falar com ").removesuffix("?")
    names = re.split(r"(?:, | ou )(?![^(]*\))", told)  # not within brackets
    assert len(names) == len(options)
    assert len(set(names)) == len(names)
