"""The linter: each finding with its place, and a silent caller who never gets out is never missed."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx_bridge.ivr import engine, flow
from pbx_bridge.ivr.lint import examine as lint
from pbx_bridge.ivr.lint.seconds import WORDS_PER_SECOND, PromptSeconds
from pbx_bridge.ivr.phrase import PAUSES, Clip
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.reading.beside import Beside
from pbx_bridge.ivr.reading.finding import Severity
from pbx_bridge.ivr.run import Happening, Phase, PromptEnded, Run, StartTimer, TimeUp
from pbx_bridge.ivr.sounds.voice import Entry, Manifest, Voice
from pbx_bridge.ivr.speech import KINDS

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
BOOK = PromptBook.load()
GOOD = """\
flow: small
languages: [fa, en]
start: tongue
person: help
filler: one_moment
nodes:
  tongue: {kind: language, prompt: choose_language, keys: {"1": fa, "2": en}, next: hello}
  hello: {kind: say, prompt: welcome, next: menu}
  menu:
    kind: menu
    prompt: menu
    keys: {"1": code, "0": help, "9": menu}
    wrong: menu_wrong
    too_many: help
  code:
    kind: ask
    what: tracking
    prompt: ask_tracking
    wrong: tracking_wrong
    unknown: tracking_unknown
    silent: tracking_silence
    found: told
    too_many: help
    unavailable: help
  told: {kind: say, prompt: ticket_status, next: after}
  after: {kind: menu, prompt: after_status, keys: {"1": told}, wrong: menu_wrong, silence: end, too_many: help}
  help: {kind: queue, queue: support, nobody: sorry, timeout: sorry}
  sorry: {kind: say, prompt: nobody, next: end}
  end: {kind: hang_up}
"""


def examined(text: str, **known: object) -> list[str]:
    """`line severity code at` of every finding."""
    reading = lint.examine(text.encode(), BOOK, **{"queues": ("support", "services"), **known})  # type: ignore[arg-type]
    return [f"{f.line} {f.severity} {f.code} {f.at}" for f in reading.findings]


def test_a_good_flow_has_no_findings() -> None:
    assert examined(GOOD, seconds=PromptSeconds(BOOK)) == []


@pytest.mark.parametrize("name", flow.shipped())
def test_the_shipped_flows_have_no_findings(name: str) -> None:
    found = lint.findings(flow.load(name), BOOK, queues=("support", "services"), seconds=PromptSeconds(BOOK))
    assert [finding.sentence for finding in found] == []


@pytest.mark.parametrize(
    ("change", "to", "found"),
    [
        ("  end:", "  lone: {kind: hang_up}\n  end:", "29 error unreachable nodes.lone"),
        ("next: end}", "next: sorry}", "28 error loop-without-key nodes.sorry"),
        ("too_many: help\n  code", "too_many: hello\n  code", "8 error loop-without-key nodes.hello"),
        ("silence: end, too_many: help", "silence: end, too_many: told", "26 error loop-of-tries nodes.after"),
        ("silence: end, too_many: help", "silence: told, too_many: help", "26 error loop-without-key nodes.after"),
        ("timeout: sorry", "timeout: help", "27 warning loop-of-waiting nodes.help"),
        ("nobody: sorry", "nobody: help", "27 error loop-without-key nodes.help"),
        ('keys: {"1": told}', "keys: {}", "26 error no-keys nodes.after.keys"),
        ("    too_many: help\n    unav", "    too_many: end\n    unav", "23 error no-person nodes.code.too_many"),
        ("    unavailable: help", "    unavailable: end", "24 error no-person nodes.code.unavailable"),
        ("    what: tracking", '    what: tracking\n    end: "7"', "18 error digits-never-match nodes.code.end"),
        (
            "    what: tracking",
            "    what: tracking\n    longest: 5",
            "18 error digits-never-match nodes.code.longest",
        ),
        (
            "    what: tracking",
            "    what: tracking\n    longest: 8",
            "18 warning digits-never-match nodes.code.longest",
        ),
        ('{"1": told}', '{"1": told, "#": help}', "26 warning end-key-chooses nodes.after.keys.#"),
        (
            "next: menu}",
            'next: again}\n  again: {kind: language, prompt: choose_language, keys: {"1": fa, "2": en}, next: menu}',
            "9 error digits-never-match nodes.again.keys",
        ),
        ('"2": en}', '"2": en, "3": fa}', "7 warning language-twice nodes.tongue.keys.3"),
        (', "2": en}', "}", "7 warning language-not-asked nodes.tongue.keys"),
        ("wrong: menu_wrong\n", "wrong: menu_wrong\n    tries: 1\n", "13 warning never-said nodes.menu.wrong"),
        ("queue: support", "queue: suport", "27 error unknown-queue nodes.help.queue"),
        ("prompt: welcome", "prompt: welcom", "8 error prompt-missing nodes.hello.prompt"),
        ("filler: one_moment", "filler: two_moments", "5 error prompt-missing filler"),
    ],
)
def test_what_is_wrong_is_found_at_its_place(change: str, to: str, found: str) -> None:
    assert change in GOOD
    assert found in examined(GOOD.replace(change, to, 1))


def test_a_loop_that_never_waits_is_told_from_one_that_does() -> None:
    circle = GOOD.replace(
        "next: menu}", "next: one}\n  one: {kind: choose, given: customer, known: menu, missing: one}"
    )
    assert "9 error loop-never-waits nodes.one" in examined(circle)
    assert not any("loop-without-key" in line for line in examined(circle))


def test_what_only_the_lookup_makes_known_is_no_loop() -> None:
    once = GOOD.replace(
        "next: menu}",
        "next: known}\n  known: {kind: choose, given: customer, known: menu, missing: who}\n"
        "  who: {kind: caller, found: known, unknown: menu, unavailable: menu}",
    )
    assert examined(once) == []
    for_ever = once.replace("unknown: menu", "unknown: known")
    assert any("loop-without-key" in line for line in examined(for_ever))


def test_nodes_that_nobody_comes_out_of_are_named() -> None:
    trap = (
        GOOD.replace('"0": help, "9": menu}', '"0": help, "9": in}')
        + '  in: {kind: menu, prompt: menu, keys: {"1": in}, wrong: menu_wrong, too_many: in}\n'
    )
    assert "30 error no-way-out nodes.in" in examined(trap)


def test_boxes_and_phones_of_the_pbx_are_known() -> None:
    text = GOOD.replace(
        "nobody: sorry, timeout: sorry}",
        "nobody: ring, timeout: ring}\n"
        "  ring: {kind: dial, to: [101, 109], busy: box, no_answer: box, unavailable: box}\n"
        '  box: {kind: voicemail, mailbox: "611", next: end, unavailable: sorry}',
    )
    assert examined(text) == []  # not known, not checked
    assert examined(text, mailboxes=("600",), extensions=("101", "102")) == [
        "28 error unknown-extension nodes.ring.to",
        "29 error unknown-mailbox nodes.box.mailbox",
    ]


def test_a_message_in_a_box_reaches_a_person_too() -> None:
    text = GOOD.replace("    too_many: help\n    unav", "    too_many: box\n    unav").replace(
        "  sorry:", '  box: {kind: voicemail, mailbox: "600", next: end, unavailable: sorry}\n  sorry:'
    )
    assert examined(text) == []


def test_a_prompt_is_missed_in_the_language_that_lacks_it(tmp_path: Path) -> None:
    (tmp_path / "fa.yaml").write_text("only_persian: سلام\n")
    book = PromptBook.load(extra_folder=tmp_path)
    reading = lint.examine(GOOD.replace("prompt: welcome", "prompt: only_persian").encode(), book)
    (missing,) = reading.findings
    assert missing.sentence == (
        "nodes.hello.prompt: prompt 'only_persian' is missing in language 'en'; write it in prompts/en.yaml"
    )
    assert missing.node == "hello"


def test_a_prompt_of_one_language_only_need_not_be_in_the_others(tmp_path: Path) -> None:
    (tmp_path / "fa.yaml").write_text("press_one: برای فارسی یک\n")
    book = PromptBook.load(extra_folder=tmp_path)
    text = GOOD.replace("prompt: choose_language", "prompt: press_one").replace(', "2": en}', "}")
    assert [finding.code for finding in lint.examine(text.encode(), book).findings] == ["language-not-asked"]


def test_a_prompt_that_cannot_be_said_names_the_prompt_file(tmp_path: Path) -> None:
    (tmp_path / "en.yaml").write_text("ticket_status: Your colour is {{ ticket.status | prompt('colour') }}.\n")
    (found,) = lint.examine(GOOD.encode(), PromptBook.load(extra_folder=tmp_path)).findings
    assert (found.code, found.path, found.line) == ("prompt-broken", tmp_path / "en.yaml", 1)


@pytest.mark.parametrize(
    ("change", "to", "found"),
    [
        # said where no lookup has been
        ("prompt: welcome", "prompt: ticket_status", "8 error value-not-known nodes.hello.prompt"),
        ("prompt: welcome", "prompt: contract_ended", "8 error value-not-known nodes.hello.prompt"),
        # said after the lookup, but also without it
        ('"0": help, "9": menu}', '"0": help, "9": told}', "25 warning value-not-known nodes.told.prompt"),
        (
            "    too_many: help\n    unav",
            "    too_many: told\n    unav",
            "25 warning value-not-known nodes.told.prompt",
        ),
        ("filler: one_moment", "filler: ticket_status", "5 error value-not-known filler"),
        ("prompt: welcome", "prompt: mine", "8 error unknown-value nodes.hello.prompt"),
    ],
)
def test_a_value_must_be_known_where_it_is_said(tmp_path: Path, change: str, to: str, found: str) -> None:
    for language in ("fa", "en"):
        (tmp_path / f"{language}.yaml").write_text("mine: '{{ ticket.colour | digits }}'\n")
    book = PromptBook.load(extra_folder=tmp_path)
    told = [f"{f.line} {f.severity} {f.code} {f.at}" for f in _examine(GOOD.replace(change, to, 1), book)]
    assert found in told


def test_a_choice_makes_sure_that_a_value_is_known() -> None:
    guarded = GOOD.replace('"9": menu}', '"9": sure}').replace(
        "  told:", "  sure: {kind: choose, given: ticket.promised_on, known: told, missing: help}\n  told:"
    )
    assert examined(guarded) == []


CALLED = """\
flow: called
languages: [fa, en]
start: code
person: help
filler: one_moment
nodes:
  code: {kind: ask, what: tracking, prompt: ask_tracking, wrong: tracking_wrong, unknown: tracking_unknown,
         silent: tracking_silence, found: back, too_many: failed, unavailable: failed}
  back: {kind: return}
  failed: {kind: return, way: failed}
  help: {kind: queue, queue: support, nobody: back, timeout: back}
"""


def test_a_called_flow_is_examined_in_its_place_and_alone(tmp_path: Path) -> None:
    (tmp_path / "called.yaml").write_text(CALLED)
    assert examined(CALLED) == []
    start, rest = GOOD.index("  code:"), GOOD.index("  told:")
    call = "  code:\n    kind: call\n    flow: called.yaml\n    next: told\n    ways: {failed: help}\n"
    text = GOOD[:start] + call + GOOD[rest:]
    assert examined(text, beside=Beside(tmp_path)) == []
    assert examined(text.replace("failed: help", "failed: end"), beside=Beside(tmp_path)) == [
        "15 error no-person nodes.code.too_many",
        "15 error no-person nodes.code.unavailable",
    ]
    assert examined(text.replace("failed: help", "failed: told"), beside=Beside(tmp_path)) == [
        "20 warning value-not-known nodes.told.prompt"
    ]


def _examine(text: str, book: PromptBook) -> tuple[lint.Finding, ...]:
    return lint.examine(text.encode(), book).findings


@pytest.mark.parametrize(
    ("long", "found"),
    [
        ({"menu": 30.5}, ["11 error long-prompt nodes.menu.prompt"]),
        ({"menu": 30.0}, []),
        ({"choose_language": 16.0}, ["7 error long-prompt nodes.tongue.prompt"]),  # said in two languages
        ({"welcome": 31.0}, ["9 error long-before-key nodes.menu"]),
        ({"ticket_status": 31.0}, ["26 error long-before-key nodes.after"]),
        ({"nobody": 99.0}, []),  # no key is asked for after it
    ],
)
def test_nobody_listens_for_more_than_half_a_minute_before_a_key(long: dict[str, float], found: list[str]) -> None:
    assert examined(GOOD, seconds=lambda key, language: long.get(key, 1.0)) == found


def test_what_is_told_one_after_the_other_adds_up() -> None:
    chain = GOOD.replace(
        "prompt: welcome, next: menu}",
        "prompt: welcome, next: news}\n  news: {kind: say, prompt: nobody, next: menu}",
    )
    lengths = {"welcome": {"fa": 16.0, "en": 10.0}, "nobody": {"fa": 15.0, "en": 12.0}}
    reading = lint.examine(chain.encode(), BOOK, seconds=lambda key, lang: lengths.get(key, {}).get(lang, 1.0))
    assert [f.sentence for f in reading.findings] == [
        "nodes.menu: a caller listens for 31 s in fa before the first key is asked for here; "
        "keep what is said on the way under 30 s, or ask earlier"
    ]


def test_where_nodes_go_in_circles_only_the_circle_is_told() -> None:
    ring = GOOD.replace("next: menu}", "next: more}\n  more: {kind: say, prompt: nobody, next: hello}")
    told = examined(ring, seconds=lambda key, language: 20.0 if key != "choose_language" else 1.0)
    assert "8 error loop-without-key nodes.hello" in told
    assert not any("long-before-key" in line for line in told)


def test_a_prompt_lasts_as_long_as_its_clips_or_else_as_its_words() -> None:
    goodbye = [clip for clip in BOOK.phrase("goodbye", "en") if isinstance(clip, Clip)]
    clips = tuple(Entry(language="en", text=c.text, file="a.wav", source="", seconds=10.0) for c in goodbye)
    pauses = {pause.milliseconds: "p.wav" for pause in PAUSES}
    voice = Voice(Manifest(clips=clips, pauses=pauses), Path("sounds"))
    words = PromptSeconds(BOOK)
    assert PromptSeconds(BOOK, voice)("goodbye", "en") == pytest.approx(10.0 * len(goodbye) + 0.35 * len(goodbye))
    assert PromptSeconds(BOOK, voice)("welcome", "en") == words("welcome", "en")  # not rendered yet
    # "Thank you for calling. Goodbye.": five words and two pauses
    assert words("goodbye", "en") == pytest.approx(5 / WORDS_PER_SECOND["en"] + 0.7)
    assert words("no_such_prompt", "en") == 0.0


@pytest.mark.parametrize("language", ["fa", "en"])
def test_every_shipped_prompt_has_a_length_and_every_filter_a_long_value(tmp_path: Path, language: str) -> None:
    (tmp_path / f"{language}.yaml").write_text("".join(f"a_{kind}: 'a {{{{ x | {kind} }}}}'\n" for kind in KINDS))
    book = PromptBook.load(extra_folder=tmp_path)
    assert all(PromptSeconds(book)(key, language) > 0.3 for key in book.keys(language))


def test_errors_of_decoding_are_told_all_at_once() -> None:
    bad = GOOD.replace("kind: say, prompt: welcome", "kind: sya, prompt: welcome").replace(
        "queue: support", "quue: support"
    )
    assert examined(bad) == [
        "8 error unknown-kind nodes.hello.kind",
        "27 error unknown-field nodes.help.quue",
        "27 error missing-field nodes.help",
    ]


# --- a caller who keys nothing, played by the engine --------------------------------------------------------------

NAMES = [f"n{i}" for i in range(6)]


@st.composite
def flows_of_any_shape(draw: st.DrawFn) -> flow.Flow:
    """Says and menus that lead anywhere."""
    target = st.sampled_from([*NAMES, "help", "end"])
    lines = ["flow: any", "languages: [fa]", "start: n0", "person: help", "filler: one_moment", "nodes:"]
    for name in NAMES:
        if draw(st.booleans()):
            lines.append(f"  {name}: {{kind: say, prompt: welcome, next: {draw(target)}}}")
        else:
            silence = f"silence: {draw(target)}, " if draw(st.booleans()) else ""
            keys = f'keys: {{"1": {draw(target)}}}, too_many: {draw(target)}'
            lines.append(f"  {name}: {{kind: menu, prompt: menu, wrong: menu_wrong, {silence}{keys}}}")
    lines += ["  help: {kind: queue, queue: support, nobody: end, timeout: end}", "  end: {kind: hang_up}"]
    reading = flow.read("\n".join(lines).encode())
    assert reading.flow is not None
    return reading.flow


def gets_out(any_flow: flow.Flow) -> bool:
    """Whether a caller who never presses a key comes to a person or to the end."""
    run, effects = engine.begin(
        any_flow, node="pbx1", channel="c1", caller="", caller_name="", called="100", now=NOON
    )
    for _ in range(200):  # more than six nodes with three tries each can take
        if run.phase in (Phase.QUEUED, Phase.OVER):
            return True
        run, effects = engine.advance(any_flow, run, _silence(run, effects), NOON)
    return False


def _silence(run: Run, effects: tuple[object, ...]) -> Happening:
    timers = [effect.timer for effect in effects if isinstance(effect, StartTimer)]
    return TimeUp(timers[-1]) if timers else PromptEnded(run.playback)


@settings(max_examples=100, deadline=None)
@given(flows_of_any_shape())
def test_a_silent_caller_who_never_gets_out_is_never_missed(any_flow: flow.Flow) -> None:
    loops = {finding.code for finding in lint.findings(any_flow, BOOK)} & {"loop-without-key", "loop-never-waits"}
    assert gets_out(any_flow) or loops


@settings(max_examples=100, deadline=None)
@given(flows_of_any_shape())
def test_a_loop_that_is_told_is_one_that_a_silent_caller_at_its_start_goes_round(any_flow: flow.Flow) -> None:
    for finding in lint.findings(any_flow, BOOK):
        if finding.code == "loop-without-key":
            from_there = flow.Flow(
                **{f: getattr(any_flow, f) for f in any_flow.__struct_fields__} | {"start": finding.node}
            )
            assert not gets_out(from_there)


def test_a_file_with_thousands_of_nodes_in_a_row_is_examined() -> None:
    chain = "".join(f"  n{i}: {{kind: say, prompt: welcome, next: n{i + 1}}}\n" for i in range(3000))
    text = GOOD.replace("next: menu}", "next: n0}") + chain + "  n3000: {kind: hang_up}\n"
    assert {line.split()[2] for line in examined(text)} == {"unreachable"}  # the menu and what follows it


CODE = re.compile(r'(?:code=|finding\(\s*|_refused\(|_find\()"([a-z]+(?:-[a-z]+)*)"')


def test_every_code_is_explained() -> None:
    root = Path(__file__).parents[2]
    ivr = root / "pbx_bridge" / "ivr"
    files = [path for name in ("flow.py", "reading/*.py", "lint/*.py") for path in ivr.glob(name)]
    codes = {code for path in files for code in CODE.findall(path.read_text())}
    assert {"unreachable", "not-yaml", "given-twice", "wrong-type", "unreadable"} <= codes
    rows = [
        line.split("|") for line in (root / "docs" / "flows.md").read_text().splitlines() if line.startswith("| `")
    ]
    told = {
        code for row in rows if "error" in row[2] or "warning" in row[2] for code in re.findall(r"`([^`]+)`", row[1])
    }
    assert codes - told == set()
    assert {str(each) for each in Severity} == {"error", "warning"}
