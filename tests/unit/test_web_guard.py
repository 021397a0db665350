"""Cross-site requests, security headers, languages, and errors as pages."""

from __future__ import annotations

import asyncio

import pytest
from demo_history import morning
from web_visitor import NAME, PASSWORD, Parts, visiting

from pbx_bridge.errors import StoreError
from pbx_bridge.store import CallRow
from pbx_bridge.web.guard import safe_next
from pbx_bridge.web.language import asked
from pbx_bridge.web.memory import MemoryCalls


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Sec-Fetch-Site": "none"}, 303),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "SELF"}, 403),
        ({"Origin": "SELF"}, 303),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 303),
    ],
)
async def test_a_change_must_come_from_our_own_page(headers: dict[str, str], status: int) -> None:
    async with visiting(signed_in=False) as visitor:
        origin = str(visitor.client.make_url("/")).rstrip("/")
        told = {name: origin if value == "SELF" else value for name, value in headers.items()}
        answer = await visitor.post("/sign-in", {"name": NAME, "password": PASSWORD}, headers=told)
        assert answer.status == status


async def test_reading_from_elsewhere_is_a_plain_link() -> None:
    async with visiting() as visitor:
        assert (await visitor.get("/calls", Sec_Fetch_Site="cross-site")).status == 200


@pytest.mark.parametrize("path", ["/", "/calls", "/no/such", "/healthz", "/calls?from=x"])
async def test_every_answer_is_hardened(path: str) -> None:
    async with visiting() as visitor:
        headers = (await visitor.get(path)).headers
        policy = headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert "Cache-Control" in headers


async def test_a_file_is_told_what_matters_to_a_file() -> None:
    async with visiting() as visitor:
        headers = (await visitor.get("/static/x/site.css")).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Content-Security-Policy" not in headers, "half a kilobyte with each file"


async def test_pages_about_people_are_kept_in_no_cache() -> None:
    async with visiting() as visitor:
        assert (await visitor.get("/calls")).headers["Cache-Control"] == "no-store"


async def test_no_page_has_inline_script_or_style() -> None:
    parts = Parts()
    parts.put(morning())
    async with visiting(parts) as visitor:
        for path in ("/", "/calls", f"/calls/{morning()[0].call_id}", "/no/such"):
            text = await (await visitor.get(path)).text()
            assert " style=" not in text
            assert "<style" not in text
            assert " onclick" not in text
            assert text.count("<script") == text.count('<script src="/static/') > 0


async def test_style_script_and_fonts_are_served_for_ever_under_their_own_address() -> None:
    async with visiting(signed_in=False) as visitor:
        page = await visitor.page("/sign-in")
        (css,) = [part for part in page.split('"') if part.endswith("site.css")]
        answer = await visitor.get(css)
        assert (answer.status, answer.content_type) == (200, "text/css")
        assert "immutable" in answer.headers["Cache-Control"]
        font = await visitor.get(css.replace("site.css", "vazirmatn-regular.woff2"))
        assert (font.status, font.content_type) == (200, "font/woff2")
        assert (await visitor.get(css.replace("site.css", "..%2fsite.py"))).status == 404
        old = await visitor.get("/static/000000000000/site.css")
        assert (old.status, old.headers["Cache-Control"]) == (200, "no-cache")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "fa"),
        ("en", "en"),
        ("en-GB,en;q=0.9,fa;q=0.8", "en"),
        ("fa-IR,fa;q=0.9,en;q=0.8", "fa"),
        ("de,fr;q=0.5", "fa"),
        ("de,en;q=0.3", "en"),
        ("en;q=0, fa;q=0.1", "fa"),
        ("en;q=x", "fa"),
        (",;,;;=,", "fa"),
    ],
)
def test_the_language_a_browser_asks_for(header: str, language: str) -> None:
    assert asked(header) == language


async def test_the_viewer_switches_the_language_and_stays_where_they_were() -> None:
    async with visiting() as visitor:
        assert '<html lang="en" dir="ltr">' in await visitor.page("/calls?number=100")
        answer = await visitor.get("/calls?number=100&language=fa")
        assert (answer.status, answer.headers["Location"]) == (303, "/calls?number=100")
        assert '<html lang="fa" dir="rtl">' in await visitor.page("/calls?number=100")
        assert '<html lang="fa"' in await visitor.page("/calls?language=xx")


async def test_switching_the_language_leads_nowhere_else() -> None:
    async with visiting() as visitor:
        reader, writer = await asyncio.open_connection(visitor.client.host, visitor.client.port)
        writer.write(b"GET //evil.example/?language=fa HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = (await reader.read()).decode()
        writer.close()
        assert "\r\nLocation: /\r\n" in answer


def test_only_a_path_of_ours_is_next() -> None:
    assert safe_next("/calls?number=%D9%A1&x=1#y") == "/calls?number=%D9%A1&x=1#y"
    for target in ("//x", "/\\x", "http://x", "x", "", "/a\nb", "/\x00", "/é"):
        assert safe_next(target) == "/"


@pytest.mark.parametrize(("language", "words"), [("en", "There is nothing here"), ("fa", "این صفحه پیدا نشد")])
async def test_an_unknown_page_is_told_in_the_viewers_language(language: str, words: str) -> None:
    async with visiting() as visitor:
        visitor.language = language
        assert words in await visitor.page("/no/such", 404)


@pytest.mark.parametrize(
    ("language", "words"), [("en", "This request was refused"), ("fa", "این درخواست پذیرفته نشد")]
)
async def test_so_is_a_refusal(language: str, words: str) -> None:
    async with visiting() as visitor:
        visitor.language = language
        answer = await visitor.post("/sign-out", {}, headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status == 403
        assert words in await answer.text()


async def test_a_wrong_method_names_the_right_one() -> None:
    async with visiting() as visitor:
        answer = await visitor.post("/calls", {})
        assert answer.status == 405
        assert "GET" in answer.headers["Allow"]


class _Broken(MemoryCalls):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    async def get(self, call_id: str) -> CallRow | None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (StoreError("disk I/O error at secret/path"), 503, "The store cannot be read right now"),
        (RuntimeError("secret/path"), 500, "Something went wrong on our side"),
    ],
)
async def test_our_own_failures_are_pages_that_tell_nothing_of_the_inside(
    error: Exception, status: int, words: str
) -> None:
    async with visiting(Parts(calls=_Broken(error))) as visitor:
        text = await visitor.page(f"/calls/{morning()[0].call_id}", status)
        assert words in text
        assert "secret" not in text


async def test_a_body_too_large_is_refused() -> None:
    async with visiting(signed_in=False) as visitor:
        assert (await visitor.post("/sign-in", {"name": "x" * 100_000})).status == 413
