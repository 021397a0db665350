"""Which numbers may be called by a click, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.app_phones import dial_rules
from pbx_bridge.ari_handlers.dial_rules import DialRules, Refusal
from pbx_bridge.ari_handlers.originate import dialable
from pbx_bridge.config import Settings
from pbx_bridge.config.sections import DeskSettings, PromiseSettings
from pbx_bridge.errors import SettingsError
from pbx_bridge.ivr.opening.hours import OfficeHours, Week
from pbx_bridge.values.number_pattern import NumberPattern

TEHRAN = ZoneInfo("Asia/Tehran")
SATURDAY_10 = datetime(2026, 11, 21, 10, 0, tzinfo=TEHRAN).astimezone(UTC)
AGENTS = frozenset({"101", "102"})


@pytest.mark.parametrize(
    ("allow", "deny", "typed", "refused"),
    [
        (["*"], [], "09121234567", False),
        (["*"], [], "102", False),
        (["+98*"], [], "09121234567", False),
        (["+98*"], [], "۰۹۱۲ ۱۲۳ ۴۵۶۷", False),
        (["+98*"], [], "+4930901820", True),
        (["+98*"], [], "004930901820", True),
        (["+98*"], [], "102", True),
        (["+98*", "1XX"], [], "102", False),
        (["+98*", "1XX"], [], "1022", True),
        (["*"], ["+9890*"], "0901 234 5678", True),
        (["*"], ["+9890*"], "+989012345678", True),
        (["*"], ["+9890*"], "00989012345678", True),
        (["*"], ["+98909*"], "09091", True),  # no number that anybody knows: denied all the same
        (["*"], ["+9890*"], "09121234567", False),
        (["*"], ["00*"], "004930901820", True),
        (["*"], ["+49*"], "004930901820", True),
        (["*"], ["1XX"], "102", True),  # a colleague, too, if so set
        (["+98912XXXXXXX"], [], "09121234567", False),
        (["+98912XXXXXXX"], [], "09351234567", True),
        (["110"], [], "110", False),
        (["110"], [], "1101", True),
        ([], [], "09121234567", True),
    ],
)
def test_what_the_patterns_let_be_called(allow: list[str], deny: list[str], typed: str, refused: bool) -> None:
    rules = DialRules.parse(allow, deny, internal=AGENTS)
    assert rules.refusal(dialable(typed), SATURDAY_10) == (Refusal.PATTERN if refused else None)


@pytest.mark.parametrize("text", ["", "abc", "+98|1", "98+", "0912&", "*1", "**", "+98*1", "1 2", "۱۲", "x", "1\n"])
def test_what_is_no_pattern(text: str) -> None:
    with pytest.raises(ValueError, match="no pattern of numbers"):
        NumberPattern.parse(text)


def test_a_holiday_of_the_promises_is_one_for_calls_too(tmp_path: Path) -> None:
    # The first of Farvardin, a Saturday, and the Saturday a month later.
    nowruz, plain = (datetime(2026, month, day, 10, tzinfo=TEHRAN) for month, day in ((3, 21), (4, 18)))
    desk = DeskSettings(dial_hours={"sat-wed": "08:00-20:00"})
    for holidays, refused in (([], None), (["iran"], Refusal.HOURS)):
        settings = Settings(home=tmp_path, desk=desk, promises=PromiseSettings(holidays=holidays))
        rules = dial_rules(settings)
        assert rules.refusal("02188776655", nowruz) is refused
        assert rules.refusal("02188776655", plain) is None
    missing = Settings(home=tmp_path, desk=desk, promises=PromiseSettings(holidays=["none.yaml"]))
    with pytest.raises(SettingsError, match=r"promises\.holidays: .*none\.yaml"):
        dial_rules(missing)


@pytest.mark.parametrize(
    ("at", "outside"),
    [
        (SATURDAY_10, None),
        (SATURDAY_10.replace(hour=4, minute=29), Refusal.HOURS),  # 07:59
        (SATURDAY_10.replace(hour=4, minute=30), None),
        (SATURDAY_10.replace(hour=16, minute=29), None),
        (SATURDAY_10.replace(hour=16, minute=30), Refusal.HOURS),  # 20:00
        (SATURDAY_10 - timedelta(days=1), Refusal.HOURS),  # Friday
    ],
)
def test_hours_are_of_calls_outside(at: datetime, outside: Refusal | None) -> None:
    hours = OfficeHours(week=Week.parse({"sat-wed": "08:00-20:00"}), zone=TEHRAN)
    rules = DialRules.parse(["*"], [], hours=hours, internal=AGENTS)
    assert rules.refusal("09121234567", at) == outside
    assert rules.refusal("102", at) is None, "a colleague is called at any hour"
    opens = rules.opens(at)
    assert opens is not None
    assert rules.refusal("09121234567", opens) is None


@given(st.from_regex(r"(\+|00?)?[1-9][0-9]{1,12}", fullmatch=True))
def test_a_denied_number_is_denied_however_it_is_written(number: str) -> None:
    rules = DialRules.parse(["*"], ["+*", "0*", "1*", "2*", "3*", "4*", "5*", "6*", "7*", "8*", "9*"])
    assert rules.refusal(number, SATURDAY_10) is Refusal.PATTERN
