"""`calls verify`, `calls gaps` and `calls unreadable` on a store that was filled from real files."""

from __future__ import annotations

import asyncio
import csv
import json
import re
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from store_facts import quick_store

from pbx_bridge.cli import cli
from pbx_bridge.health import Health
from pbx_bridge.spool.follow import Spooler
from pbx_bridge.store import call_body, packs

CAPTURES = Path(__file__).parent.parent / "captures"
SCENARIOS = ("queue_answered", "queue_abandoned", "blind_transfer", "ivr_only", "attended_transfer")


class Place:
    """A HOME with Asterisk's files and the store that was filled from them."""

    def __init__(self, home: Path) -> None:
        self.home, self.store = home, home / "store.db"
        self.log = home / "asterisk" / "log"
        self.cel, self.queue_log = self.log / "cel-custom" / "cel.csv", self.log / "queue_log"
        self.cdr = self.log / "cdr-custom" / "cdr.csv"
        for folder in (self.cel.parent, self.cdr.parent):
            folder.mkdir(parents=True)

    def play(self, *scenarios: str) -> None:
        """Asterisk writes these calls."""
        for scenario in scenarios:
            for name, path in (("cel.csv", self.cel), ("queue_log.txt", self.queue_log)):
                with path.open("ab") as file:
                    file.write((CAPTURES / scenario / name).read_bytes())

    def read(self, calls: int) -> None:
        """A daemon reads them until so many calls are on record."""
        asyncio.run(self._read(calls))

    async def _read(self, calls: int) -> None:
        async with quick_store(self.store) as store:
            spooler = Spooler(
                node="pbx1",
                cel=self.cel,
                queue_log=self.queue_log,
                journal=store.journal,
                health=Health(("spool",)),
                gaps=store.gaps,
            )
            task = asyncio.create_task(spooler.run(), name="spool")
            size = self.cel.stat().st_size
            async with asyncio.timeout(20):
                while not (  # noqa: ASYNC110
                    any(c.offset == size for c in await store.journal.cursors("pbx1"))
                    and len([r async for r in store.calls.since()]) == calls
                    and not self.query("SELECT 1 FROM call_group WHERE dirty_since_us IS NOT NULL")
                    and {"cel", "queue"} <= set(await store.gaps.heard("pbx1"))
                    and not await store.gaps.windows(unread=True)
                ):
                    await asyncio.sleep(0.02)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def query(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        db = sqlite3.connect(self.store)
        try:
            with db:
                return db.execute(statement, values).fetchall()
        finally:
            db.close()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("PBX_BRIDGE_HOME", str(tmp_path))
    place = Place(tmp_path)
    place.play(*SCENARIOS)
    place.read(len(SCENARIOS))
    yield place
    shutil.rmtree(tmp_path)


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words))


def verify(*words: str) -> tuple[int, list[tuple[str, bool]]]:
    """The exit status, and each disagreement with whether it was explained."""
    result = run("calls", "verify", "--json", *words)
    found = [json.loads(line) for line in result.stdout.splitlines()]
    return result.exit_code, sorted((one["check"], bool(one["explained"])) for one in found)


def test_a_record_made_from_its_files_agrees(place: Place) -> None:
    assert verify() == (0, [])
    result = run("calls", "verify")
    assert result.exit_code == 0
    assert "5 calls in" in result.stdout
    assert "0 disagreements" in result.stdout
    assert "cdr.csv is not there" in result.stdout


def test_a_call_that_is_missing(place: Place) -> None:
    place.query("DELETE FROM call WHERE outcome = 'abandoned_queue'")
    assert verify() == (1, [("exists", False)])
    assert verify("--since", "2999-01-01") == (0, [])
    assert "NOT EXPLAINED" in run("calls", "verify").stdout


def test_a_call_with_its_group_lost(place: Place) -> None:
    place.query("DELETE FROM call_key WHERE call_group = (SELECT call_group FROM call WHERE outcome = 'self_served')")
    place.query(
        "DELETE FROM call_key WHERE call_group = (SELECT call_group FROM call ORDER BY started_at_us LIMIT 1)"
    )
    status, found = verify()
    assert status == 1
    assert ("exists", False) in found  # nothing is under its keys
    assert ("source", False) in found  # and nothing tells of what is there


def test_a_call_twice(place: Place) -> None:
    columns = ", ".join(str(row[1]) for row in place.query("PRAGMA table_info(call)") if row[1] != "call_id")
    place.query(f"INSERT INTO call (call_id, {columns}) SELECT 'x' || call_id, {columns} FROM call LIMIT 1")  # noqa: S608
    assert verify() == (1, [("once", False)])


def test_an_end_the_record_lacks(place: Place) -> None:
    [(body, call_id)] = place.query("SELECT body, call_id FROM call WHERE outcome = 'abandoned_queue'")
    _, told, _ = call_body.encode(replace(call_body.decode(str(body)), ended_at=None, outcome=None))
    place.query("UPDATE call SET body = ? WHERE call_id = ?", told, call_id)
    assert verify() == (1, [("end", False)])


def test_rows_that_nobody_has_read_yet(place: Place) -> None:
    with place.cel.open("ab") as file:
        data = (CAPTURES / "hangup_in_prompt" / "cel.csv").read_bytes()
        file.write(re.sub(rb"\b17952", b"40952", data))  # later than the last reading
    assert verify() == (0, [("exists", True)])


def test_rows_that_should_have_been_read(place: Place) -> None:
    with place.cel.open("ab") as file:
        file.write(re.sub(rb"\b17952", b"17951", (CAPTURES / "hangup_in_prompt" / "cel.csv").read_bytes()))
    assert verify() == (1, [("exists", False)])


def test_a_killed_asterisk_is_explained(place: Place) -> None:
    place.play("asterisk_killed")
    with place.queue_log.open("a") as file:
        file.write("1795293812|NONE|NONE|NONE|QUEUESTART|\n")
    place.read(len(SCENARIOS) + 1)
    assert verify() == (0, [("end", True)])
    assert "explained: the end is estimated" in run("calls", "verify").stdout


def test_cdrs_are_compared(place: Place) -> None:
    def row(root: str, times: Sequence[str], disposition: str) -> list[str]:
        other, app = "PJSIP/agent101-00000001", "Queue"
        began, ended = times
        told = ["c", "0912", "200", "from-trunk", "PJSIP/trunk-0", other, app, "x", began, began, ended, "8", "8"]
        return [*told, disposition, "DOCUMENTATION", "", root, root, "0", "", ""]

    [(root, began, ended)] = place.query(
        "SELECT root, started_at_us, ended_at_us FROM call WHERE outcome = 'abandoned_queue'"
    )
    times = [f"{int(str(us)) / 1_000_000:.6f}" for us in (began, ended)]
    with place.cdr.open("w", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerow(row(str(root), times, "NO ANSWER"))
    assert verify() == (0, [])
    with place.cdr.open("a", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerow(row(str(root), times, "ANSWERED"))
        file.write("nonsense\n")
    assert verify() == (1, [("cdr", False)])
    assert "rows that could not be read: 1" in run("calls", "verify").stdout
    with place.cdr.open("a", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerow(row("pbx1-1.0", times, "ANSWERED"))
    assert verify() == (1, [("cdr", False), ("exists", False)])
    with place.cdr.open("w", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerow(row("pbx1-1.0", ["10.5", "20.5"], "ANSWERED"))
    assert verify() == (0, [("exists", True)])


def test_packed_calls_are_found(place: Place) -> None:
    db = sqlite3.connect(place.store, isolation_level=None)
    for (group,) in db.execute("SELECT id FROM call_group WHERE settled = 1").fetchall():
        assert packs.pack(db, group)
    db.close()
    assert place.query("SELECT * FROM call_key") == []
    assert verify() == (0, [])


def test_gaps_and_unreadable_rows_are_shown(place: Place) -> None:
    assert run("calls", "gaps", "--open").exit_code == 0
    with place.cel.open("ab") as file:
        file.write(b"nonsense \x1b[31m\n")
    place.read(len(SCENARIOS))
    lines = [json.loads(line) for line in run("calls", "gaps", "--json").stdout.splitlines()]
    assert {(line["source"], line["state"]) for line in lines} == {("cel", "read"), ("queue", "read")}
    assert "the daemon was not running" in run("calls", "gaps").stdout
    assert run("calls", "gaps", "--since", "2999-01-01").stdout.count("\n") == 1
    place.query("UPDATE source_gap SET read_at_us = NULL WHERE source = 'cel'")
    shown = run("calls", "gaps", "--open")
    assert (shown.exit_code, shown.stdout.count("not read yet")) == (1, 1)
    assert run("calls", "gaps").exit_code == 0
    assert "--since" in run("calls", "gaps", "--since", "soon").stderr

    [aside] = [json.loads(line) for line in run("calls", "unreadable", "--json").stdout.splitlines()]
    assert aside["body"] == "nonsense \x1b[31m"
    assert "19 columns" in aside["reason"]
    table = run("calls", "unreadable", "--limit", "5").stdout
    assert "nonsense ?[31m" in table
