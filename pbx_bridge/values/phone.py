"""Phone numbers: E.164 inside, as people type them at the edge (libphonenumber's rules, default region IR)."""

from __future__ import annotations

from functools import lru_cache
from typing import NewType

import phonenumbers

from pbx_bridge.values import digits

E164 = NewType("E164", str)

_SHORTEST_SUBSCRIBER = 7  # anything shorter is an extension of ours, not a number of the region


@lru_cache(maxsize=1024)  # each call asks it of the same two numbers several times
def to_e164(text: str, region: str = "IR") -> E164 | None:
    """The E.164 form of a number as typed or as SIP gave it, or None for an extension or nonsense.

    Accepts spaces, hyphens, slashes, 00 and +, and Persian or Arabic digits.
    """
    plain = digits.to_ascii(text).replace("/", " ").strip()
    if sum(c.isdigit() for c in plain) < _SHORTEST_SUBSCRIBER:
        return None
    try:
        number = phonenumbers.parse(plain, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return E164(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def why_not(text: str, region: str = "IR") -> str:
    """Why `to_e164` takes a text for no number: `empty`, `letters`, `short`, `long`, `country` or `unknown`."""
    plain = digits.to_ascii(text).replace("/", " ").strip()
    figures = sum(c.isdigit() for c in plain)
    if not plain:
        return "empty"
    if any(c.isalpha() for c in plain):
        return "letters"
    if figures < _SHORTEST_SUBSCRIBER:
        return "short"
    try:
        reason = phonenumbers.is_possible_number_with_reason(phonenumbers.parse(plain, region))
    except phonenumbers.NumberParseException as error:
        return {
            phonenumbers.NumberParseException.INVALID_COUNTRY_CODE: "country",
            phonenumbers.NumberParseException.TOO_LONG: "long",
        }.get(error.error_type, "unknown")
    return {
        phonenumbers.ValidationResult.TOO_SHORT: "short",
        phonenumbers.ValidationResult.TOO_LONG: "long",
        phonenumbers.ValidationResult.INVALID_COUNTRY_CODE: "country",
    }.get(reason, "unknown")


def national(number: str) -> str:
    """An E.164 number as people of its country dial it, digits only: +989121234567 → 09121234567."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    shown = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
    return "".join(c for c in shown if c.isdigit())


def dialled(number: str, region: str) -> str:
    """An E.164 number as people of a region dial it, digits only: those of other countries with the way abroad."""
    plain = phonenumbers.format_out_of_country_calling_number(phonenumbers.parse(number), region)
    return "".join(c for c in plain if c.isdigit())
