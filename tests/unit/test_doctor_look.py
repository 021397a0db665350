"""What the doctor gathers by itself: files, sockets, links that do not answer. It leaves everything as it was."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from click.testing import CliRunner
from doctor_pbx import healthy, texts

from pbx_bridge.cli import cli
from pbx_bridge.doctor.conf import Conf
from pbx_bridge.doctor.finding import Trouble, Unseen
from pbx_bridge.doctor.gathered import KeyFacts
from pbx_bridge.doctor.look import look
from pbx_bridge.doctor.place import Place, secret_in
from pbx_bridge.doctor.read_machine import file_facts, read_etc, read_keys, read_sockets, silent_prompts
from pbx_bridge.doctor.report import BLIND, examine
from pbx_bridge.spool.sound_keys import SoundKeys


def nowhere() -> int:
    """A port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def place(tmp_path: Path) -> Place:
    for name, text in texts().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    port = nowhere()
    ours = replace(healthy().ours, ari_port=port, ami_port=port, cel=tmp_path / "cel.csv", queue_log=tmp_path / "q")
    return Place(
        ours=ours,
        ari_url=f"http://127.0.0.1:{port}/ari",
        ari_secret="a",
        ami_host="127.0.0.1",
        ami_secret="b",
        etc=tmp_path,
        sounds=tmp_path / "sounds",
        recordings=tmp_path,
        messages=tmp_path,
    )


@pytest.fixture
async def refusing() -> AsyncIterator[str]:
    """An ARI that knows nobody; the second path is no ARI at all."""

    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=401) if "/ari/" in request.path else web.Response(text="<html>")

    app = web.Application()
    app.router.add_get("/{path:.*}", refuse)
    runner = web.AppRunner(app)
    await runner.setup()
    port = nowhere()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{port}"
    await runner.cleanup()


async def test_of_links_that_do_not_answer_the_files_are_still_read(place: Place) -> None:
    report = examine(await look(place))
    assert {"ari-down", "ami-down"} <= {finding.id for finding in report.findings}
    assert {"ari-refused", "clock-differs", "queue-missing"} <= {one.id for one in report.not_looked}
    assert not report.blind
    assert not {"cel-off", "dialplan-no-dead-man"} & {one.id for one in report.not_looked}


async def test_a_refusal_is_told_from_silence(place: Place, refusing: str) -> None:
    refused = await look(replace(place, ari_url=f"{refusing}/ari"))
    strange = await look(replace(place, ari_url=f"{refusing}/other"))
    assert isinstance(refused.ari, Unseen)
    assert refused.ari.trouble is Trouble.REFUSED
    assert isinstance(strange.ari, Unseen)
    assert strange.ari.trouble is Trouble.DOWN
    assert "is no ARI" in strange.ari.why


async def test_without_a_password_nobody_is_asked(place: Place) -> None:
    report = examine(await look(replace(place, ari_secret=None, ami_secret=None)))
    assert {"ari-down", "ari-refused", "ami-down", "ami-refused"} <= {one.id for one in report.not_looked}


def test_includes_are_followed_and_one_that_cannot_be_read_is_said(place: Place) -> None:
    (place.etc / "manager.conf").write_text("[general]\n#include manager.d/*.conf\n")
    (place.etc / "manager.d").mkdir()
    (place.etc / "manager.d" / "one.conf").write_text("[sara]\nsecret = x\n")
    files, modes = read_etc(place)
    conf = files["manager.conf"]
    assert isinstance(conf, Conf)
    assert conf.besides("general") == ("sara",)
    assert "secret = x" not in repr(conf)
    assert modes["manager.conf"] & 0o400
    (place.etc / "ari.conf").unlink()
    gone = read_etc(place)[0]["ari.conf"]
    assert isinstance(gone, Unseen)
    assert gone.why == f"{place.etc / 'ari.conf'} cannot be read: No such file or directory"


def test_a_socket_that_listens_is_seen(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = read_sockets(place)
        assert not isinstance(found, Unseen)
        assert ("127.0.0.1", server.getsockname()[1]) in [(one.address, one.port) for one in found]
    assert isinstance(read_sockets(replace(place, local=False)), Unseen)


def test_a_file_that_is_not_there_is_a_fact(tmp_path: Path) -> None:
    assert not file_facts(tmp_path / "none").exists
    assert "r" in file_facts(tmp_path).ours


def test_prompts_that_were_never_rendered_are_silent(tmp_path: Path) -> None:
    told = silent_prompts(tmp_path)
    assert not isinstance(told, Unseen)
    assert "fixed/fa/nobody" in told
    assert told[-1] == "any prompt (none is rendered)"
    assert silent_prompts(tmp_path / "none") == told
    (tmp_path / "manifest.json").write_text("{")
    assert isinstance(silent_prompts(tmp_path), Unseen)


def test_the_command_makes_nothing_and_says_that_it_saw_nothing(tmp_path: Path) -> None:
    told = CliRunner().invoke(cli, ["doctor"], env={"PBX_BRIDGE_HOME": str(tmp_path)})
    assert told.exit_code == BLIND
    assert told.output.splitlines()[-1] == "nothing of the PBX could be looked at"
    assert list(tmp_path.iterdir()) == []
    assert secret_in(tmp_path / "secrets" / "ari") is None


def test_settings_that_cannot_be_are_no_verdict_on_the_pbx(tmp_path: Path) -> None:
    told = CliRunner().invoke(cli, ["doctor"], env={"PBX_BRIDGE_HOME": str(tmp_path), "PBX_BRIDGE_ZONE": "Nowhere"})
    assert told.exit_code == BLIND
    assert "Nowhere" in told.output


def test_keys_of_sounds_are_each_tried_and_where_they_lie_is_told(place: Place, tmp_path: Path) -> None:
    folder, kept = tmp_path / "keys", tmp_path / "kept"
    kept.mkdir()
    away = replace(place, keys=SoundKeys(folder=folder, seals=True), kept=(kept,))
    assert "is not mounted" in wrong_of(away)
    assert read_keys(replace(away, keys=SoundKeys(folder=folder, seals=True, makes=True))) is None  # made when needed
    assert read_keys(replace(away, keys=SoundKeys(folder=folder))) is None

    old, new = away.keys.make(), away.keys.make()
    assert read_keys(away) == KeyFacts(beside=True)
    assert read_keys(replace(away, kept=(Path("/proc"),))) == KeyFacts()
    old.path.write_text("0" * 64)
    assert f"{old.path} is not the key its name tells" in wrong_of(away)
    old.path.unlink()
    new.path.chmod(0o640)
    assert f"others than its owner may read {new.path}" in wrong_of(away)


def wrong_of(place: Place) -> str:
    keys = read_keys(place)
    return keys.wrong if keys else ""
