"""Opening hours in words: when a closed destination opens again, and the hours of a week."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Final, NamedTuple, TypeAlias

Span: TypeAlias = tuple[int, int]  # minutes of the day, from and to; `to` may be of the next day

_DAY: Final = 24 * 60  # minutes
_SHORT: Final = ("seg", "ter", "qua", "qui", "sex", "sáb", "dom")


class _Days(NamedTuple):
    """How a language says when: today and tomorrow, the days of the week, a date ({} {}), its months."""

    soon: tuple[str, str]
    weekdays: tuple[str, ...]
    date: str
    months: tuple[str, ...]

    def say(self, now: datetime, day: datetime) -> str:
        """On which day, seen from now."""
        ahead = (day.date() - now.date()).days
        if ahead < 2:
            return self.soon[ahead]
        if ahead < 7:
            return self.weekdays[day.weekday()]
        return self.date.format(day.day, self.months[day.month - 1])


_PORTUGUESE: Final = _Days(
    ("hoje", "amanhã"),
    (
        "na segunda-feira", "na terça-feira", "na quarta-feira", "na quinta-feira", "na sexta-feira",
        "no sábado", "no domingo",
    ),
    "em {} de {}",
    (
        "janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro", "outubro",
        "novembro", "dezembro",
    ),
)  # fmt: skip
_ENGLISH: Final = _Days(
    ("today", "tomorrow"),
    ("on Monday", "on Tuesday", "on Wednesday", "on Thursday", "on Friday", "on Saturday", "on Sunday"),
    "on {} {}",
    (
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
        "November", "December",
    ),
)  # fmt: skip


def closed(name: str, now: datetime, opens: datetime | None, *, is_holiday: bool) -> dict[str, str]:
    """What to say of a destination that is closed, by language. Both moments are of its own time zone."""
    return {
        "pt-BR": _in_portuguese(name, now, opens, is_holiday),
        "en": _in_english(name, now, opens),
    }


def week(spans: Sequence[Sequence[Span]]) -> str:
    """The hours of a week that begins on Monday, in Portuguese; '' for one that is always open, or never.

    >>> week([[(480, 720), (810, 1080)]] * 5 + [[(480, 720)], []])
    'seg a sex 8h-12h e 13h30-18h, sáb 8h-12h'
    """
    if all(list(day) == [(0, _DAY)] for day in spans):
        return ""
    told = []
    for hours, group in groupby(range(7), key=lambda day: " e ".join(map(_span, spans[day]))):
        days = list(group)
        last = f" a {_SHORT[days[-1]]}" if len(days) > 1 else ""
        told += [f"{_SHORT[days[0]]}{last} {hours}"] if hours else []
    return ", ".join(told)


def _span(span: Span) -> str:
    begins, ends = span
    return f"{_clock(begins)}-{_clock(ends if ends <= _DAY else ends - _DAY)}"


def _clock(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return f"{hours}h{rest:02}" if rest else f"{hours}h"


def _in_portuguese(name: str, now: datetime, opens: datetime | None, is_holiday: bool) -> str:
    closed = f"{name} não atende {'hoje, que é feriado' if is_holiday else 'neste horário'}."
    if opens is None:
        return closed
    return f"{closed} O atendimento volta {_PORTUGUESE.say(now, opens)}, {_hora(opens)}."


def _hora(at: datetime) -> str:
    if at.minute == 0 and at.hour in (0, 12):
        return "à meia-noite" if at.hour == 0 else "ao meio-dia"
    minutes = f"{at.minute:02}" if at.minute else ""
    return f"{'à' if at.hour == 1 else 'às'} {at.hour}h{minutes}"


def _in_english(name: str, now: datetime, opens: datetime | None) -> str:
    closed = f"{name} is closed at the moment."
    if opens is None:
        return closed
    day = _ENGLISH.say(now, opens)
    if opens.minute == 0 and opens.hour in (0, 12):
        return f"{closed} It opens {day} at {'midnight' if opens.hour == 0 else 'noon'}."
    minutes = f":{opens.minute:02}" if opens.minute else ""
    half = "am" if opens.hour < 12 else "pm"
    return f"{closed} It opens {day} at {opens.hour % 12 or 12}{minutes} {half}."
