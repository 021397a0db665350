"""What callers answered, as the page of a call and `calls survey` show it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from demo_history import NOON, make_call
from store_facts import quick_store, revisions, step, whole
from web_visitor import Parts, visiting

from pbx_bridge.calls.call import CallStep, SurveyAnswer
from pbx_bridge.calls.facts import RawFact, StepKind
from pbx_bridge.errors import InputError, StoreError
from pbx_bridge.store.commands import Place
from pbx_bridge.store.survey_command import By, show_survey

ANSWERS = (
    SurveyAnswer(question="solved", answer=4, scale=5, queue="support", agent="101", at=NOON),
    SurveyAnswer(question="<b>\u202efriendly", answer=None, scale=5, queue="", agent="", at=NOON),
)
STEPS = [
    CallStep(
        at=NOON + timedelta(seconds=n),
        flow_node="ask",
        kind=StepKind.SURVEY,
        data={"question": "solved", "answer": answer, "scale": 5},
    )
    for n, answer in enumerate((None, 4))
]


async def page_of(language: str) -> str:
    parts = Parts()
    call = make_call(1, started_at=NOON, survey=ANSWERS, steps=STEPS)
    parts.put([call])
    async with visiting(parts) as visitor:
        visitor.language = language
        return await visitor.page(f"/calls/{call.call_id}")


async def test_the_page_of_a_call_tells_answers_and_that_there_was_none() -> None:
    page = await page_of("en")
    assert "<dt>Survey</dt>" in page
    assert "4 of 5" in page
    assert "no answer" in page
    assert "<b>" not in page
    assert "\u202e" not in page
    assert "Survey question: \u2068solved\u2069 (1 to 5)." in page
    assert "Survey answer: \u2068solved\u2069: 4 of 5." in page


async def test_the_same_in_persian() -> None:
    page = await page_of("fa")
    for text in ("نظرسنجی", "۴ از ۵", "بی‌پاسخ", "پاسخ نظرسنجی"):
        assert text in page


async def test_a_call_without_a_survey_says_nothing_of_one() -> None:
    parts = Parts()
    call = make_call(1, started_at=NOON)
    parts.put([call])
    async with visiting(parts) as visitor:
        assert "<dt>Survey</dt>" not in await visitor.page(f"/calls/{call.call_id}")


@pytest.fixture
async def place(tmp_path: Path) -> Place:
    """A store with two calls: one answered two questions, one left at the second."""
    answers = (("c1", (4, 5)), ("c2", (2, None)))
    facts = [
        fact
        for channel, (solved, friendly) in answers
        for fact in (
            *whole(channel),
            _asked(channel, 1, "solved", solved, "101"),
            _asked(channel, 2, "friendly", friendly, "101" if channel == "c1" else "102"),
        )
    ]
    path = tmp_path / "s.db"
    async with quick_store(path) as store:
        await revisions(store, facts, len(answers))
    return Place(path=path, region="IR", zone=ZoneInfo("Asia/Tehran"))


def _asked(channel: str, number: int, question: str, answer: int | None, agent: str) -> RawFact:
    told = {"question": question, "answer": answer, "scale": 5, "queue": "support", "agent": agent}
    return step(channel, number, 10 + number, kind=StepKind.SURVEY, **told)


async def shown(place: Place, since: str | None = None, by: By | None = None) -> list[list[str]]:
    lines: list[str] = []
    await show_survey(place, lines.append, since=since, by=by)
    return [line.split() for line in lines[1:]]


async def test_the_command_counts_every_call_of_the_store(place: Place) -> None:
    assert await shown(place) == [
        ["friendly", "1-5", "2", "1", "1", "5.00"],
        ["solved", "1-5", "2", "2", "0", "3.00"],
    ]
    assert await shown(place, by="agent") == [
        ["101", "friendly", "1-5", "1", "1", "0", "5.00"],
        ["101", "solved", "1-5", "2", "2", "0", "3.00"],
        ["102", "friendly", "1-5", "1", "0", "1", "-"],
    ]
    assert await shown(place, since="2026-11-22") == []


async def test_a_time_that_is_none_and_a_store_that_is_not_there(place: Place, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--since"):
        await shown(place, since="yesterday")
    with pytest.raises(StoreError, match="there is no store yet"):
        await shown(replace(place, path=tmp_path / "none.db"))
