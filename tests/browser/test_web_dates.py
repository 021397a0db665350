"""The date picker: its calendar is right on every day, and a keyboard alone is enough for it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from persiantools.jdatetime import JalaliDate
from playwright.async_api import Locator, Page, expect

if TYPE_CHECKING:
    from browser_window import Window

pytest_plugins = ("browser_window",)
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

_EPOCH = date(1970, 1, 1)
_FORM = """(values) => {
  const form = document.createElement('form');
  for (const [name, value] of Object.entries(values)) {
    form.innerHTML += `<label class="field"><span>${name}</span><input name="${name}" data-date="${name}"></label>`;
  }
  document.querySelector('main').append(form);
  for (const [name, value] of Object.entries(values)) form.elements[name].value = value;
}"""


def _days(first: int, last: int) -> list[date]:
    """Every day of these Jalali years."""
    start: date = JalaliDate(first, 1, 1).to_gregorian()  # type: ignore[no-untyped-call]
    end: date = JalaliDate(last + 1, 1, 1).to_gregorian()  # type: ignore[no-untyped-call]
    return [start + timedelta(days=n) for n in range((end - start).days)]


async def test_every_day_of_two_centuries_is_the_right_one(window: Window) -> None:
    page = await window.open("/", language="fa")
    days = _days(1300, 1500)
    told = await page.evaluate(
        """([first, count]) => Array.from({length: count}, (_, n) => {
          const { year, month, day } = pbxDates.jalali.fromDay(first + n);
          if (pbxDates.jalali.toDay(year, month, day) !== first + n) throw new Error(`${year}/${month}/${day}`);
          return (year * 100 + month) * 100 + day;
        })""",
        [(days[0] - _EPOCH).days, len(days)],
    )
    right = [JalaliDate(day) for day in days]  # type: ignore[no-untyped-call]
    assert told == [(day.year * 100 + day.month) * 100 + day.day for day in right]
    weekdays = await page.evaluate("days => days.map(pbxDates.weekday)", [(day - _EPOCH).days for day in days[:3000]])
    assert weekdays == [day.isoweekday() % 7 for day in days[:3000]]


async def test_what_is_typed_is_read_as_the_server_reads_it(window: Window) -> None:
    page = await window.open("/", language="fa")
    day = (date(2026, 3, 20) - _EPOCH).days
    for text in ("1404/12/29", "۱۴۰۴/۱۲/۲۹", "٢٠٢٦-٠٣-٢٠", "2026-3-20", " 1404-12-29 14:30"):
        assert (await page.evaluate("text => pbxDates.parse(text)", text))["day"] == day, text
    for text in ("", "1404/12/30", "1403/13/01", "2026-02-29", "yesterday", "1404/12/29x", "1404/0/1"):
        assert await page.evaluate("text => pbxDates.parse(text)", text) is None, text
    assert await page.evaluate("text => pbxDates.parse(text).day", "1403/12/30") == day - 365
    assert await page.evaluate("day => pbxDates.write(day)", day) == "۱۴۰۴/۱۲/۲۹"


async def _opened(window: Window, language: str, first: str, last: str) -> tuple[Page, Locator]:
    page = await window.open("/", language=language, width=1000, height=800)
    await page.evaluate(_FORM, {"from": first, "to": last})
    await page.focus("[name=to]")
    await page.keyboard.press("Alt+ArrowDown")
    dialog = page.locator("dialog.picker")
    await expect(dialog).to_be_visible()
    return page, dialog


async def test_the_jalali_calendar_by_keyboard(window: Window) -> None:
    page, dialog = await _opened(window, "fa", "1404/12/25", "۱۴۰۴/۱۲/۲۹")
    focused = page.locator(":focus")
    await expect(focused).to_have_attribute("aria-label", "پنجشنبه ۲۹ اسفند ۱۴۰۴".replace("پنجشنبه", "جمعه"))
    assert await dialog.locator("td.within").count() == 5
    for key, shown in [
        ("ArrowLeft", "شنبه ۱ فروردین ۱۴۰۵"),  # to the left is later here
        ("ArrowRight", "جمعه ۲۹ اسفند ۱۴۰۴"),
        ("ArrowUp", "جمعه ۲۲ اسفند ۱۴۰۴"),
        ("ArrowDown", "جمعه ۲۹ اسفند ۱۴۰۴"),
        ("Shift+PageUp", "چهارشنبه ۲۹ اسفند ۱۴۰۳"),
        ("ArrowLeft", "پنجشنبه ۳۰ اسفند ۱۴۰۳"),  # a leap year's last day
        ("PageUp", "سه‌شنبه ۳۰ بهمن ۱۴۰۳"),
        ("Home", "شنبه ۲۷ بهمن ۱۴۰۳"),
        ("End", "جمعه ۳ اسفند ۱۴۰۳"),
        ("PageDown", "یکشنبه ۳ فروردین ۱۴۰۴"),
    ]:
        await page.keyboard.press(key)
        label = (await focused.get_attribute("aria-label") or "").replace("پنج‌شنبه", "پنجشنبه")
        assert label == shown, key
    await page.keyboard.press("Enter")
    await expect(dialog).to_be_hidden()
    await expect(page.locator("[name=to]")).to_have_value("۱۴۰۴/۰۱/۰۳")
    await expect(page.locator("[name=to]")).to_be_focused()


async def test_the_gregorian_calendar_and_its_jumps(window: Window) -> None:
    page, dialog = await _opened(window, "en", "", "2026-11-21 14:30")
    focused = page.locator(":focus")
    await expect(focused).to_have_attribute("aria-label", "Saturday 21 November 2026")
    await page.keyboard.press("ArrowRight")
    await expect(focused).to_have_attribute("aria-label", "Sunday 22 November 2026")
    await dialog.get_by_label("Month", exact=True).select_option("2")
    await dialog.get_by_label("Year", exact=True).fill("2028")
    await dialog.get_by_label("Year", exact=True).press("Enter")
    await dialog.get_by_role("button", name="Tuesday 29 February 2028").click()
    await expect(page.locator("[name=to]")).to_have_value("2028-02-29 14:30")  # the time of day is kept
    await page.get_by_role("button", name="Choose a date: from").click()
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(page.locator("[name=from]")).to_have_value("")
    await page.get_by_role("button", name="Choose a date: from").click()
    await dialog.get_by_role("button", name="Today").click()
    await expect(page.locator("[name=from]")).to_have_value("2026-11-21")
    await expect(page.get_by_label("from", exact=True)).to_be_visible()


async def test_the_picker_has_room_on_a_phone(window: Window, tmp_path: object) -> None:
    page = await window.open("/", language="fa", width=360, height=640)
    await page.evaluate(_FORM, {"from": "", "to": ""})
    await page.get_by_role("button", name="انتخاب تاریخ: to").click()
    box = await page.locator("dialog.picker").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= 640
    await page.screenshot(path=f"{tmp_path}/picker.png")
