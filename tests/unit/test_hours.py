"""When the office is open: against an oracle that goes through the week minute by minute, and when clocks change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx_bridge.ivr.opening.holidays import Closed, HolidayBook
from pbx_bridge.ivr.opening.hours import WEEKDAYS, OfficeHours, Week, weekday

TEHRAN, BERLIN, NEW_YORK, HAVANA = (
    ZoneInfo(name) for name in ("Asia/Tehran", "Europe/Berlin", "America/New_York", "America/Havana")
)
ZONES = (
    TEHRAN,
    BERLIN,
    NEW_YORK,
    HAVANA,
    ZoneInfo("Australia/Lord_Howe"),
    ZoneInfo("Africa/Casablanca"),
    ZoneInfo("UTC"),
)
PYTHON_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")  # as datetime.weekday() counts them


# --- the oracle: a set of open minutes, made without any of the code under test ------------------------------------


def oracle_minutes(told: Mapping[str, Sequence[tuple[int, int]]]) -> set[tuple[str, int]]:
    """Every open (day, minute). Hours that end before they begin run into the next day."""
    found = set()
    for day, spans in told.items():
        following = WEEKDAYS[(WEEKDAYS.index(day) + 1) % 7]
        for start, end in spans:
            length = (end - start) % 1440 or 1440
            for minute in range(start, start + length):
                found.add((day, minute) if minute < 1440 else (following, minute - 1440))
    return found


def written(start: int, end: int) -> str:
    return f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"


@st.composite
def weeks(draw: st.DrawFn) -> dict[str, list[tuple[int, int]]]:
    """Hours by day that do not overlap, some of them over midnight."""
    cuts = sorted(draw(st.sets(st.integers(0, 7 * 96 - 1), min_size=2, max_size=12)))
    turn = draw(st.integers(0, 7 * 96 - 1))  # so that hours also run from the week's end into its beginning
    told: dict[str, list[tuple[int, int]]] = {}
    for first, last in zip(cuts[::2], cuts[1::2], strict=False):
        start = (first + turn) % (7 * 96) * 15
        end = start + min((last - first) * 15, 1425)
        told.setdefault(WEEKDAYS[start // 1440], []).append((start % 1440, end % 1440 or 1440))
    return told


def week_of(told: Mapping[str, Sequence[tuple[int, int]]]) -> Week:
    return Week.parse({day: [written(*span) for span in spans] for day, spans in told.items()})


@given(weeks())
def test_every_minute_of_the_week_is_as_the_oracle_says(told: dict[str, list[tuple[int, int]]]) -> None:
    week, right = week_of(told), oracle_minutes(told)
    monday = datetime(2026, 11, 16)  # noqa: DTZ001 - a wall clock
    for minutes in range(7 * 1440):
        local = monday + timedelta(minutes=minutes)
        is_right = (PYTHON_DAYS[local.weekday()], minutes % 1440) in right
        assert week.is_open(local) == is_right, local


@settings(max_examples=60, deadline=None)
@given(
    weeks(),
    st.sampled_from(ZONES),
    st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1)),  # noqa: DTZ001 - made aware below
    st.dictionaries(st.integers(-1, 9), st.tuples(st.integers(0, 1439), st.integers(1, 1440)), max_size=3),
)
def test_it_opens_at_the_first_open_minute(
    told: dict[str, list[tuple[int, int]]],
    zone: ZoneInfo,
    naive: datetime,
    closings: dict[int, tuple[int, int]],
) -> None:
    now = naive.replace(second=0, microsecond=0, tzinfo=UTC)
    closed = {
        (now.astimezone(zone).date() + timedelta(days=days)): (min(span), max(span))
        for days, span in closings.items()
    }
    dated = {day: (Closed(name="x", start=start, end=end),) for day, (start, end) in closed.items()}
    hours = OfficeHours(week=week_of(told), holidays=(HolidayBook(source="x", dated=dated),), zone=zone)
    opens, right = hours.opens(now), oracle_minutes(told)
    expected = None
    for minutes in range(26 * 1440):  # whole minutes will do: every zone here is off UTC by whole minutes
        local = (now + timedelta(minutes=minutes)).astimezone(zone)
        minute = local.hour * 60 + local.minute
        start, end = closed.get(local.date(), (0, 0))
        if (PYTHON_DAYS[local.weekday()], minute) in right and not start <= minute < end:
            expected = now + timedelta(minutes=minutes)
            break
    assert expected is not None, "26 days hold a whole week without holidays and changes of the clock"
    assert opens is not None
    assert opens.astimezone(UTC) == expected


# --- how hours are written -----------------------------------------------------------------------------------------


def open_days(week: Week, hour: int) -> list[str]:
    saturday = datetime(2026, 11, 21, hour)  # noqa: DTZ001 - a wall clock
    return [day for i, day in enumerate(WEEKDAYS) if week.is_open(saturday + timedelta(days=i))]


@pytest.mark.parametrize(
    ("days", "named"),
    [
        ("sat", ["sat"]),
        ("sat-wed", ["sat", "sun", "mon", "tue", "wed"]),
        ("thu-sat", ["sat", "thu", "fri"]),
        ("fri-thu", list(WEEKDAYS)),
        ("Sat, MON", ["sat", "mon"]),
        ("sun-mon, thu", ["sun", "mon", "thu"]),
    ],
)
def test_days_may_be_several_and_go_round_the_week(days: str, named: list[str]) -> None:
    assert open_days(Week.parse({days: "08:00-13:00"}), 9) == named


def test_the_iranian_office() -> None:
    office = Week.parse({"sat-wed": ["08:00-13:00", "14:00-17:00"], "thu": ["۸:۰۰ - ۱۲:۰۰"]})
    assert open_days(office, 9) == ["sat", "sun", "mon", "tue", "wed", "thu"]
    assert open_days(office, 13) == []
    assert open_days(office, 16) == ["sat", "sun", "mon", "tue", "wed"]


def test_hours_to_midnight_and_from_it_are_one() -> None:
    assert Week.parse({"wed": "22:00-24:00", "thu": "00:00-02:00"}).spans == Week.parse({"wed": "22:00-02:00"}).spans
    assert Week.parse({"sat-fri": "00:00-24:00"}).spans == ((0, 7 * 1440),)


@pytest.mark.parametrize(
    ("weekly", "said"),
    [
        ({}, "never be open"),
        ({"sat": []}, "never be open"),
        ({"sta": "08:00-12:00"}, "no day is called 'sta'; days are sat, sun,"),
        ({"sat-": "08:00-12:00"}, "no day is called ''"),
        ({"sat-mon-wed": "08:00-12:00"}, "write a day (sat), several (sat, mon) or from and to (sat-wed)"),
        ({"sat-mon, sun": "08:00-12:00"}, "names a day twice"),
        ({"sat": "8-12"}, "sat: '8-12' is no span of time: write 08:00-13:00"),
        ({"sat": "08:00"}, "is no span of time"),
        ({"sat": "08:60-12:00"}, "there is no such time of day"),
        ({"sat": "08:00-24:01"}, "there is no such time of day"),
        ({"sat": "24:00-02:00"}, "there is no such time of day"),
        ({"sat": "08:00-08:00"}, "has no length; the whole day is 00:00-24:00"),
        ({"sat": ["08:00-12:00", "11:59-13:00"]}, "sat 08:00-12:00 and sat 11:59-13:00 overlap"),
        ({"fri": "22:00-02:00", "sat": "01:00-05:00"}, "fri 22:00-02:00 and sat 01:00-05:00 overlap"),
        ({"wed": "22:00-02:00", "thu": "01:59-05:00"}, "overlap"),
        ({"sat-wed": "08:00-12:00", "mon": "08:00-10:00"}, "mon 08:00-10:00 and mon 08:00-12:00 overlap"),
        ({"sat": [f"{i // 60:02}:{i % 60:02}-{i // 60:02}:{i % 60 + 1:02}" for i in range(0, 1438, 2)]}, "more than"),
    ],
)
def test_nonsense_is_refused_in_words(weekly: dict[str, str | list[str]], said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("(", r"\(").replace(")", r"\)").replace("+", r"\+")):
        Week.parse(weekly)


# --- zones ---------------------------------------------------------------------------------------------------------


def office(weekly: Mapping[str, str], zone: ZoneInfo, *closed: tuple[date, Closed]) -> OfficeHours:
    book = HolidayBook(source="x", dated={day: (part,) for day, part in closed})
    return OfficeHours(week=Week.parse(weekly), holidays=(book,), zone=zone)


def test_an_hour_that_comes_twice_is_open_twice() -> None:
    night = office({"sun": "02:00-02:30"}, BERLIN)  # 25 October 2026: 02:00 to 03:00 comes twice
    first, second = datetime(2026, 10, 25, 0, 10, tzinfo=UTC), datetime(2026, 10, 25, 1, 10, tzinfo=UTC)
    between = datetime(2026, 10, 25, 0, 40, tzinfo=UTC)
    assert [night.standing(at).result for at in (first, between, second)] == ["open", "closed", "open"]
    again = night.opens(between)
    assert again is not None
    assert again.astimezone(UTC) == datetime(2026, 10, 25, 1, 0, tzinfo=UTC)


def test_an_hour_that_is_left_out_never_opens() -> None:
    skipped = office({"sun": "02:10-02:50"}, BERLIN)  # 29 March 2026: 02:00 is 03:00
    assert skipped.opens(datetime(2026, 3, 28, 12, tzinfo=UTC)) == datetime(2026, 4, 5, 0, 10, tzinfo=UTC)
    half = office({"sun": "02:30-05:00"}, BERLIN)
    assert half.opens(datetime(2026, 3, 28, 12, tzinfo=UTC)) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


def test_a_midnight_that_is_left_out() -> None:
    early = office({"sun": "00:00-03:00"}, HAVANA)  # 8 March 2026 begins at 01:00
    assert early.opens(datetime(2026, 3, 8, 4, 0, tzinfo=UTC)) == datetime(2026, 3, 8, 5, 0, tzinfo=UTC)


def test_iran_has_had_one_offset_since_2022() -> None:
    day = office({"sat-fri": "08:00-16:00"}, TEHRAN)
    for month in (1, 4, 7, 10):
        opens = day.opens(datetime(2026, month, 10, 0, 0, tzinfo=UTC))
        assert opens is not None
        assert (opens.hour, opens.utcoffset()) == (8, timedelta(hours=3, minutes=30))


# --- holidays ------------------------------------------------------------------------------------------------------


def test_a_holiday_closes_and_is_named_also_out_of_hours() -> None:
    monday = date(2026, 11, 23)
    day = office({"sat-wed": "08:00-16:00"}, TEHRAN, (monday, Closed(name="جشن")))
    night = datetime(2026, 11, 22, 20, 30, tzinfo=UTC)  # Monday 00:00 in Tehran
    assert (day.standing(night).result, day.standing(night).holiday) == ("holiday", "جشن")
    assert day.standing(night - timedelta(minutes=1)).result == "closed"
    assert day.opens(night) == datetime(2026, 11, 24, 4, 30, tzinfo=UTC)


def test_half_a_holiday() -> None:
    monday = date(2026, 11, 23)
    day = office({"sat-wed": "08:00-16:00"}, TEHRAN, (monday, Closed(name="x", start=0, end=600)))
    assert day.standing(datetime(2026, 11, 23, 6, 29, tzinfo=UTC)).result == "holiday"
    assert day.standing(datetime(2026, 11, 23, 6, 30, tzinfo=UTC)).result == "open"
    assert day.opens(datetime(2026, 11, 23, 5, 0, tzinfo=UTC)) == datetime(2026, 11, 23, 6, 30, tzinfo=UTC)


def test_closed_for_more_than_a_year_opens_never() -> None:
    first = date(2026, 11, 23)
    always = [(first + timedelta(days=i), Closed(name="x")) for i in range(500)]
    assert office({"sat-fri": "08:00-16:00"}, TEHRAN, *always).opens(datetime(2026, 11, 23, tzinfo=UTC)) is None


def test_weekdays_have_the_names_that_are_written() -> None:
    assert [weekday(date(2026, 11, 21) + timedelta(days=i)) for i in range(7)] == list(WEEKDAYS)
