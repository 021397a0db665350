"""Spools sent over a line that fails: every row arrives once and in order, whatever is cut, slow or killed."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from blockbuster import BlockBuster, blockbuster_ctx
from harness.memory_journal import MemoryJournal
from harness.remote_spool import Does, FarPbx, Fault, Receiving, broken_line, receiving, row, sending
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx_bridge.health import LinkState
from pbx_bridge.spool.receive_site import make_token
from pbx_bridge.spool.send import NotSent

LINK = "spool far1"


@pytest.fixture(autouse=True)
def _blockbuster() -> Iterator[BlockBuster]:
    with blockbuster_ctx("pbx_bridge") as buster:
        yield buster


@pytest.fixture
async def far(tmp_path: Path) -> AsyncIterator[Receiving]:
    async with receiving(tmp_path) as far:
        yield far


@pytest.fixture
def pbx(far: Receiving, tmp_path: Path) -> FarPbx:
    return far.pbx(tmp_path / "pbx")


def offsets(journal: MemoryJournal) -> list[tuple[str, int]]:
    """Where each row of CEL began, in the order they were kept."""
    return [(fact.channel, fact.offset) for fact in journal.facts.values() if fact.file.startswith("cel:")]


def rows(*names: str) -> list[tuple[str, int]]:
    """The same of a file that holds these."""
    ends = [sum(len(row(name)) for name in names[:count]) for count in range(len(names))]
    return list(zip(names, ends, strict=True))


async def test_what_is_there_and_what_comes_is_kept_with_the_places_it_has_on_the_pbx(
    far: Receiving, pbx: FarPbx
) -> None:
    pbx.write("one", "two")
    pbx.write_queue("one")
    async with sending(pbx.sender(far.port)):
        await far.journal.until(3)
        pbx.write("three")
        await far.journal.until(4)
        link = await far.health.until(LINK, lambda link: link.state is LinkState.UP)
    assert offsets(far.journal) == rows("one", "two", "three")
    assert {fact.node for fact in far.journal.facts.values()} == {"far1"}
    assert link.lag_s == 0.0


async def test_a_caller_whose_name_cannot_be_read_is_kept_aside_here_as_well(far: Receiving, pbx: FarPbx) -> None:
    pbx.cel.write_bytes(row("one") + b"torn by a full disk\n" + row("two"))
    pbx.write_queue("one")
    await pbx.sender(far.port).once()
    assert [name for name, _ in offsets(far.journal)] == ["one", "two"]
    assert [(bad.body, bad.offset) for bad in far.journal.bad] == [("torn by a full disk", len(row("one")))]


@settings(max_examples=25)
@given(faults=st.lists(st.builds(Fault, after=st.integers(0, 6000), up=st.booleans()), min_size=1, max_size=4))
def test_a_line_that_is_cut_at_any_byte_costs_no_row_and_doubles_none(faults: list[Fault]) -> None:
    asyncio.run(_cut(faults))


async def _cut(faults: list[Fault]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with receiving(Path(folder)) as far, broken_line(far.port, faults) as line:
            pbx = far.pbx(Path(folder) / "pbx")
            names = [f"c{number}" for number in range(40)]
            pbx.write(*names)
            pbx.write_queue("q")
            async with sending(pbx.sender(line.port)):
                await far.journal.until(41)
            assert offsets(far.journal) == rows(*names)


async def test_a_line_that_swallows_everything_is_left_and_made_anew(far: Receiving, pbx: FarPbx) -> None:
    names = [f"c{number}" for number in range(40)]
    pbx.write(*names)
    pbx.write_queue("q")
    pbx.limit_s = 0.3
    hole = Fault(after=4000, does=Does.HOLE), Fault(after=1600, up=False, does=Does.HOLE)
    async with broken_line(far.port, hole) as line, sending(pbx.sender(line.port)):
        await far.journal.until(41)
        pbx.write("later")
        await far.journal.until(42)
        assert line.connections == 3
    assert offsets(far.journal) == rows(*names, "later")


async def test_a_receiver_that_dies_and_comes_back_goes_on_where_it_was(tmp_path: Path) -> None:
    journal = MemoryJournal()
    async with receiving(tmp_path, journal=journal) as far:
        pbx = far.pbx(tmp_path / "pbx")
        port = far.port
        pbx.write("one")
        pbx.write_queue("one")
        sender = pbx.sender(port)
        sent = asyncio.create_task(sender.run())
        await journal.until(2)
    pbx.write("two")
    async with receiving(tmp_path, journal=journal, port=port):
        await journal.until(3)
        sent.cancel()
        await asyncio.gather(sent, return_exceptions=True)
    assert offsets(journal) == rows("one", "two")


async def test_a_sender_that_died_needs_nothing_of_its_own(far: Receiving, pbx: FarPbx) -> None:
    pbx.write_queue("one")
    for name in ("one", "two", "three"):
        pbx.write(name)
        await pbx.sender(far.port).once()
    assert offsets(far.journal) == rows("one", "two", "three")


async def test_rotation_while_nobody_sends_and_while_somebody_does(far: Receiving, pbx: FarPbx) -> None:
    pbx.write("one")
    pbx.write_queue("one")
    await pbx.sender(far.port).once()
    pbx.write("two")
    pbx.cel.rename(pbx.cel.with_name("cel.csv.1"))
    pbx.write("three", at=1795294698.5)
    async with sending(pbx.sender(far.port)):
        await far.journal.until(4)
        pbx.cel.rename(pbx.cel.with_name("cel.csv.2"))
        pbx.write("four", at=1795294699.5)
        await far.journal.until(5)
    assert [name for name, _ in offsets(far.journal)] == ["one", "two", "three", "four"]


async def test_a_store_that_refuses_makes_the_sender_wait(far: Receiving, pbx: FarPbx) -> None:
    far.journal.refuse = 3
    pbx.write("one")
    pbx.write_queue("one")
    async with sending(pbx.sender(far.port)):
        await far.journal.until(2)
    assert offsets(far.journal) == rows("one")


async def test_an_answer_that_was_lost_while_the_store_was_slow_doubles_nothing(far: Receiving, pbx: FarPbx) -> None:
    far.journal.hold = asyncio.Event()
    pbx.write("one", "two")
    pbx.write_queue("one")
    pbx.limit_s = 0.2
    async with broken_line(far.port) as line, sending(pbx.sender(line.port)):
        async with asyncio.timeout(10):
            while line.connections < 3:  # noqa: ASYNC110 - the sender came again, and again
                await asyncio.sleep(0.01)
        far.journal.hold.set()
        await far.journal.until(3)
        pbx.write("three")
        await far.journal.until(4)
    assert offsets(far.journal) == rows("one", "two", "three")


async def test_several_pbx_are_kept_apart(tmp_path: Path) -> None:
    async with receiving(tmp_path, nodes=("a", "b")) as far:
        for name in ("a", "b"):
            pbx = far.pbx(tmp_path / name, name)
            pbx.write("same channel")
            pbx.write_queue("q")
            await pbx.sender(far.port).once()
        assert sorted(node for node, file, _ in far.journal.facts if file.startswith("cel:")) == ["a", "b"]
        await far.health.until("spool a", lambda link: link.state is LinkState.UP)
        await far.health.until("spool b", lambda link: link.state is LinkState.UP)


async def test_a_token_that_was_made_anew_ends_the_one_before(far: Receiving, pbx: FarPbx) -> None:
    pbx.write("one")
    await asyncio.to_thread(make_token, far.tokens, "far1")
    far.receiver.listening.clear()
    await far.receiver.listening.wait()
    with pytest.raises(NotSent, match="does not know our token: make one there with"):
        await pbx.sender(far.port).once()
    assert far.journal.facts == {}
