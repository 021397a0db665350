"""The people who may sign in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from store_places import query

from pbx_bridge.errors import StoreError
from pbx_bridge.store import Role, Store, User, open_store, users
from pbx_bridge.store.address import StorePlace


@pytest.fixture
async def store(place: StorePlace) -> AsyncIterator[Store]:
    async with open_store(place, folding=False) as opened:
        yield opened


async def test_a_user_signs_in(store: Store, place: StorePlace) -> None:
    sara = await store.users.create(" sara ", "correct horse", "lead")
    assert sara == User(name="sara", role=Role.LEAD)
    assert await store.users.verify("sara", "correct horse") == sara
    assert await store.users.verify("sara", "wrong horse") is None
    assert await store.users.verify("sara", "") is None
    assert await store.users.verify("nobody", "correct horse") is None
    assert await store.users.verify("sara", "\ud800" * 9) is None
    assert await store.users.list() == [sara]
    [(kept,)] = query(place, "SELECT password_hash FROM user_account")
    assert kept.startswith("$argon2id$")


async def test_a_new_password(store: Store) -> None:
    await store.users.create("sara", "correct horse", Role.ADMIN)
    await store.users.set_password("sara", "battery staple")
    assert await store.users.verify("sara", "correct horse") is None
    assert await store.users.verify("sara", "battery staple") is not None
    with pytest.raises(StoreError, match="no user reza"):
        await store.users.set_password("reza", "battery staple")


async def test_a_name_is_there_once(store: Store) -> None:
    await store.users.create("sara", "correct horse", "lead")
    with pytest.raises(StoreError, match="there is a user sara already"):
        await store.users.create("sara", "another horse", "admin")
    assert await store.users.verify("sara", "correct horse") is not None


@pytest.mark.parametrize(
    ("name", "password", "role", "reason"),
    [
        ("", "correct horse", "lead", "name"),
        ("x" * 65, "correct horse", "lead", "name"),
        ("a\nb", "correct horse", "lead", "name"),
        ("sara", "short", "lead", "password"),
        ("sara", "x" * 2000, "lead", "password"),
        ("sara", "correct horse", "boss", "role"),
    ],
)
async def test_what_is_unfit(store: Store, name: str, password: str, role: str, reason: str) -> None:
    with pytest.raises(StoreError, match=reason):
        await store.users.create(name, password, role)
    assert await store.users.list() == []


async def test_an_unknown_name_is_checked_as_well(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same work is done, so that its time tells nothing."""
    checked: list[str] = []
    verify = users._HASHER.verify

    class Counting:
        def hash(self, password: str) -> str:
            return real.hash(password)

        def verify(self, password_hash: str, password: str) -> bool:
            checked.append(password_hash.rpartition("$")[0].rpartition("$")[0])
            return verify(password_hash, password)

    real = users._HASHER
    await store.users.create("sara", "correct horse", "lead")
    monkeypatch.setattr(users, "_HASHER", Counting())
    await store.users.verify("sara", "wrong horse")
    await store.users.verify("nobody", "wrong horse")
    assert len(checked) == 2
    assert checked[0] == checked[1]
