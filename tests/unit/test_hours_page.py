"""What the page of a call says of the office's hours, in both languages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from demo_history import make_call

from pbx_bridge.calls.call import CallStep
from pbx_bridge.calls.facts import StepKind
from pbx_bridge.web.show import Language, Show
from pbx_bridge.web.transcript import transcript
from pbx_bridge.web.viewer import Viewer

NOON = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
CLOSED = {"result": "closed", "opens_at": "2026-11-24T08:00+03:30"}
HOLIDAY = {"result": "holiday", "holiday": "عید فطر", "opens_at": "2026-11-24T08:00+03:30"}


def told(data: dict[str, Any], language: Language) -> tuple[str, str]:
    """The line's words, without the signs that keep directions apart, and its tone."""
    viewer = Viewer(show=Show(language=language, zone=ZoneInfo("Asia/Tehran")), now=NOON)
    step = CallStep(at=NOON, flow_node="hours", kind=StepKind.HOURS, data=data)
    (line,) = transcript(make_call(1, started_at=NOON, steps=[step]), viewer)
    return line.text.translate({ord(sign): None for sign in "\u2066\u2067\u2068\u2069"}), line.tone


@pytest.mark.parametrize(
    ("data", "language", "words", "tone"),
    [
        ({"result": "open"}, Language.EN, "The office was open.", "good"),
        ({"result": "open"}, Language.FA, "دفتر باز بود.", "good"),
        (CLOSED, Language.EN, "The office was closed; it opens: Tuesday 24 November 2026 08:00.", "warn"),
        (CLOSED, Language.FA, "دفتر بسته بود؛ باز می‌شود: سه‌شنبه ۳ آذر ۱۴۰۵ ۰۸:۰۰.", "warn"),
        (HOLIDAY, Language.EN, "It was a holiday: عید فطر; it opens: Tuesday 24 November 2026 08:00.", "warn"),
        (HOLIDAY, Language.FA, "تعطیل بود: عید فطر؛ باز می‌شود: سه‌شنبه ۳ آذر ۱۴۰۵ ۰۸:۰۰.", "warn"),
    ],
)
def test_the_line(data: dict[str, Any], language: Language, words: str, tone: str) -> None:
    assert told(data, language) == (words, tone)


@pytest.mark.parametrize("opens_at", [None, "soon", "9999-12-31T23:59-12:00", "0001-01-01T00:00+14:00", 3, [1]])
@pytest.mark.parametrize("language", list(Language))
def test_a_time_that_cannot_be_shown_is_unknown(opens_at: object, language: Language) -> None:
    words, _ = told({"result": "closed", "opens_at": opens_at}, language)
    assert words.endswith(("it opens: unknown.", "باز می‌شود: نامشخص."))
