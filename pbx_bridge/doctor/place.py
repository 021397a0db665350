"""Where a PBX is, by our settings: what the doctor asks, and which folders it looks into."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pbx_bridge.doctor.gathered import Ours
from pbx_bridge.pbx.console import Console
from pbx_bridge.pbx.program import OLDEST, Asterisk
from pbx_bridge.spool.sound_keys import SoundKeys
from pbx_bridge.tls import Trust


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Place:
    """A PBX to look at. Never printed: it holds secrets.

    Attributes:
        ari_secret, ami_secret: None where there is none; the doctor makes none.
        ari_trust, ami_trust: whom we believe to be them, over TLS; None: without.
        etc: Asterisk's configuration, as we see it.
        root: the tree that Asterisk runs in; None: the host's own.
        local: whether it runs on this machine.
        sounds: our prompts. recordings, messages: where Asterisk writes them. kept: where we keep them.
        keys: of encrypted sounds.
        console: Asterisk's console, where it can be asked.
    """

    ours: Ours
    ari_url: str
    ari_secret: str | None
    ami_host: str
    ami_secret: str | None
    etc: Path
    root: Path | None = None
    local: bool = True
    sounds: Path
    recordings: Path
    messages: Path
    kept: tuple[Path, ...] = ()
    keys: SoundKeys = field(default_factory=SoundKeys)
    console: Console | None = None
    ari_trust: Trust | None = None
    ami_trust: Trust | None = None

    def host(self, path: str) -> Path:
        """The name the host has for a file that Asterisk names."""
        return self.root / PurePosixPath(path).relative_to("/") if self.root else Path(path)


def secret_in(path: Path) -> str | None:
    """A secret that is there already; None where there is none. Makes none, other than SecretStore."""
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def console_of(root: Path | None, conf: Path) -> Console | None:
    """The console of the Asterisk that was started with that asterisk.conf, where there is one to ask."""
    program = shutil.which("asterisk", path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin")
    if root is None and program is None:
        return None
    if root is not None and (os.geteuid() != 0 or not conf.is_relative_to(root)):
        return None  # only root enters a tree
    inside = PurePosixPath("/") / conf.relative_to(root) if root else PurePosixPath(conf)
    asterisk = Asterisk(version=OLDEST, root=root, program="asterisk" if root else program or "asterisk")
    return Console(asterisk=asterisk, conf=inside)
