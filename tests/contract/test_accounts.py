"""Accounts in the store: users as an admin changes them, sessions, tokens, and the log of who did what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from store_places import query

from pbx_bridge.errors import AccountRefused
from pbx_bridge.store import Role, Store, open_store
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.audit import AuditKey, Sought
from pbx_bridge.store.sessions import Session
from pbx_bridge.store.tokens import PREFIX, hash_of
from pbx_bridge.store.writer import Limits

BEGIN = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Clock:
    """A wall clock that is set by hand."""

    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(place: StorePlace, clock: Clock) -> AsyncIterator[Store]:
    async with open_store(place, folding=False, clock=clock, limits=Limits(window_s=0.0)) as opened:
        yield opened


# --- users --------------------------------------------------------------------------------------------------------


async def test_an_admin_changes_everything_of_a_user_but_the_name(store: Store) -> None:
    sara = await store.users.create("sara", "correct horse", "agent", full_name=" Sara\u202e  Rad ", extension="201")
    assert (sara.full_name, sara.extension) == ("Sara Rad", "201")
    before = await store.users.change(replace(sara, role=Role.LEAD, extension="", full_name="S. Rad"))
    assert before == sara
    now = await store.users.account("sara")
    assert now == replace(sara, role=Role.LEAD, extension="", full_name="S. Rad")
    assert await store.users.verify("sara", "correct horse") == now


async def test_whoever_is_disabled_is_out_and_may_come_back(store: Store) -> None:
    sara = await store.users.create("sara", "correct horse", "lead")
    versions = [store.users.version]
    for disabled in (True, False):
        await store.users.change(replace(sara, disabled=disabled))
        versions.append(store.users.version)
        seen = None if disabled else sara
        assert await store.users.account("sara") == seen
        assert await store.users.verify("sara", "correct horse") == seen
        assert await store.users.get("sara") == replace(sara, disabled=disabled)
    assert len(set(versions)) == 3


@pytest.mark.parametrize("change", [{"disabled": True}, {"role": Role.LEAD}], ids=["disabled", "demoted"])
async def test_the_last_admin_stays_one(store: Store, change: dict[str, Any]) -> None:
    first = await store.users.create("first", "correct horse", "admin")
    await store.users.create("lead", "correct horse", "lead")
    with pytest.raises(AccountRefused, match="the last admin"):
        await store.users.change(replace(first, **change))
    assert await store.users.account("first") == first
    second = await store.users.create("second", "correct horse", "admin")
    await store.users.change(replace(first, **change))
    with pytest.raises(AccountRefused, match="the last admin"):
        await store.users.change(replace(second, **change))


async def test_two_admins_cannot_demote_each_other(store: Store) -> None:
    both = [await store.users.create(name, "correct horse", "admin") for name in ("first", "second")]
    done = await asyncio.gather(
        *(store.users.change(replace(admin, role=Role.LEAD)) for admin in both), return_exceptions=True
    )
    assert sorted(isinstance(one, AccountRefused) for one in done) == [False, True]
    assert [user.role for user in await store.users.list()].count(Role.ADMIN) == 1


async def test_what_an_account_cannot_be(store: Store) -> None:
    sara = await store.users.create("sara", "correct horse", "lead")
    for extension in ("abc", "1" * 16, "٢٠١", "2 01"):
        with pytest.raises(AccountRefused, match="an extension"):
            await store.users.change(replace(sara, extension=extension))
    with pytest.raises(AccountRefused, match="no user"):
        await store.users.change(replace(sara, name="reza"))
    with pytest.raises(AccountRefused):
        await store.users.create("token:sara", "correct horse", "lead")
    assert await store.users.list() == [sara]


async def test_who_comes_by_an_identity_provider_has_no_password(store: Store) -> None:
    sara = await store.users.admit("sara", Role.LEAD, "https://id.example|42", full_name="Sara Rad")
    assert await store.users.of_subject("https://id.example|42") == sara
    assert await store.users.of_subject("https://id.example|43") is None
    assert await store.users.of_subject("") is None
    for password in ("", "nobody's password"):
        assert await store.users.verify("sara", password) is None
    for name, subject in (("sara", "https://id.example|43"), ("other", "https://id.example|42")):
        with pytest.raises(AccountRefused):
            await store.users.admit(name, Role.LEAD, subject)
    assert await store.users.list() == [sara]


# --- sessions -----------------------------------------------------------------------------------------------------


def session(secret: str, user: str = "sara", at: datetime = BEGIN) -> Session:
    return Session(
        id_hash=hash_of(secret), user=user, began=at, seen=at, address="192.0.2.7", agent="Firefox\u202e/1\n"
    )


async def test_a_session_is_found_by_the_hash_of_its_id_alone(place: StorePlace, store: Store) -> None:
    await store.sessions.add(session("secret"))
    found = await store.sessions.find(hash_of("secret"))
    assert found == replace(session("secret"), agent="Firefox/1")
    assert await store.sessions.find("secret") is None
    if isinstance(place, Path):
        assert b"secret" not in place.read_bytes()


async def test_somebodys_sessions_end_one_by_one_or_all(store: Store) -> None:
    for secret, user, hours in (("a", "sara", 0), ("b", "sara", 1), ("c", "sara", 2), ("d", "reza", 3)):
        await store.sessions.add(session(secret, user, BEGIN + hours * HOUR))
    assert [one.id_hash for one in await store.sessions.of("sara")] == [hash_of(x) for x in "cba"]
    version = store.sessions.version
    assert not await store.sessions.end("sara", hash_of("d"))
    assert await store.sessions.end("sara", hash_of("a"))
    assert not await store.sessions.end("sara", hash_of("a"))
    assert store.sessions.version > version
    assert await store.sessions.end_all("sara", but=hash_of("b")) == 1
    assert [one.id_hash for one in await store.sessions.of("sara")] == [hash_of("b")]
    assert await store.sessions.end_all("sara") == 1
    assert len(await store.sessions.of("reza")) == 1


async def test_the_use_of_a_session_is_written_and_never_taken_back(store: Store) -> None:
    await store.sessions.add(session("a"))
    for hours in (2, 1):
        store.sessions.touch(hash_of("a"), BEGIN + hours * HOUR)
    await store.sessions.end_all("nobody")  # behind them in the queue
    found = await store.sessions.find(hash_of("a"))
    assert found is not None
    assert found.seen == BEGIN + 2 * HOUR


async def test_what_can_be_used_no_more_is_forgotten(store: Store) -> None:
    for secret, hours in (("old", 0), ("idle", 5), ("new", 9)):
        await store.sessions.add(session(secret, at=BEGIN + hours * HOUR))
    store.sessions.touch(hash_of("old"), BEGIN + 10 * HOUR)
    assert await store.sessions.drop(began_before=BEGIN + HOUR, seen_before=BEGIN + 6 * HOUR) == 2
    assert [one.id_hash for one in await store.sessions.of("sara")] == [hash_of("new")]


# --- tokens -------------------------------------------------------------------------------------------------------


async def test_a_token_is_told_once_and_only_its_hash_is_kept(place: StorePlace, store: Store) -> None:
    token, secret = await store.tokens.make(" month ", "read_only", "sara", BEGIN + HOUR)
    assert secret.startswith(PREFIX)
    assert (token.title, token.name, token.role, token.extension) == ("month", "token:month", Role.READ_ONLY, "")
    assert await store.tokens.find(secret) == token
    assert await store.tokens.find(hash_of(secret)) is None
    rows = query(place, "SELECT token_hash FROM api_token")
    assert rows == [(hash_of(secret),)]


async def test_a_token_ends_by_time_or_at_once(store: Store, clock: Clock) -> None:
    token, secret = await store.tokens.make("a", "lead", "sara", BEGIN + HOUR)
    assert token.holds(BEGIN + HOUR - timedelta(microseconds=1))
    assert not token.holds(BEGIN + HOUR)
    clock.now += timedelta(minutes=5)
    store.tokens.used(token)
    assert await store.tokens.revoke(token.number) == "a"
    with pytest.raises(AccountRefused, match="no such token"):
        await store.tokens.revoke(token.number)
    found = await store.tokens.find(secret)
    assert found is not None
    assert (found.used_at, found.revoked_at) == (clock.now, clock.now)
    assert not found.holds(clock.now)
    again, _ = await store.tokens.make("a", "lead", "sara", None)  # the name is free again
    assert [one.number for one in await store.tokens.list()] == [again.number, token.number]


@pytest.mark.parametrize(
    ("title", "role", "ends", "key"),
    [
        ("", "lead", None, "token_name"),
        ("x" * 61, "lead", None, "token_name"),
        ("a\nb", "lead", None, "token_name"),
        ("taken", "lead", None, "taken"),
        ("a", "agent", None, "role"),
        ("a", "root", None, "role"),
        ("a", "lead", BEGIN, "ends"),
    ],
)
async def test_what_a_token_cannot_be(store: Store, title: str, role: str, ends: datetime | None, key: str) -> None:
    await store.tokens.make("taken", "lead", "sara", None)
    with pytest.raises(AccountRefused) as refused:
        await store.tokens.make(title, role, "sara", ends)
    assert refused.value.key == key
    assert len(await store.tokens.list()) == 1


# --- audit --------------------------------------------------------------------------------------------------------


async def fill(store: Store, clock: Clock) -> None:
    """Twelve lines, two in each minute: sara and reza in turn; heard, exported, noted; about three calls."""
    people = [await store.users.create(name, "correct horse", "lead") for name in ("sara", "reza")]
    for n in range(12):
        clock.now = BEGIN + timedelta(minutes=n // 2)
        what, about = ("heard", "exported", "noted")[n % 3], f"call-{n % 3}"
        await store.audit.note(people[n % 2], what, about, f"n{n}", "192.0.2.7")


async def test_the_log_is_told_newest_first_page_by_page(store: Store, clock: Clock) -> None:
    await fill(store, clock)
    seen: list[str] = []
    key: AuditKey | None = None
    while page := await store.audit.page(Sought(), key, 5):
        seen += [entry.detail for entry in page]
        key = AuditKey.of(page[-1])
    assert seen == [f"n{n}" for n in reversed(range(12))]


@pytest.mark.parametrize("user", ["", "sara"])
@pytest.mark.parametrize("what", ["", "heard"])
@pytest.mark.parametrize("about", ["", "call-0"])
@pytest.mark.parametrize("minutes", [None, (1, 4)])
async def test_every_mix_of_filters_gives_what_one_looks_for(
    store: Store, clock: Clock, user: str, what: str, about: str, minutes: tuple[int, int] | None
) -> None:
    await fill(store, clock)
    start, end = (BEGIN + timedelta(minutes=m) for m in minutes) if minutes else (None, None)
    wanted = [
        f"n{n}"
        for n in reversed(range(12))
        if user in ("", ("sara", "reza")[n % 2])
        and what in ("", ("heard", "exported", "noted")[n % 3])
        and about in ("", f"call-{n % 3}")
        and (minutes is None or minutes[0] <= n // 2 < minutes[1])
    ]
    sought = Sought(user=user, what=what, about=about, start=start, end=end)
    assert [entry.detail for entry in await store.audit.page(sought)] == wanted
    assert [entry.detail async for entries in store.audit.all(sought) for entry in entries] == wanted


async def test_hostile_text_is_kept_as_one_harmless_line(store: Store) -> None:
    sara = await store.users.create("sara", "correct horse", "lead")
    await store.audit.note(sara, "heard", "a\x00b\u202e'; drop table audit", "x" * 9000, "::1\r\n")
    (entry,) = await store.audit.page(Sought())
    assert (entry.about, entry.address, entry.user) == ("ab'; drop table audit", "::1", "sara")
    assert len(entry.detail) == 500


async def test_old_lines_go_and_young_ones_stay(store: Store, clock: Clock) -> None:
    await fill(store, clock)
    assert await store.audit.trim() == 0, "nothing is dropped unless it is said for how long it is kept"
    store.audit.keep = timedelta(days=1)
    assert await store.audit.trim() == 0
    clock.now = BEGIN + timedelta(days=1, minutes=2)
    assert await store.audit.trim() == 4
    assert await store.audit.trim() == 0
    assert len(await store.audit.page(Sought())) == 8


async def test_the_daemons_upkeep_drops_what_is_too_old(
    place: StorePlace, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pbx_bridge.store.upkeep._STEP_S", 0.01)
    async with open_store(place, clock=clock, limits=Limits(window_s=0.0), audit_days=30) as store:
        sara = await store.users.create("sara", "correct horse", "lead")
        for days, detail in ((0, "old"), (31, "young")):
            clock.now = BEGIN + timedelta(days=days)
            await store.audit.note(sara, "heard", "call", detail)
    async with (
        open_store(place, clock=clock, limits=Limits(window_s=0.0), audit_days=30) as store,
        asyncio.timeout(20),
    ):
        while len(entries := await store.audit.page(Sought())) == 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert [entry.detail for entry in entries] == ["young"]
