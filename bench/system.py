"""The system under measurement: the tests' private Asterisk and daemon, with a store full of customers."""

from __future__ import annotations

import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.customers import Customer, customers, write_folder
from bench.figure import CannotMeasure
from pbx_bridge.errors import BridgeError
from pbx_bridge.ivr.sounds.voice import Voice
from pbx_bridge.store import open_store

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))  # what the tests start is what is measured
from harness.system import SOUNDS, SystemUnderTest, running_system  # noqa: E402
from private_pbx import PbxUnderTest, free_ports, private_pbx  # noqa: E402

_USER = "bench"
_RTP_PORTS = 4000

Say = Callable[[str], None]
Pbx = PbxUnderTest


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """What the measures use. `people` are the customers; each measure takes as many as it needs."""

    running: SystemUnderTest
    people: Sequence[Customer]
    user: str
    password: str
    say: Say

    @property
    def pid(self) -> int:
        """The daemon's process. Raises CannotMeasure when it has ended."""
        daemon = self.running.daemon
        if daemon is None or daemon.poll() is not None:
            words = self.running.log().strip().splitlines()
            raise CannotMeasure(f"the daemon ended: {words[-1][:300] if words else 'it said nothing'}")
        return daemon.pid

    @property
    def pbx(self) -> PbxUnderTest:
        """Its Asterisk."""
        return self.running.pbx

    @property
    def sip_port(self) -> int:
        """Where Asterisk takes calls."""
        return self.pbx.ports.sip

    @property
    def url(self) -> str:
        """Where the pages are."""
        return self.running.page_url


@contextmanager
def asterisk(say: Say, prepare: Callable[[PbxUnderTest], None] = lambda _: None) -> Iterator[PbxUnderTest]:
    """A private Asterisk that runs, once it was prepared. Raises CannotMeasure where none can be had."""
    try:
        ports = free_ports()
        with private_pbx(ports=replace(ports, rtp_end=ports.rtp_start + _RTP_PORTS)) as pbx:
            say("starting Asterisk")
            prepare(pbx)
            pbx.start()
            yield pbx
    except (BridgeError, AssertionError, OSError) as error:
        raise CannotMeasure(str(error)) from error


@asynccontextmanager
async def system(pbx: PbxUnderTest, people: int, say: Say) -> AsyncIterator[System]:
    """The daemon against this Asterisk, ready for callers; stopped afterwards. Raises CannotMeasure."""
    say("rendering prompts and starting the daemon" if not SOUNDS.exists() else "starting the daemon")
    crowd, password = customers(people), secrets.token_urlsafe(12)
    async with running_system(pbx) as running:
        say(f"filling the store with {people} customers")
        async with open_store(running.store, folding=False) as store:
            await store.users.create(_USER, password, "lead")
        with tempfile.TemporaryDirectory(prefix="pbxb-bench-") as name:
            write_folder(crowd, Path(name))
            await running.command("crm", "import", name)
        yield System(running=running, people=crowd, user=_USER, password=password, say=say)


def voice() -> Voice:
    """The clips callers hear, for their lengths."""
    return Voice.load(SOUNDS)
