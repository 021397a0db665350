"""A busy line in cases, in the linter's eyes and on a call's page."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from demo_history import NOON, make_call

from pbx_bridge.ami.agents import AgentTable
from pbx_bridge.ami.events import SnapshotEnd, decode
from pbx_bridge.calls.call import CallStep
from pbx_bridge.errors import FlowError
from pbx_bridge.ivr import flow
from pbx_bridge.ivr.lint import examine as lint
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.trial import case_file
from pbx_bridge.ivr.trial.cases import House, Verdict, check
from pbx_bridge.web.show import Language, Show
from pbx_bridge.web.transcript import transcript
from pbx_bridge.web.viewer import Viewer

TEHRAN = ZoneInfo("Asia/Tehran")
FLOW = """
flow: busy
languages: [en]
start: who
person: person
filler: one_moment
nodes:
  who: {kind: caller, found: person, unknown: person, unavailable: person}
  person:
    kind: queue
    queue: support
    tell: queue_place
    tell_wait: queue_wait
    key: "1"
    key_pressed: asked
    ahead: {gold: 10}
    again: 3
    nobody: absent
    timeout: absent
  asked: {kind: say, prompt: goodbye, next: end}
  absent: {kind: say, prompt: nobody, next: end}
  end: {kind: hang_up}
"""
PROMPTS = """
one_moment: One moment.
queue_place: You are number {{ queue.position | count }} of {{ queue.waiting | count }}.
queue_wait: It takes {{ queue.wait | duration }}.
goodbye: Goodbye.
nobody: Nobody is there.
"""


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> PromptBook:
    folder = tmp_path_factory.mktemp("prompts")
    (folder / "en.yaml").write_text(PROMPTS, encoding="utf-8")
    return PromptBook.load(folder)


def cases_of(text: str) -> tuple[case_file.Case, ...]:
    return case_file.parse(text.encode(), Path("busy.test.yaml"), busy(), zone=TEHRAN, region="IR")


def busy(old: str = "", new: str = "") -> flow.Flow:
    assert old in FLOW
    return flow.parse(FLOW.replace(old, new).encode(), Path("busy.yaml"))


def verdict(book: PromptBook, fields: str) -> Verdict:
    """Of a case with these fields; 09131112233 is a demo customer of tier gold."""
    (case,) = cases_of(f"cases:\n  - {{name: one, {fields}}}\n")
    return check(case, House(flow=busy(), texts=book, zone=TEHRAN, region="IR"))


STRANGER, GOLD = "caller: 09351234567", "caller: 09131112233"


@pytest.mark.parametrize(
    "fields",
    [
        f"{STRANGER}, never_says: [number, takes], ends: queue support",
        f"{STRANGER}, queue: {{waiting: 3}}, says: [You are number four of three], never_says: [takes]",
        f"{STRANGER}, queue: {{waiting: 3, wait: 170}}, says: [number four, It takes three minutes]",
        f"{STRANGER}, queue: {{wait: 45}}, says: [number one of zero, It takes one minute]",
        f"{STRANGER}, queue: {{wait: 20}}, never_says: [number, takes], ends: queue support",
        f"{STRANGER}, queue: {{waiting: 3, before: cut_off}}, never_says: [number], ends: queue support",
        f"{GOLD}, queue: {{waiting: 3}}, never_says: [number], ends: queue support",
        f"{STRANGER}, queue: {{waiting: 1}}, keys: [early 1], says: [number two, Goodbye], at: end",
        f"{STRANGER}, keys: [1], says: [Goodbye], ends: missed",
        f"{STRANGER}, queue: {{waiting: 9}}, lookups: {{queue: fails}}, never_says: [number], ends: queue support",
        f"{STRANGER}, queue: {{waiting: 9}}, lookups: {{queue: never}}, never_says: [moment], ends: queue support",
    ],
)
def test_a_case_says_what_the_queue_is_like(book: PromptBook, fields: str) -> None:
    told = verdict(book, fields)
    assert told.passed, "\n".join(told.diff())


def test_the_transcript_tells_who_goes_ahead_and_why(book: PromptBook) -> None:
    ahead = verdict(book, f"{GOLD}, queue: {{before: again}}, ends: queue support")
    assert "waits in queue support, ahead of others: vip again" in ahead.heard
    assert "waits in queue support" in verdict(book, f"{STRANGER}, ends: queue support").heard


def test_a_key_that_does_not_lead_out_cannot_be_pressed_while_waiting(book: PromptBook) -> None:
    told = verdict(book, f"{STRANGER}, keys: [2], ends: queue support")
    assert any("nothing asks for keys" in line for line in told.diff())


def test_such_a_case_can_only_be_simulated() -> None:
    (case,) = cases_of(f"cases:\n  - {{name: one, {STRANGER}, queue: {{waiting: 1}}, at: person}}\n")
    assert case.simulated_because == "it has its own queue"


@pytest.mark.parametrize(
    "queue", ["{waiting: -1}", "{waiting: many}", "{wait: -3}", "{before: rich}", "{cost: 1}", "3"]
)
def test_a_queue_that_cannot_be_is_refused(queue: str) -> None:
    with pytest.raises(FlowError, match=r"busy\.test\.yaml:2: .*queue"):
        cases_of(f"cases:\n  - {{name: one, queue: {queue}, at: person}}\n")


# --- lint ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("", "", []),
        ('    key: "1"\n', "", ["key-leads-nowhere nodes.person.key_pressed"]),
        ("    key_pressed: asked\n", "", ["key-leads-nowhere nodes.person.key", "unreachable nodes.asked"]),
        ("    tell: queue_place\n", "    tell: queue_wait\n", ["value-not-known nodes.person.tell"]),
        ("prompt: goodbye", "prompt: queue_place", ["value-not-known nodes.asked.prompt"]),
    ],
)
def test_what_is_wrong_with_a_queue_is_found(book: PromptBook, old: str, new: str, found: list[str]) -> None:
    told = lint.examine((FLOW.replace(old, new) if old else FLOW).encode(), book).findings
    assert sorted(f"{finding.code} {finding.at}" for finding in told) == found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{gold: 10}", "{gold: -1}"),
        ("{gold: 10}", "{gold: first}"),
        ("{gold: 10}", "10"),
        ("again: 3", "again: 1001"),
        ('key: "1"', 'key: "12"'),
        ("tell: queue_place", "tell_from: -5"),
    ],
)
def test_a_field_of_another_sort_is_refused_with_its_line(old: str, new: str) -> None:
    with pytest.raises(FlowError, match=r"busy\.yaml:\d+: nodes\.person\."):
        busy(old, new)


# --- the call's page ----------------------------------------------------------------------------------------------


def line(language: Language, **data: Any) -> str:
    step = CallStep(at=NOON, flow_node="person", kind="queue", data={"queue": "support"} | data)
    viewer = Viewer(show=Show(language=language, zone=TEHRAN), now=NOON + timedelta(minutes=1))
    (told,) = transcript(make_call(1, started_at=NOON, steps=[step]), viewer)
    return "".join(c for c in told.text if c not in "\u2066\u2067\u2068\u2069")


def test_the_page_says_in_words_why_a_caller_went_ahead() -> None:
    assert line(Language.EN) == "Sent to the support queue."
    assert line(Language.EN, priority=13, because="vip again") == (
        "Sent to the support queue. Ahead of others (priority 13):"
        " the customer’s tier, and they called within the hour and spoke with nobody."
    )
    assert line(Language.FA, priority=3, because="cut_off") == (
        "به صف پشتیبانی رفت. جلوتر از دیگران (اولویت ۳): تماس پیشین هنگام انتظار یا گفت‌وگو قطع شده بود."
    )


def test_a_reason_from_elsewhere_is_shown_as_it_is_and_does_no_harm() -> None:
    shown = line(Language.EN, priority="x" * 900, because="\u202e<b> " * 400)
    assert "\u202e" not in shown
    assert len(shown) < 1000


# --- who waits, as AMI tells it -----------------------------------------------------------------------------------


def test_who_waits_is_known_from_the_list_on_and_until_the_link_is_lost() -> None:
    table = AgentTable()
    entry = {"event": "QueueEntry", "queue": "support", "position": "1", "priority": "10", "uniqueid": "c1"}
    join = {"event": "QueueCallerJoin", "queue": "support", "position": "2", "uniqueid": "c2"}
    other = {"event": "QueueCallerJoin", "queue": "services", "position": "1", "uniqueid": "c3"}
    table.expect_snapshot()
    for told in (entry, join, other):
        event = decode(told)
        assert event is not None
        table.apply(event)
    assert table.waiting_now("support") == {}
    table.apply(SnapshotEnd())
    assert table.waiting_now("support") == {"c1": 10, "c2": 0}
    table.stale()
    assert table.waiting_now("support") == {}


@pytest.mark.parametrize(("status", "paused", "free"), [("1", "0", True), ("1", "1", False), ("2", "0", False)])
def test_an_agent_is_free_who_has_nothing_to_do_and_is_no_pause(status: str, paused: str, free: bool) -> None:
    table = AgentTable()
    member = {"event": "QueueMember", "queue": "support", "location": "PJSIP/101", "status": status, "paused": paused}
    event = decode(member)
    assert event is not None
    table.apply(event)
    assert not table.somebody_free("support")
    table.apply(SnapshotEnd())
    assert table.somebody_free("support") is free
    assert not table.somebody_free("services")
