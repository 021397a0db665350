"""What the status page tells beside the links: sizes, flows in use, mishaps, versions."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from demo_history import NOON
from web_visitor import NAME, Parts, visiting

from pbx_bridge import logs
from pbx_bridge.errors import StoreError
from pbx_bridge.health import Mishap, Mishaps
from pbx_bridge.spool.sizes import SpoolSize, spool_size
from pbx_bridge.store.ledger import Reach
from pbx_bridge.store.reached import NOWHERE, Reached
from pbx_bridge.store.size import StoreSize
from pbx_bridge.store.users import Role
from pbx_bridge.web.vitals import FlowUse, Measured, Sizes, flow_uses

COMPLETE = Reached(place=(0, ""), complete=True)


@pytest.fixture
def mishaps(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mishaps]:
    """What was noted of the log; logging as before afterwards."""
    monkeypatch.setattr("sys.stderr", io.StringIO())
    root, told = logging.getLogger(), Mishaps(clock=lambda: NOON)
    before, level = list(root.handlers), root.level
    logs.configure("info", "json", told)
    yield told
    structlog.reset_defaults()
    root.handlers[:] = before
    root.setLevel(level)


def test_warnings_and_errors_are_kept_by_event_and_reason_alone(mishaps: Mishaps) -> None:
    log = structlog.get_logger()
    log.info("call_ended", reason="nothing of note")
    log.warning("ami_lost", reason="the connection was lost", secret="s3cret", number="09121234567")
    log.warning("ami_lost", reason="the connection was lost")
    try:
        raise ValueError("s3cret")
    except ValueError:
        log.exception("flow_broken")
    latest = mishaps.latest()
    assert [(one.level, one.event, one.reason, one.times) for one in latest] == [
        ("error", "flow_broken", "ValueError", 1),
        ("warning", "ami_lost", "the connection was lost", 2),
    ]
    assert "s3cret" not in repr(latest)
    assert "0912" not in repr(latest)


def test_what_a_library_logs_is_kept_without_what_it_put_in(mishaps: Mishaps) -> None:
    logging.getLogger("aiohttp.server").error("Error handling request from %s", "s3cret")
    assert [(one.level, one.event) for one in mishaps.latest()] == [
        ("error", "aiohttp.server: Error handling request from %s")
    ]


def test_only_the_last_ones_are_kept() -> None:
    told = Mishaps(3, clock=lambda: NOON)
    for number in range(5):
        told.note("error", f"event_{number}")
    assert [one.event for one in told.latest(2)] == ["event_4", "event_3"]
    assert len(told.latest()) == 3


def write(path: Path, *rows: str) -> int:
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path.stat().st_size


def test_a_spool_is_measured_with_what_it_was_rotated_into(tmp_path: Path) -> None:
    from pbx_bridge.spool.generation import generation_of

    live = tmp_path / "cel.csv"
    old_size, size = write(tmp_path / "cel.csv.1", "1795250000.1,a"), write(live, "1795250001.2,b", "1795250001.3,c")
    generation = generation_of(live, "cel")
    assert generation is not None
    read = {generation.identity: 15}
    assert spool_size(live, "cel", read) == SpoolSize(
        source="cel", files=2, on_disk=old_size + size, unread=old_size + size - 15
    )
    cut = {generation.identity: 10_000}
    assert spool_size(live, "cel", cut).unread == old_size + size
    again = {generation.identity: 10_000, f"{generation.identity}-2": size}
    assert spool_size(live, "cel", again).unread == old_size


def measured(home: Path, *, store_down: bool = False) -> Measured:
    async def reaches() -> list[Reach]:
        return [Reach(source="cel", file="cel:1", offset=0, moved_at=NOON)]

    async def store() -> StoreSize:
        if store_down:
            raise StoreError("disk full")
        return StoreSize(engine="SQLite", bytes=1_400_000_000, calls=1_234_567, oldest=NOON, worked_out=COMPLETE)

    return Measured(
        spools={"cel": home / "cel.csv", "queue": home / "queue_log"},
        reaches=reaches,
        store=store,
        paths=(home, home, home / "not_there"),
        told_flows=lambda: flow_uses(
            [("support", "abc")], [("support", "abc"), ("support", "old"), ("support", "abc")]
        ),
        told_mishaps=lambda: (Mishap(at=NOON, level="error", event="<b>", reason="of 09121234567", times=3),),
        told_versions=lambda: {"node": "pbx1", "pbx_bridge": "1.0", "asterisk": "", "python": "3.11"},
    )


async def test_it_is_measured_once_in_a_while(tmp_path: Path) -> None:
    write(tmp_path / "cel.csv", "1795250000.1,a")
    vitals = measured(tmp_path)
    sizes = await vitals.sizes()
    assert [spool.source for spool in sizes.spools] == ["cel", "queue"]
    assert sizes.spools[0].unread == 15
    assert sizes.store is not None
    assert len(sizes.disks) == 1
    write(tmp_path / "cel.csv", "1795250000.1,a", "more")
    assert await vitals.sizes() is sizes


async def test_the_page_tells_it_all(tmp_path: Path) -> None:
    parts = Parts()
    parts.vitals = measured(tmp_path)
    async with visiting(parts) as visitor:
        page = await visitor.page("/")
        for words in (
            "1.4 GB",
            "1,234,567",
            "of all calls",
            "0 bytes in 0 files · all read",
            "2 callers in it",
            "1 caller in it",
            "for new calls",
            "&lt;b&gt;",
            "0912•••4567",
            "3 times",
            "pbx1",
            "Disk free",
        ):
            assert words in page, words
        assert "09121234567" not in page
        visitor.language = "fa"
        page = await visitor.page("/")
        for words in ("۱.۴ گیگابایت", "۱٬۲۳۴٬۵۶۷", "۲ تماس‌گیرنده در آن", "۳ بار"):
            assert words in page, words


@pytest.mark.parametrize(
    ("reached", "words"),
    [
        (NOWHERE, "has just begun"),
        (Reached(place=(1_795_250_530_000_000, "x"), complete=False), "ready up to the calls of 21 Nov 2026"),
    ],
)
async def test_what_is_not_worked_out_yet_is_told(reached: Reached, words: str) -> None:
    class Behind(Measured):
        async def sizes(self) -> Sizes:
            store = StoreSize(engine="SQLite", bytes=1, calls=7, oldest=None, worked_out=reached)
            return Sizes(store=store)

    parts = Parts()
    told = measured(Path("/"))
    parts.vitals = Behind(**{name: getattr(told, name) for name in told.__dataclass_fields__ if name[0] != "_"})
    async with visiting(parts) as visitor:
        page = await visitor.page("/")
        assert words in page
        assert "at least 7" in page


async def test_the_page_comes_when_the_store_is_down(tmp_path: Path) -> None:
    parts = Parts()
    parts.vitals = measured(tmp_path, store_down=True)
    async with visiting(parts) as visitor:
        page = await visitor.page("/")
        assert "not known right now" in page
        assert "Disk free" in page


async def test_who_may_not_see_it_is_sent_on() -> None:
    parts = Parts()
    parts.users.roles[NAME] = Role.AGENT
    async with visiting(parts) as visitor:
        answer = await visitor.get("/")
        assert (answer.status, answer.headers["Location"]) == (303, "/calls")
        assert (await visitor.get("/status/events")).status == 403
        page = await visitor.page("/calls")
        assert ">Status</a>" not in page


def test_the_flow_that_new_callers_meet_is_told_though_nobody_is_in_it() -> None:
    assert flow_uses([("support", "new")], [("support", "old")]) == (
        FlowUse(name="support", version="new", callers=0, newest=True),
        FlowUse(name="support", version="old", callers=1, newest=False),
    )
