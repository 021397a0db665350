"""The sounds of a call in a real browser: played, steered by keys and clicks, also without script; and its notes."""

from __future__ import annotations

import math
import struct
import wave
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from demo_history import NOON, morning, queued, talking
from every_page import Walk
from playwright.async_api import Locator, Page, expect
from web_visitor import NAME, PASSWORD

from pbx_bridge.calls.call import Call
from pbx_bridge.spool.sounds import Sound
from pbx_bridge.store import RecordingState

if TYPE_CHECKING:
    from browser_window import Window

pytest_plugins = ("browser_window",)
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SECONDS = 90
CALL = queued(500, NOON, "09121234567", wait=20, talk=SECONDS)


def sound(folder: Path, key: str = "a" * 16, *, content: bytes | None = None) -> Sound:
    """A talk whose loudness swells and fades."""
    path = folder / f"{key}.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        swell = [int(9000 * (1 + math.sin(i / 9000)) * math.sin(i * 0.3)) for i in range(8000 * SECONDS)]
        out.writeframes(struct.pack(f"<{len(swell)}h", *swell))
    if content is not None:
        path.write_bytes(content)
    return Sound(
        key=key,
        message=False,
        file=path.name,
        path=str(path),
        state=RecordingState.PRESENT,
        started_at=NOON,
        length_us=SECONDS * 1_000_000,
        sha256=key,
    )


def put(window: Window, call: Call, *sounds: Sound) -> str:
    """A call with these sounds; its address."""
    window.parts.put([call])
    window.parts.sounds.sounds[call.call_id] = list(sounds)
    return f"/calls/{call.call_id}"


async def at_second(page: Page, number: int = 0) -> float:
    return float(await page.evaluate(f"document.querySelectorAll('audio')[{number}].currentTime"))


async def plays(page: Page, number: int = 0, *, playing: bool = True) -> None:
    """Wait until it plays, or is silent."""
    audio = page.locator("audio").nth(number)
    await expect(audio).to_have_js_property("paused", not playing)
    if playing:
        await expect(audio).to_have_js_property("readyState", 4)


def box_of(page: Page) -> Locator:
    return page.locator(".wave-box").first


@pytest.mark.parametrize(("language", "told"), [("en", "0:10 of 1:30"), ("fa", "۰:۱۰ از ۱:۳۰")])
async def test_a_keyboard_plays_and_steers(window: Window, tmp_path: Path, language: str, told: str) -> None:
    page = await window.open(put(window, CALL, sound(tmp_path)), language=language)
    box = box_of(page)
    await expect(box.locator("svg path.wave")).to_have_count(1)
    await box.focus()
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("ArrowUp")
    assert await at_second(page) == 10
    await expect(box).to_have_attribute("aria-valuetext", told)
    await page.keyboard.press("Space")
    await plays(page)
    await expect(box).to_have_attribute("aria-valuenow", "11")
    await page.keyboard.press("Space")
    await plays(page, playing=False)
    await page.keyboard.press("PageUp")
    assert await at_second(page) > 40
    await page.keyboard.press("Home")
    await page.keyboard.press("ArrowLeft")
    assert await at_second(page) == 0
    await page.keyboard.press("End")
    assert await at_second(page) == pytest.approx(SECONDS, abs=0.1)
    heard = [(one.user, one.what) for one in window.parts.audit.entries if one.what == "heard"]
    assert heard == [(NAME, "heard")]


async def test_a_click_on_the_waveform_plays_from_there(window: Window, tmp_path: Path) -> None:
    page = await window.open(put(window, CALL, sound(tmp_path)))
    box = box_of(page)
    await expect(box.locator("svg")).to_be_visible()
    size = await box.bounding_box()
    assert size is not None
    await box.click(position={"x": size["width"] / 2, "y": 20})
    await plays(page)
    assert await at_second(page) == pytest.approx(SECONDS / 2, abs=3)
    width = float(await box.locator(".played").get_attribute("width") or 0)
    assert width == pytest.approx(500, abs=30)


async def test_a_part_of_the_call_is_jumped_to_and_the_speed_is_chosen(window: Window, tmp_path: Path) -> None:
    page = await window.open(put(window, CALL, sound(tmp_path)))
    jump = page.locator("[data-jump]").first
    await expect(jump).to_contain_text("Talk")
    await jump.focus()
    await page.keyboard.press("Enter")
    await plays(page)
    await page.select_option(".speed select", "1.5")
    assert await page.evaluate("document.querySelector('audio').playbackRate") == 1.5
    await page.select_option(".speed select", "0.75")
    assert await page.evaluate("document.querySelector('audio').playbackRate") == 0.75


async def test_only_one_sound_is_heard_at_a_time(window: Window, tmp_path: Path) -> None:
    page = await window.open(put(window, CALL, sound(tmp_path), sound(tmp_path, "b" * 16)))
    for number in (0, 1):
        await page.locator(".wave-box").nth(number).focus()
        await page.keyboard.press("Space")
        await plays(page, number)
    await plays(page, 0, playing=False)


async def test_a_damaged_sound_says_that_it_cannot_be_played(window: Window, tmp_path: Path) -> None:
    page = await window.open(put(window, CALL, sound(tmp_path, content=b"\xff" * 5000)), language="fa")
    await box_of(page).focus()
    await page.keyboard.press("Space")
    await expect(page.locator(".sound-failed")).to_be_visible()
    await expect(box_of(page).locator("svg")).to_have_count(0)


async def test_it_plays_without_script(window: Window, tmp_path: Path) -> None:
    address = put(window, CALL, sound(tmp_path))
    context = await window.browser.new_context(java_script_enabled=False, locale="en")
    page = await context.new_page()
    await page.goto(window.address + address)
    await page.fill("[name=name]", NAME)
    await page.fill("[name=password]", PASSWORD)
    await page.click("button[type=submit]")
    await expect(page.locator("audio")).to_be_visible()
    for script_only in (".wave-box", ".speed", ".jumps", ".sound-keys"):
        await expect(page.locator(script_only).first).to_be_hidden()
    source = await page.locator("audio").get_attribute("src")
    answer = await context.request.get(f"{window.address}{source}", headers={"Range": "bytes=0-99"})
    assert (answer.status, len(await answer.body())) == (206, 100)
    await page.fill("[name=text]", "noted without script")
    await page.get_by_role("button", name="Save the note").click()
    await expect(page.locator(".note-text")).to_have_text("noted without script")


async def test_a_note_is_saved_while_the_sound_goes_on(window: Window, tmp_path: Path) -> None:
    page = await window.open(put(window, CALL, sound(tmp_path)))
    await box_of(page).focus()
    await page.keyboard.press("Space")
    await plays(page)
    await page.fill("[name=text]", "<img src=x onerror=window.struck=1>\u202e\nخوب شد")
    await page.get_by_role("button", name="Save the note").click()
    await expect(page.locator(".note-text")).to_contain_text("<img src=x onerror=window.struck=1>")
    assert not await page.evaluate("document.querySelector('audio').paused")
    assert await page.evaluate("window.struck === undefined")
    await expect(page.locator("[name=text]")).to_have_value("")


async def test_what_is_typed_outlives_news_of_the_call(window: Window) -> None:
    call = talking(501, NOON)
    page = await window.open(put(window, call))
    await expect(page.locator("#live")).to_have_text("Live")
    await page.fill("[name=text]", "half a tho")
    window.parts.put([queued(501, NOON, "02188776655", wait=22, talk=61)])
    await expect(page.locator("h1 + p")).to_contain_text("Answered")
    await expect(page.locator("[name=text]")).to_be_focused()
    await page.keyboard.type("ught")
    await expect(page.locator("[name=text]")).to_have_value("half a thought")


@pytest.mark.parametrize("language", ["fa", "en"])
async def test_a_page_with_everything_on_it_holds(window: Window, tmp_path: Path, language: str) -> None:
    await window.parts.call.notes.add(CALL.call_id, NAME, "یک یادداشت\nand another line")
    gone = replace(sound(tmp_path, "b" * 16), message=True, state=RecordingState.EXPIRED)
    page = await window.open(put(window, CALL, sound(tmp_path), gone), language=language)
    walk = Walk(page, window.address)
    assert await walk.open(f"/calls/{CALL.call_id}") is not None
    assert await walk.faults(keyboard=False) == []
    assert await walk.open(f"/calls/{CALL.call_id}") is not None
    # After Tab has gone round, the link past the navigation may lie over others: only what Tab met is asked for.
    met = [fault for fault in await walk.faults(keyboard=True) if fault.startswith(("not reached", "focus"))]
    assert met == []


@pytest.mark.parametrize("language", ["fa", "en"])
async def test_nothing_is_wider_than_a_phone(window: Window, tmp_path: Path, language: str) -> None:
    call = morning()[6]
    page = await window.open(put(window, call, sound(tmp_path)), language=language, width=360, height=740)
    await expect(box_of(page).locator("svg")).to_be_visible()
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert int(await page.evaluate(wide)) <= 0
    await page.goto(f"{window.address}/calls/{call.call_id}/facts")
    assert int(await page.evaluate(wide)) <= 0
