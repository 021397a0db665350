"""Who gets to what: every route of the made site, with every role and without, against a table written here.

A new route fails these tests until it stands in the table: somebody must say who it is for.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from aiohttp import ClientResponse
from demo_history import morning
from web_visitor import FROM_PAGE, NAME, Parts, Visitor, visiting

from pbx_bridge.calls.call import CallId
from pbx_bridge.store import Role
from pbx_bridge.values.digits import to_ascii

ALL = "admin lead agent read_only"
LEADS = "admin lead"
SEERS = "admin lead read_only"
TALKERS = "admin lead agent"

# "open": also without sign-in.
WHO = {
    "GET /static/{version}/{name}": "open",
    "GET /healthz": "open",
    "GET /readyz": "open",
    "GET /metrics": "open",
    "GET /sign-in": "open",
    "POST /sign-in": "open",
    "GET /sign-in/oidc": "open",
    "GET /sign-in/oidc/callback": "open",
    "POST /sign-out": ALL,
    "GET /account": ALL,
    "POST /account/password": ALL,
    "POST /account/sessions/end": ALL,
    "POST /account/sessions/end-all": ALL,
    "GET /": ALL,  # whoever may not see how the system stands goes on to their calls
    "GET /status/events": SEERS,
    "GET /board": SEERS,
    "GET /desk": TALKERS,
    "GET /desk/events": TALKERS,
    "POST /desk/note": TALKERS,
    "POST /desk/seen": TALKERS,
    "POST /desk/wrap-up": TALKERS,
    "POST /desk/ticket": TALKERS,
    "POST /desk/customer": TALKERS,
    "GET /board/events": SEERS,
    "GET /flow": SEERS,
    "GET /flow.svg": SEERS,
    "GET /calls": ALL,
    "GET /calls/events": ALL,
    "GET /calls/export.csv": LEADS,
    "GET /calls/export.xlsx": LEADS,
    "POST /calls/views": ALL,
    "POST /calls/views/{view_id}/drop": ALL,
    "GET /calls/{call_id}": ALL,
    "GET /calls/{call_id}/sounds/{key}.wav": TALKERS,
    "GET /calls/{call_id}/sounds/{key}.svg": TALKERS,
    "POST /calls/{call_id}/notes": TALKERS,
    "POST /calls/{call_id}/notes/{note}/remove": TALKERS,
    "POST /calls/{call_id}/tickets": TALKERS,
    "POST /calls/{call_id}/tickets/new": TALKERS,
    "POST /calls/{call_id}/tickets/{number}/remove": TALKERS,
    "GET /calls/{call_id}/facts": SEERS,
    "GET /calls/{call_id}/facts.json": LEADS,
    "GET /dial": TALKERS,
    "POST /dial": TALKERS,
    "GET /dial/events": TALKERS,
    "GET /dial/state": TALKERS,
    "POST /dial/hand/{what}": TALKERS,
    "POST /dial/pause": TALKERS,
    "POST /dial/available": TALKERS,
    "GET /dial/{dial_id}": TALKERS,
    "POST /dial/{dial_id}/cancel": TALKERS,
    "POST /api/dial": TALKERS,
    "GET /api/dial": TALKERS,
    "GET /api/openapi.json": ALL,
    "GET /tickets": ALL,
    "GET /tickets/new": TALKERS,
    "POST /tickets/new": TALKERS,
    "GET /tickets/{number}": ALL,
    "POST /tickets/{number}/{step}": TALKERS,
    "GET /tickets/{number}/message.wav": TALKERS,
    "GET /tickets/{number}/message.svg": TALKERS,
    "GET /complaints": ALL,
    "GET /customers": ALL,
    "GET /customers/new": TALKERS,
    "POST /customers/new": TALKERS,
    "GET /customers/{code}": ALL,
    "GET /customers/{code}/edit": TALKERS,
    "POST /customers/{code}/edit": TALKERS,
    "POST /customers/{code}/delete": TALKERS,
    "GET /customers/{code}/merge": LEADS,
    "POST /customers/{code}/merge": LEADS,
    "POST /customers/{code}/merges/{merge}/undo": LEADS,
    "GET /phone-book": ALL,
    "POST /phone-book": ALL,
    "POST /phone-book/{line}/remove": ALL,
    "GET /contracts": ALL,
    "GET /contracts/renewals": ALL,
    "GET /contracts/export.csv": LEADS,
    "GET /contracts/{code}/{number}": ALL,
    "POST /contracts/{code}/{number}": TALKERS,
    "GET /callbacks": TALKERS,
    "GET /callbacks/calendar": TALKERS,
    "GET /callbacks/due": TALKERS,
    "GET /callbacks/new": TALKERS,
    "POST /callbacks/new": TALKERS,
    "GET /callbacks/{id}": TALKERS,
    "POST /callbacks/{id}": TALKERS,
    "GET /reports": SEERS,
    "GET /reports/{name}": SEERS,
    "GET /reports/{name}.csv": LEADS,
    "GET /reports/month/{month}": SEERS,
    "GET /moments": TALKERS,
    "POST /moments/{call_id}/{kind}": TALKERS,
    "GET /admin": "admin",
    "GET /admin/users": "admin",
    "POST /admin/users": "admin",
    "GET /admin/user": "admin",
    "POST /admin/user": "admin",
    "POST /admin/user/password": "admin",
    "POST /admin/user/sessions": "admin",
    "GET /admin/tokens": "admin",
    "POST /admin/tokens": "admin",
    "POST /admin/tokens/revoke": "admin",
    "GET /admin/audit": "admin",
    "GET /admin/audit.csv": "admin",
    "GET /admin/retention": "admin",
}

CALLS = morning()
ROLES = [*Role, None]


def routes() -> Iterator[str]:
    """Every route of the made site, as the table names it."""
    for route in Parts().site().router.routes():
        if route.method != "HEAD" and route.resource is not None:
            yield f"{route.method} {route.resource.canonical}"


def concrete(route: str) -> tuple[str, str]:
    """The method, and an address of that route."""
    method, path = route.split(" ")
    told = {
        "call_id": CALLS[0].call_id,
        "key": "0" * 16,
        "id": "0" * 16,
        "note": "0" * 16,
        "number": "1234567",
        "step": "status",
        "view_id": "v",
        "what": "hold",
        "dial_id": "0" * 16,
        "name": "calls",
        "month": "1405-08",
        "kind": "long_wait",
        "version": "0",
        "code": "C-1042",
        "merge": "0" * 16,
        "line": "0" * 16,
    }
    return method, re.sub(r"\{(\w+)\}", lambda part: told[part[1]], path)


def parts_of(role: Role | None) -> Parts:
    parts = Parts()
    parts.put(CALLS)
    parts.users.roles[NAME] = role or Role.LEAD
    parts.users.extensions[NAME] = "201"
    return parts


@asynccontextmanager
async def somebody(role: Role | None) -> AsyncIterator[Visitor]:
    async with visiting(parts_of(role), signed_in=role is not None) as visitor:
        yield visitor


async def ask(visitor: Visitor, route: str, **headers: str) -> ClientResponse:
    method, path = concrete(route)
    told = {"Accept-Language": "en", **FROM_PAGE, **headers}
    answer: ClientResponse = await visitor.client.request(method, path, headers=told, allow_redirects=False)
    answer.close()  # a stream goes on
    return answer


def is_refused(answer: ClientResponse) -> bool:
    to_sign_in = answer.status == 303 and answer.headers["Location"].startswith("/sign-in?")
    return answer.status in (401, 403) or to_sign_in or answer.headers.get("Location") == "/sign-in"


def test_every_route_stands_in_the_table_and_no_other() -> None:
    assert sorted(routes()) == sorted(WHO)


@pytest.mark.parametrize("role", ROLES, ids=str)
async def test_a_role_gets_to_what_the_table_says_and_to_nothing_else(role: Role | None) -> None:
    told = {}
    async with somebody(role) as visitor:
        for route in WHO:
            answer = await ask(visitor, route)
            # Wherever they end their own session the answer leads to the sign-in, too.
            ends = route in ("POST /sign-out", "POST /account/sessions/end-all")
            told[route] = (answer.status == 303) if ends and role is not None else not is_refused(answer)
            assert answer.status < 500, route
            if ends and role is not None:
                assert (await visitor.sign_in()).status == 303
    told["POST /sign-in"] = True  # 401 is what a wrong password gets
    wanted = {route: who == "open" or str(role) in who.split() for route, who in WHO.items()}
    assert {route for route in WHO if told[route] != wanted[route]} == set()


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "null"}],
    ids=["cross-site", "same-site", "no-origin"],
)
async def test_no_other_site_changes_anything(headers: dict[str, str]) -> None:
    async with somebody(Role.ADMIN) as visitor:
        noted = len(visitor.parts.audit.entries)
        for route in (route for route in WHO if route.startswith("POST ")):
            method, path = concrete(route)
            answer = await visitor.client.request(method, path, headers=headers, allow_redirects=False)
            assert answer.status == 403, route
        assert len(visitor.parts.audit.entries) == noted
        assert (await visitor.get("/account")).status == 200


async def test_a_token_reads_what_its_role_may_and_changes_nothing() -> None:
    parts = parts_of(None)
    async with visiting(parts, signed_in=False) as visitor:
        _, secret = await parts.tokens.make("a", Role.LEAD, "x", None)
        for route, who in WHO.items():
            if who == "open":
                continue
            answer = await ask(visitor, route, Authorization=f"Bearer {secret}")
            may = route.startswith("GET ") and "lead" in who.split() and route not in ("GET /", "GET /account")
            assert (answer.status != 403, answer.status != 401) == (may, True), route


# --- whose calls --------------------------------------------------------------------------------------------------


async def test_an_agent_gets_to_no_call_but_their_own_by_any_route() -> None:
    mine, other = (
        replace(
            CALLS[0], call_id=CallId(f"{letter * 8}-0000-5000-8000-{letter * 12}"), agents=(extension,), segments=()
        )
        for letter, extension in (("a", "901"), ("b", "902"))
    )
    parts = parts_of(Role.AGENT)
    parts.calls.clear()
    parts.put([mine, other])
    async with visiting(parts) as visitor:
        parts.users.extensions[NAME] = "901"
        assert (await visitor.get(f"/calls/{mine.call_id}")).status == 200
        for route in (route for route in WHO if "{call_id}" in route):
            method, path = concrete(route)
            address = path.replace(CALLS[0].call_id, other.call_id)
            answer = await visitor.client.request(method, address, headers=FROM_PAGE, allow_redirects=False)
            assert answer.status in (403, 404), route
        listed = await visitor.page("/calls")
        assert (mine.call_id in listed, other.call_id in listed) == (True, False)
        parts.users.extensions[NAME] = ""
        assert mine.call_id not in await visitor.page("/calls")
        assert (await visitor.get(f"/calls/{mine.call_id}")).status == 404


# --- what stands in the pages -------------------------------------------------------------------------------------


class _Inline(HTMLParser):
    """Collects what the policy forbids, and the links."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.found += [f"{tag} {name}" for name in told if name.startswith("on") or name == "style"]
        self.found += [tag] if tag == "style" or (tag == "script" and not told.get("src")) else []
        addresses = [told.get(name) or "" for name in ("href", "src", "action", "formaction")]
        self.found += [
            f"{tag} {text}" for text in addresses if re.match(r"\s*(javascript|data|https?|//)", text, re.I)
        ]
        if tag == "a":
            self.links.append(told.get("href") or "")


async def walk(visitor: Visitor) -> AsyncIterator[tuple[str, ClientResponse, str]]:
    """Every page that a link leads to, and its text; a page with other values some times."""
    seen, todo = Counter[str](), ["/", "/no/such", "/sign-in", *(f"/calls/{call.call_id}" for call in CALLS)]
    while todo:
        path = todo.pop(0).partition("#")[0]
        kind = re.sub(r"\?.*|[0-9a-f-]{36}", "", path)
        if not path.startswith("/") or seen[kind] >= max(3, len(CALLS) * (kind == "/calls/")) or "language=" in path:
            continue
        seen[kind] += 1
        answer = await visitor.get(path)
        todo += [answer.headers["Location"]] if answer.status == 303 else []
        text = await answer.text() if answer.content_type == "text/html" else ""
        answer.close()
        page = _Inline()
        page.feed(text)
        todo += page.links
        yield path, answer, text


@pytest.mark.parametrize("language", ["fa", "en"])
async def test_every_page_that_a_link_leads_to_is_there_and_without_inline_script(language: str) -> None:
    seen = set()
    async with somebody(Role.ADMIN) as visitor:
        visitor.language = language
        async for path, answer, text in walk(visitor):
            seen.add(path)
            assert answer.status in (200, 303) or path == "/no/such", (path, answer.status)
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy, path
            # A picture is shown as one; its style is within it.
            assert "script-src 'unsafe" not in policy, path
            assert "unsafe" not in policy or answer.content_type == "image/svg+xml", path
            page = _Inline()
            page.feed(text)
            assert page.found == [], path
    assert {"/", "/calls", "/admin/users", "/admin/audit", "/account"} <= seen


@pytest.mark.parametrize("language", ["fa", "en"])
async def test_nobody_whose_numbers_are_masked_finds_a_whole_one_on_any_page(language: str) -> None:
    wanted = {number[-10:] for call in CALLS for number in (call.caller, call.called) if len(number) >= 10}
    assert len(wanted) > 2
    found: dict[Role, list[str]] = {}
    for role in (Role.READ_ONLY, Role.LEAD):
        async with somebody(role) as visitor:
            visitor.language = language
            found[role] = []
            async for path, _, text in walk(visitor):
                shown = re.sub(r'placeholder="[^"]*"', "", to_ascii(text))  # an example
                figures = re.sub(r"(?<=\d)[ \u00a0()-]+(?=\d)", "", shown)
                found[role] += [path for number in wanted if number in figures]
    assert found[Role.READ_ONLY] == []
    assert "/calls" in found[Role.LEAD]
