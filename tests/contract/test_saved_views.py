"""Saved views: in memory and in the store alike."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from harness.postgres import Server
from store_facts import quick_store

from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.views import MOST
from pbx_bridge.web.history.memory import MemoryViews
from pbx_bridge.web.history.ports import Views


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def views(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Views]:
    """Each kind."""
    if request.param == "memory":
        yield MemoryViews()
        return
    place: StorePlace = tmp_path / "s.db"
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("server")
        place = server.new_database(empty=False)
    async with quick_store(place) as store:
        yield store.views


async def test_own_views_and_those_that_are_shared(views: Views) -> None:
    assert await views.save("neda", "missed", "outcome=missed", shared=False)
    assert await views.save("neda", "all", "", shared=True)
    assert await views.save("omid", "mine", "agent=101", shared=False)
    assert [(view.name, view.user_name) for view in await views.of("omid")] == [("all", "neda"), ("mine", "omid")]
    assert [view.name for view in await views.of("neda")] == ["all", "missed"]


async def test_a_name_is_used_again(views: Views) -> None:
    await views.save("neda", "missed", "outcome=missed", shared=False)
    await views.save("neda", "missed", "outcome=missed&range=today", shared=True)
    (view,) = await views.of("neda")
    assert (view.address, view.shared) == ("outcome=missed&range=today", True)


async def test_only_the_owner_drops_a_view_or_who_may_a_shared_one(views: Views) -> None:
    await views.save("neda", "own", "", shared=False)
    await views.save("neda", "shared", "", shared=True)
    own, shared = await views.of("neda")
    assert not await views.drop("omid", own.view_id, any_owner=True)
    assert not await views.drop("omid", shared.view_id)
    assert await views.drop("omid", shared.view_id, any_owner=True)
    assert await views.drop("neda", own.view_id)
    assert not await views.drop("neda", own.view_id)
    assert list(await views.of("neda")) == []


async def test_nobody_fills_the_store_with_views(views: Views) -> None:
    for number in range(MOST):
        assert await views.save("neda", f"{number}", "", shared=False)
    assert not await views.save("neda", "one more", "", shared=False)
    assert await views.save("neda", "7", "range=today", shared=False)
    assert await views.save("omid", "one more", "", shared=False)
