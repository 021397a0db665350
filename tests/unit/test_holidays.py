"""Holidays: Iran's against lists written down apart, and what YAML and iCalendar files may say."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from persiantools.jdatetime import JalaliDate

from pbx_bridge.errors import FlowError
from pbx_bridge.ivr.opening import dates_file as holidays_yaml
from pbx_bridge.ivr.opening import ics as holidays_ics
from pbx_bridge.ivr.opening.holidays import HolidayBook
from pbx_bridge.ivr.opening.rule import parse_rule
from pbx_bridge.ivr.reading.beside import Beside

TEHRAN = ZoneInfo("Asia/Tehran")
BESIDE = Beside()
IRAN = holidays_yaml.read(BESIDE.read("iran"), "iran", BESIDE.path("iran"))

# Month by month, the days that are closed: what newspapers printed of the official calendars (of 1405 the days up to
# Tir, and how many there are in each month), the rest by the months of the moon as seen in Iran.
OFFICIAL = {
    1403: "1: 1 2 3 4 12 13 22 23; 2: 15; 3: 14 15 28; 4: 5 25 26; 6: 4 12 14 22 31; 9: 15; 10: 25; 11: 9 22 26;"
    " 12: 29 30",
    1404: "1: 1 2 3 4 11 12 13; 2: 4; 3: 14 15 16 24; 4: 14 15; 5: 23 31; 6: 2 10 19; 9: 3; 10: 13 27; 11: 15 22;"
    " 12: 20 29",
    1405: "1: 1 2 3 4 12 13; 3: 6 14 15; 4: 3 4; 5: 13 21 22 30; 6: 8; 8: 22; 10: 2 16; 11: 4 22; 12: 9 19 20 29",
}
# Days of the sun calendar in Gregorian dates of years far apart, worked out apart from the code.
SUN = {
    "2017-03-21": "نوروز",  # 1396
    "2020-03-20": "نوروز",  # 1399, a leap year
    "2021-03-20": "آخرین روز سال",  # 1399/12/30
    "2021-03-21": "نوروز",
    "2023-02-11": "انقلاب",
    "2023-04-01": "جمهوری",
    "2023-04-02": "طبیعت",
    "2024-06-03": "رحلت امام خمینی",  # one day earlier in a leap year's spring
    "2025-06-04": "رحلت امام خمینی",
    "2030-06-05": "پانزدهم خرداد",
    "2031-03-20": "نفت",
}


def jalali(year: int, month: int, day: int) -> date:
    return JalaliDate(year, month, day).to_gregorian()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("year", OFFICIAL)
def test_every_day_of_iran_is_as_the_official_calendar_has_it(year: int) -> None:
    months = dict(part.split(":") for part in OFFICIAL[year].split(";"))
    official = {jalali(year, int(month), int(day)) for month, days in months.items() for day in days.split()}
    first, after = jalali(year, 1, 1), jalali(year + 1, 1, 1)
    every = [first + timedelta(days=i) for i in range((after - first).days)]
    assert [day for day in every if IRAN.on(day)] == sorted(official)
    assert all(IRAN.knows(day) for day in every)


def test_1405_has_as_many_holidays_as_were_announced() -> None:
    year = [jalali(1405, 1, 1) + timedelta(days=i) for i in range(365)]
    closed = [day for day in year if IRAN.on(day)]
    assert (len(closed), [day.weekday() for day in closed].count(3), [day.weekday() for day in closed].count(4)) == (
        25,
        6,  # Thursdays
        3,  # Fridays
    )


@pytest.mark.parametrize(("day", "name"), SUN.items())
def test_days_of_the_sun_calendar_come_in_any_year(day: str, name: str) -> None:
    assert any(name in closed.name for closed in IRAN.on(date.fromisoformat(day)))


@given(st.integers(1300, 1500))
def test_a_year_of_the_sun_calendar_has_ten_holidays_and_a_leap_year_one_more(year: int) -> None:
    first, after = jalali(year, 1, 1), jalali(year + 1, 1, 1)
    sun = HolidayBook(source="iran", jalali=IRAN.jalali)
    closed = [day for i in range((after - first).days) if sun.on(day := first + timedelta(days=i))]
    assert len(closed) == 10 + ((after - first).days == 366)


def test_what_is_not_known_is_told() -> None:
    assert not IRAN.knows(jalali(1406, 1, 1))
    assert not IRAN.knows(jalali(1402, 12, 29))


# --- YAML ---------------------------------------------------------------------------------------------------------


def book(text: str) -> HolidayBook:
    return holidays_yaml.read(text.encode(), "own.yaml", Path("own.yaml"))


def test_a_file_of_ones_own() -> None:
    own = book("""
days:
  - {day: 7/16, name: روز شرکت}
  - {day: 1405/9/1, name: once, hours: "12:00-24:00"}
  - {day: 2026-11-23, name: gregorian}
  - {from: ۱۴۰۵/۵/۱۰, to: 1405-05-12, name: summer}
""")
    assert [own.on(jalali(year, 7, 16))[0].name for year in (1404, 1405)] == ["روز شرکت"] * 2
    (half,) = own.on(jalali(1405, 9, 1))
    assert (half.name, half.start, half.end) == ("once", 720, 1440)
    assert own.on(date(2026, 11, 23))[0].name == "gregorian"
    assert [bool(own.on(jalali(1405, 5, day))) for day in range(9, 14)] == [False, True, True, True, False]
    assert not own.on(jalali(1404, 9, 1))
    assert own.knows(date(1900, 1, 1))


def test_yearly_days_of_the_gregorian_calendar() -> None:
    own = book("calendar: gregorian\ncovers: 2024-2026\ndays: [{day: 2/29, name: leap}, {day: 12-25, name: x}]")
    assert own.on(date(2028, 2, 29))
    assert own.on(date(2031, 12, 25))
    assert not own.on(date(2027, 2, 28))
    assert own.knows(date(2026, 12, 31))
    assert not own.knows(date(2027, 1, 1))


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{day: 13/1, name: x}", "'13/1' is no day of the jalali calendar"),
        ("{day: 12/31, name: x}", "'12/31' is no day"),
        ("{day: 1404/12/30, name: x}", "that day does not exist"),
        ("{day: tomorrow, name: x}", "'tomorrow' is no date: write"),
        ("{name: x}", "it needs either a day, or from and to"),
        ("{day: 1/1, from: 1405/1/1, to: 1405/1/2, name: x}", "either a day, or from and to"),
        ("{from: 1405/1/1, name: x}", "either a day, or from and to"),
        ("{from: 1405/1/2, to: 1405/1/1, name: x}", "are not 1 to 366 days"),
        ("{from: 1400/1/1, to: 1405/1/1, name: x}", "are not 1 to 366 days"),
        ("{day: 1/1}", "the field 'name' is missing"),
        ("{day: 1/1, name: ''}", "length >= 1"),
        ("{day: 1/1, name: x, colour: red}", "there is no field 'colour'"),
        ('{day: 1/1, name: x, hours: "12-24"}', "hours '12-24' is no span of time"),
        ('{day: 1/1, name: x, hours: "22:00-02:00"}', "end before they begin"),
        ('{day: 1/1, name: "a\\u202eb"}', "a character that cannot be shown"),
        ("3", "expected"),
    ],
)
def test_a_bad_entry_is_refused_with_its_line(entry: str, said: str) -> None:
    with pytest.raises(FlowError) as refused:
        book(f"days:\n  - {{day: 1/1, name: ok}}\n  - {entry}\n")
    assert str(refused.value).startswith("own.yaml:3: ")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected"),
        ("days: {a: b}", "days: expected a list"),
        ("days: []\ncovers: often", "covers 'often': write a year, or 1403-1405"),
        ("days: []\ncovers: 1405-1403", "ends before it begins"),
        ("days: []\nfree: 1", "there is no field 'free'"),
        ("days: [", "not YAML"),
        ("a: &a [x, x]\nb: &b [*a, *a]\n" + "".join(f"c{i}: [*b, *b, *b]\n" for i in range(9000)), "values"),
        ("days:\n" + "  - {day: 1/1, name: x}\n" * 20_000, "own.yaml"),
        (
            "days:\n" + "  - {day: 1/1, name: x}\n" * 51,
            "own.yaml:52: days.50: with it there are more than 50 holidays",
        ),
    ],
)
def test_a_bad_file_is_refused(text: str, said: str) -> None:
    with pytest.raises(FlowError, match=r"own\.yaml") as refused:
        book(text)
    assert said in str(refused.value)


# --- iCalendar ----------------------------------------------------------------------------------------------------


def calendar(*events: str, head: str = "BEGIN:VCALENDAR\nVERSION:2.0\n") -> HolidayBook:
    text = head + "".join(f"BEGIN:VEVENT\n{event}\nEND:VEVENT\n" for event in events) + "END:VCALENDAR\n"
    return holidays_ics.read(text.replace("\n", "\r\n").encode(), "own.ics", Path("own.ics"), TEHRAN)


def days(found: HolidayBook) -> list[str]:
    return [day.isoformat() for day in sorted(found.dated)]


# As a widely used calendar service writes it.
EXPORTED = """BEGIN:VCALENDAR
PRODID:-//A Service//Calendar 70.9054//EN
CALSCALE:GREGORIAN
X-WR-CALNAME:Company
BEGIN:VTIMEZONE
TZID:Asia/Tehran
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0330
TZOFFSETTO:+0330
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
DTSTART;VALUE=DATE:20261123
DTEND;VALUE=DATE:20261125
DTSTAMP:20261101T101010Z
UID:1@a-service
SUMMARY:Company\\, trip and a very long name that is folded onto the ne
 xt line
TRANSP:TRANSPARENT
BEGIN:VALARM
ACTION:DISPLAY
TRIGGER:-P1D
DESCRIPTION:This has a SUMMARY: too
END:VALARM
END:VEVENT
BEGIN:VEVENT
DTSTART;TZID="Asia/Tehran":20261130T120000
DURATION:PT3H30M
SUMMARY;LANGUAGE=fa:جلسه
END:VEVENT
END:VCALENDAR
"""


def test_an_exported_calendar() -> None:
    found = holidays_ics.read(b"\xef\xbb\xbf" + EXPORTED.encode(), "own.ics", Path("own.ics"), TEHRAN)
    assert days(found) == ["2026-11-23", "2026-11-24", "2026-11-30"]
    assert found.on(date(2026, 11, 24))[0].name.startswith(
        "Company, trip and a very long name that is folded onto the"
    )
    (part,) = found.on(date(2026, 11, 30))
    assert (part.name, part.start, part.end) == ("جلسه", 720, 930)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("DTSTART:20261123", ["2026-11-23"]),
        ("DTSTART:20261123\nDURATION:P2D", ["2026-11-23", "2026-11-24"]),
        ("DTSTART:20240229\nRRULE:FREQ=YEARLY;UNTIL=20330101", ["2024-02-29", "2028-02-29", "2032-02-29"]),
        ("DTSTART:20261225\nRRULE:FREQ=YEARLY;COUNT=2", ["2026-12-25", "2027-12-25"]),
        ("DTSTART:20261225\nRRULE:FREQ=YEARLY;COUNT=3\nEXDATE;VALUE=DATE:20271225", ["2026-12-25", "2028-12-25"]),
        ("DTSTART:20261225\nRRULE:FREQ=YEARLY;INTERVAL=2;UNTIL=20301231", ["2026-12-25", "2028-12-25", "2030-12-25"]),
        ("DTSTART:20261126\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;COUNT=2", ["2026-11-26", "2027-11-25"]),
        ("DTSTART:20260525\nRRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO;COUNT=2", ["2026-05-25", "2027-05-31"]),
        ("DTSTART:20261123\nSTATUS:CANCELLED", []),
        # 23:00 to 03:00 in Tehran: the ends of two days
        ("DTSTART:20261123T193000Z\nDTEND:20261123T233000Z", ["2026-11-23", "2026-11-24"]),
    ],
)
def test_what_an_event_closes(event: str, expected: list[str]) -> None:
    assert days(calendar(event)) == expected


def test_a_moment_in_another_zone_is_on_our_clock() -> None:
    (part,) = calendar("DTSTART;TZID=Europe/Berlin:20260701T080000\nDTEND;TZID=Europe/Berlin:20260701T100000").on(
        date(2026, 7, 1)
    )
    assert (part.start, part.end) == (9 * 60 + 30, 11 * 60 + 30)


@pytest.mark.parametrize(
    ("event", "line", "said"),
    [
        ("SUMMARY:x", 3, "this event has no DTSTART"),
        ("DTSTART:20261123\nDTSTART:20261124", 5, "DTSTART stands in this event twice"),
        ("DTSTART:20261323", 4, "does not exist"),
        ("DTSTART:tomorrow", 4, "is no day (20260320) or time"),
        ("DTSTART:99991231", 4, "the year 9999 is not between 1900 and 2100"),
        ("DTSTART;TZID=Mars/Base:20261123T100000\nDURATION:PT1H", 4, "no time zone is called 'Mars/Base'"),
        ("DTSTART;TZID=../../etc/passwd:20261123T100000\nDURATION:PT1H", 4, "no time zone is called"),
        ("DTSTART:20261123T100000", 3, "no DTEND or DURATION"),
        ("DTSTART:20261123\nDTEND:20261123", 5, "it lasts 0:00:00"),
        ("DTSTART:20261123\nDTEND:20281123", 5, "at most 366 days"),
        ("DTSTART:20261123\nDTEND:20261123T120000", 5, "are not both days, or both times"),
        ("DTSTART:20261123\nDURATION:two days", 5, "is no DURATION"),
        ("DTSTART:20261123\nRRULE:FREQ=DAILY", 5, "only FREQ=YEARLY is understood"),
        ("DTSTART:20261123\nRRULE:FREQ=YEARLY;BYDAY=MO", 5, "BYDAY=MO is not understood"),
        ("DTSTART:20261123\nRRULE:FREQ=YEARLY;BYEASTER=1", 5, "BYEASTER is not understood"),
        ("DTSTART:20261123\nRRULE:FREQ=YEARLY;INTERVAL=0", 5, "INTERVAL=0 is not a number of 1 to 100"),
        ("DTSTART:20261123\nRRULE:FREQ=YEARLY;COUNT=1;COUNT=2", 5, "a part stands in it twice"),
        ("DTSTART:20261123\nRRULE:FREQ=YEARLY\nEXDATE:20271123T100000", 6, "are not both days, or both times"),
        ("DTSTART:20261123\nRDATE:20261124", 5, "RDATE is not understood"),
        ("DTSTART:20261123\nthis is nothing", 5, "this is no line of a calendar: NAME:value"),
        ("END:VCALENDAR", 4, "ends nothing that is open here"),
    ],
)
def test_a_bad_event_is_refused_with_its_line(event: str, line: int, said: str) -> None:
    with pytest.raises(FlowError) as refused:
        calendar(event)
    assert str(refused.value).startswith(f"own.ics:{line}: calendar: ")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"SUMMARY:x", "own.ics:1: calendar: a calendar begins with BEGIN:VCALENDAR"),
        (b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261123\n", "own.ics:2: calendar: BEGIN:'VEVENT' is never ended"),
        (b"BEGIN:VCALENDAR\nSUMMARY:\xff\n", "own.ics:2: calendar: the file is not UTF-8"),
        (b" " * (holidays_ics.MAX_BYTES + 1), "a calendar has 2000000 at most"),
        (
            b"BEGIN:VCALENDAR\n"
            + b"BEGIN:VEVENT\nDTSTART:20260101\nDURATION:P300D\nRRULE:FREQ=YEARLY\nEND:VEVENT\n" * 3
            + b"END:VCALENDAR",
            "more than 50000 days",
        ),
        (
            b"BEGIN:VCALENDAR\n" + b"BEGIN:VEVENT\nDTSTART:20260101\nEND:VEVENT\n" * 20_000 + b"END:VCALENDAR",
            "own.ics:152: calendar: with it there are more than 50 holidays on one day",
        ),
    ],
)
def test_a_bad_calendar_is_refused(text: bytes, said: str) -> None:
    with pytest.raises(FlowError) as refused:
        holidays_ics.read(text, "own.ics", Path("own.ics"), TEHRAN)
    assert said in str(refused.value)


@given(st.integers(1, 5), st.integers(0, 6), st.integers(1, 12), st.booleans(), st.integers(1990, 2060))
def test_the_nth_weekday_is_the_nth_of_those_counted(
    nth: int, weekday: int, month: int, end: bool, year: int
) -> None:
    name = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")[weekday]
    rule = parse_rule(f"FREQ=YEARLY;BYMONTH={month};BYDAY={'-' if end else ''}{nth}{name}", date(year, 1, 1))
    every = [date(year, 1, 1) + timedelta(days=i) for i in range(366)]
    those = [day for day in every if (day.year, day.month, day.weekday()) == (year, month, weekday)]
    expected = (those[::-1] if end else those)[nth - 1 : nth]
    assert [day for day in rule.days(date(year, 1, 1)) if day.year == year] == expected


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_noise_is_read_or_refused_but_never_more(noise: bytes) -> None:
    framed = b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261123\n" + noise + b"\nEND:VEVENT\nEND:VCALENDAR\n"
    for text in (noise, framed):
        with suppress(FlowError):
            assert isinstance(holidays_ics.read(text, "own.ics", Path("own.ics"), TEHRAN), HolidayBook)
        with suppress(FlowError):
            assert isinstance(holidays_yaml.read(text, "own.yaml", Path("own.yaml")), HolidayBook)


def test_a_timed_event_of_every_year_keeps_its_clock() -> None:
    found = calendar("DTSTART;TZID=Asia/Tehran:20261123T120000\nDURATION:PT4H\nRRULE:FREQ=YEARLY;COUNT=3")
    assert [(day.year, part.start, part.end) for day in sorted(found.dated) for part in found.on(day)] == [
        (year, 720, 960) for year in (2026, 2027, 2028)
    ]
    assert datetime(2027, 11, 23, 12, tzinfo=TEHRAN).hour == 12
