"""What a call's page says of its recordings."""

from __future__ import annotations

import pytest
from demo_history import NOON, self_served, talking
from web_visitor import Parts, visiting

from pbx_bridge.spool.sounds import sound_of
from pbx_bridge.store import Recording, RecordingState
from pbx_bridge.web import words
from pbx_bridge.web.call.memory import MemorySounds

TITLE = 'id="sounds"'


def recording(call_id: str, state: RecordingState, file: str = "a.wav") -> Recording:
    return Recording(
        node="pbx1", file=file, channel="1.1", call_id=call_id, started_at=NOON, state=state, length_us=192_000_000
    )


@pytest.mark.parametrize("state", [state for state in RecordingState if state not in ("awaited", "empty")])
def test_every_state_that_is_shown_has_its_words(state: RecordingState) -> None:
    assert words.known(f"recording.{state}")


async def page_of(*states: RecordingState, language: str = "en") -> str:
    call = talking(1, NOON)
    sounds = [sound_of(recording(call.call_id, state, f"{number}.wav")) for number, state in enumerate(states)]
    parts = Parts(sounds=MemorySounds({call.call_id: sounds}))
    parts.put([call, self_served(2, NOON)])
    async with visiting(parts) as visitor:
        visitor.language = language
        return await visitor.page(f"/calls/{call.call_id}")


async def test_a_kept_recording_can_be_heard_and_is_told_with_its_length() -> None:
    text = await page_of(RecordingState.PRESENT)
    assert "<audio controls" in text
    assert ">3:12<" in text
    assert "۳:۱۲" in await page_of(RecordingState.PRESENT, language="fa")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (RecordingState.GONE, "its file is gone"),
        (RecordingState.EXPIRED, "removed, its time was up"),
        (RecordingState.MISSING, "no file came"),
    ],
)
async def test_one_without_a_file_says_why(state: RecordingState, said: str) -> None:
    text = await page_of(state)
    assert said in text
    assert "<audio" not in text


async def test_nothing_is_said_where_there_is_nothing_to_say() -> None:
    assert TITLE not in await page_of()


async def test_each_of_several_is_told() -> None:
    text = await page_of(RecordingState.PRESENT, RecordingState.EXPIRED)
    assert text.count("<figcaption") == 2
    assert "Talk, sound 1" in text
    assert "Talk, sound 2" in text
