"""Clients' numbers: what is one, how it is written, and which of them may be called."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from voiced.callback.numbers import check, e164
from voiced.callback.policy import Policy
from voiced.callback.refusals import BadNumber, CostlyNumber, NumberBlocked, PrefixNotAllowed

AREAS = (11, 21, 27, 31, 41, 48, 51, 55, 61, 71, 81, 85, 92, 99)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("11999990000", "+5511999990000"),
        ("(11) 99999-0000", "+5511999990000"),
        ("11 9.9999.0000", "+5511999990000"),
        ("+55 (11) 99999-0000", "+5511999990000"),
        ("+5511999990000", "+5511999990000"),
        ("5511999990000", "+5511999990000"),
        ("005511999990000", "+5511999990000"),
        ("011999990000", "+5511999990000"),
        ("0 15 11 99999-0000", "+5511999990000"),  # with a carrier
        ("1132221234", "+551132221234"),
        ("(11) 3222-1234", "+551132221234"),
        ("5532221234", "+555532221234"),  # area 55, not the country
        ("  +55 11 3222-1234 \n", "+551132221234"),  # space around it is not part of it
        ("(11) 9999-0000", "+5511999990000"),  # as it was before its ninth digit
        ("+55 31 8888-7777", "+5531988887777"),
        ("553188887777", "+5531988887777"),
        ("0 21 31 8888-7777", "+5531988887777"),
        ("005531 8888-7777", "+5531988887777"),
        ("31 7777-8888", "+553177778888"),  # of a network that has none
        ("0800 123 4567", "+558001234567"),
        ("+1 (212) 555-0123", "+12125550123"),
        ("0012125550123", "+12125550123"),
        ("0021 1 212 555 0123", "+12125550123"),  # abroad, with a carrier
        ("+351 21 123 4567", "+351211234567"),
        ("+49 30 901820", "+4930901820"),
    ],
)
def test_a_number_as_people_write_it(written: str, number: str) -> None:
    assert e164(written, "BR") == number
    assert e164(number, "BR") == number


@pytest.mark.parametrize("prefix", ["", "0", "55", "+55", "0055", "015", "041"])
@pytest.mark.parametrize("area", AREAS)
def test_every_area_however_it_is_dialled(area: int, prefix: str) -> None:
    for subscriber in ("999990000", "32221234"):
        assert e164(f"{prefix}{area}{subscriber}", "BR") == f"+55{area}{subscriber}"


def test_a_domain_abroad_has_its_own_numbers_at_home() -> None:
    assert e164("(212) 555-0123", "US") == "+12125550123"
    assert e164("011 55 11 99999-0000", "US") == "+5511999990000"


@pytest.mark.parametrize(
    "written",
    [
        "", " ", "anonymous", "unknown", "1001", "190", "192", "193",
        "0190", "+55190", "55 190", "0055 193", "11 190", "911", "112",
        "21 31 8888-7777", "3222-1234", "9999-0000", "10315", "0 15 190",
        "99999-0000", "+5511", "+", "++5511999990000",
        "5511999990000 x", "11999990000;ext=5", "sip:11999990000@x", "tel:+5511999990000",
        "11999990000\r\napi status", "${system(rm)}", "+5511999990000,loopback/1", "\x0011999990000",
        "１１９９９９９００００", "١١٩٩٩٩٩٠٠٠٠", "1" * 39, "+999999999999", "11\u00a099999-0000",
        "' or 1=1 --", "+0011999990000",
    ],
)  # fmt: skip
def test_what_is_no_number_is_refused_with_a_reason(written: str) -> None:
    with pytest.raises(BadNumber, match="write it as") as refused:
        e164(written, "BR")
    assert refused.value.field == "number"


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=45))
def test_whatever_is_written_it_is_e164_or_refused(written: str) -> None:
    try:
        number = e164(written, "BR")
    except BadNumber:
        return
    assert re.fullmatch(r"\+[1-9][0-9]{6,14}", number, re.ASCII)
    assert e164(number, "US") == number


def test_blocked_numbers_and_prefixes_that_are_not_allowed() -> None:
    policy = Policy(blocked_numbers=("+5511999990000", "+55900"), allowed_prefixes=("+55", "+1212"))
    for number in ("+5511999990001", "+12125550123"):
        check(number, policy)
    for number in ("+5511999990000", "+5590012345678"):
        with pytest.raises(NumberBlocked):
            check(number, policy)
    with pytest.raises(PrefixNotAllowed, match=r"\+55, \+1212"):
        check("+351211234567", policy)
    check("+351211234567", Policy())


@pytest.mark.parametrize(
    "written",
    [
        "0900 123456", "0300 123 4567", "0500 123 4567", "4004-1234", "+1 900 555 1234", "+44 70 1234 5678",
        "+979 1 2345 6789", "+8816 1234 5678",
    ],
)  # fmt: skip
def test_nobody_is_called_where_it_costs_more(written: str) -> None:
    with pytest.raises(CostlyNumber):
        check(e164(written, "BR"), Policy())


def test_a_satellite_is_called_by_who_says_so() -> None:
    check("+881612345678", Policy(allowed_prefixes=("+55", "+881")))


@pytest.mark.parametrize("prefix", ["55", "+", "+55 11", "+5511\n", "+٥٥", "", "+" + "1" * 20])
def test_prefixes_are_written_in_one_way(prefix: str) -> None:
    with pytest.raises(ValidationError, match="a prefix is written as"):
        Policy(blocked_numbers=(prefix,))
