"""The words of a drawing in Persian and English: kinds of nodes, ways out, and what stands round them. Pure."""

from __future__ import annotations

from datetime import datetime

from pbx_bridge.values import dates, digits
from pbx_bridge.values.hostile import clean

LANGUAGES = ("fa", "en")

_KINDS = {
    "ask": ("پرسش عدد", "ask for digits"),
    "call": ("زیرجریان", "sub-flow"),
    "callback": ("تماس دوباره", "callback"),
    "caller": ("شناسایی تماس‌گیرنده", "who is calling"),
    "choose": ("بررسی شرط", "choose"),
    "complaint": ("شکایت", "complaint"),
    "contract": ("قرارداد", "contract"),
    "dial": ("شماره‌گیری", "dial"),
    "find": ("جست‌وجو", "look up"),
    "hang_up": ("پایان تماس", "hang up"),
    "hours": ("ساعت کار", "opening hours"),
    "language": ("انتخاب زبان", "language"),
    "menu": ("منو", "menu"),
    "queue": ("صف پاسخ‌گویی", "queue"),
    "record": ("ضبط صدا", "record"),
    "return": ("بازگشت", "return"),
    "say": ("گفتار", "say"),
    "survey": ("نظرسنجی", "survey"),
    "ticket": ("ثبت درخواست", "ticket"),
    "transfer": ("انتقال تماس", "transfer"),
    "voicemail": ("پیام‌گیر", "voicemail"),
    "webhook": ("فراخوانی وب", "webhook"),
}

_WAYS = {
    "after": ("پس از گفت‌وگو", "after the talk"),
    "accepted": ("پذیرفته", "accepted"),
    "answered": ("پاسخ داده شد", "answered"),
    "busy": ("مشغول", "busy"),
    "callback": ("تماس دوباره", "callback"),
    "closed": ("بسته", "closed"),
    "confirmed": ("تأیید شد", "confirmed"),
    "done": ("انجام شد", "done"),
    "empty": ("خالی", "empty"),
    "ended": ("پایان‌یافته", "ended"),
    "ending": ("رو به پایان", "ending soon"),
    "failed": ("ناموفق", "failed"),
    "found": ("پیدا شد", "found"),
    "full": ("پر", "full"),
    "holiday": ("تعطیل", "holiday"),
    "invalid": ("نادرست", "invalid"),
    "key_pressed": ("خروج با کلید", "left by key"),
    "known": ("معلوم", "known"),
    "limited": ("بیش از حد مجاز", "limit reached"),
    "missing": ("نامعلوم", "missing"),
    "next": ("بعدی", "next"),
    "no": ("خیر", "no"),
    "no_answer": ("بی‌پاسخ", "no answer"),
    "nobody": ("کسی نیست", "nobody there"),
    "none": ("هیچ", "none"),
    "not_found": ("پیدا نشد", "not found"),
    "nothing": ("چیزی نبود", "nothing"),
    "opened": ("ثبت شد", "opened"),
    "open": ("باز", "open"),
    "other": ("شمارهٔ دیگر", "another number"),
    "otherwise": ("در غیر این صورت", "otherwise"),
    "promised": ("قول داده شد", "promised"),
    "recorded": ("ضبط شد", "recorded"),
    "refused": ("رد شد", "refused"),
    "saved": ("ذخیره شد", "saved"),
    "sent": ("فرستاده شد", "sent"),
    "silence": ("سکوت", "silence"),
    "silent": ("سکوت", "silence"),
    "skipped": ("رد شد", "skipped"),
    "timeout": ("زمان تمام شد", "time is up"),
    "too_many": ("تلاش بیش از حد", "too many tries"),
    "unavailable": ("در دسترس نیست", "unavailable"),
    "unknown": ("ناشناس", "unknown"),
    "unknown_customer": ("مشتری ناشناس", "unknown customer"),
    "valid": ("معتبر", "valid"),
    "wrong": ("نادرست", "wrong"),
    "yes": ("بله", "yes"),
}

_LONGEST_CONDITION = 48  # letters of one on a line

# Ways that nobody wants to go: drawn as dashes.
TROUBLE = frozenset(
    {
        "busy", "failed", "full", "invalid", "limited", "no_answer", "nobody", "refused", "silence", "silent",
        "timeout", "too_many", "unavailable", "wrong",
    }
)  # fmt: skip

_PHRASES = {
    "start": ("آغاز", "start"),
    "person": ("کمک انسانی", "person who helps"),
    "end": ("پایان", "end"),
    "no_text": ("این گفتار متن ندارد: {key}", "no text for prompt {key}"),
    "title": ("جریان {name}", "Flow {name}"),
    "version": ("نسخهٔ {version}", "version {version}"),
    "calls": ("{n} تماس", "{n} calls"),
    "call": ("{n} تماس", "{n} call"),
    "period": ("از {start} تا {end}", "from {start} to {end}"),
    "since_ever": ("تا {end}", "until {end}"),
    "other_versions": ("{n} تماس با نسخه‌های دیگر", "{n} on other versions"),
    "described": (
        "{boxes} گره و {edges} راه. هر سطر: از کجا، کدام راه، به کجا.",
        "{boxes} nodes and {edges} edges. Each line: from where, which way out, to where.",
    ),
    "legend": (
        "خط‌چین: راهی که کسی نمی‌خواهد · عدد روی خط: چند بار پیموده شد",
        "dashed: what nobody wants · number on a line: how often it was taken",
    ),
    "legend_plain": ("خط‌چین: راهی که کسی نمی‌خواهد", "dashed: what nobody wants"),
}


def kind(name: str, language: str) -> str:
    """What a kind of node is called."""
    return _KINDS[name][_column(language)] if name in _KINDS else clean(name.replace("_", " "), 30)


def way(name: str, language: str) -> str:
    """What a way out is called; a name or a condition that the file's author wrote stays as it is."""
    if name in _WAYS:
        return _WAYS[name][_column(language)]
    if name.isidentifier():
        return clean(name.replace("_", " "), 30)
    condition = clean(name, _LONGEST_CONDITION)
    return f"\u2066{condition}\u2069" if language == "fa" else condition  # read from the left


def is_known(name: str) -> bool:
    """Whether there are words for this kind or way out."""
    return name in _KINDS or name in _WAYS or is_key(name)


def is_key(name: str) -> bool:
    """Whether a way out is a key of the telephone."""
    return len(name) == 1 and name in "0123456789*#"


def phrase(name: str, language: str, /, **values: str) -> str:
    """A sentence with its values put in, as they are."""
    text = _PHRASES[name][_column(language)]
    for key, value in values.items():
        text = text.replace(f"{{{key}}}", value)
    return text


def number(value: int, language: str) -> str:
    """A whole number with its thousands parted, in the digits of the language."""
    text = f"{value:,}"
    return digits.to_persian(text.replace(",", "٬")) if language == "fa" else text


def moment(value: datetime, language: str) -> str:
    """A day and time of day in the value's own zone: Jalali in Persian, else Gregorian."""
    if language != "fa":
        return f"{value:%Y-%m-%d %H:%M}"
    year, month, day = dates.to_jalali(value.date())
    return figures(f"{year:04}/{month:02}/{day:02} {value:%H:%M}", language)


def period(start: datetime | None, end: datetime, language: str) -> str:
    """From when to when; `start` None: since ever."""
    if start is None:
        return phrase("since_ever", language, end=moment(end, language))
    return phrase("period", language, start=moment(start, language), end=moment(end, language))


def calls(count: int, language: str) -> str:
    """So many calls."""
    return phrase("call" if count == 1 else "calls", language, n=number(count, language))


def figures(text: str, language: str) -> str:
    """The text with the digits of the language."""
    return digits.to_persian(text) if language == "fa" else text


def _column(language: str) -> int:
    return 0 if language == "fa" else 1
