"""The system under measurement: a private Asterisk, a store with customers, and the daemon as its own process."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp

from bench.customers import Customer, customers, write_folder
from bench.figure import CannotMeasure
from pbx_bridge.config import Settings
from pbx_bridge.errors import BridgeError
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.render import prepare
from pbx_bridge.ivr.speakers import find_prefix, find_speaker
from pbx_bridge.ivr.voice import Voice
from pbx_bridge.store import open_store

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))  # the tests' private Asterisk is ours too
from private_pbx import ROOT, PbxUnderTest, free_ports, private_pbx  # noqa: E402

SOUNDS = REPOSITORY / "var" / "bench" / "sounds"  # kept: rendering takes most of a minute
COMMAND = Path(sys.executable).with_name("pbx-bridge")

_USER = "bench"
_RTP_PORTS = 4000
_READY_S = 30.0
_STOP_S = 15.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """What the measures use. `people` are the customers; each measure takes as many as it needs."""

    pbx: PbxUnderTest
    people: Sequence[Customer]
    sounds: Path
    url: str
    user: str
    password: str
    environment: Mapping[str, str]
    daemon: asyncio.subprocess.Process
    say: Say

    @property
    def pid(self) -> int:
        """The daemon's process."""
        self.check()
        return self.daemon.pid

    @property
    def sip_port(self) -> int:
        """Where Asterisk takes calls."""
        return self.pbx.ports.sip

    def check(self) -> None:
        """Raises CannotMeasure when the daemon has ended."""
        if self.daemon.returncode is not None:
            words = _last_words(self.pbx.home)
            raise CannotMeasure(f"the daemon ended with status {self.daemon.returncode}: {words}")

    def voice(self) -> Voice:
        """The clips callers hear, for their lengths."""
        return Voice.load(self.sounds)


@contextmanager
def asterisk(say: Say) -> Iterator[PbxUnderTest]:
    """A private Asterisk that runs, with the prompts. Raises CannotMeasure where none can be had."""
    try:
        ports = free_ports()
        with private_pbx(ports=replace(ports, rtp_end=ports.rtp_start + _RTP_PORTS)) as pbx:
            say("rendering prompts (kept for the next run)" if not SOUNDS.exists() else "placing prompts")
            _place_prompts(pbx)
            say("starting Asterisk")
            pbx.start()
            yield pbx
    except (BridgeError, AssertionError) as error:
        raise CannotMeasure(str(error)) from error


@asynccontextmanager
async def system(pbx: PbxUnderTest, people: int, say: Say) -> AsyncIterator[System]:
    """The daemon against this Asterisk, ready for callers; stopped and gone afterwards. Raises CannotMeasure."""
    web_port = _free_port()
    environment = _environment(pbx, web_port)
    say(f"filling the store with {people} customers")
    crowd = customers(people)
    password = secrets.token_urlsafe(12)
    await _fill(pbx.home, crowd, environment, password)
    say("starting the daemon")
    with (pbx.home / "daemon.out").open("ab") as out:
        daemon = await asyncio.create_subprocess_exec(
            *(COMMAND, "daemon"), env=environment, cwd=pbx.home, stdout=out, stderr=out, start_new_session=True
        )
    try:
        made = System(
            pbx=pbx,
            people=crowd,
            sounds=SOUNDS,
            url=f"http://127.0.0.1:{web_port}",
            user=_USER,
            password=password,
            environment=environment,
            daemon=daemon,
            say=say,
        )
        await _until_ready(made)
        yield made
    finally:
        await _stop(daemon)


def _place_prompts(pbx: PbxUnderTest) -> None:
    prefix = find_prefix(pbx.paths.root)
    ivr = Settings().ivr
    speakers = {"fa": find_speaker(ivr.voice_fa, prefix), "en": find_speaker(ivr.voice_en, prefix)}
    SOUNDS.mkdir(parents=True, exist_ok=True)
    prepare(PromptBook.load(), SOUNDS, speakers, prefix=prefix)
    shutil.copytree(SOUNDS, pbx.paths.sounds, dirs_exist_ok=True)


def _environment(pbx: PbxUnderTest, web_port: int) -> Mapping[str, str]:
    settings = {
        "HOME": pbx.home,
        "PBX__SYSTEMNAME": pbx.plan.systemname,
        "PBX__ROOT": ROOT,
        "PBX__SIP_PORT": pbx.ports.sip,
        "PBX__ARI_PORT": pbx.ports.ari,
        "PBX__AMI_PORT": pbx.ports.ami,
        "WEB__PORT": web_port,
        "LOG__LEVEL": "warning",
        "LOG__FORM": "json",
    }
    ours = {f"PBX_BRIDGE_{name}": str(value) for name, value in settings.items()}
    return {name: text for name, text in os.environ.items() if not name.startswith("PBX_BRIDGE_")} | ours


async def _fill(home: Path, crowd: Sequence[Customer], environment: Mapping[str, str], password: str) -> None:
    async with open_store(home / "store.db", folding=False) as store:
        await store.users.create(_USER, password, "lead")
    with tempfile.TemporaryDirectory(prefix="pbxb-bench-") as name:
        write_folder(crowd, Path(name))
        await run_command("crm", "import", name, environment=environment)


async def run_command(*words: str, environment: Mapping[str, str]) -> str:
    """What a command of pbx-bridge prints. Raises CannotMeasure when it fails."""
    process = await asyncio.create_subprocess_exec(
        *(COMMAND, *words), env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    if process.returncode:
        lines = err.decode(errors="replace").strip().splitlines()
        raise CannotMeasure(f"pbx-bridge {words[0]}: {lines[-1] if lines else process.returncode}")
    return out.decode()


async def _until_ready(made: System) -> None:
    deadline = asyncio.get_running_loop().time() + _READY_S
    async with aiohttp.ClientSession() as session:
        while True:
            made.check()
            with suppress(aiohttp.ClientError):
                async with session.get(f"{made.url}/readyz") as answer:
                    if answer.status == 200:
                        return
            if asyncio.get_running_loop().time() > deadline:
                raise CannotMeasure(f"the daemon was not ready in {_READY_S:g} s: {_last_words(made.pbx.home)}")
            await asyncio.sleep(0.05)


async def _stop(daemon: asyncio.subprocess.Process) -> None:
    if daemon.returncode is None:
        daemon.terminate()
        try:
            async with asyncio.timeout(_STOP_S):
                await daemon.wait()
        except TimeoutError:
            daemon.kill()
            await daemon.wait()


def _last_words(home: Path) -> str:
    lines = (home / "daemon.out").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "it said nothing"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
