"""Working time against counting it minute by minute: over holidays, nights, weekends and changes of the clocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx_bridge.ivr.opening.holidays import Closed, HolidayBook
from pbx_bridge.ivr.opening.hours import OfficeHours, Week
from pbx_bridge.ivr.opening.working import OfficeCalendar
from pbx_bridge.values.working_time import add, between

TEHRAN, BERLIN, BEIRUT = ZoneInfo("Asia/Tehran"), ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Beirut")
MINUTE = timedelta(minutes=1)
HOLIDAYS = HolidayBook(
    source="x",
    jalali={(1, 1): (Closed(name="نوروز"),), (8, 30): (Closed(name="روزی", start=12 * 60, end=14 * 60),)},
    gregorian={(3, 28): (Closed(name="half", start=0, end=10 * 60),)},
    dated={date(2026, 11, 23): (Closed(name="تعطیل"),)},
)
IRAN = {"sat-wed": ["08:00-13:00", "14:00-17:00"], "thu": "08:00-12:30"}
NIGHT = {"sat-fri": "22:00-04:00"}


def calendar(zone: ZoneInfo, weekly: Mapping[str, str | Sequence[str]], *books: HolidayBook) -> OfficeCalendar:
    return OfficeCalendar(OfficeHours(week=Week.parse(weekly), holidays=books, zone=zone))


CALENDARS = {
    "iran": (calendar(TEHRAN, IRAN, HOLIDAYS), datetime(2026, 11, 18, tzinfo=UTC)),
    "nowruz": (calendar(TEHRAN, IRAN, HOLIDAYS), datetime(2027, 3, 18, tzinfo=UTC)),
    "spring": (
        calendar(BERLIN, {"sat-fri": ["00:00-05:00", "09:00-17:00"]}, HOLIDAYS),
        datetime(2026, 3, 26, tzinfo=UTC),
    ),
    "autumn": (calendar(BERLIN, NIGHT, HOLIDAYS), datetime(2026, 10, 23, tzinfo=UTC)),
    "midnight": (calendar(BEIRUT, NIGHT), datetime(2026, 3, 26, tzinfo=UTC)),  # its clocks change at 00:00
    "midnight_back": (calendar(BEIRUT, {"sat-fri": "00:00-24:00"}), datetime(2026, 10, 22, tzinfo=UTC)),
    "tehran_then": (calendar(TEHRAN, IRAN), datetime(2021, 3, 19, tzinfo=UTC)),  # when it changed its clocks
}


def counted(of: OfficeCalendar, start: datetime, end: datetime) -> timedelta:
    """Minute by minute."""
    minutes = (end - start) // MINUTE
    return MINUTE * sum(of.hours.standing(start + n * MINUTE).result == "open" for n in range(minutes))


@pytest.mark.parametrize("name", CALENDARS)
@given(first=st.integers(0, 6 * 1440), length=st.integers(0, 3 * 1440))
@settings(max_examples=15, deadline=None)
def test_it_is_what_counting_gives(name: str, first: int, length: int) -> None:
    of, begin = CALENDARS[name]
    start = begin + first * MINUTE
    end = start + length * MINUTE
    assert between(of, start, end) == counted(of, start, end)


@pytest.mark.parametrize("name", CALENDARS)
@given(first=st.integers(0, 6 * 86_400), worked=st.integers(1, 40 * 3600))
@settings(max_examples=60, deadline=None)
def test_a_deadline_has_just_so_much_before_it(name: str, first: int, worked: int) -> None:
    of, begin = CALENDARS[name]
    start, span = begin + timedelta(seconds=first), timedelta(seconds=worked)
    due = add(of, start, span)
    assert due is not None
    assert between(of, start, due) == span
    assert between(of, start, due - timedelta(seconds=1)) == span - timedelta(seconds=1)  # and not a second earlier


@pytest.mark.parametrize("name", CALENDARS)
def test_days_follow_each_other_and_spans_do_not_touch(name: str) -> None:
    of, begin = CALENDARS[name]
    first = of.day_of(begin)
    spans = [span for n in range(-3, 12) for span in of.spans(first + timedelta(days=n))]
    assert all(start < end for start, end in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(0, 10_000))
@settings(deadline=None)
def test_time_adds_up(a: int, b: int, c: int) -> None:
    of, begin = CALENDARS["iran"]
    one, two, three = sorted(begin + n * MINUTE for n in (a, b, c))
    assert between(of, one, two) + between(of, two, three) == between(of, one, three)
    assert between(of, three, one) == timedelta()


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        ("2026-11-21 09:00", 4, "2026-11-21 15:00"),  # 1405/08/30: closed from 12 to 14
        ("2026-11-21 16:30", 1, "2026-11-22 08:30"),
        ("2026-11-22 16:59", 8, "2026-11-24 16:59"),  # the 23rd is a holiday
        ("2026-11-26 12:00", 1, "2026-11-28 08:30"),  # over the weekend, Friday
        ("2026-11-27 23:00", 5, "2026-11-28 13:00"),  # to the end of a span, not to the next
    ],
)
def test_deadlines_that_people_can_check(start: str, hours: int, due: str) -> None:
    of = CALENDARS["iran"][0]
    found = add(of, datetime.fromisoformat(start).replace(tzinfo=TEHRAN), timedelta(hours=hours))
    assert found is not None
    assert f"{found.astimezone(TEHRAN):%Y-%m-%d %H:%M}" == due


def test_without_a_calendar_all_time_counts() -> None:
    start = datetime(2026, 3, 28, 12, tzinfo=BERLIN)  # the clocks go on that night
    due = add(None, start, timedelta(hours=24))
    assert due is not None
    assert f"{due.astimezone(BERLIN):%m-%d %H:%M}" == "03-29 13:00"
    assert between(None, start, due) == timedelta(hours=24)


def test_who_never_works_is_never_done() -> None:
    always = HolidayBook(
        source="x", gregorian={(m, d): (Closed(name="x"),) for m in range(1, 13) for d in range(1, 32)}
    )
    of = calendar(TEHRAN, IRAN, always)
    assert add(of, datetime(2026, 1, 1, tzinfo=UTC), MINUTE) is None
