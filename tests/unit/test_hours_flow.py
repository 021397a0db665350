"""`hours`, `call` and `return` in flows: read, refused, and gone through with the engine."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.errors import FlowError
from pbx_bridge.ivr import engine, flow
from pbx_bridge.ivr.nodes import CallNode, MenuNode
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.reading.beside import unknown_holidays
from pbx_bridge.ivr.run import HangUp, KeyPressed, Play, PromptEnded, Resumed, Run, WriteStep

OFFICE = """\
flow: office
languages: [fa, en]
start: hours
person: help
filler: one_moment
nodes:
  hours:
    kind: hours
    weekly: {sat-wed: ["08:00-13:00", "14:00-17:00"], thu: 08:00-12:00}
    holidays: [iran, own.yaml, company.ics]
    open: help
    closed: shut
    holiday: free
  shut: {kind: say, prompt: after_hours_closed, next: end}
  free: {kind: say, prompt: goodbye, next: end}
  help: {kind: queue, queue: support, nobody: end, timeout: end}
  end: {kind: hang_up}
"""
OWN = "days: [{day: 1405/9/3, name: روز شرکت}]\n"
ICS = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261125\nSUMMARY:Trip\nEND:VEVENT\nEND:VCALENDAR\n"
MONDAY = datetime(2026, 11, 23, 6, tzinfo=UTC)  # 1405/9/2, 09:30 in Tehran


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "office.yaml").write_text(OFFICE)
    (tmp_path / "own.yaml").write_text(OWN)
    (tmp_path / "company.ics").write_text(ICS)
    return tmp_path


def begin(met: flow.Flow, now: datetime) -> tuple[Run, dict[str, object]]:
    """A caller's run, and what the record says of the hours."""
    run, effects = engine.begin(met, node="pbx1", channel="c1", caller="", caller_name="", called="100", now=now)
    steps = [dict(e.data) for e in effects if isinstance(e, WriteStep) and e.kind is StepKind.HOURS]
    return run, steps[0] if steps else {}


@pytest.mark.parametrize(
    ("now", "at", "told"),
    [
        (MONDAY, "help", {"result": "open"}),
        (MONDAY + timedelta(hours=4), "shut", {"result": "closed", "opens_at": "2026-11-23T14:00+03:30"}),
        (
            MONDAY + timedelta(days=1),
            "free",
            {"result": "holiday", "holiday": "روز شرکت", "opens_at": "2026-11-26T08:00+03:30"},
        ),
        (
            MONDAY + timedelta(days=2),
            "free",
            {"result": "holiday", "holiday": "Trip", "opens_at": "2026-11-26T08:00+03:30"},
        ),
        (MONDAY + timedelta(days=4), "shut", {"result": "closed", "opens_at": "2026-11-28T08:00+03:30"}),
    ],
)
def test_the_way_and_what_the_record_says(folder: Path, now: datetime, at: str, told: dict[str, str]) -> None:
    # 13:30 is in the afternoon's break
    run, step = begin(flow.load(str(folder / "office.yaml")), now)
    assert (run.at, step) == (at, told)


def test_when_it_opens_can_be_said(folder: Path) -> None:
    met = flow.load(str(folder / "office.yaml"))
    book = PromptBook.load()
    run, _ = begin(met, MONDAY + timedelta(days=-1, hours=9))
    told = book.text("after_hours_closed", "en", run.values())
    assert told == "Hello. Our office is closed now. We open again tomorrow, eight A.M., November 23, 2026."
    assert "بسته است" in book.text("after_hours_closed", "fa", run.values())
    opened, _ = begin(met, MONDAY)
    assert "opening" not in opened.values()


def test_hours_are_on_the_clock_of_the_zone(folder: Path) -> None:
    tehran = flow.load(str(folder / "office.yaml"))
    berlin = flow.load(str(folder / "office.yaml"), ZoneInfo("Europe/Berlin"))
    assert begin(tehran, MONDAY)[0].at == "help"
    assert begin(berlin, MONDAY)[0].at == "shut"


def test_a_resumed_run_says_again_what_it_said(folder: Path) -> None:
    met = flow.load(str(folder / "office.yaml"))
    run, _ = begin(met, MONDAY + timedelta(hours=4))
    resumed, effects = engine.advance(met, run, Resumed(), MONDAY + timedelta(hours=5))
    assert (resumed.at, resumed.opening) == ("shut", run.opening)
    assert any(isinstance(effect, Play) for effect in effects)


def test_the_version_is_that_of_every_file(folder: Path) -> None:
    path = str(folder / "office.yaml")
    first = flow.load(path)
    assert first.beside == ("company.ics", "own.yaml")
    (folder / "own.yaml").write_text(OWN + "# changed\n")
    second = flow.load(path)
    (folder / "company.ics").write_text(ICS + "\n")
    assert len({first.version, second.version, flow.load(path).version}) == 3


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "own.yaml",
            "days:\n  - {day: 13/1, name: x}\n",
            "own.yaml:2: days.0: '13/1' is no day of the jalali calendar",
        ),
        ("company.ics", ICS.replace("20261125", "20261325"), "company.ics:3: calendar: DTSTART"),
        ("own.yaml", None, "office.yaml:10: nodes.hours.holidays.1: own.yaml: there is no such file beside the flow"),
    ],
)
def test_a_bad_holiday_file_is_refused(folder: Path, name: str, text: str | None, said: str) -> None:
    if text is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(text)
    with pytest.raises(FlowError) as refused:
        flow.load(str(folder / "office.yaml"))
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("change", "to", "said"),
    [
        (
            "08:00-12:00",
            "08:00-25:00",
            "office.yaml:7: nodes.hours: thu: '08:00-25:00': there is no such time of day",
        ),
        ("sat-wed", "sat-web", "no day is called 'web'"),
        ('"14:00-17:00"', '"12:00-17:00"', "sat 08:00-13:00 and sat 12:00-17:00 overlap"),
        ("own.yaml", "../own.yaml", "expected iran, or the name of a .yaml or .ics file beside the flow"),
        ("own.yaml", "/etc/passwd", "expected iran, or"),
        ("closed: shut", "closed: gone", "office.yaml:12: nodes.hours.closed: no node is called 'gone'"),
    ],
)
def test_bad_hours_are_refused(folder: Path, change: str, to: str, said: str) -> None:
    path = folder / "office.yaml"
    path.write_text(OFFICE.replace(change, to, 1))
    with pytest.raises(FlowError) as refused:
        flow.load(str(path))
    assert said in str(refused.value)


def test_holidays_of_a_year_that_nobody_knows_are_told() -> None:
    met = flow.load("after_hours")
    assert list(unknown_holidays(met, date(2026, 11, 22))) == []
    (finding,) = unknown_holidays(met, date(2027, 3, 21))
    assert "known to 2027-03-20 only" in finding.text
    assert finding.severity == "warning"


# --- calls --------------------------------------------------------------------------------------------------------

OUTER = """\
flow: outer
languages: [fa, en]
start: first
person: help
filler: one_moment
nodes:
  first: {kind: say, prompt: welcome, next: inner}
  inner: {kind: call, flow: inner.yaml, next: end, ways: {lost: help}, arguments: {words: menu_silence, tries: 2}}
  help: {kind: queue, queue: support, nobody: end, timeout: end}
  end: {kind: hang_up}
"""
INNER = """\
flow: inner
languages: [fa]
start: menu
person: unused
filler: one_moment
arguments: {words: menu_wrong, tries: 3}
nodes:
  menu: {kind: menu, prompt: menu, keys: {"1": bye, "2": menu}, wrong: $words, too_many: lost, tries: $tries}
  bye: {kind: say, prompt: goodbye, next: back}
  back: {kind: return}
  lost: {kind: return, way: lost}
  unused: {kind: queue, queue: support, nobody: back, timeout: back}
"""


def written(tmp_path: Path, outer: str = OUTER, **others: str) -> flow.Flow:
    for name, text in {"outer": outer, "inner": INNER, **others}.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    return flow.load(str(tmp_path / "outer.yaml"))


def test_a_call_is_written_out(tmp_path: Path) -> None:
    met = written(tmp_path)
    assert set(met.nodes) == {"first", "inner", "inner/bye", "help", "end"}
    menu = met.nodes["inner"]
    assert isinstance(menu, MenuNode)
    assert (menu.wrong, menu.tries) == ("menu_silence", 2)
    assert dict(menu.ways_out()) == {"1": "inner/bye", "2": "inner", "too_many": "help"}
    assert dict(met.nodes["inner/bye"].ways_out()) == {"next": "end"}
    assert met.line("nodes.inner/bye.prompt") == 8
    assert met.beside == ("inner.yaml",)
    assert not any(isinstance(node, CallNode) for node in met.nodes.values())


def test_a_run_goes_in_and_comes_back(tmp_path: Path) -> None:
    met = written(tmp_path)
    run, _ = begin(met, MONDAY)
    run, _ = engine.advance(met, run, PromptEnded(run.playback), MONDAY)
    assert run.at == "inner"
    run, _ = engine.advance(met, run, Resumed(), MONDAY)
    assert run.at == "inner"
    run, _ = engine.advance(met, run, KeyPressed("1"), MONDAY)
    assert run.at == "inner/bye"
    run, effects = engine.advance(met, run, PromptEnded(run.playback), MONDAY)
    assert any(isinstance(effect, HangUp) for effect in effects)


def test_a_flow_that_is_called_can_be_met_by_itself(tmp_path: Path) -> None:
    written(tmp_path)
    met = flow.load(str(tmp_path / "inner.yaml"))
    menu = met.nodes["menu"]
    assert isinstance(menu, MenuNode)
    assert (menu.wrong, menu.tries) == ("menu_wrong", 3)


def test_the_version_is_also_that_of_the_flow_called(tmp_path: Path) -> None:
    assert written(tmp_path).version != written(tmp_path, inner=INNER + "# changed\n").version


@pytest.mark.parametrize(
    ("change", "to", "said"),
    [
        ("next: end,", "", "inner.yaml can return by 'next', and this call has no such way out; add next"),
        ("{lost: help}", "{}", "can return by 'lost', and this call has no such way out; add it to ways"),
        ("{lost: help}", "{lost: help, found: end}", "inner.yaml never returns by 'found'; remove it"),
        ("flow: inner.yaml", "flow: other.yaml", "other.yaml: there is no such file beside the flow"),
        ("flow: inner.yaml", "flow: inner", "inner: no shipped flow is called so"),
        ("flow: inner.yaml", "flow: ../inner.yaml", "expected the name of a shipped flow, or of a .yaml file"),
        ("flow: inner.yaml", "flow: outer.yaml", "a flow may not come to itself again: outer > outer"),
        ("next: end,", "next: gone,", "no node is called 'gone'"),
        ("words: menu_silence", "wrods: menu_silence", "it has no argument 'wrods'"),
        ("tries: 2", "tries: 99", "nodes.menu.tries: expected"),
    ],
)
def test_a_call_that_cannot_be_is_refused(tmp_path: Path, change: str, to: str, said: str) -> None:
    assert change in OUTER
    with pytest.raises(FlowError) as refused:
        written(tmp_path, OUTER.replace(change, to, 1))
    assert said in str(refused.value)
    assert "outer.yaml:8" in str(refused.value) or "inner.yaml:" in str(refused.value)


def test_a_flow_with_faults_names_its_own_line(tmp_path: Path) -> None:
    with pytest.raises(FlowError, match=r"inner\.yaml:9: .*'gone'"):
        written(tmp_path, inner=INNER.replace("next: back", "next: gone"))


def test_two_flows_that_call_each_other_are_refused(tmp_path: Path) -> None:
    other = INNER.replace("kind: return, way: lost", "kind: call, flow: outer.yaml")
    with pytest.raises(FlowError, match="a flow may not come to itself again: outer > inner > outer"):
        written(tmp_path, inner=other)


def test_calls_have_a_depth(tmp_path: Path) -> None:
    chain = {
        f"f{i}": INNER.replace("kind: return, way: lost", f"kind: call, flow: f{i + 1}.yaml, next: back")
        for i in range(12)
    }
    outer = OUTER.replace("flow: inner.yaml", "flow: f0.yaml")
    with pytest.raises(FlowError, match="flows call each other more than 8 deep"):
        written(tmp_path, outer, **chain)


def test_calls_of_calls_do_not_fill_the_memory(tmp_path: Path) -> None:
    calls = "".join(f"  c{i}: {{kind: call, flow: NEXT, next: back}}\n" for i in range(10))
    keys = ", ".join(f'"{i}": c{i}' for i in range(10))
    wide = INNER.replace("lost}", "back}").replace('"1": bye, "2": menu', keys).replace("lost,", "back,")
    wide = (
        re.sub(r"^  (bye|lost): .*\n|^arguments: .*\n", "", wide, flags=re.M)
        .replace("$words", "menu")
        .replace("$tries", "3")
    )
    files = {f"w{i}": (wide + calls).replace("NEXT", f"w{i + 1}.yaml") for i in range(6)}
    leaf = wide.replace(keys, '"1": back')
    outer = OUTER.replace("flow: inner.yaml", "flow: w0.yaml").replace(
        ", arguments: {words: menu_silence, tries: 2}", ""
    )
    with pytest.raises(FlowError, match="more than 100 calls, those of the flows called counted too"):
        written(tmp_path, outer.replace("ways: {lost: help}", "ways: {}"), w6=leaf, **files)
