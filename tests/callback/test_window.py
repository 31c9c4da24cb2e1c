"""When clients may be called: two calendars, two places, and clocks that change. Pure, with moments given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from voiced.callback.policy import Policy
from voiced.callback.window import opens_at, zones_of

SAO_PAULO, MANAUS = "+5511999990000", "+5592999990000"
RIO_BRANCO, FORTALEZA = "+5568999990000", "+5585999990000"
HERE = "America/Sao_Paulo"
OFFICE = {"start": "09:00", "end": "18:00"}  # Monday to Friday


def at(text: str, zone: str = HERE) -> datetime:
    """`2026-03-02 09:00` on the clocks of a place."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def opens(now: datetime, number: str = SAO_PAULO, *, zone: str = HERE, **policy: Any) -> datetime | None:
    found = opens_at(Policy.model_validate(policy), number, zone, now)
    return found.astimezone(UTC) if found else None


def test_with_no_window_a_client_may_be_called_at_any_hour() -> None:
    assert opens(at("2026-03-01 03:00")) is None


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-03-02 08:59:59", "2026-03-02 09:00"),
        ("2026-03-02 09:00", None),
        ("2026-03-02 17:59:59", None),
        ("2026-03-02 18:00", "2026-03-03 09:00"),
        ("2026-03-06 18:00", "2026-03-09 09:00"),  # Friday evening
        ("2026-03-02 23:59:59", "2026-03-03 09:00"),
        ("2026-03-03 00:00", "2026-03-03 09:00"),
    ],
)
def test_the_companys_hours_are_those_of_its_own_place(now: str, expected: str | None) -> None:
    assert opens(at(now), window=OFFICE) == (at(expected) if expected else None)
    assert opens(at(now), MANAUS, window=OFFICE) == (at(expected) if expected else None)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-09-04 18:00", "2026-09-08 09:00"),  # Monday the 7th is Independence Day
        ("2026-09-07 10:00", "2026-09-08 09:00"),
        ("2026-12-24 10:00", "2026-12-28 09:00"),  # the company's own day, Christmas, a weekend
    ],
)
def test_holidays_are_closed(now: str, expected: str) -> None:
    holidays = {"country": "BR", "dates": ["12-24"]}
    assert opens(at(now), window={**OFFICE, "holidays": holidays}) == at(expected)


def test_a_holiday_of_the_company_does_not_close_the_clients_own_hours() -> None:
    assert opens(at("2026-09-07 10:00"), client_window=OFFICE) is None


@pytest.mark.parametrize(
    ("number", "zone"),
    [
        (SAO_PAULO, "America/Sao_Paulo"),
        (MANAUS, "America/Manaus"),
        (RIO_BRANCO, "America/Rio_Branco"),
        (FORTALEZA, "America/Fortaleza"),
        ("+12125550123", "America/New_York"),
        ("+351211234567", "Europe/Lisbon"),
        ("+88213123456", HERE),  # a satellite's
    ],
)
def test_a_number_tells_where_its_owner_is(number: str, zone: str) -> None:
    (found,) = zones_of(number, HERE)
    same_now = datetime(2026, 3, 2, 12, tzinfo=ZoneInfo(found))
    assert same_now.utcoffset() == datetime(2026, 3, 2, 12, tzinfo=ZoneInfo(zone)).utcoffset()


@pytest.mark.parametrize(
    ("number", "first_zone", "last_zone"),
    [
        ("+558001234567", "America/Noronha", "America/Rio_Branco"),  # toll-free: of all Brazil
        ("+5597999990000", "America/Manaus", "America/Eirunepe"),
    ],
)
def test_a_number_that_may_be_in_several_places_is_called_when_all_of_them_are_awake(
    number: str, first_zone: str, last_zone: str
) -> None:
    opening = at("2026-03-03 09:00", last_zone)  # where the day begins last
    assert opens(at("2026-03-03 00:30", first_zone), number, client_window=OFFICE) == opening
    assert opens(opening - timedelta(minutes=1), number, client_window=OFFICE) == opening
    assert opens(opening, number, client_window=OFFICE) is None
    evening = at("2026-03-03 18:00", first_zone)  # where it ends first
    assert opens(evening, number, client_window=OFFICE) == at("2026-03-04 09:00", last_zone)


@pytest.mark.parametrize("number", ["+79161234567", "+18005550123"])  # Moscow to Anadyr; toll-free, with Guam
def test_a_number_of_half_the_world_with_no_hour_for_all_is_looked_at_again_in_a_day(number: str) -> None:
    now = at("2026-03-03 12:00")
    assert opens(now, number, client_window=OFFICE) == now + timedelta(days=1)


@pytest.mark.parametrize(
    ("number", "opens_here"),
    [(SAO_PAULO, "09:00"), (MANAUS, "10:00"), (RIO_BRANCO, "11:00")],
)
def test_the_clients_hours_are_those_of_the_clients_place(number: str, opens_here: str) -> None:
    now, opening = at("2026-03-02 08:00"), at(f"2026-03-02 {opens_here}")
    assert opens(now, number, client_window=OFFICE) == opening
    assert opens(opening, number, client_window=OFFICE) is None
    assert opens(opening - timedelta(seconds=1), number, client_window=OFFICE) == opening


def test_both_have_to_be_open() -> None:
    both: dict[str, Any] = {"window": OFFICE, "client_window": OFFICE}
    assert opens(at("2026-03-02 09:30"), RIO_BRANCO, **both) == at("2026-03-02 11:00")
    assert opens(at("2026-03-02 18:30"), RIO_BRANCO, **both) == at("2026-03-03 11:00")  # 16:30 over there
    assert opens(at("2026-03-02 17:30"), RIO_BRANCO, **both) is None


def test_two_that_never_open_together_are_looked_at_again_in_a_day() -> None:
    now = at("2026-03-02 12:00")
    hours: dict[str, Any] = {"window": {"monday": "09:00-10:00"}, "client_window": {"monday": "10:00-11:00"}}
    assert opens(now, **hours) == now + timedelta(days=1)
    never: dict[str, Any] = {"window": {"sunday": [], "holidays": {"country": "BR"}}}
    assert opens(now, **never) == now + timedelta(days=1)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-03-02 21:59", "2026-03-02 22:00"),
        ("2026-03-02 23:59:59", None),
        ("2026-03-03 00:00", None),
        ("2026-03-03 05:59:59", None),
        ("2026-03-03 06:00", "2026-03-03 22:00"),
    ],
)
def test_a_span_over_midnight(now: str, expected: str | None) -> None:
    night = dict.fromkeys(("monday", "tuesday"), "22:00-06:00")
    assert opens(at(now), window=night) == (at(expected) if expected else None)


@pytest.mark.parametrize(
    ("missed", "now", "expected"),
    [
        ("retry", "2026-03-02 12:30", "2026-03-02 14:00"),  # after the lunch break
        ("next_day", "2026-03-02 12:30", "2026-03-03 09:00"),
        ("next_day", "2026-03-02 08:00", "2026-03-03 09:00"),
        ("next_day", "2026-03-06 12:30", "2026-03-09 09:00"),
        ("close", "2026-03-02 12:30", "2026-03-02 14:00"),  # the promise's table closes it
    ],
)
def test_the_rule_for_a_missed_window(missed: str, now: str, expected: str) -> None:
    spans = ["09:00-12:00", "14:00-18:00"]
    days = {"monday": spans, "tuesday": spans, "friday": spans}
    assert opens(at(now), window=days, missed_window=missed) == at(expected)


def test_next_day_begins_at_the_companys_midnight() -> None:
    always_but_now = {"tuesday": "00:00-24:00"}
    now = at("2026-03-02 23:59:59")
    assert opens(now, window=always_but_now, missed_window="next_day") == at("2026-03-03 00:00")


# -- clocks that change -----------------------------------------------------------------------------------

NEW_YORK, SANTIAGO = "America/New_York", "America/Santiago"
EVERY_DAY = {"start": "09:00", "end": "18:00", "days": [1, 2, 3, 4, 5, 6, 7]}


@pytest.mark.parametrize(
    ("zone", "before", "hours"),
    [
        (NEW_YORK, "2026-03-07 18:00", 14),  # an hour is skipped on the 8th
        (NEW_YORK, "2026-10-31 18:00", 16),  # an hour comes twice on 1 November
        (SANTIAGO, "2026-09-05 18:00", 14),  # midnight is skipped
        (SANTIAGO, "2026-04-04 18:00", 16),  # the hour before midnight comes twice
    ],
)
def test_nine_oclock_is_nine_oclock_after_the_clocks_have_changed(zone: str, before: str, hours: int) -> None:
    for missed in ("retry", "next_day"):
        found = opens(at(before, zone), zone=zone, window=EVERY_DAY, missed_window=missed)
        assert found == at(before, zone) + timedelta(hours=hours)
        assert found.astimezone(ZoneInfo(zone)).hour == 9


def test_a_midnight_that_does_not_exist_is_the_first_moment_of_its_day() -> None:
    now, sunday = at("2026-09-05 12:00", SANTIAGO), {"sunday": "00:00-24:00"}
    found = opens(now, zone=SANTIAGO, window=sunday, missed_window="next_day")
    assert found == datetime(2026, 9, 6, 4, tzinfo=UTC)  # 01:00 on the clocks of Santiago


def test_the_hour_that_is_skipped_and_the_one_that_comes_twice() -> None:
    skipped: dict[str, Any] = {"zone": NEW_YORK, "window": {"sunday": "02:00-04:00"}}
    assert opens(at("2026-03-08 01:59", NEW_YORK), **skipped) == datetime(2026, 3, 8, 7, tzinfo=UTC)
    assert opens(datetime(2026, 3, 8, 7, tzinfo=UTC), **skipped) is None  # 03:00 on the clock
    twice: dict[str, Any] = {"zone": NEW_YORK, "window": {"sunday": "01:00-03:00"}}
    for hour in (5, 6, 7):  # 01:00, 01:00 once more, 02:00
        assert opens(datetime(2026, 11, 1, hour, 30, tzinfo=UTC), **twice) is None
    assert opens(datetime(2026, 11, 1, 8, tzinfo=UTC), **twice) is not None


def test_a_client_whose_clocks_change_while_the_companys_do_not() -> None:
    number = "+12125550123"
    hours: dict[str, Any] = {"client_window": EVERY_DAY}
    assert opens(at("2026-03-07 08:00"), number, **hours) == datetime(2026, 3, 7, 14, tzinfo=UTC)
    assert opens(at("2026-03-08 08:00"), number, **hours) == datetime(2026, 3, 8, 13, tzinfo=UTC)
