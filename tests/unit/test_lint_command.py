"""`pbx-bridge flow lint`: what it prints, and its exit status."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pbx_bridge.cli import cli
from pbx_bridge.cli.flow_lint import errors_of
from pbx_bridge.config import load

GOOD = """\
flow: mine
languages: [fa, en]
start: hello
person: help
filler: one_moment
nodes:
  hello: {kind: say, prompt: welcome, next: help}
  help: {kind: queue, queue: support, nobody: end, timeout: end}
  end: {kind: hang_up}
"""


def lint(home: Path, *told: str, **settings: str) -> Result:
    env = {"PBX_BRIDGE_HOME": str(home)} | {f"PBX_BRIDGE_{name}": value for name, value in settings.items()}
    return CliRunner().invoke(cli, ["flow", "lint", *told], env=env)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD)
    return path


def test_without_a_name_the_flow_of_the_settings_is_checked(tmp_path: Path, mine: Path) -> None:
    assert lint(tmp_path).exit_code == 0
    mine.write_text(GOOD.replace("queue: support", "queue: suport"))
    told = lint(tmp_path, IVR__FLOW=str(mine))
    assert told.exit_code == 1
    assert told.stdout == (
        f"{mine}:8: error unknown-queue: nodes.help.queue: the PBX has no queue 'suport'; did you mean 'support'?\n"
    )


def test_several_flows_are_checked_at_once_and_a_missing_one_is_a_finding(tmp_path: Path, mine: Path) -> None:
    told = lint(tmp_path, "support", "minimal", str(mine), "nothing")
    assert told.exit_code == 1
    (line,) = told.stdout.splitlines()
    assert re.search(r"/nothing\.yaml: error unreadable: no such flow; shipped are: .*minimal, .*support", line)


def test_json_has_a_line_for_each_finding(tmp_path: Path, mine: Path) -> None:
    mine.write_text(GOOD.replace("prompt: welcome, next: help", "promt: welcome, next: hlep"))
    told = [json.loads(line) for line in lint(tmp_path, "--json", str(mine)).stdout.splitlines()]
    assert [each["code"] for each in told] == ["unknown-field", "missing-field"]
    assert told[0] == {
        "file": str(mine),
        "line": 7,
        "severity": "error",
        "code": "unknown-field",
        "node": "hello",
        "at": "nodes.hello.promt",
        "text": "there is no field 'promt'",
        "do": "did you mean 'prompt'?",
    }


def test_texts_of_ones_own_count_and_unused_ones_are_warnings(tmp_path: Path, mine: Path) -> None:
    own = tmp_path / "prompts"
    own.mkdir()
    (own / "fa.yaml").write_text("news: خبر\nold_news: خبر\nnobody: کسی نیست\nstatus_odd: عجیب\n")
    mine.write_text(GOOD.replace("prompt: welcome", "prompt: news"))
    told = lint(tmp_path, str(mine))
    assert told.exit_code == 1
    assert told.stdout.splitlines() == [
        f"{mine}:7: error prompt-missing: nodes.hello.prompt: prompt 'news' is missing in language 'en'; "
        "write it in prompts/en.yaml",
        f"{own / 'fa.yaml'}:2: warning unused-prompt: prompt 'old_news' is said by no flow; "
        "remove it, or name it in a node",
    ]
    (own / "en.yaml").write_text("news: News.\n")
    assert lint(tmp_path, str(mine)).exit_code == 0
    assert lint(tmp_path, "--strict", str(mine)).exit_code == 1


def test_what_a_flow_says_that_cannot_be_read_is_not_called_unused(tmp_path: Path, mine: Path) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "fa.yaml").write_text("news: خبر\n")
    mine.write_text(GOOD.replace("kind: hang_up", "kind: hangup"))
    assert [line.split(": ")[1] for line in lint(tmp_path, str(mine)).stdout.splitlines()] == ["error unknown-kind"]


def test_the_queues_of_a_foreign_pbx_are_not_known(tmp_path: Path, mine: Path) -> None:
    mine.write_text(GOOD.replace("queue: support", "queue: sales"))
    assert lint(tmp_path, str(mine), ARI__URL="http://pbx.example/ari").exit_code == 0


def test_a_long_greeting_before_a_menu_is_found_by_its_words(tmp_path: Path, mine: Path) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "fa.yaml").write_text(f"welcome: {'سلام ' * 70}\n")
    menu = 'menu}\n  menu: {kind: menu, prompt: menu, keys: {"0": help}, wrong: menu_wrong, too_many: help}'
    mine.write_text(GOOD.replace("next: help}", f"next: {menu}"))
    (told,) = lint(tmp_path, str(mine)).stdout.splitlines()
    assert "8: error long-before-key: nodes.menu: a caller listens for 34 s in fa before the first key" in told


def test_a_deployment_is_told_the_errors_and_not_the_warnings(
    tmp_path: Path, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PBX_BRIDGE_HOME", str(tmp_path))
    mine.write_text(GOOD.replace("timeout: end", "timeout: help"))
    assert lint(tmp_path, str(mine)).stdout.startswith(f"{mine}:8: warning loop-of-waiting: ")
    assert errors_of(load(), str(mine)) == []
    mine.write_text(GOOD.replace("queue: support", "queue: sales"))
    (told,) = errors_of(load(), str(mine))
    assert told.startswith(f"{mine}:8: error unknown-queue: ")


def test_a_broken_prompt_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "fa.yaml").write_text("welcome: {{ x }}\n")
    told = lint(tmp_path)
    assert told.exit_code == 1
    assert told.output.startswith(f"pbx-bridge: {tmp_path}/prompts/fa.yaml:1: ")
    assert told.output.count("\n") == 1


@pytest.mark.parametrize("content", [b"\x00\xff", b"a: &a [*a]", b"[" * 300_000, b"flow: \xe2\x80\xaeabc"])
def test_a_hostile_file_is_told_in_clean_lines(tmp_path: Path, mine: Path, content: bytes) -> None:
    mine.write_bytes(content)
    told = lint(tmp_path, str(mine))
    assert told.exit_code == 1
    assert told.stdout
    assert all(line.isprintable() for line in told.stdout.splitlines())
