"""Where a deployment goes: the folder, the Asterisk that reads it, and how it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pbx_bridge.deploy.folder import Folder
from pbx_bridge.doctor.conf import parse
from pbx_bridge.pbx.console import Console
from pbx_bridge.pbx.program import Asterisk

_LOG, _SPOOL = "/var/log/asterisk", "/var/spool/asterisk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A PBX to deploy to. `asterisk`: its program; None: this machine has none."""

    etc: Path
    root: Path | None
    asterisk: Asterisk | None

    def folder(self) -> Folder:
        """The folder as it is now."""
        return Folder(self.etc, self.root)

    def host(self, path: str) -> Path:
        """The name we have for a file that Asterisk names."""
        return self.root / PurePosixPath(path).relative_to("/") if self.root else Path(path)

    def console(self) -> Console | None:
        """The console of the Asterisk that reads this folder; None: no program here to ask it with."""
        if self.asterisk is None:
            return None
        conf = self.folder().inside(self.etc / "asterisk.conf") if self.root else str(self.etc / "asterisk.conf")
        return Console(asterisk=self.asterisk, conf=PurePosixPath(conf))

    def running(self) -> bool:
        """An Asterisk runs with this folder."""
        console = self.console()
        return console is not None and console.booted()

    @property
    def log(self) -> Path:
        """Where Asterisk writes its logs and the CEL spool's folder."""
        return self.host(self._directory("astlogdir", _LOG))

    @property
    def spool(self) -> Path:
        """Asterisk's spool."""
        return self.host(self._directory("astspooldir", _SPOOL))

    @property
    def cel(self) -> Path:
        """The folder of the CEL spool; Asterisk makes it no more than it makes `recording`."""
        return self.log / "cel-custom"

    def _directory(self, name: str, default: str) -> str:
        told = parse(self.folder().text("asterisk.conf") or "").one("directories").get(name)
        return told if told.startswith("/") else default
