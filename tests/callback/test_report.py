"""The CSV of callbacks: what a spreadsheet makes of it, at whatever separator it splits it."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.callback import report

SPLITS = ",;|\t"
HOSTILE = st.text(st.sampled_from("=+-@＝；,;|\t\r\n\"' a1.\x1f\u200b\ufeffç"), max_size=12)
FORMULA = re.compile(r"[\s\"\x00-\x1f\u200b\ufeff]*[=+\-@＝＋－＠]")


def opened(data: bytes, separator: str) -> list[list[str]]:
    """As a spreadsheet reads it: a quote in the middle of a cell means nothing."""
    text = io.StringIO(data.decode(), newline="")
    return list(csv.reader(text, delimiter=separator))


@given(st.lists(HOSTILE, min_size=1, max_size=4), st.sampled_from(["pt-BR", "en"]), st.sampled_from(SPLITS))
def test_no_spreadsheet_finds_a_formula(values: list[str], locale: str, separator: str) -> None:
    for row in opened(report.line(values, locale), separator):
        assert not [cell for cell in row if FORMULA.match(cell)]


@given(st.lists(HOSTILE, min_size=1, max_size=4))
def test_every_cell_is_the_text_with_no_more_than_apostrophes_added(values: list[str]) -> None:
    (row,) = opened(report.line(values), ";")
    for cell, value in zip(row, values, strict=True):
        assert cell.replace("'", "") == value.replace("'", "")


@pytest.mark.parametrize(
    "value",
    ["00123", "1e5", "01/02/2026", "1-2", "12:30", "10%", "R$ 10", "1.234,56", "5511999990000123", "SET-12",
     "dez/26", "1 de março", "Out15"],
)  # fmt: skip
def test_text_that_would_become_another_number_or_a_date_stays_text(value: str) -> None:
    assert opened(report.line([value]), ";") == [[f"'{value}"]]


@pytest.mark.parametrize(
    "value", ["", "0", "1001", "T-5", "E12", "Setor 3", "2ª via do boleto", "José, “o bom”", "a - b", "😀"]
)
def test_other_text_is_left_alone(value: str) -> None:
    assert opened(report.line([value]), ";") == [[value]]


@pytest.mark.parametrize(("locale", "text"), [("pt-BR", '"a";"12,5";""\r\n'), ("en", '"a","12.5",""\r\n')])
def test_separator_and_decimals_are_those_of_the_language(locale: str, text: str) -> None:
    assert report.line(["a", 12.49, None], locale).decode() == text


def test_times_and_ids_are_not_calculated() -> None:
    at, id = datetime(2026, 3, 1, 12, 30, 15, 999, UTC), UUID(int=1)
    assert opened(report.line([at, id, 3]), ";") == [["2026-03-01 12:30:15+00:00", str(id), "3"]]
