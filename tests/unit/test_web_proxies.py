"""Who asks, behind proxies: only those of the settings are believed, and they only as far as they can know it."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from multidict import CIMultiDict
from web_visitor import NAME, PASSWORD, Parts

HERE = ("127.0.0.0/8",)
CLIENT = "198.51.100.7"


@asynccontextmanager
async def site(*listed: str) -> AsyncIterator[tuple[Parts, TestClient]]:  # type: ignore[type-arg]
    """The site, reached by a proxy at 127.0.0.1."""
    parts = Parts(proxies=tuple(ipaddress.ip_network(one) for one in listed))
    async with TestClient(TestServer(parts.site())) as client:
        yield parts, client


async def sign_in(client: TestClient, password: str, headers: Mapping[str, str]) -> ClientResponse:  # type: ignore[type-arg]
    told = CIMultiDict({"Sec-Fetch-Site": "same-origin", **headers})
    form = {"name": NAME, "password": password}
    return await client.post("/sign-in", data=form, headers=told, allow_redirects=False)


@pytest.mark.parametrize(
    ("listed", "sent", "told"),
    [
        (HERE, CLIENT, CLIENT),
        (HERE, f"203.0.113.66, {CLIENT}", CLIENT),  # what stands before it, the client may have sent itself
        ((*HERE, "10.0.0.0/8"), f"203.0.113.66, {CLIENT}, 10.0.0.3", CLIENT),
        (HERE, "10.1.1.1,10.0.0.3", "10.0.0.3"),
        (HERE, f"{CLIENT}:4711", CLIENT),
        (HERE, "[2001:db8::7]:4711", "2001:db8::7"),
        (HERE, "2001:db8::7", "2001:db8::7"),
        (HERE, f"{CLIENT}, unknown", "127.0.0.1"),
        (HERE, "' or 1=1 --", "127.0.0.1"),
        (HERE, "", "127.0.0.1"),
        (("192.0.2.0/24",), CLIENT, "127.0.0.1"),
        ((), CLIENT, "127.0.0.1"),
    ],
)
async def test_the_audit_log_has_the_right_address(listed: tuple[str, ...], sent: str, told: str) -> None:
    async with site(*listed) as (parts, client):
        assert (await sign_in(client, PASSWORD, {"X-Forwarded-For": sent})).status == 303
        (entry,) = [one for one in parts.audit.entries if one.what == "signed_in"]
        assert entry.address == told


async def test_one_who_guesses_is_stopped_and_others_behind_the_same_proxy_are_not() -> None:
    async with site(*HERE) as (_, client):
        for _ in range(5):
            assert (await sign_in(client, "wrong", {"X-Forwarded-For": CLIENT})).status == 401
        assert (await sign_in(client, "wrong", {"X-Forwarded-For": f"203.0.113.9, {CLIENT}"})).status == 429
        assert (await sign_in(client, PASSWORD, {"X-Forwarded-For": "198.51.100.8"})).status == 303


async def test_metrics_go_to_the_collector_and_not_through_the_proxy() -> None:
    async with site(*HERE) as (_, client):
        assert (await client.get("/metrics")).status == 200
        assert (await client.get("/metrics", headers={"X-Forwarded-For": CLIENT})).status == 403


@pytest.mark.parametrize(
    ("listed", "proto", "secure"),
    [(HERE, "https", True), (HERE, "HTTPS", True), (HERE, "http", False), (HERE, "wss", False), ((), "https", False)],
)
async def test_a_cookie_is_secure_where_a_listed_proxy_says_https(
    listed: tuple[str, ...], proto: str, secure: bool
) -> None:
    async with site(*listed) as (_, client):
        cookie = (await sign_in(client, PASSWORD, {"X-Forwarded-Proto": proto})).headers["Set-Cookie"]
        assert ("Secure" in cookie, cookie.startswith("__Host-")) == (secure, secure)
