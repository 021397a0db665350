"""Instances, their two names, their secrets, their music."""

from __future__ import annotations

import io
import stat
import struct
import wave
from pathlib import Path, PurePosixPath

import pytest
from cryptography.fernet import Fernet

from pbx_bridge.errors import PbxError
from pbx_bridge.pbx.music import hold_music, place_music
from pbx_bridge.pbx.paths import PbxPaths, find_paths, instance_paths, link_home
from pbx_bridge.pbx.secrets import SecretStore


def test_a_file_has_two_names() -> None:
    paths = PbxPaths(base=Path("/home/x/tree/srv/pbxb/abc"), root=Path("/home/x/tree"))
    assert paths.inside(paths.conf) == PurePosixPath("/srv/pbxb/abc/etc/asterisk.conf")
    assert paths.host("/srv/pbxb/abc/log") == paths.log
    with pytest.raises(ValueError, match="not in the subpath"):
        paths.inside(Path("/etc/passwd"))


def test_without_a_tree_both_names_are_one() -> None:
    paths = instance_paths(Path("/home/x/var"), None)
    assert paths.cel == Path("/home/x/var/asterisk/log/cel-custom/cel.csv")
    assert str(paths.inside(paths.cel)) == str(paths.cel)
    assert paths.host("/home/x") == Path("/home/x")


def test_two_homes_never_share_an_instance(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    assert instance_paths(tmp_path / "a", root).base != instance_paths(tmp_path / "b", root).base


def test_the_link_finds_the_instance_again_also_after_a_move(tmp_path: Path) -> None:
    home = tmp_path / "var"
    paths = instance_paths(home, home / "asterisk-root")
    paths.base.mkdir(parents=True)
    link_home(home, paths)
    link_home(home, paths)
    assert (home / "asterisk").resolve() == paths.base

    moved = home.rename(tmp_path / "elsewhere")
    assert find_paths(moved, moved / "asterisk-root").base.name == paths.base.name
    assert find_paths(moved, moved / "asterisk-root").base.exists()


def test_a_link_to_another_tree_is_replaced(tmp_path: Path) -> None:
    for root in (tmp_path / "one", tmp_path / "two"):
        paths = instance_paths(tmp_path, root)
        paths.base.mkdir(parents=True)
        link_home(tmp_path, paths)
        assert (tmp_path / "asterisk").resolve() == paths.base


def test_a_home_that_was_never_set_up_has_paths_too(tmp_path: Path) -> None:
    assert find_paths(tmp_path, tmp_path / "asterisk-root").base == tmp_path / "asterisk"


def test_secrets_are_made_once_and_closed_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    first = SecretStore(folder).pbx()
    again = SecretStore(folder).pbx()

    assert first == again
    assert len({first.ari, first.ari_monitor, first.ami, *first.agents.values()}) == 5
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    Fernet(SecretStore(folder).session_key)
    assert len(SecretStore(folder).admin_password) >= 16


def test_an_empty_secret_is_said_by_name(tmp_path: Path) -> None:
    (tmp_path / "ami").touch()
    with pytest.raises(PbxError, match="ami is empty"):
        _ = SecretStore(tmp_path).ami


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "secrets").write_text("in the way")
    with pytest.raises(PbxError, match="cannot keep a secret"):
        _ = SecretStore(tmp_path / "secrets").ari


def test_the_music_is_quiet_has_no_seam_and_stays_the_operators(tmp_path: Path) -> None:
    with wave.open(io.BytesIO(hold_music())) as music:
        assert (music.getnchannels(), music.getsampwidth(), music.getframerate()) == (1, 2, 8000)
        count = music.getnframes()
        samples = struct.unpack(f"<{count}h", music.readframes(count))
    assert 1000 < max(samples) < 8000
    assert abs(samples[0] - samples[-1]) < 300

    (tmp_path / "ours.wav").touch()
    place_music(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["ours.wav"]
