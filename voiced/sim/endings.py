"""What a leg's variables say at its end: cause, times and lengths (`switch_channel_set_timestamps`)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from .causes import q850

if TYPE_CHECKING:
    from .channel import Channel
    from .profile import Profile


def ending_variables(channel: Channel) -> None:
    """Set ``hangup_cause``, ``start_stamp`` … ``duration`` …, in the order in which a real leg has them."""
    put = channel.variables.set
    put("hangup_cause", channel.hangup_cause)
    put("hangup_cause_q850", str(q850(channel.hangup_cause)))
    put("digits_dialed", channel.digits_dialed or "none")
    profile = channel.profile
    if profile is None:
        return
    for name, micros in _stamps(profile).items():
        if micros:
            put(f"{name}_stamp", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(micros // 1_000_000)))
    for name, micros in _epochs(profile).items():
        put(f"{name}_epoch", str(micros // 1_000_000))
        put(f"{name}_uepoch", str(micros))
        if name == "last_hold":
            held = profile.hold_accum
            put("hold_accum_seconds", str(held // 1_000_000))
            put("hold_accum_usec", str(held))
            put("hold_accum_ms", str(held // 1000))
    last = channel.variables.get("current_application")
    if last:
        put("last_app", last)
        put("last_arg", channel.variables.get("current_application_data"))
    put("caller_id", f'"{profile.caller_id_name}" <{profile.caller_id_number}>')
    lengths = _lengths(profile)
    for name, micros in lengths.items():
        put("duration" if name == "duration" else f"{name}sec", str(micros // 1_000_000))
    for letter, divisor in (("m", 1000), ("u", 1)):
        for name, micros in lengths.items():
            put(f"{letter}{name}" if name == "duration" else f"{name}{letter}sec", str(micros // divisor))


def _stamps(profile: Profile) -> dict[str, int]:
    return {
        "start": profile.created,
        "profile_start": profile.profile_created,
        "answer": profile.answered,
        "bridge": profile.bridged,
        "progress": profile.progress,
        "progress_media": profile.progress_media,
        "end": profile.hungup,
    }


def _epochs(profile: Profile) -> dict[str, int]:
    return {
        "start": profile.created,
        "profile_start": profile.profile_created,
        "answer": profile.answered,
        "bridge": profile.bridged,
        "last_hold": profile.last_hold,
        "resurrect": profile.resurrected,
        "progress": profile.progress,
        "progress_media": profile.progress_media,
        "end": profile.hungup,
    }


def _lengths(profile: Profile) -> dict[str, int]:
    """Microseconds by the names that the variables begin with."""
    start, end = profile.created, profile.hungup
    return {
        "duration": end - start,
        "bill": end - profile.answered if profile.answered else 0,
        "progress": profile.progress - start if profile.progress else 0,
        "answer": profile.answered - start if profile.answered else 0,
        "wait": profile.bridged - start if profile.bridged else 0,
        "progress_media": profile.progress_media - start if profile.progress_media else 0,
        "flow_bill": end - start,
    }
