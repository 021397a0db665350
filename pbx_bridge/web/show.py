"""How values are shown to a person: dates, times of day, durations, numbers and phone numbers. Pure.

Persian pages show Jalali dates and Persian digits, English ones Gregorian dates and 0-9. Text that came over the
telephone is hostile and passes through `clean` before it is shown.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from pbx_bridge.values import dates, digits, phone, tracking
from pbx_bridge.values.hostile import MAX_TEXT, clean

NOTHING = "–"

_ASKED = 2048  # days and spans, remembered: a page has the same ones many times

# Six digits or more of any script, as people part them; shorter ones are extensions, codes and times.
_LONG_NUMBER = re.compile(r"\(?\d(?:[ \u00a0().\u2010\u2011-]{0,3}\d){5,}")
_SHOWN, _HIDDEN = 4, 3  # digits at either end, and at least so many between

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


def masked(text: str) -> str:
    """The text with the middle of every long number in it hidden: 0912•••4567. Extensions stay."""
    return _LONG_NUMBER.sub(lambda match: _hide(match[0]), text)


def _hide(number: str) -> str:
    figures = "".join(filter(str.isdigit, number))
    shown = min(2 * _SHOWN, len(figures) - _HIDDEN)
    first, last = shown - shown // 2, shown // 2
    return figures[:first] + "•" * (len(figures) - shown) + figures[len(figures) - last :]


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
        return _day(self.language, day)

    def long_date(self, moment: datetime) -> str:
        """شنبه ۳۰ آبان ۱۴۰۵ or Saturday 21 November 2026."""
        day = self.local(moment).date()
        if self.persian:
            year, month, number = dates.to_jalali(day)
            return self.digits(f"{_PERSIAN_DAYS[day.weekday()]} {number} {_JALALI_MONTHS[month - 1]} {year}")
        return f"{_ENGLISH_DAYS[day.weekday()]} {day.day} {_GREGORIAN_MONTHS[day.month - 1]} {day.year}"

    def month(self, day: date) -> str:
        """The month that a day is in: آبان ۱۴۰۵ or November 2026."""
        if self.persian:
            year, month, _ = dates.to_jalali(day)
            return self.digits(f"{_JALALI_MONTHS[month - 1]} {year}")
        return f"{_GREGORIAN_MONTHS[day.month - 1]} {day.year}"

    def weekday(self, number: int) -> str:
        """The day of the week, 0 being Monday."""
        return (_PERSIAN_DAYS if self.persian else _ENGLISH_DAYS)[number]

    def percent(self, part: float) -> str:
        """A share as a percentage with one decimal where it is below ten: 7.5 %, 82 %."""
        value = 100 * part
        text = f"{value:.1f}" if 0 < abs(value) < 10 else f"{value:.0f}"
        return self.digits(text.replace(".", "٫")) + "٪" if self.persian else f"{text}%"

    def decimal(self, value: float) -> str:
        """A number with one decimal: 4.2."""
        text = f"{value:.1f}"
        return self.digits(text.replace(".", "٫")) if self.persian else text

    def typed_day(self, day: date) -> str:
        """A day as the person would type it into a filter: 1405/08/30 or 2026-11-21, in their digits."""
        return self.day(day) if self.persian else day.isoformat()

    def clock(self, moment: datetime) -> str:
        """Time of day: 14:32:05."""
        at = self.local(moment)
        return self.digits(f"{at.hour:02}:{at.minute:02}:{at.second:02}")

    def duration(self, us: int) -> str:
        """Microseconds as 0:42, 2:05 or 1:02:05, rounded to the second; a negative one as nothing."""
        return _duration(self.language, (max(us, 0) + 500_000) // 1_000_000)

    def spent(self, us: int) -> str:
        """A duration where none at all is a dash."""
        return self.duration(us) if us > 0 else NOTHING

    def phone(self, text: str) -> str:
        """A phone number as people of the region read it: 0912 123 4567, +49 30 901820; else the text, cleaned."""
        return self.digits(phone.readable(text, self.region) or clean(text, 40))

    def tracking(self, number: str) -> str:
        """A tracking number in the groups it is spoken in: 471 208 3."""
        return self.digits(" ".join(tracking.groups(clean(number, 24))))


@lru_cache(_ASKED)
def _day(language: Language, day: date) -> str:
    if language is Language.FA:
        year, month, number = dates.to_jalali(day)
        return digits.to_persian(f"{year:04}/{month:02}/{number:02}")
    return f"{day.day} {_GREGORIAN_MONTHS[day.month - 1][:3]} {day.year}"


@lru_cache(_ASKED)
def _duration(language: Language, seconds: int) -> str:
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    text = f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
    return digits.to_persian(text) if language is Language.FA else text


def iso(moment: datetime) -> str:
    """For machines: UTC, whole seconds."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def microseconds(span: timedelta) -> int:
    """A span as whole microseconds."""
    return span // timedelta(microseconds=1)
