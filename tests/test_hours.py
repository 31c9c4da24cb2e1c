"""Opening hours at fixed clocks: spans, midnight, the clock's own changes, holidays, and what is said."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from voiced.hours import WEEKDAYS, WorkingHours

SAO_PAULO = "America/Sao_Paulo"
OFFICE = {
    **{day: ["08:00-12:00", "13:30-18:00"] for day in WEEKDAYS[:5]},
    "saturday": "08:00-12:00",
}
NIGHT = {"friday": ["22:00-06:00"], "saturday": ["22:00-06:00"]}


def hours(value: dict[str, Any], timezone: str = SAO_PAULO) -> WorkingHours:
    parsed = WorkingHours.parse(value, timezone)
    assert parsed is not None
    return parsed


def at(text: str, timezone: str = SAO_PAULO, fold: int = 0) -> datetime:
    """A moment by a wall clock, in UTC as the daemon has it."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(timezone), fold=fold).astimezone(UTC)


# -- spans ------------------------------------------------------------------------------------------------


# 2026-11-16 is a Monday
@pytest.mark.parametrize(
    ("when", "is_open"),
    [
        ("2026-11-16 07:59:59", False), ("2026-11-16 08:00", True), ("2026-11-16 11:59:59", True),
        ("2026-11-16 12:00", False), ("2026-11-16 13:29", False), ("2026-11-16 13:30", True),
        ("2026-11-16 18:00", False), ("2026-11-21 11:59", True), ("2026-11-21 12:00", False),
        ("2026-11-22 10:00", False),
    ],
)  # fmt: skip
def test_a_day_has_several_spans_each_from_its_first_minute_to_before_its_last(
    when: str, is_open: bool
) -> None:
    assert hours(OFFICE).is_open(at(when)) is is_open


@pytest.mark.parametrize(
    ("when", "is_open"),
    [
        ("2026-11-20 21:59", False), ("2026-11-20 22:00", True), ("2026-11-20 23:59:59", True),
        ("2026-11-21 00:00", True), ("2026-11-21 05:59", True), ("2026-11-21 06:00", False),
        ("2026-11-21 22:00", True), ("2026-11-22 05:59", True), ("2026-11-22 06:00", False),
        ("2026-11-22 22:00", False), ("2026-11-20 05:00", False),
    ],
)  # fmt: skip
def test_a_span_over_midnight_belongs_to_the_day_on_which_it_begins(when: str, is_open: bool) -> None:
    assert hours(NIGHT).is_open(at(when)) is is_open


@pytest.mark.parametrize(
    ("value", "when", "closes"),
    [
        (OFFICE, "2026-11-16 08:00", "2026-11-16 12:00"),
        (OFFICE, "2026-11-16 11:59:59", "2026-11-16 12:00"),
        (OFFICE, "2026-11-16 12:00", "2026-11-16 12:00"),  # it is closed
        (NIGHT, "2026-11-20 23:00", "2026-11-21 06:00"),
        ({"monday": ["08:00-12:00", "12:00-14:00", "13:00-18:00"]}, "2026-11-16 09:00", "2026-11-16 18:00"),
        ({"monday": "00:00-24:00", "tuesday": "00:00-01:00"}, "2026-11-16 09:00", "2026-11-17 01:00"),
        ({"holidays": {"dates": ["12-25"]}}, "2026-12-24 23:59", "2026-12-25 00:00"),
        ({"holidays": {"dates": ["12-25"]}}, "2026-12-23 09:00", "2026-12-25 00:00"),
        ({"holidays": {"dates": ["12-25"]}}, "2026-11-16 09:00", "2026-11-18 00:00"),  # far enough
    ],
)
def test_it_closes_at_the_end_of_spans_that_meet(value: dict[str, Any], when: str, closes: str) -> None:
    assert hours(value).closes_at(at(when)) == at(closes)


def test_midnight_ends_a_day_and_begins_one() -> None:
    all_monday = hours({"monday": "00:00-24:00"})
    assert not all_monday.is_open(at("2026-11-15 23:59:59"))
    assert all_monday.is_open(at("2026-11-16 00:00"))
    assert all_monday.is_open(at("2026-11-16 23:59:59"))
    assert not all_monday.is_open(at("2026-11-17 00:00"))


def test_it_is_the_domains_clock_that_counts_unless_the_hours_name_another() -> None:
    moment = datetime(2026, 11, 16, 11, 30, tzinfo=UTC)  # 08:30 in São Paulo, 07:30 in Manaus
    assert hours(OFFICE).is_open(moment)
    assert not hours(OFFICE, "America/Manaus").is_open(moment)
    assert not hours({**OFFICE, "timezone": "America/Manaus"}).is_open(moment)


def test_no_hours_are_always_open_and_only_holidays_close_every_day_else_open() -> None:
    assert WorkingHours.parse({}, SAO_PAULO) is None
    only_holidays = hours({"holidays": {"dates": ["12-24"]}})
    assert only_holidays.is_open(at("2026-11-22 03:00"))
    assert not only_holidays.is_open(at("2026-12-24 10:00"))


def test_one_span_for_several_days_as_tables_had_it_before() -> None:
    before = hours({"start": "08:00", "end": "18:00", "days": [1, 2, 3, 4, 5], "timezone": SAO_PAULO})
    assert before.week == hours(dict.fromkeys(list(OFFICE)[:5], "08:00-18:00")).week


# -- the clock is put forward and back --------------------------------------------------------------------

# Where and when each clock changes; `local` is the time at which it does.
NEW_YORK, SANTIAGO, ASUNCION = "America/New_York", "America/Santiago", "America/Asuncion"


@pytest.mark.parametrize(
    ("zone", "day", "spans", "minutes"),
    [
        (NEW_YORK, "2026-03-08", "00:00-24:00", 23 * 60),  # 02:00 is 03:00
        (NEW_YORK, "2026-11-01", "00:00-24:00", 25 * 60),  # 02:00 is 01:00
        (SANTIAGO, "2026-09-06", "00:00-24:00", 23 * 60),  # 00:00 is 01:00: there is no midnight
        (SANTIAGO, "2026-04-04", "00:00-24:00", 25 * 60),  # 24:00 is 23:00
        (ASUNCION, "2023-10-01", "00:00-24:00", 23 * 60),  # 00:00 is 01:00
        (ASUNCION, "2024-03-23", "00:00-24:00", 25 * 60),  # 24:00 is 23:00
        (ASUNCION, "2026-03-22", "00:00-24:00", 24 * 60),  # no longer
        (SAO_PAULO, "2018-11-04", "00:00-24:00", 23 * 60),  # 00:00 is 01:00
        (SAO_PAULO, "2026-11-01", "00:00-24:00", 24 * 60),  # no longer
        (NEW_YORK, "2026-10-31", "22:00-06:00", 9 * 60),  # the night has an hour more
        (NEW_YORK, "2026-03-07", "22:00-06:00", 7 * 60),
        (NEW_YORK, "2026-11-01", "00:30-01:30", 60),  # the first of two
        (SANTIAGO, "2026-09-06", "00:00-08:00", 7 * 60),
    ],
)
def test_a_span_is_as_long_as_the_clocks_make_it(zone: str, day: str, spans: str, minutes: int) -> None:
    weekday = datetime.fromisoformat(day).strftime("%A").lower()
    opening = hours({weekday: spans}, zone)
    begins = at(f"{day} 00:00", zone) - timedelta(hours=3)
    found = [step for step in range(36 * 60) if opening.is_open(begins + timedelta(minutes=step))]
    assert len(found) == minutes
    assert found == list(range(found[0], found[-1] + 1)), "it closes once"


def test_when_it_opens_is_right_across_a_change_of_the_clock() -> None:
    monday = hours({"monday": "08:00-12:00"}, NEW_YORK)
    opens = monday.opens_at(at("2026-03-06 20:00", NEW_YORK))
    assert opens is not None
    assert (opens.isoformat(), opens.astimezone(UTC).hour) == ("2026-03-09T08:00:00-04:00", 12)


def test_a_day_without_a_midnight_opens_when_it_begins() -> None:
    sunday = hours({"sunday": "00:00-08:00"}, SANTIAGO)
    opens = sunday.opens_at(at("2026-09-05 23:30", SANTIAGO))
    assert opens is not None
    assert opens.isoformat() == "2026-09-06T01:00:00-03:00"


# -- holidays ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("calendar", "day", "is_holiday"),
    [
        ({"country": "BR"}, "2026-09-07", True),  # Independência
        ({"country": "BR"}, "2026-11-20", True),  # Consciência Negra, national since 2024
        ({"country": "BR"}, "2026-07-09", False),  # of São Paulo only
        ({"country": "BR", "state": "SP"}, "2026-07-09", True),
        ({"country": "BR", "state": "SP", "city": "Campinas"}, "2026-07-09", True),  # a city without its own
        ({"country": "BR", "state": "RJ"}, "2026-07-09", False),
        ({"country": "BR", "state": "SP", "city": "São Paulo"}, "2026-01-25", True),  # the city's own
        ({"country": "BR", "state": "SP", "city": "São Paulo"}, "2026-07-09", True),
        ({"country": "BR", "state": "São Paulo"}, "2026-01-25", False),  # the state
        (
            {"country": "BR", "state": "RN", "city": "Santa Catarina"},
            "2026-08-11",
            False,
        ),  # is no state there
        ({"country": "DE", "city": "Augsburg"}, "2025-08-08", True),  # a city that has its own
        ({"country": "DE", "state": "BY"}, "2025-08-08", False),
        ({"country": "BR"}, "2026-02-17", False),  # Carnival is no holiday by law
        ({"country": "BR", "optional": True}, "2026-02-17", True),
        ({"country": "BR"}, "2026-04-03", True),  # Good Friday moves
        ({"country": "BR", "open": ["09-07"]}, "2026-09-07", False),
        ({"dates": ["2026-01-26"]}, "2026-01-26", True),
        ({"dates": ["2026-01-26"]}, "2027-01-26", False),
        ({"dates": ["01-26"]}, "2027-01-26", True),
        ({"country": "br", "dates": ["01-26"], "open": ["2027-01-26"]}, "2027-01-26", False),
    ],
    ids=str,
)
def test_holidays_of_country_state_city_and_own_dates(
    calendar: dict[str, Any], day: str, is_holiday: bool
) -> None:
    opening = hours({"holidays": calendar})
    assert (date.fromisoformat(day) in opening.holidays) is is_holiday
    assert opening.is_open(at(f"{day} 10:00")) is not is_holiday


def test_a_night_before_a_holiday_runs_to_its_end_and_a_holidays_night_does_not_begin() -> None:
    nights = hours({"sunday": "22:00-06:00", "monday": "22:00-06:00", "holidays": {"country": "BR"}})
    assert nights.is_open(at("2026-09-07 03:00"))  # Monday, the 7th of September
    assert not nights.is_open(at("2026-09-07 23:00"))
    assert not nights.is_open(at("2026-09-08 03:00"))


# -- what is said -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "portuguese", "english"),
    [
        ("2026-11-16 07:00", "hoje, às 8h", "today at 8 am"),
        ("2026-11-16 12:10", "hoje, às 13h30", "today at 1:30 pm"),
        ("2026-11-16 18:00", "amanhã, às 8h", "tomorrow at 8 am"),
        ("2026-11-16 23:59", "amanhã, às 8h", "tomorrow at 8 am"),
        ("2026-11-17 00:01", "hoje, às 8h", "today at 8 am"),
        ("2026-11-21 15:00", "na segunda-feira, às 8h", "on Monday at 8 am"),
        ("2026-11-20 19:00", "amanhã, às 8h", "tomorrow at 8 am"),
    ],
)
def test_it_says_when_it_opens(when: str, portuguese: str, english: str) -> None:
    assert hours(OFFICE).closed_messages("Vendas", at(when)) == {
        "pt-BR": f"Vendas não atende neste horário. O atendimento volta {portuguese}.",
        "en": f"Vendas is closed at the moment. It opens {english}.",
    }


def test_on_a_holiday_it_says_so_and_a_far_day_by_its_date() -> None:
    opening = hours({**OFFICE, "holidays": {"country": "BR"}})
    assert opening.closed_messages("Vendas", at("2026-09-07 10:00"))["pt-BR"] == (
        "Vendas não atende hoje, que é feriado. O atendimento volta amanhã, às 8h."
    )
    once = hours({"monday": "12:00-13:00", "holidays": {"dates": ["2026-11-23", "2026-11-30"]}})
    told = once.closed_messages("Vendas", at("2026-11-22 10:00"))
    assert told["pt-BR"].endswith("volta em 7 de dezembro, ao meio-dia.")
    assert told["en"].endswith("opens on 7 December at noon.")


@pytest.mark.parametrize(
    ("span", "portuguese", "english"),
    [
        ("00:00-01:00", "à meia-noite", "midnight"),
        ("01:00-02:00", "à 1h", "1 am"),
        ("12:30-13:00", "às 12h30", "12:30 pm"),
        ("23:05-23:30", "às 23h05", "11:05 pm"),
    ],
)
def test_hours_are_said_as_people_say_them(span: str, portuguese: str, english: str) -> None:
    told = hours({"monday": span}).closed_messages("X", at("2026-11-14 10:00"))
    assert told["pt-BR"].endswith(f"na segunda-feira, {portuguese}.")
    assert told["en"].endswith(f"on Monday at {english}.")


def test_what_never_opens_says_no_time() -> None:
    never = hours({"monday": []})
    assert never.opens_at(at("2026-11-16 10:00")) is None
    assert never.closed_messages("X", at("2026-11-16 10:00")) == {
        "pt-BR": "X não atende neste horário.", "en": "X is closed at the moment.",
    }  # fmt: skip


@pytest.mark.parametrize(
    "value",
    [
        {"monday": "24:00-25:00"}, {"monday": "08:60-09:00"}, {"monday": ["08:00"]}, {"monday": 8},
        {"monday": {"start": "08:00"}}, {"domingo": []}, {"days": [8], "start": "08:00", "end": "09:00"},
        {"days": "monday"}, {"start": "08:00"}, {"holidays": "BR"}, {"holidays": {"country": "Brazil"}},
        {"holidays": {"country": "HolidayBase"}}, {"holidays": {"dates": ["13-01"]}}, {"timezone": "Mars"},
        {"holidays": {"optional": 1, "countries": "BR"}}, {"holidays": {"country": "BR", "optional": "yes"}},
        {"holidays": {"country": "BR", "state": "XX"}}, {"holidays": {"state": "SP"}},
        {"holidays": {"country": "BR", "state": "XX", "city": "Natal"}}, {"holidays": {"city": "Natal"}},
        {"timezone": "../../etc/passwd"},
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_understood_is_said(value: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        WorkingHours.parse(value, SAO_PAULO)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"monday": ["08:00-09:00"] * 25}, "monday: 25 spans are too many; a day has at most 24"),
        ({"holidays": {"dates": ["12-24"] * 1001}}, "dates has 1001 dates, and at most 1000 are taken"),
        ({"holidays": {"open": ["12-24"] * 1001}}, "open has 1001 dates, and at most 1000 are taken"),
    ],
)
def test_no_more_is_taken_than_anybody_needs(value: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        WorkingHours.parse(value, SAO_PAULO)
    day, dates = ["08:00-09:00"] * 24, ["12-24"] * 1000
    assert hours({"monday": day, "holidays": {"dates": dates, "open": dates}})
