"""Recordings from the fact that tells of them to the end of their time, across a death between any two steps."""

from __future__ import annotations

import os
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from store_facts import NODE, at, begun, cel, ended, quick_store, revisions

from pbx_bridge.calls.fact_text import cel_fact, decode
from pbx_bridge.calls.facts import RawFact
from pbx_bridge.health import Health, LinkState
from pbx_bridge.spool.recording_files import RecordingFiles
from pbx_bridge.spool.recordings import RecordingKeeper, Shelf, expire, place_of
from pbx_bridge.store import Recording, RecordingState, Store, call_json
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.recordings import note_recordings

SECONDS = 4
LATER = at(3600)


def file_of(channel: str) -> str:
    return f"{NODE}_{channel}.wav"


def told(channel: str, seconds: float = 2.0) -> RawFact:
    extra = f'{{"extra":"recording={file_of(channel)}"}}'
    row = cel("USER_DEFINED", channel, seconds, extra=extra)
    body = row.body.replace('""', '"PBXB"', 1)
    return cel_fact(node=NODE, file=row.file, offset=row.offset, body=body)


@dataclass(kw_only=True)
class Desk:
    """A store, the two folders, and keepers as one daemon after the other makes them."""

    store: Store
    spool: Path
    kept: Path
    health: Health

    @property
    def files(self) -> RecordingFiles:
        return RecordingFiles(self.spool, self.kept)

    def keeper(self, days: dict[str, int] | None = None, *, later: bool = True) -> RecordingKeeper:
        return RecordingKeeper(
            node=NODE,
            files=self.files,
            recordings=self.store.recordings,
            health=self.health,
            keep_days=days,
            clock=(lambda: LATER) if later else (lambda: at(31)),
        )

    def sound(self, channel: str, seconds: float = SECONDS) -> Path:
        """What Asterisk wrote."""
        path = self.spool / file_of(channel)
        with wave.open(str(path), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(8000)
            out.writeframes(b"\1\2" * int(8000 * seconds))
        return path

    async def call(self, channel: str = "1.1", *, over: bool = True) -> str:
        """A call that is recorded, and its id."""
        facts = [*begun(channel), told(channel), *(ended(channel) if over else ())]
        (news, *_) = await revisions(self.store, facts, 1)
        return str(news.call.call_id)  # type: ignore[attr-defined]

    async def of(self, call_id: str) -> Recording:
        (recording,) = await self.store.recordings.of_call(call_id)
        return recording

    def names(self) -> list[str]:
        """What stands in both folders."""
        return sorted(str(p.relative_to(self.spool.parent)) for p in self.spool.parent.rglob("*.wav"))


@pytest.fixture
async def desk(tmp_path: Path, place: StorePlace) -> AsyncIterator[Desk]:
    (tmp_path / "spool").mkdir()
    health = Health()
    async with quick_store(place, health) as store:
        yield Desk(store=store, spool=tmp_path / "spool", kept=tmp_path / "kept", health=health)


async def test_a_recording_is_taken_when_its_call_is_over(desk: Desk) -> None:
    desk.sound("1.1")
    call_id = await desk.call()
    assert (await desk.of(call_id)).state is RecordingState.AWAITED
    await desk.keeper().turn()
    recording = await desk.of(call_id)
    assert (recording.state, recording.length_us, recording.size) == (RecordingState.PRESENT, 4_000_000, 64044)
    assert recording.path == f"2026/11/21/{file_of('1.1')}"
    assert desk.names() == [f"kept/{recording.path}"]
    assert len(recording.sha256) == 64


async def test_not_while_the_call_goes_on(desk: Desk) -> None:
    desk.sound("1.1")
    await desk.call(over=False)
    await desk.keeper().turn()
    assert desk.names() == [f"spool/{file_of('1.1')}"]


async def test_not_while_it_may_still_grow(desk: Desk) -> None:
    path = desk.sound("1.1")
    call_id = await desk.call()
    os.utime(path, (at(30.5).timestamp(), at(30.5).timestamp()))
    await desk.keeper(later=False).turn()
    assert (await desk.of(call_id)).state is RecordingState.AWAITED
    await desk.keeper().turn()
    assert (await desk.of(call_id)).state is RecordingState.PRESENT


async def test_a_recording_of_nobody_leaves_no_file(desk: Desk) -> None:
    desk.sound("1.1", 0)
    call_id = await desk.call()
    await desk.keeper().turn()
    assert (await desk.of(call_id)).state is RecordingState.EMPTY
    assert not (await desk.of(call_id)).is_shown
    assert desk.names() == []


async def test_a_file_that_never_came_is_missing_only_after_a_while(desk: Desk) -> None:
    call_id = await desk.call()
    await desk.keeper(later=False).turn()
    assert (await desk.of(call_id)).state is RecordingState.AWAITED
    await desk.keeper().turn()
    assert (await desk.of(call_id)).state is RecordingState.MISSING
    desk.sound("1.1")
    await desk.keeper().tidy()
    await desk.keeper().turn()
    assert (await desk.of(call_id)).state is RecordingState.PRESENT, "it came to light"


async def test_a_spool_that_is_not_there_makes_nothing_missing(desk: Desk) -> None:
    call_id = await desk.call()
    desk.spool.rmdir()
    await desk.keeper().turn()
    assert (await desk.of(call_id)).state is RecordingState.AWAITED
    assert next(link for link in desk.health.links() if link.name == "recordings").state is LinkState.DEGRADED


# --- a death between two steps -----------------------------------------------------------------------------------


async def test_killed_after_the_copy(desk: Desk) -> None:
    desk.sound("1.1")
    call_id = await desk.call()
    desk.files.copy(file_of("1.1"), place_of(await desk.of(call_id)))
    await desk.keeper().turn()
    assert (await desk.of(call_id)).state is RecordingState.PRESENT
    assert desk.names() == [f"kept/2026/11/21/{file_of('1.1')}"]


async def test_killed_before_the_source_was_removed(desk: Desk) -> None:
    path = desk.sound("1.1")
    data = path.read_bytes()
    call_id = await desk.call()
    await desk.keeper().turn()
    path.write_bytes(data)
    await desk.keeper().turn()
    await desk.keeper().tidy()
    assert (await desk.of(call_id)).state is RecordingState.PRESENT
    assert desk.names() == [f"kept/2026/11/21/{file_of('1.1')}"]


async def test_killed_before_a_silent_source_was_removed(desk: Desk) -> None:
    desk.sound("1.1", 0)
    call_id = await desk.call()
    await desk.keeper().turn()
    desk.sound("1.1", 0)
    await desk.keeper().tidy()
    await desk.keeper().turn()
    assert (await desk.of(call_id)).state is RecordingState.EMPTY
    assert desk.names() == []


async def test_a_source_is_not_removed_while_its_copy_is_not_there(desk: Desk) -> None:
    path = desk.sound("1.1")
    data = path.read_bytes()
    call_id = await desk.call()
    await desk.keeper().turn()
    desk.files.drop_kept((await desk.of(call_id)).path)
    path.write_bytes(data)
    await desk.keeper().tidy()
    await desk.keeper().turn()
    assert (await desk.of(call_id)).state is RecordingState.PRESENT
    assert desk.names() == [f"kept/2026/11/21/{file_of('1.1')}"]


async def test_a_store_that_forgot_finds_the_kept_file(desk: Desk) -> None:
    """A backup was put back: the facts are read again, the file was taken long ago."""
    desk.sound("1.1")
    call_id = await desk.call()
    await desk.keeper().turn()
    before = await desk.of(call_id)
    await desk.store.recordings.put(
        Recording(node=NODE, file=before.file, channel="1.1", call_id=call_id, started_at=before.started_at)
    )
    await desk.keeper().turn()
    assert await desk.of(call_id) == before


async def test_a_tree_that_cannot_be_written_holds_nothing_else_up(desk: Desk) -> None:
    desk.kept.write_text("in the way")
    desk.sound("1.1")
    call_id = await desk.call()
    desk.sound("1.2", 0)
    other = await desk.call("1.2")
    await desk.keeper().turn()
    link = next(link for link in desk.health.links() if link.name == "recordings")
    assert link.state is LinkState.DEGRADED
    assert "a recording cannot be kept" in link.detail
    assert (await desk.of(call_id)).state is RecordingState.AWAITED
    assert (await desk.of(other)).state is RecordingState.EMPTY
    desk.kept.unlink()
    await desk.keeper().turn()
    assert (await desk.of(call_id)).state is RecordingState.PRESENT
    assert desk.health.ready is False, "the other links of this test were never up"
    assert next(link for link in desk.health.links() if link.name == "recordings").state is LinkState.UP


# --- whose it is -------------------------------------------------------------------------------------------------


async def test_told_twice_and_folded_anew_it_is_one(desk: Desk) -> None:
    desk.sound("1.1")
    call_id = await desk.call()
    await desk.keeper().turn()
    before = await desk.of(call_id)
    facts = [told("1.1"), told("1.1", 5), cel("LINKEDID_END", "1.1", 31)]
    await desk.store.journal.add(facts)
    assert await desk.of(call_id) == before


async def test_when_two_calls_turn_out_to_be_one_it_belongs_to_that(desk: Desk) -> None:
    for channel in ("1.1", "1.2"):
        desk.sound(channel)
    first, second = await desk.call("1.1"), await desk.call("1.2")
    await revisions(desk.store, [cel("BRIDGE_ENTER", "1.2", 20, linkedid="1.1")], 1)
    kept = [call_id for call_id in (first, second) if await desk.store.calls.get(call_id)]
    assert len(kept) == 1
    assert len(await desk.store.recordings.of_call(kept[0])) == 2


async def test_those_of_a_stretch_of_the_list_are_those_of_each_of_its_calls(desk: Desk) -> None:
    for number in range(5):
        channel, seconds = f"{number + 1}.1", 60.0 * (number // 2)  # two at a time begin at the same moment
        rows = [told(channel, seconds + 2)] if number != 1 else []
        await revisions(desk.store, [*begun(channel, seconds), *rows, *ended(channel, seconds + 30)], 1)
    calls = [row.call for row in await desk.store.calls.page()]
    each = {call.call_id: await desk.store.recordings.of_call(call.call_id) for call in calls}
    assert sum(map(len, each.values())) == 4
    for first in range(5):
        for end in range(first, 6):
            some = calls[first:end]
            wanted = {call.call_id: each[call.call_id] for call in some if each[call.call_id]}
            assert await desk.store.recordings.of_calls(some) == wanted


async def test_the_record_tells_it(desk: Desk) -> None:
    desk.sound("1.1")
    call_id = await desk.call()
    await desk.keeper().turn()
    row = await desk.store.calls.get(call_id)
    assert row is not None
    (recording,) = call_json(row, await desk.store.recordings.of_call(call_id))["recordings"]
    assert (recording["state"], recording["length_s"]) == ("present", 4.0)
    assert call_json(row)["recordings"] == []


# --- gone, and let go --------------------------------------------------------------------------------------------


async def test_a_file_that_went_is_shown_as_gone_and_found_again(desk: Desk) -> None:
    desk.sound("1.1")
    call_id = await desk.call()
    await desk.keeper().turn()
    place = desk.files.kept((await desk.of(call_id)).path)
    shelf = Shelf(desk.store.recordings, desk.files)
    place.rename(desk.spool.parent / "elsewhere")
    assert [one.state for one in await shelf.of_call(call_id)] == [RecordingState.GONE]
    await desk.keeper().tidy()
    assert (await desk.of(call_id)).state is RecordingState.GONE
    (desk.spool.parent / "elsewhere").rename(place)
    await desk.keeper().tidy()
    assert (await desk.of(call_id)).state is RecordingState.PRESENT


async def test_retention_by_outcome(desk: Desk) -> None:
    desk.sound("1.1")
    call_id = await desk.call()
    await desk.keeper().turn()
    row = await desk.store.calls.get(call_id)
    assert row is not None
    assert row.call.outcome is not None
    outcome = row.call.outcome.value

    async def due(days: dict[str, int], after_days: float, *, dry_run: bool = True) -> int:
        now = at(3) + timedelta(days=after_days)
        told = expire(desk.store.recordings, desk.files, days, now, dry_run=dry_run)
        return len([recording async for recording in told])

    assert await due({}, 364.9) == 0
    assert await due({}, 365) == 1
    assert await due({"default": 0}, 9999) == 0
    assert await due({"default": 7}, 7) == 1
    assert await due({outcome: 30}, 29.9) == 0
    assert await due({outcome: 30}, 30) == 1
    assert await due({outcome: 0, "default": 1}, 9999) == 0
    assert (await desk.of(call_id)).state is RecordingState.PRESENT, "nothing of that was more than a dry run"
    assert await due({outcome: 30}, 30, dry_run=False) == 1
    assert (await desk.of(call_id)).state is RecordingState.EXPIRED
    assert desk.names() == []
    assert await due({outcome: 30}, 31, dry_run=False) == 0


async def test_killed_while_letting_go(desk: Desk) -> None:
    desk.sound("1.1")
    call_id = await desk.call()
    await desk.keeper().turn()
    desk.files.drop_kept((await desk.of(call_id)).path)
    days = {"default": 1}
    gone = [one async for one in expire(desk.store.recordings, desk.files, days, at(2) + timedelta(days=2))]
    assert len(gone) == 1
    assert (await desk.of(call_id)).state is RecordingState.EXPIRED


async def test_many_are_listed_in_order_of_their_beginning(desk: Desk) -> None:
    count = 1100  # more than two pages of them, some of one moment
    facts = [decode(told(f"9.{n}", n // 3)) for n in range(count)]
    await desk.store.writer.submit(lambda transaction: note_recordings(transaction.db, "some-call", facts))
    listed = [one.recording async for one in desk.store.recordings.since()]
    assert len({one.file for one in listed}) == len(listed) == count
    assert [one.started_at for one in listed] == sorted(one.started_at for one in listed)
    assert len([one async for one in desk.store.recordings.since(at(100), at(101))]) == 3
