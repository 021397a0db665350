"""The store's commands as a person runs them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from crm_folder import write_files
from store_facts import NOON, quick_store, revisions, whole

from pbx_bridge.cli import cli


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PBX_BRIDGE_HOME", str(tmp_path))
    return tmp_path


def run(*words: str, stdin: str = "") -> Result:
    return CliRunner().invoke(cli, list(words), input=stdin)


def fill(home: Path) -> None:
    async def write() -> None:
        async with quick_store(home / "store.db") as store:
            await revisions(store, [*whole("1.1"), *whole("1.2", 3600)], 2)

    asyncio.run(write())


def test_calls_as_json(home: Path) -> None:
    fill(home)
    lines = [json.loads(line) for line in run("calls", "--json").stdout.splitlines()]
    assert [line["started_at"] for line in lines] == ["2026-11-21T09:30:00.000000Z", "2026-11-21T08:30:00.000000Z"]
    assert lines[0]["caller"] == "09121234567"
    assert len(run("calls", "--json", "--limit", "1").stdout.splitlines()) == 1
    since = f"{NOON:%Y-%m-%dT%H:%M}:01+00:00"
    assert len(run("calls", "--json", "--since", since).stdout.splitlines()) == 1
    assert len(run("calls", "--json", "--since", "1405/08/30 13:00").stdout.splitlines()) == 1


def test_calls_as_a_table(home: Path) -> None:
    fill(home)
    lines = run("calls").stdout.splitlines()
    assert lines[0].startswith("started")
    assert [line[:19] for line in lines[1:]] == ["2026-11-21 13:00:00", "2026-11-21 12:00:00"]


def test_no_store_is_told(home: Path) -> None:
    for words in (["calls"], ["users", "list"]):
        result = run(*words)
        assert result.exit_code == 1
        assert f"{home / 'store.db'}: there is no store yet" in result.stderr
    assert not (home / "store.db").exists()


def test_since_that_is_no_time(home: Path) -> None:
    fill(home)
    for text in ("soon", "999999w"):
        result = run("calls", "--since", text)
        assert result.exit_code == 1
        assert len(result.stderr.splitlines()) == 1
        assert "--since" in result.stderr


def test_import(home: Path, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "crm", {"customers": "1001,Aria,,", "tickets": ",1001,S,new,2026-11-20,,"})
    first, again = run("crm", "import", str(folder)), run("crm", "import", str(folder))
    assert first.exit_code == 0
    numbered, counted = first.stdout.splitlines()
    assert f"{folder / 'tickets.csv'}:2: tracking number " in numbered
    assert counted == "imported: 1 customers, 0 contacts, 0 contracts, 1 tickets"
    assert again.stdout.splitlines()[0] == f"{numbered} (as before)"


def test_a_refused_import(home: Path, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "crm", {"customers": "1001,Aria,xx,"})
    result = run("crm", "import", str(folder))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith(f"pbx-bridge: {folder / 'customers.csv'}:2: language: 'xx' is no language")
    assert len(result.stderr.splitlines()) == 1


def test_users(home: Path) -> None:
    assert run("users", "add", "sara", "--role", "admin", stdin="correct horse\n").exit_code == 0
    assert run("users", "list").stdout == "sara\tadmin\n"
    assert run("users", "passwd", "sara", stdin="battery staple\n").exit_code == 0
    refused = run("users", "passwd", "sara", stdin="short\n")
    assert (refused.exit_code, "password has" in refused.stderr) == (1, True)
    assert run("users", "passwd", "reza", stdin="battery staple\n").exit_code == 1


def test_a_store_that_cannot_be_opened_is_one_clear_line(home: Path) -> None:
    (home / "store.db").mkdir()
    result = run("users", "add", "sara", stdin="correct horse\n")
    assert result.exit_code == 1
    assert "cannot be opened" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "words", [["crm", "import"], ["calls"], ["users", "add"], ["users", "passwd"], ["users", "list"]]
)
def test_help_has_an_example(words: list[str]) -> None:
    assert "Example" in run(*words, "--help").stdout
