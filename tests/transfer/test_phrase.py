"""Words as they are heard, names, and the parts of a phrase."""

from __future__ import annotations

import pytest

from voiced.transfer.matching.names import full_names, is_other_gender
from voiced.transfer.matching.parts import Role
from voiced.transfer.matching.phrase import parse
from voiced.transfer.matching.spoken import digits, heard, words


@pytest.mark.parametrize(
    ("one_way", "other_way"),
    [
        ("Luiz", "Luis"), ("Thiago", "Tiago"), ("Wellington", "Uelinton"), ("Souza", "Sousa"),
        ("Kátia", "Catia"), ("Philipe", "Filipe"), ("Conceição", "conceissão"), ("Henrique", "Enrique"),
    ],
)  # fmt: skip
def test_what_sounds_the_same_has_one_sound(one_way: str, other_way: str) -> None:
    [word], [other] = words(one_way), words(other_way)
    assert word.sound == other.sound


@pytest.mark.parametrize(
    ("one_name", "other_name"), [("Maria", "Mário"), ("Rosa", "Rossa"), ("João", "Joana")]
)
def test_and_what_does_not_has_two(one_name: str, other_name: str) -> None:
    [word], [other] = words(one_name), words(other_name)
    assert word.sound != other.sound


def test_numbers_digit_by_digit() -> None:
    assert digits(["um", "zero", "zero", "meia"]) == "1006"
    assert digits(["10", "05"]) == "1005"
    assert digits(["ramal"]) == digits([]) == ""
    assert digits(["²"]) == "", "no digit that can be dialled"


@pytest.mark.parametrize(
    ("say", "parts"),
    [
        (
            "aqui é a ana não quero vendas me passa pra compras porque o pedido atrasou",
            [
                (Role.CALLER, "a ana"),
                (Role.DENIED, "vendas me"),
                (Role.CONTACT, "pra compras"),
                (Role.REASON, "o pedido atrasou"),
            ],
        ),
        ("é a ana da loja, vendas", [(Role.OPENING, "eh a ana da loja"), (Role.PLAIN, ", vendas")]),
        ("vendas falando quero compras", [(Role.CALLER, "vendas"), (Role.WISH, "compras")]),
        ("compras me ligou", [(Role.TALKED, "compras me"), (Role.REASON, "ligou")]),
        ("vendas não", [(Role.DENIED, "vendas")]),
        ("vendas não está", [(Role.PLAIN, "vendas nao esta")]),
        ("não é vendas, compras", [(Role.DENIED, "vendas"), (Role.WISH, ", compras")]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_phrase_has_parts_with_roles(say: str, parts: list[tuple[Role, str]]) -> None:
    read = parse(heard(say), lambda word: word.text in {"ana", "vendas", "compras"})
    assert [(part.role, " ".join(word.text for word in part.words)) for part in read] == parts


@pytest.mark.parametrize(
    ("said", "heard_as"),
    [
        ("um zero zero meia", "1006"), ("10 05", "1005"), ("2007 2008", "2007 2008"),
        ("uma 2005", "uma 2005"),
        ("um um um atendente", "um um um atendente"), ("ramal um um um", "ramal 111"),
        ("meia dois", "meia dois"),
    ],
)  # fmt: skip
def test_numbers_are_heard_in_one_piece(said: str, heard_as: str) -> None:
    assert " ".join(word.text for word in heard(said)) == heard_as


def test_a_nickname_is_short_for_names_and_a_name_that_ends_otherwise_is_another_person() -> None:
    for nickname, name in (("bia", "beatriz"), ("carlinhos", "carlos"), ("chiquinho", "francisco")):
        assert name in [full.text for full in full_names(nickname)]
    assert is_other_gender("roberta", "roberto")
    assert is_other_gender("luiza", "luis")
    assert not is_other_gender("rui", "rui")
    assert not is_other_gender("ana", "rui")
