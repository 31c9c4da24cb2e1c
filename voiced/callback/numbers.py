"""Telephone numbers of clients: as E.164, and which of them may be called."""

from __future__ import annotations

import re
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

from voiced.callback.policy import Policy
from voiced.callback.refusals import BadNumber, NumberBlocked, PrefixNotAllowed

_WRITTEN: Final = re.compile(r"\+?[0-9][0-9 ()./-]{1,38}|\([0-9][0-9 ()./-]{1,38}")


def e164(text: str, region: str) -> str:
    """A number as `+5511999990000`. `region` (`BR`) is whose numbers may be written without their country.

    Raises BadNumber for what is no number, or none that can exist.
    """
    written = text.strip()
    if not _WRITTEN.fullmatch(written):
        raise BadNumber(f"{written[:40]!r} is no telephone number; write it as +5511999990000")
    digits = re.sub(r"\D", "", written)
    if written.startswith("+"):
        candidates = ["+" + digits]
    elif digits.startswith("00"):  # as from abroad: where 00 is followed by a carrier, that comes second
        candidates = ["+" + digits[2:], digits]
    else:  # as at home, or with a country code that lacks its plus
        candidates = [digits, "+" + digits]
    for candidate in candidates:
        try:
            number = phonenumbers.parse(candidate, region)
        except NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return phonenumbers.format_number(number, PhoneNumberFormat.E164)
    raise BadNumber(f"{written!r} is no telephone number that exists; write it as +5511999990000")


def check(number: str, policy: Policy) -> None:
    """Raises NumberBlocked or PrefixNotAllowed for an E.164 number that the company does not call."""
    if policy.blocked_numbers and number.startswith(policy.blocked_numbers):
        raise NumberBlocked
    if policy.allowed_prefixes and not number.startswith(policy.allowed_prefixes):
        raise PrefixNotAllowed(f"only numbers with {', '.join(policy.allowed_prefixes)} are called here")
