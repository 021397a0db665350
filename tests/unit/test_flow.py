"""Flow files: what is refused, and that the refusal names the place."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx_bridge.errors import FlowError
from pbx_bridge.ivr import flow

GOOD = """\
flow: small
languages: [fa, en]
start: hello
person: help
filler: one_moment
nodes:
  hello: {kind: menu, prompt: menu, keys: {"1": help}, wrong: menu_wrong, too_many: help}
  help: {kind: queue, queue: support, nobody: end, timeout: end}
  end: {kind: hang_up}
"""


def parse(text: str) -> flow.Flow:
    return flow.parse(text.encode(), Path("small.yaml"))


def test_a_good_flow_is_read_and_versioned_by_its_content() -> None:
    small = parse(GOOD)
    assert small.prompts() == {"menu", "menu_wrong", "one_moment"}
    assert small.queues() == {"support"}
    assert small.default_language == "fa"
    assert parse(GOOD).version == small.version != parse(GOOD + "# changed\n").version


def test_the_shipped_flow_is_good() -> None:
    support = flow.load("support")
    assert {"support", "services"} == support.queues()
    assert "ticket_status" in support.prompts()


@pytest.mark.parametrize(
    ("change", "to", "said"),
    [
        ("start: hello", "start: nowhere", "start: no node is called 'nowhere'"),
        ("person: help", "person: hello", "'hello' is no queue"),
        ('"1": help', '"1": gone', "small.yaml:7: node hello, 1: no node is called 'gone'"),
        ('"1": help', '"12": help', "small.yaml:7: node hello"),
        ("kind: menu", "kind: mneu", "small.yaml:7: node hello: Invalid value 'mneu'"),
        ("prompt: menu,", "prompt: menu, colour: red,", "unknown field `colour`"),
        ("wrong: menu_wrong, ", "", "missing required field `wrong`"),
        (
            "  end: {kind: hang_up}",
            "  end: {kind: hang_up}\n  lone: {kind: hang_up}",
            ":10: node lone cannot be reached",
        ),
        ("languages: [fa, en]", "languages: []", "length >= 1"),
        ("nodes:", "nodes: [", "not YAML"),
        ("flow: small", "flow: small\nextra: 1", "unknown field `extra`"),
    ],
)
def test_a_bad_flow_is_refused_naming_the_place(change: str, to: str, said: str) -> None:
    assert change in GOOD
    with pytest.raises(FlowError) as refused:
        parse(GOOD.replace(change, to, 1))
    assert "small.yaml" in str(refused.value)
    assert said in str(refused.value)


@pytest.mark.parametrize("text", ["", "[]", "3", "\x00", "nodes: {a: 1}"])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(FlowError):
        parse(text)


def test_a_missing_flow_says_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(FlowError, match=r"shipped are: .*support"):
        flow.load(str(tmp_path / "none.yaml"))
