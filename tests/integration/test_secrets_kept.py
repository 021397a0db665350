"""Marked secrets in a daemon at work, in trouble and killed: none stands in what it wrote or was started with.

Asterisk is played: what answers for ARI and AMI refuses, breaks and comes back, as it does when things are said in
logs. Looked through are every file of HOME but its secrets, what the processes printed, and every command line on the
machine meanwhile.
"""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from cryptography.fernet import Fernet
from harness.system import COMMAND, place_sounds
from harness.toy_ami import ToyAmi, toy_ami

ADMIN, TYPED = "mark-admin-7f3a", "mark-typed-wrong-55d0"
KEPT = {
    "ari": "mark-ari-1b77",
    "ami": "mark-ami-c0de",
    "accounts": "mark-service-e5e5",
    "session_key": Fernet.generate_key().decode(),
}
SETTINGS = """
[services.accounts]
url = "{service}/customers/{{code}}"
token_file = "accounts"

[log]
level = "debug"
"""
CALLER = "09125550177"  # searched for in an address
_LOOKS = 5  # at one process


@dataclass(kw_only=True)
class House:
    """A HOME, and everything that was seen of the processes in it."""

    home: Path
    environment: dict[str, str]
    web_port: int
    marks: dict[str, str]
    told: list[bytes] = field(default_factory=list)
    commands: set[bytes] = field(default_factory=set)
    daemon: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    async def run(self, *words: str, typed: str = "") -> str:
        """A command to its end; what it printed on standard output."""
        process = await asyncio.create_subprocess_exec(
            COMMAND, *words, env=self.environment, stdin=-1, stdout=-1, stderr=-1
        )
        out, err = await process.communicate(typed.encode())
        self.told += [err]
        return out.decode()

    async def start(self) -> None:
        """The daemon, until it answers."""
        self._launch()
        async with asyncio.timeout(30), aiohttp.ClientSession() as browser:
            while not await self._answers(browser):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)

    def _launch(self) -> None:
        with (self.home / "daemon.out").open("ab") as out:
            self.daemon = subprocess.Popen(
                [COMMAND, "daemon"], env=self.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )

    async def _answers(self, browser: aiohttp.ClientSession) -> bool:
        assert self.daemon is not None
        assert self.daemon.poll() is None, (self.home / "daemon.out").read_text()
        try:
            async with browser.get(f"{self.address}/healthz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def end(self, number: signal.Signals) -> None:
        """End the daemon by a signal."""
        assert self.daemon is not None
        self.daemon.send_signal(number)
        await asyncio.to_thread(self.daemon.wait, 20)

    async def watch(self) -> None:
        """Every command line on the machine; a process is looked at again, for it may become another program."""
        looks: Counter[str] = Counter()
        while True:
            self._look(looks)
            await asyncio.sleep(0.05)

    def _look(self, looks: Counter[str]) -> None:
        for number in filter(str.isdigit, os.listdir("/proc")):
            looks[number] += 1
            if looks[number] <= _LOOKS:
                with suppress(OSError):
                    self.commands.add(Path(f"/proc/{number}/cmdline").read_bytes())

    def everything(self) -> Iterator[tuple[str, bytes]]:
        """Whatever was written or shown."""
        for path in self.home.rglob("*"):
            if path.is_file() and (self.home / "secrets") not in path.parents:
                yield str(path.relative_to(self.home)), path.read_bytes()
        yield from (("standard error", told) for told in self.told)
        yield from (("a command line", command) for command in self.commands)


@dataclass
class PlayedAri:
    """What answers for ARI: right, wrong or broken, as it is told; it notes who came."""

    mode: str = "refuse"
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.asked.set()
        if self.mode == "refuse":
            raise web.HTTPUnauthorized
        if self.mode == "break":
            return web.Response(status=500, text="<h1>internal error</h1>")
        if request.path.endswith("/events"):
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            await socket.send_str("no json at all")
            await socket.close()
            return socket
        return web.json_response([] if request.path.endswith("channels") else {"system": {"version": "22.10.1"}})


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[House, PlayedAri, ToyAmi]]:
    ari, app = PlayedAri("break"), web.Application()
    app.router.add_route("*", "/{rest:.*}", ari.serve)
    home = folder / "home"
    (home / "secrets").mkdir(parents=True, mode=0o700)
    place_sounds(home / "asterisk" / "sounds")
    for name, secret in {**KEPT, "admin_password": ADMIN}.items():
        (home / "secrets" / name).write_text(f"{secret}\n")
    async with TestServer(app, access_log=None) as server, toy_ami(ToyAmi(secret=KEPT["ami"])) as ami:
        (home / "pbx_bridge.toml").write_text(SETTINGS.format(service=str(server.make_url("/service"))))
        told = {
            "HOME": home,
            "ARI__URL": server.make_url("/ari"),
            "AMI__HOST": "127.0.0.1",
            "AMI__PORT": ami.port,
            "WEB__PORT": (port := unused_port()),
        }
        environment = {**os.environ, **{f"PBX_BRIDGE_{name}": str(value) for name, value in told.items()}}
        house = House(home=home, environment=environment, web_port=port, marks={**KEPT, "admin": ADMIN})
        watching = asyncio.create_task(house.watch(), name="watch")
        try:
            yield house, ari, ami
        finally:
            watching.cancel()
            if house.daemon is not None and house.daemon.poll() is None:
                house.daemon.kill()
                house.daemon.wait()


async def visit(house: House) -> None:
    """Sign in, rightly and wrongly, with a password and as a program."""
    form = {"name": "admin", "password": ADMIN}
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        async with browser.post(f"{house.address}/sign-in", data={**form, "password": TYPED}) as answer:
            assert answer.status != 303
        async with browser.post(f"{house.address}/sign-in", data=form, allow_redirects=False) as answer:
            assert answer.status == 303
            house.marks["session"] = next(iter(answer.cookies.values())).value
        async with browser.get(f"{house.address}/calls", params={"q": CALLER}) as answer:
            assert answer.status == 200
    bearer = {"Authorization": f"Bearer {house.marks['token']}"}
    async with aiohttp.ClientSession(headers=bearer) as program, program.get(f"{house.address}/calls") as answer:
        assert answer.status == 200


@pytest.mark.timeout(90)
async def test_no_secret_leaves_its_file(tmp_path: Path) -> None:
    async with opened(tmp_path) as (house, ari, ami):
        await house.run("users", "add", "admin", "--role", "admin", typed=f"{ADMIN}\n")
        house.marks["token"] = (await house.run("tokens", "add", "crm", "--role", "read_only")).split()[-1]
        await house.start()
        await ami.got("QueueStatus")
        await visit(house)
        for mode in ("work", "break", "work"):
            ari.mode, ari.asked = mode, asyncio.Event()
            async with asyncio.timeout(20):
                await ari.asked.wait()
        await house.run("services", "ask", "accounts", "code=C-1")
        ami.secret = "changed"
        ami.cut()
        await ami.got("Login", times=2)
        await house.end(signal.SIGABRT)
        await house.run("doctor")
        ari.mode = "refuse"
        await house.run("daemon")
        await house.run("backup", "/proc/no")

        house.marks |= {"typed": TYPED, "caller": CALLER}
        for name in ("ari", "ami", "admin"):
            pair = f"{name if name == 'admin' else 'pbx_bridge'}:{house.marks[name]}"
            house.marks[f"{name} as HTTP sends it"] = base64.b64encode(pair.encode()).decode()
        seen = dict.fromkeys(place for place, _ in house.everything())
        assert {"daemon.out", "store.db", "standard error", "a command line"} <= set(seen)
        assert any(b"daemon" in command for command in house.commands)
        found = [
            (name, place)
            for place, data in house.everything()
            for name, secret in house.marks.items()
            if secret.encode() in data
        ]
        assert found == []
