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
from pbx_bridge.store.callbacks import NewFollowUp
from pbx_bridge.store.requests import NewCallback, NewComplaint, NewTicket

NASTY = "\u202ebroken\x1b[2J line"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PBX_BRIDGE_HOME", str(tmp_path))
    return tmp_path


def run(*words: str, input: str | None = None) -> Result:
    return CliRunner().invoke(cli, list(words), input=input)


def test_tickets_are_given_and_moved(home: Path) -> None:
    number = fill(home, answer_by=datetime.now(UTC) + timedelta(days=9))["ticket"]
    assert run("users", "add", "sara", "--role", "agent", input="a fine password\n").exit_code == 0
    for words, told in (
        (("assign", number, "--to", "sara"), f"ticket {number}: sara"),
        (("status", number, "in_progress"), f"ticket {number}: in_progress"),
        (("assign", number), f"ticket {number}: nobody has it"),
        (("status", number, "resolved"), f"ticket {number}: resolved"),
        (("status", number, "reopen"), f"ticket {number}: new"),
    ):
        done = run("tickets", *words)
        assert (done.exit_code, done.output.strip()) == (0, told)
    for words, told in (
        (("assign", number, "--to", "\x1b[2Jnobody"), "no user is called so"),
        (("assign", "1234567", "--to", "sara"), "is no tracking number"),
        (("assign", "2047155", "--to", "sara"), "no ticket has this tracking number"),
        (("status", number, "new"), "is no state to go to: in_progress, waiting_customer, resolved, closed, reopen"),
        (("status", number, "reopen"), "this ticket is open"),
    ):
        refused = run("tickets", *words)
        assert refused.exit_code == 1
        assert told in refused.output
        assert "\x1b" not in refused.output


def test_a_complaint_ends_with_what_its_customer_says(home: Path) -> None:
    number = fill(home, answer_by=datetime.now(UTC) + timedelta(days=9))["complaint"]
    for words, told in (
        (("answer", number, "--done", "mended"), f"complaint {number}: answered"),
        (("close", number, "--satisfied", "no"), f"complaint {number}: closed"),
        (("reopen", number), f"complaint {number}: acknowledged"),
    ):
        done = run("complaints", *words)
        assert (done.exit_code, done.output.strip()) == (0, told)
    run("complaints", "answer", number, "--done", "again")
    refused = run("complaints", "close", number, "--satisfied", "very")
    assert refused.exit_code == 1
    assert "is not what a complainant says" in refused.output


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


def test_a_follow_up_says_what_for_and_how_often_it_was_tried(home: Path) -> None:
    fill(home, answer_by=datetime.now(UTC) + timedelta(days=9))

    async def more() -> None:
        async with quick_store(home / "store.db") as store:
            new = NewFollowUp(
                origin="1",
                number="02188776655",
                wanted_at=datetime.now(UTC),
                why=NASTY,
                by="zahra",
                owner="zahra",
            )
            name = await store.callbacks.follow_up(new)
            statement = "UPDATE callback SET tries = 2 WHERE id = :id"
            await store.writer.submit(lambda tx: tx.db.execute(statement, {"id": name}).rowcount)

    asyncio.run(more())
    listed = run("callbacks", "list")
    assert "follow-up: broken[2J line; for zahra; called 2 times in vain" in listed.output
    assert listed.exit_code == 0
