"""`pbx-bridge prompts render`: where it writes, and what it says when it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from pbx_bridge.cli import cli


def test_help_shows_an_example() -> None:
    told = CliRunner().invoke(cli, ["prompts", "render", "--help"])
    assert told.exit_code == 0
    assert "pbx-bridge prompts render" in told.output


def test_without_an_asterisk_it_asks_where(tmp_path: Path) -> None:
    told = CliRunner().invoke(cli, ["prompts", "render"], env={"PBX_BRIDGE_HOME": str(tmp_path)})
    assert told.exit_code == 1
    assert "say --to FOLDER" in told.output
    assert list(tmp_path.iterdir()) == []


def test_a_missing_program_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    told = CliRunner().invoke(
        cli, ["prompts", "render", "--to", str(tmp_path / "to")], env={"PBX_BRIDGE_HOME": str(tmp_path)}
    )
    assert told.exit_code == 1
    assert told.output.startswith("pbx-bridge: the program espeak-ng is missing; install it with: ")
    assert told.output.count("\n") == 1
