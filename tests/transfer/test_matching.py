"""Whom phrases mean: the table phrases.toml, and what the table does not say."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.transfer.destination import Destination
from voiced.transfer.matching import Default, Found, Match, Matcher, Nobody, Number, Question
from voiced.transfer.phrase import parse
from voiced.transfer.request import DestinationType
from voiced.transfer.spoken import digits, words

TABLE = tomllib.loads((Path(__file__).parent / "phrases.toml").read_text())


def one(id: int, name: str, kind: str = "extension", **columns: Any) -> Destination:
    number = columns.pop("number", str(1000 + id))
    columns["aliases"] = tuple(columns.get("aliases", ()))
    return Destination(UUID(int=id), UUID(int=0), name, DestinationType(kind), number, **columns)


def of_table(at: int, row: dict[str, Any]) -> Destination:
    columns = {key: value for key, value in row.items() if key not in ("name", "type")}
    return one(at, row["name"], row["type"], **columns)


HOUSE = [of_table(at, row) for at, row in enumerate(TABLE["destination"])]
MATCHER = Matcher(HOUSE)


def told(match: Match) -> dict[str, Any]:
    """A match as the table writes it."""
    match match:
        case Found(destination):
            return {"found": destination.name}
        case Question(options):
            return {"question": sorted(option.name for option in options)}
        case Default():
            return {"default": True}
        case Number(number):
            return {"number": number}
        case Nobody():
            return {"nobody": True}


@pytest.mark.parametrize("row", TABLE["phrase"], ids=lambda row: row["say"] or "silence")
def test_phrase(row: dict[str, Any]) -> None:
    wanted = {key: sorted(value) if key == "question" else value for key, value in row.items()}
    suggested = wanted.pop("suggest", [])
    match = MATCHER.match(wanted.pop("say"))
    assert told(match) == wanted
    if isinstance(match, Nobody):
        assert set(suggested) <= {one.name for one in match.suggestions}


def test_the_table_has_enough_of_each() -> None:
    rows = TABLE["phrase"]
    assert len(rows) >= 120
    assert len({row["say"] for row in rows}) == len(rows)
    for kind, least in (("question", 12), ("nobody", 15), ("default", 15), ("number", 3), ("found", 100)):
        assert len([row for row in rows if kind in row]) >= least, kind


# -- what decides -----------------------------------------------------------------------------------------


def test_an_exact_alias_goes_before_a_name_and_a_name_before_a_department() -> None:
    alias = one(1, "Ana", aliases=["vendas"])
    name = one(2, "Vendas", "ring_group")
    department = one(3, "Rui", department="Vendas")
    assert told(Matcher([department, name, alias]).match("vendas")) == {"found": "Ana"}
    assert told(Matcher([department, name]).match("vendas")) == {"found": "Vendas"}
    assert told(Matcher([department]).match("vendas")) == {"found": "Rui"}


def test_how_it_was_found_is_told() -> None:
    matcher = Matcher([one(1, "Ana Ferreira", aliases=["aninha"], department="Caixa", role="tesoureira")])
    found = [
        matcher.match(text)
        for text in ("aninha", "ana ferreira", "caixa", "tesoureira", "1001", "ana perreira")
    ]
    assert [match.by if isinstance(match, Found) else match for match in found] == [
        "alias", "name", "department", "role", "number", "likeness",
    ]  # fmt: skip


def test_the_priority_breaks_a_tie_and_without_one_it_is_a_question() -> None:
    first, second = one(1, "Paulo Reis"), one(2, "Paulo Dias")
    assert told(Matcher([first, second]).match("o paulo")) == {"question": ["Paulo Dias", "Paulo Reis"]}
    preferred = one(2, "Paulo Dias", priority=10)
    assert told(Matcher([first, preferred]).match("o paulo")) == {"found": "Paulo Dias"}
    assert told(Matcher([first, preferred]).match("paulo reis")) == {"found": "Paulo Reis"}


def test_of_two_of_the_very_same_name_both_are_asked_about() -> None:
    match = Matcher([one(1, "Ana", department="Caixa"), one(2, "Ana", department="Loja")]).match("ana")
    assert isinstance(match, Question)
    assert len(match.options) == 2


def test_a_secretarys_own_default_goes_before_the_domains() -> None:
    everybodys = one(1, "Geral", "ring_group", is_default=True)
    hers = one(2, "Dela", "ring_group", is_default=True, secretary_uuid=UUID(int=9), priority=900)
    match = Matcher([everybodys, hers]).match("")
    assert isinstance(match, Default)
    assert match.destination.name == "Dela"


def test_without_a_default_who_names_nobody_gets_nobody_and_a_stranger_never_gets_the_default() -> None:
    assert Matcher([one(1, "Ana")]).match("qualquer atendente") == Nobody(())
    with_default = Matcher([one(1, "Ana"), one(2, "Geral", "ring_group", is_default=True)])
    assert isinstance(with_default.match("o fernando"), Nobody)


def test_nobody_is_there() -> None:
    empty = Matcher([])
    assert [told(empty.match(text)) for text in ("", "ana", "ramal 1001")] == [
        {"nobody": True}, {"nobody": True}, {"number": "1001"},
    ]  # fmt: skip


def test_of_a_hundred_of_one_name_a_few_are_asked_about_and_the_right_one_is_found() -> None:
    parts = ("ba", "co", "di", "fu", "le", "mo", "ni", "pu", "ra", "te")
    matcher = Matcher([one(at, f"Maria {parts[at // 10]}{parts[at % 10]}vano") for at in range(100)])
    match = matcher.match("a maria")
    assert isinstance(match, Question)
    assert 2 <= len(match.options) <= 8
    assert told(matcher.match("maria tedivano")) == {"found": "Maria tedivano"}


# -- parts ------------------------------------------------------------------------------------------------


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


def test_a_phrase_has_wanted_and_unwanted_parts() -> None:
    known = {"vendas", "compras"}
    parts = parse(
        words("não quero vendas quero compras porque o pedido atrasou"), lambda word: word.text in known
    )
    [unwanted] = parts.unwanted
    assert "vendas" in [word.text for word in unwanted]
    [clause] = parts.wanted
    assert "compras" in [word.text for word in clause.words]
    assert "atrasou" in [word.text for word in clause.reason]


# -- anything at all --------------------------------------------------------------------------------------


_VOCABULARY = sorted({word for row in TABLE["phrase"] for word in row["say"].split()})


@given(st.one_of(st.text(max_size=600), st.lists(st.sampled_from(_VOCABULARY), max_size=40).map(" ".join)))
def test_any_text_has_an_answer_and_always_the_same(text: str) -> None:
    match = MATCHER.match(text)
    assert match == MATCHER.match(text)
    if isinstance(match, Question):
        assert len(match.options) >= 2
    if isinstance(match, Number):
        assert match.number.isascii()
        assert match.number.isdecimal()


@given(st.sampled_from(HOUSE))
def test_everybody_is_found_by_their_full_name_however_it_is_written(destination: Destination) -> None:
    for text in (destination.name, destination.name.upper(), f"  {destination.name.lower()} !"):
        assert told(MATCHER.match(text)) == {"found": destination.name}
