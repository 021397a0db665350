"""A company's own PBX for a test: a stock FreePBX or Issabel folder, or a plain one, and a real Asterisk on it.

Its configuration stands in a folder of its own beside the instance's, as far as we know it: `pbx deploy` finds it as
it would find /etc/asterisk.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pbx_folders import NUMBER, lay_stock
from private_pbx import free_ports, private_home

from pbx_bridge.pbx.console import Console
from pbx_bridge.pbx.find import have_asterisk
from pbx_bridge.pbx.modules import modules_in
from pbx_bridge.pbx.paths import PbxPaths, link_home
from pbx_bridge.pbx.plan import Ports
from pbx_bridge.pbx.program import Asterisk
from pbx_bridge.pbx.tree import BULLSEYE, root_of
from tools.asterisks import ROOT

COMMAND = Path(sys.executable).with_name("pbx-bridge")
PHONE, PHONE_SECRET = "201", "a-phones-secret-0123456789"
OLD = root_of(ROOT, BULLSEYE)  # Asterisk 16, as Issabel has it, where test_versions made it before
_START_S = 30.0
_PLAIN = {
    "extensions.conf": """[general]
static = yes

[incoming]
exten => 100,1,Answer()
 same => n,Wait(1)

[phones]
exten => _2XX,1,Dial(PJSIP/${EXTEN},20)
""",
    "manager.conf": "[general]\nenabled = yes\nbindaddr = 127.0.0.1\nport = @AMI@\n",
    "http.conf": "[general]\n;enabled = yes\nbindport = @HTTP@\n",
    "ari.conf": "[general]\nenabled = yes\n",
    "cel.conf": "[general]\n;enable = yes\n",
    "cdr.conf": "[general]\nenable = yes\n",
    "queues.conf": "[general]\n\n[400]\nmember => PJSIP/201\n",
    "voicemail.conf": "[general]\nformat = wav\n\n[default]\n",
    "logger.conf": "[logfiles]\nfull => notice,warning,error\n",
    "rtp.conf": "[general]\nrtpstart = @RTP@\nrtpend = @RTPEND@\n",
}


@dataclass(kw_only=True)
class CompanyPbx:
    """It, running. Every method blocks."""

    home: Path
    asterisk: Asterisk
    paths: PbxPaths
    etc: Path
    ports: Ports
    settings: dict[str, str]
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def sip(self) -> str:
        return f"127.0.0.1:{self.ports.sip}"

    @property
    def conf(self) -> str:
        return str(self.paths.inside(self.etc / "asterisk.conf"))

    def rx(self, command: str) -> str:
        """What the console answers."""
        return Console(asterisk=self.asterisk, conf=self.paths.inside(self.etc / "asterisk.conf")).ask(command)

    def environment(self) -> dict[str, str]:
        """What makes `pbx-bridge` speak of this PBX."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PBX_BRIDGE_")}
        ours = {"HOME": str(self.home), "PBX__ROOT": str(self.asterisk.root or ""), **self.settings}
        return clean | {f"PBX_BRIDGE_{name}": value for name, value in ours.items() if value}

    @contextmanager
    def given(self, **settings: str) -> Iterator[None]:
        """With further settings."""
        before, self.settings = self.settings, self.settings | settings
        yield
        self.settings = before

    def command(self, *words: str, status: int = 0) -> str:
        """What a command prints."""
        told = subprocess.run(
            [COMMAND, "pbx", *words], env=self.environment(), capture_output=True, text=True, timeout=60, check=False
        )
        assert told.returncode == status, told.stdout + told.stderr
        return told.stdout + told.stderr

    def killed_after(self, word: str, *words: str, by: signal.Signals) -> str:
        """The same, killed once a line begins so."""
        child = subprocess.Popen(
            [COMMAND, "pbx", *words],
            env={**self.environment(), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        with child:
            assert child.stdout is not None
            told = []
            for line in child.stdout:
                told.append(line)
                if line.startswith(word):
                    child.send_signal(by)
        assert any(line.startswith(word) for line in told), "".join(told)
        assert child.returncode != 0
        return "".join(told)

    def deploy(self, *words: str, status: int = 0) -> str:
        """`pbx deploy` to its folder."""
        return self.command("deploy", "--to", str(self.etc), "--yes", *words, status=status)

    def start(self) -> None:
        """Start it and wait until it serves."""
        command = self.asterisk.daemon_command(self.conf)
        with (self.home / "asterisk.out").open("ab") as out:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=self.asterisk.environment()
            )
        console = Console(asterisk=self.asterisk, conf=self.paths.inside(self.etc / "asterisk.conf"))
        deadline = time.monotonic() + _START_S
        while not console.booted():
            assert self.process.poll() is None, (self.home / "asterisk.out").read_text()[-2000:]
            assert time.monotonic() < deadline, "Asterisk did not start"
            time.sleep(0.02)

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=10)


@contextmanager
def company_pbx(flavour: str) -> Iterator[CompanyPbx]:
    """One of that flavour, running; gone from the disk afterwards. Raises PbxError where no Asterisk can be had."""
    asterisk = have_asterisk(OLD if flavour == "issabel" and OLD.is_dir() else ROOT)
    with private_home(asterisk) as (home, paths):
        pbx = CompanyPbx(
            home=home,
            asterisk=asterisk,
            paths=paths,
            etc=paths.base / "company",
            ports=free_ports(),
            settings={
                "PBX__SYSTEMNAME": "pbxt",
                "DEPLOY__NUMBERS": f'["{NUMBER}"]',
                "DEPLOY__QUEUES": '["400"]',
                "DEPLOY__EXTENSIONS": '["2XX"]',
                "DEPLOY__INBOUND": "incoming",
                "DEPLOY__INTERNAL": "phones" if flavour == "plain" else "from-internal",
                "DEPLOY__FALLBACK": "" if flavour == "plain" else "ext-queues,400",
            },
        )
        try:
            _lay(pbx, flavour)
            link_home(home, paths)
            pbx.start()
            yield pbx
        finally:
            pbx.stop()


def _lay(pbx: CompanyPbx, flavour: str) -> None:
    paths, ports = pbx.paths, pbx.ports
    for folder in paths.folders:
        folder.mkdir(parents=True, exist_ok=True)
    for made in (paths.log / "cel-custom", paths.recording):  # a PBX of a company has them no more than Debian's
        made.rmdir()
    told = {"AMI": ports.ami, "HTTP": ports.ari, "SIP": ports.sip, "RTP": ports.rtp_start, "RTPEND": ports.rtp_end}
    marks = {f"@{name}@": str(port) for name, port in told.items()}
    if flavour == "plain":
        _lay_plain(pbx.etc, marks)
    else:
        lay_stock(flavour, pbx.etc, marks)
    own = {"etc": pbx.etc, "varlib": paths.lib, "db": paths.lib, "key": paths.lib, "spool": paths.spool}
    own |= {"run": paths.run, "log": paths.log}
    _write(pbx.etc / "asterisk.conf", ["[directories]", *(f"ast{n}dir => {paths.inside(p)}" for n, p in own.items())])
    # Not autoload, as such a PBX has it: other channel drivers would listen to the world on the machine of the tests.
    modules = modules_in(pbx.asterisk.root or Path("/"))
    _write(pbx.etc / "modules.conf", ["[modules]", "autoload = no", *(f"load = {name}.so" for name in modules)])
    owner = pbx.asterisk.owner()
    if owner is not None:
        for path in (paths.base, *paths.base.rglob("*")):
            os.chown(path, *owner)


def _lay_plain(etc: Path, marks: dict[str, str]) -> None:
    etc.mkdir()
    stock = Path(__file__).parent / "data" / "pbx" / "issabel"
    sip = [(stock / name).read_text() for name in ("pjsip_transport_additional.conf", "pjsip_additional.conf")]
    phones = "".join(sip).replace("=from-pstn", "=incoming").replace("=from-internal", "=phones")
    for name, text in {**_PLAIN, "pjsip.conf": phones}.items():
        for mark, port in marks.items():
            text = text.replace(mark, port)
        (etc / name).write_text(text)


def _write(path: Path, lines: Sequence[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines))
