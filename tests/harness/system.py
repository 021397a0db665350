"""The whole system under test: the run's private Asterisk, a daemon of our own beside it, and callers.

    async with running_system(pbx) as system:
        await system.import_crm(customers="...", tickets="...")
        async with system.caller("09121234567") as caller:
            await caller.hears("choose_language")
            await caller.press("1")
        record = await system.record_of(caller)

Nothing here sleeps a guessed time: every wait is for a step in the journal, a call's record or a page's answer.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from own_ports import own_port
from private_pbx import REPOSITORY, PbxUnderTest

from pbx_bridge.calls.facts import Step, StepKind
from pbx_bridge.health import utc_now
from pbx_bridge.pbx.phone import KeysBy, Phone, PhoneCall
from pbx_bridge.store import CallRow, call_json
from pbx_bridge.store.watch import StoreView, watch_store

COMMAND = Path(sys.executable).with_name("pbx-bridge")
SOUNDS = REPOSITORY / "var" / "test-sounds"
_POLL_S = 0.03
_START_S = 30.0
_CSV_NAMES = ("customers", "contacts", "contracts", "tickets")


def place_sounds(folder: Path | None = None) -> None:
    """Render the prompts, once for every run of the tests (clips are named by their content), and copy them there."""
    SOUNDS.mkdir(parents=True, exist_ok=True)
    with SOUNDS.with_name(f"{SOUNDS.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two workers render and copy: neither may meet the other's half
        # What it says of an error is for people to see: stderr is not captured.
        subprocess.run([COMMAND, "prompts", "render", "--to", SOUNDS], check=True, stdout=subprocess.DEVNULL)
        if folder is not None:
            shutil.copytree(SOUNDS, folder, dirs_exist_ok=True)


@dataclass(kw_only=True)
class Caller:
    """A person on the phone, whose way through the flow can be followed in the journal."""

    phone: Phone
    call: PhoneCall
    name: str
    number: str
    began: datetime
    system: SystemUnderTest
    steps: list[Step] = field(default_factory=list)
    channel: str = ""
    _looked: int = 0

    async def hears(self, prompt: str, timeout_s: float = 20.0) -> Step:
        """Wait until that prompt begins (after whatever was waited for before)."""
        what = f"prompt {prompt!r} to begin"
        return await self.until(lambda s: s.kind is StepKind.SAID and s.data["prompt"] == prompt, what, timeout_s)

    async def heard(self, prompt: str, timeout_s: float = 40.0) -> Step:
        """Wait until that prompt was said to its end."""
        what = f"prompt {prompt!r} to end"
        return await self.until(lambda s: s.kind is StepKind.HEARD and s.data["prompt"] == prompt, what, timeout_s)

    async def step(self, kind: StepKind, timeout_s: float = 20.0) -> Step:
        """Wait for a step of that kind."""
        return await self.until(lambda s: s.kind is kind, f"a step {kind.value!r}", timeout_s)

    async def press(self, keys: str) -> None:
        """Press keys."""
        await self.call.press(keys)

    async def until(self, wanted: Callable[[Step], bool], what: str, timeout_s: float) -> Step:
        """Wait for the next step of which that is true."""
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    while self._looked < len(self.steps):
                        self._looked += 1
                        if wanted(self.steps[self._looked - 1]):
                            return self.steps[self._looked - 1]
                    await self._read()
                    if self._looked == len(self.steps):
                        await asyncio.sleep(_POLL_S)
        except TimeoutError:
            told = [(s.kind.value, s.data.get("prompt") or s.data.get("keys") or "") for s in self.steps]
            raise AssertionError(f"waited {timeout_s} s for {what}; {self.call.ending}; steps: {told}") from None

    async def _read(self) -> None:
        view = self.system.view
        if not self.channel:
            for run in await view.runs.all(self.system.node):
                if msgspec.json.decode(run.body)["caller_name"] == self.name:
                    self.channel = run.channel
        if self.channel:
            after = self.steps[-1].offset + 1 if self.steps else 0
            self.steps += await view.steps.of(self.system.node, self.channel, after)


@dataclass(kw_only=True)
class SystemUnderTest:
    """The daemon, and what it works on. Made by `running_system`.

    `ari_port`: where the daemon finds ARI from its next start on; None: at Asterisk itself.
    `extra`, `under`: what its next start has besides: variables of its environment, and the words of a command
    that becomes the daemon (`prog args… COMMAND daemon`).
    """

    pbx: PbxUnderTest
    home: Path
    web_port: int
    ari_port: int | None = None
    extra: dict[str, str] = field(default_factory=dict)
    under: tuple[str, ...] = ()
    view: StoreView = field(init=False)
    daemon: subprocess.Popen[bytes] | None = None

    @property
    def node(self) -> str:
        return self.pbx.plan.systemname

    @property
    def page_url(self) -> str:
        """Where the pages are."""
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def sip(self) -> str:
        """Asterisk's SIP address."""
        return f"127.0.0.1:{self.pbx.ports.sip}"

    @property
    def store(self) -> Path:
        return self.home / "store.db"

    def environment(self) -> dict[str, str]:
        """What makes the `pbx-bridge` command speak of this system."""
        ours = {
            "HOME": str(self.home),
            "PBX__ROOT": str(self.pbx.asterisk.root) if self.pbx.asterisk.root else None,
            "PBX__SYSTEMNAME": self.node,
            "PBX__SIP_PORT": str(self.pbx.ports.sip),
            "PBX__ARI_PORT": str(self.ari_port or self.pbx.ports.ari),
            "PBX__AMI_PORT": str(self.pbx.ports.ami),
            "WEB__PORT": str(self.web_port),
            "LOG__FORM": "console",
        }
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PBX_BRIDGE_")}
        return clean | {f"PBX_BRIDGE_{name}": value for name, value in ours.items() if value is not None}

    async def command(self, *words: str, check: bool = True) -> str:
        """What a `pbx-bridge` command prints."""
        process = await asyncio.create_subprocess_exec(
            COMMAND, *words, env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        out, err = await process.communicate()
        assert not check or process.returncode == 0, f"pbx-bridge {' '.join(words)}: {(out + err).decode()}"
        return out.decode()

    # The daemon

    async def start_daemon(self) -> None:
        """Start it and wait until it is ready."""
        self.launch_daemon()
        await self.ready()

    def launch_daemon(self) -> None:
        """Start it, and wait for nothing."""
        assert self.daemon is None or self.daemon.poll() is not None, "it runs already"
        with (self.home / "daemon.out").open("ab") as out:
            self.daemon = subprocess.Popen(
                [*self.under, COMMAND, "daemon"],
                env=self.environment() | self.extra,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    async def ready(self, timeout_s: float = _START_S) -> None:
        """Wait until the daemon says that callers are served and the record is kept."""
        try:
            async with asyncio.timeout(timeout_s), aiohttp.ClientSession() as web:
                while not await self._is_ready(web):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise AssertionError(f"the daemon was not ready in {timeout_s} s: {self.log()[-3000:]}") from None

    async def _is_ready(self, web: aiohttp.ClientSession) -> bool:
        assert self.daemon is not None
        assert self.daemon.poll() is None, f"the daemon ended: {self.log()[-3000:]}"
        with suppress(aiohttp.ClientError):
            async with web.get(f"{self.page_url}/readyz") as answer:
                return answer.status == 200
        return False

    def log(self) -> str:
        """What the daemon wrote."""
        return (self.home / "daemon.out").read_text(encoding="utf-8", errors="replace")

    def signal(self, number: signal.Signals) -> None:
        """Send the daemon a signal."""
        assert self.daemon is not None
        self.daemon.send_signal(number)

    def kill_daemon(self) -> None:
        """kill -9."""
        assert self.daemon is not None
        self.daemon.kill()
        self.daemon.wait(timeout=10)

    def stop_daemon(self) -> None:
        """End it as an operator does. Does nothing if it does not run."""
        if self.daemon is not None and self.daemon.poll() is None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            try:
                self.daemon.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self.kill_daemon()
                raise AssertionError(f"the daemon did not stop: {self.log()[-3000:]}") from None

    # Customers

    async def import_crm(self, **tables: str) -> None:
        """`crm import` of a folder with these tables, each as CSV text with its header line."""
        folder = self.home / f"crm-{secrets.token_hex(4)}"
        folder.mkdir()
        assert set(tables) <= set(_CSV_NAMES)
        for name, text in tables.items():
            lines = [line.strip() for line in text.strip().splitlines()]
            (folder / f"{name}.csv").write_text("\n".join([*lines, ""]), encoding="utf-8")
        await self.command("crm", "import", str(folder))

    # Calls

    @asynccontextmanager
    async def caller(
        self, number: str, *, to: str = "100", keys: KeysBy = KeysBy.RTP, record: bool = False
    ) -> AsyncIterator[Caller]:
        """A caller on the line, not yet answered; hung up on leaving."""
        name = f"test {secrets.token_hex(4)}"
        async with Phone(from_number=number, display_name=name, keys=keys) as phone:
            began = utc_now()
            call = await phone.dial(f"sip:{to}@{self.sip}")
            if record:
                call.record()
            yield Caller(phone=phone, call=call, name=name, number=number, began=began, system=self)

    async def calls(self) -> list[dict[str, Any]]:
        """Every call on the record, newest first, as `pbx-bridge calls --json` prints it."""
        return [json.loads(line) for line in (await self.command("calls", "--json")).splitlines()]

    async def record_of(self, caller: Caller) -> dict[str, Any]:
        """The one record of that caller's call, once it is ended. Fails if there is more than one."""
        return await self.record_named(caller.name)

    async def record_named(self, shown: str) -> dict[str, Any]:
        """The one record of the call that came with that display name, once it is ended."""
        (record,) = await self.records_named(shown)
        return record

    async def records_named(self, shown: str, count: int = 1, timeout_s: float = 15.0) -> list[dict[str, Any]]:
        """The records of the calls that came with that display name, once there are so many and all are ended."""
        rows: list[CallRow] = []
        try:
            async with asyncio.timeout(timeout_s):
                while len(rows) < count or any(row.call.outcome is None for row in rows):
                    await asyncio.sleep(_POLL_S)
                    rows = await self.rows_named(shown)
        except TimeoutError:
            found = [(row.call.call_id, row.call.outcome) for row in rows]
            told = (
                f"{count} ended calls of {shown!r} wanted within {timeout_s} s, found {found}: {self.log()[-2000:]}"
            )
            raise AssertionError(told) from None
        assert len(rows) == count, rows
        return [call_json(row) for row in rows]

    async def rows_named(self, shown: str) -> list[CallRow]:
        """The records of the calls with that display name as they stand."""
        return [row for row in await self.view.calls.page(limit=200) if row.call.caller_name == shown]


@asynccontextmanager
async def running_system(pbx: PbxUnderTest, *, daemon: bool = True) -> AsyncIterator[SystemUnderTest]:
    """A daemon of our own beside the run's Asterisk, with an empty store. Its Asterisk stays as it is."""
    _place_sounds(pbx)
    system = SystemUnderTest(pbx=pbx, home=pbx.home, web_port=own_port())
    _forget(system)
    async with AsyncExitStack() as stack:
        stack.callback(system.stop_daemon)
        await system.start_daemon()
        system.view = await stack.enter_async_context(watch_store(system.store))
        if not daemon:
            system.stop_daemon()
        yield system


def _place_sounds(pbx: PbxUnderTest) -> None:
    if not (pbx.paths.sounds / "manifest.json").exists():
        place_sounds(pbx.paths.sounds)


def _forget(system: SystemUnderTest) -> None:
    """An empty store and nothing deployed; the spools keep what earlier tests left, as on a machine that lost it."""
    for name in ("flows", "prompts"):
        shutil.rmtree(system.home / name, ignore_errors=True)
    for path in system.home.glob("store.db*"):
        path.unlink()
    (system.home / "daemon.out").write_bytes(b"")


async def talking(call: PhoneCall, timeout_s: float = 10.0) -> None:
    """Wait until half a second of audio came in on a call: it is answered and bridged."""
    await call.answered(timeout_s)
    wanted = call.heard.packets + 25
    async with asyncio.timeout(timeout_s):
        while call.heard.packets < wanted:  # noqa: ASYNC110 - audio tells nobody
            await asyncio.sleep(_POLL_S)


def facts_of(store: Path, kind: str) -> Iterator[str]:
    """The bodies of every fact of a kind, as the journal keeps them."""
    with sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True) as db:
        for (body,) in db.execute("SELECT body FROM fact WHERE kind = ? ORDER BY at_us", (kind,)):
            yield body
