"""The commands for users, tokens and the audit log, and that what they change is in the log."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pbx_bridge.cli import cli
from pbx_bridge.store import Role, User, open_store


class Commands:
    """The command line on a HOME of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __call__(self, *words: str, given: str = "", status: int = 0) -> Result:
        result = CliRunner().invoke(cli, words, input=given, env={"PBX_BRIDGE_HOME": str(self.home)})
        assert result.exit_code == status, result.output
        return result

    def user(self, name: str, password: str) -> User | None:
        async def look() -> User | None:
            async with open_store(self.home / "store.db", folding=False) as store:
                return await store.users.verify(name, password)

        return asyncio.run(look())


@pytest.fixture
def run(tmp_path: Path) -> Commands:
    commands = Commands(tmp_path)
    commands("users", "add", "boss", "--role", "admin", given="a fine password\n")
    return commands


def test_a_user_from_the_first_day_to_the_last(run: Commands) -> None:
    add = ("users", "add", "sara", "--role", "agent", "--extension", "201", "--full-name", "Sara Rad")
    run(*add, given="correct horse\n")
    assert run.user("sara", "correct horse") == User(
        name="sara", role=Role.AGENT, extension="201", full_name="Sara Rad"
    )
    run("users", "passwd", "sara", given="battery staple\n")
    assert run.user("sara", "correct horse") is None
    assert run("users", "change", "sara", "--role", "read_only", "--extension", "").output == (
        "sara\tread_only\t-\tSara Rad\n"
    )
    run("users", "change", "sara", "--disable")
    assert run.user("sara", "battery staple") is None
    assert "sara\tread_only\t-\tSara Rad\tdisabled\n" in run("users", "list").output
    run("users", "change", "sara", "--enable")
    assert run.user("sara", "battery staple") is not None
    assert run("users", "sign-out", "sara").output == "0 sessions ended\n"
    told = [line.split("\t")[1:4] for line in run("audit", "list", "--about", "sara").output.splitlines()]
    assert told == [
        ["command", what, "sara"]
        for what in ("sessions_ended", "user_changed", "user_changed", "user_changed", "password_given", "user_made")
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("users", "change", "boss", "--disable"), "boss is the last admin"),
        (("users", "change", "boss", "--role", "lead"), "boss is the last admin"),
        (("users", "change", "nobody", "--enable"), "there is no user nobody"),
        (("users", "change", "boss", "--extension", "x"), "an extension is at most 15 digits"),
        (("tokens", "add", "a", "--until", "someday"), "--until: 'someday' is no date"),
        (("tokens", "add", "a", "--until", "1404/01/01"), "a token's end lies before us"),
        (("tokens", "revoke", "a"), "there is no token a in use"),
        (("audit", "list", "--since", "x"), "is no date"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(run: Commands, words: tuple[str, ...], said: str) -> None:
    result = run(*words, status=1)
    assert said in result.output
    assert len(result.output.splitlines()) == 1


def test_a_token_is_shown_once_listed_and_revoked(run: Commands) -> None:
    secret = run("tokens", "add", "month", "--role", "lead", "--until", "1499/12/29").output.strip()
    assert secret.startswith("pbxb_")
    run("tokens", "add", "other")
    lines = run("tokens", "list").output.splitlines()
    assert sorted(line.split("\t")[:2] for line in lines) == [["month", "lead"], ["other", "read_only"]]
    assert secret not in run("tokens", "list").output
    run("tokens", "revoke", "month")
    assert run("tokens", "list").output.startswith("other\t")
    run("tokens", "revoke", "month", status=1)
    with sqlite3.connect(run.home / "store.db") as db:
        assert secret not in str(db.execute("SELECT * FROM api_token").fetchall())
    whats = [line.split("\t")[2] for line in run("audit", "list", "--limit", "3").output.splitlines()]
    assert whats == ["token_revoked", "token_made", "token_made"]
