"""The status page and its kin for machines."""

from __future__ import annotations

import pytest
from demo_history import NOON
from web_visitor import Parts, visiting

from pbx_bridge.calls.source import Unreadable
from pbx_bridge.errors import StoreError
from pbx_bridge.health import LinkState
from pbx_bridge.store.gaps import Gap, SetAside, Shortfall
from pbx_bridge.store.requests_desk import Waiting
from pbx_bridge.web.memory import MemoryDesk, MemoryShortfalls


async def test_all_links_up_is_ready() -> None:
    async with visiting() as visitor:
        page = await visitor.page("/")
        assert "Callers are served and every call is recorded" in page
        assert page.count("Connected") == 4
        assert "2 hours ago" in page
        assert "21 Nov 2026" in page


async def test_the_status_in_persian() -> None:
    async with visiting() as visitor:
        visitor.language = "fa"
        page = await visitor.page("/")
        assert "آمادهٔ پاسخ‌گویی" in page
        assert "۱۴۰۵/۰۸/۳۰" in page
        assert "۲ ساعت پیش" in page


@pytest.mark.parametrize(
    ("state", "words"), [(LinkState.DOWN, "Not ready"), (LinkState.DEGRADED, "Ready, with a warning")]
)
async def test_a_link_in_trouble_is_told(state: LinkState, words: str) -> None:
    parts = Parts()
    parts.health.report("spool", state, "<i>no file</i>\u202e", 75.0)
    parts.health.report("<new>", LinkState.UP)
    async with visiting(parts) as visitor:
        page = await visitor.page("/")
        assert words in page
        assert "1:15" in page
        assert "&lt;i&gt;no file&lt;/i&gt;</bdi>" in page
        assert "&lt;new&gt;" in page


async def test_healthz_is_200_while_the_process_runs() -> None:
    parts = Parts()
    parts.health.report("store", LinkState.DOWN, "disk full")
    async with visiting(parts, signed_in=False) as visitor:
        answer = await visitor.get("/healthz")
        assert (answer.status, await answer.json()) == (200, {"status": "ok"})


async def test_readyz_tells_the_links_and_no_details() -> None:
    parts = Parts()
    async with visiting(parts, signed_in=False) as visitor:
        ready = await visitor.get("/readyz")
        assert (ready.status, (await ready.json())["ready"]) == (200, True)
        parts.health.report("ari", LinkState.DOWN, "http://user:secret@10.0.0.7:8088", 3.5)
        answer = await visitor.get("/readyz")
        assert answer.status == 503
        told = await answer.json()
        assert told["links"]["ari"] == {"state": "down", "since": "2026-11-21T06:35:10+00:00", "lag_s": 3.5}
        assert "secret" not in await answer.text()


def shortfall() -> Shortfall:
    aside = Unreadable(node="pbx1", file="cel:1", offset=7, body="<b>half a row", reason="no <CSV> record")
    return Shortfall(
        gaps=(
            Gap(node="pbx1", source="cel", since=NOON, until=NOON, reason="a file is gone", lost=True),
            Gap(node="pbx1", source="queue", since=NOON, until=NOON, reason="the daemon was not running"),
            Gap(node="pbx1", source="ari", since=NOON, until=None, reason="Asterisk closed the connection"),
        ),
        unreadable=1234,
        latest=(SetAside(record=aside, found_at=NOON),),
    )


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("What the record may lack", "not read, and gone", "not read yet", "not heard", "1234")),
        ("fa", ("آنچه شاید در سابقه نیست", "هنوز خوانده نشده", "خبری نمی‌رسد", "۱۲۳۴")),
    ],
)
async def test_what_the_record_may_lack_is_told(language: str, words: tuple[str, ...]) -> None:
    async with visiting(Parts(shortfalls=MemoryShortfalls(shortfall()))) as visitor:
        visitor.language = language
        page = await visitor.page("/")
        assert [word for word in words if word not in page] == []
        assert "no &lt;CSV&gt; record" in page
        assert "<b>half" not in page


async def test_nothing_lacking_nothing_told() -> None:
    async with visiting() as visitor:
        assert "shortfall" not in await visitor.page("/")


async def test_the_status_does_not_depend_on_the_store() -> None:
    class Refusing:
        async def shortfall(self) -> Shortfall:
            raise StoreError("disk full")

        async def waiting(self) -> Waiting:
            raise StoreError("disk full")

    async with visiting(Parts(shortfalls=Refusing(), desk=Refusing())) as visitor:
        assert "Callers are served" in await visitor.page("/")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Callbacks to be made", ">12<", "the first from", "Complaints past a deadline", ">3<")),
        ("fa", ("تماس‌های دوبارهٔ انجام‌نشده", ">۱۲<", "۱۴۰۵/۰۸/۳۰", "شکایت‌هایی که مهلتشان گذشته است", ">۳<")),
    ],
)
async def test_what_waits_for_people_is_told(language: str, words: tuple[str, ...]) -> None:
    waiting = Waiting(callbacks=12, oldest=NOON, late_complaints=3)
    async with visiting(Parts(desk=MemoryDesk(waiting))) as visitor:
        visitor.language = language
        page = await visitor.page("/")
        assert [word for word in words if word not in page] == []


async def test_nothing_waiting_nothing_told() -> None:
    async with visiting() as visitor:
        assert 'id="waiting"' not in await visitor.page("/")
