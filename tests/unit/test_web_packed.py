"""What the site sends is packed for those who take it packed."""

from __future__ import annotations

import gzip
import re

import pytest
from web_visitor import visiting

from pbx_bridge.web import assets


@pytest.mark.parametrize(
    ("takes", "packed"),
    [
        ("gzip", True),
        ("br, gzip;q=0.5", True),
        ("deflate, gzip ; q=1", True),
        ("gzip;q=0", False),
        ("br", False),
        ("", False),
    ],
)
async def test_style_is_packed_for_who_takes_it(takes: str, packed: bool) -> None:
    async with visiting() as visitor:
        (css,) = set(re.findall(r'"(/static/\w+/site\.css)"', await visitor.page("/")))
        answer = await visitor.client.session.get(
            visitor.client.make_url(css), headers={"Accept-Encoding": takes}, auto_decompress=False
        )
        body = await answer.read()
        assert (answer.headers.get("Content-Encoding") == "gzip") == packed
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert (gzip.decompress(body) if packed else body) == assets.load().files["site.css"]


async def test_fonts_are_packed_already() -> None:
    files = assets.load()
    assert "site.css" in files.packed
    assert not any(name.endswith(".woff2") for name in files.packed)
    assert all(len(files.packed[name]) < len(files.files[name]) for name in ("site.css", "htmx.min.js", "site.js"))


async def test_a_page_is_packed_and_says_what_it_varies_with() -> None:
    async with visiting() as visitor:
        answer = await visitor.get("/calls", Accept_Encoding="gzip")
        assert answer.headers["Content-Encoding"] == "gzip"
        assert set(answer.headers["Vary"].split(", ")) == {"Cookie", "Accept-Language", "Accept-Encoding"}
