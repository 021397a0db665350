"""What the dialplan does by itself, on a real Asterisk: without a daemon, with a frozen one, around a queue."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from private_pbx import PbxUnderTest

from pbx_bridge.calls.fact_text import cel_fact, decode
from pbx_bridge.calls.facts import CelRow
from pbx_bridge.pbx.phone.phone import Answer, Phone

pytestmark = pytest.mark.asterisk

CALLER = "09121234567"


def dial(pbx: PbxUnderTest) -> str:
    return f"sip:{pbx.plan.extension}@127.0.0.1:{pbx.ports.sip}"


def spool(pbx: PbxUnderTest, since: int) -> list[CelRow]:
    """What Asterisk wrote into its CEL spool after so many lines."""
    rows = []
    for number, line in enumerate(pbx.paths.cel.read_text().splitlines()[since:]):
        fact = decode(cel_fact(node="pbxt", file="cel", offset=number, body=line))
        assert isinstance(fact, CelRow)
        rows.append(fact)
    return rows


def lines(file: Path) -> int:
    return len(file.read_text().splitlines()) if file.exists() else 0


@asynccontextmanager
async def agent(pbx: PbxUnderTest, number: str) -> AsyncIterator[Phone]:
    async with Phone(from_number=number, on_invite=Answer()) as phone:
        await phone.register(f"sip:127.0.0.1:{pbx.ports.sip}", pbx.secrets.agents[number])
        yield phone


@asynccontextmanager
async def application(
    pbx: PbxUnderTest,
) -> AsyncIterator[tuple[aiohttp.ClientSession, aiohttp.ClientWebSocketResponse]]:
    """A Stasis application that does nothing of its own: to the dialplan, a frozen daemon."""
    token = base64.b64encode(f"{pbx.plan.ari_user}:{pbx.secrets.ari}".encode()).decode()
    async with (
        aiohttp.ClientSession(
            f"http://127.0.0.1:{pbx.ports.ari}", headers={"Authorization": f"Basic {token}"}
        ) as session,
        session.ws_connect("/ari/events", params={"app": pbx.plan.app}) as socket,
    ):
        yield session, socket


async def event(socket: aiohttp.ClientWebSocketResponse, kind: str) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            told: dict[str, Any] = await socket.receive_json()
            if told["type"] == kind:
                return told


async def test_without_a_daemon_and_agents_the_caller_is_told_and_let_go(pbx: PbxUnderTest) -> None:
    since = lines(pbx.paths.cel)
    async with Phone(from_number=CALLER) as phone:
        call = await phone.call(dial(pbx))
        ending = await call.ended(30)

    rows = spool(pbx, since)
    assert ending.by == "them"
    assert [row.user_type for row in rows if row.event == "USER_DEFINED"] == ["PBXB", "PBXB"]
    file = f"pbxt_{rows[0].uniqueid}.wav"
    assert [row.extra["extra"] for row in rows if row.event == "USER_DEFINED"] == ["fallback", f"recording={file}"]
    assert {row.num for row in rows} == {CALLER}


async def test_without_a_daemon_an_agent_answers(pbx: PbxUnderTest) -> None:
    since = lines(pbx.paths.cel)
    async with agent(pbx, "101") as desk, Phone(from_number=CALLER) as phone:
        call = await phone.call(dial(pbx))
        answered = await desk.rung()
        await answered.answered()
        wide = [where for where in pbx.listening() if not where.startswith("127.")]
        await call.hang_up()
        await answered.ended(10)

    rows = spool(pbx, since)
    assert any(row.event == "BRIDGE_ENTER" and row.channel_name.startswith("PJSIP/101-") for row in rows)
    assert len(wide) <= 2, "only the pair of the DNS client, also while media flow"


async def test_a_frozen_daemon_costs_ten_seconds_not_the_call(pbx: PbxUnderTest) -> None:
    loop = asyncio.get_running_loop()
    async with application(pbx) as (_, socket), agent(pbx, "102") as desk, Phone(from_number=CALLER) as phone:
        call = await phone.dial(dial(pbx))
        await event(socket, "StasisStart")
        begun = loop.time()
        answered = await desk.rung(20)
        waited = loop.time() - begun
        await answered.answered()
        await call.hang_up()

    assert 9 < waited < 12


async def test_an_empty_queue_is_left_at_once_and_says_how(pbx: PbxUnderTest) -> None:
    since = lines(pbx.paths.cel)
    async with application(pbx) as (session, socket), Phone(from_number=CALLER) as phone:
        call = await phone.dial(dial(pbx))
        first = await event(socket, "StasisStart")
        channel = first["channel"]["id"]
        target = {"context": "pbxb-queue", "extension": "services", "priority": "1"}
        async with session.post(f"/ari/channels/{channel}/continue", params=target) as answer:
            assert answer.status == 204
        back = await event(socket, "StasisStart")
        await call.hang_up()

    assert first["args"] == ["in", pbx.plan.extension]
    assert back["args"][:3] == ["queue_return", "services", "JOINEMPTY"]
    users = [row.extra["extra"] for row in spool(pbx, since) if row.event == "USER_DEFINED"]
    assert users == ["queue=services", f"recording=pbxt_{channel}.wav"]


async def test_a_queue_that_is_not_there_gives_the_caller_back_at_once(pbx: PbxUnderTest) -> None:
    async with application(pbx) as (session, socket), Phone(from_number=CALLER) as phone:
        call = await phone.dial(dial(pbx))
        channel = (await event(socket, "StasisStart"))["channel"]["id"]
        target = {"context": "pbxb-queue", "extension": "nobodys", "priority": "1"}
        async with session.post(f"/ari/channels/{channel}/continue", params=target) as answer:
            assert answer.status == 204
        back = await event(socket, "StasisStart")
        await call.hang_up()

    assert back["args"] == ["queue_return", "nobodys", "INVALID"]


async def test_a_daemon_that_froze_while_the_caller_was_in_the_queue(pbx: PbxUnderTest) -> None:
    """It comes back from the queue to nobody: told that nobody is there, and let go within the timer."""
    async with application(pbx) as (session, socket), Phone(from_number=CALLER) as phone:
        call = await phone.dial(dial(pbx))
        channel = (await event(socket, "StasisStart"))["channel"]["id"]
        target = {"context": "pbxb-queue", "extension": "support", "priority": "1"}
        async with session.post(f"/ari/channels/{channel}/continue", params=target) as answer:
            assert answer.status == 204
        await event(socket, "StasisStart")
        ending = await call.ended(30)

    assert ending.by == "them"


async def test_agents_call_each_other_and_the_flow(pbx: PbxUnderTest) -> None:
    async with agent(pbx, "101") as first, agent(pbx, "102") as second, application(pbx) as (_, socket):
        call = await first.call(f"sip:102@127.0.0.1:{pbx.ports.sip}")
        other = await second.rung()
        assert "101" in str(other.far)
        await call.hang_up()
        flow = await first.dial(dial(pbx))
        assert (await event(socket, "StasisStart"))["channel"]["caller"]["number"] == "101"
        await flow.hang_up()
