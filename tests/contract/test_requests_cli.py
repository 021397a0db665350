"""`pbx-bridge tickets`, `complaints` and `callbacks` as a person runs them."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from crm_folder import import_files
from store_facts import quick_store

from pbx_bridge.cli import cli
from pbx_bridge.store.requests import NewCallback, NewComplaint, NewTicket

NASTY = "\u202ebroken\x1b[2J line"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PBX_BRIDGE_HOME", str(tmp_path))
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words))


def fill(home: Path, *, answer_by: datetime) -> dict[str, str]:
    """A ticket, a complaint and a callback; their numbers and its id."""

    async def write() -> dict[str, str]:
        async with quick_store(home / "store.db") as store:
            rows = {"customers": "1001,Aria,fa,", "tickets": ",1001,old,closed,2026-01-01,,"}
            await import_files(store, home, rows)
            ticket = NewTicket(origin="t", customer_code="1001", subject=NASTY, message="m-1.wav")
            opened = await store.requests.open_ticket(ticket)
            filed = await store.requests.file_complaint(
                NewComplaint(
                    ticket=NewTicket(origin="c", customer_code="1001", subject="by telephone"),
                    reason=NASTY,
                    acknowledge_by=answer_by - timedelta(days=9),
                    answer_by=answer_by,
                    answer_on=date(2026, 12, 2),
                )
            )
            promised = await store.requests.ask_for_callback(
                NewCallback(
                    origin="b",
                    node="pbx1",
                    channel="1.1",
                    number="+989121234567",
                    queue="support",
                    wanted_at=datetime(2026, 11, 21, 8, 30, tzinfo=UTC),
                )
            )
        assert opened is not None
        assert filed is not None
        return {"ticket": opened.tracking_number, "complaint": filed.tracking_number, "callback": promised.id}

    return asyncio.run(write())


def in_days(days: int) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


def test_tickets(home: Path) -> None:
    ids = fill(home, answer_by=in_days(30))
    lines = run("tickets", "list").stdout.splitlines()
    assert lines[0].split() == ["number", "kind", "customer", "status", "opened", "changed", "subject"]
    assert {line.split()[0] for line in lines[1:3]} == {ids["ticket"], ids["complaint"]}
    assert len(lines) == 4
    unfinished = run("tickets", "list", "--open").stdout
    assert len(unfinished.splitlines()) == 3
    assert "broken[2J line; message m-1.wav" in unfinished
    assert "\x1b" not in unfinished
    assert "\u202e" not in unfinished


def test_a_complaint_from_the_list_to_its_end(home: Path) -> None:
    number = fill(home, answer_by=in_days(30))["complaint"]
    assert run("complaints", "list", "--late").exit_code == 0
    for words, stands in ((("acknowledge",), "acknowledged"), (("answer", "--done", "mended"), "answered")):
        done = run("complaints", words[0], number, *words[1:])
        assert (done.exit_code, done.stdout) == (0, f"complaint {number}: {stands}\n")
    assert run("complaints", "close", number).exit_code == 0
    [_, line] = run("complaints", "list").stdout.splitlines()
    assert line.split()[:3] == [number, "1001", "closed"]
    assert line.endswith("by telephone; broken[2J line; mended")
    assert number not in run("tickets", "list", "--open").stdout


def test_late_ones_are_told_by_the_exit_status(home: Path) -> None:
    number = fill(home, answer_by=in_days(-1))["complaint"]
    told = run("complaints", "list", "--late")
    assert told.exit_code == 1
    assert f"{number}" in told.stdout
    assert "  late  " in told.stdout
    assert run("complaints", "list").exit_code == 0
    assert run("complaints", "answer", number, "--done", "mended").exit_code == 0
    assert run("complaints", "list", "--late").exit_code == 0


def test_callbacks(home: Path) -> None:
    name = fill(home, answer_by=in_days(30))["callback"]
    heading, line = run("callbacks", "list").stdout.splitlines()
    assert heading.split() == ["id", "number", "wanted", "asked", "queue", "customer"]
    assert line.startswith(f"{name}  +989121234567     2026-11-21 12:00  ")
    done = run("callbacks", "done", name[:5], "--by", "101", "--result", NASTY)
    assert (done.exit_code, done.stdout) == (0, f"callback {name} to +989121234567: done\n")
    assert len(run("callbacks", "list").stdout.splitlines()) == 1
    assert run("callbacks", "list", "--all").stdout.splitlines()[1].endswith("; by 101; broken[2J line")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("complaints", "acknowledge", "4712084"), "'4712084' is no tracking number"),
        (("complaints", "close", "COMPLAINT"), "not answered yet; answer it first"),
        (("complaints", "answer", "COMPLAINT", "--done", " "), "--done TEXT"),
        (("complaints", "answer", "TICKET", "--done", "x"), "no complaint has this tracking number"),
        (("callbacks", "done", "zzzz"), "'zzzz': no callback has this id"),
        (("callbacks", "done", "\x1b[2J"), "no callback has this id"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_status_1(home: Path, words: tuple[str, ...], reason: str) -> None:
    ids = fill(home, answer_by=in_days(30))
    result = run(*(ids.get(word.lower(), word) if word.isupper() else word for word in words))
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert reason in result.stderr
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize("words", [("tickets", "list"), ("complaints", "list"), ("callbacks", "list")])
def test_without_a_store_nothing_is_shown(home: Path, words: tuple[str, ...]) -> None:
    result = run(*words)
    assert result.exit_code == 1
    assert "there is no store yet" in result.stderr
    assert not (home / "store.db").exists()
