"""Target `ari`: spoilt messages through a real websocket into the link and the reception desk behind it.

What is asked: each message is handed on or counted as unknown, the connection stays, the good message behind it
arrives, and no caller's actor fails.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs
from test_caller import Desk, opened
from yarl import URL

from fuzz.mutate import Stock
from fuzz.target import Defect, Found, Target
from pbx_bridge.ari_handlers import wire
from pbx_bridge.ari_handlers.connection import AriLink
from pbx_bridge.health import Health

_SEEDS = Path(__file__).parent / "seeds" / "ari.jsonl"
_ANSWERS = (
    b'{"type":"RESTResponse","request_id":"1","status_code":204,"reason_phrase":"No Content"}',
    b'{"type":"RESTResponse","request_id":"7","status_code":404,"message_body":"{\\"message\\":\\"not found\\"}"}',
)
# ApplicationReplaced is left out: it ends the link, as it should.
_WORDS = (
    "StasisStart", "StasisEnd", "ChannelDtmfReceived", "PlaybackFinished", "RESTResponse", "type", "channel", "id",
    "args", "in", "queue_return", "voicemail_return", "TIMEOUT", "digit", "#", "*", "5", "timestamp", "failed",
    "done", "playback", "pbxb:1:0:c", "2026-11-21T20:58:17.016+0000", "2026-11-21T20:58:17", "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999-1200", '"a":1', '"id":null', "[]", "{}", "app_data", "Up", "name", "number",
)  # fmt: skip
_FAULTS = frozenset({"ari_event_failed", "caller_failed"})
_PATIENCE_S = 5.0
_MARK = '{"type":"PlaybackFinished","playback":{"id":"mark-%d","state":"done"}}'


@dataclass(slots=True)
class AriSession:
    """The link, Asterisk's end of its websocket, and what the link told."""

    desk: Desk
    logged: list[MutableMapping[str, Any]]
    socket: asyncio.Future[web.WebSocketResponse] = field(default_factory=lambda: asyncio.Future())
    link: AriLink | None = None
    handed_on: int = 0
    mark: str = ""
    marked: asyncio.Event = field(default_factory=asyncio.Event)
    channels: set[str] = field(default_factory=set)

    def heard(self, event: wire.Event) -> None:
        """What the link hands on."""
        if isinstance(event, wire.PlaybackFinished) and event.playback.id == self.mark:
            self.marked.set()
            return
        self.handed_on += 1
        if isinstance(event, wire.StasisStart):
            self.channels.add(event.channel.id)
        self.desk.stasis.heard(event)

    async def play(self, number: int, data: bytes) -> None:
        """Send it, and a good message behind it."""
        assert self.link is not None
        socket, before = await self.socket, self.handed_on + self.link.unknown_events
        self.mark, self.marked = f"mark-{number}", asyncio.Event()
        await socket.send_frame(data, WSMsgType.TEXT)
        await socket.send_str(_MARK % number)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self.marked.wait()
        except TimeoutError:
            raise Defect("the connection was lost, or stands still") from None
        if self.handed_on + self.link.unknown_events - before + _is_answer(data) != 1:
            raise Defect("it was neither handed on nor counted as unknown")
        faults = [entry for entry in self.logged if entry["event"] in _FAULTS]
        self.logged.clear()
        if faults:
            raise Defect(str(faults[0]))

    async def settle(self) -> list[Found]:
        """Every caller hangs up."""
        for channel in self.channels:
            self.desk.leave(channel)
        self.channels.clear()
        self.desk.facts.clear()
        self.desk.ari.done.clear()
        self.desk.ari.verbs = asyncio.Queue()
        return []


def _is_answer(data: bytes) -> bool:
    try:
        return isinstance(wire.decode_event(data), wire.RESTResponse)
    except (ValueError, RecursionError):
        return False


@asynccontextmanager
async def _session(_: Path) -> AsyncIterator[AriSession]:
    with capture_logs() as logged:
        async with opened() as desk:
            session = AriSession(desk, logged)
            async with (
                TestServer(_asterisk(session), access_log=None) as server,
                _link(session, server.make_url("/ari")),
            ):
                yield session


@asynccontextmanager
async def _link(session: AriSession, url: URL) -> AsyncIterator[None]:
    connected = asyncio.Event()

    async def on_connect() -> None:
        connected.set()

    session.link = AriLink(
        url=str(url), app="pbx_bridge", user="u", password="p", health=Health(),
        on_event=session.heard, on_open=lambda: None, on_connect=on_connect, takes_requests=lambda _: True,
    )  # fmt: skip
    async with session.link.open() as link:
        running = asyncio.create_task(link.run(), name="ari")
        await connected.wait()
        try:
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def _asterisk(session: AriSession) -> web.Application:
    async def info(_: web.Request) -> web.Response:
        return web.json_response(
            {"system": {"version": "22.10.1"}, "status": {"startup_time": "2026-11-21T20:00:00.000+0000"}}
        )

    async def taken(_: web.Request) -> web.Response:
        return web.Response(status=204)

    async def events(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if not session.socket.done():
            session.socket.set_result(socket)
        async for _ in socket:
            pass
        return socket

    app = web.Application()
    app.add_routes([web.get("/ari/asterisk/info", info), web.get("/ari/events", events)])
    app.add_routes([web.route("*", "/ari/{rest:.*}", taken)])
    return app


def _stock() -> Stock:
    seeds = [*_SEEDS.read_bytes().splitlines(), *_ANSWERS]
    ours = [seed for seed in seeds if any(f'"type":"{name}"'.encode() in seed for name in wire.EVENTS)]
    return Stock(seeds=[*seeds, *ours * 3], words=[word.encode() for word in _WORDS], cut=b",")


ARI = Target(name="ari", stock=cache(_stock), session=_session)
