"""When a played caller presses keys and when they leave."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pbx_bridge.calls.facts import Step, StepKind
from pbx_bridge.errors import InputError
from pbx_bridge.pbx.key_script import KeyScript, Leave, Press, parse_keys
from pbx_bridge.pbx.try_call import heard

_T0 = datetime(2026, 11, 21, tzinfo=UTC)


def _at(seconds: float) -> datetime:
    return _T0 + timedelta(seconds=seconds)


def _step(seconds: float, kind: StepKind, **data: Any) -> Step:
    return Step(node="n", file="f", offset=0, at=_at(seconds), uniqueid="1.1", kind=kind, flow_node="x", data=data)


def _asks(seconds: float) -> Step:
    return _step(seconds, StepKind.SAID, prompt="menu", text="?", listens=True)


def test_groups_are_split_at_commas_and_persian_digits_are_taken() -> None:
    assert parse_keys("2, 1,۴۷۱۲۹۴#") == ("2", "1", "471294#")
    assert parse_keys("") == ()


@pytest.mark.parametrize("text", ["TRACKING#", "1;2", "1\n", "x"])
def test_what_is_no_key_is_named(text: str) -> None:
    if text == "1\n":
        assert parse_keys(text) == ("1",)
        return
    with pytest.raises(InputError, match="no key of a phone"):
        parse_keys(text)


def test_each_group_waits_for_its_own_question() -> None:
    script = KeyScript(("2", "1"), stay_s=3, think_s=0.7)
    assert script.due(_at(9)) is None
    script.take(_asks(10))
    script.take(_asks(10))  # the same question in two languages
    assert script.due(_at(10.5)) is None
    assert script.due(_at(10.7)) == Press("2")
    assert script.due(_at(20)) is None  # told once; no new question yet
    script.take(_asks(10.6))  # read late: it was there before the key
    assert script.due(_at(20)) is None
    script.take(_step(11, StepKind.SAID, prompt="welcome", listens=False))
    assert script.due(_at(20)) is None
    script.take(_asks(12))
    assert script.left == ("1",)
    assert script.due(_at(21)) == Press("1")


def test_it_leaves_after_the_answer_was_heard() -> None:
    script = KeyScript(("1",), stay_s=3, think_s=0)
    script.take(_asks(1))
    assert script.due(_at(2)) == Press("1")
    script.take(_step(3, StepKind.SAID, prompt="status", listens=False))
    assert script.due(_at(60)) is None
    script.take(_step(10, StepKind.HEARD, prompt="status", serves=True))
    script.take(_asks(10.1))
    assert script.due(_at(12.9)) is None
    assert script.due(_at(13)) == Leave()


def test_it_leaves_when_a_question_comes_that_it_has_no_keys_for() -> None:
    script = KeyScript((), stay_s=2)
    script.take(_asks(1))
    assert script.due(_at(2.9)) is None
    assert script.due(_at(3)) == Leave()


def test_in_a_queue_it_stays_until_it_is_back() -> None:
    script = KeyScript(("2",), stay_s=2, think_s=0)
    script.take(_asks(1))
    assert script.due(_at(1)) == Press("2")
    script.take(_step(2, StepKind.QUEUE, queue="support"))
    assert script.due(_at(100)) is None
    script.take(_step(50, StepKind.QUEUE_RETURN, queue="support", status="TIMEOUT"))
    script.take(_asks(51))
    assert script.due(_at(53)) == Leave()


def test_what_a_caller_notices_cannot_steer_the_terminal() -> None:
    said = _step(1, StepKind.SAID, language="fa", text="در\u200cخواست \x1b[2J\u202e\nx", listens=False)
    assert heard(said) == "fa «در\u200cخواست ?[2J??x»"
    assert heard(_step(1, StepKind.QUEUE, queue="support")) == "waiting in queue support"
    assert heard(_step(1, StepKind.QUEUE_RETURN, queue="support", status="JOINEMPTY")).endswith("JOINEMPTY")
    assert heard(_step(1, StepKind.RESUMED)) != ""
    assert heard(_step(1, StepKind.TROUBLE, reason="r")) == "trouble: r"
    for kind in (StepKind.STARTED, StepKind.KEYS, StepKind.LOOKUP, StepKind.ENDED):
        assert heard(_step(1, kind)) == ""
