"""Messages that callers recorded, from Asterisk's folder to the end of their time, across a death between any two
steps."""

from __future__ import annotations

import os
import wave
from array import array
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from store_facts import NODE, at, quick_store

from pbx_bridge.calls.fact_text import step_fact
from pbx_bridge.calls.facts import Step, StepKind
from pbx_bridge.errors import InputError
from pbx_bridge.health import Health, LinkState
from pbx_bridge.ivr.known import SoundFacts
from pbx_bridge.ivr.questions import KeepRecording, RecordingTaken, TicketOfNumber
from pbx_bridge.spool.message_commands import MessagePlace, expire_messages, show_messages
from pbx_bridge.spool.message_lookups import MessageLookups
from pbx_bridge.spool.messages import MessageKeeper, NotAMessage, expire
from pbx_bridge.spool.recording_files import RecordingFiles
from pbx_bridge.store import RunGone, RunState, Store
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.commands import Place
from pbx_bridge.store.messages import Origin
from pbx_bridge.values.dates import TEHRAN

SECONDS = 4
CHANNEL = "1.1"
NAME = f"{NODE}_{CHANNEL}-01-complaint"
CALLER = "09121234567"
LATER = at(3600)


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

    def keeper(self, *, days: int = 365, shortest_s: float = 1.0, now: datetime = LATER) -> MessageKeeper:
        return MessageKeeper(
            node=NODE,
            files=self.files,
            store=self.store,
            health=self.health,
            keep_days=days,
            shortest_s=lambda flow_node: {"complaint": shortest_s}[flow_node],
            clock=lambda: now,
        )

    def spoken(self, name: str = NAME, seconds: float = SECONDS, *, loud: int = 3000, ended_s: float = 30) -> Path:
        """What Asterisk recorded, its last sound at that second of the day's noon."""
        path = self.spool / f"{name}.wav"
        with wave.open(str(path), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(8000)
            out.writeframes(array("h", [loud, -loud] * int(4000 * seconds)).tobytes())
        os.utime(path, (at(ended_s).timestamp(), at(ended_s).timestamp()))
        return path

    async def run(self, *, over: bool = False) -> None:
        """The caller's run, as far as it stands in the store."""
        started = self.step(0, StepKind.STARTED, caller=CALLER)
        state = RunGone(node=NODE, channel=CHANNEL) if over else RunState(node=NODE, channel=CHANNEL, body=b"{}")
        await self.store.journal.add([started], runs=[state])

    def step(self, sequence: int, kind: StepKind, **data: object) -> Any:
        return step_fact(
            node=NODE, channel=CHANNEL, sequence=sequence, at=at(2), kind=kind, flow_node="complaint", data=data
        )

    async def told(self) -> list[Step]:
        steps = await self.store.steps.of(NODE, CHANNEL)
        return [step for step in steps if step.kind is StepKind.RECORDED]

    def names(self) -> list[str]:
        """What stands in both folders."""
        return sorted(str(p.relative_to(self.spool.parent)) for p in self.spool.parent.rglob("*") if p.is_file())


@pytest.fixture
async def desk(tmp_path: Path, place: StorePlace) -> AsyncIterator[Desk]:
    folder = tmp_path / "files"
    (folder / "spool").mkdir(parents=True)
    health = Health()
    async with quick_store(place, health) as store:
        yield Desk(store=store, spool=folder / "spool", kept=folder / "kept", health=health)


KEPT = f"kept/2026/11/21/{NAME}.wav"


async def test_a_flow_has_its_message_put_away(desk: Desk) -> None:
    desk.spoken()
    await desk.run()
    lookups = MessageLookups(desk.keeper())
    assert await lookups.answer(RecordingTaken(NAME)) == SoundFacts(seconds=4.0, audible=True)
    assert await lookups.answer(KeepRecording(NAME)) == SoundFacts(seconds=4.0, audible=True)
    message = await desk.store.messages.get(NAME)
    assert message is not None
    assert message.origin == Origin(node=NODE, channel=CHANNEL, flow_node="complaint")
    assert (message.caller, message.seconds, message.size) == (CALLER, 4.0, 64044)
    assert message.made_at == at(26)
    assert len(message.sha256) == 64
    assert desk.names() == [KEPT, f"spool/{NAME}.wav"], "Asterisk's own is let go when the call is over"
    assert (desk.kept / message.path).stat().st_mode & 0o077 == 0


async def test_asked_again_it_is_the_same(desk: Desk) -> None:
    desk.spoken()
    await desk.run()
    first = await desk.keeper().keep(NAME)
    (desk.spool / f"{NAME}.wav").unlink()
    assert await desk.keeper().keep(NAME) == first
    assert await desk.keeper().listen(NAME) is not None
    assert [one async for one in desk.store.messages.since()] == [first]


async def test_what_is_not_there_is_none(desk: Desk) -> None:
    lookups = MessageLookups(desk.keeper())
    assert await lookups.answer(RecordingTaken(NAME)) is None
    with pytest.raises(FileNotFoundError):
        await lookups.answer(KeepRecording(NAME))


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "other_1.1-01-complaint", f"{NODE}_x/y-01-complaint", "\0"])
async def test_a_strange_name_is_refused(desk: Desk, name: str) -> None:
    with pytest.raises(NotAMessage):
        await desk.keeper().keep(name)
    with pytest.raises(NotAMessage):
        await desk.keeper().listen(name)


async def test_no_link_is_followed(desk: Desk, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"\1" * 40_000)
    (desk.spool / f"{NAME}.wav").symlink_to(secret)
    with pytest.raises(OSError, match=r"symbolic|link"):
        await desk.keeper().keep(NAME)


async def test_another_question_is_not_ours(desk: Desk) -> None:
    with pytest.raises(ValueError, match="tracking"):
        await MessageLookups(desk.keeper()).answer(TicketOfNumber("14712965"))


# --- what calls leave behind --------------------------------------------------------------------------------------


async def test_while_the_call_goes_on_its_recordings_are_let_be(desk: Desk) -> None:
    desk.spoken()
    await desk.run()
    await desk.keeper().turn()
    assert desk.names() == [f"spool/{NAME}.wav"]


async def test_whoever_hung_up_has_left_it_and_the_record_tells(desk: Desk) -> None:
    desk.spoken()
    await desk.run()
    await desk.run(over=True)
    await desk.keeper().turn()
    assert desk.names() == [KEPT]
    (step,) = await desk.told()
    assert dict(step.data) == {"name": NAME, "seconds": 4.0, "result": "kept"}
    assert (step.flow_node, step.at) == ("complaint", at(30))
    await desk.keeper().turn()
    assert len(await desk.told()) == 1


async def test_what_the_run_told_itself_is_not_told_again(desk: Desk) -> None:
    desk.spoken()
    await desk.run()
    await desk.keeper().keep(NAME)
    own = desk.step(7, StepKind.RECORDED, name=NAME, seconds=4.0, result="kept")
    await desk.store.journal.add([own], runs=[RunGone(node=NODE, channel=CHANNEL)])
    await desk.keeper().turn()
    assert [step.offset for step in await desk.told()] == [7]
    assert desk.names() == [KEPT]


async def test_two_messages_of_a_call_are_two(desk: Desk) -> None:
    other = f"{NODE}_{CHANNEL}-02-complaint"
    desk.spoken()
    desk.spoken(other, 2.0)
    await desk.run(over=True)
    await desk.keeper().turn()
    assert [(step.data["name"], step.data["seconds"]) for step in await desk.told()] == [(NAME, 4.0), (other, 2.0)]
    assert len(desk.names()) == 2


async def test_not_while_it_may_still_grow(desk: Desk) -> None:
    desk.spoken(ended_s=30)
    await desk.run(over=True)
    await desk.keeper(now=at(31)).turn()
    assert desk.names() == [f"spool/{NAME}.wav"]
    await desk.keeper(now=at(34)).turn()
    assert desk.names() == [KEPT]


@pytest.mark.parametrize(("seconds", "loud"), [(0.9, 3000), (30.0, 20), (0.0, 0)])
async def test_what_is_no_message_is_removed(desk: Desk, seconds: float, loud: int) -> None:
    desk.spoken(seconds=seconds, loud=loud)
    await desk.run(over=True)
    await desk.keeper().turn()
    assert desk.names() == []
    assert await desk.told() == []


async def test_how_short_is_none_is_the_flows_word(desk: Desk) -> None:
    desk.spoken(seconds=0.9)
    await desk.run(over=True)
    await desk.keeper(shortest_s=0.5).turn()
    assert desk.names() == [KEPT]


async def test_a_whisper_is_a_message(desk: Desk) -> None:
    desk.spoken(loud=150)
    assert await MessageLookups(desk.keeper()).answer(RecordingTaken(NAME)) == SoundFacts(seconds=4.0, audible=True)


async def test_other_recordings_of_the_pbx_are_let_be(desk: Desk) -> None:
    desk.spoken("greeting")
    desk.spoken("other_1.1-01-complaint")
    await desk.keeper().turn()
    assert len(desk.names()) == 2


async def test_a_header_that_was_never_finished_is_put_right(desk: Desk) -> None:
    path = desk.spoken()
    sound = bytearray(path.read_bytes())
    sound[4:8] = sound[40:44] = b"\0\0\0\0"
    path.write_bytes(sound)
    os.utime(path, (at(30).timestamp(), at(30).timestamp()))
    await desk.run(over=True)
    await desk.keeper().turn()
    with wave.open(str(desk.spool.parent / KEPT)) as kept:
        assert kept.getnframes() == 8000 * SECONDS


@pytest.mark.parametrize("died_after", ["nothing", "copied", "kept", "told"])
async def test_a_death_between_any_two_steps_leaves_it_kept_once(desk: Desk, died_after: str) -> None:
    desk.spoken()
    await desk.run(over=True)
    keeper = desk.keeper()
    if died_after == "copied":
        desk.files.copy(f"{NAME}.wav", KEPT.removeprefix("kept/"))
    if died_after in ("kept", "told"):
        await keeper.keep(NAME)
    if died_after == "told":
        await keeper.turn()
        desk.spoken()  # the removal never reached the disk
    await desk.keeper().turn()
    assert desk.names() == [KEPT]
    assert len(await desk.told()) == 1
    assert len([one async for one in desk.store.messages.since()]) == 1


async def test_a_folder_that_cannot_be_written_is_told_and_tried_again(desk: Desk) -> None:
    desk.spoken()
    await desk.run(over=True)
    desk.kept.write_bytes(b"")  # where a folder should be
    await desk.keeper().turn()
    (link,) = [link for link in desk.health.links() if link.name == "messages"]
    assert link.state is LinkState.DEGRADED
    assert link.detail.startswith("a message cannot be kept: ")
    assert desk.names() == ["kept", f"spool/{NAME}.wav"]
    desk.kept.unlink()
    await desk.keeper().turn()
    (link,) = [link for link in desk.health.links() if link.name == "messages"]
    assert (link.state, desk.names()) == (LinkState.UP, [KEPT])


# --- the end of their time ----------------------------------------------------------------------------------------


async def a_kept_one(desk: Desk) -> None:
    desk.spoken()
    await desk.run(over=True)
    await desk.keeper().turn()


async def test_when_its_time_is_up_the_file_goes_and_its_name_stays(desk: Desk) -> None:
    await a_kept_one(desk)
    now = at(27) + timedelta(days=10)
    going = [one async for one in expire(desk.store.messages, desk.files, 10, now, dry_run=True)]
    assert [one.name for one in going] == [NAME]
    assert desk.names() == [KEPT], "a dry run"
    await desk.keeper(days=10, now=now).tidy()
    assert desk.names() == []
    message = await desk.store.messages.get(NAME)
    assert message is not None
    assert (message.path, message.seconds) == ("", 4.0)
    assert [one async for one in expire(desk.store.messages, desk.files, 10, now)] == []


@pytest.mark.parametrize("days", [0, 11])
async def test_before_that_it_stays(desk: Desk, days: int) -> None:
    await a_kept_one(desk)
    await desk.keeper(days=days, now=at(26) + timedelta(days=10)).tidy()
    assert desk.names() == [KEPT]


# --- the commands -------------------------------------------------------------------------------------------------


async def test_the_list_tells_when_whose_and_where(desk: Desk, place: StorePlace) -> None:
    await a_kept_one(desk)
    where = MessagePlace(
        store=Place(path=place, region="IR", zone=TEHRAN), spool=desk.spool, kept=desk.kept, keep_days=365
    )
    lines: list[str] = []
    await show_messages(where, lines.append, since=None)
    assert len(lines) == 2
    assert all(word in lines[1] for word in ("2026-11-21", CALLER, "complaint", " 4.0 ", str(desk.kept)))
    with pytest.raises(InputError, match="yesteryear"):
        await show_messages(where, lines.append, since="yesteryear")


async def test_expire_tells_first_and_removes_then(desk: Desk, place: StorePlace) -> None:
    await a_kept_one(desk)
    message = await desk.store.messages.get(NAME)
    assert message is not None
    await desk.store.messages.put(replace(message, made_at=at(26) - timedelta(days=4000)))
    where = MessagePlace(
        store=Place(path=place, region="IR", zone=TEHRAN), spool=desk.spool, kept=desk.kept, keep_days=365
    )
    lines: list[str] = []
    await expire_messages(where, lines.append, dry_run=True)
    assert lines[-1] == "1 messages, 64044 bytes would be removed"
    assert desk.names() == [KEPT]
    await expire_messages(where, lines.append, dry_run=False)
    assert (lines[-1], desk.names()) == ("1 messages, 64044 bytes removed", [])
    await show_messages(where, lines.append, since=None)
    assert lines[-1].endswith("  expired")
