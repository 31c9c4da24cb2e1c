"""Telephone numbers of clients: as E.164, and which of them may be called."""

from __future__ import annotations

import re
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

from voiced.callback.policy import Policy
from voiced.callback.refusals import BadNumber, CostlyNumber, NumberBlocked, PrefixNotAllowed

_WRITTEN: Final = re.compile(r"\+?[0-9][0-9 ()./-]{1,38}|\([0-9][0-9 ()./-]{1,38}")


_COSTLY: Final = {  # kinds that cost the caller more, or anything at all: no client is called back there
    PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST, PhoneNumberType.PERSONAL_NUMBER,
    PhoneNumberType.UAN, PhoneNumberType.PAGER, PhoneNumberType.VOICEMAIL,
}  # fmt: skip
_NOWHERE: Final = "001"  # the region of satellites and other networks of no country
# A Brazilian mobile number as it was before 2016, when the last area got its ninth digit: area, 8 digits.
_WITHOUT_NINTH: Final = re.compile(r"(\+?(?:00)?55|0(?:[1-9][0-9])?|)([1-9][1-9])([6-9][0-9]{7})")


def e164(text: str, region: str) -> str:
    """A number as `+5511999990000`. `region` (`BR`) is whose numbers may be written without their country.

    Raises BadNumber for what is no number, or none that can exist. Short codes (190, 192, 193) are none.
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
    old = _WITHOUT_NINTH.fullmatch(candidates[0])
    if old and (region == "BR" or "55" in old[1]):
        candidates.append(f"+55{old[2]}9{old[3]}")
    for candidate in candidates:
        try:
            number = phonenumbers.parse(candidate, region)
        except NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return phonenumbers.format_number(number, PhoneNumberFormat.E164)
    raise BadNumber(f"{written!r} is no telephone number that exists; write it as +5511999990000")


def check(number: str, policy: Policy) -> None:
    """Whether a company calls an E.164 number. Raises NumberBlocked, PrefixNotAllowed, CostlyNumber."""
    if policy.blocked_numbers and number.startswith(policy.blocked_numbers):
        raise NumberBlocked
    if policy.allowed_prefixes and not number.startswith(policy.allowed_prefixes):
        raise PrefixNotAllowed(f"only numbers with {', '.join(policy.allowed_prefixes)} are called here")
    parsed = phonenumbers.parse(number)
    is_nowhere = phonenumbers.region_code_for_number(parsed) == _NOWHERE
    if phonenumbers.number_type(parsed) in _COSTLY or (is_nowhere and not policy.allowed_prefixes):
        raise CostlyNumber
