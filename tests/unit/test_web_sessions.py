"""Sessions: when they end, what is remembered of them, and that a stream ends with its session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import ClientPayloadError
from web_visitor import NAME, PASSWORD, Parts, visiting

from pbx_bridge.errors import StoreError
from pbx_bridge.store import Role, User
from pbx_bridge.store.sessions import Session
from pbx_bridge.web import sessions
from pbx_bridge.web.admin.browsers import browser_of
from pbx_bridge.web.admin.memory import MemorySessions, MemoryUsers
from pbx_bridge.web.metrics.page import HERE
from pbx_bridge.web.sessions import Ends, SignIns, cookie_name

BEGIN = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Counting(MemorySessions):
    """Sessions that count how often they are looked for, and can be away."""

    def __init__(self) -> None:
        super().__init__()
        self.looked = self.touched = 0
        self.away = False
        self.room: asyncio.Event | None = None
        self.written = asyncio.Event()

    async def add(self, session: Session) -> None:
        if self.room is not None:
            await self.room.wait()
        await super().add(session)
        self.written.set()

    async def find(self, id_hash: str) -> Session | None:
        self.looked += 1
        if self.away:
            raise StoreError("the disk is gone")
        return await super().find(id_hash)

    def touch(self, id_hash: str, seen: datetime) -> None:
        self.touched += 1
        super().touch(id_hash, seen)


class Bench:
    """Sign-ins on a clock that is set by hand."""

    def __init__(self) -> None:
        self.rows, self.users, self.now = Counting(), MemoryUsers({NAME: PASSWORD}), BEGIN
        self.sign_ins = SignIns(self.rows, self.users, lambda: self.now, Ends(idle=2 * HOUR, absolute=5 * HOUR))

    async def begin(self) -> str:
        return await self.sign_ins.begin(NAME, "::1", "Firefox")

    async def user(self, secret: str, *, in_use: bool = True) -> User | None:
        found = await self.sign_ins.check(secret, in_use=in_use)
        return None if found is None else found.account


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize("remembered", [True, False])
async def test_a_session_ends_by_idleness_and_by_age(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, remembered: bool
) -> None:
    if not remembered:
        monkeypatch.setattr(sessions, "RECENT_S", -1.0)
    idle, used = await bench.begin(), await bench.begin()
    for _ in range(3):
        bench.now += 1.5 * HOUR
        assert await bench.user(used) is not None
    assert await bench.user(idle) is None
    bench.now += 0.5 * HOUR
    assert await bench.user(used) is None


async def test_following_what_happens_is_no_use_of_a_session(bench: Bench) -> None:
    secret = await bench.begin()
    bench.now += 1.5 * HOUR
    assert await bench.user(secret, in_use=False) is not None
    bench.now += 0.5 * HOUR
    assert await bench.user(secret, in_use=False) is None


async def test_it_is_looked_up_once_in_a_while_and_written_once_a_minute(bench: Bench) -> None:
    secret = await bench.begin()
    for _ in range(100):
        bench.now += timedelta(seconds=3)
        assert await bench.user(secret) is not None
    assert bench.rows.looked == 1
    assert bench.rows.touched == 5


@pytest.mark.parametrize(
    "change",
    [
        lambda bench: bench.users.disabled.add(NAME),
        lambda bench: bench.users.passwords.pop(NAME),
        lambda bench: asyncio.ensure_future(bench.rows.end_all(NAME)),
    ],
    ids=["disabled", "deleted", "ended"],
)
async def test_what_is_remembered_is_forgotten_with_any_change(
    bench: Bench, change: Callable[[Bench], object]
) -> None:
    secret = await bench.begin()
    assert await bench.user(secret) is not None
    done = change(bench)
    if isinstance(done, asyncio.Future):
        await done
    assert await bench.user(secret) is None


async def test_a_changed_role_holds_at_once(bench: Bench) -> None:
    secret = await bench.begin()
    bench.users.roles[NAME] = Role.ADMIN
    user = await bench.user(secret)
    assert user is not None
    assert user.role is Role.ADMIN


async def test_a_store_that_is_away_ends_nobodys_session(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    known, other = await bench.begin(), await bench.begin()
    assert await bench.user(known) is not None
    bench.rows.away = True
    monkeypatch.setattr(sessions, "RECENT_S", -1.0)
    assert await bench.user(known) is not None
    with pytest.raises(StoreError):
        await bench.user(other)
    bench.now += 2 * HOUR
    assert await bench.user(known) is None


async def test_a_full_disk_keeps_nobody_from_the_pages(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "PATIENCE_S", 0.01)
    monkeypatch.setattr(sessions, "RECENT_S", -1.0)
    room = asyncio.Event()
    bench.rows.room = room
    secret = await bench.begin()
    assert bench.rows.kept == {}
    assert await bench.user(secret) is not None
    room.set()
    async with asyncio.timeout(10):
        await bench.rows.written.wait()
    assert len(bench.rows.kept) == 1
    assert await bench.user(secret) is not None
    await bench.rows.end_all(NAME)
    assert await bench.user(secret) is None


async def test_what_no_browser_of_ours_holds_is_no_session(bench: Bench) -> None:
    secret = await bench.begin()
    (kept,) = bench.rows.kept
    for sent in ("", kept, secret[:-1], "x" * 10_000, "\ud800", "é"):
        assert await bench.user(sent) is None


def test_behind_https_the_cookie_is_of_this_host_only() -> None:
    assert cookie_name(https=True) == "__Host-pbx_bridge_session"
    assert cookie_name(https=False) == "pbx_bridge_session"


async def test_a_cookie_of_plain_http_does_not_count_behind_https() -> None:
    async with visiting(Parts(proxies=HERE)) as visitor:
        assert (await visitor.get("/calls")).status == 200
        assert (await visitor.get("/calls", X_Forwarded_Proto="https")).status == 303


async def test_a_sign_in_replaces_the_session_of_that_browser() -> None:
    async with visiting() as visitor:
        (before,) = visitor.parts.sessions.kept
        assert (await visitor.sign_in()).status == 303
        (after,) = visitor.parts.sessions.kept
        assert before != after


@pytest.mark.parametrize("path", ["/status/events", "/calls/events"])
async def test_a_stream_ends_with_its_session(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "RECENT_S", 0.05)
    parts = Parts()
    async with visiting(parts) as visitor:
        stream = await visitor.client.get(path, headers={"Accept": "text/event-stream"})
        assert stream.status == 200
        await stream.content.readany()
        parts.users.disabled.add(NAME)
        with pytest.raises(ClientPayloadError):
            await asyncio.wait_for(stream.content.read(), 10)
        answer = await visitor.get(path, Accept="text/event-stream")
        assert answer.status == 401


async def test_a_stream_ends_with_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "RECENT_S", 0.05)
    parts = Parts()
    async with visiting(parts, signed_in=False) as visitor:
        token, secret = await parts.tokens.make("wall", Role.LEAD, "x", None)
        headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {secret}"}
        stream = await visitor.client.get("/calls/events", headers=headers)
        assert stream.status == 200
        await stream.content.readany()
        await parts.tokens.revoke(token.number)
        with pytest.raises(ClientPayloadError):
            await asyncio.wait_for(stream.content.read(), 10)


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Windows"),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML) Chrome/150.0.0.0 Safari/537.36",
            "Chrome, Linux",
        ),
        (
            "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/150 Mobile Safari/537.36 EdgA/150",
            "Edge, Android",
        ),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari, iPhone"),
        ("curl/8\u202e\n<b>", "curl/8 <b>"),
        ("", ""),
    ],
)
def test_a_browser_in_words(agent: str, words: str) -> None:
    assert browser_of(agent) == words
