"""One private Asterisk for a test run: the real one, on free ports, with a HOME of its own.

    def test_it(pbx: PbxUnderTest) -> None:
        assert "support" in pbx.rx("queue show")

The fixture `pbx` (see conftest.py) is made once per run and started anew when a test has killed it.
"""

from __future__ import annotations

import ipaddress
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
import wave
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from own_ports import own_port

from pbx_bridge.errors import PbxError
from pbx_bridge.pbx.console import Console, ari_answers
from pbx_bridge.pbx.instance import lay_instance
from pbx_bridge.pbx.modules import modules_in
from pbx_bridge.pbx.paths import PbxPaths, instance_paths, link_home
from pbx_bridge.pbx.plan import AGENTS, PbxPlan, PbxSecrets, Ports
from pbx_bridge.pbx.program import Asterisk
from pbx_bridge.pbx.secrets import SecretStore
from pbx_bridge.pbx.tree import Suite
from tools.asterisks import ROOT, asterisk_of

REPOSITORY = Path(__file__).resolve().parents[1]
_START_S = 30.0
_RTP_PORTS = 1000


@dataclass(kw_only=True)
class PbxUnderTest:
    """A private Asterisk and everything one needs to talk to it. Every method blocks."""

    home: Path
    asterisk: Asterisk
    plan: PbxPlan
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def paths(self) -> PbxPaths:
        return self.plan.paths

    @property
    def ports(self) -> Ports:
        return self.plan.ports

    @property
    def secrets(self) -> PbxSecrets:
        return self.plan.secrets

    @property
    def console(self) -> Console:
        return Console(asterisk=self.asterisk, conf=self.paths.inside(self.paths.conf))

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def rx(self, command: str) -> str:
        """What Asterisk's console answers."""
        return self.console.ask(command)

    def start(self) -> None:
        """Start it and wait until it serves."""
        assert not self.running, "it runs already"
        command = self.asterisk.daemon_command(str(self.paths.inside(self.paths.conf)))
        with (self.home / "asterisk.out").open("ab") as out:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=self.asterisk.environment()
            )
        self._await_ready()

    def stop(self) -> None:
        """End it as an operator does."""
        if self.process is not None:
            self.process.terminate()
            self._reap()

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            self.process.kill()
            self._reap()

    def freeze(self) -> None:
        """SIGSTOP."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    def messages(self) -> str:
        """Asterisk's notices, warnings and errors so far."""
        return self.paths.messages.read_text(encoding="utf-8", errors="replace")

    def listening(self) -> list[str]:
        """Every address it takes TCP connections or UDP packets on, as `address:port`."""
        inodes = {os.readlink(link) for link in Path(f"/proc/{self.pid}/fd").iterdir() if link.is_symlink()}
        return [
            where
            for table in ("tcp", "udp", "tcp6", "udp6")
            for where, inode in _open_sockets(table)
            if f"socket:[{inode}]" in inodes
        ]

    def _await_ready(self) -> None:
        deadline = time.monotonic() + _START_S
        while not (self.console.booted() and ari_answers(self.plan.host, self.ports.ari)):
            assert self.running, f"Asterisk ended at start: {(self.home / 'asterisk.out').read_text()[-2000:]}"
            assert time.monotonic() < deadline, f"Asterisk did not start in {_START_S} s: {self.messages()[-2000:]}"
            time.sleep(0.02)

    def _reap(self) -> None:
        assert self.process is not None
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGCONT)
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(timeout=10)


def free_ports() -> Ports:
    """Ports of this process's own; the RTP range is a random block, of which Asterisk takes what is free."""
    start = random.randrange(12000, 25900, 2)
    return Ports(sip=own_port(), ari=own_port(), ami=own_port(), rtp_start=start, rtp_end=start + _RTP_PORTS)


@contextmanager
def private_pbx(
    agents: Sequence[str] = AGENTS, suite: Suite | None = None, **changes: object
) -> Iterator[PbxUnderTest]:
    """A private Asterisk that has been laid, but not started; gone from the disk afterwards.

    Args:
        agents: who may register.
        suite: the Debian release whose Asterisk it is; None: that of every other test.
        changes: fields of PbxPlan that shall differ. Raises PbxError where no Asterisk can be had.
    """
    if not os.access("/", os.W_OK) and not ROOT.exists():
        raise PbxError("no Asterisk here, and no right to install one")
    asterisk = asterisk_of(suite)
    with private_home(asterisk) as (home, paths):
        plan = PbxPlan(
            systemname="pbxt",
            agents=tuple(agents),
            paths=paths,
            secrets=SecretStore(home / "secrets").pbx(agents),
            version=asterisk.version,
            modules=modules_in(asterisk.root or Path("/")),
            ports=free_ports(),
        )
        pbx = PbxUnderTest(home=home, asterisk=asterisk, plan=replace(plan, **changes))  # type: ignore[arg-type]
        lay_instance(asterisk, pbx.plan)
        link_home(home, paths)
        place_announcements(paths)
        try:
            yield pbx
        finally:
            pbx.stop()


@contextmanager
def private_home(asterisk: Asterisk) -> Iterator[tuple[Path, PbxPaths]]:
    """A HOME of its own, which Asterisk's user may enter, and its instance's folders; both gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="pbxb-test-"))
    home.chmod(0o755)
    paths = instance_paths(home, asterisk.root)
    try:
        yield home, paths
    finally:
        shutil.rmtree(paths.base, ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)


def place_announcements(paths: PbxPaths) -> None:
    """Half a second of silence for every fixed announcement, where the real ones are not under test."""
    for language in ("fa", "en"):
        for key in ("to_person", "nobody", "unavailable", "goodbye"):
            with wave.open(str(paths.sounds / "fixed" / language / f"{key}.wav"), "wb") as out:
                out.setnchannels(1)
                out.setsampwidth(2)
                out.setframerate(8000)
                out.writeframes(bytes(8000))


def _open_sockets(table: str) -> Iterator[tuple[str, str]]:
    """Address and inode of the listening TCP, or unconnected UDP, sockets of this machine."""
    for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == ("0A" if table.startswith("tcp") else "07"):
            address, _, port = fields[1].partition(":")
            raw = bytes.fromhex(address)
            words = b"".join(raw[i : i + 4][::-1] for i in range(0, len(raw), 4))
            yield f"{ipaddress.ip_address(words)}:{int(port, 16)}", fields[9]
