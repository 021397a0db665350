"""Customers in a real browser: found while somebody types, in place; lines added to the form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from pbx_bridge.store.customers import Person, Sheet
from pbx_bridge.web.customers.memory import MemoryBook

if TYPE_CHECKING:
    from browser_window import Window

pytest_plugins = ("browser_window",)
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_found_while_typing_and_another_line_for_a_number(window: Window) -> None:
    book = window.parts.customers.book
    assert isinstance(book, MemoryBook)
    book.put("C-1042", Sheet(name="شرکت آریا صنعت", people=(Person(phone_e164="+989121234567", name="علی"),)))
    book.put("1007", Sheet(name="بیمارستان مهر"))
    page = await window.open("/customers", language="fa")
    field, found = page.locator("input[name=q]"), page.locator("#found .customers a")
    await expect(field).to_be_focused()
    await page.evaluate("window.same = true")
    await field.press_sequentially("اريا")
    await expect(found).to_have_text(["شرکت آریا صنعت"])
    await field.fill("۰۹۱۲ ۱۲۳ ۴۵۶۷")
    await expect(page.locator("#found .by-phone")).to_contain_text("۰۹۱۲ ۱۲۳ ۴۵۶۷")
    await field.fill("مهر")
    await expect(found).to_have_text(["بیمارستان مهر"])
    await expect(field).to_be_focused()
    assert await page.evaluate("window.same")  # never left the page
    await found.click()
    await page.get_by_role("link", name="ویرایش").click()
    lines = page.locator("[data-lines] fieldset")
    await expect(lines).to_have_count(2)
    await page.get_by_role("button", name="سطر دیگر").click()
    await expect(lines).to_have_count(3)
    await page.keyboard.type("۰۲۱ ۸۸۷۷ ۶۶۵۵")
    await page.get_by_role("button", name="ثبت").click()
    await expect(page.locator(".done")).to_be_visible()
    await expect(page.locator(".people .number")).to_have_text(["۰۲۱ ۸۸۷۷ ۶۶۵۵"])
    assert window.troubles == []
