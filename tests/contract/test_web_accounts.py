"""The pages of accounts and admin on the real store: what they change holds at once, and stands in the log."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import quote

import pytest
from aiohttp import ClientResponse, CookieJar, web
from aiohttp.test_utils import TestClient, TestServer
from store_facts import QUICK
from web_visitor import FROM_PAGE, TEHRAN

from pbx_bridge.health import Health
from pbx_bridge.store import Role, Store, open_store
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.audit import Sought
from pbx_bridge.web import sessions
from pbx_bridge.web.admin.site import AccountParts
from pbx_bridge.web.site import SiteParts, make_site

BEGIN = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
PASSWORD = "a fine password"


class Browser:
    """A browser of somebody's."""

    def __init__(self, site: Site) -> None:
        self._site, self._jar = site, CookieJar(unsafe=True)

    async def ask(self, method: str, path: str, data: dict[str, str] | None = None) -> ClientResponse:
        client = self._site.client
        headers = {"Accept-Language": "en", "User-Agent": "Firefox/1 <b>", **FROM_PAGE}
        cookies = {name: cookie.value for name, cookie in self._jar.filter_cookies(client.make_url("/")).items()}
        answer = await client.request(
            method, path, data=data, headers=headers, cookies=cookies, allow_redirects=False
        )
        client.session.cookie_jar.clear()
        self._jar.update_cookies(answer.cookies, client.make_url("/"))
        return answer

    async def page(self, path: str, status: int = 200) -> str:
        answer = await self.ask("GET", path)
        assert answer.status == status, (path, answer.status)
        return await answer.text()

    async def post(self, path: str, status: int = 200, **data: str) -> str:
        answer = await self.ask("POST", path, data)
        assert answer.status == status, (path, answer.status, await answer.text())
        return await answer.text()

    async def sign_in(self, name: str, password: str = PASSWORD, status: int = 303) -> None:
        await self.post("/sign-in", status, name=name, password=password)

    async def is_in(self) -> bool:
        return (await self.ask("GET", "/account")).status == 200


class Site:
    """The site, its store and its clock."""

    def __init__(self, store: Store, now: list[datetime]) -> None:
        self.store, self._now = store, now
        self.client: TestClient[web.Request, web.Application]

    @property
    def now(self) -> datetime:
        return self._now[0]

    @now.setter
    def now(self, moment: datetime) -> None:
        self._now[0] = moment

    def clock(self) -> datetime:
        return self.now

    async def browser(self, name: str = "") -> Browser:
        browser = Browser(self)
        if name:
            await browser.sign_in(name)
        return browser

    async def told(self) -> list[tuple[str, str, str]]:
        entries = await self.store.audit.page(Sought())
        return [(entry.user, entry.what, entry.about) for entry in reversed(entries)]


@asynccontextmanager
async def opened(place: StorePlace) -> AsyncIterator[Site]:
    now = [BEGIN]
    async with open_store(place, folding=False, limits=QUICK, clock=lambda: now[0]) as store:
        site = Site(store, now)
        for role in Role:
            await store.users.create(role.value, PASSWORD, role)
        app = make_site(
            SiteParts(
                health=Health(),
                calls=store.calls,
                users=store.users,
                audit=store.audit,
                accounts=AccountParts(sessions=store.sessions, tokens=store.tokens),
                session_key=b"k" * 32,
                zone=TEHRAN,
                clock=site.clock,
            )
        )
        async with TestClient(TestServer(app, access_log=None)) as client:
            site.client = client
            yield site


@pytest.fixture
async def site(place: StorePlace) -> AsyncIterator[Site]:
    async with opened(place) as found:
        yield found


def secret_in(page: str) -> str:
    (found,) = re.findall(r'<output class="secret code" dir="ltr">([^<]+)</output>', page)
    return unescape(found)


# --- users --------------------------------------------------------------------------------------------------------


async def test_an_admin_makes_a_user_whose_password_is_shown_once(site: Site) -> None:
    admin = await site.browser("admin")
    page = await admin.post("/admin/users", name="sara", full_name="Sara <b>", role="agent", extension="201")
    password = secret_in(page)
    assert "Sara &lt;b&gt;" in page
    assert password not in await admin.page("/admin/user?name=sara")
    sara = await site.browser()
    await sara.sign_in("sara", password)
    assert await sara.is_in()
    assert ("admin", "user_made", "sara") in await site.told()
    assert not any(password in f"{entry}" for entry in await site.store.audit.page(Sought()))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "lead"}, "That name is taken"),
        ({"name": " "}, "1 to 64 letters"),
        ({"extension": "x1"}, "digits only"),
        ({"role": "root"}, "no such role"),
    ],
)
async def test_what_cannot_be_is_told_and_nothing_typed_is_lost(
    site: Site, fields: dict[str, str], words: str
) -> None:
    admin = await site.browser("admin")
    told = {"name": "new", "full_name": "Typed Name", "role": "agent", "extension": "", **fields}
    page = await admin.post("/admin/users", 422, **told)
    assert words in page
    assert 'value="Typed Name"' in page
    assert len(await site.store.users.list()) == 4


async def test_whoever_is_disabled_is_out_at_once_and_cannot_come_back(site: Site) -> None:
    admin, lead = await site.browser("admin"), await site.browser("lead")
    await lead.page("/calls")
    await admin.post("/admin/user", name="lead", role="lead", full_name="", extension="", disabled="1")
    assert not await lead.is_in()
    await lead.sign_in("lead", status=401)
    await admin.post("/admin/user", name="lead", role="lead", full_name="", extension="")
    assert not await lead.is_in()
    await lead.sign_in("lead")
    assert [what for user, what, about in await site.told() if about == "lead"] == [
        "user_changed",
        "sign_in_failed",
        "user_changed",
    ]


async def test_a_new_role_holds_with_the_next_request(site: Site) -> None:
    admin, lead = await site.browser("admin"), await site.browser("lead")
    await lead.page("/admin/users", 403)
    await admin.post("/admin/user", name="lead", role="admin", full_name="", extension="")
    await lead.page("/admin/users")
    await lead.post("/admin/user", name="admin", role="lead", full_name="", extension="")
    await admin.page("/admin/users", 403)


@pytest.mark.parametrize("change", [{"role": "lead"}, {"role": "admin", "disabled": "1"}])
async def test_the_last_admin_stays(site: Site, change: dict[str, str]) -> None:
    admin = await site.browser("admin")
    page = await admin.post("/admin/user", 422, name="admin", full_name="", extension="", **change)
    assert "last admin" in page
    await admin.page("/admin/users")


async def test_a_password_that_an_admin_gives_ends_every_session(site: Site) -> None:
    admin, lead = await site.browser("admin"), await site.browser("lead")
    password = secret_in(await admin.post("/admin/user/password", name="lead"))
    assert not await lead.is_in()
    await lead.sign_in("lead", status=401)
    await lead.sign_in("lead", password)


@pytest.mark.parametrize("name", ["le\x00ad", "\x00", "lead'; --", "x" * 500, "۱\u202e"])
async def test_no_name_breaks_anything(site: Site, name: str) -> None:
    admin, other = await site.browser("admin"), await site.browser()
    await other.sign_in(name, status=401)
    await admin.post("/admin/user", 404, name=name, role="lead")
    await admin.post("/admin/user/password", 404, name=name)
    assert (await admin.ask("GET", f"/admin/user?name={quote(name)}")).status == 404
    assert (await admin.ask("GET", f"/admin/audit?user={quote(name)}&about={quote(name)}")).status == 200


async def test_an_admin_signs_somebody_out_everywhere(site: Site) -> None:
    admin, first, second = [await site.browser(name) for name in ("admin", "lead", "lead")]
    assert "Firefox/1 &lt;b&gt;" in await admin.page("/admin/user?name=lead")
    await admin.post("/admin/user/sessions", name="lead")
    assert not await first.is_in()
    assert not await second.is_in()
    await admin.page("/admin/user?name=nobody", 404)


# --- one's own account --------------------------------------------------------------------------------------------


async def test_a_changed_password_ends_the_other_sessions(site: Site) -> None:
    here, elsewhere = await site.browser("agent"), await site.browser("agent")
    page = await here.post("/account/password", old=PASSWORD, new="another password", again="another password")
    assert "The password is changed" in page
    assert await here.is_in()
    assert not await elsewhere.is_in()
    await elsewhere.sign_in("agent", status=401)
    await elsewhere.sign_in("agent", "another password")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"old": "wrong"}, "present password is not right"),
        ({"again": "else"}, "differ"),
        ({"new": "short", "again": "short"}, "at least 8"),
    ],
)
async def test_a_password_is_not_changed_without_reason(site: Site, fields: dict[str, str], words: str) -> None:
    agent = await site.browser("agent")
    told = {"old": PASSWORD, "new": "another password", "again": "another password", **fields}
    assert words in await agent.post("/account/password", 422, **told)
    await (await site.browser()).sign_in("agent")


async def test_guessing_the_old_password_is_slowed_down_too(site: Site) -> None:
    agent = await site.browser("agent")
    for _ in range(5):
        await agent.post("/account/password", 422, old="wrong", new="another password", again="another password")
    page = await agent.post("/account/password", 422, old=PASSWORD, new="another password", again="another password")
    assert "Too many wrong tries" in page


async def test_somebody_ends_one_session_or_all_of_their_own(site: Site) -> None:
    here, phone, other = [await site.browser(name) for name in ("agent", "agent", "lead")]
    (theirs,) = await site.store.sessions.of("lead")
    await here.post("/account/sessions/end", 303, number=theirs.id_hash)
    assert await other.is_in()
    numbers = re.findall(r'name="number" value="([0-9a-f]{64})"', await here.page("/account"))
    assert len(numbers) == 2
    site.now += timedelta(minutes=2)
    await here.page("/account")
    await site.store.sessions.end_all("nobody")  # behind the write that the use of the session was
    here_hash = (await site.store.sessions.of("agent"))[0].id_hash
    (away,) = [number for number in numbers if number != here_hash]
    await here.post("/account/sessions/end", 303, number=away)
    assert await here.is_in()
    assert not await phone.is_in()
    await phone.sign_in("agent")
    await here.post("/account/sessions/end-all", 303)
    assert not await here.is_in()
    assert not await phone.is_in()


async def test_no_session_id_is_in_any_page_or_in_the_store(site: Site) -> None:
    agent = await site.browser("agent")
    (cookie,) = [c.value for c in agent._jar if c.key == "pbx_bridge_session"]
    assert cookie not in await agent.page("/account")
    (kept,) = await site.store.sessions.of("agent")
    assert cookie not in str(kept)


async def test_a_change_by_another_process_holds_within_seconds(
    site: Site, place: StorePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead = await site.browser("lead")
    assert await lead.is_in()
    async with open_store(place, folding=False, limits=QUICK) as other:
        await other.sessions.end_all("lead")
    assert await lead.is_in()  # remembered
    monkeypatch.setattr(sessions, "RECENT_S", -1.0)
    assert not await lead.is_in()


# --- tokens -------------------------------------------------------------------------------------------------------


async def send(site: Site, token: str, path: str = "/calls", method: str = "GET", **headers: str) -> int:
    told = {"Authorization": f"Bearer {token}", **headers}
    return (await site.client.request(method, path, headers=told, allow_redirects=False)).status


async def test_a_token_reads_until_it_is_revoked(site: Site) -> None:
    admin = await site.browser("admin")
    secret = secret_in(await admin.post("/admin/tokens", title="month", role="lead", ends="1406/01/01"))
    assert secret not in await admin.page("/admin/tokens")
    assert await send(site, secret) == 200
    assert await send(site, secret, "/admin/audit.csv") == 403
    assert await send(site, secret, "/account") == 403
    assert await send(site, secret, "/sign-out", "POST") == 403
    (token,) = await site.store.tokens.list()
    await admin.post("/admin/tokens/revoke", 303, number=token.number)
    (token,) = await site.store.tokens.list()
    assert (token.used_at, token.revoked_at) == (BEGIN, BEGIN)
    assert await send(site, secret) == 401
    await admin.post("/admin/tokens/revoke", 422, number=token.number)
    assert [(what, about) for _, what, about in await site.told()][-2:] == [
        ("token_made", "month"),
        ("token_revoked", "month"),
    ]


async def test_a_token_ends_with_its_day(site: Site) -> None:
    admin = await site.browser("admin")
    secret = secret_in(await admin.post("/admin/tokens", title="a", role="read_only", ends="2026-11-22"))
    site.now = datetime(2026, 11, 22, 23, 59, 59, tzinfo=TEHRAN).astimezone(UTC)
    assert await send(site, secret) == 200
    site.now += timedelta(seconds=2)
    assert await send(site, secret) == 401


@pytest.mark.parametrize("sent", ["", "pbxb_wrong", "x" * 5000, "pbxb_é"])
async def test_anything_else_is_no_token(site: Site, sent: str) -> None:
    agent = await site.browser("lead")  # a cookie does not help a wrong token
    (cookie,) = [c.value for c in agent._jar if c.key == "pbx_bridge_session"]
    assert await send(site, sent, Cookie=f"pbx_bridge_session={cookie}") == 401


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"title": ""}, "1 to 60 letters"),
        ({"role": "agent"}, "no such role"),
        ({"ends": "soon"}, "That is no date"),
        ({"ends": "1404/01/01"}, "lies in the past"),
    ],
)
async def test_what_a_token_cannot_be_is_told(site: Site, fields: dict[str, str], words: str) -> None:
    admin = await site.browser("admin")
    assert words in await admin.post("/admin/tokens", 422, **{"title": "a", "role": "lead", "ends": "", **fields})
    assert await site.store.tokens.list() == []


# --- audit --------------------------------------------------------------------------------------------------------


async def test_the_log_is_searched_and_paged(site: Site) -> None:
    admin = await site.browser("admin")
    lead = await site.store.users.account("lead")
    assert lead is not None
    for n in range(60):
        await site.store.audit.note(lead, "heard", f"call-{n}", "<script>", "::1")
    page = await admin.page("/admin/audit?user=lead&what=heard")
    assert page.count("heard a recording</td>") == 50
    assert "&lt;script&gt;" in page
    older = unescape(re.findall(r'href="(/admin/audit\?[^"]*before=[^"]*)"', page)[0])
    assert (await admin.page(older)).count("heard a recording</td>") == 10
    assert (await admin.page("/admin/audit?about=call-7")).count("heard a recording</td>") == 1
    assert (await admin.page("/admin/audit?to=1404/01/01")).count("<td>") == 0
    assert (await admin.page("/admin/audit?from=1405/08/30&to=2026-11-21&what=heard")).count("heard a") > 50
    assert "Mend what is marked" in await admin.page("/admin/audit?from=someday")
    assert await admin.page("/admin/audit?before=x.y&user=%00%27")


async def test_the_log_is_exported_whole_harmless_and_noted(site: Site) -> None:
    admin = await site.browser("admin")
    lead = await site.store.users.account("lead")
    assert lead is not None
    await asyncio.gather(*(site.store.audit.note(lead, "heard", "=cmd()", f"n{n}") for n in range(600)))
    answer = await admin.ask("GET", "/admin/audit.csv?user=lead")
    lines = (await answer.read()).decode("utf-8-sig").split("\r\n")
    assert lines[0] == "at,user,what,about,detail,address"
    assert len(lines) == 602
    assert lines[1].split(",")[2:5] == ["heard", "'=cmd()", "n599"]
    assert answer.headers["Content-Disposition"] == 'attachment; filename="audit.csv"'
    assert (await site.told())[-1] == ("admin", "exported", "audit")


@pytest.mark.parametrize("language", ["fa", "en"])
async def test_every_page_of_the_set_is_shown_in_both_languages(site: Site, language: str) -> None:
    admin = await site.browser("admin")
    await admin.ask("GET", f"/account?language={language}")
    for path in ("/admin/users", "/admin/user?name=lead", "/admin/tokens", "/admin/audit", "/admin/retention"):
        assert f'<html lang="{language}"' in await admin.page(path)
