"""The fold of a call whose caller stayed after the talk: who ended it, what was answered, and about whom."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from captured import NODE
from hypothesis import given
from hypothesis import strategies as st
from made_facts import T0, cel, ending, folded, queue_event

from pbx_bridge.calls.call import Call, Outcome, SegmentKind, SurveyAnswer
from pbx_bridge.calls.facts import CelRow, Fact, Step, StepKind
from pbx_bridge.store import CallRow, call_json
from pbx_bridge.store.call_body import decode, encode
from pbx_bridge.store.survey_command import Tallies

ROOT, BOB, EVE = "PJSIP/trunk-00000000", "PJSIP/101-00000001", "PJSIP/102-00000002"


def talk(channel: str, start: float, end: float, *, app: str = "Queue", data: str = "support,cCi") -> list[Fact]:
    """The caller is in an application, whose agent answers and hangs up first."""
    bridge = {"bridge_id": f"b-{channel}", "bridge_technology": "simple_bridge"}
    return [
        cel(start, "APP_START", app=app, app_data=data),
        cel(start + 0.1, "CHAN_START", channel, linked=ROOT),
        cel(start + 1, "ANSWER", channel, linked=ROOT),
        cel(start + 1.01, "BRIDGE_ENTER", channel, linked=ROOT, extra=bridge),
        cel(start + 1.02, "BRIDGE_ENTER", extra=bridge),
        cel(end, "BRIDGE_EXIT", channel, linked=ROOT, extra=bridge),
        cel(end + 0.001, "BRIDGE_EXIT", extra=bridge),
        *(msgspec.structs.replace(row, linkedid=ROOT) for row in ending(end + 0.002, channel, by=channel)),
        cel(end + 0.01, "APP_END", app=app, app_data=data),
    ]


def asked(*told: tuple[float, dict[str, Any]]) -> list[Fact]:
    return [
        Step(
            node=NODE,
            file=f"step:{ROOT}",
            offset=number,
            at=T0 + timedelta(seconds=at),
            uniqueid=ROOT,
            kind=StepKind.SURVEY,
            flow_node="ask",
            data=data,
        )
        for number, (at, data) in enumerate(told)
    ]


def question(name: str, answer: int | None = None, **more: Any) -> dict[str, Any]:
    return {"question": name, "answer": answer, "scale": 5, "queue": "support", "agent": ""} | more


def back(at: float) -> CelRow:
    return cel(at, "APP_START", app="Stasis", app_data="pbx_bridge,queue_return,support,CONTINUE")


def surveyed(end: float = 20.0, by: str = BOB) -> list[Fact]:
    """The talk ends after 10 s, the call `end` seconds after its begin. `by`: whose mark is left on the caller's."""
    return [
        cel(0, "CHAN_START"),
        *talk(BOB, 1, 10),
        back(10.02),
        cel(end - 0.001, "APP_END", app="Stasis", app_data="pbx_bridge,queue_return,support,CONTINUE"),
        *ending(end, by=by),
        *asked((10.1, question("solved")), (13, question("solved", 2)), (13.01, question("friendly"))),
    ]


@pytest.mark.parametrize("by", [BOB, ROOT, ""], ids=["agent's mark", "the caller leaves in it", "the flow ends it"])
def test_the_talk_is_over_when_the_agent_hung_up_and_the_survey_is_the_menus_time(by: str) -> None:
    call = folded(surveyed(by=by))
    assert (call.outcome, call.ended_by, call.agents) == (Outcome.ANSWERED, "agent", ("101",))
    (spoken,) = (part for part in call.segments if part.kind is SegmentKind.TALK)
    assert spoken.ended_at == T0 + timedelta(seconds=10)
    assert call.talk_us == pytest.approx(7_980_000)
    assert call.ivr_us == pytest.approx(9_979_000)
    assert call.destination == "101"


def test_the_answers_are_tied_to_question_queue_and_agent() -> None:
    call = folded(surveyed())
    assert call.survey == (
        SurveyAnswer(
            question="solved", answer=2, scale=5, queue="support", agent="101", at=T0 + timedelta(seconds=13)
        ),
        SurveyAnswer(
            question="friendly", answer=None, scale=5, queue="support", agent="101", at=T0 + timedelta(seconds=13.01)
        ),
    )


def test_who_hung_up_first_ended_it_where_more_than_a_survey_came_after_the_talk() -> None:
    facts = [
        *surveyed(20.0)[:-5],
        cel(20, "APP_END", app="Stasis"),
        *talk(EVE, 20.1, 30)[:5],
        *(msgspec.structs.replace(row, linkedid=ROOT) for row in ending(30, EVE, by=ROOT)),
        *ending(30, by=ROOT),
    ]
    call = folded(facts)
    assert call.agents == ("101", "102")
    assert call.ended_by == "caller"


def test_a_caller_whom_the_agent_sent_to_the_menu_ended_it_there() -> None:
    sent = cel(10, "BLINDTRANSFER", BOB, linked=ROOT, extra={"extension": "100", "context": "from-agents"})
    assert folded([*surveyed(by=ROOT), sent]).ended_by == "caller"


def test_each_talk_has_answers_of_its_own() -> None:
    facts = [
        cel(0, "CHAN_START"),
        *talk(BOB, 1, 10),
        back(10.02),
        *asked(
            (10.1, question("solved")),
            (11, question("solved", 1)),
            (30.1, question("solved", queue="", agent="102")),
            (31, question("solved", 5, queue="", agent="102")),
        ),
        cel(20, "APP_END", app="Stasis"),
        *talk(EVE, 20.1, 30, app="Dial", data="PJSIP/102,20,ig"),
        back(30.02),
        *ending(40),
    ]
    assert [(one.agent, one.queue, one.answer) for one in folded(facts).survey] == [
        ("101", "support", 1),
        ("102", "", 5),
    ]


def test_after_a_crash_a_question_that_begins_again_takes_no_answer_away() -> None:
    facts = surveyed()[:-3] + asked(
        (10.1, question("solved")),
        (11, question("solved", 3)),
        (12, question("solved")),
        (12.5, question("friendly")),
    )
    assert [(one.question, one.answer) for one in folded(facts).survey] == [("solved", 3), ("friendly", None)]


def test_without_the_rows_of_the_talk_the_agent_is_whom_the_daemon_named() -> None:
    facts = [cel(0, "CHAN_START"), *ending(9), *asked((5, question("solved", 4, agent="104")))]
    (only,) = folded(facts).survey
    assert (only.agent, only.answer) == ("104", 4)


@pytest.mark.parametrize(
    "data",
    [
        {},
        question("solved", 6),
        question("solved", 0),
        question("solved", -1),
        question("", 1),
        question("solved", 1, scale=10**9),
        question("solved", 1, scale="5"),
        {"question": ["solved"], "answer": 1, "scale": 5},
        {"question": "solved", "scale": 5},
        question("solved", 1.5),  # type: ignore[arg-type]
    ],
)
def test_what_no_flow_of_ours_writes_is_no_answer(data: dict[str, Any]) -> None:
    assert folded([*surveyed()[:-3], *asked((12, data))]).survey == ()


@given(st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(rng: random.Random) -> None:
    facts = surveyed()
    mixed = facts + rng.sample(facts, len(facts) // 2)
    rng.shuffle(mixed)
    assert folded(mixed) == folded(facts)


# --- kept, shown, counted -----------------------------------------------------------------------------------------


def test_a_body_keeps_the_answers_and_one_of_before_has_none() -> None:
    call = folded(surveyed())
    kept, body, _ = encode(call)
    assert decode(body) == kept == call
    plain = msgspec.json.encode(call)
    before = msgspec.json.decode(plain)
    del before["survey"]
    old: Call = decode(msgspec.json.encode(before).decode())
    assert old.survey == ()
    assert old.steps == call.steps


def test_the_json_of_a_call_tells_them() -> None:
    told = call_json(CallRow(call=folded(surveyed()), revision=1))["survey"]
    assert told[0] == {
        "question": "solved",
        "answer": 2,
        "scale": 5,
        "queue": "support",
        "agent": "101",
        "at": "2026-11-21T20:00:13.250000Z",
    }
    assert told[1]["answer"] is None


def test_a_mean_is_of_answers_and_who_gave_none_is_counted_apart() -> None:
    both = Tallies()
    both.add(folded(surveyed()).survey)
    other = folded([*surveyed()[:-3], *asked((12, question("solved", 5)), (13, question("friendly", 3, scale=3)))])
    both.add(other.survey)
    heading, *rows = both.lines()
    assert heading.split() == ["question", "scale", "asked", "answers", "no", "answer", "mean"]
    assert [row.split() for row in rows] == [
        ["friendly", "1-3", "1", "1", "0", "3.00"],
        ["friendly", "1-5", "1", "0", "1", "-"],
        ["solved", "1-5", "2", "2", "0", "3.50"],
    ]


def test_by_agent_and_by_queue_each_has_a_line() -> None:
    call = folded(surveyed())
    for by, whose in (("agent", "101"), ("queue", "support")):
        tallies = Tallies(by)  # type: ignore[arg-type]
        tallies.add(call.survey)
        assert {row.split()[0] for row in [*tallies.lines()][1:]} == {whose}


def test_a_queue_event_of_the_agents_hangup_changes_nothing() -> None:
    facts = [*surveyed(), queue_event(10, "COMPLETEAGENT", "PJSIP/101", "support", "1", "9", "1")]
    assert folded(facts) == folded(surveyed())
