"""Phone numbers: E.164 inside, as people type them at the edge (libphonenumber's rules, default region IR).

A region is a country, `IR`, or a country and the code of the area whose numbers are dialled there without it,
`IR-21`: 88880001 is then +982188880001. This is the one place that reads and writes numbers; what a house does to
them besides stands in number_rules.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NewType
from urllib.parse import unquote

import phonenumbers

from pbx_bridge.values import digits

E164 = NewType("E164", str)

SHORTEST_OUTSIDE = 7  # digits; anything shorter is an extension of ours, or a service, not a number of the region

# Remembered: each call asks of the same two numbers many times, a page of many, and the world's rules take time.
_ASKED = 1024
_LONGEST_OWN = 15  # digits of a number
_LONGEST = 300  # letters of an address that are looked at
_ADDRESS = re.compile(r"(?:(?:\"[^\"]*\"\s*|[^<>\"]*)<)?\s*(?:sips?|tel):([^@;>?]*)[^<>]*>?", re.IGNORECASE)
_BETWEEN = dict.fromkeys(map(ord, " -/.()\u200c\u200e\u00a0\u2010\u2011\u2012\u2013\u2014\u2212"))
_WITHHELD = frozenset(
    {"anonymous", "restricted", "unknown", "unavailable", "private", "withheld", "blocked", "asterisk", "nobody", "s"}
)


@lru_cache(maxsize=_ASKED)
def to_e164(text: str, region: str = "IR") -> E164 | None:
    """The E.164 form of a number as typed or as SIP gave it, or None for an extension or nonsense.

    Accepts spaces, hyphens, slashes, dots, 00 and +, Persian or Arabic digits, and `tel:` and `sip:` addresses.
    """
    number = _number(text, region)
    return None if number is None else _e164(number)


def why_not(text: str, region: str = "IR") -> str:
    """Why `to_e164` takes a text for no number: `empty`, `letters`, `short`, `long`, `country` or `unknown`."""
    plain = _plain(text)
    figures = sum(c.isdigit() for c in plain)
    if not plain:
        return "empty"
    if any(c.isalpha() for c in plain):
        return "letters"
    if figures < SHORTEST_OUTSIDE:
        return "short"
    try:
        reason = phonenumbers.is_possible_number_with_reason(phonenumbers.parse(plain, country(region)))
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


@lru_cache(maxsize=_ASKED)
def with_area(text: str, region: str) -> E164 | None:
    """The number of the region's own area that is meant by digits without any prefix; None: no such is meant."""
    number = _of_area(text, region)
    return None if number is None else _e164(number)


@lru_cache(maxsize=_ASKED)
def bare(text: str) -> str:
    """A text that may be a number without what stands between digits: 0912…, +98912…, 101; else the text."""
    return _plain(text).translate(_BETWEEN)


@lru_cache(maxsize=_ASKED)
def is_withheld(text: str, region: str = "IR") -> bool:
    """Whether a caller's number was kept back: nothing, a word such as `anonymous`, or a country code alone."""
    plain = bare(text)
    if any(c.isalpha() for c in plain):
        return plain.strip("<>").lower() in _WITHHELD
    figures = "".join(c for c in plain if c.isdigit()).lstrip("0")
    return figures in ("", country_code(region))


def national(number: str) -> str:
    """An E.164 number as people of its country dial it, digits only: +989121234567 → 09121234567."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    shown = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
    return "".join(c for c in shown if c.isdigit())


@lru_cache(maxsize=_ASKED)
def significant(number: str) -> str:
    """The digits of an E.164 number that stand in every way to dial it from afar: +989121234567 → 9121234567."""
    return phonenumbers.national_significant_number(phonenumbers.parse(number))


def dialled(number: str, region: str) -> str:
    """An E.164 number as people of a region dial it, digits only: those of other countries with the way abroad."""
    plain = phonenumbers.format_out_of_country_calling_number(phonenumbers.parse(number), country(region))
    return "".join(c for c in plain if c.isdigit())


@lru_cache(maxsize=_ASKED)
def readable(text: str, region: str) -> str:
    """A number as people of the region read it: 0912 123 4567, +49 30 901820; empty where it is none."""
    number = _number(text, region)
    if number is None:
        return ""
    home = phonenumbers.region_code_for_number(number) == country(region)
    form = phonenumbers.PhoneNumberFormat.NATIONAL if home else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(number, form)


# --- regions --------------------------------------------------------------------------------------------------------


def country(region: str) -> str:
    """The country of a region: IR of IR-21."""
    return region.partition("-")[0]


def area_code(region: str) -> str:
    """The code of the area whose numbers are dialled without it: 21 of IR-21; empty where there is none."""
    return region.partition("-")[2]


@lru_cache(maxsize=8)
def country_code(region: str) -> str:
    """Its code, without a +."""
    return str(phonenumbers.country_code_for_region(country(region)))


@lru_cache(maxsize=8)
def trunk_prefix(region: str) -> str:
    """What the country's own numbers begin with as people dial them, 0 in Iran; empty where nothing."""
    told = phonenumbers.PhoneMetadata.metadata_for_region(country(region))
    return (told and told.national_prefix) or ""


def check_region(region: str) -> str:
    """The region, as it came. Raises ValueError where nobody knows its country."""
    if country(region) not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(f"{country(region)} is no country with numbers of its own, such as IR")
    return region


# --- reading --------------------------------------------------------------------------------------------------------


def _plain(text: str) -> str:
    address = _ADDRESS.fullmatch(text.strip()[:_LONGEST])
    return digits.to_ascii(unquote(address[1]) if address else text).replace("/", " ").strip()


def _number(text: str, region: str) -> phonenumbers.PhoneNumber | None:
    plain = _plain(text)
    if sum(c.isdigit() for c in plain) < SHORTEST_OUTSIDE:
        return None
    return _of_area(plain, region) or _plainly(plain, country(region)) or _valid(plain, country(region))


def _plainly(plain: str, of_country: str) -> phonenumbers.PhoneNumber | None:
    """A valid number of the country that is nothing but digits after its + and code, or its 0: most of what comes.

    None: the library's own reading decides. It comes to the same, after looking for all that people write.
    """
    start, code = _starts(of_country)
    for beginning in (f"+{code}", start):
        own = plain.removeprefix(beginning)
        # Nothing begins with the country's 0 twice, but in countries where it is a part of the number.
        if own == plain or len(own) > _LONGEST_OWN or own.startswith("0"):
            continue
        if own.isascii() and own.isdecimal():
            number = phonenumbers.PhoneNumber(country_code=code, national_number=int(own))
            sound = phonenumbers.is_possible_number(number) and phonenumbers.is_valid_number(number)
            return number if sound else None
    return None


@lru_cache(maxsize=8)
def _starts(of_country: str) -> tuple[str, int]:
    """What the country's own numbers begin with, empty where more is done to them than that; and its code."""
    told = phonenumbers.PhoneMetadata.metadata_for_region(of_country)
    code: int = phonenumbers.country_code_for_region(of_country)
    if told is None or told.international_prefix != "00":  # what follows the 0 may be the way abroad
        return "", code
    simple = told.national_prefix == told.national_prefix_for_parsing and not told.national_prefix_transform_rule
    return (told.national_prefix or "") if simple else "", code


def _of_area(text: str, region: str) -> phonenumbers.PhoneNumber | None:
    area, number = area_code(region), bare(text)
    prefix = trunk_prefix(region) or "0"
    if not area or len(number) < SHORTEST_OUTSIDE or not number.isdecimal() or number.startswith(prefix):
        return None
    return _valid(f"+{country_code(region)}{area}{number}", country(region))


def _e164(number: phonenumbers.PhoneNumber) -> E164:
    return E164(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _valid(plain: str, of_country: str) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse(plain, of_country)
    except phonenumbers.NumberParseException:
        return None
    number.extension = None  # of a desk in another house, which is no part of the number
    return number if phonenumbers.is_valid_number(number) else None
