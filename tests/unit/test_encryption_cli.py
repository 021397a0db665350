"""`pbx-bridge encryption` as an operator uses it, from the first key to the way out."""

from __future__ import annotations

import asyncio
import fcntl
from pathlib import Path

import pytest
from aiohttp import ClientPayloadError, web
from aiohttp.test_utils import TestClient, TestServer
from click.testing import CliRunner, Result
from test_recordings_files import write_sound

from pbx_bridge.cli import cli
from pbx_bridge.spool.recording_files import RecordingFiles
from pbx_bridge.spool.sound_keys import SoundKeys
from pbx_bridge.store import open_store
from pbx_bridge.web.sending import send_sound

TALK, MESSAGE = "recordings-kept/2026/11/21/pbx1_1.1.wav", "messages-kept/2026/11/21/pbx1_1.1-01-leave.wav"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PBX_BRIDGE_HOME", str(tmp_path))
    for name in (TALK, MESSAGE):
        write_sound(tmp_path / name, 1)
    return tmp_path


def run(*words: str, status: int = 0) -> Result:
    result = CliRunner().invoke(cli, ["encryption", *words])
    assert result.exit_code == status, result.output
    return result


def sounds(home: Path) -> list[str]:
    return sorted(str(one.relative_to(home)) for one in home.rglob("*.wav*"))


def test_from_the_first_key_to_the_way_out(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = (home / TALK).read_bytes()
    assert run("status").stdout.splitlines() == [
        "new sounds are not encrypted (encryption.sounds)",
        f"keys: {home / 'secrets' / 'sound-keys'}: none",
        "not encrypted: 2 sounds",
    ]
    monkeypatch.setenv("PBX_BRIDGE_ENCRYPTION__SOUNDS", "true")
    assert "2 sounds encrypted" in run("encrypt").stdout
    assert sounds(home) == sorted([f"{TALK}.enc", f"{MESSAGE}.enc"])
    assert "made " in run("new-key").stdout
    lines = run("status").stdout.splitlines()
    assert lines[0] == "new sounds are encrypted (encryption.sounds)"
    assert [line.split()[1:] for line in lines[2:4]] == [["0", "sounds", "newest"], ["2", "sounds"]]
    assert run("encrypt", "--rekey").stdout.endswith("2 sounds encrypted\n")
    assert run("open", str(home / f"{TALK}.enc")).stdout_bytes == plain
    run("open", str(home / f"{TALK}.enc"), "--to", str(home / "talk"))
    assert ((home / "talk").read_bytes(), (home / "talk").stat().st_mode & 0o777) == (plain, 0o600)
    assert run("decrypt").stdout.endswith("2 sounds decrypted\n")
    assert sounds(home) == sorted([TALK, MESSAGE])


def test_what_is_wrong_is_one_line_and_the_status_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PBX_BRIDGE_ENCRYPTION__KEYS", str(home / "medium"))
    assert "medium holds no key, or is not mounted" in run("encrypt", status=1).stderr
    run("new-key")
    run("encrypt")
    (key,) = (home / "medium").iterdir()
    key.chmod(0o644)
    assert f"others than its owner may read {key}: chmod 600 it" in run("encrypt", status=1).stderr
    assert run("status", status=1).stdout.count("cannot be opened: ") == 2
    sealed = home / f"{TALK}.enc"
    assert f"{sealed}: others than its owner may read" in run("open", str(sealed), status=1).stderr
    key.chmod(0o600)
    sealed.write_bytes(sealed.read_bytes()[:-1])
    assert "it was cut or lengthened" in run("status", status=1).stdout
    assert run("decrypt", status=1).stdout.splitlines()[0] == "1 sounds decrypted"
    (home / "run" / "encryption.lock").touch()
    with (home / "run" / "encryption.lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert "is at work: wait for it" in run("decrypt", status=1).stderr


def test_a_backup_opens_where_it_is_put_back_if_the_keys_are_in_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fill() -> None:
        async with open_store(home / "store.db", folding=False):
            pass

    asyncio.run(fill())
    plain = (home / TALK).read_bytes()
    run("encrypt")
    saved = CliRunner().invoke(cli, ["backup", "--sounds", str(home / "saved")])
    assert (saved.exit_code, len(saved.stdout.splitlines())) == (0, 1), saved.output
    (made,) = (home / "saved").iterdir()
    monkeypatch.setenv("PBX_BRIDGE_HOME", str(home / "new"))
    assert CliRunner().invoke(cli, ["restore", str(made)]).exit_code == 0
    run("status")
    assert run("open", str(home / "new" / f"{TALK}.enc")).stdout_bytes == plain
    assert run("open", str(made / f"{TALK}.enc")).stdout_bytes == plain
    monkeypatch.setenv("PBX_BRIDGE_ENCRYPTION__KEYS", str(home / "medium"))
    told = CliRunner().invoke(cli, ["backup", str(home / "again")]).stdout.splitlines()[-1]
    assert told == f"not in it: the keys of encrypted sounds in {home / 'medium'}: keep a copy of them by themselves"


async def test_what_breaks_off_in_the_middle_is_not_taken_for_the_whole(tmp_path: Path) -> None:
    keys = SoundKeys(folder=tmp_path / "keys", seals=True, makes=True)
    files = RecordingFiles(tmp_path / "spool", tmp_path / "kept", keys)
    whole = write_sound(files.source("a.wav"), 60)
    files.copy("a.wav", "a.wav")
    text = bytearray((tmp_path / "kept" / "a.wav.enc").read_bytes())
    text[400_000] ^= 1
    (tmp_path / "kept" / "a.wav.enc").write_bytes(text)

    async def sound(request: web.Request) -> web.StreamResponse:
        with files.open("a.wav") as file:
            return await send_sound(request, file, {}, checksum="sum")

    site = web.Application()
    site.router.add_get("/", sound)
    async with TestClient(TestServer(site)) as client:
        begun = await client.get("/")
        assert begun.status == 200
        with pytest.raises(ClientPayloadError):
            await begun.read()
        last = await client.get("/", headers={"Range": "bytes=-100000"})
        assert await last.read() == whole[-100_000:]
