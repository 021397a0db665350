"""Releases of flows: kept by content, written down whole, gone back to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.cli import cli
from pbx_bridge.errors import FlowError
from pbx_bridge.ivr.deploy import await_answer, before
from pbx_bridge.ivr.releases import Deployment, InUse, Releases, gather, version_of

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def told(version: str, what: str = "deploy", minutes: int = 0) -> Deployment:
    return Deployment(at=NOON + timedelta(minutes=minutes), version=version, flow="f", what=what, by="ali")  # type: ignore[arg-type]


@pytest.fixture
def releases(tmp_path: Path) -> Releases:
    return Releases(tmp_path / "flows")


def test_nothing_was_deployed(releases: Releases) -> None:
    assert (releases.history(), releases.current(), releases.stamp, releases.answered()) == ([], None, (0, 0), None)
    assert not releases.has("0123456789ab")
    assert not releases.has("")


def test_a_release_is_kept_once_and_never_changes(releases: Releases) -> None:
    files = {"flow.yaml": b"flow: a\n", "prompts/fa.yaml": "سلام".encode()}
    version = releases.keep(files)
    assert releases.keep(dict(reversed(files.items()))) == version == version_of(files)
    kept = releases.folder_of(version)
    assert {str(p.relative_to(kept)): p.read_bytes() for p in kept.rglob("*") if p.is_file()} == files
    assert releases.has(version)
    assert [p.name for p in kept.parent.iterdir()] == [version], "no draft is left"


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.binary(max_size=3), min_size=1), min_size=2, max_size=4))
def test_other_content_is_another_version(many: list[dict[str, bytes]]) -> None:
    different = {tuple(sorted(files.items())) for files in many}
    assert len({version_of(files) for files in many}) == len(different)


def test_history_is_written_and_watched(releases: Releases) -> None:
    stamps = [releases.stamp]
    for number in range(3):
        releases.take_into_use(told(f"v{number}", minutes=number))
        stamps.append(releases.stamp)
    assert len(set(stamps)) == 4
    assert [each.version for each in releases.history()] == ["v0", "v1", "v2"]
    assert releases.current() == told("v2", minutes=2)


def test_each_line_of_numbers_has_its_own_history_and_answer(releases: Releases) -> None:
    for version, line in (("v0", ""), ("s0", "sales"), ("v1", ""), ("s1", "sales"), ("v2", "")):
        releases.take_into_use(Deployment(at=NOON, version=version, flow="f", what="deploy", line=line))
        releases.answer(InUse(version=version, line=line))
    present = [releases.current(line) for line in ("", "sales", "other")]
    assert [told and told.version for told in present] == ["v2", "s1", None]
    assert (before(releases), before(releases, "sales")) == ("v1", "s0")
    releases.take_into_use(Deployment(at=NOON, version="s0", flow="f", what="rollback", line="sales"))
    assert (releases.answered(), releases.answered("sales")) == (InUse(version="v2"), None)
    with pytest.raises(FlowError, match="no release to go back to"):
        before(releases, "sales")


def test_the_history_names_the_line_and_marks_what_each_has(
    releases: Releases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version, line in (("v0", ""), ("s0", "sales"), ("s1", "sales")):
        releases.take_into_use(Deployment(at=NOON, version=version, flow="f", what="deploy", by="ali", line=line))
    monkeypatch.setenv("PBX_BRIDGE_HOME", str(tmp_path))
    shown = [line.split()[3:-2] for line in CliRunner().invoke(cli, ["flow", "history"]).output.splitlines()]
    assert shown == [["s1", "f", "(sales)"], ["f", "(sales)"], ["v0", "f"]]


def test_a_line_cut_off_by_a_crash_does_not_count_and_hides_nothing(releases: Releases, tmp_path: Path) -> None:
    releases.take_into_use(told("v0"))
    path = tmp_path / "flows" / "history.jsonl"
    with path.open("ab") as file:
        file.write(b'{"at":"2026-11')
    assert [each.version for each in releases.history()] == ["v0"]
    releases.take_into_use(told("v1"))
    assert [each.version for each in releases.history()] == ["v0", "v1"]


def test_a_line_that_was_spoilt_by_hand_is_named(releases: Releases, tmp_path: Path) -> None:
    releases.take_into_use(told("v0"))
    with (tmp_path / "flows" / "history.jsonl").open("ab") as file:
        file.write(b"nonsense\n")
    with pytest.raises(FlowError, match=r"history.jsonl:2: no deployment stands here"):
        releases.current()


@pytest.mark.parametrize(
    ("history", "back"),
    [
        (["begin a", "deploy b"], "a"),
        (["begin a", "deploy b", "deploy c"], "b"),
        (["begin a", "deploy b", "deploy c", "rollback b"], "a"),
        (["begin a", "deploy b", "deploy b"], "a"),
        (["begin a", "deploy b", "deploy c", "rollback a", "deploy d"], "a"),
        (["begin a", "deploy b", "rollback a"], None),
        ([], None),
    ],
)
def test_what_one_goes_back_to(releases: Releases, history: list[str], back: str | None) -> None:
    for number, line in enumerate(history):
        what, version = line.split()
        releases.take_into_use(told(version, what, number))
    if back is None:
        with pytest.raises(FlowError, match="no release to go back to"):
            before(releases)
    else:
        assert before(releases) == back


def test_one_deployment_at_a_time(releases: Releases) -> None:
    with releases.alone(), pytest.raises(FlowError, match="another deployment is going on"), releases.alone():
        pass
    with releases.alone():
        pass


def test_the_daemons_answer(releases: Releases) -> None:
    assert not await_answer(releases, "v1", lambda: False)
    releases.answer(InUse(version="v1"))
    assert await_answer(releases, "v1", lambda: True)
    releases.answer(InUse(version="v1", error="it has no sound"))
    with pytest.raises(FlowError, match="goes on with the flow it had: it has no sound"):
        await_answer(releases, "v1", lambda: True)
    releases.take_into_use(told("v1"))
    assert releases.answered() is None, "an answer to an earlier deployment is none to this one"


def test_a_deployment_waits_for_the_answer(releases: Releases) -> None:
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            releases.answer(InUse(version="v1"))

    assert await_answer(releases, "v1", lambda: True, sleep)
    assert len(waited) == 3


def test_what_goes_into_a_release(tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    for name, text in {
        "mine.yaml": "flow",
        "days.ics": "days",
        "prompts/fa.yaml": "fa",
        "prompts/x.txt": "no",
    }.items():
        (tmp_path / name).write_text(text)
    files = gather(tmp_path / "mine.yaml", tmp_path / "prompts", {"days.ics": tmp_path / "days.ics"})
    assert files == {"flow.yaml": b"flow", "prompts/fa.yaml": b"fa", "days.ics": b"days"}


@pytest.mark.parametrize("name", ["/etc/passwd", "../other.yaml", "flow.yaml"])
def test_files_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "mine.yaml").write_text("flow")
    with pytest.raises(FlowError, match="must lie beside the flow"):
        gather(tmp_path / "mine.yaml", tmp_path / "prompts", {name: tmp_path / "mine.yaml"})


def test_a_file_that_is_missing_or_too_large_is_named(tmp_path: Path) -> None:
    with pytest.raises(FlowError, match=r"mine.yaml: No such file"):
        gather(tmp_path / "mine.yaml", tmp_path, {})
    with (tmp_path / "mine.yaml").open("wb") as file:
        file.truncate(5_000_000)
    with pytest.raises(FlowError, match=r"5,000,000 bytes are too much"):
        gather(tmp_path / "mine.yaml", tmp_path / "none", {})
