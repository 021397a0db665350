"""Installing: whole or not at all, started over when it was cut short, and refused with one clear line."""

from __future__ import annotations

import os
import queue
import threading
from pathlib import Path

import pytest

from pbx_bridge.errors import PbxError
from pbx_bridge.pbx.find import find_asterisk
from pbx_bridge.pbx.program import in_tree, on_path, user_ids
from pbx_bridge.pbx.tree import (
    BULLSEYE,
    SID,
    alone_at,
    make_tree,
    missing_speech,
    root_of,
    settle_tree,
    suite_named,
)

# Stands for debootstrap: says what it was asked, and makes a tree or fails.
DEBOOTSTRAP = """#!/bin/sh
echo "I: $*"
for word; do case $word in /*) [ -n "${tree:-}" ] || tree=$word;; esac; done
[ ! -e "$tree/half" ] || { echo "E: not started over"; exit 1; }
touch "$tree/half"
[ -z "${FAIL:-}" ] || { echo "E: Couldn't download packages: asterisk"; exit 1; }
for place; do :; done
case "$place" in ${GONE:-none}) echo "E: Failed getting release file $place/dists/x/Release"; exit 1;; esac
mkdir -p "$tree/usr/sbin" "$tree/etc"
"""


def program(folder: Path, name: str, text: str) -> None:
    file = folder / name
    file.write_text(text)
    file.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Debian's /etc, and a debootstrap that is none."""
    if os.geteuid() != 0:
        pytest.skip("only root may install")
    binaries = tmp_path / "bin"
    etc = tmp_path / "etc"
    (etc / "apt/sources.list.d").mkdir(parents=True)
    binaries.mkdir()
    (etc / "os-release").write_text("ID=debian\nVERSION_CODENAME=bookworm\n")
    (etc / "apt/sources.list").write_text("deb http://mirror.example/debian bookworm main\n")
    program(binaries, "debootstrap", DEBOOTSTRAP)
    monkeypatch.setenv("PATH", f"{binaries}:{os.environ['PATH']}")
    return etc


def test_a_tree_is_made_with_the_machines_mirror_and_the_keyring_check(machine: Path, tmp_path: Path) -> None:
    said: list[str] = []
    root = tmp_path / "tree"
    make_tree(root, said.append, machine)

    assert (root / "usr/sbin").is_dir()
    assert [path.name for path in tmp_path.iterdir() if "unfinished" in path.name] == []
    asked = next(line for line in said if line.startswith("I: "))
    assert asked.endswith(f" sid {tmp_path}/tree.unfinished http://mirror.example/debian")
    assert "--include=asterisk,asterisk-core-sounds-en-wav" in asked
    assert "no-check-gpg" not in asked


def test_another_release_stands_beside_with_packages_of_its_own(machine: Path, tmp_path: Path) -> None:
    said: list[str] = []
    root = root_of(tmp_path / "tree", BULLSEYE)
    make_tree(root, said.append, machine, BULLSEYE)
    assert root == tmp_path / "tree-bullseye"
    asked = next(line for line in said if line.startswith("I: "))
    assert asked.endswith(f" bullseye {root}.unfinished http://mirror.example/debian")
    assert "--include=asterisk,asterisk-core-sounds-en-wav,asterisk-voicemail " in asked
    assert root_of(tmp_path / "tree", SID) == tmp_path / "tree"


@pytest.mark.parametrize(("gone", "found"), [("*example/debian", True), ("*", False)])
def test_a_release_the_mirror_has_no_more_is_looked_for_in_the_archive_beside_it(
    gone: str, found: bool, machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GONE", gone)
    said: list[str] = []
    if found:
        make_tree(tmp_path / "tree", said.append, machine, BULLSEYE)
    else:
        with pytest.raises(PbxError, match=r"Failed getting release file http://mirror\.example/debian/dists"):
            make_tree(tmp_path / "tree", said.append, machine, BULLSEYE)
    assert (tmp_path / "tree").exists() == found
    asked = [line.rpartition(" ")[2] for line in said if line.startswith("I: ")]
    assert asked == ["http://mirror.example/debian", "http://mirror.example/debian-archive/debian"]


def test_two_at_once_take_turns(tmp_path: Path) -> None:
    said: queue.Queue[str] = queue.Queue()
    root = tmp_path / "var" / "tree"

    def second() -> None:
        with alone_at(root, said.put):
            said.put("its turn")

    with alone_at(root, said.put):
        waiting = threading.Thread(target=second)
        waiting.start()
        assert said.get(timeout=30) == f"another program is making {root}: waiting for it"
        said.put("done")
    waiting.join(30)
    assert (said.get_nowait(), said.get_nowait()) == ("done", "its turn")


def test_a_failure_leaves_no_tree_and_the_next_try_starts_over(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "tree"
    monkeypatch.setenv("FAIL", "1")
    with pytest.raises(PbxError, match=r"debootstrap failed \(1\): .*Couldn't download packages: asterisk"):
        make_tree(root, lambda line: None, machine)
    assert not root.exists()

    monkeypatch.delenv("FAIL")
    said: list[str] = []
    make_tree(root, said.append, machine)
    assert "an unfinished tree is there: starting over" in said
    assert root.exists()


def test_what_is_not_ours_stays(machine: Path, tmp_path: Path) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    (root / "letter").write_text("dear")
    with pytest.raises(PbxError, match="exists but has no Asterisk that runs"):
        make_tree(root, lambda line: None, machine)

    (tmp_path / "other.unfinished").mkdir()
    with pytest.raises(PbxError, match="in the way and not ours"):
        make_tree(tmp_path / "other", lambda line: None, machine)
    assert (root / "letter").exists()


def test_no_debian_and_no_mirror_are_said(machine: Path, tmp_path: Path) -> None:
    (machine / "apt/sources.list").write_text("deb http://a.example/x bookworm contrib\n")
    with pytest.raises(PbxError, match="no mirror"):
        make_tree(tmp_path / "tree", lambda line: None, machine)
    (machine / "os-release").write_text("ID=fedora\n")
    with pytest.raises(PbxError, match="no Debian machine"):
        make_tree(tmp_path / "tree", lambda line: None, machine)


def test_a_tree_knows_its_names_without_a_name_server(tmp_path: Path) -> None:
    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / "nsswitch.conf").write_text("passwd: files\nhosts: files dns\n")
    (etc / "resolv.conf").symlink_to("/nowhere/resolv.conf")
    settle_tree(tmp_path)
    settle_tree(tmp_path)

    assert f"127.0.0.1 {os.uname().nodename}\n" in (etc / "hosts").read_text()
    assert (etc / "nsswitch.conf").read_text() == "passwd: files\nhosts: files\n"
    assert (etc / "resolv.conf").read_text() == "nameserver 127.0.0.1\n"


def test_speech_is_wanted_in_the_tree_only_when_the_host_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "sox", "#!/bin/sh\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert missing_speech() == ("espeak-ng",)


@pytest.mark.parametrize(
    ("said", "found"), [("Asterisk 22.10.1", True), ("Asterisk 18.9.0", False), ("hello", False)]
)
def test_the_hosts_asterisk_counts_from_version_20(
    said: str, found: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "asterisk", f"#!/bin/sh\necho '{said}'\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    asterisk = on_path()
    assert (asterisk is not None) == found
    assert asterisk is None or (asterisk.root is None and "chroot" not in asterisk.daemon_command("/x"))


def test_a_tree_without_asterisk_is_none(tmp_path: Path) -> None:
    assert in_tree(tmp_path) is None
    (tmp_path / "usr/sbin").mkdir(parents=True)
    program(tmp_path / "usr/sbin", "asterisk", "#!/bin/sh\nexit 1\n")
    assert in_tree(tmp_path) is None


def test_a_tree_of_a_release_is_that_releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root enters a tree")
    binaries, root = tmp_path / "bin", tmp_path / "tree"
    (root / "usr/sbin").mkdir(parents=True)
    (root / "usr/sbin/asterisk").touch()
    binaries.mkdir()
    # Debian 11's setpriv does nothing without a /proc.
    program(binaries, "chroot", "#!/bin/sh\n[ $2 != setpriv ] || exit 127\necho 'Asterisk 16.28.0~dfsg-0'\n")
    monkeypatch.setattr("pbx_bridge.pbx.program._PATH", f"{binaries}:/usr/bin:/bin")
    monkeypatch.setenv("PATH", f"{binaries}:{os.environ['PATH']}")
    found = find_asterisk(root, BULLSEYE)
    assert found is not None
    assert (found.version.major, found.root, found.has_setpriv) == (16, root, False)
    command = found.daemon_command("/c")
    assert command[:3] == ["chroot", "--userspec=asterisk:asterisk", str(root)]
    assert command[-4:] == ["asterisk", "-f", "-C", "/c"]
    with pytest.raises(PbxError, match=r"has Asterisk 16\.28\.0, not that of sid"):
        find_asterisk(root, SID)


def test_only_known_releases_are_named() -> None:
    assert suite_named("bullseye") is BULLSEYE
    with pytest.raises(PbxError, match="'woody' is known: sid, bullseye"):
        suite_named("woody")


def test_users_of_a_tree(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\nasterisk:x:101:103::/:/bin/false\n")
    assert user_ids("asterisk", tmp_path) == (101, 103)
    assert user_ids("root", None) == (0, 0)
    with pytest.raises(PbxError, match="no user called nobody-here"):
        user_ids("nobody-here", tmp_path)
    with pytest.raises(PbxError, match="no user called"):
        user_ids("nobody-here", None)
