"""Settings read anew by a daemon at work: what changes, what waits, what is refused; nobody notices the change."""

from __future__ import annotations

import asyncio
import os
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import trustme
from aiohttp.test_utils import unused_port
from harness.system import COMMAND, place_sounds

from pbx_bridge.reloading import Outcome, ask

SETTINGS = """
[web]
port = {port}
metrics_for = ["127.0.0.0/8"]

[log]
form = "json"
level = "warning"
"""


@dataclass(kw_only=True)
class House:
    """A HOME, and the daemon in it, with no Asterisk to talk to."""

    home: Path
    port: int
    environment: dict[str, str]
    daemon: subprocess.Popen[bytes]

    def write(self, more: str, **changed: str) -> None:
        text = SETTINGS.format(port=self.port)
        for old, new in changed.items():
            assert old in text
            text = text.replace(old, new)
        (self.home / "pbx_bridge.toml").write_text(text + more, encoding="utf-8")

    def start(self) -> None:
        with (self.home / "daemon.out").open("wb") as out:
            self.daemon = subprocess.Popen(
                [COMMAND, "daemon"], env=self.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )

    async def asked(self) -> Outcome:
        return await asyncio.to_thread(ask, self.home / "run")

    async def command(self, *words: str, typed: str = "") -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            COMMAND, *words, env=self.environment, stdin=-1, stdout=-1, stderr=asyncio.subprocess.STDOUT
        )
        out, _ = await process.communicate(typed.encode())
        return process.returncode or 0, out.decode()

    def log(self) -> str:
        return (self.home / "daemon.out").read_text(encoding="utf-8")

    async def says(self, text: str) -> None:
        async with asyncio.timeout(10):
            while text not in self.log():  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)


async def _status(url: str, tls: ssl.SSLContext | None = None) -> int:
    async with aiohttp.ClientSession() as browser, browser.get(url, ssl=tls or True) as answer:
        return answer.status


async def _dial(url: str, token: str) -> tuple[int, str]:
    """What a program hears that asks for a call."""
    wish = {"extension": "101", "number": "09121234567", "key": "1"}
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as program,
        program.post(f"{url}/api/dial", json=wish) as answer,
    ):
        told = await answer.json() if answer.content_type == "application/json" else {}
        return answer.status, str(told.get("refused", ""))


async def _language_cookie(url: str, tls: ssl.SSLContext) -> str:
    async with (
        aiohttp.ClientSession() as browser,
        browser.get(f"{url}/sign-in?language=en", ssl=tls, allow_redirects=False) as answer,
    ):
        return answer.headers["Set-Cookie"]


@asynccontextmanager
async def _running(home: Path) -> AsyncIterator[House]:
    place_sounds(home / "asterisk" / "sounds")
    (home / "secrets").mkdir(mode=0o700)
    for name in ("ari", "ami"):
        (home / "secrets" / name).write_text("secret\n")
    away = unused_port()
    told = {"HOME": home, "ARI__URL": f"http://127.0.0.1:{away}/ari", "AMI__HOST": "127.0.0.1", "AMI__PORT": away}
    environment = {**os.environ, **{f"PBX_BRIDGE_{name}": str(value) for name, value in told.items()}}
    house = House(home=home, port=unused_port(), environment=environment, daemon=None)  # type: ignore[arg-type]
    house.write("")
    house.start()
    try:
        async with asyncio.timeout(30):
            while not (home / "run" / "reload.json").exists():
                assert house.daemon.poll() is None, house.log()
                await asyncio.sleep(0.05)
        yield house
    finally:
        house.daemon.terminate()
        await asyncio.to_thread(house.daemon.wait, 20)


async def _knock(url: str, answers: list[int]) -> None:
    """Come again and again, each time anew, as people do who are just opening a page."""
    while True:
        answers.append(await _status(url))


async def test_a_daemon_takes_up_what_it_can_and_says_the_rest(tmp_path: Path) -> None:
    async with _running(tmp_path) as house:
        plain = f"http://127.0.0.1:{house.port}"
        answers: list[int] = []
        knocking = asyncio.create_task(_knock(f"{plain}/healthz", answers))
        await house.command("users", "add", "sara", "--role", "agent", "--extension", "101", typed="long enough\n")
        token = (await house.command("tokens", "add", "crm", "--role", "lead"))[1].split()[-1]
        assert await _status(f"{plain}/metrics") == 200
        assert (await _dial(plain, token))[0] == 403

        # What can change does, what cannot is named, and nobody who comes meanwhile is sent away.
        desk = '\n[desk]\ncall_tokens = ["crm"]\ndial_deny = ["0912*"]\n'
        house.write(f'{desk}[pbx]\nmailbox = "777"\n', **{"127.0.0.0/8": "192.0.2.0/24"})
        assert await house.command("reload") == (
            0,
            "taken up: web.metrics_for, desk.dial_deny, desk.call_tokens\nneeds a restart: pbx.mailbox\n",
        )
        assert await _status(f"{plain}/metrics") == 403
        assert await _dial(plain, token) == (422, "pattern")

        # Another flow waits for the restart, but what is wrong with it is told now.
        flow = tmp_path / "own.yaml"
        flow.write_text("name: own\n", encoding="utf-8")
        house.write(f'{desk}[ivr]\nflow = "{flow}"\n', **{"127.0.0.0/8": "192.0.2.0/24"})
        status, said = await house.command("reload")
        assert status == 1
        assert said.splitlines()[1] == "needs a restart: ivr.flow"
        assert said.splitlines()[2].startswith("pbx-bridge: with this ivr.flow it would not start again: "), said
        assert str(flow) in said
        came = len(answers)
        house.write(desk.replace("0912", "0913"), **{"127.0.0.0/8": "192.0.2.0/24", '"warning"': '"info"'})
        assert (await house.asked()).taken == ("desk.dial_deny", "log.level")
        assert await _dial(plain, token) == (503, "pbx"), "only Asterisk is in the way now, which is not there"
        await house.says("settings_reloaded")
        assert "daemon_started" not in house.log(), "before, only warnings were logged"
        assert len(answers) > came
        knocking.cancel()
        assert set(answers) == {200}

        # What is wrong changes nothing: neither a file that is none, nor one whose fault shows only when it is used.
        (tmp_path / "pbx_bridge.toml").write_text("[web\n")
        assert "pbx_bridge.toml" in (await house.asked()).reason
        await house.says("settings_not_reloaded")
        wrong = '\n[promises]\nweekly = {mon = "08:00-16:00"}\nholidays = ["away.yaml"]\n'
        house.write(wrong, **{"127.0.0.0/8": "0.0.0.0/0"})
        status, told = await house.command("reload")
        assert (status, told.startswith("pbx-bridge: nothing was changed: setting promises.holidays:")) == (1, True)
        assert await _status(f"{plain}/metrics") == 403


async def test_pages_with_a_certificate_of_their_own(tmp_path: Path) -> None:
    issuer = trustme.CA()
    files = tmp_path / "cert.pem", tmp_path / "key.pem"

    def lay(*names: str) -> str:
        made = issuer.issue_cert(*names)
        made.cert_chain_pems[0].write_to_path(files[0])
        made.private_key_pem.write_to_path(files[1])
        return made.cert_chain_pems[0].bytes().decode()

    async def shown(port: int) -> str:
        return await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", port))

    tls = ssl.create_default_context()
    issuer.configure_trust(tls)
    async with _running(tmp_path) as house:
        secure = f"https://127.0.0.1:{house.port}"
        first = lay("127.0.0.1")
        house.write("", **{"[log]": f'certificate = "{files[0]}"\nkey = "{files[1]}"\n[log]'})
        assert (await house.asked()).taken == ("web.certificate", "web.key")
        assert await _status(f"{secure}/healthz", tls) == 200
        assert (await shown(house.port)).split() == first.split()
        assert "; Secure" in await _language_cookie(secure, tls)

        # Renewed under the same names: shown at the next asking. Torn, the one before stays.
        second = lay("127.0.0.1", "pbx.example")
        assert not (await house.asked()).reason
        assert (await shown(house.port)).split() == second.split()
        files[1].write_text("torn")
        assert "web.certificate and web.key" in (await house.asked()).reason
        assert (await shown(house.port)).split() == second.split()


def test_without_a_daemon_there_is_nothing_to_reload(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "daemon.pid").write_text(f"{os.getpid()}\n")  # left from one that was killed; now it is us
    environment = {**os.environ, "PBX_BRIDGE_HOME": str(tmp_path)}
    told = subprocess.run([COMMAND, "reload"], env=environment, capture_output=True, text=True)
    assert (told.returncode, told.stdout) == (1, "")
    assert "no daemon runs in" in told.stderr
