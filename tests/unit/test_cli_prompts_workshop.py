"""`prompts export`, `import` and `check`: the round of a voice actor, and the exit statuses."""

from __future__ import annotations

import csv
import json
import math
from array import array
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from harness.system import place_sounds
from programs import needs

from pbx_bridge.cli import cli
from pbx_bridge.ivr.sounds import audio


def run(home: Path, *words: object) -> Result:
    return CliRunner().invoke(cli, ["prompts", *map(str, words)], env={"PBX_BRIDGE_HOME": str(home)})


def take(path: Path, seconds: float) -> None:
    sound = array("h", (round(9000 * math.sin(i / 3) * math.sin(i / 900) ** 2) for i in range(int(seconds * 8000))))
    audio.write_wav(path, [audio.silence(900), sound, audio.silence(700)])


def names(table: Path) -> list[str]:
    with table.open(encoding="utf-8-sig", newline="") as file:
        return [row[0] for row in list(csv.reader(file))[1:]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def test_a_script_is_written_for_each_language(tmp_path: Path, home: Path) -> None:
    told = run(home, "export", "--to", tmp_path / "to")
    assert told.exit_code == 0
    assert sorted(p.name for p in (tmp_path / "to").iterdir()) == [
        f"script-{language}.{end}" for language in ("en", "fa") for end in ("csv", "html")
    ]
    assert "welcome.wav" in names(tmp_path / "to/script-fa.csv")


def test_what_was_recorded_is_not_asked_for_again(tmp_path: Path, home: Path) -> None:
    needs("sox", "espeak-ng")
    run(home, "export", "--language", "en", "--to", tmp_path)
    everything = names(tmp_path / "script-en.csv")
    chosen = ["welcome.wav", next(name for name in everything if name.startswith("number-25-"))]
    for name in chosen:
        take(tmp_path / "takes" / name, 2.0)
    take(tmp_path / "takes/typo.wav", 2.0)
    told = run(home, "import", tmp_path / "takes", "--language", "en")
    assert told.exit_code == 1
    assert told.stderr == "typo.wav: has an unknown name: no line of the script of 'en' is called so\n"
    assert "recordings: 2 taken, 1 refused\n" in told.stdout
    (tmp_path / "takes/typo.wav").unlink()
    assert run(home, "import", tmp_path / "takes", "--language", "en").exit_code == 0
    run(home, "export", "--language", "en", "--to", tmp_path, "--only", "missing")
    assert sorted(set(everything) - set(names(tmp_path / "script-en.csv"))) == sorted(chosen)


def test_a_dry_run_and_an_empty_folder(tmp_path: Path, home: Path) -> None:
    needs("sox", "espeak-ng")
    take(tmp_path / "takes/fa/welcome.wav", 3.0)
    told = run(home, "import", tmp_path / "takes", "--dry-run")
    assert (told.exit_code, told.stdout) == (0, "recordings: 1 would be taken, 0 refused\n")
    assert not home.exists()
    (tmp_path / "empty").mkdir()
    assert run(home, "import", tmp_path / "empty").exit_code == 1


def test_check_says_what_is_missing_as_text_and_as_json(tmp_path: Path, home: Path) -> None:
    told = run(home, "check", "--language", "fa", "--sounds", tmp_path)
    assert told.exit_code == 1
    assert "fa: 'صفر' is missing; run: pbx-bridge prompts render\n" in told.stdout
    assert told.stdout.splitlines()[-1].startswith("fa: 0 sounds, 0 recorded, 0 synthetic, nothing to measure, ")
    (report,) = json.loads(run(home, "check", "--language", "fa", "--sounds", tmp_path, "--json").stdout)["languages"]
    assert len(report["faults"]) == int(told.stdout.splitlines()[-1].split()[-2])


def test_rendered_by_us_and_recorded_by_hand_there_is_no_fault(tmp_path: Path, home: Path) -> None:
    """The shipped prompts by the real programs: one level, tight edges, no gap. A recording beside them fits in."""
    needs("espeak-ng", "sox")
    place_sounds(tmp_path / "to")  # the Persian ones of the run: there is the same voice
    take(home / "recordings/fa/welcome.wav", 4.0)
    home_env = {"PBX_BRIDGE_HOME": str(home), "PBX_BRIDGE_IVR__VOICE_EN": "en-us"}
    invoke = CliRunner().invoke
    assert invoke(cli, ["prompts", "render", "--to", str(tmp_path / "to")], env=home_env).exit_code == 0
    told = invoke(cli, ["prompts", "check", "--sounds", str(tmp_path / "to"), "--json"], env=home_env)
    reports = json.loads(told.stdout)["languages"]
    assert [report["faults"] for report in reports] == [[], []]
    assert told.exit_code == 0
    assert all(report["loudest"] - report["softest"] < 1.0 for report in reports)
    assert invoke(cli, ["prompts", "check", "--sounds", str(tmp_path / "to"), "--all-recorded"]).exit_code == 1
    take(home / "recordings/fa/goodbye.wav", 3.0)
    told = invoke(cli, ["prompts", "check", "--sounds", str(tmp_path / "to")], env=home_env)
    assert told.exit_code == 1
    assert "is newer than what callers hear" in told.stdout


@pytest.mark.parametrize("command", ["export", "check", "import"])
def test_an_unknown_language_is_one_line(tmp_path: Path, home: Path, command: str) -> None:
    needs("sox", "espeak-ng")
    told = run(home, command, *([tmp_path] if command == "import" else []), "--language", "xx")
    assert told.exit_code == 1
    assert told.stderr == "pbx-bridge: there are no prompts in language 'xx'; there are: en, fa\n"
