"""The company's own sign-in: the real code flow with a provider, and a provider that lies."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import oidc_provider_mock
import pytest
from aiohttp import ClientResponse, ClientSession, CookieJar, web
from aiohttp.test_utils import TestClient, TestServer
from joserfc import jwk, jws, jwt
from store_facts import QUICK
from web_visitor import FROM_PAGE, TEHRAN, visiting

from pbx_bridge.errors import SettingsError
from pbx_bridge.health import Health
from pbx_bridge.store import Role, Store, open_store
from pbx_bridge.web.admin.site import AccountParts
from pbx_bridge.web.oidc import Oidc, OidcSettings, is_safe
from pbx_bridge.web.site import SiteParts, make_site

# The mock's own use of its libraries.
pytestmark = pytest.mark.filterwarnings("ignore:get_jwt_config:DeprecationWarning")

KEY = jwk.RSAKey.generate_key(2048, {"kid": "1"})
ROLES = {"support-admins": Role.ADMIN, "support-leads": Role.LEAD, "support": Role.AGENT}
CALLBACK = "/sign-in/oidc/callback"


@dataclass
class Company:
    """The site, its store, and a browser."""

    store: Store
    client: TestClient[web.Request, web.Application]
    browser: ClientSession

    async def get(self, path: str) -> ClientResponse:
        """GET at the site, redirects not followed."""
        return await self.browser.get(self.client.make_url(path), allow_redirects=False)

    async def leave(self, path: str = "/sign-in/oidc?next=/calls") -> str:
        """To the provider: the address that the browser is sent to."""
        answer = await self.get(path)
        assert answer.status == 303, await answer.text()
        return answer.headers["Location"]

    async def enter(self, sub: str) -> ClientResponse:
        """The whole flow at the mock, as the person of that subject; the callback's answer."""
        back = await self.browser.post(await self.leave(), data={"sub": sub}, allow_redirects=False)
        assert back.status == 302, await back.text()
        return await self.get(_path(back.headers["Location"]))


def _path(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"


@asynccontextmanager
async def company(tmp_path: Path, issuer: str, *, passwords: bool = True, **told: Any) -> AsyncIterator[Company]:
    """The site with a provider. `told`: other settings of it."""
    async with open_store(tmp_path / "s.db", folding=False, limits=QUICK) as store:
        await store.users.create("sara", "a fine password", "admin")
        server = TestServer(web.Application())
        await server.start_server()  # for a free port, which the callback names
        port = server.port
        await server.close()
        settings = OidcSettings(
            issuer=issuer,
            client_id="pbx",
            client_secret="a secret & more",
            redirect_uri=f"http://127.0.0.1:{port}{CALLBACK}",
            **{"role_claim": "groups", "roles": ROLES, **told},
        )
        app = make_site(
            SiteParts(
                health=Health(),
                calls=store.calls,
                users=store.users,
                audit=store.audit,
                accounts=AccountParts(
                    sessions=store.sessions, tokens=store.tokens, oidc=Oidc(settings), passwords=passwords
                ),
                session_key=b"k" * 32,
                zone=TEHRAN,
            )
        )
        headers = {"Accept-Language": "en", **FROM_PAGE}
        async with (
            TestClient(TestServer(app, port=port, access_log=None)) as client,
            ClientSession(cookie_jar=CookieJar(unsafe=True), headers=headers) as browser,
        ):
            yield Company(store=store, client=client, browser=browser)


# --- with the mock of a provider ----------------------------------------------------------------------------------


def person(sub: str, *groups: str, **claims: object) -> oidc_provider_mock.User:
    return oidc_provider_mock.User(sub=sub, claims={"groups": list(groups), **claims})


@pytest.fixture(scope="module")
def mock() -> Iterator[str]:
    """A provider with some people."""
    people = [
        person("7", "support-leads", "support", preferred_username="reza", name="Reza <b> Karimi"),
        person("8", "support-admins", preferred_username="sara"),
        person("9", "cooks", preferred_username="cook"),
        person("10", "support", email="agent@company.example"),
    ]
    with oidc_provider_mock.run_server_in_thread(user_claims=people, require_nonce=True) as server:
        yield f"http://localhost:{server.server_port}"


async def test_somebody_comes_in_and_is_known_again(tmp_path: Path, mock: str) -> None:
    async with company(tmp_path, mock) as site:
        page = await (await site.get("/sign-in?next=/calls")).text()
        assert 'href="/sign-in/oidc?next=%2Fcalls"' in page
        for _ in range(2):
            answer = await site.enter("7")
            assert (answer.status, answer.headers["Location"]) == (303, "/calls")
            assert (await site.get("/calls")).status == 200
        reza = await site.store.users.account("reza")
        assert reza is not None
        assert (reza.role, reza.full_name, reza.subject) == (Role.LEAD, "Reza <b> Karimi", f"{mock}|7")
        assert len(await site.store.users.list()) == 2
        assert "Reza &lt;b&gt; Karimi" in await (await site.get("/account")).text()


async def test_a_name_at_the_provider_takes_over_no_account_of_ours(tmp_path: Path, mock: str) -> None:
    async with company(tmp_path, mock) as site:
        assert (await site.enter("8")).status == 303
        ours, theirs = [await site.store.users.account(name) for name in ("sara", "sara@oidc")]
        assert ours is not None
        assert theirs is not None
        assert (ours.subject, theirs.role) == ("", Role.ADMIN)


async def test_whom_no_claim_gives_a_role_stays_outside(tmp_path: Path, mock: str) -> None:
    async with company(tmp_path, mock) as site:
        answer = await site.enter("9")
        assert answer.status == 401
        assert "may not come in here" in await answer.text()
        assert (await site.get("/calls")).status == 303
        assert len(await site.store.users.list()) == 1
    async with company(tmp_path / "2", mock, default_role=Role.READ_ONLY) as site:
        assert (await site.enter("9")).status == 303
        cook = await site.store.users.account("cook")
        assert cook is not None
        assert cook.role is Role.READ_ONLY


async def test_a_role_follows_its_claim_and_a_disabled_user_stays_out(tmp_path: Path, mock: str) -> None:
    async with company(tmp_path, mock) as site:
        await site.enter("10")
        agent = await site.store.users.account("agent@company.example")
        assert agent is not None
        await site.store.users.change(replace(agent, role=Role.LEAD))
        await site.enter("10")
        agent = await site.store.users.account("agent@company.example")
        assert agent is not None
        assert agent.role is Role.AGENT
        await site.store.users.change(replace(agent, disabled=True))
        answer = await site.enter("10")
        assert "Your account is disabled here" in await answer.text()


async def test_who_turns_back_at_the_provider_is_told_so(tmp_path: Path, mock: str) -> None:
    async with company(tmp_path, mock) as site:
        address = await site.leave()
        back = await site.browser.post(address, data={"action": "deny"}, allow_redirects=False)
        state = parse_qs(urlsplit(address).query)["state"][0]  # which providers must give back, and the mock does not
        answer = await site.get(f"{_path(back.headers['Location'])}&state={state}")
        assert answer.status == 401
        assert "refused, or you turned back" in await answer.text()


async def test_a_callback_that_this_browser_did_not_begin_is_refused(tmp_path: Path, mock: str) -> None:
    async with company(tmp_path, mock) as site:
        back = await site.browser.post(await site.leave(), data={"sub": "7"}, allow_redirects=False)
        planted = _path(back.headers["Location"])
        site.browser.cookie_jar.clear()
        assert "That sign-in is over" in await (await site.get(planted)).text()
        await site.leave()  # another attempt of this browser
        assert "That sign-in is over" in await (await site.get(planted)).text()
        assert (await site.get("/calls")).status == 303


async def test_passwords_are_off_only_while_an_admin_can_come_in(tmp_path: Path, mock: str) -> None:
    async with company(tmp_path, mock, passwords=False) as site:
        assert 'name="password"' in await (await site.get("/sign-in")).text()
        await site.enter("8")
        site.browser.cookie_jar.clear()
        assert 'name="password"' not in await (await site.get("/sign-in")).text()
        data = {"name": "sara", "password": "a fine password"}
        answer = await site.browser.post(site.client.make_url("/sign-in"), data=data, allow_redirects=False)
        assert answer.status == 401
        assert "Passwords are switched off" in await answer.text()
        admin = await site.store.users.account("sara@oidc")
        assert admin is not None
        await site.store.users.change(replace(admin, disabled=True))
        answer = await site.browser.post(site.client.make_url("/sign-in"), data=data, allow_redirects=False)
        assert answer.status == 303


# --- with a provider that lies ------------------------------------------------------------------------------------


@dataclass
class Liar:
    """A provider of our own; what it says can be changed."""

    key: jwk.RSAKey = field(default_factory=lambda: KEY)
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)
    sign_with: Any = None
    asked: list[dict[str, str]] = field(default_factory=list)
    keys_asked: int = 0
    nonce: str = ""
    issuer: str = ""
    token_status: int = 200

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._discovery)
        app.router.add_get("/keys", self._keys)
        app.router.add_post("/token", self._token)
        return app

    async def _discovery(self, _request: web.Request) -> web.Response:
        told = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize?tenant=1",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }
        return web.json_response(told | self.document)

    async def _keys(self, _request: web.Request) -> web.Response:
        self.keys_asked += 1
        return web.json_response(
            {"keys": [self.key.as_dict(private=False), {"kty": "oct", "k": "c2VjcmV0", "kid": "o"}]}
        )

    async def _token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append({**form, "authorization": request.headers.get("Authorization", "")})
        return web.json_response({"id_token": self.id_token(), "access_token": "x"}, status=self.token_status)

    def id_token(self) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": "pbx",
            "sub": "7",
            "exp": now + 60,
            "iat": now,
            "nonce": self.nonce,
            "preferred_username": "reza",
            "groups": ["support"],
        }
        claims = {name: value for name, value in (claims | self.claims).items() if value is not None}
        header = {"alg": "RS256", "kid": "1"} | self.header
        if header["alg"] == "none":
            parts = (
                base64.urlsafe_b64encode(msg.encode()).rstrip(b"=").decode()
                for msg in map(json.dumps, (header, claims))
            )
            return ".".join((*parts, ""))
        registry = jws.JWSRegistry(algorithms=["RS256", "HS256", "PS256"])
        return jwt.encode(header, claims, self.sign_with or self.key, registry=registry)


@asynccontextmanager
async def lying(tmp_path: Path, liar: Liar, **told: Any) -> AsyncIterator[Company]:
    async with TestServer(liar.app()) as server:
        liar.issuer = f"http://127.0.0.1:{server.port}"
        async with company(tmp_path, liar.issuer, **told) as site:
            yield site


async def attempt(site: Company, liar: Liar, **changed: str) -> ClientResponse:
    """Go there and come back with a code."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(await site.leave()).query).items()}
    liar.nonce = query["nonce"]
    told = {"code": "c", "state": query["state"], **changed}
    return await site.get(f"{CALLBACK}?{'&'.join(f'{name}={value}' for name, value in told.items())}")


async def test_the_flow_carries_pkce_and_our_secret_in_its_place(tmp_path: Path) -> None:
    liar = Liar()
    async with lying(tmp_path, liar) as site:
        query = {name: values[0] for name, values in parse_qs(urlsplit(await site.leave()).query).items()}
        liar.nonce = query["nonce"]
        answer = await site.get(f"{CALLBACK}?code=c&state={query['state']}")
        assert answer.status == 303, await answer.text()
    (asked,) = liar.asked
    digest = hashlib.sha256(asked["code_verifier"].encode()).digest()
    assert query["code_challenge"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert (query["code_challenge_method"], query["tenant"]) == ("S256", "1")
    assert asked["redirect_uri"] == query["redirect_uri"]
    assert query["redirect_uri"].endswith(CALLBACK)
    assert base64.b64decode(asked["authorization"][6:]) == b"pbx:a+secret+%26+more"
    assert len({query["state"], query["nonce"], asked["code_verifier"]}) == 3


async def test_a_secret_goes_into_the_form_where_the_provider_wants_it_there(tmp_path: Path) -> None:
    liar = Liar(document={"token_endpoint_auth_methods_supported": ["client_secret_post"]})
    async with lying(tmp_path, liar) as site:
        assert (await attempt(site, liar)).status == 303
    assert (liar.asked[0]["client_secret"], liar.asked[0]["authorization"]) == ("a secret & more", "")


NOW = int(time.time())
OTHER = jwk.RSAKey.generate_key(2048, {"kid": "1"})
LIES: dict[str, Liar] = {
    "another issuer": Liar(claims={"iss": "https://evil.example"}),
    "another audience": Liar(claims={"aud": "other"}),
    "several audiences, none of them named": Liar(claims={"aud": ["pbx", "other"]}),
    "for another party": Liar(claims={"azp": "other"}),
    "over": Liar(claims={"exp": NOW - 3600}),
    "without end": Liar(claims={"exp": None}),
    "an end that is no number": Liar(claims={"exp": "tomorrow"}),
    "of tomorrow": Liar(claims={"iat": NOW + 86400}),
    "another nonce": Liar(claims={"nonce": "planted"}),
    "no nonce": Liar(claims={"nonce": None}),
    "nobody's": Liar(claims={"sub": ""}),
    "a subject that is no text": Liar(claims={"sub": 7}),
    "another key": Liar(sign_with=OTHER),
    "an unknown key": Liar(header={"kid": "2"}),
    "unsigned": Liar(header={"alg": "none"}),
    "signed with our secret": Liar(
        header={"alg": "HS256"}, sign_with=jwk.OctKey.import_key("a secret & more a secret & more!")
    ),
    "signed with a shared key it published": Liar(
        header={"alg": "HS256", "kid": "o"}, sign_with=jwk.OctKey.import_key("secret-secret-secret-secret-secret")
    ),
    "a refusal": Liar(token_status=400),
    "a document of another": Liar(document={"issuer": "https://evil.example"}),
    "plain http elsewhere": Liar(document={"token_endpoint": "http://evil.example/token"}),
}


@pytest.mark.parametrize("lie", LIES)
async def test_no_lie_lets_anybody_in(tmp_path: Path, lie: str) -> None:
    liar = LIES[lie]
    async with lying(tmp_path, liar) as site:
        answer = await site.get("/sign-in/oidc") if liar.document else await attempt(site, liar)
        assert answer.status == 401
        assert "did not answer as it should" in await answer.text()
        assert (await site.get("/calls")).status == 303
        assert len(await site.store.users.list()) == 1


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"state": "planted"}, "That sign-in is over"),
        ({"iss": "https://evil.example"}, "did not answer as it should"),
        ({"code": ""}, "refused, or you turned back"),
        ({"error": "server_error"}, "refused, or you turned back"),
    ],
)
async def test_a_callback_with_something_wrong_is_told(tmp_path: Path, changed: dict[str, str], words: str) -> None:
    liar = Liar()
    async with lying(tmp_path, liar) as site:
        answer = await attempt(site, liar, **changed)
        assert answer.status == 401
        assert words in await answer.text()
        assert liar.asked == []


async def test_a_new_key_of_the_provider_is_looked_up_but_not_for_everybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    liar = Liar()
    async with lying(tmp_path, liar) as site:
        assert (await attempt(site, liar)).status == 303
        liar.key = jwk.RSAKey.generate_key(2048, {"kid": "2"})
        liar.header = {"kid": "2"}
        site.browser.cookie_jar.clear()
        assert (await attempt(site, liar)).status == 401  # looked up a moment ago
        assert liar.keys_asked == 1
        monkeypatch.setattr("pbx_bridge.web.oidc._REFRESH_S", -1.0)
        assert (await attempt(site, liar)).status == 303
        assert liar.keys_asked == 2


async def test_a_provider_that_is_away_is_told(tmp_path: Path) -> None:
    async with company(tmp_path, "http://127.0.0.1:1") as site:
        answer = await site.get("/sign-in/oidc")
        assert answer.status == 401
        assert "did not answer as it should" in await answer.text()
        assert 'name="password"' in await answer.text()


async def test_a_role_is_found_within_a_claim(tmp_path: Path) -> None:
    liar = Liar(claims={"realm_access": {"roles": ["x", "support", "support-leads"]}, "groups": None})
    async with lying(tmp_path, liar, role_claim="realm_access.roles") as site:
        assert (await attempt(site, liar)).status == 303
        reza = await site.store.users.account("reza")
        assert reza is not None
        assert reza.role is Role.LEAD


async def test_without_a_provider_there_is_no_such_page() -> None:
    async with visiting(signed_in=False) as visitor:
        assert (await visitor.get("/sign-in/oidc")).status == 404
        assert (await visitor.get(f"{CALLBACK}?code=c&state=s")).status == 404
        assert "/sign-in/oidc" not in await visitor.page("/sign-in")


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://id.example", True),
        ("http://localhost:8080", True),
        ("http://127.0.0.1:1", True),
        ("http://[::1]:1", True),
        ("http://id.example", False),
        ("http://localhost.evil.example", False),
        ("http://127.0.0.1.evil.example", False),
        ("ftp://127.0.0.1", False),
        ("https://", False),
        ("", False),
    ],
)
def test_only_https_or_this_machine(url: str, safe: bool) -> None:
    assert is_safe(url) is safe


def test_settings_refuse_an_issuer_on_plain_http() -> None:
    with pytest.raises(SettingsError, match=r"web\.oidc\.issuer"):
        OidcSettings(
            issuer="http://id.example", client_id="a", client_secret="b", redirect_uri="https://calls.example/x"
        )
