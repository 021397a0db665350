"""`flow try`: a call by hand, from a pipe as from a terminal."""

from __future__ import annotations

import asyncio
import json
import os
import time
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pbx_bridge.cli import cli
from pbx_bridge.ivr import flow as flows
from pbx_bridge.ivr.announcer import Announcer
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.releases import FLOW, PROMPTS, Deployment, Releases
from pbx_bridge.ivr.sounds.audio import silence, write_wav
from pbx_bridge.ivr.sounds.voice import Voice
from pbx_bridge.ivr.trial import case_file
from pbx_bridge.ivr.trial.cases import House, check
from pbx_bridge.ivr.trial.player import Player
from pbx_bridge.store.crm_import import import_folder
from pbx_bridge.store.demo import write_demo
from pbx_bridge.store.open import open_store
from pbx_bridge.values.dates import TEHRAN

CLOCK = ("--clock", "1404-09-01 10:00")
ENGLISH = ("--caller", "02144556677")


def run(folder: Path, typed: str, *args: str) -> Result:
    return CliRunner().invoke(cli, ["flow", "try", *CLOCK, *args], input=typed, env={"PBX_BRIDGE_HOME": str(folder)})


def make_store(folder: Path, today: date) -> None:
    """HOME's store with one customer of the demo called otherwise."""

    async def make() -> None:
        write_demo(folder / "csv", today)
        customers = folder / "csv" / "customers.csv"
        customers.write_text(customers.read_text().replace("Northwind Trading", "Southwind"))
        async with open_store(folder / "store.db", folding=False) as store:
            await import_folder(store.writer, folder / "csv")

    asyncio.run(make())


def fake_player(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    folder.mkdir()
    program = folder / "play"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def render_nothing_but_silence(sounds: Path, *prompts: str) -> None:
    """A sounds folder in which each English prompt is one short silence."""
    book = PromptBook.load()
    clips = sorted(book.clips(prompts, "en"), key=lambda clip: clip.text)
    entries = []
    for number, clip in enumerate(clips):
        write_wav(sounds / f"en/{number}.wav", [silence(20)])
        entries.append(
            {"language": "en", "text": clip.text, "file": f"en/{number}.wav", "source": "x", "seconds": 0.02}
        )
    write_wav(sounds / "pause.wav", [silence(20)])
    pauses = {str(ms): "pause.wav" for ms in (150, 250, 350)}
    (sounds / "manifest.json").write_text(json.dumps({"clips": entries, "pauses": pauses}))


def test_a_call_from_a_pipe(tmp_path: Path) -> None:
    told = run(tmp_path, "1\n5279647#\nh\n", *ENGLISH)
    assert told.exit_code == 0
    lines = told.output.splitlines()
    assert lines[0].startswith("flow support, 2025-11-22 10:00, the demo customers")
    assert any("en «Ticket number 527 96 47: It has been assigned to a colleague." in line for line in lines)
    assert lines[-1] == "ends: self_served, at after_status"
    assert list(tmp_path.iterdir()) == [], "nothing is written"


def test_without_a_name_it_is_what_was_deployed_with_its_own_texts(tmp_path: Path) -> None:
    releases = Releases(tmp_path / "flows")
    texts = "to_person: این پاسخ پیشین است.\n"
    files = {FLOW: flows.find("minimal").read_bytes(), f"{PROMPTS}/fa.yaml": texts.encode()}
    at = datetime(2026, 11, 21, tzinfo=UTC)
    releases.take_into_use(Deployment(at=at, version=releases.keep(files), flow="minimal", what="deploy"))
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "fa.yaml").write_text(texts.replace("پیشین", "کنونی"))
    deployed, named = (run(tmp_path, "silence\n", *flow).output for flow in ((), ("minimal",)))
    assert "flow minimal" in deployed
    assert "این پاسخ پیشین است" in deployed
    assert "این پاسخ کنونی است" in named


def test_an_empty_line_is_silence_and_the_end_of_input_is_a_hang_up(tmp_path: Path) -> None:
    told = run(tmp_path, "\n", *ENGLISH)
    assert "no key came" in told.output
    assert "«Sorry, we did not notice any key.»" in told.output
    assert told.output.endswith("the caller hung up\nends: abandoned_ivr, at menu\n")


def test_the_call_ends_by_itself(tmp_path: Path) -> None:
    told = run(tmp_path, "0\nnobody\n1\nnever read\n", *ENGLISH)
    assert told.output.endswith("ends: missed, at end\n")
    assert "never read" not in told.output


def test_a_mistyped_line_is_explained_and_help_is_there(tmp_path: Path) -> None:
    told = run(tmp_path, "jump\n?\n0\n", *ENGLISH)
    assert "'jump' is neither keys" in told.output
    assert "early hang up" in told.output
    assert "02144556677" in told.output
    assert told.output.endswith("ends: queue support, at operator\n")


def test_the_language_can_be_chosen(tmp_path: Path) -> None:
    told = run(tmp_path, "", *ENGLISH, "--language", "fa")
    assert "fa «سلام" in told.output
    assert "en «" not in told.output


def test_the_clock_decides(tmp_path: Path) -> None:
    last_day = run(tmp_path, "2\n", *ENGLISH, "--clock", "۱۴۰۴/۱۲/۲۹ 23:59")
    assert last_day.output.endswith("ends: queue support, at support\n")
    day_after = run(tmp_path, "2\n", *ENGLISH, "--clock", "2026-03-21")
    assert day_after.output.endswith("ends: queue services, at services\n")


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["nope"], "no such flow; shipped are: "),
        (["--clock", "1404/13/01"], "pbx-bridge: --clock: '1404/13/01' is no date"),
        (["--clock", "9999-12-31"], "--clock: '9999-12-31' is no time of a call"),
        (["--language", "de"], "pbx-bridge: --language: flow support offers fa, en, not 'de'"),
    ],
)
def test_a_wrong_option_is_one_line(tmp_path: Path, args: list[str], reason: str) -> None:
    told = run(tmp_path, "", *args)
    assert told.exit_code == 1
    assert reason in told.output
    assert told.output.count("\n") == 1


def test_the_store_of_home_is_asked_and_only_read(tmp_path: Path) -> None:
    make_store(tmp_path, date(2025, 11, 22))
    before = (tmp_path / "store.db").stat().st_mtime_ns
    told = run(tmp_path, "1\n5279647#\n", *ENGLISH)
    assert told.exit_code == 0, told.output
    assert f"the customers of {tmp_path}/store.db" in told.output.splitlines()[0]
    assert "customer 1003, Southwind" in told.output
    assert told.output.endswith("ends: self_served, at after_status\n")
    assert (tmp_path / "store.db").stat().st_mtime_ns == before
    assert "Northwind" in run(tmp_path, "", *ENGLISH, "--demo").output


def test_a_store_that_is_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_text("no database, but long enough to look like one" * 100)
    told = run(tmp_path, "1\n", *ENGLISH)
    assert told.exit_code == 1
    assert told.output.splitlines()[1:] == ["pbx-bridge: the store cannot be read: file is not a database"]


def test_the_call_can_be_kept_as_a_case(tmp_path: Path) -> None:
    told = run(tmp_path, "1\n5279647\n\n0\n", *ENGLISH, "--as-case", 'my "first" one')
    written = told.output.partition("ends: queue support, at operator\n")[2]
    flow = flows.load("support")
    (case,) = case_file.parse(f"cases:\n{written}".encode(), Path("x"), flow, zone=TEHRAN, region="IR")
    assert case.name == 'my "first" one'
    assert check(case, House(flow=flow, texts=PromptBook.load(), zone=TEHRAN, region="IR")).passed


# --- aloud --------------------------------------------------------------------------------------------------------


def test_without_a_player_it_says_why_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    told = run(tmp_path, "h\n", *ENGLISH, "--play")
    assert told.exit_code == 0
    assert "--play: neither play nor aplay is on the PATH" in told.output
    assert "en «Hello" in told.output


def test_what_was_not_rendered_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_player(tmp_path / "bin", monkeypatch, "exit 0")
    told = run(tmp_path, "h\n", *ENGLISH, "--play")
    assert told.output.count("run: pbx-bridge prompts render") == 1
    assert told.output.endswith("ends: abandoned_ivr, at menu\n")


def test_the_prompts_are_played_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_player(tmp_path / "bin", monkeypatch, f'shift; echo "$@" >> {tmp_path}/played')
    render_nothing_but_silence(tmp_path / "asterisk" / "sounds", "welcome", "menu")
    told = run(tmp_path, "h\n", *ENGLISH, "--play")
    assert "render" not in told.output
    book, voice = PromptBook.load(), Voice.load(tmp_path / "asterisk" / "sounds")
    announcer = Announcer(book, voice)
    played = [line.split() for line in (tmp_path / "played").read_text().splitlines()]
    wanted = [[str(voice.path(m)) for m in announcer.media(prompt, "en", {})] for prompt in ("welcome", "menu")]
    assert played == wanted


def test_a_player_without_a_loudspeaker_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_player(tmp_path / "bin", monkeypatch, "exit 2")
    render_nothing_but_silence(tmp_path / "asterisk" / "sounds", "welcome", "menu")
    told = run(tmp_path, "h\n", *ENGLISH, "--play")
    assert told.output.count("is there a sound device?") == 1


def test_a_key_cuts_what_is_played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_player(tmp_path / "bin", monkeypatch, "exec sleep 30")
    player = Player(PromptBook.load(), tmp_path)
    began = time.monotonic()
    player.start(["a.wav"])
    player.start(["b.wav"])
    player.stop()
    assert time.monotonic() - began < 10.0
