"""Calls by a click and by another program, through the site on a real store, with a toy for Asterisk."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient, TestServer
from store_facts import NODE, quick_store
from toy_dialler import Daemon, Toy, daemon
from web_visitor import NAME, PASSWORD, TEHRAN, Parts, Visitor

from pbx_bridge.ari_handlers.progress import Phase
from pbx_bridge.store import Role, Store
from pbx_bridge.store.dials import NewDial
from pbx_bridge.web.admin.site import AccountParts
from pbx_bridge.web.dial.ports import DialParts
from pbx_bridge.web.site import SiteParts, make_site


@dataclass
class House:
    """A site with telephones, and who visits it."""

    visitor: Visitor
    store: Store
    one: Daemon
    toy: Toy
    parts: Parts


@asynccontextmanager
async def house(tmp_path: Path, role: Role = Role.AGENT, extension: str = "101") -> AsyncIterator[House]:
    toy, parts = Toy(), Parts()
    parts.users.roles[NAME], parts.users.extensions[NAME] = role, extension
    async with quick_store(tmp_path / "s.db") as store, daemon(store, toy) as one:
        dial = DialParts(dialler=one.dialler, call_tokens=frozenset({"crm"}))
        made = SiteParts(
            health=parts.health,
            calls=parts.calls,
            users=parts.users,
            session_key=b"k" * 32,
            zone=TEHRAN,
            accounts=AccountParts(sessions=parts.sessions, tokens=parts.tokens),
            audit=parts.audit,
            dial=dial,
        )
        async with TestClient(TestServer(make_site(made), access_log=None)) as client:
            visitor = Visitor(client, parts)
            assert (await visitor.sign_in(NAME, PASSWORD)).status == 303
            yield House(visitor, store, one, toy, parts)


async def click(visitor: Visitor, to: str = "0912 123 4567|customer:C1", key: str = "k1") -> str:
    """Where a click on a number leads."""
    answer = await visitor.post("/dial", {"to": to, "key": key})
    assert answer.status == 303, await answer.text()
    return answer.headers["Location"]


async def test_a_double_click_and_a_second_tab_are_one_call(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        first = await click(here.visitor)
        assert await click(here.visitor) == first
        assert await click(here.visitor, key="another tab") == first, "while it goes on"
        assert len(here.toy.sent) == 1
        (dial,) = await here.store.dials.open(NODE)
        assert (dial.number, dial.extension, dial.about) == ("09121234567", "101", "customer:C1")
        here.one.seen()
        await here.one.phase(dial.id, Phase.RINGS)
        page = await here.visitor.page(first)
        assert "Your phone rings" in page
        assert "0912 123 4567" in page
        assert [entry.what for entry in here.parts.audit.entries].count("dialled") == 1
        other = await here.visitor.post("/dial", {"to": "02188776655|", "key": "k1"})
        assert other.status == 409
        assert "Another call you asked for" in await other.text()
        answer = await here.visitor.post(f"{first}/cancel", {})
        assert answer.status == 303
        assert here.toy.living == {}


REFUSED = {
    "0901 234 5678|": (422, "may not be called"),
    "abc|": (422, "is no number"),
    "101|": (422, "your own extension"),
    "|": (422, "is no number"),
    '<img src=x onerror="x()">|': (422, "is no number"),
}


async def test_a_refusal_says_why(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        for to, (status, words) in REFUSED.items():
            answer = await here.visitor.post("/dial", {"to": to, "key": "k"})
            page = await answer.text()
            assert answer.status == status, to
            assert words in page
            assert "<img src=x" not in page
        assert here.toy.sent == []


async def test_a_link_asks_before_it_calls(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        page = await here.visitor.page("/dial?number=tel:%2B989121234567&about=customer:C1")
        assert 'value="+989121234567"' in page
        assert here.toy.sent == []
        (key,) = re.findall(r'<form method="post" action="/dial".*?name="key" value="([^"]+)"', page, re.DOTALL)
        answer = await here.visitor.post("/dial", {"number": "+989121234567", "about": "customer:C1", "key": key})
        assert answer.status == 303
        assert len(here.toy.sent) == 1


async def test_nobody_sees_anothers_call(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        new = NewDial(node=NODE, extension="102", number="09121234567", user="somebody else", key="k")
        where = f"/dial/{(await here.store.dials.ask(new)).dial.id}"
        await here.visitor.page(where, status=404)
        assert (await here.visitor.post(f"{where}/cancel", {})).status == 404
    async with house(tmp_path, role=Role.LEAD) as here:
        await here.visitor.page(where)


async def test_who_has_no_phone_is_told_so(tmp_path: Path) -> None:
    async with house(tmp_path, extension="") as here:
        answer = await here.visitor.post("/dial", {"to": "09121234567|", "key": "k"})
        assert answer.status == 409
        assert "has no phone" in await answer.text()
        assert 'id="dial"' not in await here.visitor.page("/dial"), "nor are numbers buttons"


BODY = {"extension": "101", "number": "09121234567", "key": "order-17", "about": "customer:C1"}


async def asked(here: House, secret: str, body: Any = None) -> tuple[int, Any]:
    """What another program gets."""
    headers = {"Authorization": f"Bearer {secret}"}
    here.visitor.client.session.cookie_jar.clear()
    answer = await here.visitor.client.post("/api/dial", json=BODY if body is None else body, headers=headers)
    return answer.status, await answer.json() if answer.content_type == "application/json" else None


async def test_another_program_has_a_phone_call(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        _, secret = await here.parts.tokens.make("crm", Role.LEAD, "x", None)
        status, told = await asked(here, secret)
        assert status == 201
        assert {name: told[name] for name in ("extension", "number", "about", "reason", "call_id")} == {
            "extension": "101",
            "number": "09121234567",
            "about": "customer:C1",
            "reason": "",
            "call_id": "",
        }
        assert await asked(here, secret) == (200, told), "the same key is the same call"
        assert len(here.toy.sent) == 1
        headers = {"Authorization": f"Bearer {secret}"}
        looked = await here.visitor.client.get("/api/dial?key=order-17", headers=headers)
        assert (looked.status, (await looked.json())["id"]) == (200, told["id"])
        assert (await here.visitor.client.get("/api/dial?key=x", headers=headers)).status == 404
        busy = {**BODY, "key": "other", "number": "02188776655"}
        assert await asked(here, secret, busy) == (
            409,
            {"refused": "open", "why": "another call that was asked for goes on at this phone"},
        )


UNFIT: tuple[tuple[Any, int], ...] = (
    ({}, 400),
    ([], 400),
    ({**BODY, "more": 1}, 400),
    ({**BODY, "key": ""}, 400),
    ({**BODY, "key": "k" * 81}, 400),
    ({**BODY, "number": "0901 234 5678"}, 422),
    ({**BODY, "number": "1\r\n2"}, 422),
    ({**BODY, "extension": "999"}, 422),
    ({**BODY, "extension": "101&102"}, 422),
)


async def test_only_fit_requests_of_programs_that_the_settings_name(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        _, secret = await here.parts.tokens.make("crm", Role.LEAD, "x", None)
        for body, status in UNFIT:
            assert (await asked(here, secret, body))[0] == status, body
        _, reader = await here.parts.tokens.make("report", Role.ADMIN, "x", None)
        assert (await asked(here, reader))[0] == 403
        assert (await asked(here, "pbxb_wrong"))[0] == 401
        assert here.toy.sent == []
        assert (await asked(here, secret))[0] == 201
    async with house(tmp_path) as here:
        _, secret = await here.parts.tokens.make("crm", Role.READ_ONLY, "x", None)
        assert (await asked(here, secret))[0] == 403, "nor beyond its role"
