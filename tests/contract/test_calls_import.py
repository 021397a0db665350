"""`calls import`: history from CDR files, one line a call, again and again, beside a daemon or not."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from cdr_files import EVERY, captured_cdrs, freepbx_csv, master_csv
from click.testing import CliRunner, Result
from crm_folder import import_files
from store_facts import quick_store, revisions, whole

from pbx_bridge.cli import cli
from pbx_bridge.errors import InputError
from pbx_bridge.store import CallRow, Store, open_store
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.cdr_import import Imported, Source, import_cdrs
from pbx_bridge.store.cdr_rows import FREEPBX
from pbx_bridge.values.dates import TEHRAN

TOLD = ("attended_transfer", "blind_transfer", "ivr_queue_answered", "queue_abandoned")


@pytest.fixture
async def store(place: StorePlace) -> AsyncIterator[Store]:
    async with open_store(place, folding=False) as opened:
        yield opened


async def take(store: Store, path: Path, text: str | bytes | None = None, **how: object) -> Imported:
    if text is not None:
        await asyncio.to_thread(path.write_bytes, text if isinstance(text, bytes) else text.encode())
    source = Source(path=path, **({"node": "pbx1", "zone": TEHRAN} | how))  # type: ignore[arg-type]
    return await import_cdrs(store.writer, store.journal, source, progress=lambda done, total, what: None)


async def every(store: Store) -> list[CallRow]:
    return [row async for row in store.calls.since()]


def line(number: int, **told: str) -> str:
    """One call of FreePBX's: somebody calls a queue, which nobody answers."""
    cells = {
        "calldate": "2024-05-01 10:00:00",
        "src": "09121234567",
        "dst": "600",
        "channel": f"PJSIP/provider-{number:08}",
        "lastapp": "Queue",
        "duration": "30",
        "billsec": "30",
        "disposition": "NO ANSWER",
        "uniqueid": f"1714545{number:03}.{number}",
        "linkedid": f"1714545{number:03}.{number}",
        "did": "02191001000",
        "sequence": str(number),
    } | told
    return ",".join('"' + cells.get(name, "").replace('"', '""') + '"' for name in FREEPBX)


@pytest.mark.parametrize("form", ["master", "freepbx", "bare"])
async def test_captures_one_line_each(store: Store, tmp_path: Path, form: str) -> None:
    cdrs = [cdr for scenario in TOLD for cdr in captured_cdrs(scenario)]
    text = master_csv(cdrs, TEHRAN, *EVERY) if form == "master" else freepbx_csv(cdrs, TEHRAN, header=form != "bare")
    done = await take(store, tmp_path / "cdr.csv", text)
    rows = await every(store)
    # An attended transfer's consultation has a linkedid of its own, and CDRs do not tell that they met.
    assert (done.rows, done.calls, done.bad, done.skew.total_seconds()) == (len(cdrs), len(TOLD) + 1, 0, 0)
    assert {(row.call.source, row.revision) for row in rows} == {("cdr", 1)}
    outcomes = sorted(str(row.call.outcome) for row in rows if row.call.direction == "inbound")
    assert outcomes == ["abandoned_queue", "answered", "answered", "answered"]


async def test_the_same_again_and_an_overlapping_export_give_nothing_new(store: Store, tmp_path: Path) -> None:
    await take(store, tmp_path / "a.csv", "\n".join(line(n) for n in range(20)))
    before = await every(store)
    again = await take(store, tmp_path / "b.csv", "\n".join(line(n) for n in range(10, 30)))
    assert (again.rows, again.calls, again.changed) == (20, 10, 0)
    assert [row for row in await every(store) if row in before] == before
    assert len(await every(store)) == 30


@pytest.mark.parametrize(
    "more", [(), ("uniqueid",), ("userfield",), ("uniqueid", "userfield"), EVERY[2:], EVERY[1:], EVERY]
)
async def test_master_csv_with_what_was_switched_on(store: Store, tmp_path: Path, more: tuple[str, ...]) -> None:
    cdrs = [cdr | {"userfield": "vip"} for cdr in captured_cdrs("queue_abandoned")]
    done = await take(store, tmp_path / "Master.csv", master_csv(cdrs, TEHRAN, *more))
    (row,) = await every(store)
    assert (done.bad, row.call.outcome, row.call.caller) == (0, "abandoned_queue", "09121234567")
    assert (row.call.root == "pbx1-1795293653.0") == ("uniqueid" in more)


async def test_without_linkedid_calls_go_by_uniqueid(store: Store, tmp_path: Path) -> None:
    text = "\n".join(line(n, linkedid="") for n in (1, 2)) + "\n" + line(1, linkedid="", sequence="9", dst="601")
    done = await take(store, tmp_path / "cdr.csv", text)
    assert (done.rows, done.calls) == (3, 2)


async def test_times_are_of_the_zone_and_a_repeated_hour_is_told_by_the_id(store: Store, tmp_path: Path) -> None:
    # In 2021 Tehran's clocks went back at midnight: 23:30 of September 21st came twice.
    epochs = (1632250800, 1632254400)
    text = "\n".join(
        line(n, calldate="2021-09-21 23:30:00", uniqueid=f"{epoch}.{n}", linkedid=f"{epoch}.{n}")
        for n, epoch in enumerate(epochs)
    )
    done = await take(store, tmp_path / "cdr.csv", text)
    assert [row.call.started_at.timestamp() for row in await every(store)] == [*reversed(epochs)]
    assert done.skew.total_seconds() == 0


async def test_a_wrong_zone_is_told(store: Store, tmp_path: Path) -> None:
    cdrs = captured_cdrs("blind_transfer")
    done = await take(store, tmp_path / "cdr.csv", freepbx_csv(cdrs, TEHRAN), zone=ZoneInfo("UTC"))
    assert done.skew.total_seconds() == 3.5 * 3600


BAD = [
    (line(2, calldate="0000-00-00 00:00:00"), "'0000-00-00 00:00:00' is no time"),
    (line(2, calldate="2024-05-01 10:00:00+03:30"), "is no local time of a call"),
    (line(2, duration="-3"), "duration: '-3' is no number of seconds"),
    (line(2, billsec="۳۰"), "billsec: '۳۰' is no number of seconds"),
    (line(2, duration="99999999999"), "is no number of seconds"),
    (line(2)[:100], "no CSV record"),
    (line(2) + ',"x"', "27 columns instead of 26"),
    ('"torn', "no CSV record"),
    ("\x00\x00\x00", "1 columns instead of 26"),
    ("x" * 70_000, "a line of more than 65536 bytes"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD, ids=[reason for _, reason in BAD])
async def test_a_bad_row_is_kept_aside_and_the_others_are_taken(
    store: Store, tmp_path: Path, bad: str, reason: str
) -> None:
    for _ in range(2):
        done = await take(store, tmp_path / "cdr.csv", f"{line(1)}\n{bad}\n{line(3)}\n\n{line(4)}\n")
        assert (done.rows, done.bad) == (3, 1)
        assert done.first_bad[0].startswith("2: ")
        assert reason in done.first_bad[0]
    (aside,) = await store.journal.unreadable()
    assert aside.reason.startswith("cdr.csv:2: ")
    assert aside.body == bad.replace("\x00", "\\x00")[:65_536]
    assert len(await every(store)) == 3


async def test_text_of_every_kind_stays_text(store: Store, tmp_path: Path) -> None:
    names = ['"سارا" <0912>', '"=cmd|calc" <1>', '"<img src=x onerror=1>" <2>', '"a\nb\u202e" <3>', '"a\\" <4>']
    text = "\n".join(line(n, clid=name) for n, name in enumerate(names)).encode() + b"\n"
    text += line(8, clid='"XX" <5>').encode().replace(b"XX", b"\xd3\xc7\xd1\xc7")
    done = await take(store, tmp_path / "cdr.csv", text)
    assert (done.rows, done.bad) == (6, 0)
    named = {row.call.caller_name for row in await every(store)}
    assert named == {"سارا", "=cmd|calc", "<img src=x onerror=1>", "a\nb\u202e", "a\\", "\\xd3\\xc7\\xd1\\xc7"}


async def test_what_databases_and_spreadsheets_write(store: Store, tmp_path: Path) -> None:
    header = "calldate;uniqueid;src;dst;channel;duration;billsec;disposition;clid;extra"
    rows = [
        '2024-05-01 10:00:00;1714545000.1;09121234567;600;"SIP/x-1";10;0;"NO ANSWER";"\\"Sara\\" <0912>";NULL',
        "2024-05-01 11:00:00;NULL;0912;600;SIP/x-2;10;5;ANSWERED;\\N;1",
    ]
    done = await take(store, tmp_path / "cdr.csv", "\ufeff" + "\r\n".join([header, *rows]))
    assert (done.rows, done.bad, done.calls) == (2, 0, 2)
    assert {row.call.caller_name for row in await every(store)} == {"Sara", ""}


NO_FILES = [
    (b"", "it is empty"),
    (b"a,b,c\n1,2,3\n", "no line of it is one of Asterisk's Master.csv or an export of FreePBX's cdr table"),
    (b"calldate,src,dst\n", ":1: column channel is missing"),
    (bytes(range(256)) * 500, "no line of it is one of"),
]


@pytest.mark.parametrize(("raw", "reason"), NO_FILES, ids=[reason for _, reason in NO_FILES])
async def test_a_file_of_something_else(store: Store, tmp_path: Path, raw: bytes, reason: str) -> None:
    with pytest.raises(InputError) as refused:
        await take(store, tmp_path / "cdr.csv", raw)
    assert reason in str(refused.value)
    assert len(str(refused.value)) < 400


async def test_imported_calls_know_their_customer(store: Store, tmp_path: Path) -> None:
    await import_files(store, tmp_path, {"customers": "1001,Aria,,", "contacts": "1001,Sara,09121234567"})
    await take(store, tmp_path / "cdr.csv", line(1))
    (row,) = await store.calls.page(customer="1001")
    assert (row.call.source, row.call.customer_by) == ("cdr", "number")


# --- the command --------------------------------------------------------------------------------------------------


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["calls", "import", *words], env={"PBX_BRIDGE_HOME": str(home)})


def test_the_command(tmp_path: Path) -> None:
    file = tmp_path / "cdr.csv"
    file.write_text(f"{line(1)}\n{line(2)}\n", encoding="utf-8")
    first, again = run(tmp_path, str(file)), run(tmp_path, str(file))
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert first.stdout == f"{file}: 2 rows read; 2 calls are new, 0 changed\n"
    assert again.stdout == f"{file}: 2 rows read; 0 calls are new, 0 changed\n"
    assert f"percent of {file.name}: 100 of 100" in first.stderr
    shown = CliRunner().invoke(cli, ["calls", "--json"], env={"PBX_BRIDGE_HOME": str(tmp_path)})
    assert shown.stdout.count('"source": "cdr"') == 2


def test_the_command_names_bad_rows_and_fails(tmp_path: Path) -> None:
    file = tmp_path / "cdr.csv"
    file.write_text(f"{line(1)}\n{line(2, duration='x')}\n", encoding="utf-8")
    result = run(tmp_path, str(file))
    assert result.exit_code == 1
    assert f"{file}: 1 rows could not be read and were kept aside:" in result.stdout
    assert f"{file}:2: duration: 'x' is no number of seconds" in result.stdout


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["nowhere.csv"], "nowhere.csv: it cannot be read: No such file"),
        (["here.csv", "--zone", "Mars/Base"], "--zone: no time zone is called 'Mars/Base'"),
        (["here.csv", "--format", "master"], "no line of it is one of Asterisk's Master.csv"),
    ],
)
def test_the_command_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], reason: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here.csv").write_text(line(1), encoding="utf-8")
    result = run(tmp_path, *words)
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert reason in result.stderr


async def test_killed_and_run_again_beside_a_daemon(tmp_path: Path) -> None:
    """kill -9 at any moment of an import leaves calls that are whole; the next run brings the rest, none twice."""
    home, file = tmp_path / "home", tmp_path / "cdr.csv"
    file.write_text("\n".join(line(n % 1000, uniqueid=f"{1700000000 + n}.1", linkedid="") for n in range(6000)))
    command = (sys.executable, "-m", "pbx_bridge.cli", "calls", "import", str(file))
    how = {"env": os.environ | {"PBX_BRIDGE_HOME": str(home)}, "stdout": asyncio.subprocess.PIPE}
    async with quick_store(home / "store.db") as store:
        process = await asyncio.create_subprocess_exec(*command, **how)  # type: ignore[arg-type]
        while len(await store.calls.page(limit=900)) < 800:
            assert process.returncode is None
        process.kill()
        await process.wait()
        (mine,) = await revisions(store, whole("1.1"), 1)
        assert isinstance(mine, CallRow)
        process = await asyncio.create_subprocess_exec(*command, **how)  # type: ignore[arg-type]
        told, _ = await process.communicate()
        assert process.returncode == 0, told
        assert len(await every(store)) == 6001
    db = sqlite3.connect(home / "store.db")
    assert db.execute("SELECT COUNT(*), MAX(revision) FROM call").fetchone() == (6001, 1)
    assert db.execute("SELECT COUNT(*) FROM call_group WHERE dirty_since_us IS NOT NULL").fetchone() == (0,)
    db.close()
