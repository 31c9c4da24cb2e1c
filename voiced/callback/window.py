"""When a client may be called: in the hours of the company, and in the hours of the client's own place."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import timezone as places

from voiced.callback.policy import MissedWindow, Policy
from voiced.hours import WorkingHours

_STEPS: Final = 50  # for each calendar, of some that take turns: more means that they never open together
_UNKNOWN: Final = "Etc/Unknown"
# What libphonenumber does not know: the west of Amazonas is an hour behind Manaus (Lei 12.876/2013).
_ALSO: Final = {"+5597": ("America/Eirunepe",)}


def opens_at(policy: Policy, number: str, timezone: str, now: datetime) -> datetime | None:
    """When the client may be called, if not now; None for now. What never opens opens in a day, for a look.

    `timezone` is the domain's; the client's own is told by the number (E.164). Where that may be in several,
    it has to be the hour in all of them: nobody is called at night.
    """
    calendars = _calendars(policy, number, timezone)
    if all(hours.is_open(now) for hours in calendars):
        return None
    at = now
    if policy.missed_window is MissedWindow.NEXT_DAY:
        at = _midnight_after(now, calendars[0].timezone)
    for _ in range(_STEPS * len(calendars)):
        closed = next((hours for hours in calendars if not hours.is_open(at)), None)
        if closed is None:
            return at
        opens = closed.opens_at(at)
        if opens is None:
            break
        at = opens
    return now + timedelta(days=1)


def closes_at(policy: Policy, number: str, timezone: str, now: datetime) -> datetime | None:
    """When the client may not be called any more (`now` if it is so already); None where there is no window.

    Looked for a day ahead: no call takes that long to begin.
    """
    return min((hours.closes_at(now) for hours in _calendars(policy, number, timezone)), default=None)


def zones_of(number: str, otherwise: str) -> tuple[str, ...]:
    """The time zones that a number (E.164) may be in; `otherwise` where nothing is known of it."""
    found = set(places.time_zones_for_number(phonenumbers.parse(number))) - {_UNKNOWN}
    found.update(*(zones for prefix, zones in _ALSO.items() if number.startswith(prefix)))
    return tuple(sorted(found)) or (otherwise,)


def _calendars(policy: Policy, number: str, timezone: str) -> list[WorkingHours]:
    wanted = [WorkingHours.parse(policy.window or {}, timezone)]
    if policy.client_window:
        wanted += [WorkingHours.parse(policy.client_window, zone) for zone in zones_of(number, timezone)]
    return [hours for hours in wanted if hours is not None]


def _midnight_after(now: datetime, zone: str) -> datetime:
    local = now.astimezone(ZoneInfo(zone))
    tomorrow = (local + timedelta(days=1)).date()
    return datetime.combine(tomorrow, datetime.min.time(), ZoneInfo(zone))
