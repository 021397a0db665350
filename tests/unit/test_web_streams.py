"""Live pages: events come at once, a slow browser holds up nobody, and the server stops promptly."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aiohttp import ClientResponse, ClientSession
from demo_history import NOON, left_early, make_call, talking
from web_visitor import FROM_PAGE, NAME, PASSWORD, Parts, Visitor, visiting

from pbx_bridge.errors import PortTaken, SettingsError
from pbx_bridge.health import LinkState
from pbx_bridge.web.live import RING
from pbx_bridge.web.server import serve

BOUND_S = 5.0
STREAM = re.compile(r'data-stream="([^"]+)"')


class _Events:
    """What comes down a stream, event by event."""

    def __init__(self, answer: ClientResponse) -> None:
        self._answer = answer

    async def next(self, name: str) -> tuple[str, str]:
        """The data and id of the next event of this name."""
        async with asyncio.timeout(BOUND_S):
            while True:
                told = await self._event()
                if told.get("event") == name:
                    return told.get("data", ""), told.get("id", "")

    async def _event(self) -> dict[str, str]:
        told: dict[str, str] = {}
        while line := (await self._answer.content.readline()).decode().rstrip("\r\n"):
            field, _, value = line.partition(": ")
            told[field] = f"{told[field]}\n{value}" if field in told else value
        if self._answer.content.at_eof():
            raise EOFError
        return told


@asynccontextmanager
async def _following(visitor: Visitor, path: str, **headers: str) -> AsyncIterator[_Events]:
    """The stream that a page opens."""
    from html import unescape

    found = STREAM.search(await visitor.page(path))
    assert found
    answer = await visitor.get(unescape(found[1]), Accept="text/event-stream", **headers)
    assert answer.status == 200
    assert answer.content_type == "text/event-stream"
    try:
        yield _Events(answer)
    finally:
        answer.close()


async def test_a_new_call_and_its_next_revision_come_at_once() -> None:
    async with visiting() as visitor, _following(visitor, "/calls") as events:
        await events.next("hello")
        visitor.parts.put([talking(1, NOON - timedelta(minutes=2))])
        row, first = await events.next("call")
        assert 'data-revision="1"' in row
        assert "Talking" in row
        visitor.parts.put([left_early(1, NOON - timedelta(minutes=2))])
        row, second = await events.next("call")
        assert 'data-revision="2"' in row
        assert "Left in the menu" in row
        assert first != second


async def test_rows_come_in_the_viewers_language() -> None:
    async with visiting() as visitor:
        visitor.language = "fa"
        async with _following(visitor, "/calls") as events:
            visitor.parts.put([left_early(1, NOON)])
            row, _ = await events.next("call")
            assert "قطع در منو" in row


async def test_what_comes_between_page_and_stream_is_not_missed() -> None:
    async with visiting() as visitor:
        found = STREAM.search(await visitor.page("/calls"))
        assert found
        visitor.parts.put([left_early(1, NOON)])
        answer = await visitor.get(found[1], Accept="text/event-stream")
        row, _ = await _Events(answer).next("call")
        assert "Left in the menu" in row
        answer.close()


async def test_a_stream_goes_on_from_the_last_event_and_survives_nonsense() -> None:
    async with visiting() as visitor:
        async with _following(visitor, "/calls") as events:
            visitor.parts.put([left_early(1, NOON)])
            _, mark = await events.next("call")
        visitor.parts.put([left_early(2, NOON)])
        async with _following(visitor, "/calls", Last_Event_ID=mark) as events:
            row, _ = await events.next("call")
            assert left_early(2, NOON).call_id in row
        async with _following(visitor, "/calls", Last_Event_ID="../../nonsense") as events:
            await events.next("stale")
            visitor.parts.put([left_early(3, NOON)])
            await events.next("call")


async def test_a_search_hears_only_of_calls_that_answer_it() -> None:
    async with visiting() as visitor, _following(visitor, "/calls?number=02188776655") as events:
        await events.next("hello")
        visitor.parts.put([left_early(1, NOON), left_early(2, NOON, caller="+982188776655")])
        row, _ = await events.next("call")
        assert left_early(2, NOON).call_id in row


async def test_a_resync_of_the_store_makes_the_page_read_anew() -> None:
    async with visiting() as visitor, _following(visitor, "/calls") as events:
        await events.next("hello")
        visitor.parts.calls.resync()
        await events.next("stale")


async def test_the_status_follows_the_links() -> None:
    async with visiting() as visitor, _following(visitor, "/") as events:
        links, _ = await events.next("links")
        assert "Not ready" not in links
        visitor.parts.health.report("ari", LinkState.DOWN, "connection refused")
        links, _ = await events.next("links")
        assert "Not ready" in links
        assert "connection refused" in links


async def test_a_stream_is_hardened_and_kept_in_no_cache() -> None:
    async with visiting() as visitor:
        answer = await visitor.get("/calls/events", Accept="text/event-stream")
        assert "Content-Security-Policy" in answer.headers
        assert answer.headers["Cache-Control"] in ("no-cache", "no-store")
        answer.close()


@asynccontextmanager
async def _signed_in(address: str) -> AsyncIterator[ClientSession]:
    from aiohttp import CookieJar

    async with ClientSession(address, cookie_jar=CookieJar(unsafe=True)) as session:
        form = {"name": NAME, "password": PASSWORD}
        async with session.post("/sign-in", data=form, headers=FROM_PAGE) as answer:
            assert answer.status == 200
        yield session


async def test_a_browser_that_leaves_at_once_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async with serve(Parts().site(), "127.0.0.1", 0) as address, _signed_in(address) as session:
        (cookie,) = [c for c in session.cookie_jar if c.key == "pbx_bridge_session"]
        for _ in range(20):
            hasty = _deaf(address, f"{cookie.key}={cookie.value}")
            hasty.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # reset, not closed
            hasty.close()
        async with session.get("/healthz") as answer:
            assert answer.status == 200
    assert caplog.records == []


async def test_the_server_stops_at_once_with_streams_open() -> None:
    async with serve(Parts().site(), "127.0.0.1", 0) as address:
        session = await (opened := _signed_in(address)).__aenter__()
        streams = [await session.get(path) for path in ("/calls/events", "/status/events", "/calls/events")]
        for stream in streams:
            assert await stream.content.readline()
        began = time.monotonic()
    assert time.monotonic() - began < 1.5
    for stream in streams:
        stream.close()
    await opened.__aexit__(None, None, None)


def _deaf(address: str, cookie: str) -> socket.socket:
    """A browser that asks for the stream and never reads it."""
    host, _, port = address.removeprefix("http://").partition(":")
    deaf = socket.create_connection((host, int(port)))
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.sendall(f"GET /calls/events HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n".encode())
    return deaf


async def test_a_browser_that_takes_no_data_holds_up_nobody() -> None:
    parts = Parts()
    async with serve(parts.site(), "127.0.0.1", 0) as address, _signed_in(address) as session:
        (cookie,) = [c for c in session.cookie_jar if c.key == "pbx_bridge_session"]
        deaf = _deaf(address, f"{cookie.key}={cookie.value}")
        stream = await session.get("/calls/events")
        events = _Events(stream)
        await events.next("stale")
        for number in range(RING * 8):
            parts.put([make_call(number, started_at=NOON, caller_name="x" * 300)])
            if number % 100 == 0:
                await events.next("call")
        await events.next("call")
        stream.close()
        began = time.monotonic()
    assert time.monotonic() - began < 4
    deaf.close()


async def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=f"127.0.0.1:{port} is taken"):
            async with serve(Parts().site(), "127.0.0.1", port):
                pass


async def test_an_address_that_is_not_ours_is_a_wrong_setting() -> None:
    with pytest.raises(SettingsError, match=r"cannot listen on 203.0.113.1:8080"):
        async with serve(Parts().site(), "203.0.113.1", 8080):
            pass


async def test_a_session_key_of_the_wrong_length_is_refused() -> None:
    from dataclasses import replace
    from zoneinfo import ZoneInfo

    from pbx_bridge.web.site import SiteParts, make_site

    parts = Parts()
    told = SiteParts(
        health=parts.health, calls=parts.calls, users=parts.users, session_key=b"short", zone=ZoneInfo("Asia/Tehran")
    )
    with pytest.raises(ValueError, match="32"):
        make_site(told)
    make_site(replace(told, session_key=b"k" * 32))
