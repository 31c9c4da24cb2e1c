"""Whom phrases mean: the tables of phrases, and what they do not say."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transfer.tables import HOUSES, MATCHERS, ROWS, one, told
from voiced.transfer.destination import Destination
from voiced.transfer.matching import Default, Found, Matcher, Nobody, Number, Question


@pytest.mark.parametrize(
    ("house", "say", "row"), ROWS, ids=[f"{house}: {say or 'silence'}" for house, say, _ in ROWS]
)
def test_phrase(house: str, say: str, row: dict[str, Any]) -> None:
    wanted = {key: sorted(value) if key == "question" else value for key, value in row.items()}
    suggested = wanted.pop("suggest", [])
    match = MATCHERS[house].match(say)
    assert told(match) == wanted
    if isinstance(match, Nobody):
        assert set(suggested) <= {one.name for one in match.suggestions}


def test_the_tables_say_nothing_twice() -> None:
    said = Counter((house, say) for house, say, _ in ROWS)
    assert [row for row, times in said.items() if times > 1] == []


@pytest.mark.parametrize("house", HOUSES)
def test_a_table_has_enough_of_each(house: str) -> None:
    kinds = Counter(kind for name, _, row in ROWS if name == house for kind in row)
    assert kinds.total() >= 100
    assert all(kinds[kind] >= 5 for kind in ("found", "question", "default", "nobody")), kinds


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


def test_a_number_that_several_have_is_no_question() -> None:
    """It is one phone: the person whose it is, rather than the voicemail box that is called the same."""
    box = one(1, "Recados", "voicemail", number="1001", priority=1)
    people = [one(2, "Ana", number="1001"), one(3, "Rui", number="1001")]
    for say in ("1001", "ramal 1001", "me passa pro 1001"):
        assert told(Matcher([box, *people]).match(say)) == {"found": "Ana"}


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


# -- anything at all --------------------------------------------------------------------------------------


_VOCABULARY = sorted({word for _, say, _ in ROWS for word in say.split()})
_ANY_HOUSE = st.sampled_from(sorted(HOUSES))


@given(
    _ANY_HOUSE,
    st.one_of(st.text(max_size=600), st.lists(st.sampled_from(_VOCABULARY), max_size=40).map(" ".join)),
)
def test_any_text_has_an_answer_and_always_the_same(house: str, text: str) -> None:
    match = MATCHERS[house].match(text)
    assert match == MATCHERS[house].match(text)
    if isinstance(match, Question):
        assert len(match.options) >= 2
    if isinstance(match, Number):
        assert match.number.isascii()
        assert match.number.isdecimal()


@pytest.mark.parametrize(
    ("house", "destination"),
    [(name, destination) for name, house in HOUSES.items() for destination in house],
    ids=lambda value: getattr(value, "name", value),
)
def test_everybody_is_found_by_their_full_name_however_it_is_written(
    house: str, destination: Destination
) -> None:
    for text in (destination.name, destination.name.upper(), f"  {destination.name.lower()} !"):
        assert told(MATCHERS[house].match(text)) == {"found": destination.name}
