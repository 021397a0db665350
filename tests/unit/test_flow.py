"""Flow files: what is refused, and that the refusal names the place."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.errors import FlowError
from pbx_bridge.ivr import flow
from pbx_bridge.ivr.reading import tree as flow_file

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
        ("start: hello", "start: helo", "small.yaml:3: start: no node is called 'helo'; did you mean 'hello'?"),
        ("person: help", "person: hello", "small.yaml:4: person: 'hello' is no queue"),
        ('"1": help', '"1": hlep', ":7: nodes.hello.keys.1: no node is called 'hlep'; did you mean 'help'?"),
        ('"1": help', '"12": help', ":7: nodes.hello.keys.12: expected one key: 0 to 9, * or #, got '12'"),
        ("kind: menu", "kind: mneu", ":7: nodes.hello.kind: no node is of the kind 'mneu'; did you mean 'menu'?"),
        ("kind: menu", "kind: [menu]", ":7: nodes.hello.kind: no node is of the kind a list"),
        ("kind: menu, ", "", ":7: nodes.hello: 'kind' is missing; write kind: and one of ask,"),
        (
            "prompt: menu,",
            "prompt: menu, silnt: x,",
            ":7: nodes.hello.silnt: there is no field 'silnt'; did you mean 'silent'?",
        ),
        ("prompt: menu,", "prompt: Menu,", ":7: nodes.hello.prompt: expected the name of a prompt: small letters"),
        ("prompt: menu,", "prompt: !x menu,", ":7: nodes.hello.prompt: a tag such as '!x' means nothing here"),
        ("prompt: menu,", "prompt: 3,", 'got 3; write it in quotes: "3"'),
        (
            "prompt: menu,",
            "prompt: menu, tries: 99,",
            "nodes.hello.tries: expected a whole number from 1 to 9, got 99",
        ),
        ("prompt: menu,", 'prompt: menu, tries: "2",', "expected a whole number from 1 to 9, got '2'"),
        ("wrong: menu_wrong, ", "", ":7: nodes.hello: the field 'wrong' is missing"),
        (", too_many: help", "", ":7: nodes.hello: the way out 'too_many' is missing"),
        (
            "  end: {kind: hang_up}",
            "  end: {kind: hang_up}\n  lone: {kind: hang_up}",
            ":10: nodes.lone: node lone cannot be reached",
        ),
        ("languages: [fa, en]", "languages: []", "small.yaml:2: languages: expected a list of length >= 1"),
        ("languages: [fa, en]", "languages: [fa, 7]", "small.yaml:2: languages.1: expected a language of two"),
        ("nodes:", "nodes: [", "not YAML"),
        ("flow: small", "flow: small\nextra: 1", "small.yaml:2: extra: there is no field 'extra'"),
        ("flow: small", "flow: small\nflow: big", ":2: flow: 'flow' is given twice, here and in line 1"),
        ("  help:", "  hello:", ":8: nodes.hello: 'hello' is given twice, here and in line 7"),
        (
            '"1": help}',
            '"1": help,\n    1: end}',
            ":8: nodes.hello.keys.1: '1' is given twice, here and in line 7",
        ),
        ("prompt: menu,", "prompt: menu, silent: [a],", ":7: nodes.hello.silent: expected the name of a prompt"),
        ("prompt: menu,", "prompt: menu, wait: 61,", "nodes.hello.wait: expected a number above 0 to 60, got 61"),
        ("prompt: menu,", "prompt:,", "nodes.hello.prompt: expected the name of a prompt"),
        ("  end: {kind: hang_up}", "  end:", ":9: nodes.end: expected lines of name: value, got nothing"),
        ("  end: {kind: hang_up}", "  end: true", ":9: nodes.end: expected lines of name: value, got true or false"),
        (
            "  end: {kind: hang_up}",
            "  end: {kind: say, prompt: bye, next: bye, serves: yes}\n  bye: {kind: hang_up}",
            ":9: nodes.end.serves: expected true or false, got 'yes'; write true",
        ),
        ("  end: {kind: hang_up}", "  end: {kind: ask, what: tracing}", "did you mean 'tracking'?"),
        ("flow: small", "flow: 'a\u202eb'", "small.yaml:1: flow: expected the name of a node"),
    ],
)
def test_a_bad_flow_is_refused_naming_the_place_and_what_to_write(change: str, to: str, said: str) -> None:
    assert change in GOOD
    with pytest.raises(FlowError) as refused:
        parse(GOOD.replace(change, to, 1))
    assert said in str(refused.value)
    assert str(refused.value).isprintable()


def test_a_language_that_is_not_offered_is_refused_at_its_key() -> None:
    change = 'hello: {kind: language, prompt: menu, next: help, keys: {"1": fa,\n    "2": de}}'
    with pytest.raises(FlowError, match=r":8: nodes.hello.keys.2: language 'de' is not offered"):
        parse(GOOD.replace(GOOD.splitlines()[6].strip(), change))


def test_every_fault_is_named_in_the_order_of_lines() -> None:
    bad = GOOD.replace("languages: [fa, en]", "languages: [fa, 7]").replace("kind: menu", "kind: mneu")
    findings = flow.read(bad.replace("  end:", "  end: {}\n  end:").encode()).findings
    assert [(f.line, f.code) for f in findings] == [
        (2, "wrong-type"),
        (7, "unknown-kind"),
        (9, "missing-field"),
        (10, "given-twice"),
    ]


def test_words_and_times_without_quotes_are_text_and_keys_are_as_written() -> None:
    told = flow_file.read(b"no: yes\n16:30: 16:30\n08: 08\na: 2026-01-02\nb: [1, -2, 1.5, true, ~, 0x10]")
    assert told.tree == {
        "no": "yes",
        "16:30": "16:30",
        "08": "08",
        "a": "2026-01-02",
        "b": [1, -2, 1.5, True, None, "0x10"],
    }
    assert told.lines["b.2"] == 5


def test_an_alias_stands_for_what_it_names() -> None:
    shared = GOOD.replace(
        "nodes:",
        "nodes:\n  other: {kind: menu, prompt: menu, keys: &keys {'1': help}, wrong: menu_wrong, too_many: hello}",
    ).replace('keys: {"1": help}', "keys: *keys")
    assert dict(parse(shared.replace("start: hello", "start: other")).nodes["hello"].ways_out())["1"] == "help"


BOMB = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x: 1\n" * 60_000, "bytes; a flow has 262144 at most"),
        (BOMB, "more than 20000 values, aliases counted as often as they are used"),
        ("a: &a [*a]", "nested deeper than 12 levels"),
        ("a: " + "[" * 20_000, "nested deeper than 12 levels"),
        ("a: " + "[" * 50 + "]" * 50, "nested deeper than 12 levels"),
    ],
)
def test_a_file_cannot_take_the_memory_or_the_time(text: str, said: str) -> None:
    findings = flow.read(text.encode()).findings
    assert len(findings) == 1
    assert said in findings[0].text


@given(st.binary(max_size=80) | st.text(alphabet="a{}[]:,&*-\"'#!| \n\t?1", max_size=80).map(str.encode))
def test_any_bytes_give_a_flow_or_a_finding(text: bytes) -> None:
    reading = flow.read(text)
    assert (reading.flow is None) == bool(reading.findings)
    assert all(finding.sentence.isprintable() for finding in reading.findings)


@given(st.data())
def test_a_good_flow_with_any_line_broken_is_refused_with_a_line_of_the_file(data: st.DataObject) -> None:
    lines = GOOD.splitlines()
    number = data.draw(st.integers(0, len(lines) - 1))
    at = data.draw(st.integers(0, len(lines[number]) - 1))
    lines[number] = lines[number][:at] + data.draw(st.sampled_from("xX19 ,:}{'&*!")) + lines[number][at + 1 :]
    for finding in flow.read("\n".join(lines).encode()).findings:
        assert finding.line is None or 1 <= finding.line <= len(lines) + 1


@pytest.mark.parametrize("text", ["", "[]", "3", "\x00", "nodes: {a: 1}", "a: 1\n---\nb: 2"])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(FlowError):
        parse(text)


def test_a_missing_flow_says_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(FlowError, match=r"shipped are: .*support"):
        flow.load(str(tmp_path / "none.yaml"))
