"""What was seen of a PBX, as one frozen value: all that checks judge. A part that could not be seen says why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from pbx_bridge.doctor.conf import Conf
from pbx_bridge.doctor.finding import NotLookedAt, Unseen, seen
from pbx_bridge.doctor.plan_of_calls import Dialplan
from pbx_bridge.pbx.version import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """What our settings say of the PBX.

    Attributes:
        ari_plain, ami_plain: whether the link goes without TLS.
        queues: those the flow in use hands callers to; unseen where it cannot be loaded.
    """

    systemname: str
    zone: ZoneInfo
    app: str
    ari_user: str
    ami_user: str
    ari_port: int
    ami_port: int
    ari_plain: bool = True
    ami_plain: bool = True
    cel: Path
    queue_log: Path
    queues: frozenset[str] | Unseen = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A Stasis application that somebody listens to. `hears_all`: it subscribed to everything."""

    name: str
    hears_all: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AriTold:
    """What ARI answered.

    Attributes:
        version: as it tells it, with its distribution's additions.
        local_start: when Asterisk started, on its own clock and in its own zone.
        endpoints: state by name, as `PJSIP/101`.
        oldest_call: when the oldest channel that lives began.
    """

    version: str
    systemname: str = ""
    local_start: datetime | None = None
    apps: tuple[App, ...] = ()
    endpoints: Mapping[str, str] = field(default_factory=dict)
    oldest_call: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Who a queue rings. `reachable`: Asterisk would ring it, were it not busy."""

    interface: str
    reachable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AmiTold:
    """What AMI answered.

    Attributes:
        version: Asterisk's, as it tells it; empty: it did not.
        ahead_s: by how many seconds the PBX's clock is ahead of ours.
        actions: what our user may ask for, in lower case.
        queues: members by queue.
    """

    version: str = ""
    ahead_s: float | Unseen = 0.0
    actions: frozenset[str] | Unseen = frozenset()
    queues: Mapping[str, tuple[Member, ...]] | Unseen = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Socket:
    """A TCP socket of this machine that listens."""

    address: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """Asterisk's process. `open_files`: how many it may have."""

    uid: int
    gids: frozenset[int]
    open_files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """A file or folder. `ours`: what we may do with it, of `r`, `w`, `x`; empty where it is not there."""

    path: Path
    exists: bool
    uid: int = 0
    gid: int = 0
    mode: int = 0
    changed: datetime | None = None
    ours: str = ""

    def writable_by(self, process: Process) -> bool:
        """Whether that process may write to it."""
        if process.uid in (0, self.uid):
            return process.uid == 0 or bool(self.mode & 0o200)
        return bool(self.mode & (0o020 if self.gid in process.gids else 0o002))


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A file system, bytes."""

    path: Path
    free: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFacts:
    """The keys of encrypted sounds. `wrong`: why not all can be used; `beside`: on the disk that holds the sounds."""

    wrong: str = ""
    beside: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """All of it.

    Attributes:
        etc: the configuration files by name; modes: their rights.
        modules: those that are loaded, without `.so`.
        folders: what Asterisk writes in, by what it is for. files: `cel`, `queue_log`, `cdr`.
        name_s: seconds that the resolution of the machine's own name takes; None: it does not resolve.
        silent: prompts that have no file. music: how many files waiting callers may hear.
        keys: of encrypted sounds; None: there are none, and none are needed.
    """

    ours: Ours
    ari: AriTold | Unseen
    ami: AmiTold | Unseen
    version: Version | Unseen
    etc: Mapping[str, Conf | Unseen]
    modes: Mapping[str, int]
    modules: frozenset[str] | Unseen
    sockets: tuple[Socket, ...] | Unseen
    process: Process | Unseen
    folders: Mapping[str, FileFacts] | Unseen
    files: Mapping[str, FileFacts | Unseen]
    disks: tuple[Disk, ...] | Unseen
    name_s: float | Unseen | None
    silent: tuple[str, ...] | Unseen
    music: int | Unseen
    dialplan: Dialplan | Unseen
    keys: KeyFacts | None = None

    def conf(self, name: str) -> Conf:
        """A configuration file. Raises NotLookedAt."""
        return seen(self.etc.get(name, Unseen(f"{name} was not found")))

    def file(self, name: str) -> FileFacts:
        """A file of the record. Raises NotLookedAt."""
        return seen(self.files.get(name, Unseen(f"where the PBX writes {name} is not known")))

    @property
    def blind(self) -> bool:
        """True when nothing of the PBX could be seen."""
        told = (self.ari, self.ami, *self.etc.values())
        return all(isinstance(part, Unseen) for part in told)


def need(condition: bool, why: str) -> None:
    """Raises NotLookedAt unless that is true."""
    if not condition:
        raise NotLookedAt(why)
