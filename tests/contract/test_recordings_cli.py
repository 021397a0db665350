"""`pbx-bridge recordings` as a person runs it, beside no daemon."""

from __future__ import annotations

import asyncio
import os
import wave
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from store_facts import NODE, at, begun, cel, ended, quick_store, revisions

from pbx_bridge.calls.fact_text import cel_fact
from pbx_bridge.calls.facts import RawFact
from pbx_bridge.cli import cli
from pbx_bridge.health import Health, utc_now
from pbx_bridge.spool.recording_files import RecordingFiles
from pbx_bridge.spool.recordings import RecordingKeeper

KEPT = f"2026/11/21/{NODE}_1.1.wav"
OLD_S = -400 * 24 * 3600.0  # a call of more than a year before the others


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PBX_BRIDGE_HOME", str(tmp_path))
    (tmp_path / "asterisk" / "spool" / "monitor").mkdir(parents=True)
    asyncio.run(fill(tmp_path))
    return tmp_path


def monitor(home: Path) -> Path:
    return home / "asterisk" / "spool" / "monitor"


def told(channel: str, seconds: float) -> RawFact:
    extra = f'{{"extra":"recording={NODE}_{channel}.wav"}}'
    row = cel("USER_DEFINED", channel, seconds, extra=extra)
    return cel_fact(node=NODE, file=row.file, offset=row.offset, body=row.body.replace('""', '"PBXB"', 1))


def sound(path: Path) -> None:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(b"\1\2" * 8000 * 65)


async def fill(home: Path) -> None:
    """A recording of the day, one of long ago, and one that never came."""
    async with quick_store(home / "store.db") as store:
        for channel, seconds in (("1.1", 0.0), ("1.2", OLD_S), ("1.3", 60.0)):
            await revisions(
                store, [*begun(channel, seconds), told(channel, seconds + 2), *ended(channel, seconds + 30)], 1
            )
            if channel != "1.3":
                sound(monitor(home) / f"{NODE}_{channel}.wav")
        later = max(utc_now(), at(0)) + timedelta(days=1)
        keeper = RecordingKeeper(
            node=NODE,
            files=RecordingFiles(monitor(home), home / "recordings-kept"),
            recordings=store.recordings,
            health=Health(),
            clock=lambda: later,
        )
        await keeper.turn()


def run(*words: str, status: int = 0) -> Result:
    result = CliRunner().invoke(cli, ["recordings", *words])
    assert result.exit_code == status, result.output
    return result


def test_list(home: Path) -> None:
    lines = run("list").stdout.splitlines()
    assert [line.split()[2] for line in lines[1:]] == ["present", "present", "missing"]
    assert "1:05" in lines[2]
    assert lines[2].endswith(KEPT)
    assert len(run("list", "--since", "2026-11-21").stdout.splitlines()) == 3
    assert "--since" in run("list", "--since", "soon", status=1).stderr


def test_check_names_what_is_missing_and_what_is_nobodys(home: Path) -> None:
    kept = home / "recordings-kept"
    stray, old = kept / "2026" / "11" / "stray.wav", monitor(home) / "nobody.wav"
    sound(stray)
    sound(old)
    os.utime(old, (1_000_000_000, 1_000_000_000))
    sound(monitor(home) / "young.wav")  # its facts may still be on their way
    (kept / KEPT).unlink()
    lines = run("check", status=1).stdout.splitlines()
    assert [line.partition(" (")[0] for line in lines] == [
        f"gone: {kept / KEPT}",
        f"missing: {monitor(home) / NODE}_1.3.wav",
        f"orphaned: {stray}",
        f"orphaned: {old}",
        "4 found",
    ]
    sound(kept / KEPT)
    assert "gone: " not in run("check", status=1).stdout


def test_check_is_silent_where_all_is_well(home: Path) -> None:
    sound(monitor(home) / f"{NODE}_1.3.wav")
    assert run("check", "--since", "2026-11-23").stdout.splitlines() == ["0 found"]


def test_expire(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    days = max((utc_now() - at(0)).days, 0) + 200  # between the two, whenever this runs
    monkeypatch.setenv("PBX_BRIDGE_RECORDINGS__KEEP_DAYS", f'{{"default": {days}}}')
    dry = run("expire", "--dry-run").stdout.splitlines()
    assert len(dry) == 2
    assert "1.2.wav" in dry[0]
    assert dry[1] == "1 recordings, 1040044 bytes would be removed"
    assert len(list((home / "recordings-kept").rglob("*.wav"))) == 2
    assert run("expire").stdout.splitlines()[-1] == "1 recordings, 1040044 bytes removed"
    assert [str(p.relative_to(home / "recordings-kept")) for p in (home / "recordings-kept").rglob("*.wav")] == [KEPT]
    assert run("expire").stdout.splitlines() == ["0 recordings, 0 bytes removed"]
    assert "expired" in run("list").stdout


def test_expire_by_the_settings(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PBX_BRIDGE_RECORDINGS__KEEP_DAYS", '{"default": 0}')
    assert run("expire").stdout.splitlines() == ["0 recordings, 0 bytes removed"]


def test_an_outcome_that_is_none_is_refused(home: Path) -> None:
    (home / "pbx_bridge.toml").write_text("[recordings.keep_days]\nanswerd = 3\n")
    assert "'answerd' is no outcome" in run("expire", status=1).stderr


def test_without_a_store_there_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PBX_BRIDGE_HOME", str(tmp_path / "nowhere"))
    assert "there is no store yet" in run("check", status=1).stderr
