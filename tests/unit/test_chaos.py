"""What `make chaos` and `make soak-long` judge by: the line's faults, dead names, the page's table, what piles up."""

from __future__ import annotations

import asyncio
import dataclasses
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bench.chaos.cases import CASES, GONE, Fault
from bench.chaos.names import answer
from bench.chaos.page import HEAD, rewrite, row
from bench.chaos.trial import Outcome
from bench.chaos.watch import Told
from bench.soak.faults import SHORT, Plan, in_order
from bench.soak.faults import Fault as Soaked
from bench.soak.ledger import MOST_RISE_MB, Ledger, Sample, slope
from bench.soak.proxy import Cable, cable

PAGE = Path(__file__).parents[2] / "docs" / "chaos.md"
OUTCOME = Outcome(
    fault=Fault.HOLE,
    lasts_s=30.2,
    in_files=80,
    on_record=80,
    fallback=41,
    interrupted=0,
    dead_air_s=9.9,
    told=["`ari` down after 20.0 s"],
    ready_s=1.25,
    problems=(),
)


def test_every_fault_has_a_case_and_a_measured_row() -> None:
    assert set(CASES) == set(Fault)
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    assert [cells.split("|")[1].strip() for cells in rows[2:]] == [fault.value for fault in Fault]
    assert not [line for line in rows if "FAILED" in line]
    assert {line.count("|") for line in rows} == {len(HEAD) + 1}


def test_a_row_is_put_in_its_place_and_the_others_stay(tmp_path: Path) -> None:
    page = tmp_path / "chaos.md"
    page.write_text("Before.\n<!-- measured -->\n<!-- end -->\nAfter.\n", encoding="utf-8")
    locked = dataclasses.replace(OUTCOME, fault=Fault.LOCK)
    rewrite(page, {Fault.LOCK: row(locked)})
    rewrite(page, {Fault.HOLE: row(OUTCOME)})
    rewrite(page, {Fault.LOCK: row(dataclasses.replace(locked, problems=["LOST: a call"]))})
    lines = page.read_text(encoding="utf-8").splitlines()
    assert (lines[0], lines[-1]) == ("Before.", "After.")
    hole, lock = [line for line in lines if line.startswith("|")][2:]
    assert hole.startswith(
        "| line is a black hole | 30 s | 80 / 80 | 9.9 s | 41 | `ari` down after 20.0 s | 1.2 s | whole"
    )
    assert lock.endswith("| FAILED |")


def test_a_page_without_a_place_for_the_table_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "chaos.md"
    page.write_text("Nothing.\n", encoding="utf-8")
    with pytest.raises(ValueError, match="no table between"):
        rewrite(page, {})
    assert page.read_text(encoding="utf-8") == "Nothing.\n"


def test_what_was_told_before_the_fault_does_not_count_and_down_counts_before_degraded() -> None:
    told = Told()
    told.take({"spool": {"state": "degraded"}, "ari": {"state": "up"}})
    told.begin()
    told.take({"spool": {"state": "degraded"}})  # there is no queue_log before the first caller who waits
    assert told.lines() == []
    told.take({"store": {"state": "degraded"}})
    told.take({"store": {"state": "down"}})
    told.note(GONE, "down")
    assert sorted(told.lines()) == ["`store` down after 0.0 s", "answers nothing after 0.0 s"]


# --- the line -----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def echo() -> AsyncIterator[int]:
    """The port of somebody who says everything again."""

    async def say_again(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(say_again, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def a_line() -> AsyncIterator[tuple[Cable, asyncio.StreamReader, asyncio.StreamWriter]]:
    async with echo() as port, cable(port) as line:
        reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
        try:
            yield line, reader, writer
        finally:
            writer.transport.abort()


async def test_in_a_black_hole_nothing_passes_and_nobody_is_told_until_it_is_mended() -> None:
    async with a_line() as (line, reader, writer):
        writer.write(b"one")
        assert await reader.readexactly(3) == b"one"
        line.stop_up()
        writer.write(b"two")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(3), 0.1)
        assert not reader.at_eof()
        line.mend()
        assert await reader.readexactly(3) == b"two"


async def test_a_slow_line_takes_its_time_each_way_and_keeps_the_order() -> None:
    async with a_line() as (line, reader, writer):
        line.delay_s = 0.1
        begun = time.monotonic()
        writer.write(b"slow ")
        await asyncio.sleep(0.02)
        line.delay_s = 0.0
        writer.write(b"fast")
        assert await reader.readexactly(9) == b"slow fast"
        assert time.monotonic() - begun >= 0.1


async def test_a_cut_line_is_told_and_refuses() -> None:
    async with a_line() as (line, reader, writer):
        writer.write(b"one")
        await reader.readexactly(3)
        line.cut()
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        _, other = await asyncio.open_connection("127.0.0.1", line.port)
        other.transport.abort()


def test_the_name_server_answers_a_with_this_machine_and_aaaa_with_nothing() -> None:
    def question(kind: int) -> bytes:
        name = b"\x03pbx\x04test\x00"
        return struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + name + struct.pack("!HH", kind, 1)

    found, nothing = answer(question(1)), answer(question(28))
    assert found.endswith(bytes((127, 0, 0, 1)))
    assert struct.unpack_from("!6H", found) == (7, 0x8180, 1, 1, 0, 0)
    assert struct.unpack_from("!6H", nothing) == (7, 0x8180, 1, 0, 0, 0)


# --- what piles up ------------------------------------------------------------------------------------------------


def ledger(rise_mb: float, *, files: int = 40, tasks: int = 30, every_s: float = 10.0) -> Ledger:
    """A short life, then a long one whose memory rises like that once it is warm; noise on top."""

    def one(pid: int, at: float, memory_mb: float) -> Sample:
        return Sample(at=at, pid=pid, memory_mb=memory_mb, files=40, tasks=90)

    short = [one(1, at * every_s, 300.0 - at) for at in range(20)]
    warm = [one(2, (100 + at) * every_s, 80.0 + at) for at in range(25)]
    flat = [one(2, (125 + at) * every_s, 105.0 + rise_mb * at / 74 + at % 2) for at in range(75)]
    end = Sample(at=300.0 * every_s, pid=2, memory_mb=100.0, files=files, tasks=tasks)
    return Ledger(samples=[*short, *warm, *flat], end=end, fresh=dataclasses.replace(end, files=40, tasks=30))


def test_flat_memory_is_no_problem_whatever_the_warm_up_took() -> None:
    assert ledger(0.0).problems() == []
    assert ledger(2.0).rise_mb() == pytest.approx(2.0, abs=0.1)


def test_each_thing_that_piles_up_is_named() -> None:
    assert ledger(MOST_RISE_MB + 1).problems() == ["memory rose by 7.0 MB"]
    assert ledger(0.0, files=60).problems() == ["20 descriptors left open"]
    assert ledger(0.0, tasks=31).problems() == ["1 tasks left over"]
    assert ledger(MOST_RISE_MB + 1, every_s=1.0).problems() == [], "too short a life: its caches are still filling"
    assert Ledger().problems() == ["too few samples to judge by: 0"]


def test_the_slope_is_that_of_the_line() -> None:
    assert slope([(x, 3 * x + 1) for x in range(5)]) == pytest.approx(3)
    assert slope([(1, 1), (1, 2)]) == 0


def test_a_plan_begins_with_its_first_faults_and_kills_as_often_as_it_says() -> None:
    plan = Plan(
        pause_s=(0, 0), lengths={}, first=(Soaked.KILL,), kills=0, others=(Soaked.PBX, Soaked.CUT), once=False
    )
    some = in_order(plan)
    assert [next(some) for _ in range(4)] == [Soaked.KILL, Soaked.PBX, Soaked.CUT, Soaked.PBX]
    short = in_order(SHORT)
    assert [next(short) for _ in range(6)] == [Soaked.KILL] * 4 + [Soaked.PBX, Soaked.KILL]
