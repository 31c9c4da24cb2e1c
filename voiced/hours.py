"""When a destination can be reached: opening hours, holidays, and the sentence that says when it opens again.

As `working_hours` has it (JSON; every key may be left out):

    {"monday": ["08:00-12:00", "13:00-18:00"], "friday": ["22:00-06:00"], …,
     "timezone": "America/Sao_Paulo",
     "holidays": {"country": "BR", "state": "SP", "city": "", "optional": true,
                  "dates": ["2026-07-09", "12-24"], "open": ["01-25"]}}

{"start": "08:00", "end": "18:00", "days": [1, 2, 3, 4, 5]}, from Monday, says the same for several days.

A day that is not named is closed; with no day named at all, every day but the holidays is open. A span that
ends no later than it begins ends on the next day, and belongs to the day on which it begins: a night shift
before a holiday runs to its end. Spans are instants of the time zone: in the hour that a clock shows twice
the first one counts, and a time that it skips is as far from midnight as on any other day.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Final, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays

from voiced import hours_said
from voiced.hours_said import Span

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
LOOK_AHEAD: Final = 370  # days: whatever opens only later than that does not open
MOST_SPANS: Final = 24  # of one day
MOST_DATES: Final = 1000  # of holidays
_DAY: Final = 24 * 60  # minutes
_SPAN: Final = re.compile(r"(\d{1,2}):([0-5]\d)\s*[-–]\s*(\d{1,2}):([0-5]\d)", re.ASCII)
_DATE: Final = re.compile(r"(?:(\d{4})-)?(\d\d)-(\d\d)", re.ASCII)
_COUNTRY: Final = re.compile(r"[A-Za-z]{2,3}")  # ISO 3166
_ANY_LEAP_YEAR: Final = 2000


@dataclass(frozen=True, slots=True)
class Holidays:
    """Days on which nobody works, whatever the weekday. Own dates are `2026-07-09` or, each year, `12-24`."""

    country: str = ""
    state: str = ""  # the library's subdivision; '' for the whole country's only
    optional: bool = False  # also days like Carnival, which are no holidays by law
    dates: frozenset[str] = frozenset()
    open: frozenset[str] = frozenset()  # holidays on which this destination works

    def __contains__(self, day: date) -> bool:
        names = {day.isoformat(), day.strftime("%m-%d")}
        if names & self.open:
            return False
        official = _calendar(self.country, self.state, self.optional) if self.country else ()
        return bool(names & self.dates) or day in official


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """Opening hours: the spans of each weekday, from Monday."""

    timezone: str
    week: tuple[tuple[Span, ...], ...]
    holidays: Holidays = Holidays()

    @classmethod
    def parse(cls, value: Mapping[str, Any], timezone: str) -> WorkingHours | None:
        """The hours as JSON has them, in the domain's time zone; None for no hours: always open.

        Raises ValueError, which says what is wrong.
        """
        if not value:
            return None
        value = _by_weekday(value)
        if unknown := set(value) - {*WEEKDAYS, "timezone", "holidays"}:
            _wrong(
                f"{sorted(unknown)[0]!r} is not known; known are {', '.join(WEEKDAYS)}, timezone, holidays"
            )
        zone = value.get("timezone") or timezone
        _zone(zone)
        week = tuple(_spans(day, value.get(day)) for day in WEEKDAYS)
        if not set(value) & set(WEEKDAYS):
            week = (((0, _DAY),),) * 7
        return cls(zone, week, _holidays(value.get("holidays")))

    def is_open(self, now: datetime) -> bool:
        """Whether somebody is there. `now` is aware."""
        return self._ends_of_spans(now) != []

    def closes_at(self, now: datetime) -> datetime:
        """When it closes, `now` if it is closed; where it is open for long, a moment a day or more ahead."""
        at = now
        while at - now < timedelta(days=1) and (ends := self._ends_of_spans(at)):
            at = max(ends)
        return at

    def opens_at(self, now: datetime) -> datetime | None:
        """When it opens next, in its own time zone; None if never."""
        today = now.astimezone(_zone(self.timezone)).date()
        for ahead in range(LOOK_AHEAD):
            begins = [begin for begin, _ in self._spans_of(today + timedelta(days=ahead)) if begin > now]
            if begins:
                return min(begins).astimezone(_zone(self.timezone))
        return None

    def closed_messages(self, name: str, now: datetime) -> dict[str, str]:
        """What to say of a destination that is closed, by language."""
        local = now.astimezone(_zone(self.timezone))
        opens = self.opens_at(now)
        is_holiday = local.date() in self.holidays
        return hours_said.closed(name, local, opens, is_holiday=is_holiday)

    def in_words(self) -> str:
        """The hours of a week, in Portuguese; '' where every day but the holidays is open."""
        return hours_said.week(self.week)

    def _ends_of_spans(self, now: datetime) -> list[datetime]:
        """The ends of the spans in which `now` is: one, or several that overlap."""
        today = now.astimezone(_zone(self.timezone)).date()
        days = (today - timedelta(days=1), today)
        return [ends for day in days for begins, ends in self._spans_of(day) if begins <= now < ends]

    def _spans_of(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        """The instants between which it is open on that day."""
        if day not in self.holidays:
            for begins, ends in self.week[day.weekday()]:
                yield self._instant(day, begins), self._instant(day, ends)

    def _instant(self, day: date, minutes: int) -> datetime:
        day += timedelta(days=minutes // _DAY)
        clock = time(minutes % _DAY // 60, minutes % 60, tzinfo=_zone(self.timezone))
        # Through UTC: Python compares two times of one zone by their clocks, whatever the offsets.
        return datetime.combine(day, clock).astimezone(ZoneInfo("UTC"))


# -- reading ----------------------------------------------------------------------------------------------


def _wrong(text: str) -> NoReturn:
    raise ValueError(text)


def _zone(name: Any) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        _wrong(f"no time zone is called {str(name)[:60]!r}")


def _by_weekday(value: Mapping[str, Any]) -> dict[str, Any]:
    """One span for several days, spelt out."""
    rest = {name: one for name, one in value.items() if name not in ("start", "end", "days")}
    if len(rest) == len(value):
        return rest
    days = value.get("days", [1, 2, 3, 4, 5])
    if not isinstance(days, list) or not all(day in range(1, 8) for day in days):
        _wrong("days: a list of numbers from 1 (Monday) to 7 is needed")
    span = {"start": value.get("start"), "end": value.get("end")}
    return {**{WEEKDAYS[int(day) - 1]: span for day in days}, **rest}


def _spans(day: str, value: Any) -> tuple[Span, ...]:
    """One span or a list of them, each `08:00-12:00` or {"start": "08:00", "end": "12:00"}."""
    given = [] if value is None else value if isinstance(value, list) else [value]
    if len(given) > MOST_SPANS:
        _wrong(f"{day}: {len(given)} spans are too many; a day has at most {MOST_SPANS}")
    found = []
    for one in given:
        text = f"{one['start']}-{one['end']}" if isinstance(one, dict) and {*one} == {"start", "end"} else one
        match = _SPAN.fullmatch(text.strip()) if isinstance(text, str) else None
        numbers = [int(number) for number in match.groups()] if match else [24] * 4
        begins, ends = numbers[0] * 60 + numbers[1], numbers[2] * 60 + numbers[3]
        if begins >= _DAY or ends > _DAY:
            _wrong(f'{day}: a span is "08:00-12:00", not {str(one)[:60]!r}')
        found.append((begins, ends if ends > begins else ends + _DAY))
    return tuple(sorted(found))


def _holidays(value: Any) -> Holidays:
    if value is None:
        return Holidays()
    known = {"country", "state", "city", "optional", "dates", "open"}
    if not isinstance(value, dict) or set(value) - known:
        _wrong(f"holidays: an object with {', '.join(sorted(known))} is needed")
    country, state, city = (_text(name, value.get(name)) for name in ("country", "state", "city"))
    if not isinstance(value.get("optional", False), bool):
        _wrong(f"holidays: optional is true or false, not {str(value['optional'])[:30]!r}")
    optional = value.get("optional", False)
    if (state or city) and not country:
        _wrong("holidays: state and city need their country")
    if country and not _is_known(country, state, optional):
        _wrong(f"holidays: none are known of {country[:30]!r} {state[:30]!r}")
    place = _city(country, city, optional) or state
    dates, works = (_dates(name, value.get(name)) for name in ("dates", "open"))
    return Holidays(country, place, optional, dates, works)


def _city(country: str, city: str, optional: bool) -> str:
    """A city as the library calls it; '' for most, which have the holidays of their state, and own dates.

    By its own name only: `São Paulo` alone is a state there, and the city `São Paulo Capital`.
    """
    if not city:
        return ""
    known = _calendar(country, "", optional).subdivisions
    return next((name for name in (f"{city} Capital", city) if name in known), "")


def _is_known(country: str, place: str, optional: bool) -> bool:
    try:
        return bool(_COUNTRY.fullmatch(country)) and _calendar(country, place, optional) is not None
    except NotImplementedError:
        return False


def _text(name: str, value: Any) -> str:
    if value is not None and not isinstance(value, str):
        _wrong(f"holidays: {name} is a text, not {str(value)[:30]!r}")
    return value or ""


def _dates(name: str, value: Any) -> frozenset[str]:
    if value is not None and not isinstance(value, list):
        _wrong(f"holidays: {name} is a list of dates, not {str(value)[:30]!r}")
    if value and len(value) > MOST_DATES:
        _wrong(f"holidays: {name} has {len(value)} dates, and at most {MOST_DATES} are taken")
    for day in value or []:
        match = _DATE.fullmatch(day) if isinstance(day, str) else None
        try:
            if match is None:
                raise ValueError
            date(int(match[1] or _ANY_LEAP_YEAR), int(match[2]), int(match[3]))
        except ValueError:
            _wrong(f'holidays: {name} are "2026-07-09" or "12-24", not {str(day)[:30]!r}')
    return frozenset(value or ())


@lru_cache(maxsize=100)
def _calendar(country: str, place: str, optional: bool) -> holidays.HolidayBase:
    """Raises NotImplementedError for a place that the library does not know."""
    calendar = holidays.country_holidays(country.upper(), subdiv=place or None)
    if optional and "optional" in calendar.supported_categories:
        return holidays.country_holidays(
            country.upper(), subdiv=place or None, categories=("public", "optional")
        )
    return calendar
