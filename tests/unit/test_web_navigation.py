"""The navigation leads where a person may go, and nowhere else."""

from __future__ import annotations

import re

import pytest
from web_visitor import NAME, Parts, visiting

from pbx_bridge.store import Role
from pbx_bridge.web import navigation


async def _links(role: Role | None, path: str) -> list[tuple[str, bool]]:
    parts = Parts()
    if role is not None:
        parts.users.roles[NAME] = role
    async with visiting(parts, signed_in=role is not None) as visitor:
        page = await (await visitor.get(path)).text()
    menu = page.partition('<nav id="menu"')[2].partition("</nav>")[0]
    return [(address, "aria-current" in rest) for address, rest in re.findall(r'<a href="([^"]+)"([^>]*)>', menu)]


@pytest.mark.parametrize("role", list(Role))
async def test_every_link_leads_to_a_page_of_ones_own(role: Role) -> None:
    parts = Parts()
    parts.users.roles[NAME] = role
    links = [address for address, _ in await _links(role, "/calls")]
    assert "/calls" in links
    assert ("/admin" in links) == (role is Role.ADMIN)
    async with visiting(parts) as visitor:
        for address in links:
            assert (await visitor.get(address)).status in (200, 303), address


async def test_the_page_one_is_on_is_marked() -> None:
    assert [address for address, here in await _links(Role.LEAD, "/calls") if here] == ["/calls"]
    assert [address for address, here in await _links(Role.LEAD, "/calls/no-such") if here] == ["/calls"]
    assert [address for address, here in await _links(Role.LEAD, "/") if here] == ["/"]


async def test_before_sign_in_there_is_none() -> None:
    assert await _links(None, "/sign-in") == []


def test_the_first_page_of_nobody_is_the_site() -> None:
    assert navigation.home(()) == "/"


async def test_a_refused_page_leads_on_to_one_that_is_open() -> None:
    parts = Parts()
    parts.users.roles[NAME] = Role.AGENT
    async with visiting(parts) as visitor:
        page = await visitor.page("/admin", status=403)
        assert "This page is not open to your role" in page
        home = page.partition('class="problem-ways"')[2].partition('href="')[2].partition('"')[0]
        await visitor.page(home)


async def test_from_within_a_page_the_end_of_a_session_is_no_redirect() -> None:
    async with visiting(signed_in=False) as visitor:
        answer = await visitor.get("/calls", HX_Request="true")
        assert answer.status == 401
        assert answer.headers["HX-Reswap"] == "none"
        assert "Your session is over" in await answer.text()
        assert (await visitor.get("/calls")).status == 303
