"""What fuzzing found, one input each, mended: these inputs must never again stop what they stopped."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from fuzz.targets import TARGETS
from web_visitor import FROM_PAGE, visiting

from pbx_bridge.ari_handlers.connection import AriLink
from pbx_bridge.health import Health
from pbx_bridge.ivr import flow as flows
from pbx_bridge.web.customers.form import seen

MINIMAL = flows.read_bytes(flows.find("minimal"))
DEEP = b"[" * 3000 + b"]" * 3000

INPUTS = [
    # The ARI connection ended, and with it every caller's turn.
    ("ari", b'{"type":"StasisStart","channel":{"id":"\xff"}}'),
    ("ari", b'{"type":"StasisStart","args":' + DEEP + b',"channel":{"id":"1"}}'),
    # The AMI connection ended: panoramisk stumbles over a field that comes twice.
    ("ami", b"Event: Hangup\r\nEvent: Hangup\r\nUniqueid: 1.0\r\n\r\n"),
    ("ami", b"Event: Hangup\r\nActionID: a\r\nActionID: b\r\nUniqueid: 1.0\r\n\r\n"),
    # `flow lint` said that something was wrong, and not what.
    (
        "flow",
        MINIMAL
        + b"  q: {kind: queue, queue: support, nobody: busy, timeout: busy, ahead: {"
        + b"r" * 300
        + b": 5}}\n",
    ),
    # `calls import` ended with a traceback.
    ("cdr", b"calldate\rsrc,dst\n"),
]


@pytest.mark.parametrize(("target", "data"), INPUTS)
async def test_an_input_that_was_a_defect(target: str, data: bytes, tmp_path: Path) -> None:
    async with TARGETS[target].session(tmp_path) as session:
        await session.play(0, data)
        assert await session.settle() == []


@pytest.mark.parametrize("body", [b'{"extension":"\xff"}', DEEP, b"\xff", b""])
async def test_a_body_that_is_no_json_is_refused_and_is_not_our_fault(body: bytes) -> None:
    async with visiting() as visitor:
        answer = await visitor.client.post("/api/dial", data=body, headers=FROM_PAGE)
        assert answer.status == 400
        assert (await answer.json())["refused"] == "body"


def test_a_form_that_was_tampered_with_is_no_customer() -> None:
    assert seen(DEEP.decode()) is None


@pytest.mark.parametrize("nonsense", [b"<html>", b'{"status":"\xff"}', DEEP])
async def test_what_answers_for_ari_but_is_none_is_tried_again(nonsense: bytes) -> None:
    answers = [nonsense, b'{"status":{"startup_time":"2026-11-21T20:00:00.000+0000"},"system":{"version":"22.10.1"}}']
    connected = asyncio.Event()

    async def serve(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/info"):
            return web.Response(body=answers.pop(0), content_type="application/json")
        if not request.path.endswith("/events"):
            return web.Response(status=204)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for _ in socket:
            pass
        return socket

    async def on_connect() -> None:
        connected.set()

    app = web.Application()
    app.router.add_route("*", "/ari/{rest:.*}", serve)
    async with TestServer(app, access_log=None) as server:
        link = AriLink(
            url=str(server.make_url("/ari")), app="a", user="u", password="p", health=Health(), on_event=print,
            on_open=lambda: None, on_connect=on_connect, takes_requests=lambda _: True,
        )  # fmt: skip
        async with link.open():
            running = asyncio.create_task(link.run(), name="ari")
            async with asyncio.timeout(10):
                await connected.wait()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    assert answers == []
