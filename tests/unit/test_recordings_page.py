"""What a call's page says of its recordings."""

from __future__ import annotations

import pytest
from demo_history import NOON, self_served, talking
from web_visitor import Parts, visiting

from pbx_bridge.store import Recording, RecordingState
from pbx_bridge.web import words
from pbx_bridge.web.memory import MemoryRecordings


def recording(call_id: str, state: RecordingState) -> Recording:
    return Recording(
        node="pbx1", file="a.wav", channel="1.1", call_id=call_id, started_at=NOON, state=state, length_us=192_000_000
    )


@pytest.mark.parametrize("state", [state for state in RecordingState if state not in ("awaited", "empty")])
def test_every_state_that_is_shown_has_its_words(state: RecordingState) -> None:
    assert words.known(f"recording.{state}")


async def page_of(*states: RecordingState, language: str = "en") -> str:
    call = talking(1, NOON)
    parts = Parts(recordings=MemoryRecordings([recording(call.call_id, state) for state in states]))
    parts.put([call, self_served(2, NOON)])
    async with visiting(parts) as visitor:
        visitor.language = language
        return await visitor.page(f"/calls/{call.call_id}")


async def test_a_kept_recording_is_told_with_its_length() -> None:
    text = await page_of(RecordingState.PRESENT)
    assert "<dt>Recording</dt>" in text
    assert ">3:12<" in text
    assert "۳:۱۲" in await page_of(RecordingState.PRESENT, language="fa")


async def test_one_whose_file_went_is_told_as_gone() -> None:
    text = await page_of(RecordingState.GONE)
    assert "its file is gone" in text
    assert ">3:12<" not in text


async def test_nothing_is_said_where_there_is_nothing_to_say() -> None:
    for states in ((), (RecordingState.AWAITED,), (RecordingState.EMPTY,)):
        assert "<dt>Recording</dt>" not in await page_of(*states)


async def test_each_of_several_is_told() -> None:
    assert (await page_of(RecordingState.PRESENT, RecordingState.EXPIRED)).count("<dt>Recording</dt>") == 2
