"""Erasure: nothing of the person is left in any table, nothing of others is touched, nothing comes back."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from call_site import call_site
from crm_folder import import_files
from store_facts import NODE, NOON, at, begun, cel, ended, quick_store, revisions, step

from pbx_bridge.calls.call import Call, call_id
from pbx_bridge.calls.erased import MARK, NUMBER, Person, erased
from pbx_bridge.calls.fact_text import cdr_fact, decode, live_fact, queue_fact, step_fact
from pbx_bridge.calls.facts import CelRow, LiveKind, RawFact, StepKind
from pbx_bridge.errors import InputError
from pbx_bridge.spool.erase_command import ErasePlace, erase
from pbx_bridge.spool.recording_files import RecordingFiles
from pbx_bridge.store import Store, call_body
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.audit import Sought
from pbx_bridge.store.commands import Place
from pbx_bridge.store.database import Db, connect
from pbx_bridge.store.erasure_rows import ROWS, STAYING
from pbx_bridge.store.packer import Packer
from pbx_bridge.store.rebuild import Rebuilt
from pbx_bridge.store.squeeze import unsqueeze

MOBILE, OFFICE, UNKNOWN, OTHER = "09121234567", "02188776655", "09357778899", "09350000001"
NAME, CONTACT, SHOWN = "شرکت آریا صنعت", "علی رضایی", "Aria Co"
SAID = "the gate code is 4711"
FILES = {
    "customers": f"C-1042,{NAME},fa,gold\n1007,Mehr Hospital,en,",
    "contacts": f"C-1042,{CONTACT},{MOBILE}\nC-1042,Office,{OFFICE}\n1007,Desk,{OTHER}",
    "contracts": "C-1042,SLA-7,1404/10/01,1405/09/10,gold",
}
THEIRS = ("9121234567", "2188776655", "9357778899", NAME, CONTACT, SHOWN, SAID, "86*42", "TK-77")
SELECT = "SELECT * FROM "
KEPT_ROWS: dict[str, dict[str, Any]] = {
    "call_note": {"id": "n1", "call_id": "", "at_us": 1, "user_name": "sara", "body": SAID},
    "wrap_up": {"call_id": "", "user_name": "sara", "extension": "101", "node": NODE, "channel": "1.0"}
    | {"number": MOBILE, "name": CONTACT, "customer_code": "C-1042", "began_at_us": 1, "state": "done"}
    | {"reason": "order", "next_step": SAID, "note_id": "n1"},
    "message": {"name": f"{NODE}_1.0-01-menu", "node": NODE, "channel": "1.0", "flow_node": "menu", "caller": MOBILE}
    | {"made_at_us": 1, "length_us": 5, "bytes": 9, "sha256": "x", "path": "2026/11/21/m.wav"},
    "recording": {"node": NODE, "file": "r.wav", "channel": "1.0", "call_id": "", "started_at_us": 1}
    | {"state": "present", "path": "2026/11/21/r.wav", "length_us": 5, "bytes": 9, "sha256": "x"},
    "callback": {"id": "c1", "node": NODE, "channel": "1.0", "number": "+989121234567", "customer_code": "C-1042"}
    | {"queue": "support", "asked_at_us": 1, "wanted_at_us": 1, "why": SAID, "about": "customer:C-1042"},
    "callback_change": {"id": "h1", "callback_id": "c1", "at_us": 1, "user_name": "sara", "what": "put_off"}
    | {"detail": SAID},
    "dial": {"id": "d1", "node": NODE, "channel": "x", "extension": "101", "user_name": "sara", "ask_key": "k"}
    | {"number": f"9{MOBILE}", "about": "customer:C-1042", "state": "over", "reason": "", "asked_at_us": 1}
    | {"call_id": ""},
    "phone_book": {
        "id": "p1",
        "user_name": "sara",
        "customer_code": "",
        "number": MOBILE,
        "name": CONTACT,
        "at_us": 1,
    },
    "wrong_try": {"caller": MOBILE, "what": "pin", "at_us": 1},
    "saved_view": {"id": "v1", "user_name": "sara", "name": "theirs", "address": f"number={MOBILE}&range=week"},
    "unreadable": {"node": NODE, "file": "f", "at_offset": 1, "body": f"torn,{MOBILE}", "reason": "x"}
    | {"found_at_us": 1},
    "audit": {"at_us": 1, "user_name": "sara", "what": "customer_changed", "about": "C-1042", "address": ""}
    | {"detail": f"{CONTACT} {MOBILE}"},
    "ticket": {"tracking_number": "TK-77", "customer_code": "C-1042", "subject": SAID, "status": "open"}
    | {"created_at_us": 1, "updated_at_us": 1, "note": SAID, "message": ""},
    "complaint": {"tracking_number": "TK-77", "reason": "late", "received_at_us": 1, "acknowledge_by_us": 1}
    | {"answer_by_us": 1, "done": SAID},
    "ticket_event": {"tracking_number": "TK-77", "at_us": 1, "user_name": "sara", "what": "told", "before_text": ""}
    | {"after_text": SAID, "body": SAID},
    "contract_entry": {"id": "e1", "customer_code": "C-1042", "number": "SLA-7", "at_us": 1, "user_name": "sara"}
    | {"kind": "note", "ends_on": "2026-12-01", "body": SAID},
    "customer_merge": {"id": "m1", "gone_code": "C-9", "gone_name": SHOWN, "kept_code": "C-1042", "at_us": 1}
    | {"user_name": "sara", "body": json.dumps([{"was": MOBILE}])},
}


def cdr(number: str) -> RawFact:
    """A call from before our time."""
    texts = {
        "src": number,
        "dst": "100",
        "context": "from-trunk",
        "channel_name": "SIP/trunk-1",
        "peer_name": "SIP/101",
    }
    texts |= {"clid": f'"{SHOWN}" <{number}>', "app": "Dial", "app_data": "SIP/101", "disposition": "ANSWERED"}
    texts |= {"did": "", "user_field": ""}
    start = int(at(0).timestamp() * 1_000_000)
    times = {"answered_us": start + 1_000_000, "ended_us": start + 9_000_000}
    return cdr_fact(node=NODE, at=at(0), uniqueid="1.7", linkedid="1.7", row={**texts, **times})


def named(raw: RawFact, name: str) -> RawFact:
    """A CEL row with the caller's name."""
    fields = raw.body.split(",")
    fields[3] = f'"{name}"'
    return replace(raw, body=",".join(fields), told=None)


def over(channel: str, caller: str) -> list[RawFact]:
    """As `ended`, every row with the caller's number."""
    return [cel(event, channel, 30, caller=caller) for event in ("HANGUP", "CHAN_END", "LINKEDID_END")]


@cache
def facts() -> Sequence[Sequence[RawFact]]:
    """Calls: by number, by code from elsewhere, of an earlier system, dialled by us; and somebody else's."""
    by_number = [
        *(named(raw, SHOWN) for raw in begun("1.0")),
        step("1.0", 0, 2, kind=StepKind.CUSTOMER, code="C-1042", name=NAME, by="number"),
        step("1.0", 1, 3, kind=StepKind.KEYS, keys="86*42", result="match"),
        step("1.0", 2, 4, kind=StepKind.LOOKUP, what="ticket", result="found", tracking_number="TK-77"),
        step("1.0", 3, 5, kind=StepKind.SAID, prompt="note", language="fa", text=SAID, playback="p1"),
        queue_fact(
            node=NODE, file="q", offset=1, body=f"{int(at(6).timestamp())}|1.0|support|NONE|ENTERQUEUE||{MOBILE}|1"
        ),
        *ended("1.0"),
    ]
    keyed = step("1.1", 0, 1, kind=StepKind.CUSTOMER, code="C-1042", name=NAME, by="code")
    by_code = [*begun("1.1", caller=UNKNOWN), keyed, *over("1.1", UNKNOWN)]
    asked = live_fact(
        node=NODE, channel="1.3", at=at(0), event=LiveKind.ORIGINATE, data={"dialled": MOBILE, "agent": "101"}
    )
    dialled = [asked, cel("CHAN_START", "1.3", 0, caller="101"), *over("1.3", "101")]
    return (by_number, by_code, [cdr(OFFICE)], dialled, [*begun("1.2", caller=OTHER), *over("1.2", OTHER)])


@pytest.fixture
async def store(place: StorePlace, tmp_path: Path) -> AsyncIterator[Store]:
    async with quick_store(place) as opened:
        await import_files(opened, tmp_path, FILES)
        await opened.relinker.finish()
        for raws in facts()[:3]:
            await revisions(opened, raws, 1)
        await Packer(opened.writer, opened.packer._reader, clock=lambda: at(10**6)).finish()
        for raws in facts()[3:]:
            await revisions(opened, raws, 1)
        await opened.writer.submit(lambda transaction: fill(transaction.db))
        yield opened


def fill(db: Db) -> None:
    """Rows of every sort, about the first call."""
    for table, row in KEPT_ROWS.items():
        told = {
            name: call_id(NODE, "1.0") if name == "call_id" and not value else value for name, value in row.items()
        }
        names = ", ".join(f":{name}" for name in told)
        db.execute(f"INSERT INTO {table} ({', '.join(told)}) VALUES ({names})", told)  # noqa: S608


def folders(folder: Path) -> tuple[RecordingFiles, RecordingFiles]:
    """Of recordings and of messages."""
    recordings, messages = (RecordingFiles(folder / f"{kind}-spool", folder / kind) for kind in ("rec", "msg"))
    return recordings, messages


def fill_folders(folder: Path) -> None:
    """One recording and one message."""
    for name in ("rec/2026/11/21/r.wav", "msg/2026/11/21/m.wav"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(b"voice")


def no_progress(done: int, total: int, _: str) -> None:
    """Nobody looks."""


async def run(place: StorePlace, folder: Path, **how: Any) -> tuple[bool, list[str]]:
    recordings, messages = folders(folder)
    where = ErasePlace(
        store=Place(path=place, region="IR", zone=ZoneInfo("UTC")), recordings=recordings, messages=messages
    )
    said: list[str] = []
    told: dict[str, Any] = {"customer": "", "number": "", "by": "command", "dry_run": False} | how
    whole_ = await erase(where, said.append, no_progress, no_progress, **told)
    return whole_, said


async def everything(place: StorePlace) -> Mapping[str, str]:
    """All that every table holds, unpacked."""
    async with connect(place, reading=True) as database:
        return {
            name: repr([[_read(name, value) for value in row] for row in await database.rows(SELECT + name)])
            for name in await tables(place)
        }


def _read(table: str, value: Any) -> Any:
    if table == "fact_pack" and isinstance(value, bytes | memoryview):
        return unsqueeze(bytes(value)).decode("utf-8", "replace")
    if table == "call" and isinstance(value, str) and len(value) > 200:
        return repr(call_body.decode(value))
    return value


async def tables(place: StorePlace) -> list[str]:
    listed = (
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        if isinstance(place, Path)
        else "SELECT c.relname FROM pg_class c WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition"
        " AND c.relnamespace = 'public'::regnamespace"
    )
    async with connect(place, reading=True) as database:
        return sorted(row[0] for row in await database.rows(listed))


def counted(call: Call) -> tuple[Any, ...]:
    """What reports count of a call."""
    spans = [(one.kind, one.started_at, one.ended_at, one.result) for one in call.segments]
    times = (call.started_at, call.answered_at, call.ended_at, call.talk_us, call.wait_us, call.ivr_us)
    steps = [(one.at, one.flow_node, one.kind) for one in call.steps]
    return (call.call_id, call.direction, call.outcome, call.agents, call.source, *times, spans, steps)


async def calls(store: Store) -> dict[str, tuple[int, Call]]:
    return {row.call.root: (row.revision, row.call) for row in await store.calls.page()}


async def test_nothing_of_a_customer_is_left_and_nothing_comes_back(
    store: Store, place: StorePlace, tmp_path: Path
) -> None:
    fill_folders(tmp_path)
    before = await calls(store)
    there = await everything(place)
    for text in THEIRS[:3]:
        assert any(text in rows for rows in there.values()), text

    whole_, said = await run(place, tmp_path, customer="C-1042", dry_run=True)
    assert whole_
    assert said[0].startswith("customer C-1042: 4 calls, 2 recordings and messages, rows: ")
    assert await everything(place) == there

    whole_, said = await run(place, tmp_path, customer="C-1042")
    assert whole_, said
    assert said[-1].startswith("erased: 4 calls, 2 files, ")
    assert not list((tmp_path / "rec").rglob("*.wav")) + list((tmp_path / "msg").rglob("*.wav"))
    now = await everything(place)
    left = {(text, name) for text in THEIRS for name, rows in now.items() if text in rows}
    assert left == {("TK-77", name) for name in ("ticket", "ticket_event", "complaint", "facet")}

    after = await calls(store)
    assert {root: counted(call) for root, (_, call) in after.items()} == {
        root: counted(call) for root, (_, call) in before.items()
    }
    assert after["1.2"] == before["1.2"]
    assert after["1.0"][1].caller == NUMBER
    assert after["1.0"][1].caller_name == MARK
    [entry] = await store.audit.page(Sought(what="erased"))
    assert (entry.user, entry.about) == ("command", "customer:C-1042")

    rebuilt = Rebuilt()
    await store.rebuilder.run(rebuilt, workers=1)
    assert rebuilt.changed == 0
    await store.journal.add([raw for raws in facts() for raw in raws])
    await store.packer.finish()
    now = await everything(place)
    assert not any(text in rows for text in THEIRS[:8] for rows in now.values())
    assert {root: call for root, (_, call) in (await calls(store)).items()} == {
        root: call for root, (_, call) in after.items()
    }
    whole_, said = await run(place, tmp_path, customer="C-1042", dry_run=True)
    assert said[0].startswith("customer C-1042: 0 calls, 0 recordings and messages would be")


async def test_a_number_goes_and_its_customer_stays(store: Store, place: StorePlace, tmp_path: Path) -> None:
    whole_, said = await run(place, tmp_path, number="+98 912 123 4567")

    assert whole_
    assert said[1].startswith("the number is also a contact of customer C-1042, whose name and tickets stay")
    now = await everything(place)
    assert not [name for name, rows in now.items() if "9121234567" in rows]
    assert NAME in now["customer"]
    assert "2188776655" in now["call"]
    assert (await calls(store))["1.1"][0] == 1


async def test_a_call_under_way_is_left_and_said(store: Store, place: StorePlace, tmp_path: Path) -> None:
    await revisions(store, begun("1.5", 100, OTHER), 1)

    whole_, said = await run(place, tmp_path, number=OTHER)
    assert not whole_
    assert said[-1] == "1 calls are under way and were left: run it again when they are over"

    await revisions(store, ended("1.5", 130), 1)
    assert (await run(place, tmp_path, number=OTHER))[0]
    assert not [name for name, rows in (await everything(place)).items() if "9350000001" in rows]


async def test_cut_off_at_a_file_it_is_run_again(store: Store, place: StorePlace, tmp_path: Path) -> None:
    fill_folders(tmp_path)
    there = tmp_path / "msg/2026/11/21/m.wav"
    there.unlink()
    there.mkdir()

    with pytest.raises(InputError, match="run it again"):
        await run(place, tmp_path, customer="C-1042")
    assert (await calls(store))["1.0"][1].caller == MOBILE
    there.rmdir()
    assert (await run(place, tmp_path, customer="C-1042"))[0]


async def test_the_pages_show_the_call_and_nothing_can_be_heard(tmp_path: Path) -> None:
    async with call_site(tmp_path / "s.db", tmp_path) as site:
        await import_files(site.store, tmp_path, FILES)
        call = await site.recorded()
        more: dict[StepKind, dict[str, Any]] = {
            StepKind.CUSTOMER: {"code": "C-1042", "name": NAME, "by": "number"},
            StepKind.LOOKUP: {"what": "ticket", "result": "found", "tracking_number": "TK-77"},
            StepKind.TICKET_OPENED: {"sort": "request", "tracking_number": "TK-77", "message": "m"},
            StepKind.CALLBACK_ASKED: {"number": MOBILE, "queue": "support", "wanted_at": NOON.isoformat()},
        }
        told = [
            step_fact(node=NODE, channel="1.1", sequence=n, at=at(10 + n), kind=kind, flow_node="menu", data=data)
            for n, (kind, data) in enumerate(more.items(), 5)
        ]
        await revisions(site.store, told, 1)
        where = ErasePlace(
            store=Place(path=tmp_path / "s.db", region="IR", zone=ZoneInfo("UTC")),
            recordings=site.recordings,
            messages=site.messages,
        )
        async with site.visiting() as visitor:
            heard = re.findall(r'<audio [^>]*src="([^"]+)"', await visitor.page(f"/calls/{call.call_id}"))
            assert len(heard) == 2
            said: list[str] = []
            assert await erase(
                where, said.append, no_progress, no_progress, customer="C-1042", number="", by="me", dry_run=False
            )
            assert said[-1].startswith("erased: 1 calls, 2 files")

            page = await visitor.page(f"/calls/{call.call_id}")
            assert [text for text in (*THEIRS, "912 123 4567", "<audio") if text in page] == []
            assert [(await visitor.get(sound)).status for sound in heard] == [404, 404]
            assert MARK in await visitor.page("/calls")


async def test_who_is_not_there_is_refused(place: StorePlace, store: Store, tmp_path: Path) -> None:
    for how, why in (({"customer": "nobody"}, "no customer 'nobody'"), ({"number": "101"}, "'101' is no number")):
        with pytest.raises(InputError, match=why):
            await run(place, tmp_path, **how)
    with pytest.raises(InputError, match="merged into C-1042"):
        await run(place, tmp_path, customer="C-9")


async def test_every_table_is_thought_of(store: Store, place: StorePlace) -> None:
    there = set(await tables(place)) - {"migration"}
    assert there - {rows.table for rows in ROWS} - set(STAYING) == set()


async def test_the_file_itself_holds_nothing_of_what_was_let_go(tmp_path: Path) -> None:
    place = tmp_path / "s.db"
    async with quick_store(place) as opened:
        await import_files(opened, tmp_path, FILES)
        await opened.relinker.finish()
        await revisions(opened, facts()[0], 1)
        await opened.writer.submit(lambda transaction: fill(transaction.db))
        await Packer(opened.writer, opened.packer._reader, clock=lambda: at(10**6)).finish()
    assert b"9121234567" in in_files(place)

    assert (await run(place, tmp_path, customer="C-1042", vacuum=True))[0]

    assert b"9121234567" not in in_files(place)


def in_files(place: Path) -> bytes:
    """The bytes of a SQLite store and of what stands beside it."""
    return b"".join(path.read_bytes() for path in place.parent.glob(f"{place.name}*"))


def test_names_of_places_stay_whatever_a_caller_calls_themselves() -> None:
    hostile = named(cel("CHAN_START", "1.9", 0), "from-trunk")
    person = Person(numbers=frozenset({"+989121234567"}), names=frozenset({"from-trunk"}))
    row = decode(erased(hostile, person))
    assert isinstance(row, CelRow)
    assert (row.name, row.num, row.context, row.event) == (MARK, NUMBER, "from-trunk", "CHAN_START")
    assert row.at == NOON
