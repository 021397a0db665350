"""`choose` with conditions: read, linted, drawn and taken."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest

from pbx_bridge.errors import FlowError
from pbx_bridge.ivr import engine, flow
from pbx_bridge.ivr.drawing import words
from pbx_bridge.ivr.drawing.mermaid import mermaid
from pbx_bridge.ivr.flow import Flow
from pbx_bridge.ivr.known import ContractFacts, CustomerFacts, Kept, TicketFacts
from pbx_bridge.ivr.lint.conditions import conditions
from pbx_bridge.ivr.reading.beside import Beside
from pbx_bridge.ivr.run import Resumed, Run

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
FILE = """
flow: choosing
languages: [en]
start: fork
person: person
filler: one_moment
nodes:
  fork:
    kind: choose
    when:
{when}
    else: menu
  menu:
    kind: menu
    prompt: menu
    keys: {{"1": sum}}
    wrong: menu_wrong
    too_many: person
  gold: {{kind: say, prompt: welcome, next: menu}}
  sum:
    kind: ask
    what: amount
    keep: sum
    currency: toman
    prompt: menu
    wrong: menu_wrong
    silent: menu_wrong
    found: fork
    too_many: person
  person: {{kind: queue, queue: support, nobody: end, timeout: end}}
  end: {{kind: hang_up}}
"""
GOLD = CustomerFacts(code="1001", name="آریا", tier="gold")


def forking(*conditions: str) -> Flow:
    """A flow that begins with a choice by these, the first one to `gold`, the others to `person`."""
    told = [
        f'      - {{if: "{text}", to: {"person" if number else "gold"}}}' for number, text in enumerate(conditions)
    ]
    return flow.parse(FILE.format(when="\n".join(told)).encode(), Path("choosing.yaml"))


def comes_to(met: Flow, **known: object) -> str:
    """Where a caller stands after the choice, of whom this is known."""
    run, _ = engine.begin(met, node="n", channel="c", caller="0912", caller_name="", called="100", now=NOON)
    run = msgspec.structs.replace(run, at="fork", playback=0, timer=0, **known)
    run, _ = engine.advance(met, run, Resumed(), NOON)
    return run.at


@pytest.mark.parametrize(
    ("condition", "known", "at"),
    [
        ("customer.tier == 'gold'", {"customer": GOLD}, "gold"),
        ("customer.tier == 'gold'", {}, "menu"),
        ("verified", {"verified": True}, "gold"),
        ("verified", {}, "menu"),
        ("not verified", {}, "gold"),
        ("caller == '0912'", {}, "gold"),
        ("called in ['100', '200'] and language != 'fa'", {}, "gold"),
        ("kept.sum >= 1000", {"kept": {"sum": Kept("toman", "1000")}}, "gold"),
        ("kept.sum >= 1000", {"kept": {"sum": Kept("toman", "999")}}, "menu"),
        ("contract.ends_on < '1405/09/30'", {"contract": "one"}, "gold"),
        ("ticket.promised_on", {"ticket": "one"}, "menu"),
        ("ticket and not ticket.promised_on", {"ticket": "one"}, "gold"),
    ],
)
def test_the_way_is_by_what_is_known(condition: str, known: dict[str, object], at: str) -> None:
    facts = {
        "contract": ContractFacts(number="K-7", ends_on=date(2026, 12, 1), days_left=9),
        "ticket": TicketFacts(tracking_number="1", status="new", updated_on=date(2026, 1, 1)),
    }
    told = {name: facts[name] if value == "one" else value for name, value in known.items()}
    assert comes_to(forking(condition), **told) == at


def test_the_first_condition_that_is_true_counts() -> None:
    met = forking("customer.tier == 'gold'", "customer")
    assert comes_to(met, customer=GOLD) == "gold"
    assert comes_to(met, customer=CustomerFacts(code="1", name="")) == "person"
    assert comes_to(met) == "menu"


def test_its_ways_out_are_its_conditions() -> None:
    node = forking("customer.tier == 'gold'", "customer").nodes["fork"]
    assert list(node.ways_out()) == [
        ("customer.tier == 'gold'", "gold"),
        ("customer", "person"),
        ("otherwise", "menu"),
    ]
    assert list(node.leading(lambda name: f"in/{name}").ways_out()) == [
        ("customer.tier == 'gold'", "in/gold"),
        ("customer", "in/person"),
        ("otherwise", "in/menu"),
    ]
    assert node.makes_known() == {"customer.tier == 'gold'": ("customer",), "customer": ("customer",)}


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("to: gold", "to: golden", ":11: nodes.fork.when.0.to: no node is called 'golden'; did you mean 'gold'?"),
        ("else: menu", "else: menus", ":12: nodes.fork.else: no node is called 'menus'; did you mean 'menu'?"),
        ("verified", "verified +", ":11: nodes.fork.when.0: not a condition"),
        ("verified", "verified()", ":11: nodes.fork.when.0: only names"),
        ("    else: menu\n", "", ":8: nodes.fork: a choose has either 'when' and 'else', or 'given'"),
        ("    else: menu\n", "    else: menu\n    given: customer\n", ":8: nodes.fork: a choose has either"),
        ("if:", "of:", ":11: nodes.fork.when.0.of: there is no field 'of'"),
    ],
)
def test_a_choice_that_cannot_be_is_refused_with_its_place(old: str, new: str, error: str) -> None:
    text = FILE.format(when='      - {if: "verified", to: gold}')
    flow.parse(text.encode(), Path("choosing.yaml"))
    with pytest.raises(FlowError) as refused:
        flow.parse(text.replace(old, new, 1).encode(), Path("choosing.yaml"))
    assert str(refused.value).startswith(f"choosing.yaml{error}")


def test_a_called_flows_choice_leads_inside_of_the_call(tmp_path: Path) -> None:
    (tmp_path / "inner.yaml").write_text(FILE.format(when='      - {if: "verified", to: gold}'))
    outer = """
flow: outer
languages: [en]
start: office
person: person
filler: one_moment
nodes:
  office: {kind: call, flow: inner.yaml}
  person: {kind: queue, queue: support, nobody: end, timeout: end}
  end: {kind: hang_up}
"""
    met = flow.parse(outer.encode(), tmp_path / "outer.yaml", Beside(tmp_path))
    assert dict(met.nodes["office"].ways_out()) == {"verified": "office/gold", "otherwise": "office/menu"}


# --- lint and drawing ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (("customer.tier == 'gold'", "contract.days_left < 30"), []),
        (("kept.sum > 5", "opening.at > '16:30'", "verified == true", "caller == '0912'", "customer"), []),
        (("customer.teir == 'gold'",), ["11 error unknown-value there is no value 'customer.teir'"]),
        (("kept.some > 5",), ["11 error unknown-value there is no value 'kept.some'"]),
        (
            ("true", "verified"),
            [
                "12 warning condition-never no caller comes to this condition: one before it is always true",
                "13 warning condition-never no caller is taken this way: 'true' is always true",
            ],
        ),
        (
            ("verified", "verified"),
            ["12 warning condition-never no caller comes to this condition: one before it is the same"],
        ),
        (("verified and false",), ["11 warning condition-never this condition is never true"]),
        (
            ("contract.days_left < 'soon'",),
            ["11 warning condition-never contract.days_left < 'soon' is never true: it is a number"],
        ),
        (("customer.code == 1001",), ["11 warning condition-never customer.code == 1001 is never true: it is text"]),
        (
            ("customer.tier > 'a'",),
            ["11 warning condition-never customer.tier > 'a' is never true: text has no order"],
        ),
        (
            ("ticket.promised_on < 'now'",),
            ["11 warning condition-never ticket.promised_on < 'now' is never true: it is a day, '2026-03-21'"],
        ),
        (("verified == 1",), ["11 warning condition-never verified == 1 is never true: it is true or false"]),
    ],
)
def test_lint_names_what_no_condition_can_be(told: tuple[str, ...], found: list[str]) -> None:
    findings = conditions(forking(*told))
    assert [f"{one.line} {one.severity} {one.code} {one.text}" for one in findings] == found


def test_lint_proposes_a_name() -> None:
    (finding,) = conditions(forking("customer.teir == 'gold'"))
    assert finding.do == "did you mean 'customer.tier'?"


def test_every_value_of_a_run_can_be_asked_for() -> None:
    run, _ = engine.begin(forking("true"), node="n", channel="c", caller="", caller_name="", called="", now=NOON)
    assert isinstance(run, Run)
    assert list(conditions(forking(" or ".join(run.values()) or "verified", "customer or ticket or contract"))) == []


def test_the_drawing_shows_the_conditions() -> None:
    met = forking("customer.tier == 'gold' and contract.days_left < 30 and verified")
    drawn = mermaid(met, lambda key: key, "en")
    assert "customer.tier #61;#61; #39;gold#39; and contract.days_l" in drawn
    assert '|"otherwise"|' in drawn
    assert words.way("contract.days_left < 30", "fa") == "\u2066contract.days_left < 30\u2069"
    assert len(words.way("a == '" + "x" * 200 + "'", "en")) == 48
