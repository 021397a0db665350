"""Callers whose flow asks and tells a service, on a real Asterisk: what it hears across a kill -9, what logs hold."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web
from harness.system import SystemUnderTest, running_system
from private_pbx import PbxUnderTest

from pbx_bridge.calls.facts import StepKind

pytestmark = pytest.mark.asterisk

CALLER, SECRET = "09121234567", "s3cret-of-the-shop"
FLOW = """
flow: services
languages: [en, fa]
start: balance
person: person
filler: one_moment
nodes:
  balance:
    kind: find
    service: accounts
    with: {code: caller}
    gives: {amount: toman at account.balance}
    found: hook
    none: sorry
    unavailable: sorry
  hook: {kind: webhook, service: hook, with: {who: caller, amount: kept.amount}, next: thanks, failed: sorry}
  thanks: {kind: say, prompt: goodbye, next: end}
  sorry: {kind: say, prompt: nobody, next: end}
  person: {kind: queue, queue: support, nobody: end, timeout: end}
  end: {kind: hang_up}
"""
SETTINGS = """
[ivr]
flow = "{flow}"

[services.accounts]
url = "{url}/customers/{{code}}"
token_file = "accounts"

[services.hook]
url = "{url}/hook"
method = "POST"
limit_s = 7
"""


@dataclass
class Shop:
    """The company's service: knows everybody's balance, and does not answer what it is told until it may."""

    asked: list[tuple[str, str | None]] = field(default_factory=list)
    told: asyncio.Queue[tuple[str, dict[str, object]]] = field(default_factory=asyncio.Queue)
    may: asyncio.Event = field(default_factory=asyncio.Event)

    async def balance(self, request: web.Request) -> web.Response:
        self.asked.append((request.path, request.headers.get("Authorization")))
        return web.json_response({"account": {"balance": 125_000}})

    async def hook(self, request: web.Request) -> web.Response:
        self.told.put_nowait((request.headers["Idempotency-Key"], json.loads(await request.read())))
        await self.may.wait()
        return web.Response(status=202)


@pytest.fixture
async def shop() -> AsyncIterator[tuple[Shop, str]]:
    there, app = Shop(), web.Application()
    app.add_routes([web.get("/customers/{code}", there.balance), web.post("/hook", there.hook)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield there, f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def house(scene_house: PbxUnderTest, shop: tuple[Shop, str]) -> AsyncIterator[SystemUnderTest]:
    """The scenes' Asterisk, and a daemon whose callers meet that flow."""
    flow, settings = scene_house.home / "services.yaml", scene_house.home / "pbx_bridge.toml"
    flow.write_text(FLOW, encoding="utf-8")
    (scene_house.home / "secrets" / "accounts").write_text(SECRET, encoding="utf-8")
    settings.write_text(SETTINGS.format(flow=flow, url=shop[1]), encoding="utf-8")
    try:
        async with running_system(scene_house) as system:
            yield system
    finally:
        settings.unlink()


async def test_a_killed_daemon_tells_a_service_again_under_the_same_key(
    house: SystemUnderTest, shop: tuple[Shop, str]
) -> None:
    there, _ = shop
    async with asyncio.timeout(60), house.caller(CALLER) as caller:
        await caller.call.answered()
        key, values = await there.told.get()
        assert values == {"who": CALLER, "amount": 125_000}
        house.kill_daemon()
        house.launch_daemon()
        again, same = await there.told.get()
        assert (again, same) == (key, values)
        there.may.set()
        step = await caller.step(StepKind.WEBHOOK)
        assert dict(step.data) == {"service": "hook", "result": "sent"}
        await caller.hears("goodbye")
    # Killed before the find was kept, the caller goes through it once more.
    assert set(there.asked) == {(f"/customers/{CALLER}", f"Bearer {SECRET}")}
    record = await house.record_of(caller)
    assert [step["data"]["result"] for step in record["steps"] if step["kind"] == StepKind.LOOKUP] == ["found"]
    assert SECRET not in json.dumps(record)
    assert SECRET not in house.log()
    async with aiohttp.ClientSession() as visitor, visitor.get(f"{house.page_url}/metrics") as page:
        assert 'pbx_bridge_service_requests_total{service="hook",result="sent"} 1' in await page.text()
