"""A PBX elsewhere and a daemon's receiver, on one machine: real sockets, real certificates, a line that fails.

async with receiving(folder, journal) as far:
    async with broken_line(far.port, Fault(after=1000)) as line:
        await far.sender(line.port).once()
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path

import trustme

from harness.memory_journal import MemoryJournal
from pbx_bridge.health import Health, Link, utc_now
from pbx_bridge.spool.receive import ReceivedNode
from pbx_bridge.spool.receive_site import Doorway, Receiver, make_token
from pbx_bridge.spool.send import Sender, Spools
from pbx_bridge.spool.send_line import SendLine
from pbx_bridge.tasks import beside
from pbx_bridge.tls import Trust

NODE = "far1"
NAMES = Trust(address="--to", ca="--ca-file", pin="--fingerprint")


@cache
def issuer() -> trustme.CA:
    """An issuer nobody else knows; made once, for it takes time."""
    return trustme.CA()


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """PEM files. `issuer`: of who signed it."""

    certificate: Path
    key: Path
    issuer: Path


def certificate(folder: Path, *names: str, expired: bool = False, signer: trustme.CA | None = None) -> Certificate:
    """A certificate for these names; for this machine's own, if none."""
    signer = signer or issuer()
    ended = utc_now() - timedelta(days=2) if expired else None
    begun = utc_now() - timedelta(days=9) if expired else None
    made = signer.issue_cert(*(names or ("127.0.0.1", "localhost")), not_after=ended, not_before=begun)
    folder.mkdir(exist_ok=True, parents=True)
    told = Certificate(certificate=folder / "cert.pem", key=folder / "key.pem", issuer=folder / "ca.pem")
    told.certificate.write_bytes(b"".join(pem.bytes() for pem in made.cert_chain_pems))
    made.private_key_pem.write_to_path(told.key)
    signer.cert_pem.write_to_path(told.issuer)
    return told


class Does(enum.Enum):
    """What a line does once its bytes are used up."""

    RESET = "it is cut"
    HOLE = "nothing passes any more, and nobody is told"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What befalls one connection. `after`: bytes, of the side `up` (the sender's) or of the other."""

    after: int
    up: bool = True
    does: Does = Does.RESET


@dataclass
class BrokenLine:
    """A TCP proxy. Its n-th connection has the n-th fault; those after the last have none."""

    far_port: int
    faults: Sequence[Fault]
    port: int = 0
    connections: int = 0
    passed: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a connection."""
        task = asyncio.create_task(self._serve(reader, writer), name="broken-line")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fault = self.faults[self.connections] if self.connections < len(self.faults) else None
        self.connections += 1
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.far_port)
        try:
            await asyncio.gather(
                self._pass(reader, far_writer, fault if fault is not None and fault.up else None),
                self._pass(far_reader, writer, fault if fault is not None and not fault.up else None),
            )
        except (OSError, _CutError):
            pass
        finally:
            for end in (writer, far_writer):
                end.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: Fault | None) -> None:
        left = fault.after if fault is not None else None
        while data := await reader.read(65536):
            sent = data if left is None else data[:left]
            writer.write(sent)
            await writer.drain()
            self.passed += len(sent)
            if fault is not None and left is not None:
                left -= len(sent)
                if left <= 0:
                    await self._fail(fault)
        raise _CutError

    async def _fail(self, fault: Fault) -> None:
        if fault.does is Does.RESET:
            raise _CutError
        await asyncio.Event().wait()

    async def close(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class _CutError(Exception):
    pass


@asynccontextmanager
async def broken_line(far_port: int, faults: Iterable[Fault] = ()) -> AsyncIterator[BrokenLine]:
    """A line to that port of this machine."""
    line = BrokenLine(far_port, tuple(faults))
    server = await asyncio.start_server(line.connected, "127.0.0.1", 0)
    line.port = int(server.sockets[0].getsockname()[1])
    try:
        yield line
    finally:
        server.close()
        await line.close()


class WatchedHealth(Health):
    """Health that can be waited for."""

    def __init__(self) -> None:
        self._told = asyncio.Event()
        super().__init__(())

    def report(self, name: str, *told: object, **more: object) -> None:
        super().report(name, *told, **more)  # type: ignore[arg-type]
        self._told.set()

    async def until(self, name: str, wanted: Callable[[Link], bool]) -> Link:
        """The link, once that is true of it."""
        async with asyncio.timeout(10):
            while not any(link.name == name and wanted(link) for link in self.links()):
                self._told.clear()
                await self._told.wait()
        return next(link for link in self.links() if link.name == name)


@dataclass(kw_only=True)
class FarPbx:
    """The PBX: its two files, and what sends them."""

    cel: Path
    queue_log: Path
    token: str
    trust: Trust
    limit_s: float = 5.0

    def write(self, *names: str, at: float = 1795294697.5) -> None:
        """A row of CEL for each channel."""
        with self.cel.open("ab") as file:
            file.write(b"".join(row(name, at) for name in names))

    def write_queue(self, *names: str) -> None:
        """A line of queue_log for each caller."""
        with self.queue_log.open("a") as file:
            file.writelines(f"1795294697|{name}|support|NONE|ENTERQUEUE|\n" for name in names)

    def sender(self, port: int) -> Sender:
        """A new process' sender."""
        line = SendLine(f"https://127.0.0.1:{port}", self.token, self.trust, self.limit_s)
        return Sender(Spools(cel=self.cel, queue_log=self.queue_log), line, first_pause_s=0.01)


def row(name: str, at: float = 1795294697.5) -> bytes:
    """A row of CEL."""
    columns = ["CHAN_START", f"{at:.6f}", *[""] * 12, name, name, "", "", ""]
    return (",".join(f'"{column}"' for column in columns) + "\n").encode()


@dataclass(kw_only=True)
class Receiving:
    """The daemon's side. `tokens`: the folder."""

    receiver: Receiver
    journal: MemoryJournal
    health: WatchedHealth
    paper: Certificate
    tokens: Path

    @property
    def port(self) -> int:
        return self.receiver.port

    def pbx(self, folder: Path, node: str = NODE) -> FarPbx:
        """A PBX with a token, to be known within a second."""
        folder.mkdir(exist_ok=True)
        trust = Trust(address="--to", ca="--ca-file", pin="--fingerprint", ca_file=self.paper.issuer)
        return FarPbx(
            cel=folder / "cel.csv",
            queue_log=folder / "queue_log",
            token=(self.tokens / f"{node}.plain").read_text(),
            trust=trust,
        )


@asynccontextmanager
async def receiving(
    folder: Path, *, nodes: Sequence[str] = (NODE,), journal: MemoryJournal | None = None, port: int = 0
) -> AsyncIterator[Receiving]:
    """A receiver on a free port, whose tokens lie in the folder."""
    journal, health, tokens = journal or MemoryJournal(), WatchedHealth(), folder / "secrets"
    paper = await asyncio.to_thread(_papers, folder, tokens, nodes)
    door = Doorway(host="127.0.0.1", port=port, certificate=paper.certificate, key=paper.key, tokens=tokens)
    received = {
        node: ReceivedNode(node, link=f"spool {node}", hears=False, journal=journal, gaps=None, health=health)
        for node in nodes
    }
    receiver = Receiver(door, received)
    async with beside(receiver.run(), name="receiver"):
        async with asyncio.timeout(10):
            await receiver.listening.wait()
        yield Receiving(receiver=receiver, journal=journal, health=health, paper=paper, tokens=tokens)


def _papers(folder: Path, tokens: Path, nodes: Sequence[str]) -> Certificate:
    for node in nodes:
        if not (tokens / f"{node}.plain").exists():
            token = make_token(tokens, node)
            (tokens / f"{node}.plain").write_text(token)
    return certificate(folder)


def sending(sender: Sender) -> AbstractAsyncContextManager[None]:
    """A sender that runs."""
    return beside(sender.run(), name="sender")
