"""Click-to-call: which numbers are dialled, and that the journal knows before Asterisk does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st
from made_facts import T0

from pbx_bridge.ari_handlers.connection import AriLink
from pbx_bridge.ari_handlers.originate import Originator, dialable
from pbx_bridge.ari_handlers.requests import Ari
from pbx_bridge.calls.fact_text import decode
from pbx_bridge.calls.facts import Live, LiveKind, RawFact
from pbx_bridge.errors import AsteriskError, InputError, StoreError
from pbx_bridge.health import Health
from pbx_bridge.values.number_pattern import NumberPattern
from pbx_bridge.values.number_rules import PLAIN, NumberRule, NumberRules


@pytest.mark.parametrize(
    ("typed", "dialled"),
    [
        ("09121234567", "09121234567"),
        (" 0912 123-4567 ", "09121234567"),
        ("۰۹۱۲۱۲۳۴۵۶۷", "09121234567"),
        ("(021) 8800/1234", "02188001234"),
        ("9121234567", "09121234567"),
        ("+989121234567", "+989121234567"),
        ("00989121234567", "00989121234567"),
        ("102", "102"),
        ("+4930901820", "+4930901820"),
    ],
)
def test_a_number_as_people_type_it(typed: str, dialled: str) -> None:
    assert dialable(typed) == dialled


@pytest.mark.parametrize(
    "typed",
    [
        "", " ", "abc", "0912123456x", "0912&102", "0912,30,g(x)", "0912\n", "\r\n09121234567", "0912\r\nX: 1",
        "0912\t1", "0912@trunk", "*72101", "#21#", "++98912", "98+912", "0" * 16, "${EXTEN}", "0912|1", "0912;1",
        "٠٩\u202e١٢", "٫١٢",
    ],
)  # fmt: skip
def test_what_is_no_number_is_refused(typed: str) -> None:
    with pytest.raises(InputError, match="no number to call"):
        dialable(typed)


@given(st.one_of(st.text(), st.from_regex(r"[0-9+&,@\r\n*a-z ۰-۹-]{1,20}", fullmatch=True)))
def test_whatever_is_typed_only_digits_are_dialled(typed: str) -> None:
    try:
        dialled = dialable(typed)
    except InputError:
        return
    assert dialled.isascii()
    assert dialled.removeprefix("+").isdigit()
    assert not set(typed) & set("&\r\n,@*|;")


@dataclass
class Desk:
    """What happened, in order: facts that were kept, requests that came to Asterisk."""

    happened: list[Any] = field(default_factory=list)
    refuse: bool = False
    store_is_away: bool = False

    async def keep(self, facts: Sequence[RawFact]) -> None:
        if self.store_is_away:
            raise StoreError("the store is closed")
        self.happened += [decode(fact) for fact in facts]

    async def originate(self, request: web.Request) -> web.Response:
        self.happened.append(await request.json())
        return web.json_response({"message": "Allocation failed"}, status=500 if self.refuse else 200)


@asynccontextmanager
async def originator(desk: Desk, numbers: NumberRules = PLAIN) -> AsyncIterator[Originator]:
    app = web.Application()
    app.router.add_post("/ari/channels", desk.originate)

    async def nothing() -> None: ...

    async with TestServer(app) as server:
        link = AriLink(
            url=str(server.make_url("/ari")),
            app="pbx_bridge",
            user="u",
            password="p",
            health=Health(),
            on_event=lambda _: None,
            on_open=lambda: None,
            on_connect=nothing,
            takes_requests=lambda version: False,
        )
        async with link.open():
            ari = Ari(link, "pbx_bridge")
            yield Originator(
                ari, node="pbx1", keep=desk.keep, agents=("101", "102"), numbers=numbers, clock=lambda: T0
            )


async def test_the_journal_knows_before_asterisk_does() -> None:
    desk = Desk()
    async with originator(desk) as originating:
        asked = await originating.call("101", "0912 123 4567")
    fact, request = desk.happened
    assert isinstance(fact, Live)
    assert (fact.event, fact.uniqueid, fact.at) == (LiveKind.ORIGINATE, asked.channel, T0)
    assert fact.data == {"dialled": "09121234567", "agent": "101"}
    assert request["channelId"] == asked.channel
    assert (request["endpoint"], request["context"], request["extension"]) == (
        "PJSIP/101",
        "from-agents",
        asked.dialled,
    )
    assert request["timeout"] == 30
    assert "callerId" not in request, "it would become the number that the customer sees"


async def test_the_pbx_is_told_what_it_wants_and_the_journal_who_was_meant() -> None:
    desk = Desk()
    outward = NumberRules(outbound=(NumberRule(match=NumberPattern.parse("*"), put="9"),))
    async with originator(desk, outward) as originating:
        for number in ("0912 123 4567", "102"):
            await originating.call("101", number)
    assert [told.data["dialled"] for told in desk.happened[::2]] == ["09121234567", "102"]
    assert [told["extension"] for told in desk.happened[1::2]] == ["909121234567", "102"]


async def test_every_call_has_an_id_of_its_own() -> None:
    desk = Desk()
    async with originator(desk) as originating:
        channels = [(await originating.call("101", "102")).channel for _ in range(3)]
    assert len(set(channels)) == 3
    assert all(channel.startswith("pbx1-c2c-") for channel in channels)


async def test_without_a_journal_nobody_is_called() -> None:
    desk = Desk(store_is_away=True)
    async with originator(desk) as originating:
        with pytest.raises(StoreError):
            await originating.call("101", "09121234567")
    assert desk.happened == []


@pytest.mark.parametrize(
    ("agent", "number"), [("103", "0912123"), ("101&102", "0912123"), ("101", "x"), ("101", "101")]
)
async def test_what_is_refused_leaves_no_trace(agent: str, number: str) -> None:
    desk = Desk()
    async with originator(desk) as originating:
        with pytest.raises(InputError):
            await originating.call(agent, number)
    assert desk.happened == []


async def test_asterisks_refusal_is_told() -> None:
    async with originator(Desk(refuse=True)) as originating:
        with pytest.raises(AsteriskError, match="Allocation failed"):
            await originating.call("101", "09121234567")
