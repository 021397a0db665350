"""The store locked, on a full disk, read-only, damaged: callers go on, the page says so, nothing is lost.

Real faults under a real system: another process's lock, a small tmpfs that is full, the kernel's immutable flag,
pages overwritten. A minute's fault is scaled to seconds here; `make soak` locks the store for a minute.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from harness.customers import ENGLISH, UNKNOWN
from harness.full_disk import fill
from harness.proof import Witness, witness
from harness.system import SystemUnderTest, talking

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.pbx.phone import Phone, PhoneCall, Ring
from pbx_bridge.store.watch import watch_store

pytestmark = pytest.mark.asterisk

_LOCKED_S = 8.0  # longer than SQLite itself waits for a lock (5 s)
_PROMPT_S = 5.0
_POLL_S = 0.05


async def _links(system: SystemUnderTest) -> tuple[int, dict[str, Any]]:
    """What /readyz says: its status, and the links by name."""
    async with aiohttp.ClientSession() as web, web.get(f"{system.page_url}/readyz") as answer:
        return answer.status, (await answer.json())["links"]


async def _until_link(system: SystemUnderTest, name: str, state: str, timeout_s: float = 20.0) -> int:
    """Wait until /readyz tells that state of a link; its status then."""
    links: dict[str, Any] = {}
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                with suppress(aiohttp.ClientConnectionError):  # it only just begins
                    status, links = await _links(system)
                    if links[name]["state"] == state:
                        return status
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        raise AssertionError(f"{name} is not {state} but {links}: {system.log()[-2000:]}") from None


async def _until_store(system: SystemUnderTest, state: str, timeout_s: float = 20.0) -> None:
    """Wait for that state of the store, told with the status that belongs to it; /healthz stays well."""
    assert (await _until_link(system, "store", state, timeout_s) == 503) == (state == "down")
    async with aiohttp.ClientSession() as web, web.get(f"{system.page_url}/healthz") as answer:
        assert answer.status == 200


async def _prompt_within(system: SystemUnderTest, seen: Witness, known: set[str], limit_s: float = _PROMPT_S) -> None:
    """Wait until Asterisk plays something that it did not play before."""
    try:
        async with asyncio.timeout(limit_s):
            while not set(seen.playbacks) - known:  # noqa: ASYNC110 - another process
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        raise AssertionError(f"nothing was played within {limit_s} s: {system.log()[-2000:]}") from None


@asynccontextmanager
async def _heard_call(system: SystemUnderTest, seen: Witness, number: str, shown: str) -> AsyncIterator[PhoneCall]:
    """A caller who hears a prompt within seconds of the answer, whatever ails the store."""
    known = set(seen.playbacks)
    async with Phone(from_number=number, display_name=shown) as phone:
        call = await phone.call(f"sip:100@{system.sip}")
        await _prompt_within(system, seen, known)
        yield call


async def _asks_for_a_person(system: SystemUnderTest, seen: Witness, call: PhoneCall, agent: Phone) -> None:
    await call.press("0")
    talk = await agent.rung(20)
    talk.answer()
    await talking(talk)  # answered is not yet bridged: a talk is what both can hear
    known = set(seen.playbacks)
    await talk.hang_up()
    await _prompt_within(system, seen, known)  # the survey's first words
    await call.hang_up()


def _loud(system: SystemUnderTest, word: str) -> None:
    assert word in system.log(), f"the log does not say {word!r}: {system.log()[-1500:]}"


async def test_locked_by_another_process(system: SystemUnderTest) -> None:
    async with witness(system.pbx) as seen, Phone(from_number="101", on_invite=Ring()) as agent:
        await agent.register(f"sip:{system.sip}", system.pbx.secrets.agents["101"])
        with closing(sqlite3.connect(system.store, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            begun = time.monotonic()
            async with _heard_call(system, seen, ENGLISH, "locked menu"):
                pass
            async with _heard_call(system, seen, ENGLISH, "locked person") as call:
                await _asks_for_a_person(system, seen, call, agent)
            await _until_store(system, "down")
            _loud(system, "database is locked")
            assert await system.rows_named("locked menu") == []
            await asyncio.sleep(max(0.0, _LOCKED_S - (time.monotonic() - begun)))
            other.execute("ROLLBACK")
        await _until_store(system, "up")
    left, served = [await system.record_named(shown) for shown in ("locked menu", "locked person")]
    assert (left["outcome"], left["steps"][0]["kind"]) == ("abandoned_ivr", "started")
    assert (served["outcome"], served["fallback"]) == ("answered", False)
    assert StepKind.QUEUE.value in [step["kind"] for step in served["steps"]]


async def test_a_daemon_that_comes_back_to_a_locked_store_goes_on_with_its_callers(system: SystemUnderTest) -> None:
    async with witness(system.pbx) as seen, system.caller(ENGLISH) as caller:
        await caller.call.answered()
        await caller.hears("menu")
        with closing(sqlite3.connect(system.store, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            system.kill_daemon()
            known = set(seen.playbacks)
            system.launch_daemon()
            await _until_link(system, "ari", "up")
            await _prompt_within(system, seen, known)
            other.execute("ROLLBACK")
        await _until_store(system, "up")
        await caller.step(StepKind.RESUMED)
    record = await system.record_of(caller)
    assert (record["outcome"], record["fallback"]) == ("abandoned_ivr", False)


@contextmanager
def _small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A disk of its own of that size. Skips where this user may not mount."""
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a tmpfs")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@asynccontextmanager
async def _moved(system: SystemUnderTest, folder: Path) -> AsyncIterator[Path]:
    """The system with its store in another folder, by a link."""
    system.stop_daemon()
    for path in system.home.glob("store.db*"):
        shutil.move(path, folder / path.name)
    system.store.symlink_to(folder / "store.db")
    async with AsyncExitStack() as stack:
        stack.callback(system.stop_daemon)
        await system.start_daemon()
        before, system.view = system.view, await stack.enter_async_context(watch_store(system.store))
        stack.callback(setattr, system, "view", before)
        yield folder


async def test_a_full_disk(system: SystemUnderTest, tmp_path: Path) -> None:
    with _small_disk(tmp_path / "disk", 8) as disk:
        async with _moved(system, disk), witness(system.pbx) as seen:
            ballast = fill(disk)
            for number in range(3):
                async with _heard_call(system, seen, ENGLISH, f"full {number}"):
                    pass
            await _until_store(system, "down", 30)
            _loud(system, "full")
            ballast.unlink()
            await _until_store(system, "up")
            records = [await system.record_named(f"full {number}") for number in range(3)]
    assert [record["outcome"] for record in records] == ["abandoned_ivr"] * 3
    assert all(record["steps"][0]["kind"] == "started" for record in records)


def _immutable(paths: list[Path], sign: str) -> None:
    done = subprocess.run(["chattr", f"{sign}i", *paths], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"no immutable files here: {done.stderr.decode().strip()}")


@contextmanager
def _frozen_files(paths: list[Path]) -> Iterator[None]:
    """No write to these files is taken, not even root's, not even through an open descriptor."""
    _immutable(paths, "+")
    try:
        yield
    finally:
        _immutable(paths, "-")


async def test_a_store_that_became_read_only(system: SystemUnderTest) -> None:
    files = [system.store, system.store.with_name("store.db-wal")]
    async with witness(system.pbx) as seen:
        with _frozen_files(files):
            async with _heard_call(system, seen, ENGLISH, "read only"):
                pass
            await _until_store(system, "down")
            assert await system.rows_named("read only") == []
        await _until_store(system, "up")
    record = await system.record_named("read only")
    assert (record["outcome"], record["steps"][0]["kind"]) == ("abandoned_ivr", "started")


async def test_a_damaged_page_under_a_running_daemon(system: SystemUnderTest) -> None:
    """It stays damaged: the page says so, callers go on, and a new store reads the spool again."""
    async with witness(system.pbx) as seen:
        async with _heard_call(system, seen, ENGLISH, "before the damage"):
            pass
        await system.record_named("before the damage")
        system.stop_daemon()
        _damage(system.store, "fact")
        system.launch_daemon()
        await _until_link(system, "ari", "up")
        async with _heard_call(system, seen, ENGLISH, "damaged"):
            pass
        await _until_store(system, "down")
        _loud(system, "malformed")
    await _with_a_new_store(system, ["before the damage", "damaged"])


async def test_a_store_that_is_no_database(system: SystemUnderTest) -> None:
    """The daemon says what is wrong and does not start; the dialplan serves the callers meanwhile."""
    async with Phone(from_number="101", on_invite=Ring()) as agent:
        await agent.register(f"sip:{system.sip}", system.pbx.secrets.agents["101"])
        system.stop_daemon()
        system.store.write_bytes(b"nonsense " * 5000)
        with pytest.raises(AssertionError, match="file is not a database"):
            await system.start_daemon()
        async with Phone(from_number=UNKNOWN, display_name="no database") as phone:
            call = await phone.call(f"sip:100@{system.sip}")
            talk = await agent.rung(10)
            talk.answer()
            await talking(talk)
            await talk.hang_up()
            await call.ended(15)
    (record,) = await _with_a_new_store(system, ["no database"])
    assert (record["outcome"], record["fallback"]) == ("answered", True)


def _damage(store: Path, table: str) -> None:
    """Overwrite the first page of a table, of which the write-ahead log keeps no copy."""
    with closing(sqlite3.connect(store)) as db:
        assert db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
        ((root,),) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,))
        ((size,),) = db.execute("PRAGMA page_size")
    with store.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(bytes([0x5A]) * size)


async def _with_a_new_store(system: SystemUnderTest, shown: list[str]) -> list[dict[str, Any]]:
    """As docs/operations.md says: stop, put the store aside, start; the spool is read from its beginning."""
    system.kill_daemon()
    for path in system.home.glob("store.db*"):
        path.rename(path.with_name(f"damaged-{path.name}"))
    await system.start_daemon()
    async with watch_store(system.store) as view:
        before, system.view = system.view, view
        try:
            return [await system.record_named(name) for name in shown]
        finally:
            system.view = before
