"""The ARI link against a small server that can do what a real Asterisk does not on demand."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from structlog.testing import capture_logs

from pbx_bridge.ari_handlers import wire
from pbx_bridge.ari_handlers.connection import AriLink
from pbx_bridge.ari_handlers.requests import Ari
from pbx_bridge.errors import AriConflict, AriGone, AriRefused, AriUnavailable, AsteriskError
from pbx_bridge.health import Health, LinkState
from pbx_bridge.pbx.version import rest_over_websocket

INFO = {"status": {"startup_time": "2026-11-21T20:00:00.000+0330"}, "system": {"version": "22.10.1~x-1"}}
STASIS_END = {"type": "StasisEnd", "channel": {"id": "c1"}, "application": "app"}


@dataclass
class ToyAri:
    """ARI's two doors: events with requests over them, and HTTP."""

    version: str = "22.10.1"
    answers: dict[tuple[str, str], int] = field(default_factory=dict)
    over_socket: list[tuple[str, str]] = field(default_factory=list)
    over_http: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    silent: bool = False
    hanging: int = 0  # so many connections more are accepted and never answered
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/ari/events", self._events)
        app.router.add_route("*", "/ari/{path:.*}", self._rest)
        return app

    async def _events(self, request: web.Request) -> web.StreamResponse:
        expected = "Basic " + base64.b64encode(b"user:right").decode()
        if request.headers.get("Authorization") != expected:
            return web.Response(status=401)
        assert "api_key" not in request.query_string, "secrets are no part of an address"
        if self.hanging:
            self.hanging -= 1
            await asyncio.Event().wait()
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await self._answer(socket, json.loads(message.data))
        return socket

    async def _answer(self, socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        self.over_socket.append((asked["method"], asked["uri"]))
        self.bodies.append(json.loads(asked["message_body"]) if asked.get("message_body") else None)
        self.asked.set()
        if self.silent:
            return
        status = self.answers.get((asked["method"], asked["uri"]), 204)
        said = {"type": "RESTResponse", "request_id": asked["request_id"], "status_code": status, "message_body": ""}
        await socket.send_json(said)

    async def _rest(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        self.over_http.append((request.method, path))
        if path == "asterisk/info":
            return web.json_response({**INFO, "system": {"version": self.version}})
        return web.Response(status=self.answers.get((request.method, path), 204))


@dataclass
class Linked:
    """A link to the toy, what it told, and how to wait for it."""

    toy: ToyAri
    link: AriLink
    health: Health
    events: asyncio.Queue[wire.Event]
    connects: asyncio.Queue[None]
    task: asyncio.Task[None]

    async def connected(self) -> None:
        async with asyncio.timeout(10):
            await self.connects.get()


Connect = Callable[..., Awaitable[Linked]]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    opened: list[Any] = []

    async def make(toy: ToyAri | None = None, password: str = "right") -> Linked:
        context = _linked(toy or ToyAri(), password)
        opened.append(context)
        return await context.__aenter__()

    yield make
    for context in reversed(opened):
        await context.__aexit__(None, None, None)


@asynccontextmanager
async def _linked(toy: ToyAri, password: str) -> AsyncIterator[Linked]:
    runner = web.AppRunner(toy.app(), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    health, events, connects = Health(), asyncio.Queue[wire.Event](), asyncio.Queue[None]()

    async def on_connect() -> None:
        connects.put_nowait(None)

    link = AriLink(
        url=f"http://127.0.0.1:{runner.addresses[0][1]}/ari",
        app="app",
        user="user",
        password=password,
        health=health,
        on_event=events.put_nowait,
        on_open=lambda: None,
        on_connect=on_connect,
        takes_requests=rest_over_websocket,
    )
    async with link.open():
        task = asyncio.create_task(link.run(), name="link")
        try:
            yield Linked(toy, link, health, events, connects, task)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await runner.cleanup()


def never(error: AsteriskError) -> None:
    raise error


def ari(linked: Linked) -> LinkState:
    return linked.health.links()[0].state


async def test_events_come_through_and_unknown_ones_do_no_harm(connect: Connect) -> None:
    linked = await connect()
    await linked.connected()
    await linked.toy.sockets[0].send_str('{"type": "SomethingNew", "x": 1}')
    await linked.toy.sockets[0].send_str("not json at all")
    await linked.toy.sockets[0].send_json(STASIS_END)
    async with asyncio.timeout(30):
        event = await linked.events.get()
    assert isinstance(event, wire.StasisEnd)
    assert event.channel.id == "c1"
    assert ari(linked) is LinkState.UP


async def test_the_filter_lets_answers_through(connect: Connect) -> None:
    linked = await connect()
    await linked.connected()
    assert ("PUT", "applications/app/eventFilter") in linked.toy.over_http


async def test_quick_requests_take_the_socket_and_waiting_ones_http(connect: Connect) -> None:
    linked = await connect()
    await linked.connected()
    verbs = Ari(linked.link, "app")
    await verbs.play("c/1", "p:1", ["sound:a", "sound:b"], never)
    await verbs.set_in_silence("c1", "TIMEOUT(absolute)", "10", never)
    await verbs.leave("c1")
    await verbs.answer("c1")
    await verbs.set_variable("c1", "TIMEOUT(absolute)", "10")
    told = ["channels/c%2F1/play/p:1", "channels/c1/variable", "channels/c1/continue"]
    assert linked.toy.over_socket == [("POST", path) for path in told], "in the order they were told"
    assert linked.toy.bodies[0] == {"media": ["sound:a", "sound:b"]}
    assert ("POST", "channels/c1/answer") in linked.toy.over_http
    assert ("POST", "channels/c1/variable") in linked.toy.over_http


async def test_an_older_asterisk_gets_everything_over_http(connect: Connect) -> None:
    linked = await connect(ToyAri(version="20.9.3"))
    await linked.connected()
    await Ari(linked.link, "app").leave("c1")
    assert linked.toy.over_socket == []
    assert ("POST", "channels/c1/continue") in linked.toy.over_http


async def test_an_asterisk_without_event_filter_is_served_all_the_same(connect: Connect) -> None:
    linked = await connect(ToyAri(version="16.2.0", answers={("PUT", "applications/app/eventFilter"): 404}))
    await linked.connected()
    assert ("PUT", "applications/app/eventFilter") in linked.toy.over_http


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, AriGone), (409, AriConflict), (412, AriConflict), (503, AriUnavailable), (500, AsteriskError)],
)
@pytest.mark.parametrize("version", ["22.10.1", "20.0.0"])
async def test_refusals_have_their_own_errors(
    connect: Connect, status: int, error: type[Exception], version: str
) -> None:
    linked = await connect(ToyAri(version=version, answers={("POST", "channels/c1/continue"): status}))
    await linked.connected()
    with pytest.raises(error, match="POST channels/c1/continue"):
        await Ari(linked.link, "app").leave("c1")


async def test_a_refusal_of_what_was_only_told_comes_back(connect: Connect) -> None:
    linked = await connect(ToyAri(answers={("DELETE", "playbacks/p1"): 404}))
    await linked.connected()
    failed: asyncio.Queue[AsteriskError] = asyncio.Queue()
    await Ari(linked.link, "app").stop_playback("p1", failed.put_nowait)
    async with asyncio.timeout(30):
        error = await failed.get()
    assert isinstance(error, AriGone)
    assert "DELETE playbacks/p1" in str(error)


async def test_a_lost_connection_fails_what_waits_and_comes_back(connect: Connect) -> None:
    linked = await connect()
    await linked.connected()
    linked.toy.silent = True
    asked = asyncio.create_task(Ari(linked.link, "app").leave("c1"))
    async with asyncio.timeout(30):
        await linked.toy.asked.wait()
    await linked.toy.sockets[0].close()
    with pytest.raises(AriUnavailable):
        await asked
    await linked.connected()
    assert ari(linked) is LinkState.UP
    assert len(linked.toy.sockets) == 2


async def test_a_connection_that_hangs_is_given_up_and_made_anew(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pbx_bridge.ari_handlers.socket._HANDSHAKE", 0.1)
    with capture_logs() as logged:
        linked = await connect(ToyAri(hanging=2))
        await linked.connected()
    told = [entry["event"] for entry in logged if entry["event"].startswith("ari_")]
    assert told.count("ari_down") == 1, "each try fails alike: told once"


async def test_a_wrong_password_ends_the_link_at_once(connect: Connect) -> None:
    linked = await connect(password="wrong")
    with pytest.raises(AriRefused, match="refused our user or password"):
        async with asyncio.timeout(30):
            await linked.task
    assert "wrong" not in str(linked.health.links()[0].detail)


async def test_replaced_by_another_client_it_stands_by(connect: Connect) -> None:
    linked = await connect()
    await linked.connected()
    await linked.toy.sockets[0].send_json({"type": "ApplicationReplaced", "application": "app"})
    async with asyncio.timeout(30):
        await linked.task
    assert ari(linked) is LinkState.DOWN
    assert "standing by" in linked.health.links()[0].detail
    assert len(linked.toy.sockets) == 1, "it must not take the application back"
    asked = len(linked.toy.over_http)
    with pytest.raises(AriUnavailable, match="another client serves"):
        await Ari(linked.link, "app").set_variable("c1", "TIMEOUT(absolute)", "10")
    assert len(linked.toy.over_http) == asked, "its callers are the other's"


async def test_a_try_that_was_given_up_and_comes_through_late_is_no_other_client(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pbx_bridge.ari_handlers.socket._HANDSHAKE", 0.1)
    linked = await connect(ToyAri(hanging=1))
    for taken in range(2):
        await linked.connected()
        assert len(linked.toy.sockets) == taken + 1, "what was given up is taken back from once"
        await linked.toy.sockets[taken].send_json({"type": "ApplicationReplaced", "application": "app"})
    async with asyncio.timeout(30):
        await linked.task
    assert "standing by" in linked.health.links()[0].detail


async def test_an_asterisk_that_forgot_us_without_a_word_is_asked_anew(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pbx_bridge.ari_handlers.connection._KNOWN", 0.02)
    linked = await connect()
    await linked.connected()
    linked.toy.answers["GET", "applications/app"] = 404
    with capture_logs() as logged:
        async with asyncio.timeout(10):
            while not any(entry["event"] == "ari_greeting_failed" for entry in logged):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    assert ari(linked) is LinkState.DOWN, "connected, and of no use"
    del linked.toy.answers["GET", "applications/app"]
    await linked.connected()
    assert "ari_forgot_us" in {entry["event"] for entry in logged}


async def test_without_a_connection_requests_say_so(connect: Connect) -> None:
    linked = await connect()
    await linked.connected()
    linked.task.cancel()
    await asyncio.gather(linked.task, return_exceptions=True)
    with pytest.raises(AriUnavailable):
        await Ari(linked.link, "app").leave("c1")
