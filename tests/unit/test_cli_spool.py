"""`pbx-bridge spool`: one clear line for what is wrong, and no token where others can read it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from click.testing import CliRunner

from pbx_bridge.cli import cli

GOOD = "https://127.0.0.1:1"


def run(*words: str | Path, **environ: str) -> tuple[int, str]:
    """Exit status, and all that was said."""
    told = CliRunner().invoke(cli, [str(word) for word in words], env=environ)
    return told.exit_code, told.output


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("abc\n")
    return path


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "127.0.0.1:8443", "https://", f"{GOOD}/spool", "ftp://x:1"])
def test_a_receiver_is_https_host_and_port(token: Path, url: str) -> None:
    status, told = run("spool", "send", "--once", "--to", url, "--token-file", token)
    assert (status, told.count("\n")) == (1, 1)
    assert "is not https://host:port" in told


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--fingerprint", "12"], "--fingerprint: a fingerprint is SHA-256: 64 hexadecimal digits"),
        (["--ca-file", "none.pem"], "setting --ca-file: none.pem: No such file or directory"),
        ([], "https://127.0.0.1:1: Cannot connect to host 127.0.0.1:1"),
    ],
)
def test_what_stands_in_the_way_is_one_line(token: Path, options: list[str], reason: str) -> None:
    status, told = run("spool", "send", "--once", "--to", GOOD, "--token-file", token, *options)
    assert (status, told.count("\n")) == (1, 1)
    assert told.startswith(f"pbx-bridge: {reason}")


@pytest.mark.parametrize("text", ["", "two words\n", "نشان\n"])
def test_a_token_is_one_word_of_a_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "token"
    path.write_text(text)
    for given in (path, tmp_path / "none"):
        status, told = run("spool", "send", "--once", "--to", GOOD, "--token-file", given)
        assert (status, told.count("\n")) == (1, 1)
        assert str(given) in told


def test_a_token_is_shown_once_and_only_its_hash_is_kept(tmp_path: Path) -> None:
    receive = {"HOME": tmp_path, "RECEIVE__PORT": 1, "RECEIVE__CERTIFICATE": "c", "RECEIVE__KEY": "k"}
    environ = {f"PBX_BRIDGE_{name}": str(value) for name, value in receive.items()}
    environ["PBX_BRIDGE_RECEIVE__NODES"] = '["pbx2"]'
    status, told = run("spool", "token", "pbx9", **environ)
    assert (status, told) == (1, "pbx-bridge: setting receive.nodes: 'pbx9' is not among them (pbx2)\n")
    tokens = {run("spool", "token", "pbx2", **environ)[1].strip() for _ in range(2)}
    assert len(tokens) == 2
    kept = tmp_path / "secrets" / "spool-pbx2"
    assert kept.read_text().strip() in {hashlib.sha256(token.encode()).hexdigest() for token in tokens}
    assert kept.stat().st_mode & 0o777 == 0o600
