"""The guides are done as they are written: their settings, flows and cases, by the commands they name."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pbx_bridge.cli import cli

ROOT = Path(__file__).parents[2]
GUIDES, FOLDERS = ROOT / "docs" / "guides", ROOT / "tests" / "data" / "pbx"
PLAIN = {
    "extensions.conf": "[from-trunk]\nexten => _X.,1,Queue(sales)\n[from-internal]\nexten => _1XX,1,Hangup()\n",
    "manager.conf": "[general]\nenabled=yes\nbindaddr=127.0.0.1\n",
    "http.conf": "[general]\nenabled=no\n",
    "ari.conf": "[general]\nenabled=yes\n",
    "cel.conf": "[general]\nenable=no\n",
    "queues.conf": "[general]\n[sales]\nmember=PJSIP/101\n",
}


def blocks(guide: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", guide.read_text(encoding="utf-8"), re.M | re.S)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PBX_BRIDGE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(line: str, typed: str = "") -> Result:
    return CliRunner().invoke(cli, line.split(), input=typed)


def test_the_flow_of_the_guide_is_checked_tried_and_tested_as_it_says(home: Path) -> None:
    guide = GUIDES / "flow.md"
    flow, prompts, cases = blocks(guide, "yaml")
    for folder in ("flows", "prompts"):
        (home / folder).mkdir()
    (home / "flows/shop.yaml").write_text(flow, encoding="utf-8")
    lacking = run("flow lint flows/shop.yaml")
    told = re.search(r"^(flows/shop.yaml:\d+: error .*); …$", guide.read_text(encoding="utf-8"), re.M)
    assert (lacking.exit_code, told is not None and told[1] in lacking.output) == (1, True)
    for language in ("fa", "en"):
        (home / f"prompts/{language}.yaml").write_text(prompts, encoding="utf-8")
    (home / "flows/shop.test.yaml").write_text(cases, encoding="utf-8")
    assert "errors: 0, warnings: 0" in run("flow lint flows/shop.yaml").output
    heard = run("flow try flows/shop.yaml --demo", "2\n1\n0\nnobody\n").output
    shown = re.findall(r"^(?:\d\d:\d\d\.\d|ends: ).*$", guide.read_text(encoding="utf-8"), re.M)
    assert len(shown) > 6
    assert [line for line in shown if line not in heard] == []
    assert "shop: 2 cases passed" in run("flow test flows/shop.yaml").output
    assert run("flow draw flows/shop.yaml --to shop.svg").exit_code == 0


@pytest.mark.parametrize("name", ["plain-asterisk", "freepbx", "issabel"])
def test_what_a_guide_lays_over_a_pbx_can_be_laid(name: str, home: Path) -> None:
    told = blocks(GUIDES / f"{'freepbx' if name == 'issabel' else name}.md", "toml")[0]
    flow = blocks(GUIDES / "plain-asterisk.md", "yaml")[0]
    if name != "plain-asterisk":
        flow = flow.replace("queue: sales", 'queue: "400"')
    (home / "pbx_bridge.toml").write_text(told.replace("/var/lib/pbx-bridge", str(home)), encoding="utf-8")
    (home / "first.yaml").write_text(flow, encoding="utf-8")
    etc = home / "etc"
    if name == "plain-asterisk":
        etc.mkdir()
        for file, text in PLAIN.items():
            (etc / file).write_text(text, encoding="utf-8")
    else:
        shutil.copytree(FOLDERS / name, etc)
    before = {path: path.read_bytes() for path in etc.iterdir()}
    linted = run("flow lint first.yaml")
    shown = run("pbx deploy --to etc --dry-run")
    assert (linted.exit_code, shown.exit_code) == (0, 0), linted.output + shown.output
    assert "exten => 02188880000,1" in shown.output
    assert {path: path.read_bytes() for path in etc.iterdir()} == before
    named = set(re.findall(r"`(\w+\.conf)`", (GUIDES / f"{name}.md").read_text(encoding="utf-8")))
    changed = set(re.findall(r"^--- a/(\w+\.conf)$", shown.output, re.M))
    assert name == "plain-asterisk" or changed <= named
    assert len(changed) >= 5
