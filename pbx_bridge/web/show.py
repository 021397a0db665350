"""How values are shown to a person: dates, times of day, durations, numbers and phone numbers. Pure.

Persian pages show Jalali dates and Persian digits, English ones Gregorian dates and 0-9. Text that came over the
telephone is hostile and passes through `clean` before it is shown.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import phonenumbers

from pbx_bridge.values import dates, digits, phone, tracking
from pbx_bridge.values.hostile import MAX_TEXT, clean

NOTHING = "–"

_FSI, _LRI, _PDI = "\u2068", "\u2066", "\u2069"

_JALALI_MONTHS = (
    "فروردین", "اردیبهشت", "خرداد", "تیر", "مرداد", "شهریور", "مهر", "آبان", "آذر", "دی", "بهمن", "اسفند",
)  # fmt: skip
_GREGORIAN_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_PERSIAN_DAYS = ("دوشنبه", "سه‌شنبه", "چهارشنبه", "پنجشنبه", "جمعه", "شنبه", "یکشنبه")
_ENGLISH_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Language(enum.StrEnum):
    """The languages of the pages."""

    FA = "fa"
    EN = "en"


def isolate(text: str, limit: int = MAX_TEXT) -> str:
    """Hostile text made harmless inside a sentence of either direction."""
    return f"{_FSI}{clean(text, limit)}{_PDI}"


def left_to_right(text: str) -> str:
    """A number or code that keeps its order inside a sentence of either direction."""
    return f"{_LRI}{text}{_PDI}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """Shows values in one language and zone. `region` is the country whose numbers are shown without +."""

    language: Language
    zone: ZoneInfo
    region: str = "IR"

    @property
    def persian(self) -> bool:
        """Whether Persian digits and Jalali dates are shown."""
        return self.language is Language.FA

    @property
    def direction(self) -> str:
        """`rtl` or `ltr`, of the page."""
        return "rtl" if self.persian else "ltr"

    def digits(self, text: str) -> str:
        """The same text with the digits of the language."""
        return digits.to_persian(text) if self.persian else text

    def number(self, value: int) -> str:
        """A whole number with its thousands parted."""
        return self.digits(f"{value:,}".replace(",", "٬" if self.persian else ","))

    def local(self, moment: datetime) -> datetime:
        """The moment in the page's zone."""
        return moment.astimezone(self.zone)

    def date_of(self, moment: datetime) -> str:
        """۱۴۰۵/۰۸/۳۰ or 21 Nov 2026."""
        return self.day(self.local(moment).date())

    def day(self, day: date) -> str:
        """The same of a calendar day."""
        if self.persian:
            year, month, number = dates.to_jalali(day)
            return self.digits(f"{year:04}/{month:02}/{number:02}")
        return f"{day.day} {_GREGORIAN_MONTHS[day.month - 1][:3]} {day.year}"

    def long_date(self, moment: datetime) -> str:
        """شنبه ۳۰ آبان ۱۴۰۵ or Saturday 21 November 2026."""
        day = self.local(moment).date()
        if self.persian:
            year, month, number = dates.to_jalali(day)
            return self.digits(f"{_PERSIAN_DAYS[day.weekday()]} {number} {_JALALI_MONTHS[month - 1]} {year}")
        return f"{_ENGLISH_DAYS[day.weekday()]} {day.day} {_GREGORIAN_MONTHS[day.month - 1]} {day.year}"

    def typed_day(self, day: date) -> str:
        """A day as the person would type it into a filter: 1405/08/30 or 2026-11-21, in their digits."""
        return self.day(day) if self.persian else day.isoformat()

    def clock(self, moment: datetime) -> str:
        """Time of day: 14:32:05."""
        return self.digits(f"{self.local(moment):%H:%M:%S}")

    def duration(self, us: int) -> str:
        """Microseconds as 0:42, 2:05 or 1:02:05, rounded to the second; a negative one as nothing."""
        seconds = (max(us, 0) + 500_000) // 1_000_000
        minutes, second = divmod(seconds, 60)
        hours, minute = divmod(minutes, 60)
        return self.digits(f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}")

    def spent(self, us: int) -> str:
        """A duration where none at all is a dash."""
        return self.duration(us) if us > 0 else NOTHING

    def phone(self, text: str) -> str:
        """A phone number as people of the region read it: 0912 123 4567, +49 30 901820; else the text, cleaned."""
        return self.digits(_readable(text, self.region))

    def tracking(self, number: str) -> str:
        """A tracking number in the groups it is spoken in: 471 208 3."""
        return self.digits(" ".join(tracking.groups(clean(number, 24))))


def iso(moment: datetime) -> str:
    """For machines: UTC, whole seconds."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def microseconds(span: timedelta) -> int:
    """A span as whole microseconds."""
    return span // timedelta(microseconds=1)


@lru_cache(1024)
def _readable(text: str, region: str) -> str:
    # Cached: a page has many numbers, and the rules of the world's numbers take their time.
    e164 = phone.to_e164(text, region)
    if e164 is None:
        return clean(text, 40)
    number = phonenumbers.parse(e164)
    home = phonenumbers.region_code_for_number(number) == region
    form = phonenumbers.PhoneNumberFormat.NATIONAL if home else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(number, form)
