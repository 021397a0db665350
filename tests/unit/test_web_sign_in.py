"""Sign-in, sign-out, and what stands open without."""

from __future__ import annotations

from datetime import timedelta

import pytest
from web_visitor import NAME, PASSWORD, Parts, Visitor, visiting


@pytest.mark.parametrize("path", ["/", "/calls", "/calls/events", "/status/events", "/no/such", "/calls/x"])
async def test_pages_are_behind_sign_in(path: str) -> None:
    async with visiting(signed_in=False) as visitor:
        answer = await visitor.get(path)
        assert answer.status == 303
        assert answer.headers["Location"].startswith("/sign-in")


async def test_streams_and_changes_without_sign_in_are_refused_plainly() -> None:
    async with visiting(signed_in=False) as visitor:
        assert (await visitor.get("/calls/events", Accept="text/event-stream")).status == 401
        assert (await visitor.post("/sign-out", {})).status == 401


@pytest.mark.parametrize("path", ["/sign-in", "/healthz", "/readyz"])
async def test_some_stand_open(path: str) -> None:
    async with visiting(signed_in=False) as visitor:
        assert (await visitor.get(path)).status == 200


async def test_the_right_password_leads_on() -> None:
    async with visiting(signed_in=False) as visitor:
        answer = await visitor.sign_in(next="/calls?number=100")
        assert (answer.status, answer.headers["Location"]) == (303, "/calls?number=100")
        assert "Calls" in await visitor.page("/calls")
        assert (await visitor.get("/sign-in")).status == 303


async def test_the_person_comes_back_to_where_they_were() -> None:
    async with visiting(signed_in=False) as visitor:
        location = (await visitor.get("/calls?number=0912&from=1405/08/30")).headers["Location"]
        form = await visitor.page(location)
        assert 'name="next" value="/calls?number=0912&amp;from=1405/08/30"' in form


@pytest.mark.parametrize(
    "fields",
    [
        {"name": NAME, "password": "wrong"},
        {"name": "nobody", "password": PASSWORD},
        {"name": "", "password": ""},
        {"name": NAME, "password": "x" * 2000},
        {"name": "\u202e\x00", "password": "\ud83d"},
    ],
)
async def test_anything_else_does_not(fields: dict[str, str]) -> None:
    async with visiting(signed_in=False) as visitor:
        data = {name: text.encode("utf-8", "replace").decode() for name, text in fields.items()}
        answer = await visitor.post("/sign-in", data)
        assert answer.status == 401
        assert "do not match" in await answer.text()
        assert (await visitor.get("/calls")).status == 303


async def test_a_form_of_another_shape_is_a_wrong_password() -> None:
    async with visiting(signed_in=False) as visitor:
        assert (await visitor.post("/sign-in", {})).status == 401


async def test_guessing_is_slowed_down_and_ends() -> None:
    parts = Parts()
    async with visiting(parts, signed_in=False) as visitor:
        for name in (NAME, f" {NAME}", f"{NAME} ", NAME, NAME):
            assert (await visitor.sign_in(name, "guess")).status == 401
        limited = await visitor.sign_in()
        assert limited.status == 429
        assert limited.headers["Retry-After"] == "600"
        assert "Try again in 10 min" in await limited.text()
        assert (await visitor.sign_in("another", "guess")).status == 401
        parts.now += timedelta(minutes=10)
        assert (await visitor.sign_in()).status == 303


async def test_one_address_cannot_go_through_all_names() -> None:
    async with visiting(signed_in=False) as visitor:
        for number in range(30):
            assert (await visitor.sign_in(f"user{number}", "guess")).status == 401
        assert (await visitor.sign_in()).status == 429


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil",
        "javascript:alert(1)",
        "/a\r\nSet-Cookie: x=1",
        "",
        "evil",
        "/" + "x" * 3000,
    ],
)
async def test_no_sign_in_leads_elsewhere(target: str) -> None:
    async with visiting(signed_in=False) as visitor:
        assert (await visitor.sign_in(next=target)).headers["Location"] == "/"


async def test_sign_out_is_a_form_and_ends_the_session() -> None:
    async with visiting() as visitor:
        assert (await visitor.get("/sign-out")).status == 405
        answer = await visitor.post("/sign-out", {})
        assert (answer.status, answer.headers["Location"]) == (303, "/sign-in")
        assert (await visitor.get("/")).status == 303


def _cookie(visitor: Visitor) -> str:
    (cookie,) = [c for c in visitor.client.session.cookie_jar if c.key == "pbx_bridge_session"]
    return cookie.value


async def test_a_new_session_at_each_sign_in() -> None:
    async with visiting() as visitor:
        before = _cookie(visitor)
        await visitor.post("/sign-out", {})
        await visitor.sign_in()
        assert _cookie(visitor) != before


async def test_the_cookie_is_for_the_server_only() -> None:
    async with visiting(signed_in=False) as visitor:
        cookie = (await visitor.sign_in()).headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert "Secure" not in cookie
        assert NAME not in cookie


@pytest.mark.parametrize("value", ["nonsense", "", "gAAAAAB", "é", "A" * 3000])
async def test_a_damaged_cookie_is_no_session(value: str) -> None:
    async with visiting(signed_in=False) as visitor:
        headers = {"Cookie": f"pbx_bridge_session={value}"}
        answer = await visitor.client.get("/calls", headers=headers, allow_redirects=False)
        assert answer.status == 303


async def test_a_session_ends_after_twelve_hours() -> None:
    async with visiting() as visitor:
        cookie = {"Cookie": f"pbx_bridge_session={_cookie(visitor)}"}
        visitor.client.session.cookie_jar.clear()
        for hours, status in ((6, 200), (5.9, 200), (0.2, 303)):
            visitor.parts.now += timedelta(hours=hours)
            answer = await visitor.client.get("/calls", headers=cookie, allow_redirects=False)
            assert answer.status == status


async def test_a_session_that_is_not_used_ends_after_eight() -> None:
    async with visiting() as visitor:
        cookie = {"Cookie": f"pbx_bridge_session={_cookie(visitor)}"}
        visitor.client.session.cookie_jar.clear()
        for hours, status in ((3.9, 200), (7.9, 200), (0, 200)):
            visitor.parts.now += timedelta(hours=hours)
            answer = await visitor.client.get("/calls", headers=cookie, allow_redirects=False)
            assert answer.status == status
    async with visiting() as visitor:
        visitor.parts.now += timedelta(hours=8)
        assert (await visitor.get("/calls")).status == 303


async def test_a_session_ends_with_its_user() -> None:
    async with visiting() as visitor:
        del visitor.parts.users.passwords[NAME]
        assert (await visitor.get("/calls")).status == 303
