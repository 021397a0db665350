"""The summary of a busy month prints on one sheet of A4, in both languages."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest
from demo_history import NOON, queued, self_served
from playwright.async_api import Browser
from web_visitor import NAME, PASSWORD, TEHRAN, Parts

from pbx_bridge.calls.call import Call, Outcome, SurveyAnswer
from pbx_bridge.store.reports import Reason
from pbx_bridge.web.reports.memory import MemoryReports
from pbx_bridge.web.reports.pages import SOURCE
from pbx_bridge.web.server import serve

pytest_plugins = ("browser_window",)
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


class BusyReports(MemoryReports):
    """Counts with complaints for more reasons than the sheet shows."""

    async def complaints(self, first: date, last: date) -> Sequence[Reason]:
        return [
            Reason(
                reason=f"a reason that takes some words to tell, the {n}th",
                received=90 - n,
                answered=40,
                late=3,
                answer_us=10**13,
            )
            for n in range(12)
        ]


@dataclass
class BusyMonth:
    """Two months of calls: eight queues, thirty agents."""

    calls: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        draw = random.Random(7)
        for number in range(900):
            start, agent = NOON - timedelta(minutes=97 * number), str(100 + number % 30)
            if number % 4 == 0:
                self.calls.append(self_served(number, start))
                continue
            answer = SurveyAnswer(question="served", answer=1 + number % 5, scale=5, queue="q", agent=agent, at=start)
            self.calls.append(
                queued(
                    number,
                    start,
                    f"0912{number % 90:07}",
                    wait=draw.expovariate(1 / 40),
                    talk=draw.expovariate(1 / 180) if number % 5 else None,
                    queue=f"queue-{number % 8}",
                    outcome=Outcome.ANSWERED if number % 5 else Outcome.ABANDONED_QUEUE,
                    agents=(agent,) if number % 5 else (),
                    survey=(answer,) if number % 5 else (),
                )
            )


@pytest.mark.parametrize(("language", "month"), [("fa", "1405-08"), ("en", "2026-11"), ("en", "2026-10")])
async def test_a_busy_month_is_one_sheet(browser: Browser, language: str, month: str) -> None:
    parts = Parts(now=NOON)
    site = parts.site()
    site[SOURCE] = BusyReports(BusyMonth().calls, TEHRAN)
    async with serve(site, "127.0.0.1", 0) as address:
        context = await browser.new_context(locale=language)
        page = await context.new_page()
        await page.goto(f"{address}/sign-in?language={language}")
        await page.fill("[name=name]", NAME)
        await page.fill("[name=password]", PASSWORD)
        await page.click("button[type=submit]")
        await page.goto(f"{address}/reports/month/{month}")
        await page.evaluate("window.print = () => { window.printed = true; }")
        await page.locator("button.print").click()
        assert await page.evaluate("window.printed === true")
        assert await page.locator(".tile").count() == 12
        assert await page.locator(".report-table").count() == 4
        sheets = await page.pdf(prefer_css_page_size=True)
        assert len(re.findall(rb"/Type\s*/Page[^s]", sheets)) == 1
        await context.close()
