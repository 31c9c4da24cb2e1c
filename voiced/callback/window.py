"""When a client may be called: in the hours of the company, and in the hours of the client's own place."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import timezone as places

from voiced.callback.policy import MissedWindow, Policy
from voiced.hours import WorkingHours

_STEPS: Final = 50  # of two calendars that take turns: more means that they never open together
_UNKNOWN: Final = "Etc/Unknown"


def opens_at(policy: Policy, number: str, timezone: str, now: datetime) -> datetime | None:
    """When the client may be called, if not now; None for now. What never opens opens in a day, for a look.

    `timezone` is the domain's; the client's own is told by the number (E.164).
    """
    calendars = [
        hours
        for hours in (
            WorkingHours.parse(policy.window or {}, timezone),
            WorkingHours.parse(policy.client_window or {}, timezone_of(number, timezone)),
        )
        if hours is not None
    ]
    if all(hours.is_open(now) for hours in calendars):
        return None
    at = now
    if policy.missed_window is MissedWindow.NEXT_DAY:
        at = _midnight_after(now, calendars[0].timezone)
    for _ in range(_STEPS):
        closed = next((hours for hours in calendars if not hours.is_open(at)), None)
        if closed is None:
            return at
        opens = closed.opens_at(at)
        if opens is None:
            break
        at = opens
    return now + timedelta(days=1)


def timezone_of(number: str, otherwise: str) -> str:
    """The time zone of a number's area; `otherwise` where it is not known, or has several."""
    found = places.time_zones_for_number(phonenumbers.parse(number))
    return found[0] if len(found) == 1 and found[0] != _UNKNOWN else otherwise


def _midnight_after(now: datetime, zone: str) -> datetime:
    local = now.astimezone(ZoneInfo(zone))
    tomorrow = (local + timedelta(days=1)).date()
    return datetime.combine(tomorrow, datetime.min.time(), ZoneInfo(zone))
